//! Sessions, computed from segments: pure, so that it can be done again whenever a visitor is looked at.

use super::contribution::Contribution;
use super::fold::Totals;
use super::segment::{Before, Segment};
use super::{AGE_MS_MAX, BEACONS_MAX, IMPRESSIONS_MAX};
use crate::beacon::{Issue, Tells};
use crate::summary::cell::{CellKey, Counter, Minute};
use std::ops::Range;
use std::sync::Arc;

/// Segments without a gap between them.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    /// Which segments belong to it.
    pub(super) segments: Range<usize>,
    /// Its first and last impression.
    pub(super) entry: Option<usize>,
    pub(super) exit: Option<usize>,
    pub(super) impressions: u32,
    pub(super) totals: Totals,
    pub(super) oversized: bool,
    /// Beacons kept, as opposed to counted only.
    pub(super) beacons_kept: usize,
}

impl Session {
    fn starting(at: usize, segment: &Segment) -> Self {
        Self {
            first_ms: segment.first_ms,
            last_ms: segment.last_ms,
            segments: at..at,
            entry: None,
            exit: None,
            impressions: 0,
            totals: Totals::default(),
            oversized: false,
            beacons_kept: 0,
        }
    }

    /// Whether a later segment belongs to it.
    fn takes(&self, segment: &Segment, gap_ms: i64) -> bool {
        segment.first_ms.saturating_sub(self.last_ms) <= gap_ms
            && segment.first_ms.saturating_sub(self.first_ms) <= AGE_MS_MAX
    }

    fn add(&mut self, at: usize, segment: &Segment) {
        self.segments.end = at + 1;
        self.last_ms = self.last_ms.max(segment.last_ms);
        self.totals.grow(&Totals::default(), &segment.totals);
        if segment.counted {
            self.impressions += 1;
            self.entry.get_or_insert(at);
            self.exit = Some(at);
        }
        if segment.is_kept() {
            self.beacons_kept += segment.totals.beacons as usize;
        } else {
            self.oversized = true;
        }
    }

    /// Takes in what a kept segment of it has grown by, without looking at the others.
    pub(super) fn grow(&mut self, segment: &Segment, before: &Totals) {
        self.last_ms = self.last_ms.max(segment.last_ms);
        self.totals.grow(before, &segment.totals);
        self.beacons_kept += segment.totals.beacons.saturating_sub(before.beacons) as usize;
    }

    /// Exactly one impression, and nothing done on it.
    pub(super) fn is_bounce(&self) -> bool {
        self.impressions == 1 && !self.oversized && !self.totals.tells(Tells::INTERACTIVE)
    }

    /// From first to last beacon.
    pub(super) fn seconds(&self) -> i64 {
        self.last_ms.saturating_sub(self.first_ms).div_euclid(1_000)
    }

    /// Whether it is at its limits.
    pub(super) fn is_full(&self, new_impression: bool) -> bool {
        self.beacons_kept >= BEACONS_MAX || new_impression && self.segments.len() >= IMPRESSIONS_MAX
    }

    /// What it adds to its cell, if it is a session at all.
    pub(super) fn contribution(&self, segments: &[Segment]) -> Option<Contribution> {
        let key = segments.get(self.entry?)?.key()?;
        let minute = Minute::of_ms(self.first_ms);
        let key = if key.minute == minute { key.clone() } else { Arc::new(CellKey { minute, ..(**key).clone() }) };
        let mut it = Contribution::to(
            key,
            [
                (Counter::Sessions, 1),
                (Counter::Bounces, i64::from(self.is_bounce())),
                (Counter::SessionImpressions, i64::from(self.impressions)),
                (Counter::SessionSeconds, self.seconds()),
                (Counter::Orders, 0),
                (Counter::RevenueCents, 0),
            ],
        );
        if self.oversized {
            it.issues.add(Issue::OversizedSession);
        }
        Some(it)
    }
}

/// Makes `sessions` those of `segments`, which are in the order of time. Notes at each segment whether it is an impression: it
/// has to be anchored, and no earlier segment of the same session may be the same impression.
pub(super) fn of(segments: &mut [Segment], gap_ms: i64, sessions: &mut Vec<Session>, before: &mut Before) {
    sessions.clear();
    for at in 0..segments.len() {
        let Some((earlier, [segment, ..])) = segments.split_at_mut_checked(at) else { break };
        if sessions.last().is_none_or(|session| !session.takes(segment, gap_ms)) {
            sessions.push(Session::starting(at, segment));
        }
        let Some(session) = sessions.last_mut() else { break };
        let again = segment.repeated && {
            let mut earlier = earlier.get(session.segments.start..).unwrap_or_default().iter();
            earlier.any(|other| other.counted && other.impression == segment.impression)
        };
        let counted = segment.anchored() && !again;
        if segment.is_open() && segment.counted != counted {
            before.note(segment);
            before.leave(segment.visitor());
            segment.counted = counted;
        }
        session.add(at, segment);
    }
}

/// When the first session ends, unless more comes.
pub(super) fn first_end(segments: &[Segment], gap_ms: i64) -> Option<i64> {
    let (first, rest) = segments.split_first()?;
    let mut session = Session::starting(0, first);
    for segment in rest {
        if !session.takes(segment, gap_ms) {
            break;
        }
        session.last_ms = session.last_ms.max(segment.last_ms);
    }
    Some(session.last_ms.saturating_add(gap_ms))
}

/// The session that something at `time_ms` is part of.
pub(super) fn at(sessions: &[Session], time_ms: i64) -> Option<&Session> {
    sessions.iter().rev().find(|session| session.first_ms <= time_ms)
}
