//! What lookups share: the cache before them, and matching what was found with what was asked for.

mod cache;
mod found;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use cache::CachedLookup;
pub(crate) use found::{assemble, with_values};

use crate::catalog::{OptionKind, OptionSpec, Settings};
use crate::connector::Lookup;

/// Options of every lookup.
pub(crate) const CACHE: OptionSpec = OptionSpec::flink(
    "lookup.cache",
    OptionKind::OneOf(&["NONE", "PARTIAL"]),
    Some("NONE"),
    "`PARTIAL` keeps rows that were looked up, for `expire-after-write` or until there are `max-rows` newer ones.",
);
pub(crate) const MAX_ROWS: OptionSpec = OptionSpec::flink(
    "lookup.partial-cache.max-rows",
    OptionKind::Integer,
    Some("10000"),
    "Rows that the cache of one worker holds; a key without rows counts as one.",
);
pub(crate) const EXPIRE: OptionSpec = OptionSpec::flink(
    "lookup.partial-cache.expire-after-write",
    OptionKind::Duration,
    None,
    "How long a row is kept; without it until there is no room.",
);
pub(crate) const MISSING: OptionSpec = OptionSpec::flink(
    "lookup.partial-cache.cache-missing-key",
    OptionKind::Boolean,
    Some("true"),
    "Whether it is kept, too, that a key has no rows.",
);

/// What the options say of the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheSettings {
    rows_max: usize,
    expire: Option<Duration>,
    missing: bool,
}

impl CacheSettings {
    /// `None` where there is no cache.
    pub(crate) fn new(settings: &Settings<'_>) -> Option<Self> {
        let rows_max = settings.integer(MAX_ROWS.name).and_then(|rows| usize::try_from(rows).ok()).unwrap_or(0);
        (settings.word(CACHE.name) == Some("PARTIAL") && rows_max > 0).then(|| CacheSettings {
            rows_max,
            expire: settings.duration(EXPIRE.name),
            missing: settings.flag(MISSING.name),
        })
    }

    /// Puts a cache before a lookup where one is asked for.
    pub(crate) fn before(settings: Option<Self>, lookup: Box<dyn Lookup>) -> Box<dyn Lookup> {
        match settings {
            Some(settings) => Box::new(CachedLookup::new(lookup, settings)),
            None => lookup,
        }
    }
}
