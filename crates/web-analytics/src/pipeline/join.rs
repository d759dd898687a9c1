//! The join of [`crate::visits`] as an operator.

use tidemill_engine::state::StateValue;
use tidemill_engine::timers::Timer;
use tidemill_engine::{Batch, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter, StateTable};

use super::{MESSAGE, SESSION_KEY, deltas, failed};
use crate::lake;
use crate::message::Message;
use crate::sites::Sites;
use crate::visits::{Join, Visits};

impl StateValue for Visits {
    fn encode(&self, out: &mut Vec<u8>) -> std::result::Result<(), String> {
        Visits::encode(self, out).map_err(|error| error.to_string())
    }

    fn decode(bytes: &[u8]) -> std::result::Result<Self, String> {
        Visits::decode(bytes).map_err(|error| error.to_string())
    }
}

/// Outputs: 0 deltas, 1 impressions, 2 sessions. By session key.
pub struct JoinVisits {
    sites: Sites,
    visits: StateTable<Visits>,
    join: Join,
}

impl JoinVisits {
    /// For the given sites.
    pub fn new(sites: Sites) -> Self {
        Self { sites, visits: StateTable::new("visits"), join: Join::default() }
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

impl Operator for JoinVisits {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let sites = self.sites.snapshot();
        let (keys, messages) = (batch.binary(SESSION_KEY)?, batch.binary(MESSAGE)?);
        let mut homeless = 0;
        for (row, time_us) in batch.times().iter().enumerate() {
            let message = Message::decode(messages.value(row)).map_err(failed("join"))?;
            // A site that was deleted a moment ago: its beacons have nowhere to go.
            let Some(site) = sites.get(message.site()) else {
                homeless += 1;
                continue;
            };
            let key = keys.value(row);
            let visits = self.visits.entry(key, || Visits::new(site, &message));
            self.join.observe(visits, &message, time_us.div_euclid(1_000)).map_err(failed("join"))?;
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
            (std::mem::take(&mut self.join.impressions), std::mem::take(&mut self.join.sessions));
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
