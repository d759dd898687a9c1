//! What is wrong with the data, and how much of it comes from bots.

use serde::Serialize;

use super::SiteQuery;
use super::answer::Answer;
use super::parameters::{BotFilter, Parameters, Question, minute_ms};
use super::scan::{Scan, Wanted};
use super::totals::ratio;
use crate::beacon::Issue;
use crate::error::Result;
use crate::summary::cell::Counter;
use crate::summary::dimension::Dimension;

/// `/quality`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Beacons.
    pub beacons: i64,
    /// Page impressions.
    pub impressions: i64,
    /// Issues, most frequent first.
    pub issues: Vec<IssueCount>,
    /// Declared bots, whatever `bots` asks for, most frequent first.
    pub bots: Vec<BotCount>,
    /// Why beacons are in quarantine, most frequent first.
    pub quarantine: Vec<QuarantineCount>,
    /// Over time.
    pub series: Vec<QualityPoint>,
}

/// How often an issue was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IssueCount {
    /// Its name.
    pub issue: String,
    /// How often.
    pub count: i64,
    /// Of the impressions.
    pub share: f64,
}

/// Impressions of a kind of bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BotCount {
    /// Its kind.
    pub kind: String,
    /// Page impressions.
    pub impressions: i64,
}

/// Beacons that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuarantineCount {
    /// Why not.
    pub reason: String,
    /// How many.
    pub count: i64,
}

/// Issues and bots at one point in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QualityPoint {
    /// Where it begins, Unix ms.
    pub time: i64,
    /// Issues.
    pub issues: i64,
    /// Impressions of bots.
    pub bots: i64,
}

impl SiteQuery<'_> {
    /// Answers `/quality`.
    ///
    /// # Errors
    /// For parameters that make no sense, and when the store fails.
    pub fn quality(&self, parameters: &Parameters, now_ms: i64) -> Result<Answer<Quality>> {
        let question = self.question(parameters, now_ms)?;
        let only_bots = Question { bots: BotFilter::Only, ..question.clone() };
        let everyone = Question { bots: BotFilter::Include, ..question.clone() };
        let points = self.points(question.range, question.interval)?;
        let mut scan = Scan::new(self);

        let counters = &[Counter::Beacons, Counter::Impressions];
        let all = scan.sum(&question, &Wanted { counters, issues: true, ..Wanted::default() })?.only();
        let impressions = all.counter(Counter::Impressions);
        let mut issues: Vec<IssueCount> = all
            .issue_counts()
            .filter(|(_, count)| *count != 0)
            .map(|(number, count)| IssueCount { issue: issue_name(number), count, share: ratio(count, impressions) })
            .collect();
        issues.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.issue.cmp(&b.issue)));

        let counters = &[Counter::Impressions];
        let by_kind = scan.sum(&only_bots, &Wanted { counters, by: Some(Dimension::Bot), ..Wanted::default() })?;
        let mut bots: Vec<BotCount> = by_kind
            .by_value()
            .0
            .into_iter()
            .map(|(kind, totals)| BotCount {
                kind: kind.to_string(),
                impressions: totals.counter(Counter::Impressions),
            })
            .filter(|bot| bot.impressions != 0)
            .collect();
        bots.sort_by(|a, b| b.impressions.cmp(&a.impressions).then_with(|| a.kind.cmp(&b.kind)));

        // Of quarantined beacons nothing is known, so they are no bots, and filters leave them out.
        let reasons = scan.sum(&everyone, &Wanted { issues: true, ..Wanted::default() })?.only();
        let counted = reasons.reasons().filter(|(_, count)| *count != 0);
        let mut quarantine: Vec<QuarantineCount> =
            counted.map(|(reason, count)| QuarantineCount { reason: reason.name().into(), count }).collect();
        quarantine.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));

        let issues_over_time = scan.sum(&question, &Wanted { issues: true, points: &points, ..Wanted::default() })?;
        let counters = &[Counter::Impressions];
        let bots_over_time = scan.sum(&only_bots, &Wanted { counters, points: &points, ..Wanted::default() })?;
        let point = |(place, start): (u32, &u32)| QualityPoint {
            time: minute_ms(*start),
            issues: issues_over_time.point(place).map_or(0, |totals| totals.issues()),
            bots: bots_over_time.point(place).map_or(0, |totals| totals.counter(Counter::Impressions)),
        };
        let series = (0..).zip(&points).map(point).collect();
        let beacons = all.counter(Counter::Beacons);
        Ok(scan.answer(&question, Quality { beacons, impressions, issues, bots, quarantine, series }))
    }
}

/// The name of an issue; one of a newer version has its number only.
fn issue_name(number: u16) -> String {
    let issue = u8::try_from(number).ok().and_then(Issue::from_number);
    issue.map_or_else(|| format!("issue_{number}"), |issue| issue.name().to_string())
}
