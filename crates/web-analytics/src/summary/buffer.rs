//! Adding deltas up before they travel: one delta a cell instead of one a beacon.

use super::cell::{CellDelta, CellKey, Counter, Measures, Metric};
use super::{codec, histogram};

/// Lists longer than this are summed up before they grow further.
const TIDY_LEN: usize = 64;
/// Room that a list begins with.
const FEW: usize = 8;

impl Measures {
    /// Adds to a counter.
    pub fn count(&mut self, counter: Counter, by: i64) {
        add_to(&mut self.counters, counter, by);
    }

    /// Adds (negative: retracts) `count` values in ms, or CLS scores, to histogram and ratings. False if the value is
    /// out of range and nothing was added.
    pub fn sample(&mut self, metric: Metric, value: f64, count: i32) -> bool {
        let Some(bucket) = histogram::bucket(metric, value) else { return false };
        push(&mut self.samples, (metric, bucket, count));
        push(&mut self.ratings, (metric, metric.rating(value), count));
        true
    }

    /// Adds to an issue's counter.
    pub fn issue(&mut self, bit: u8, count: i32) {
        add_to(&mut self.issues, bit, count);
    }

    /// Makes it change nothing.
    pub(super) fn clear(&mut self) {
        self.counters.clear();
        self.samples.clear();
        self.ratings.clear();
        self.issues.clear();
        self.visitors.clear();
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
            && self.samples.is_empty()
            && self.ratings.is_empty()
            && self.issues.is_empty()
            && self.visitors.is_empty()
    }

    /// Adds all of another change.
    pub fn add(&mut self, other: &Measures) {
        for (counter, by) in &other.counters {
            add_to(&mut self.counters, *counter, *by);
        }
        for (bit, by) in &other.issues {
            add_to(&mut self.issues, *bit, *by);
        }
        extend(&mut self.samples, &other.samples, tidy_samples);
        extend(&mut self.ratings, &other.ratings, tidy_samples);
        extend(&mut self.visitors, &other.visitors, tidy_visitors);
    }

    /// Brings it to the one form that equal changes share: sorted, summed, without zeros.
    pub fn normalize(&mut self) {
        self.counters.sort_unstable_by_key(|(counter, _)| *counter);
        sum_equal(&mut self.counters, |a, b| (a.0 == b.0).then_some((a.0, a.1.saturating_add(b.1))), |c| c.1 == 0);
        self.issues.sort_unstable_by_key(|(bit, _)| *bit);
        sum_equal(&mut self.issues, |a, b| (a.0 == b.0).then_some((a.0, a.1.saturating_add(b.1))), |c| c.1 == 0);
        tidy_samples(&mut self.samples);
        tidy_samples(&mut self.ratings);
        tidy_visitors(&mut self.visitors);
    }
}

/// Adds to the entry of `key`, of which there are few.
fn add_to<K: PartialEq, V: Copy + Default + std::ops::Add<Output = V>>(list: &mut Vec<(K, V)>, key: K, by: V) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some((_, value)) => *value = *value + by,
        None => push(list, (key, by)),
    }
}

/// Appends; nearly all lists have a few entries.
fn push<T>(list: &mut Vec<T>, entry: T) {
    if list.capacity() == 0 {
        list.reserve_exact(FEW);
    }
    list.push(entry);
}

/// Appends, and sums up each time that the list has doubled: amortised `O(log n)` an entry.
fn extend<T: Clone>(list: &mut Vec<T>, more: &[T], tidy: fn(&mut Vec<T>)) {
    if list.len() + more.len() > list.capacity().max(TIDY_LEN) {
        tidy(list);
        list.reserve(list.len().max(more.len()));
    }
    list.extend_from_slice(more);
}

fn tidy_samples<B: Ord + Copy>(list: &mut Vec<(Metric, B, i32)>) {
    list.sort_unstable_by_key(|(metric, bucket, _)| (*metric, *bucket));
    sum_equal(
        list,
        |a, b| ((a.0, a.1) == (b.0, b.1)).then_some((a.0, a.1, a.2.saturating_add(b.2))),
        |sample| sample.2 == 0,
    );
}

fn tidy_visitors(list: &mut Vec<u64>) {
    list.sort_unstable();
    list.dedup();
}

