//! What is asked: parameters as they come, and what they mean for a site.

use serde::{Deserialize, Serialize};

use super::SiteQuery;
use crate::error::{Error, Result};
use crate::summary::dimension::Dimension;
use crate::summary::store::{Grain, Period};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const RANGE_DAYS_MAX: i64 = 400;
/// Points of a series that `auto` aims at.
const AUTO_POINTS: u32 = 200;
/// Points that an answer may have.
const POINTS_MAX: u32 = 3_000;
/// Values in all filters together.
const FILTER_VALUES_MAX: usize = 100;
/// Bytes of a value in a filter.
const FILTER_VALUE_LEN_MAX: usize = 2_048;

/// Whether declared bots count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotFilter {
    /// Humans only.
    #[default]
    Exclude,
    /// Both.
    Include,
    /// Bots only.
    Only,
}

/// Distance of a series' points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A minute.
    Minute,
    /// An hour of the site's day.
    Hour,
    /// A day of the site.
    Day,
    /// The finest that makes at most about 200 points.
    #[default]
    Auto,
}

/// Parameters of all endpoints; an endpoint ignores those that it doesn't have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Unix ms; default: 24 hours before `to`.
    pub from: Option<i64>,
    /// Unix ms, exclusive; default: now.
    pub to: Option<i64>,
    /// Each `dimension:value`.
    pub filter: Vec<String>,
    /// Whether bots count.
    pub bots: BotFilter,
    /// Distance of points.
    pub interval: Interval,
    /// Of a time series: names, separated by commas.
    pub metrics: Option<String>,
    /// Of a histogram.
    pub metric: Option<String>,
    /// Of a histogram: the dimension whose values are compared.
    pub by: Option<String>,
    /// Of a breakdown.
    pub dimension: Option<String>,
    /// Rows or values.
    pub limit: Option<u32>,
    /// Of values.
    pub prefix: Option<String>,
}

impl Parameters {
    /// Reads the pairs of a query string.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a value that doesn't parse, [`Error::Unknown`] for a name that doesn't exist.
    pub fn from_pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Result<Self> {
        let mut parameters = Parameters::default();
        for (name, value) in pairs {
            match name {
                "from" => parameters.from = Some(number("from", value)?),
                "to" => parameters.to = Some(number("to", value)?),
                "filter" => parameters.filter.push(value.into()),
                "bots" => parameters.bots = choice("bots", value, "exclude, include or only")?,
                "interval" => parameters.interval = choice("interval", value, "minute, hour, day or auto")?,
                "metrics" => parameters.metrics = Some(value.into()),
                "metric" => parameters.metric = Some(value.into()),
                "by" => parameters.by = Some(value.into()),
                "dimension" => parameters.dimension = Some(value.into()),
                "limit" => parameters.limit = Some(number("limit", value)?),
                "prefix" => parameters.prefix = Some(value.into()),
                _ => {
                    let hint = "from, to, filter, bots, interval, metrics, metric, by, dimension, limit or prefix";
                    return Err(Error::Unknown { kind: "parameter", name: name.into(), hint: hint.into() });
                }
            }
        }
        Ok(parameters)
    }
}

fn number<T: std::str::FromStr>(parameter: &'static str, value: &str) -> Result<T> {
    value.parse().map_err(|_| bad(parameter, format!("`{value}` is not a number that fits"), "a whole number"))
}

fn choice<T: for<'v> Deserialize<'v>>(parameter: &'static str, value: &str, choices: &str) -> Result<T> {
    let text = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(value);
    T::deserialize(text).map_err(|_| bad(parameter, format!("`{value}` is none of its values"), choices))
}

pub(super) fn bad(parameter: &'static str, reason: String, hint: &str) -> Error {
    Error::Parameter { parameter, reason, hint: hint.into() }
}

/// What all questions share.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// Minutes.
    pub(super) range: Period,
    /// A cell must have one of the values of each.
    pub(super) filters: Vec<(Dimension, Vec<String>)>,
    pub(super) bots: BotFilter,
    /// Never a month.
    pub(super) interval: Grain,
}

