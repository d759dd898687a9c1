//! Sessions, computed from segments: pure, so that it can be done again after every beacon.

use super::contribution::Contribution;
use super::fold::Totals;
use super::segment::{Body, Segment};
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
    /// What it adds to its cell, if it is a session at all.
    pub(super) said: Option<Contribution>,
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
            said: None,
        }
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

    /// Takes in what a kept segment of it has grown by, without looking at the others. What it then adds to its cell.
    pub(super) fn grow(&mut self, segment: &Segment, before: &Totals, segments: &[Segment]) -> Option<Contribution> {
        self.last_ms = self.last_ms.max(segment.last_ms);
        self.totals.grow(before, &segment.totals);
        self.beacons_kept += segment.totals.beacons.saturating_sub(before.beacons) as usize;
        self.contribution(segments)
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

    fn contribution(&self, segments: &[Segment]) -> Option<Contribution> {
        let entry = segments.get(self.entry?)?;
        let key = match &entry.body {
            Body::Open(open) => open.key.clone()?,
            Body::Closed(closed) => closed.key.clone()?,
            Body::Overflow(_) => return None,
        };
        let minute = Minute(u32::try_from(self.first_ms.div_euclid(60_000)).unwrap_or(0));
        let key = if key.minute == minute { key } else { Arc::new(CellKey { minute, ..(*key).clone() }) };
        let mut it = Contribution::to(key);
        it.count(Counter::Sessions, 1);
        it.count(Counter::Bounces, i64::from(self.is_bounce()));
        it.count(Counter::SessionImpressions, i64::from(self.impressions));
        it.count(Counter::SessionSeconds, self.seconds());
        if self.oversized {
            it.issues.add(Issue::OversizedSession);
        }
        Some(it)
    }
}

/// Makes `sessions` those of `segments`, which are in the order of time. Notes at each segment whether it is an impression: it
/// has to be anchored, and no earlier segment of the same session may be the same impression.
pub(super) fn of(segments: &mut [Segment], gap_ms: i64, sessions: &mut Vec<Session>) {
    sessions.clear();
    for at in 0..segments.len() {
        let Some((before, [segment, ..])) = segments.split_at_mut_checked(at) else { break };
        let fits = sessions.last().is_some_and(|session| {
            segment.first_ms.saturating_sub(session.last_ms) <= gap_ms
                && segment.first_ms.saturating_sub(session.first_ms) <= AGE_MS_MAX
        });
        if !fits {
            sessions.push(Session::starting(at, segment));
        }
        let Some(session) = sessions.last_mut() else { break };
        let again = segment.repeated && {
            let mut earlier = before.get(session.segments.start..).unwrap_or_default().iter();
            earlier.any(|other| other.counted && other.impression == segment.impression)
        };
        let counted = segment.anchored() && !again;
        if segment.is_open() && segment.counted != counted {
            segment.counted = counted;
            segment.changed = true;
        }
        session.add(at, segment);
    }
    for session in sessions {
        session.said = session.contribution(segments);
    }
}

/// The session that something at `time_ms` is part of.
pub(super) fn at(sessions: &[Session], time_ms: i64) -> Option<&Session> {
    sessions.iter().rev().find(|session| session.first_ms <= time_ms)
}
