//! A metric's distribution, by the values of a dimension, in bars of equal width.

use serde::Serialize;

use super::SiteQuery;
use super::answer::Answer;
use super::parameters::{Parameters, bad};
use super::scan::{Scan, Wanted};
use super::totals::Totals;
use crate::error::{Error, Result};
use crate::summary::cell::Metric;
use crate::summary::histogram::{Histogram, bounds};

/// Values that are compared, those with the most samples.
const GROUPS_MAX: usize = 8;
/// Bars up to this quantile…
const WIDTH_QUANTILE: f64 = 0.98;
/// …are at most this many.
const WIDTH_BARS: f64 = 60.0;
/// Bars that a group may have; the last one also holds all above.
const BARS_MAX: usize = 120;

/// `/histogram`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistogramAnswer {
    /// Name of the metric.
    pub metric: &'static str,
    /// `ms` or `score`.
    pub unit: &'static str,
    /// Of each bar.
    pub width: f64,
    /// By value of the dimension, the most frequent first.
    pub groups: Vec<HistogramGroup>,
}

/// One value's distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistogramGroup {
    /// The value.
    pub value: String,
    /// Values that were measured.
    pub samples: u64,
    /// Median.
    pub p50: Option<f64>,
    /// Three quarters are at most this.
    pub p75: Option<f64>,
    /// 19 of 20 are at most this.
    pub p95: Option<f64>,
    /// From 0, the same for all groups; the last one also holds all above.
    pub bars: Vec<Bar>,
}

/// How many values lie in a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Values in it; those of all bars are `samples`.
    pub count: u64,
    /// Of the group's values, 0 to 1.
    pub share: f64,
}

impl SiteQuery<'_> {
    /// Answers `/histogram`.
    ///
    /// # Errors
    /// For parameters that make no sense, and when the store fails.
    pub fn histogram(&self, parameters: &Parameters, now_ms: i64) -> Result<Answer<HistogramAnswer>> {
        let question = self.question(parameters, now_ms)?;
        let name = parameters.metric.as_deref().unwrap_or("lcp");
        let metric = Metric::from_name(name).ok_or_else(|| Error::Unknown {
            kind: "metric",
            name: name.into(),
            hint: Metric::ALL.map(Metric::name).join(", "),
        })?;
        let by = parameters.by.as_deref().map(|name| self.dimension(name)).transpose()?;
        if parameters.limit == Some(0) {
            return Err(bad("limit", "no group would be left".into(), "1 or more"));
        }
        let mut scan = Scan::new(self);
        let wanted = Wanted { metrics: &[metric], by, ..Wanted::default() };
        let sums = scan.sum(&question, &wanted)?;
        let (mut values, _) = sums.by_value();
        values.retain(|(_, totals)| totals.histogram(metric).samples() > 0);
        values.sort_by(|(a, x), (b, y)| {
            let count = |totals: &Totals| totals.histogram(metric).samples();
            count(y).cmp(&count(x)).then_with(|| a.cmp(b))
        });
        values.truncate(parameters.limit.map_or(GROUPS_MAX, |limit| GROUPS_MAX.min(limit as usize)));
        let widest =
            values.iter().filter_map(|(_, totals)| totals.quantile(metric, WIDTH_QUANTILE)).fold(0.0, f64::max);
        let width = nice_width(metric, widest / WIDTH_BARS);
        let highest = values.iter().filter_map(|(_, totals)| totals.quantile(metric, 1.0)).fold(0.0, f64::max);
        let bars = ((highest / width) as usize + 1).min(BARS_MAX);
        let group = |(value, totals): (std::sync::Arc<str>, &Totals)| HistogramGroup {
            value: value.to_string(),
            samples: totals.histogram(metric).samples(),
            p50: totals.quantile(metric, 0.5),
            p75: totals.quantile(metric, 0.75),
            p95: totals.quantile(metric, 0.95),
            bars: equal_bars(metric, totals.histogram(metric), width, bars),
        };
        let groups = values.into_iter().map(group).collect();
        Ok(scan.answer(&question, HistogramAnswer { metric: metric.name(), unit: metric.unit(), width, groups }))
    }
}

/// The smallest of 1, 2, 5, 10, 20, … that is not below `width`; at least 1 ms, or 0.001.
fn nice_width(metric: Metric, width: f64) -> f64 {
    // Powers of ten of whole numbers are exact; those of fractions are not.
    let unit = if metric == Metric::Cls { 1_000.0 } else { 1.0 };
    let wanted = width * unit;
    let mut power = 1.0;
    loop {
        for step in [1.0, 2.0, 5.0] {
            if step * power >= wanted {
                return step * power / unit;
            }
        }
        power *= 10.0;
    }
}

/// Spreads each bucket's values evenly over its extent. Bars are differences of rounded running sums, so nothing is lost
/// or counted twice.
fn equal_bars(metric: Metric, histogram: &Histogram, width: f64, bars: usize) -> Vec<Bar> {
    let samples = histogram.samples();
    let mut below = vec![0.0f64; bars];
    for (bucket, count) in histogram.buckets() {
        let (low, high) = bounds(metric, bucket);
        for (place, below) in below.iter_mut().enumerate() {
            let edge = (place + 1) as f64 * width;
            *below += count as f64 * ((edge - low) / (high - low)).clamp(0.0, 1.0);
        }
    }
    let mut before = 0;
    let mut out = Vec::with_capacity(bars);
    for (place, below) in below.iter().enumerate() {
        let up_to = if place + 1 == bars { samples } else { (below.round() as u64).clamp(before, samples) };
        let count = up_to - before;
        before = up_to;
        let share = if samples == 0 { 0.0 } else { count as f64 / samples as f64 };
        out.push(Bar { from: place as f64 * width, to: (place + 1) as f64 * width, count, share });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::histogram::bucket;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bars_add_up_to_all_samples(
            values in prop::collection::vec(0.0f64..60_000.0, 1..300), width in 1.0f64..2_000.0, bars in 1usize..120,
        ) {
            let mut histogram = Histogram::new();
            for value in &values {
                histogram.add(bucket(Metric::Lcp, *value).unwrap(), 1);
            }
            let bars = equal_bars(Metric::Lcp, &histogram, width, bars);
            prop_assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), values.len() as u64);
            // A bar's edge cuts at most one bucket, so running sums are exact but for that bucket's values.
            for bar in &bars[..bars.len() - 1] {
                let counted: u64 = bars.iter().filter(|other| other.to <= bar.to).map(|bar| bar.count).sum();
                let surely = values.iter().filter(|value| **value < bar.to * 0.98 - 0.2).count() as u64;
                let at_most = values.iter().filter(|value| **value <= bar.to * 1.02 + 0.2).count() as u64;
                prop_assert!((surely..=at_most).contains(&counted), "{counted} up to {}", bar.to);
            }
        }
    }

    #[test]
    fn widths_are_round_numbers() {
        assert_eq!(nice_width(Metric::Lcp, 0.0), 1.0);
        assert_eq!(nice_width(Metric::Lcp, 61.0), 100.0);
        assert_eq!(nice_width(Metric::Lcp, 150.0), 200.0);
        assert_eq!(nice_width(Metric::Cls, 0.004), 0.005);
    }
}