impl SiteQuery<'_> {
    pub(super) fn question(&self, parameters: &Parameters, now_ms: i64) -> Result<Question> {
        let to = parameters.to.unwrap_or(now_ms);
        let from = parameters.from.unwrap_or(to.saturating_sub(DAY_MS));
        if from < 0 || from >= to {
            return Err(bad("from", format!("{from} is not before `to` ({to})"), "Unix milliseconds, from before to"));
        }
        if to - from > RANGE_DAYS_MAX * DAY_MS {
            let days = ((to - from) as u64).div_ceil(DAY_MS as u64);
            return Err(Error::Limit { what: "range in days", asked: days, limit: RANGE_DAYS_MAX as u64 });
        }
        let minute = |ms: i64| {
            u32::try_from(ms / MINUTE_MS).ok().filter(|minute| *minute < u32::MAX / 2).ok_or_else(|| {
                bad("to", format!("{ms} is thousands of years away"), "Unix milliseconds, not micro- or nanoseconds")
            })
        };
        let range = Period { start: minute(from)?, end: minute(to.saturating_add(MINUTE_MS - 1))? };
        let interval = match parameters.interval {
            Interval::Minute => Grain::Minute,
            Interval::Hour => Grain::Hour,
            Interval::Day => Grain::Day,
            Interval::Auto => match range.end - range.start {
                ..=AUTO_POINTS => Grain::Minute,
                minutes if minutes <= AUTO_POINTS * 60 => Grain::Hour,
                _ => Grain::Day,
            },
        };
        Ok(Question { range, filters: self.filters(&parameters.filter)?, bots: parameters.bots, interval })
    }

    fn filters(&self, texts: &[String]) -> Result<Vec<(Dimension, Vec<String>)>> {
        if texts.len() > FILTER_VALUES_MAX {
            let (asked, limit) = (texts.len() as u64, FILTER_VALUES_MAX as u64);
            return Err(Error::Limit { what: "values in filters", asked, limit });
        }
        let mut filters: Vec<(Dimension, Vec<String>)> = Vec::new();
        for text in texts {
            let (name, value) = text.split_once(':').ok_or_else(|| {
                bad("filter", format!("`{text}` has no colon"), "dimension:value, as in device:mobile")
            })?;
            if value.len() > FILTER_VALUE_LEN_MAX {
                let (asked, limit) = (value.len() as u64, FILTER_VALUE_LEN_MAX as u64);
                return Err(Error::Limit { what: "bytes of a value in a filter", asked, limit });
            }
            let dimension = self.dimension(name)?;
            match filters.iter_mut().find(|(known, _)| *known == dimension) {
                Some((_, values)) => values.push(value.into()),
                None => filters.push((dimension, vec![value.into()])),
            }
        }
        Ok(filters)
    }

    /// Where the points of a series begin; the first may begin before the range does.
    pub(super) fn points(&self, range: Period, interval: Grain) -> Result<Vec<u32>> {
        let minutes = match interval {
            Grain::Minute => 1,
            Grain::Hour => 60,
            Grain::Day | Grain::Month => 24 * 60,
        };
        let asked = (range.end - range.start) / minutes;
        if asked > POINTS_MAX {
            let (asked, limit) = (u64::from(asked), u64::from(POINTS_MAX));
            return Err(Error::Limit { what: "points of a series", asked, limit });
        }
        let mut points = Vec::new();
        let mut minute = range.start;
        while minute < range.end {
            let point = interval.period(&self.zone, minute);
            points.push(point.start);
            minute = point.end;
        }
        Ok(points)
    }
}

impl Question {
    /// The same for the time of equal length before what was told.
    pub(super) fn previous(&self, told: Period) -> Question {
        let length = self.range.end - self.range.start;
        let range = Period { start: told.start.saturating_sub(length), end: told.start };
        Question { range, ..self.clone() }
    }
}

/// Unix ms of a minute.
pub(super) fn minute_ms(minute: u32) -> i64 {
    i64::from(minute) * MINUTE_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_become_parameters() {
        let pairs =
            [("from", "5"), ("filter", "device:mobile"), ("filter", "os:iOS"), ("bots", "only"), ("limit", "7")];
        let parameters = Parameters::from_pairs(pairs).unwrap();
        assert_eq!(parameters.from, Some(5));
        assert_eq!(parameters.filter, ["device:mobile", "os:iOS"]);
        assert_eq!((parameters.bots, parameters.limit), (BotFilter::Only, Some(7)));
    }

    #[test]
    fn nonsense_is_refused_with_what_to_write_instead() {
        for (pair, code) in [
            (("from", "yesterday"), "TM-WEB-0201"),
            (("bots", "some"), "TM-WEB-0201"),
            (("limit", "-1"), "TM-WEB-0201"),
            (("form", "5"), "TM-WEB-0202"),
        ] {
            let error = Parameters::from_pairs([pair]).unwrap_err();
            assert_eq!(error.code(), code, "{pair:?}");
            assert!(error.is_callers_fault() && !error.hint().is_empty());
        }
    }
}