/// Joins neighbours as `join` says, then drops zeros.
fn sum_equal<T: Copy>(list: &mut Vec<T>, join: impl Fn(&T, &T) -> Option<T>, is_zero: impl Fn(&T) -> bool) {
    list.dedup_by(|later, earlier| match join(earlier, later) {
        Some(sum) => {
            *earlier = sum;
            true
        }
        None => false,
    });
    list.retain(|entry| !is_zero(entry));
}

/// Sums deltas by cell.
#[derive(Debug, Default)]
pub struct DeltaBuffer {
    cells: hashbrown::HashMap<CellKey, Measures, ahash::RandomState>,
}

impl DeltaBuffer {
    /// Adds a delta.
    pub fn add(&mut self, delta: CellDelta) {
        match self.cells.get_mut(&delta.key) {
            Some(measures) => measures.add(&delta.measures),
            None => {
                self.cells.insert(delta.key, delta.measures);
            }
        }
    }

    /// The change of a cell so far, to be added to.
    pub fn cell(&mut self, key: &CellKey) -> &mut Measures {
        self.cells.entry_ref(key).or_default()
    }

    /// Number of cells that changed.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether nothing was added since the last [`DeltaBuffer::drain`].
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Takes everything out as [`codec::encode`] writes it, in any order; none if nothing changed.
    pub fn encode(&mut self) -> Option<Vec<u8>> {
        let mut encoder = codec::Encoder::default();
        for (key, mut measures) in self.cells.drain() {
            measures.normalize();
            if !measures.is_empty() {
                encoder.push(&key, &measures);
            }
        }
        encoder.finish()
    }

    /// Takes everything out: one normal delta for each cell that changed, ordered by cell.
    pub fn drain(&mut self) -> Vec<CellDelta> {
        let mut deltas: Vec<CellDelta> = self
            .cells
            .drain()
            .map(|(key, mut measures)| {
                measures.normalize();
                CellDelta { key, measures }
            })
            .filter(|delta| !delta.measures.is_empty())
            .collect();
        deltas.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        deltas
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::{Dimensions, Minute, SiteId};
    use super::super::dimension::Dimension;
    use super::*;

    fn key(minute: u32, page: &str) -> CellKey {
        let dimensions = Dimensions::default().with(Dimension::Page, page);
        CellKey { site: SiteId(1), minute: Minute(minute), dimensions }
    }

    #[test]
    fn deltas_of_a_cell_become_one() {
        let mut buffer = DeltaBuffer::default();
        for visitor in [7, 9, 7] {
            let mut measures = Measures { visitors: vec![visitor], ..Measures::default() };
            measures.count(Counter::Impressions, 1);
            assert!(measures.sample(Metric::Lcp, 1_200.0, 1));
            assert!(!measures.sample(Metric::Lcp, 61_000.0, 1));
            buffer.add(CellDelta { key: key(5, "/"), measures });
        }
        buffer.cell(&key(4, "/cart")).issue(2, 1);

        let deltas = buffer.drain();

        assert_eq!(deltas.len(), 2);
        assert_eq!(deltas[0].key, key(4, "/cart"));
        assert_eq!(deltas[1].measures.counters, [(Counter::Impressions, 3)]);
        assert_eq!(deltas[1].measures.samples.len(), 1);
        assert_eq!(deltas[1].measures.ratings, [(Metric::Lcp, 0, 3)]);
        assert_eq!(deltas[1].measures.visitors, [7, 9]);
        assert!(buffer.is_empty());
    }

    #[test]
    fn what_is_retracted_in_the_same_breath_never_travels() {
        let mut buffer = DeltaBuffer::default();
        for sign in [1, -1] {
            let cell = buffer.cell(&key(5, "/"));
            cell.count(Counter::Bounces, i64::from(sign));
            cell.sample(Metric::Inp, 40.0, sign);
        }
        assert_eq!(buffer.drain(), []);
    }

    #[test]
    fn a_cell_with_many_samples_stays_small() {
        let mut buffer = DeltaBuffer::default();
        for i in 0..100_000u32 {
            buffer
                .cell(&key(1, "/"))
                .add(&Measures { samples: vec![(Metric::Lcp, (i % 300) as u16, 1)], ..Measures::default() });
        }
        assert!(buffer.cell(&key(1, "/")).samples.len() <= 2_000);
        assert_eq!(buffer.drain()[0].measures.samples.len(), 300);
    }
}
