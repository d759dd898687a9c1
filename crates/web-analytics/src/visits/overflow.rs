//! Beacons beyond a session's limits: counted, not kept.

use super::Visits;
use super::dimensions::{Block, Resolved};
use super::fact::Fact;
use super::segment::{Before, Body, Segment};
use super::sessions::{self, Session};
use crate::error::Result;
use crate::message::Message;
use crate::summary::cell::{CellKey, Minute, SiteId};
use std::sync::Arc;

impl Visits {
    /// Whether the session that a beacon falls into keeps no more of its kind.
    pub(super) fn is_full(&self, sessions: &[Session], impression: u64, time_ms: i64) -> bool {
        let Some(session) = sessions::at(sessions, time_ms) else { return false };
        if time_ms > session.last_ms.saturating_add(self.gap_ms) || !session.is_full(true) {
            return false;
        }
        let known = self.segments.iter().rev().any(|s| s.impression == impression && s.is_open());
        session.is_full(!known)
    }

    /// Counts a beacon in the session's overflow segment.
    pub(super) fn overflow(
        &mut self,
        sessions: &[Session],
        message: &Message<'_>,
        time_ms: i64,
        before: &mut Before,
    ) -> Result<()> {
        let start = sessions::at(sessions, time_ms).map_or(0, |session| session.segments.start);
        let known = self.segments.iter().rposition(|segment| !segment.is_kept()).filter(|at| *at >= start);
        let fact = Fact::new(message, time_ms);
        if let Some(segment) = known.and_then(|at| self.segments.get_mut(at)) {
            before.note(segment);
            segment.count(&fact);
            return Ok(());
        }
        let mut segment = Segment::new(u64::MAX, "");
        before.note(&mut segment);
        let block = Block { lowest: Some(message.number), agent: message.agent.into(), bytes: message.statics.into() };
        let dimensions = Resolved::new(&[block])?.dimensions();
        let (site, minute) = (SiteId(self.who.site), Minute::of_ms(time_ms));
        segment.body = Body::Overflow(Arc::new(CellKey { site, minute, dimensions }));
        (segment.first_ms, segment.first_sequence) = fact.order();
        segment.count(&fact);
        self.place(segment);
        Ok(())
    }
}

impl Segment {
    fn count(&mut self, fact: &Fact<'_>) {
        self.totals.beacons = self.totals.beacons.saturating_add(1);
        self.totals.count(fact);
        self.last_ms = self.last_ms.max(fact.time_ms);
    }
}
