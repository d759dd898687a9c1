//! One beacon as an impression remembers it: packed, since it is seldom looked at again.

use crate::beacon::TIMERS;
use crate::error::Result;
use crate::message::{Detail, Message, put_timers, read_timers};
use crate::summary::varint::{Reader, put, put_bytes, put_signed};

const NAME: &str = "beacons of an impression";

/// Most beacons take less.
const FACT_BYTES: usize = 48;
/// The list grows by at least so many bytes, and by half: most impressions have about six beacons.
const GROW_BYTES: usize = 112;

/// One beacon.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact<'a> {
    pub(super) time_ms: i64,
    pub(super) sequence: u64,
    pub(super) number: u16,
    pub(super) tells: u16,
    pub(super) issues: u16,
    /// Which of the segment's blocks has its static fields.
    pub(super) block: u8,
    /// The browser's clock.
    pub(super) client_time_ms: Option<i64>,
    pub(super) timers: [f32; TIMERS],
    pub(super) detail: Option<Detail<'a>>,
}

impl<'a> Fact<'a> {
    pub(super) fn new(message: &Message<'a>, time_ms: i64) -> Self {
        Self {
            time_ms,
            sequence: message.sequence,
            number: message.number,
            tells: message.tells,
            issues: message.issues,
            block: 0,
            client_time_ms: message.client_time_ms,
            timers: message.timers,
            detail: message.detail.clone(),
        }
    }

    /// Its place among all beacons of a visitor.
    pub(super) fn order(&self) -> (i64, u64) {
        (self.time_ms, self.sequence)
    }
}

/// Beacons in their order, each as what differs from the one before.
#[derive(Debug, Default)]
pub(super) struct Facts {
    bytes: Vec<u8>,
    last: (i64, u64),
}

impl Facts {
    /// The order of the last one, if there is any.
    pub(super) fn last(&self) -> Option<(i64, u64)> {
        (!self.bytes.is_empty()).then_some(self.last)
    }

    /// Appends one.
    pub(super) fn push(&mut self, fact: &Fact<'_>) -> Result<()> {
        if self.bytes.capacity() - self.bytes.len() < FACT_BYTES {
            self.bytes.reserve_exact(GROW_BYTES.max(self.bytes.len() / 2));
        }
        let out = &mut self.bytes;
        put_signed(out, fact.time_ms.wrapping_sub(self.last.0));
        put_signed(out, fact.sequence.wrapping_sub(self.last.1) as i64);
        self.last = fact.order();
        for value in [fact.number, fact.tells, fact.issues, u16::from(fact.block)] {
            put(out, u64::from(value));
        }
        put_timers(out, &fact.timers, [fact.client_time_ms.is_some(), fact.detail.is_some()]);
        if let Some(client) = fact.client_time_ms {
            put_signed(out, client.wrapping_sub(fact.time_ms));
        }
        if let Some(detail) = &fact.detail {
            let mut bytes = Vec::new();
            crate::message::append(detail, &mut bytes)?;
            put_bytes(out, &bytes);
        }
        Ok(())
    }

    /// All of them; whatever is wrong with the bytes ends the list with an error.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<Fact<'_>>> {
        unpack(&self.bytes)
    }

    /// For a checkpoint; [`Facts::push`] of all that [`unpack`] gives makes them again.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The beacons of what [`Facts::bytes`] gave.
pub(super) fn unpack(bytes: &[u8]) -> impl Iterator<Item = Result<Fact<'_>>> {
    Unpack { reader: Reader::new(bytes, NAME), last: (0, 0) }
}

struct Unpack<'a> {
    reader: Reader<'a>,
    last: (i64, u64),
}

impl<'a> Iterator for Unpack<'a> {
    type Item = Result<Fact<'a>>;

    fn next(&mut self) -> Option<Result<Fact<'a>>> {
        if self.reader.remaining() == 0 {
            return None;
        }
        let fact = self.read();
        if fact.is_err() {
            self.reader = Reader::new(&[], "");
        }
        Some(fact)
    }
}

impl<'a> Unpack<'a> {
    fn read(&mut self) -> Result<Fact<'a>> {
        let reader = &mut self.reader;
        let time_ms = self.last.0.wrapping_add(reader.signed()?);
        let sequence = self.last.1.wrapping_add(reader.signed()? as u64);
        self.last = (time_ms, sequence);
        let (number, tells, issues, block) = (reader.int()?, reader.int()?, reader.int()?, reader.int()?);
        let (timers, [has_client_time, has_detail]) = read_timers(reader)?;
        let client_time_ms = if has_client_time { Some(time_ms.wrapping_add(reader.signed()?)) } else { None };
        let detail = if has_detail { Some(crate::message::read(reader.bytes()?, NAME)?) } else { None };
        Ok(Fact { time_ms, sequence, number, tells, issues, block, client_time_ms, timers, detail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::OrderTold;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn beacons_come_back(
            beacons in prop::collection::vec(
                (any::<(i64, u64, u16, u16, u16, u8)>(), any::<Option<i64>>(), prop::option::of(any::<i64>()), "[a-z]{0,9}"), 0..20,
            ),
        ) {
            let mut facts = Facts::default();
            let mut told = Vec::new();
            for ((time_ms, sequence, number, tells, issues, block), client, cents, event) in &beacons {
                // A clock as far off as clocks can be told to be.
                let client_time_ms = client.map(|client| time_ms.wrapping_add(client / 4));
                let order = cents.map(|value_cents| OrderTold { hash: [7; 16], value_cents, currency: None });
                let detail = Detail { event: Some(event), error: None, order };
                let mut timers = [1.5; TIMERS];
                timers[usize::from(*block) % TIMERS] = f32::INFINITY;
                let (time_ms, sequence, number) = (*time_ms, *sequence, *number);
                let (tells, issues, block) = (*tells, *issues, *block);
                let detail = cents.map(|_| detail);
                told.push(Fact { time_ms, sequence, number, tells, issues, block, client_time_ms, timers, detail });
            }
            for fact in &told {
                facts.push(fact).unwrap();
            }
            let back: Vec<Fact<'_>> = facts.iter().map(Result::unwrap).collect();
            prop_assert_eq!(&back, &told);
            prop_assert_eq!(facts.last(), told.last().map(Fact::order));
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let facts: Vec<_> = unpack(&bytes).collect();
            prop_assert!(facts.iter().rev().skip(1).all(Result::is_ok));
        }
    }
}
