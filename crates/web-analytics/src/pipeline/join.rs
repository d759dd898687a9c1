//! The join of [`crate::visits`] as an operator.

use tidemill_engine::state::StateValue;
use tidemill_engine::timers::Timer;
use tidemill_engine::{Batch, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter, StateTable};

use super::{MESSAGE, SESSION_KEY, deltas, failed};
use crate::lake;
use crate::message::Message;
use crate::sites::Sites;
use crate::visits::{Join, Visits};

impl StateValue for Box<Visits> {
    fn encode(&self, out: &mut Vec<u8>) -> std::result::Result<(), String> {
        Visits::encode(self, out);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> std::result::Result<Self, String> {
        Visits::decode(bytes).map(Box::new).map_err(|error| error.to_string())
    }
}

/// Outputs: 0 deltas, 1 impressions, 2 sessions. By session key.
pub struct JoinVisits {
    sites: Sites,
    visits: StateTable<Box<Visits>>,
    join: Join,
    /// Order of a batch's rows: by key, then as they came.
    order: Vec<(u64, u32)>,
}

impl JoinVisits {
    /// For the given sites.
    pub fn new(sites: Sites) -> Self {
        Self { sites, visits: StateTable::new("visits"), join: Join::default(), order: Vec::new() }
    }

    /// Sees to it that a visitor's next closing is not missed. A timer that comes too early sets the next one.
    fn schedule(visits: &mut Visits, key: &[u8], out: &mut Output<'_>) {
        let Some(due_ms) = visits.due_ms() else { return };
        if visits.timer_ms.is_none_or(|timer| due_ms < timer) {
            visits.timer_ms = Some(due_ms);
            out.set_timer(EventTime::from_millis(due_ms), key);
        }
    }
}

/// The key's first bytes: enough to bring equal keys together.
fn prefix(key: &[u8]) -> u64 {
    key.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

impl Operator for JoinVisits {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let sites = self.sites.snapshot();
        let (keys, messages) = (batch.binary(SESSION_KEY)?, batch.binary(MESSAGE)?);
        self.order.clear();
        self.order.extend((0..batch.num_rows() as u32).map(|row| (prefix(keys.value(row as usize)), row)));
        self.order.sort_unstable();
        let key_of = |entry: &(u64, u32)| keys.value(entry.1 as usize);
        let mut homeless = 0;
        for rows in self.order.chunk_by(|a, b| key_of(a) == key_of(b)) {
            let Some(first) = rows.first() else { continue };
            let key = key_of(first);
            let beacons = rows.iter().map(|(_, row)| {
                let time_us = batch.times().get(*row as usize).copied().unwrap_or_default();
                Message::decode(messages.value(*row as usize)).map(|message| (message, time_us.div_euclid(1_000)))
            });
            let Some((sender, _)) = beacons.clone().next().transpose().map_err(failed("join"))? else { continue };
            // A site that was deleted a moment ago: its beacons have nowhere to go.
            let Some(site) = sites.get(sender.site()) else {
                homeless += rows.len() as u64;
                continue;
            };
            let visits = self.visits.entry(key, || Box::new(Visits::new(site, &sender)));
            self.join.observe(visits, beacons).map_err(failed("join"))?;
            Self::schedule(visits, key, out);
        }
        out.count_errors(homeless);
        let last = batch.times().last().copied().unwrap_or_default();
        if let Some(batch) = deltas(&mut self.join.deltas, last)? {
            out.emit(batch);
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        let Some(visits) = self.visits.get_mut(&timer.key) else { return Ok(()) };
        self.join.close(visits, timer.time.millis()).map_err(failed("join"))?;
        visits.timer_ms = None;
        if visits.is_empty() {
            self.visits.remove(&timer.key);
        } else {
            Self::schedule(visits, &timer.key, out);
        }
        Ok(())
    }

    fn on_watermark(&mut self, _time: EventTime, out: &mut Output<'_>) -> Result<()> {
        let sites = self.sites.snapshot();
        let (impressions, sessions) =
            (std::mem::take(&mut self.join.impressions), std::mem::take(&mut self.join.closed));
        if !impressions.is_empty() {
            let times: Vec<i64> = impressions.iter().map(|row| row.time_ms * 1_000).collect();
            out.emit_to(1, Batch::new(lake::impressions(&sites, &impressions)?, times)?);
        }
        if !sessions.is_empty() {
            let times: Vec<i64> = sessions.iter().map(|row| row.time_ms * 1_000).collect();
            out.emit_to(2, Batch::new(lake::sessions(&sites, &sessions)?, times)?);
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.visits.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.visits.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.visits.len()
    }
}
