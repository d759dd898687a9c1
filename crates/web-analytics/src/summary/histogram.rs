//! Log-linear histograms: 64 buckets an octave, merged and retracted exactly.
//!
//! A value becomes an integer number of *steps* (1/8 ms, or 1/10,000 of a CLS score). Below 128 steps every step is a
//! bucket; above, each octave is cut into 64 equal buckets, so that a bucket's midpoint is within 0.8 % of everything
//! in it. Unlike sketches with adaptive boundaries, two histograms add up to the same bytes in any order.

use super::cell::Metric;

/// Bucket numbers are below this.
pub const BUCKETS: usize = 1_024;

/// Buckets an octave.
const PER_OCTAVE: u32 = 64;
/// Below this number of steps each step is its own bucket.
const LINEAR: u32 = 2 * PER_OCTAVE;

fn steps_per_unit(metric: Metric) -> f64 {
    match metric {
        Metric::Cls => 10_000.0,
        _ => 8.0,
    }
}

/// The bucket of a value in ms (CLS: a score); `None` if it is negative, not a number or above [`Metric::limit`].
pub fn bucket(metric: Metric, value: f64) -> Option<u16> {
    if !(0.0..=metric.limit()).contains(&value) {
        return None;
    }
    let steps = (value * steps_per_unit(metric)).round() as u32;
    if steps < LINEAR {
        return Some(steps as u16);
    }
    let octave = steps.ilog2() - LINEAR.ilog2();
    Some((LINEAR + octave * PER_OCTAVE + (steps >> (octave + 1)) - PER_OCTAVE) as u16)
}

/// First step of a bucket and how many steps it has.
fn extent(bucket: u16) -> (u32, u32) {
    let bucket = u32::from(bucket).min(BUCKETS as u32 - 1);
    if bucket < LINEAR {
        return (bucket, 1);
    }
    let octave = (bucket - LINEAR) / PER_OCTAVE;
    let place = (bucket - LINEAR) % PER_OCTAVE;
    ((PER_OCTAVE + place) << (octave + 1), 1 << (octave + 1))
}

/// Where a bucket's values begin and end, in ms (CLS: score).
pub fn bounds(metric: Metric, bucket: u16) -> (f64, f64) {
    let (first, width) = extent(bucket);
    let unit = steps_per_unit(metric);
    ((f64::from(first) - 0.5).max(0.0) / unit, (f64::from(first + width) - 0.5) / unit)
}

/// The value that stands for a bucket, in ms (CLS: score).
pub fn midpoint(metric: Metric, bucket: u16) -> f64 {
    let (first, width) = extent(bucket);
    (f64::from(first) + f64::from(width - 1) / 2.0) / steps_per_unit(metric)
}

/// How often each bucket was hit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By bucket, as long as the highest bucket that was touched.
    counts: Vec<i64>,
}

impl Histogram {
    /// Without values.
    pub const fn new() -> Self {
        Histogram { counts: Vec::new() }
    }

    /// Adds `count` (negative: retracts) to a bucket. Buckets above the highest possible one are ignored.
    pub fn add(&mut self, bucket: u16, count: i64) {
        let bucket = usize::from(bucket);
        if bucket >= self.counts.len() && bucket < BUCKETS {
            self.counts.resize(bucket + 1, 0);
        }
        if let Some(slot) = self.counts.get_mut(bucket) {
            *slot += count;
        }
    }

