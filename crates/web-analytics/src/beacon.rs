//! A beacon as the pipeline sees it, whichever way it was written.
//!
//! ```text
//! body ──▶ json ──────┐
//!      └─▶ boomerang ─┴─▶ Beacon (fields of a wrong type are left out and flagged) | Reason (quarantine)
//! ```
//!
//! Parsing never fails for a bad field: only a body that cannot be read at all, or that names no page impression, is
//! malformed. The fields and limits are those of `docs/web-analytics/beacons.md`.

mod boomerang;
mod issue;
mod json;
mod scalar;
#[cfg(test)]
mod tests;

pub use issue::{Issue, Issues, Reason};

use crate::envelope::BodyKind;
use std::borrow::Cow;

/// Longest session id, page-impression id, visitor id, name or value of a dimension, name of an event, in bytes.
pub const ID_BYTES_MAX: usize = 64;
/// Longest page address and referrer kept; a longer one is cut.
pub const URL_BYTES_MAX: usize = 2048;
/// Longest name of an A/B group.
pub const GROUP_BYTES_MAX: usize = 32;
/// Longest effective connection type.
pub const CONNECTION_BYTES_MAX: usize = 16;
/// Longest text of a script error, and of its source; a longer one is cut.
pub const ERROR_BYTES_MAX: usize = 256;
/// Most dimensions of the site's own in one beacon.
pub const DIMENSIONS_MAX: usize = 4;
/// Largest order value, positive or negative, in cents.
pub const ORDER_CENTS_MAX: i64 = 1_000_000_000_000;
/// Largest timer that counts, in ms.
pub const TIMER_MS_MAX: f64 = 60_000.0;
/// Largest cumulative layout shift that counts.
pub const CLS_MAX: f64 = 100.0;

/// What a beacon tells. Boomerang's tell several things at once, so this is a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tells(pub u16);

impl Tells {
    /// Navigation began.
    pub const NAV: Self = Self(1);
    /// The page has loaded.
    pub const LOAD: Self = Self(1 << 1);
    /// Timers as far as they are known.
    pub const VITALS: Self = Self(1 << 2);
    /// The visitor did something.
    pub const EVENT: Self = Self(1 << 3);
    /// A script failed.
    pub const ERROR: Self = Self(1 << 4);
    /// Something was bought.
    pub const ORDER: Self = Self(1 << 5);
    /// The page is still open.
    pub const PING: Self = Self(1 << 6);
    /// The page is being left.
    pub const LEAVE: Self = Self(1 << 7);
    /// The event was the visitor's doing: it ends a bounce.
    pub const INTERACTIVE: Self = Self(1 << 8);
    /// The order is the first of its id in the site. Set by the pipeline.
    pub const FIRST_ORDER: Self = Self(1 << 9);

    /// Whether any of `other` is told.
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds `other`.
    pub fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// How the page was reached. The discriminants are stored: only append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Navigation {
    /// A link, a form, an address typed.
    Navigate = 0,
    /// Loaded again.
    Reload = 1,
    /// History, or restored from the back/forward cache.
    BackForward = 2,
    /// Loaded before it was asked for.
    Prerender = 3,
    /// Within a single-page application.
    Soft = 4,
}

impl Navigation {
    const ALL: [Self; 5] = [Self::Navigate, Self::Reload, Self::BackForward, Self::Prerender, Self::Soft];

    /// As it is written in beacons, rows and queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Navigate => "navigate",
            Self::Reload => "reload",
            Self::BackForward => "back_forward",
            Self::Prerender => "prerender",
            Self::Soft => "soft",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// A timer of a beacon. The discriminants are stored: only append. The first six have histograms
/// ([`crate::summary::cell::Metric`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Timer {
    /// Largest contentful paint, ms.
    Lcp = 0,
    /// Interaction to next paint, ms.
    Inp = 1,
    /// Cumulative layout shift, a score.
    Cls = 2,
    /// First contentful paint, ms.
    Fcp = 3,
    /// Time to first byte, ms.
    Ttfb = 4,
    /// Load event, ms.
    Load = 5,
    /// `DOMContentLoaded`, ms.
    Dcl = 6,
}

