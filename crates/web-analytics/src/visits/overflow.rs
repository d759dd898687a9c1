//! Beacons beyond a session's limits: counted, not kept.

use super::Visits;
use super::dimensions::{Block, Resolved};
use super::segment::{Body, Fact, Segment};
use super::sessions;
use super::texts::Texts;
use crate::error::Result;
use crate::message::Message;
use crate::summary::cell::{CellKey, Minute, SiteId};
use std::sync::Arc;

impl Visits {
    /// Whether the session that a beacon falls into keeps no more of its kind.
    pub(super) fn is_full(&self, impression: u64, time_ms: i64) -> bool {
        let Some(session) = sessions::at(&self.sessions, time_ms) else { return false };
        if time_ms > session.last_ms.saturating_add(self.gap_ms) || !session.is_full(true) {
            return false;
        }
        let known = self.segments.iter().rev().any(|s| s.impression == impression && s.is_open());
        session.is_full(!known)
    }

    /// Counts a beacon in the session's overflow segment.
    pub(super) fn overflow(&mut self, message: &Message<'_>, time_ms: i64, texts: &mut Texts) -> Result<()> {
        let start = sessions::at(&self.sessions, time_ms).map_or(0, |session| session.segments.start);
        let known = self.segments.iter().rposition(|segment| !segment.is_kept()).filter(|at| *at >= start);
        let fact = Fact::new(message, time_ms);
        if let Some(segment) = known.and_then(|at| self.segments.get_mut(at)) {
            segment.count(&fact);
            return Ok(());
        }
        let block = Block { lowest: Some(message.number), bytes: message.statics.into() };
        let dimensions = Resolved::new(&[block])?.dimensions(texts);
        let minute = Minute(u32::try_from(time_ms.div_euclid(60_000)).unwrap_or(0));
        let mut segment = Segment::new(u64::MAX, "");
        segment.body = Body::Overflow(Arc::new(CellKey { site: SiteId(self.who.site), minute, dimensions }));
        (segment.first_ms, segment.first_sequence) = fact.order();
        segment.count(&fact);
        self.place(segment);
        Ok(())
    }
}

impl Segment {
    fn count(&mut self, fact: &Fact) {
        self.totals.beacons = self.totals.beacons.saturating_add(1);
        self.totals.count(fact);
        self.last_ms = self.last_ms.max(fact.time_ms);
        self.changed = true;
    }
}
