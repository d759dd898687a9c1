//! Measures over time.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Number, Value};

use super::SiteQuery;
use super::answer::Answer;
use super::parameters::{Parameters, Question, bad, minute_ms};
use super::scan::{Scan, Wanted};
use super::totals::Totals;
use crate::error::{Error, Result};
use crate::summary::cell::{Counter, Metric};
use crate::summary::store::Grain;

/// Names in `metrics`.
const METRICS_MAX: usize = 30;

/// `/timeseries`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeseries {
    /// Distance of points: `minute`, `hour` or `day`.
    pub interval: &'static str,
    /// All points of the range; one without events has zeros, and `null` for what isn't a count.
    pub points: Vec<Point>,
    /// The same for the period of equal length before.
    pub previous: Vec<Point>,
}

/// One point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Where it begins, Unix ms.
    pub time: i64,
    /// By name of the measure.
    #[serde(flatten)]
    pub values: BTreeMap<String, Value>,
}

/// What a name in `metrics` means.
enum Measure {
    Count(Counter),
    Visitors,
    Issues,
    BounceRate,
    Samples(Metric),
    Quantile(Metric, f64),
}

impl Measure {
    fn from_name(name: &str) -> Option<Measure> {
        let counter = Counter::ALL.into_iter().find(|counter| counter.name() == name);
        counter.map(Measure::Count).or_else(|| {
            Some(match name {
                "visitors" => Measure::Visitors,
                "issues" => Measure::Issues,
                "bounce_rate" => Measure::BounceRate,
                _ => {
                    let (kind, metric) = name.split_once('_')?;
                    let metric = Metric::from_name(metric)?;
                    match kind {
                        "samples" => Measure::Samples(metric),
                        "p50" => Measure::Quantile(metric, 0.5),
                        "p75" => Measure::Quantile(metric, 0.75),
                        "p95" => Measure::Quantile(metric, 0.95),
                        _ => return None,
                    }
                }
            })
        })
    }

    fn value(&self, totals: &Totals) -> Value {
        match self {
            Measure::Count(counter) => totals.counter(*counter).into(),
            Measure::Visitors => totals.visitors.estimate().into(),
            Measure::Issues => totals.issues().into(),
            Measure::BounceRate => float(totals.bounce_rate()),
            Measure::Samples(metric) => totals.histogram(*metric).samples().into(),
            Measure::Quantile(metric, q) => totals.quantile(*metric, *q).map_or(Value::Null, float),
        }
    }
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

pub(super) fn interval_name(interval: Grain) -> &'static str {
    match interval {
        Grain::Minute => "minute",
        Grain::Hour => "hour",
        Grain::Day | Grain::Month => "day",
    }
}

impl SiteQuery<'_> {
    /// Answers `/timeseries`.
    ///
    /// # Errors
    /// For parameters that make no sense, and when the store fails.
    pub fn timeseries(&self, parameters: &Parameters, now_ms: i64) -> Result<Answer<Timeseries>> {
        let question = self.question(parameters, now_ms)?;
        let measures = measures(parameters.metrics.as_deref().unwrap_or("impressions,sessions"))?;
        let mut scan = Scan::new(self);
        let points = self.series(&mut scan, &question, &measures, false)?;
        let before = question.previous(scan.told(&question));
        let previous = self.series(&mut scan, &before, &measures, true)?;
        let interval = interval_name(question.interval);
        Ok(scan.answer(&question, Timeseries { interval, points, previous }))
    }

    fn series(
        &self,
        scan: &mut Scan<'_, '_>,
        question: &Question,
        measures: &[(String, Measure)],
        held: bool,
    ) -> Result<Vec<Point>> {
        let mut counters = Vec::new();
        let mut metrics = Vec::new();
        for (_, measure) in measures {
            match measure {
                Measure::Count(counter) => counters.push(*counter),
                Measure::BounceRate => counters.extend([Counter::Bounces, Counter::Sessions]),
                Measure::Samples(metric) | Measure::Quantile(metric, _) => metrics.push(*metric),
                Measure::Visitors | Measure::Issues => {}
            }
        }
        counters.sort_unstable();
        counters.dedup();
        metrics.sort_unstable();
        metrics.dedup();
        let starts = self.points(question.range, question.interval)?;
        let wanted = Wanted {
            counters: &counters,
            issues: measures.iter().any(|(_, measure)| matches!(measure, Measure::Issues)),
            metrics: &metrics,
            visitors: measures.iter().any(|(_, measure)| matches!(measure, Measure::Visitors)),
            points: &starts,
            ..Wanted::default()
        };
        let sums = if held { scan.sum_held(question, &wanted)? } else { scan.sum(question, &wanted)? };
        let empty = Totals::default();
        let point = |(place, start): (u32, &u32)| {
            let totals = sums.point(place).unwrap_or(&empty);
            let values = measures.iter().map(|(name, measure)| (name.clone(), measure.value(totals))).collect();
            Point { time: minute_ms(*start), values }
        };
        Ok((0..).zip(&starts).map(point).collect())
    }
}

fn measures(names: &str) -> Result<Vec<(String, Measure)>> {
    let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(bad("metrics", "it names none".into(), "as in impressions,p75_lcp"));
    }
    if names.len() > METRICS_MAX {
        return Err(Error::Limit { what: "metrics", asked: names.len() as u64, limit: METRICS_MAX as u64 });
    }
    let measure = |name: &str| match Measure::from_name(name) {
        Some(measure) => Ok((name.to_string(), measure)),
        None => {
            let counters = Counter::ALL.map(Counter::name).join(", ");
            let hint = format!(
                "{counters}, visitors, issues, bounce_rate, or samples_, p50_, p75_, p95_ and lcp, inp, cls, fcp, ttfb, load"
            );
            Err(Error::Unknown { kind: "metric", name: name.into(), hint })
        }
    };
    names.into_iter().map(measure).collect()
}
