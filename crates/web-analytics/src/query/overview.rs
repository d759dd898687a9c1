//! All counts of a period, and of the one before.

use serde::Serialize;

use super::SiteQuery;
use super::answer::{Answer, Counts};
use super::parameters::{BotFilter, Parameters, Question};
use super::scan::{Scan, Wanted};
use crate::error::Result;
use crate::summary::cell::Counter;

/// `/overview`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// The period that was asked for.
    pub current: Counts,
    /// The period of equal length before.
    pub previous: Counts,
}

impl SiteQuery<'_> {
    /// Answers `/overview`.
    ///
    /// # Errors
    /// For parameters that make no sense, and when the store fails.
    pub fn overview(&self, parameters: &Parameters, now_ms: i64) -> Result<Answer<Overview>> {
        let question = self.question(parameters, now_ms)?;
        let mut scan = Scan::new(self);
        let wanted = Wanted { counters: &Counter::ALL, issues: true, visitors: true, ..Wanted::default() };
        let current = scan.sum(&question, &wanted)?.only();
        let current = Counts::new(&current, bots(&mut scan, &question)?);
        let before = question.previous(scan.told(&question));
        let previous = scan.sum_held(&before, &wanted)?.only();
        let previous = Counts::new(&previous, bots(&mut scan, &before)?);
        Ok(scan.answer(&question, Overview { current, previous }))
    }
}

/// Impressions of declared bots under the same filters.
fn bots(scan: &mut Scan<'_, '_>, question: &Question) -> Result<i64> {
    let question = Question { bots: BotFilter::Only, ..question.clone() };
    let wanted = Wanted { counters: &[Counter::Impressions], ..Wanted::default() };
    Ok(scan.sum_held(&question, &wanted)?.only().counter(Counter::Impressions))
}
