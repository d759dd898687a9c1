//! Each order once: the first of its id in a site counts, for 400 days.
//!
//! Beacons with orders wait until the watermark has passed them, so that the first is the one that was ingested first,
//! however the shards interleave.

use serde::{Deserialize, Serialize};
use tidemill_engine::timers::Timer;
use tidemill_engine::{Batch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter, StateTable};

use super::{Beacons, MESSAGE, ORDER_KEY, SESSION_KEY, failed};
use crate::message::{Message, Verdict, set_verdict};

/// An order is remembered for so long.
const REMEMBERED_MS: i64 = 400 * 86_400_000;
const DAY_US: i64 = 86_400_000_000;

/// A beacon with an order that waits for its verdict.
#[derive(Debug, Serialize, Deserialize)]
struct Held {
    time_us: i64,
    sequence: u64,
    session_key: Vec<u8>,
    message: Vec<u8>,
}

/// Decides which beacon of an order counts; by order key.
pub struct Orders {
    held: StateTable<Vec<Held>>,
    /// When each order was seen first, µs.
    seen: StateTable<i64>,
    decided: Beacons,
    swept_day: i64,
}

impl Default for Orders {
    fn default() -> Self {
        let (held, seen) = (StateTable::new("held"), StateTable::new("seen"));
        Self { held, seen, decided: Beacons::default(), swept_day: i64::MIN }
    }
}

impl Operator for Orders {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let (sessions, orders) = (batch.binary(SESSION_KEY)?, batch.binary(ORDER_KEY)?);
        let messages = batch.binary(MESSAGE)?;
        for (row, time_us) in batch.times().iter().enumerate() {
            let message = messages.value(row);
            let sequence = Message::decode(message).map_err(failed("orders"))?.sequence;
            let (session_key, message) = (sessions.value(row).to_vec(), message.to_vec());
            let key = orders.value(row);
            self.held.entry(key, Vec::new).push(Held { time_us: *time_us, sequence, session_key, message });
            out.set_timer(EventTime(time_us.saturating_add(1)), key);
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, _out: &mut Output<'_>) -> Result<()> {
        let Some(mut due) = self.held.remove(&timer.key) else { return Ok(()) };
        let later: Vec<Held> = due.extract_if(.., |held| held.time_us >= timer.time.0).collect();
        if !later.is_empty() {
            self.held.insert(&timer.key, later);
        }
        due.sort_by(|a, b| (a.time_us, a.sequence, &a.message).cmp(&(b.time_us, b.sequence, &b.message)));
        for mut held in due {
            let known = self.seen.get(&timer.key).is_some_and(|seen| held.time_us - seen <= REMEMBERED_MS * 1_000);
            if !known {
                self.seen.insert(&timer.key, held.time_us);
            }
            set_verdict(&mut held.message, if known { Verdict::Duplicate } else { Verdict::First });
            self.decided.push(&held.session_key, &timer.key, &held.message, held.time_us);
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        out.emit(self.decided.finish()?);
        let day = time.0.div_euclid(DAY_US);
        if time != EventTime::MAX && day > self.swept_day {
            self.swept_day = day;
            let old = |seen: i64| time.0.saturating_sub(seen) > REMEMBERED_MS * 1_000;
            let gone: Vec<Vec<u8>> = self.seen.iter().filter(|(_, s)| old(**s)).map(|(key, _)| key.to_vec()).collect();
            for key in gone {
                self.seen.remove(&key);
            }
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: tidemill_engine::Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.held.snapshot(writer)?;
        self.seen.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.held.restore(reader)?;
        self.seen.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.held.len() + self.seen.len()
    }
}
