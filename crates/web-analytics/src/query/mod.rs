//! Answers of the query API, from the summaries of one site.
//!
//! ```text
//! parameters ─► what is asked: range, filters, interval
//!                  │ plan: which cube tells which part of the range, coarsest first
//!                  ▼
//!               scan of the cubes' blocks, and of what is not folded yet ─► totals by point in time and value ─► answer
//! ```
//!
//! Counts, samples and visitors are planned apart, since cubes differ in what they hold. A part of the range that no
//! cube tells is named in [`Partial`]. `docs/web-analytics/query-api.md` describes parameters and answers.

mod answer;
mod breakdown;
mod histogram;
mod overview;
mod parameters;
mod plan;
mod quality;
mod realtime;
mod rows;
mod scan;
mod timeseries;
mod totals;
mod values;
mod vitals;

use jiff::tz::TimeZone;

pub use self::answer::{Answer, Counts, Partial, Range};
pub use self::breakdown::{Breakdown, BreakdownRow, Other};
pub use self::histogram::{Bar, HistogramAnswer, HistogramGroup};
pub use self::overview::Overview;
pub use self::parameters::{BotFilter, Interval, Parameters};
pub use self::quality::{BotCount, IssueCount, Quality, QualityPoint, QuarantineCount};
pub use self::realtime::{PageVisitors, Realtime};
pub use self::timeseries::{Point, Timeseries};
pub use self::values::Values;
pub use self::vitals::{Vital, Vitals};
use crate::error::{Error, Result};
use crate::summary::dimension::Dimension;
use crate::summary::store::SiteReader;

/// Questions to one site.
pub struct SiteQuery<'a> {
    reader: SiteReader<'a>,
    zone: TimeZone,
    /// Names of the site's own dimensions, in the order of its settings.
    own_dimensions: Vec<String>,
}

impl<'a> SiteQuery<'a> {
    /// Questions to the site of `reader`, whose days begin in `zone` and whose own dimensions are named so, in the
    /// order of its settings.
    pub fn new(reader: SiteReader<'a>, zone: TimeZone, own_dimensions: Vec<String>) -> Self {
        SiteQuery { reader, zone, own_dimensions }
    }

    /// The dimension of a name, built in or the site's own.
    fn dimension(&self, name: &str) -> Result<Dimension> {
        let built_in = Dimension::ALL.into_iter().find(|d| *d != Dimension::Bot && d.built_in_name() == Some(name));
        let own = || {
            let place = self.own_dimensions.iter().position(|own| own == name)?;
            Dimension::ALL.get(Dimension::Custom0.index() + place).copied()
        };
        built_in.or_else(own).ok_or_else(|| {
            let built_in =
                Dimension::ALL.into_iter().filter(|d| *d != Dimension::Bot).filter_map(Dimension::built_in_name);
            let mut known: Vec<&str> = built_in.collect();
            known.extend(self.own_dimensions.iter().map(String::as_str));
            Error::Unknown { kind: "dimension", name: name.into(), hint: format!("one of: {}", known.join(", ")) }
        })
    }
}
