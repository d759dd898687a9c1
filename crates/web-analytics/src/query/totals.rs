//! What a scan adds up for one point in time and one value of a dimension.

use std::collections::BTreeMap;

use crate::beacon::Reason;
use crate::summary::cell::{Counter, Metric};
use crate::summary::histogram::{Histogram, midpoint};
use crate::summary::metric::{COUNTERS, METRICS};
use crate::summary::sketch::Sketch;

/// Sums of cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Totals {
    counters: [i64; COUNTERS],
    /// By number of the issue, or of the reason why a beacon is in quarantine.
    pub(super) issues: BTreeMap<u16, i64>,
    histograms: [Histogram; METRICS],
    /// By metric and rating: what was counted, less what the histogram's midpoints tell.
    ratings: [[i64; 3]; METRICS],
    pub(super) visitors: Sketch,
}

impl Totals {
    pub(super) fn counter(&self, counter: Counter) -> i64 {
        self.counters.get(counter as usize).copied().unwrap_or_default()
    }

    pub(super) fn count(&mut self, counter: Counter, by: i64) {
        if let Some(value) = self.counters.get_mut(counter as usize) {
            *value += by;
        }
    }

    pub(super) fn add_issue(&mut self, issue: u16, by: i32) {
        *self.issues.entry(issue).or_default() += i64::from(by);
    }

    /// Of the sessions, 0 to 1; 0 when there are none.
    pub(super) fn bounce_rate(&self) -> f64 {
        ratio(self.counter(Counter::Bounces), self.counter(Counter::Sessions))
    }

    /// Kinds of issues, by number.
    pub(super) fn issue_counts(&self) -> impl Iterator<Item = (u16, i64)> + '_ {
        let is_reason = |number: u16| u8::try_from(number).ok().and_then(Reason::from_number).is_some();
        self.issues.iter().map(|(number, count)| (*number, *count)).filter(move |(number, _)| !is_reason(*number))
    }

    /// Reasons of quarantined beacons, which are counted among the issues.
    pub(super) fn reasons(&self) -> impl Iterator<Item = (Reason, i64)> + '_ {
        let reason = |number: u16| u8::try_from(number).ok().and_then(Reason::from_number);
        self.issues.iter().filter_map(move |(number, count)| Some((reason(*number)?, *count)))
    }

    /// Sum over all kinds of issues.
    pub(super) fn issues(&self) -> i64 {
        self.issue_counts().map(|(_, count)| count).sum()
    }

    pub(super) fn histogram(&self, metric: Metric) -> &Histogram {
        static EMPTY: Histogram = Histogram::new();
        self.histograms.get(metric as usize).unwrap_or(&EMPTY)
    }

    pub(super) fn add_sample(&mut self, metric: Metric, bucket: u16, count: i64) {
        if let Some(histogram) = self.histograms.get_mut(metric as usize) {
            histogram.add(bucket, count);
        }
    }

    /// `place` as in blocks: metric × 3 + rating.
    pub(super) fn add_rating(&mut self, place: u16, by: i64) {
        let of_metric = self.ratings.get_mut(usize::from(place / 3));
        if let Some(count) = of_metric.and_then(|ratings| ratings.get_mut(usize::from(place % 3))) {
            *count += by;
        }
    }

    pub(super) fn quantile(&self, metric: Metric, q: f64) -> Option<f64> {
        self.histogram(metric).quantile(metric, q)
    }

    /// Good, needs improvement, poor: exact, whatever bucket a threshold lies in.
    pub(super) fn ratings(&self, metric: Metric) -> [i64; 3] {
        let mut ratings = self.ratings.get(metric as usize).copied().unwrap_or_default();
        for (bucket, count) in self.histogram(metric).all_buckets() {
            let rating = metric.rating(midpoint(metric, bucket));
            if let Some(sum) = ratings.get_mut(usize::from(rating)) {
                *sum += count;
            }
        }
        ratings
    }

    /// Adds all of another.
    pub(super) fn merge(&mut self, other: &Totals) {
        for (value, by) in self.counters.iter_mut().zip(other.counters) {
            *value += by;
        }
        for (issue, count) in &other.issues {
            *self.issues.entry(*issue).or_default() += count;
        }
        for (histogram, more) in self.histograms.iter_mut().zip(&other.histograms) {
            histogram.merge(more);
        }
        for (rating, by) in self.ratings.iter_mut().flatten().zip(other.ratings.iter().flatten()) {
            *rating += by;
        }
        self.visitors.merge(&other.visitors);
    }
}

/// 0 when there is nothing to divide by.
pub(super) fn ratio(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
