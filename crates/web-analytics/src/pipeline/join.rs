//! The join of [`crate::visits`] as an operator.

use std::iter;

use tidemill_engine::state::StateValue;
use tidemill_engine::timers::Timer;
use tidemill_engine::{Batch, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter, StateTable};

use super::{MESSAGE, SESSION_KEY, deltas, failed};
use crate::lake::Closed;
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

/// Where a row is, sorted by the first bytes of its key: enough to bring equal keys together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    prefix: u64,
    batch: u32,
    row: u32,
}

/// Outputs: 0 deltas, 1 impressions, 2 sessions. By session key.
pub struct JoinVisits {
    sites: Sites,
    visits: StateTable<Box<Visits>>,
    join: Join,
    /// What closed since the last watermark.
    closed: Closed,
    /// Rows by key, those of one key as they came.
    order: Vec<Place>,
}

impl JoinVisits {
    /// For the given sites.
    pub fn new(sites: Sites) -> Self {
        Self {
            sites,
            visits: StateTable::new("visits"),
            join: Join::default(),
            closed: Closed::default(),
            order: Vec::new(),
        }
    }

    /// Sees to it that a visitor's next closing is not missed. A timer that comes too early sets the next one.
    fn schedule(visits: &mut Visits, key: &[u8], out: &mut Output<'_>) {
        let Some(due_ms) = visits.due_ms() else { return };
        if visits.timer_ms.is_none_or(|timer| due_ms < timer) {
            if let Some(later) = visits.timer_ms.replace(due_ms) {
                out.cancel_timer(EventTime::from_millis(later), key);
            }
            out.set_timer(EventTime::from_millis(due_ms), key);
        }
    }
}

/// The key's first bytes.
fn prefix(key: &[u8]) -> u64 {
    key.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

impl Operator for JoinVisits {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        self.on_batches(port, &[batch], out)
    }

    /// Takes the rows in by key: a visitor is looked up, and what changed is said, once for all of them.
    fn on_batches(&mut self, _port: usize, batches: &[Batch], out: &mut Output<'_>) -> Result<()> {
        let sites = self.sites.snapshot();
        let columns = batches
            .iter()
            .map(|batch| Ok((batch.binary(SESSION_KEY)?, batch.binary(MESSAGE)?, batch.times())))
            .collect::<Result<Vec<_>>>()?;
        self.order.clear();
        for (number, (keys, ..)) in (0..).zip(&columns) {
            let rows = keys.iter().flatten().zip(0..);
            self.order.extend(rows.map(|(key, row)| Place { prefix: prefix(key), batch: number, row }));
        }
        self.order.sort_unstable();
        let key_of = |place: &Place| columns.get(place.batch as usize).map(|(keys, ..)| keys.value(place.row as usize));
        let mut homeless = 0;
        for places in self.order.chunk_by(|a, b| key_of(a) == key_of(b)) {
            let Some(key) = places.first().and_then(key_of) else { continue };
            let mut beacons = places.iter().filter_map(|place| {
                let (_, messages, times) = columns.get(place.batch as usize)?;
                let time_us = times.get(place.row as usize)?;
                let message = Message::decode(messages.value(place.row as usize));
                Some(message.map(|message| (message, time_us.div_euclid(1_000))))
            });
            let Some(first) = beacons.next().transpose().map_err(failed("join"))? else { continue };
            // A site that was deleted a moment ago: its beacons have nowhere to go.
            let Some(site) = sites.get(first.0.site()) else {
                homeless += places.len() as u64;
                continue;
            };
            let visits = self.visits.entry(key, || Box::new(Visits::new(site, &first.0)));
            self.join.observe(visits, iter::once(Ok(first)).chain(beacons)).map_err(failed("join"))?;
            Self::schedule(visits, key, out);
        }
        out.count_errors(homeless);
        let last = columns.last().and_then(|(.., times)| times.last()).copied().unwrap_or_default();
        if let Some(batch) = deltas(&mut self.join.deltas, last)? {
            out.emit(batch);
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        let Some(visits) = self.visits.get_mut(&timer.key) else { return Ok(()) };
        visits.timer_ms = None;
        let now_ms = timer.time.millis();
        if visits.due_ms().is_none_or(|due_ms| due_ms <= now_ms) {
            self.join.close(visits, now_ms, &mut self.closed).map_err(failed("join"))?;
        }
        if visits.is_empty() {
            self.visits.remove(&timer.key);
        } else {
            Self::schedule(visits, &timer.key, out);
        }
        Ok(())
    }

    fn on_watermark(&mut self, _time: EventTime, out: &mut Output<'_>) -> Result<()> {
        let sites = self.sites.snapshot();
        if !self.closed.impressions.is_empty() {
            out.emit_to(1, self.closed.impressions.take(&sites)?);
        }
        if !self.closed.sessions.is_empty() {
            out.emit_to(2, self.closed.sessions.take(&sites)?);
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
