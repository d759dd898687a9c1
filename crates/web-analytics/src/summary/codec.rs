//! The bytes of a batch of deltas, as they flow through the pipeline and into checkpoints.
//!
//! ```text
//! version | texts: count, (length, UTF-8)… | deltas: count, delta…
//! delta:  what differs from the delta before (bit mask), site?, minute (difference)?, number of each changed text,
//!         counters, samples, ratings, issues, visitors (8 bytes each)
//! ```
//!
//! All integers are LEB128, signed ones zigzag. Sorted deltas, as [`super::buffer::DeltaBuffer`] gives them, share most of
//! their dimensions with their neighbours and take a few bytes each.

use std::sync::Arc;

use super::cell::{CellDelta, CellKey, Counter, Dimensions, Measures, Metric, Minute, SiteId};
use super::dimension::DIMENSIONS;
use super::histogram::BUCKETS;
use super::varint::{Reader, put, put_bytes, put_signed};
use crate::error::Result;

const VERSION: u8 = 1;
const SITE_CHANGED: u64 = 1 << DIMENSIONS;
const MINUTE_CHANGED: u64 = 1 << (DIMENSIONS + 1);

/// Encodes deltas; any order is allowed, sorted ones get shorter.
pub fn encode(deltas: &[CellDelta]) -> Vec<u8> {
    let first = CellKey { site: SiteId(0), minute: Minute(0), dimensions: Dimensions::default() };
    let mut texts: Vec<&str> = Vec::new();
    let mut numbers: hashbrown::HashMap<&str, u64, ahash::RandomState> = hashbrown::HashMap::default();
    let mut body = Vec::with_capacity(deltas.len() * 32);
    let mut before = &first;
    for CellDelta { key, measures } in deltas {
        let [was, now] = [before.dimensions.texts(), key.dimensions.texts()];
        let differs = |i: &usize| !Arc::ptr_eq(was[*i], now[*i]) && was[*i] != now[*i];
        let mut mask = (0..DIMENSIONS).filter(differs).fold(0u64, |mask, i| mask | 1 << i);
        mask |= if key.site != before.site { SITE_CHANGED } else { 0 };
        mask |= if key.minute != before.minute { MINUTE_CHANGED } else { 0 };
        put(&mut body, mask);
        if mask & SITE_CHANGED != 0 {
            put(&mut body, u64::from(key.site.0));
        }
        if mask & MINUTE_CHANGED != 0 {
            put_signed(&mut body, i64::from(key.minute.0) - i64::from(before.minute.0));
        }
        for (_, text) in now.iter().enumerate().filter(|(i, _)| mask & 1 << i != 0) {
            let number = *numbers.entry(text).or_insert_with(|| {
                texts.push(text);
                texts.len() as u64 - 1
            });
            put(&mut body, number);
        }
        put_measures(&mut body, measures);
        before = key;
    }
    let mut out = Vec::with_capacity(body.len() + texts.iter().map(|text| text.len() + 2).sum::<usize>() + 16);
    out.push(VERSION);
    put(&mut out, texts.len() as u64);
    texts.iter().for_each(|text| put_bytes(&mut out, text.as_bytes()));
    put(&mut out, deltas.len() as u64);
    out.extend_from_slice(&body);
    out
}

fn put_measures(out: &mut Vec<u8>, measures: &Measures) {
    put(out, measures.counters.len() as u64);
    for (counter, by) in &measures.counters {
        out.push(*counter as u8);
        put_signed(out, *by);
    }
    put(out, measures.samples.len() as u64);
    for (metric, bucket, count) in &measures.samples {
        put(out, *metric as u64 * BUCKETS as u64 + u64::from(*bucket));
        put_signed(out, i64::from(*count));
    }
    put(out, measures.ratings.len() as u64);
    for (metric, rating, count) in &measures.ratings {
        out.push(*metric as u8 * 3 + (*rating).min(2));
        put_signed(out, i64::from(*count));
    }
    put(out, measures.issues.len() as u64);
    for (bit, count) in &measures.issues {
        out.push(*bit);
        put_signed(out, i64::from(*count));
    }
    put(out, measures.visitors.len() as u64);
    measures.visitors.iter().for_each(|visitor| out.extend_from_slice(&visitor.to_le_bytes()));
}

/// Decodes what [`encode`] made.
///
/// # Errors
/// [`crate::error::Error::Damaged`] for anything else.
pub fn decode(bytes: &[u8]) -> Result<Vec<CellDelta>> {
    let mut reader = Reader::new(bytes, "delta batch");
    if reader.byte()? != VERSION {
        return Err(reader.error("unknown version"));
    }
    let texts = (0..reader.count(1)?).map(|_| reader.text().map(Arc::from)).collect::<Result<Vec<Arc<str>>>>()?;
    let count = reader.count(6)?;
    let mut deltas = Vec::with_capacity(count);
    let mut site = SiteId(0);
    let mut minute = Minute(0);
    let empty: Arc<str> = "".into();
    let mut current: [Arc<str>; DIMENSIONS] = std::array::from_fn(|_| empty.clone());
    for _ in 0..count {
        let mask = reader.varint()?;
        if mask & SITE_CHANGED != 0 {
            site = SiteId(reader.int()?);
        }
        if mask & MINUTE_CHANGED != 0 {
            let moved = i64::from(minute.0).checked_add(reader.signed()?).and_then(|moved| u32::try_from(moved).ok());
            minute = Minute(moved.ok_or_else(|| reader.error("a minute out of range"))?);
        }
        for (i, text) in current.iter_mut().enumerate() {
            if mask & 1 << i != 0 {
                let number: usize = reader.int()?;
                *text = texts.get(number).ok_or_else(|| reader.error("an unknown text"))?.clone();
            }
        }
        let dimensions = Dimensions::from_texts(current.clone());
        let measures = read_measures(&mut reader)?;
        deltas.push(CellDelta { key: CellKey { site, minute, dimensions }, measures });
    }
    match reader.remaining() {
        0 => Ok(deltas),
        _ => Err(reader.error("more than the last delta")),
    }
}