    /// Adds all of another histogram.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (slot, count) in self.counts.iter_mut().zip(&other.counts) {
            *slot += count;
        }
    }

    /// Number of values. A bucket that a retraction (still) holds below zero counts as empty.
    pub fn samples(&self) -> u64 {
        self.counts.iter().map(|&count| count.max(0) as u64).sum()
    }

    /// Buckets that hold something, ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        (0u16..).zip(&self.counts).filter(|(_, count)| **count > 0).map(|(bucket, count)| (bucket, *count as u64))
    }

    /// Buckets and what was added to them, also where retractions came before what they retract.
    pub fn all_buckets(&self) -> impl Iterator<Item = (u16, i64)> + '_ {
        (0u16..).zip(&self.counts).filter(|(_, count)| **count != 0).map(|(bucket, count)| (bucket, *count))
    }

    /// The value at nearest rank `q` (0–1): the midpoint of the bucket in which it lies. `None` when empty.
    pub fn quantile(&self, metric: Metric, q: f64) -> Option<f64> {
        let samples = self.samples();
        let rank = ((q * samples as f64).ceil() as u64).clamp(1, samples.max(1));
        let mut below = 0;
        self.buckets().find_map(|(bucket, count)| {
            below += count;
            (below >= rank).then(|| midpoint(metric, bucket))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_each_other_without_gap() {
        for bucket in 0..900 {
            let (first, width) = extent(bucket);
            assert_eq!(extent(bucket + 1).0, first + width, "after bucket {bucket}");
        }
    }

    #[test]
    fn extremes_are_kept_and_nonsense_is_not() {
        assert_eq!(bucket(Metric::Lcp, 0.0), Some(0));
        assert_eq!(midpoint(Metric::Cls, 0), 0.0);
        for metric in Metric::ALL {
            let last = bucket(metric, metric.limit()).expect("the limit itself counts");
            assert!(usize::from(last) < BUCKETS);
            assert_eq!(bucket(metric, metric.limit() * 1.01), None);
            assert_eq!(bucket(metric, -0.5), None);
            assert_eq!(bucket(metric, f64::NAN), None);
        }
    }

    fn exact_quantile(sorted: &[f64], q: f64) -> f64 {
        let rank = ((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
        sorted[rank - 1]
    }

    proptest! {
        #[test]
        fn a_midpoint_is_within_a_percent_of_its_values(value in 8.0f64..60_000.0) {
            for metric in [Metric::Lcp, Metric::Ttfb] {
                let middle = midpoint(metric, bucket(metric, value).unwrap());
                prop_assert!((middle - value).abs() <= 0.01 * value, "{value} became {middle}");
            }
            let score = value / 600.0;
            let middle = midpoint(Metric::Cls, bucket(Metric::Cls, score).unwrap());
            prop_assert!((middle - score).abs() <= 0.01 * score, "{score} became {middle}");
        }

        #[test]
        fn bounds_hold_their_values(value in 0.0f64..60_000.0) {
            let bucket = bucket(Metric::Lcp, value).unwrap();
            let (low, high) = bounds(Metric::Lcp, bucket);
            prop_assert!(low <= value && value <= high, "{value} not in {low}..{high}");
        }

        #[test]
        fn quantiles_are_within_a_percent_of_exact_ones(
            values in prop::collection::vec(1.0f64..60_000.0, 1..400),
            q in 0.01f64..1.0,
        ) {
            let mut histogram = Histogram::default();
            for value in &values {
                histogram.add(bucket(Metric::Lcp, *value).unwrap(), 1);
            }
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            let exact = exact_quantile(&sorted, q);
            let found = histogram.quantile(Metric::Lcp, q).unwrap();
            // Below 6.25 ms a step of 1/8 ms is the finer of the two limits.
            prop_assert!((found - exact).abs() <= (0.01 * exact).max(1.0 / 16.0), "{found} for {exact}");
        }

        #[test]
        fn retracting_what_was_added_leaves_the_rest(
            kept in prop::collection::vec(0u16..900, 0..60),
            gone in prop::collection::vec(0u16..900, 0..60),
        ) {
            let mut only_kept = Histogram::default();
            let mut both = Histogram::default();
            let mut second = Histogram::default();
            for bucket in &kept {
                only_kept.add(*bucket, 1);
                both.add(*bucket, 1);
            }
            for bucket in &gone {
                second.add(*bucket, 1);
            }
            both.merge(&second);
            for bucket in &gone {
                both.add(*bucket, -1);
            }
            prop_assert_eq!(both.buckets().collect::<Vec<_>>(), only_kept.buckets().collect::<Vec<_>>());
            prop_assert_eq!(both.samples(), kept.len() as u64);
        }
    }
}
