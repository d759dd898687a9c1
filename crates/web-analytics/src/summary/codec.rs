//! The bytes of a batch of deltas, as they flow through the pipeline and into checkpoints.
//!
//! ```text
//! batch…
//! batch:  version | length of the rest (4 bytes) | delta…
//! delta:  site, minute, number of the dimensions (one more than any before: they follow, packed),
//!         counters, samples, ratings, issues, visitors (8 bytes each)
//! ```
//!
//! All integers are LEB128, signed ones zigzag; site and minute are differences to the delta before. Batches behind each
//! other are read like one.

use super::cell::{CellDelta, CellKey, Counter, Dimensions, Measures, Metric, Minute, SiteId};
use super::histogram::BUCKETS;
use super::varint::{Reader, put, put_bytes, put_signed};
use crate::error::Result;

const NAME: &str = "delta batch";
const VERSION: u8 = 2;
const HEADER: [u8; 5] = [VERSION, 0, 0, 0, 0];

/// Encodes deltas, in any order.
pub fn encode(deltas: &[CellDelta]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    deltas.iter().for_each(|delta| encoder.push(&delta.key, &delta.measures));
    encoder.finish().unwrap_or_else(|| HEADER.to_vec())
}

/// Encodes one delta after the other.
#[derive(Default)]
pub(super) struct Encoder {
    out: Vec<u8>,
    numbers: hashbrown::HashMap<Dimensions, u64, ahash::RandomState>,
    site: u32,
    minute: u32,
}

impl Encoder {
    pub(super) fn push(&mut self, key: &CellKey, measures: &Measures) {
        if self.out.is_empty() {
            self.out.extend_from_slice(&HEADER);
        }
        put_signed(&mut self.out, i64::from(key.site.0) - i64::from(self.site));
        put_signed(&mut self.out, i64::from(key.minute.0) - i64::from(self.minute));
        (self.site, self.minute) = (key.site.0, key.minute.0);
        let next = self.numbers.len() as u64;
        match self.numbers.get(&key.dimensions) {
            Some(number) => put(&mut self.out, *number),
            None => {
                self.numbers.insert(key.dimensions.clone(), next);
                put(&mut self.out, next);
                put_bytes(&mut self.out, key.dimensions.packed().as_bytes());
            }
        }
        put_measures(&mut self.out, measures);
    }

    /// The bytes, if there was any delta.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        let length = u32::try_from(self.out.len().checked_sub(HEADER.len())?).ok()?;
        self.out.get_mut(1..HEADER.len())?.copy_from_slice(&length.to_le_bytes());
        Some(self.out)
    }
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
    let mut deltas = Vec::new();
    for_each(bytes, |key, measures| deltas.push(CellDelta { key, measures: measures.clone() }))?;
    Ok(deltas)
}

/// Calls `take` for each delta of what [`encode`] made.
///
/// # Errors
/// [`crate::error::Error::Damaged`] for anything else; deltas before the damage were given to `take`.
pub fn for_each(bytes: &[u8], mut take: impl FnMut(CellKey, &Measures)) -> Result<()> {
    let mut batches = Reader::new(bytes, NAME);
    let mut measures = Measures::default();
    loop {
        if batches.byte()? != VERSION {
            return Err(batches.error("unknown version"));
        }
        let length = batches.take(4)?.first_chunk().copied().map_or(0, u32::from_le_bytes);
        batch(batches.take(length as usize)?, &mut measures, &mut take)?;
        if batches.remaining() == 0 {
            return Ok(());
        }
    }
}

/// The deltas of one batch; `measures` is used again for each.
fn batch(bytes: &[u8], measures: &mut Measures, take: &mut impl FnMut(CellKey, &Measures)) -> Result<()> {
    let mut reader = Reader::new(bytes, NAME);
    let mut known: Vec<Dimensions> = Vec::new();
    let (mut site, mut minute) = (0u32, 0u32);
    while reader.remaining() > 0 {
        for value in [&mut site, &mut minute] {
            let moved = i64::from(*value).checked_add(reader.signed()?).and_then(|moved| u32::try_from(moved).ok());
            *value = moved.ok_or_else(|| reader.error("a site or minute out of range"))?;
        }
        let number: usize = reader.int()?;
        if number == known.len() {
            let dimensions = Dimensions::unpack(reader.text()?);
            known.push(dimensions.ok_or_else(|| reader.error("dimensions that aren't"))?);
        }
        let dimensions = known.get(number).ok_or_else(|| reader.error("unknown dimensions"))?.clone();
        read_measures(&mut reader, measures)?;
        take(CellKey { site: SiteId(site), minute: Minute(minute), dimensions }, measures);
    }
    Ok(())
}

/// Reads into lists that are used again.
fn read_measures(reader: &mut Reader<'_>, measures: &mut Measures) -> Result<()> {
    measures.clear();
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
    Ok(())
}

fn small(reader: &mut Reader<'_>) -> Result<i32> {
    let value = reader.signed()?;
    i32::try_from(value).map_err(|_| reader.error("a count out of range"))
}

#[cfg(test)]
mod tests {
    use super::super::buffer::DeltaBuffer;
    use super::super::dimension::DIMENSIONS;
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
                let dimensions = Dimensions::new(texts.try_into().unwrap());
                let key = CellKey { site: SiteId(site), minute: Minute(minute), dimensions };
                CellDelta { key, measures: Measures { counters, samples, ratings, issues, visitors } }
            })
    }

    proptest! {
        #[test]
        fn deltas_come_back(deltas in prop::collection::vec(some_delta(), 0..20)) {
            let bytes = encode(&deltas);
            prop_assert_eq!(&decode(&bytes).unwrap(), &deltas);
            prop_assert_eq!(decode(&[bytes.clone(), bytes].concat()).unwrap(), [deltas.clone(), deltas].concat());
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