fn read_measures(reader: &mut Reader<'_>) -> Result<Measures> {
    let mut measures = Measures::default();
    for _ in 0..reader.count(2)? {
        let counter = Counter::from_index(reader.byte()?).ok_or_else(|| reader.error("an unknown counter"))?;
        measures.counters.push((counter, reader.signed()?));
    }
    for _ in 0..reader.count(2)? {
        let place: u16 = reader.int()?;
        let metric = Metric::from_index((usize::from(place) / BUCKETS) as u8);
        let metric = metric.ok_or_else(|| reader.error("an unknown metric"))?;
        measures.samples.push((metric, place % BUCKETS as u16, small(reader)?));
    }
    for _ in 0..reader.count(2)? {
        let place = reader.byte()?;
        let metric = Metric::from_index(place / 3).ok_or_else(|| reader.error("an unknown metric"))?;
        measures.ratings.push((metric, place % 3, small(reader)?));
    }
    for _ in 0..reader.count(2)? {
        measures.issues.push((reader.byte()?, small(reader)?));
    }
    for _ in 0..reader.count(8)? {
        let visitor = reader.take(8)?.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        measures.visitors.push(visitor);
    }
    Ok(measures)
}

fn small(reader: &mut Reader<'_>) -> Result<i32> {
    let value = reader.signed()?;
    i32::try_from(value).map_err(|_| reader.error("a count out of range"))
}

#[cfg(test)]
mod tests {
    use super::super::buffer::DeltaBuffer;
    use super::*;
    use proptest::prelude::*;

    fn some_delta() -> impl Strategy<Value = CellDelta> {
        let text = prop::sample::select(vec!["", "A", "B", "/cart", "Chrome", "münchen"]);
        let metric = prop::sample::select(Metric::ALL.to_vec());
        let counter = prop::sample::select(Counter::ALL.to_vec());
        (
            (0u32..4, any::<u32>(), prop::collection::vec(text, DIMENSIONS)),
            prop::collection::vec((counter, any::<i64>()), 0..4),
            prop::collection::vec((metric.clone(), 0u16..BUCKETS as u16, any::<i32>()), 0..4),
            prop::collection::vec((metric, 0u8..3, any::<i32>()), 0..4),
            prop::collection::vec((any::<u8>(), any::<i32>()), 0..3),
            prop::collection::vec(any::<u64>(), 0..3),
        )
            .prop_map(|((site, minute, texts), counters, samples, ratings, issues, visitors)| {
                let texts: Vec<Arc<str>> = texts.into_iter().map(Arc::from).collect();
                let dimensions = Dimensions::from_texts(texts.try_into().unwrap());
                let key = CellKey { site: SiteId(site), minute: Minute(minute), dimensions };
                CellDelta { key, measures: Measures { counters, samples, ratings, issues, visitors } }
            })
    }

    proptest! {
        #[test]
        fn deltas_come_back(deltas in prop::collection::vec(some_delta(), 0..20)) {
            prop_assert_eq!(decode(&encode(&deltas)).unwrap(), deltas);
        }

        #[test]
        fn damage_is_an_error_or_other_deltas_but_never_a_panic(
            deltas in prop::collection::vec(some_delta(), 1..6), at in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let mut bytes = encode(&deltas);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let _ = decode(&bytes);
            prop_assert!(decode(&bytes[..at]).is_err());
        }

        #[test]
        fn splitting_a_stream_of_deltas_changes_nothing(
            deltas in prop::collection::vec(some_delta(), 0..20), at in any::<prop::sample::Index>(),
        ) {
            let deltas = with_small_counts(deltas);
            let whole = sum(&deltas);
            let (first, second) = deltas.split_at(at.index(deltas.len() + 1).min(deltas.len()));
            let both = [sum(first), sum(second)].concat();
            prop_assert_eq!(sum(&both), whole);
        }
    }

    fn sum(deltas: &[CellDelta]) -> Vec<CellDelta> {
        let mut buffer = DeltaBuffer::default();
        deltas.iter().for_each(|delta| buffer.add(delta.clone()));
        buffer.drain()
    }

    /// Saturating sums would depend on the order; real counts are small.
    fn with_small_counts(mut deltas: Vec<CellDelta>) -> Vec<CellDelta> {
        for CellDelta { measures, .. } in &mut deltas {
            measures.counters.iter_mut().for_each(|counter| counter.1 %= 1_000);
            measures.samples.iter_mut().for_each(|sample| sample.2 %= 1_000);
            measures.ratings.iter_mut().for_each(|rating| rating.2 %= 1_000);
            measures.issues.iter_mut().for_each(|issue| issue.1 %= 1_000);
        }
        deltas
    }
}
