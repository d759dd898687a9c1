//! A cell: what happened in one site, in one stretch of time, for one combination of dimensions.
//!
//! Cells are *additive*: a change of an impression or a session is a [`CellDelta`], and the sum of all deltas of a cell
//! is the cell. Nothing else writes summaries, so replay after a crash applies each checkpoint's deltas exactly once.

pub use super::dimension::Dimensions;

/// A site's number: stable, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub u32);

/// Minutes since 1970 UTC, by ingestion time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Minute(pub u32);

impl Minute {
    /// The minute of a time; 0 before 1970.
    pub fn of_ms(time_ms: i64) -> Self {
        Minute(u32::try_from(time_ms.div_euclid(60_000)).unwrap_or(0))
    }
}

/// How many dimensions of its own a site may declare.
pub const CUSTOM_DIMENSIONS: usize = 4;

/// Where a delta belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellKey {
    /// The site.
    pub site: SiteId,
    /// Minute of the impression's, or of the session's, first beacon.
    pub minute: Minute,
    /// The combination of dimensions.
    pub dimensions: Dimensions,
}

/// A counter of a cell. The discriminants are stored: only append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Counter {
    /// Beacons received, duplicates included.
    Beacons = 0,
    /// Page impressions.
    Impressions = 1,
    /// Sessions that started.
    Sessions = 2,
    /// Sessions with one impression and no interactive event.
    Bounces = 3,
    /// Impressions of all sessions that started here.
    SessionImpressions = 4,
    /// Length of all sessions that started here, from first to last beacon.
    SessionSeconds = 5,
    /// Orders, each once.
    Orders = 6,
    /// Value of those orders, in cents.
    RevenueCents = 7,
    /// Script errors.
    Errors = 8,
    /// User events.
    Events = 9,
    /// Beacons in quarantine. Their reasons are counted among the issues.
    Quarantined = 10,
}

/// A timer (or score) with a histogram. The discriminants are stored: only append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Metric {
    /// Largest contentful paint, ms.
    Lcp = 0,
    /// Interaction to next paint, ms.
    Inp = 1,
    /// Cumulative layout shift, score × 10,000.
    Cls = 2,
    /// First contentful paint, ms.
    Fcp = 3,
    /// Time to first byte, ms.
    Ttfb = 4,
    /// Load event, ms.
    Load = 5,
}

/// A change of one cell: all of it is added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures {
    /// Counters by [`Counter`]; absent is zero.
    pub counters: Vec<(Counter, i64)>,
    /// Histogram changes: metric, bucket (see [`super::histogram`]), count (negative retracts).
    pub samples: Vec<(Metric, u16, i32)>,
    /// Changes of the rating counters: metric, rating 0 good / 1 needs improvement / 2 poor, count.
    pub ratings: Vec<(Metric, u8, i32)>,
    /// Issues by bit number (see [`crate::beacon::Issue`]), count.
    pub issues: Vec<(u8, i32)>,
    /// Hashes of visitors seen; a set: only ever added.
    pub visitors: Vec<u64>,
}

/// One change of one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellDelta {
    /// Which cell.
    pub key: CellKey,
    /// By how much.
    pub measures: Measures,
}

impl From<&CellKey> for CellKey {
    fn from(key: &CellKey) -> Self {
        key.clone()
    }
}
