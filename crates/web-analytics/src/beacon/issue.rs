//! What can be wrong with a beacon, an impression or a session. Issues annotate; they never remove anything.

/// An issue by its bit number. The discriminants are stored: only append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Issue {
    /// A beacon number came twice for an impression.
    DuplicateBeacon = 0,
    /// An impression that has beacons but not that of its navigation.
    MissingNav = 1,
    /// An impression that was left, or has closed, without a load beacon.
    MissingLoad = 2,
    /// A timer below zero or above what counts; it was left out.
    MetricOutOfRange = 3,
    /// The browser's clock is more than 24 hours off.
    ClockSkew = 4,
    /// Two beacons of an impression disagree about a field that cannot change.
    StaticConflict = 5,
    /// Two beacons of an impression name different A/B groups.
    GroupConflict = 6,
    /// An A/B group that the site did not declare.
    UnknownGroup = 7,
    /// An order whose id was counted before.
    DuplicateOrder = 8,
    /// A field of a wrong type or beyond its limit; it was left out (long texts: cut).
    MalformedField = 9,
    /// A beacon whose impression is unknown or has closed.
    OrphanEvent = 10,
    /// A session beyond the limit of beacons or impressions kept.
    OversizedSession = 11,
    /// The session id was missing.
    GeneratedId = 12,
}

impl Issue {
    /// All, in the order of their bit numbers.
    pub const ALL: [Self; 13] = [
        Self::DuplicateBeacon,
        Self::MissingNav,
        Self::MissingLoad,
        Self::MetricOutOfRange,
        Self::ClockSkew,
        Self::StaticConflict,
        Self::GroupConflict,
        Self::UnknownGroup,
        Self::DuplicateOrder,
        Self::MalformedField,
        Self::OrphanEvent,
        Self::OversizedSession,
        Self::GeneratedId,
    ];

    /// As it is written in rows and queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::DuplicateBeacon => "duplicate_beacon",
            Self::MissingNav => "missing_nav",
            Self::MissingLoad => "missing_load",
            Self::MetricOutOfRange => "metric_out_of_range",
            Self::ClockSkew => "clock_skew",
            Self::StaticConflict => "static_conflict",
            Self::GroupConflict => "group_conflict",
            Self::UnknownGroup => "unknown_group",
            Self::DuplicateOrder => "duplicate_order",
            Self::MalformedField => "malformed_field",
            Self::OrphanEvent => "orphan_event",
            Self::OversizedSession => "oversized_session",
            Self::GeneratedId => "generated_id",
        }
    }

    /// The issue of a bit number in [`crate::summary::cell::Measures::issues`].
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// A set of issues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Issues(pub u16);

impl Issues {
    /// Adds one.
    pub fn add(&mut self, issue: Issue) {
        self.0 |= 1 << issue as u8;
    }

    /// Adds all of `other`.
    pub fn union(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether `issue` is in the set.
    pub fn has(self, issue: Issue) -> bool {
        self.0 & (1 << issue as u8) != 0
    }

    /// Those in the set.
    pub fn iter(self) -> impl Iterator<Item = Issue> {
        Issue::ALL.into_iter().filter(move |issue| self.has(*issue))
    }
}

/// Why a beacon is in quarantine. The discriminants are stored: only append.
///
/// In summaries a reason is counted among the issues, by [`Reason::number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// There was no body.
    Empty = 0,
    /// The body is not a JSON object.
    NotJson = 1,
    /// The body is not UTF-8.
    NotText = 2,
    /// It names no page impression (`p`, `pid`).
    NoImpression = 3,
    /// Its version (`v`) is not one that is understood.
    UnknownVersion = 4,
    /// Its site is gone.
    UnknownSite = 5,
    /// The record is no envelope.
    Unreadable = 6,
}

impl Reason {
    /// All, in the order of their discriminants.
    pub const ALL: [Self; 7] = [
        Self::Empty,
        Self::NotJson,
        Self::NotText,
        Self::NoImpression,
        Self::UnknownVersion,
        Self::UnknownSite,
        Self::Unreadable,
    ];
    const FIRST_NUMBER: u8 = 64;

    /// As it is written in rows and queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotJson => "not_json",
            Self::NotText => "not_utf8",
            Self::NoImpression => "no_impression_id",
            Self::UnknownVersion => "unknown_version",
            Self::UnknownSite => "unknown_site",
            Self::Unreadable => "unreadable_record",
        }
    }

    /// Its number in [`crate::summary::cell::Measures::issues`]; above all those of [`Issue`].
    pub fn number(self) -> u8 {
        Self::FIRST_NUMBER + self as u8
    }

    /// The reason of a number in [`crate::summary::cell::Measures::issues`].
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number.checked_sub(Self::FIRST_NUMBER)?)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_issue_and_every_reason_is_found_by_its_number() {
        for issue in Issue::ALL {
            assert_eq!(Issue::from_number(issue as u8), Some(issue));
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::from_number(reason.number()), Some(reason));
            assert_eq!(Issue::from_number(reason.number()), None);
        }
    }

    #[test]
    fn a_set_has_what_was_added() {
        let mut issues = Issues::default();
        issues.add(Issue::ClockSkew);
        issues.add(Issue::GeneratedId);
        assert_eq!(issues.iter().collect::<Vec<_>>(), [Issue::ClockSkew, Issue::GeneratedId]);
    }
}
