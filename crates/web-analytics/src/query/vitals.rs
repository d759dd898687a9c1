//! Load times and stability, as the web vitals put them.

use serde::Serialize;

use super::SiteQuery;
use super::answer::Answer;
use super::parameters::Parameters;
use super::scan::{Scan, Wanted};
use crate::error::Result;
use crate::summary::cell::Metric;

/// `/vitals`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Vitals {
    /// One for each metric.
    pub metrics: Vec<Vital>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Vital {
    /// Its name.
    pub metric: &'static str,
    /// `ms` or `score`.
    pub unit: &'static str,
    /// Values that were measured.
    pub samples: u64,
    /// Median.
    pub p50: Option<f64>,
    /// Three quarters are at most this.
    pub p75: Option<f64>,
    /// 19 of 20 are at most this.
    pub p95: Option<f64>,
    /// Values up to the first threshold.
    pub good: i64,
    /// Values between the thresholds.
    pub needs_improvement: i64,
    /// Values above the second threshold.
    pub poor: i64,
    /// The two thresholds.
    pub thresholds: [f64; 2],
    /// `p75` of the period of equal length before.
    pub previous_p75: Option<f64>,
    /// `p75` over time.
    pub spark: Vec<Option<f64>>,
}

impl SiteQuery<'_> {
    /// Answers `/vitals`.
    ///
    /// # Errors
    /// For parameters that make no sense, and when the store fails.
    pub fn vitals(&self, parameters: &Parameters, now_ms: i64) -> Result<Answer<Vitals>> {
        let question = self.question(parameters, now_ms)?;
        let mut scan = Scan::new(self);
        let wanted = Wanted { metrics: &Metric::ALL, ..Wanted::default() };
        let current = scan.sum(&question, &wanted)?.only();
        let previous = scan.sum_held(&question.previous(scan.told(&question)), &wanted)?.only();
        let points = self.points(question.range, question.interval)?;
        let spark = scan.sum_held(&question, &Wanted { points: &points, ..wanted })?;
        let vital = |metric: Metric| {
            let [good, needs_improvement, poor] = current.ratings(metric);
            let p75 = |(point, _)| spark.point(point)?.quantile(metric, 0.75);
            Vital {
                metric: metric.name(),
                unit: metric.unit(),
                samples: current.histogram(metric).samples(),
                p50: current.quantile(metric, 0.5),
                p75: current.quantile(metric, 0.75),
                p95: current.quantile(metric, 0.95),
                good,
                needs_improvement,
                poor,
                thresholds: metric.thresholds(),
                previous_p75: previous.quantile(metric, 0.75),
                spark: (0..).zip(&points).map(p75).collect(),
            }
        };
        Ok(scan.answer(&question, Vitals { metrics: Metric::ALL.map(vital).into() }))
    }
}