/// How many timers there are.
pub const TIMERS: usize = 7;

impl Timer {
    /// All, in the order of their discriminants.
    pub const ALL: [Self; TIMERS] = [Self::Lcp, Self::Inp, Self::Cls, Self::Fcp, Self::Ttfb, Self::Load, Self::Dcl];

    /// As it is written in beacons and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lcp => "lcp",
            Self::Inp => "inp",
            Self::Cls => "cls",
            Self::Fcp => "fcp",
            Self::Ttfb => "ttfb",
            Self::Load => "load",
            Self::Dcl => "dcl",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "lcp" => Self::Lcp,
            "inp" => Self::Inp,
            "cls" => Self::Cls,
            "fcp" => Self::Fcp,
            "ttfb" => Self::Ttfb,
            "load" => Self::Load,
            "dcl" => Self::Dcl,
            _ => return None,
        })
    }

    fn max(self) -> f64 {
        if self == Self::Cls { CLS_MAX } else { TIMER_MS_MAX }
    }
}

/// An order as a beacon tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Order<'a> {
    /// The shop's id of it.
    pub id: Cow<'a, str>,
    /// Its value.
    pub value_cents: i64,
    /// ISO 4217, in capitals.
    pub currency: Option<[u8; 3]>,
}

/// A script error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptError<'a> {
    /// Its message.
    pub message: Cow<'a, str>,
    /// File and line.
    pub source: Cow<'a, str>,
}

/// One beacon, borrowed from its body as far as possible.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beacon<'a> {
    /// Session id made in the browser.
    pub session: Option<Cow<'a, str>>,
    /// Page-impression id; never empty.
    pub impression: Cow<'a, str>,
    /// Visitor id.
    pub user: Option<Cow<'a, str>>,
    /// Number of the beacon within its impression.
    pub number: u16,
    /// What it tells.
    pub tells: Tells,
    /// The browser's clock, Unix ms.
    pub client_time_ms: Option<i64>,
    /// Page address.
    pub url: Option<Cow<'a, str>>,
    /// Referrer; empty is direct traffic.
    pub referrer: Option<Cow<'a, str>>,
    /// How the page was reached.
    pub navigation: Option<Navigation>,
    /// A/B group.
    pub group: Option<Cow<'a, str>>,
    /// The site's own dimensions by name.
    pub dimensions: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Viewport, width and height in px.
    pub viewport: (Option<u16>, Option<u16>),
    /// Effective connection type.
    pub connection: Option<Cow<'a, str>>,
    /// Timers by [`Timer`]; those out of range are left out.
    pub timers: [Option<f64>; TIMERS],
    /// Name of the event; may be empty.
    pub event: Option<Cow<'a, str>>,
    /// The script error.
    pub error: Option<ScriptError<'a>>,
    /// The order.
    pub order: Option<Order<'a>>,
    /// What was wrong with it.
    pub issues: Issues,
}

impl<'a> Beacon<'a> {
    /// Reads a body, or says why it is malformed.
    pub fn parse(kind: BodyKind, body: &'a [u8]) -> Result<Self, Reason> {
        if body.is_empty() {
            return Err(Reason::Empty);
        }
        let mut beacon = match kind {
            BodyKind::Json => json::parse(body)?,
            BodyKind::Form | BodyKind::Query => boomerang::parse(body)?,
        };
        if beacon.impression.is_empty() {
            return Err(Reason::NoImpression);
        }
        if beacon.session.is_none() {
            beacon.issues.add(Issue::GeneratedId);
        }
        Ok(beacon)
    }

    /// Keeps a timer if it is in range, else flags it.
    fn measure(&mut self, timer: Timer, value: f64) {
        if (0.0..=timer.max()).contains(&value) {
            self.timers[timer as usize] = Some(value);
        } else {
            self.issues.add(Issue::MetricOutOfRange);
        }
    }
}
