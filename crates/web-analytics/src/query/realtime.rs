//! What goes on right now.

use std::sync::Arc;

use serde::Serialize;

use super::SiteQuery;
use super::parameters::{Parameters, Question};
use super::scan::{Scan, Wanted};
use crate::error::Result;
use crate::summary::cell::Counter;
use crate::summary::dimension::Dimension;
use crate::summary::store::{Grain, Period};

/// Visitors are those of this many minutes, the current one included.
const VISITOR_MINUTES: u32 = 5;
const IMPRESSION_MINUTES: u32 = 30;
/// Pages that are shown.
const PAGES: usize = 10;
/// Pages whose visitors are counted, those with the most impressions.
const PAGES_COUNTED: usize = 50;

/// `/realtime`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Realtime {
    /// Distinct visitors of the last five minutes.
    pub visitors: u64,
    /// Of the last 30 minutes, the current one last.
    pub impressions_per_minute: Vec<i64>,
    /// Most visited pages of the last five minutes.
    pub pages: Vec<PageVisitors>,
    /// How old the newest beacon is that isn't counted yet; the summaries don't know, the pipeline does.
    pub lag_ms: u64,
    /// Beacons that were accepted and aren't counted yet; the pipeline knows.
    pub behind_beacons: u64,
}

/// Visitors of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageVisitors {
    /// The page.
    pub value: String,
    /// Distinct visitors.
    pub visitors: u64,
}

impl SiteQuery<'_> {
    /// Answers `/realtime`, with the pipeline's `lag_ms` and `behind_beacons`.
    ///
    /// # Errors
    /// For parameters that make no sense, and when the store fails.
    pub fn realtime(&self, parameters: &Parameters, now_ms: i64, lag_ms: u64, behind_beacons: u64) -> Result<Realtime> {
        let parameters = Parameters { from: None, to: Some(now_ms), ..parameters.clone() };
        let question = self.question(&parameters, now_ms)?;
        let end = u32::try_from(now_ms / 60_000).unwrap_or(u32::MAX).saturating_add(1);
        let of_last = |minutes: u32| Question {
            range: Period { start: end.saturating_sub(minutes), end },
            interval: Grain::Minute,
            ..question.clone()
        };
        let mut scan = Scan::new(self);
        let question = of_last(VISITOR_MINUTES);
        let visitors =
            scan.sum_held(&question, &Wanted { visitors: true, ..Wanted::default() })?.only().visitors.estimate();

        let mut pages: Vec<(Arc<str>, i64)> = self.ranked_values(&question, Dimension::Page)?;
        pages.truncate(PAGES_COUNTED);
        let values: Vec<Arc<str>> = pages.into_iter().map(|(page, _)| page).collect();
        let wanted = Wanted { visitors: true, by: Some(Dimension::Page), values: Some(&values), ..Wanted::default() };
        let by_page = scan.sum_held(&question, &wanted)?;
        let mut pages: Vec<PageVisitors> = by_page
            .by_value()
            .0
            .into_iter()
            .map(|(page, totals)| PageVisitors { value: page.to_string(), visitors: totals.visitors.estimate() })
            .collect();
        pages.sort_by(|a, b| b.visitors.cmp(&a.visitors).then_with(|| a.value.cmp(&b.value)));
        pages.truncate(PAGES);

        let question = of_last(IMPRESSION_MINUTES);
        let points = self.points(question.range, question.interval)?;
        let wanted = Wanted { counters: &[Counter::Impressions], points: &points, ..Wanted::default() };
        let minutes = scan.sum_held(&question, &wanted)?;
        let impressions = |point| minutes.point(point).map_or(0, |totals| totals.counter(Counter::Impressions));
        let impressions_per_minute = (0..points.len() as u32).map(impressions).collect();
        Ok(Realtime { visitors, impressions_per_minute, pages, lag_ms, behind_beacons })
    }
}
