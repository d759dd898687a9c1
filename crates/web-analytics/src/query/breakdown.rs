//! The values of a dimension with the most impressions.

use std::sync::Arc;

use serde::Serialize;

use super::SiteQuery;
use super::answer::{Answer, Counts};
use super::parameters::{BotFilter, Parameters, Question, bad};
use super::scan::{Scan, Wanted};
use super::totals::{Totals, ratio};
use crate::error::{Error, Result};
use crate::summary::cell::{Counter, Metric};
use crate::summary::dimension::Dimension;
use crate::summary::store::OTHER;

const ROWS: u32 = 10;
/// Rows of a breakdown, and values of a picker.
pub(super) const ROWS_MAX: u32 = 1_000;

/// `/breakdown`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Breakdown {
    /// Name of the dimension.
    pub dimension: String,
    /// Of all values together.
    pub total: Counts,
    /// The values with the most impressions, most first.
    pub rows: Vec<BreakdownRow>,
    /// All other values together.
    pub other: Option<Other>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BreakdownRow {
    /// The value.
    pub value: String,
    /// What was counted and measured.
    #[serde(flatten)]
    pub measures: RowMeasures,
}

/// The values without a row of their own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Other {
    /// How many values these are; those that the summaries don't tell apart count as one.
    pub values: usize,
    /// What was counted and measured.
    #[serde(flatten)]
    pub measures: RowMeasures,
}

/// What is counted of each value; the others are told of all together.
const COUNTERS: [Counter; 5] =
    [Counter::Impressions, Counter::Sessions, Counter::Bounces, Counter::Orders, Counter::RevenueCents];

/// Measures of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RowMeasures {
    /// Page impressions.
    pub impressions: i64,
    /// Of all impressions, 0 to 1.
    pub share: f64,
    /// Sessions that started.
    pub sessions: i64,
    /// Of these sessions, 0 to 1.
    pub bounce_rate: f64,
    /// Orders.
    pub orders: i64,
    /// Their value.
    pub revenue_cents: i64,
    /// Largest contentful paint that three quarters stay below, ms.
    pub p75_lcp: Option<f64>,
}

impl RowMeasures {
    fn new(counts: &Totals, all_impressions: i64, samples: Option<&Totals>) -> Self {
        let impressions = counts.counter(Counter::Impressions);
        RowMeasures {
            impressions,
            share: ratio(impressions, all_impressions),
            sessions: counts.counter(Counter::Sessions),
            bounce_rate: counts.bounce_rate(),
            orders: counts.counter(Counter::Orders),
            revenue_cents: counts.counter(Counter::RevenueCents),
            p75_lcp: samples.and_then(|samples| samples.quantile(Metric::Lcp, 0.75)),
        }
    }
}

impl SiteQuery<'_> {
    /// Answers `/breakdown`.
    ///
    /// # Errors
    /// For parameters that make no sense, and when the store fails.
    pub fn breakdown(&self, parameters: &Parameters, now_ms: i64) -> Result<Answer<Breakdown>> {
        let question = self.question(parameters, now_ms)?;
        let name = parameters.dimension.as_deref();
        let name = name.ok_or_else(|| bad("dimension", "it is missing".into(), "as in dimension=page"))?;
        let dimension = self.dimension(name)?;
        let limit = rows(parameters.limit)?;
        let mut scan = Scan::new(self);
        let whole: Vec<Counter> = Counter::ALL.into_iter().filter(|counter| !COUNTERS.contains(counter)).collect();
        let wanted =
            Wanted { counters: &COUNTERS, whole: &whole, issues: true, by: Some(dimension), ..Wanted::default() };
        let counted = scan.sum(&question, &wanted)?;
        let (values, rest) = counted.by_value();
        let mut total = counted.whole.clone();
        values.iter().map(|(_, totals)| *totals).chain(rest).for_each(|totals| total.merge(totals));
        let visitors = scan.sum(&question, &Wanted { visitors: true, ..Wanted::default() })?.only();
        total.visitors.merge(&visitors.visitors);
        let only_bots = Question { bots: BotFilter::Only, ..question.clone() };
        let bots =
            scan.sum_held(&only_bots, &Wanted { counters: &[Counter::Impressions], ..Wanted::default() })?.only();

        let (top, others) = ranked(values, limit);
        let top_values: Vec<Arc<str>> = top.iter().map(|(value, _)| value.clone()).collect();
        let sampled =
            Wanted { metrics: &[Metric::Lcp], by: Some(dimension), values: Some(&top_values), ..Wanted::default() };
        let sampled = scan.sum(&question, &sampled)?;
        let (samples, other_samples) = sampled.by_value();

        let impressions = total.counter(Counter::Impressions);
        let row = |(value, counts): &(Arc<str>, &Totals)| {
            let samples = samples.iter().find(|(sampled, _)| sampled == value).map(|(_, samples)| *samples);
            BreakdownRow { value: value.to_string(), measures: RowMeasures::new(counts, impressions, samples) }
        };
        let other = (!others.is_empty() || rest.is_some()).then(|| {
            let mut counts = Totals::default();
            others.iter().map(|(_, totals)| *totals).chain(rest).for_each(|totals| counts.merge(totals));
            Other { values: others.len(), measures: RowMeasures::new(&counts, impressions, other_samples) }
        });
        let total = Counts::new(&total, bots.counter(Counter::Impressions));
        let rows = top.iter().map(row).collect();
        Ok(scan.answer(&question, Breakdown { dimension: name.into(), total, rows, other }))
    }

    /// Values of a dimension that have impressions or sessions, by impressions.
    pub(super) fn ranked_values(&self, question: &Question, dimension: Dimension) -> Result<Vec<(Arc<str>, i64)>> {
        let wanted =
            Wanted { counters: &[Counter::Impressions, Counter::Sessions], by: Some(dimension), ..Wanted::default() };
        let sums = Scan::new(self).sum_held(question, &wanted)?;
        let (top, _) = ranked(sums.by_value().0, usize::MAX);
        Ok(top.into_iter().map(|(value, totals)| (value, totals.counter(Counter::Impressions))).collect())
    }
}

/// The first `limit` of the values with impressions or sessions, and the others.
type Ranked<'t> = (Vec<(Arc<str>, &'t Totals)>, Vec<(Arc<str>, &'t Totals)>);

fn ranked(mut values: Vec<(Arc<str>, &Totals)>, limit: usize) -> Ranked<'_> {
    values.retain(|(_, totals)| totals.counter(Counter::Impressions) != 0 || totals.counter(Counter::Sessions) != 0);
    values.sort_by(|(a, x), (b, y)| {
        let count = |totals: &Totals| totals.counter(Counter::Impressions);
        count(y).cmp(&count(x)).then_with(|| a.cmp(b))
    });
    // It is no value, however often it occurs.
    let unnamed = values.iter().position(|(value, _)| **value == *OTHER).map(|place| values.remove(place));
    let mut others = values.split_off(limit.min(values.len()));
    others.extend(unnamed);
    (values, others)
}

/// Checks a `limit`.
pub(super) fn rows(limit: Option<u32>) -> Result<usize> {
    match limit.unwrap_or(ROWS) {
        0 => Err(bad("limit", "no row would be left".into(), "1 to 1000")),
        limit if limit > ROWS_MAX => Err(Error::Limit { what: "rows", asked: limit.into(), limit: ROWS_MAX.into() }),
        limit => Ok(limit as usize),
    }
}
