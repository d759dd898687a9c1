//! The join: all beacons of one visitor become page impressions, and these become sessions.
//!
//! ```text
//! beacon ──▶ Segment (an impression's beacons between two silences) ──▶ session (segments without a gap between them)
//!              │ closes: leave + 60 s, or 30 min idle                      │ closes: gap
//!              ▼                                                           ▼
//!         deltas of its cell, lake row                             deltas of its cell, lake row
//! ```
//!
//! # Order does not matter
//!
//! Each open segment keeps its beacons, sorted by (ingestion time, sequence). Whatever is told of it is a fold over that
//! list; a beacon that arrives in order is folded in, one that arrives out of order makes the fold start again. Sessions
//! are computed from the segments' first and last times: segments belong together when there is no more than the gap
//! between them, in other words they are the connected components of the beacons' times. So the state after any
//! permutation of the same beacons is the same, and since only differences to what was said before are emitted, so is
//! the sum of all deltas.
//!
//! A segment's beacons are dropped when it closes: when every beacon that could still belong to it has been seen
//! ([`Join::close`]). Which beacons belong to it follows from ingestion times alone, never from when it was closed.
//!
//! # Limits
//!
//! A session keeps [`BEACONS_MAX`] beacons and [`IMPRESSIONS_MAX`] impressions; further beacons are counted
//! ([`crate::beacon::Issue::OversizedSession`]) in an overflow segment, which takes no more memory however many there are.

mod contribution;
mod dimensions;
mod fold;
mod overflow;
mod row;
mod segment;
mod sessions;
mod stored;
#[cfg(test)]
mod tests;
mod texts;

pub use row::{ImpressionRow, SessionRow};
pub use texts::Texts;

use crate::error::Result;
use crate::message::Message;
use crate::sites::Site;
use crate::summary::buffer::DeltaBuffer;
use contribution::change;
use fold::Totals;
use segment::{Body, Fact, Segment, Who};
use sessions::Session;
use xxhash_rust::xxh3::xxh3_64;

/// An impression closes so long after its page was left …
pub const LEAVE_GRACE_MS: i64 = 60_000;
/// … or after so long without a beacon (or the site's session gap, if that is shorter) …
pub const IDLE_MS: i64 = 30 * 60_000;
/// … or after so long altogether; a session too.
pub const AGE_MS_MAX: i64 = 24 * 3_600_000;
/// Beacons kept of one session.
pub const BEACONS_MAX: usize = 10_000;
/// Impressions kept of one session.
pub const IMPRESSIONS_MAX: usize = 1_000;

/// All that is known of one visitor's open sessions.
#[derive(Debug, Default)]
pub struct Visits {
    who: Who,
    /// Session id; empty where the visitor tells the session.
    session: Box<str>,
    gap_ms: i64,
    /// By (first time, sequence).
    segments: Vec<Segment>,
    /// What was said about each session so far.
    sessions: Vec<Session>,
    /// When [`Join::close`] is scheduled; for whoever schedules it, and not part of the stored state.
    pub timer_ms: Option<i64>,
    /// The one segment that changed with the last beacon, if that only made a segment of the last session grow.
    grown: Option<usize>,
}

/// What the join shares between visitors: interned texts, and the deltas and rows that it produced.
#[derive(Debug, Default)]
pub struct Join {
    texts: Texts,
    /// Room for the next sessions of a visitor, so that a beacon seldom allocates.
    next: Vec<Session>,
    /// Changes of cells since they were last taken.
    pub deltas: DeltaBuffer,
    /// Impressions that closed since they were last taken.
    pub impressions: Vec<ImpressionRow>,
    /// Sessions that closed since they were last taken.
    pub sessions: Vec<SessionRow>,
}

impl Visits {
    /// Of the visitor who sent `message`.
    pub fn new(site: &Site, message: &Message<'_>) -> Self {
        Self {
            who: Who { site: message.site, visitor: message.visitor },
            session: message.session.into(),
            gap_ms: site.session_gap_ms.clamp(1, AGE_MS_MAX),
            ..Self::default()
        }
    }

    /// When something closes next: [`Join::close`] is to be called once every earlier beacon has been seen. Where a
    /// timer is set that covers all else, only what changed since is looked at.
    pub fn due_ms(&self) -> Option<i64> {
        if let (Some(at), Some(_)) = (self.grown, self.timer_ms) {
            return self.segments.get(at).map(|segment| segment.deadline_ms(self.gap_ms).saturating_add(1));
        }
        let closing = self.segments.iter().filter(|s| s.is_open()).map(|s| s.deadline_ms(self.gap_ms));
        let ending = self.sessions.first().map(|session| session.last_ms.saturating_add(self.gap_ms));
        closing.chain(ending).min().map(|deadline| deadline.saturating_add(1))
    }

    /// Whether nothing is left to remember.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}

impl Join {
    /// Takes one beacon in. Deltas are added to [`Join::deltas`].
    pub fn observe(&mut self, visits: &mut Visits, message: &Message<'_>, time_ms: i64) -> Result<()> {
        let impression = xxh3_64(message.impression.as_bytes());
        visits.grown = None;
        if visits.is_full(impression, time_ms) {
            visits.overflow(message, time_ms, &mut self.texts)?;
        } else {
            let latest = visits.segments.iter().rposition(|s| s.impression == impression && s.is_kept());
            match latest.and_then(|at| visits.segments.get_mut(at)) {
                Some(segment) if segment.takes(time_ms, message.sequence, visits.gap_ms) => {
                    let (before, anchored) = (segment.totals, segment.anchored());
                    segment.push(Fact::new(message, time_ms), message.statics, &mut self.texts, visits.who)?;
                    visits.grown = latest.filter(|_| segment.anchored() == anchored);
                    if self.settle_grown(visits, &before) {
                        return Ok(());
                    }
                }
                Some(segment) if segment.is_open() && time_ms <= segment.deadline_ms(visits.gap_ms) => {
                    self.insert(visits, impression, message, time_ms)?;
                }
                Some(_) | None => visits.begin(impression, message, time_ms, &mut self.texts)?,
            }
        }
        self.settle(visits);
        Ok(())
    }

    /// A beacon that came out of order: the impression's open segments are made again, with it in its place.
    fn insert(&mut self, visits: &mut Visits, impression: u64, message: &Message<'_>, time_ms: i64) -> Result<()> {
        let mut beacons = vec![(Fact::new(message, time_ms), Box::from(message.statics))];
        let mut said = Vec::new();
        visits.segments.retain_mut(|segment| {
            let again = segment.impression == impression && segment.is_open() && segment.is_kept();
            if again {
                said.extend(segment.said.take());
                beacons.append(&mut segment.take_beacons());
            }
            !again
        });
        beacons.sort_by_key(|(fact, _)| fact.order());
        let mut current: Option<Segment> = None;
        let mut made = Vec::new();
        for (fact, statics) in beacons {
            if let Some(segment) = current.take_if(|s| !s.takes(fact.time_ms, fact.sequence, visits.gap_ms)) {
                made.push(segment);
            }
            let segment = current.get_or_insert_with(|| Segment::new(impression, message.impression));
            segment.push(fact, &statics, &mut self.texts, visits.who)?;
        }
        made.extend(current);
        // What was said before is taken back through the segments that replace the old ones.
        let mut said = said.into_iter();
        for mut segment in made {
            segment.said = said.next();
            visits.place(segment);
        }
        said.for_each(|said| change(&mut self.deltas, Some(&said), None));
        Ok(())
    }

    /// As [`Join::settle`], for nearly all beacons: they make a segment grow that stays what it is, in the last session.
    /// False if it was another one.
    fn settle_grown(&mut self, visits: &mut Visits, before: &Totals) -> bool {
        let Some(at) = visits.grown.take() else { return false };
        let Some(session) = visits.sessions.last_mut().filter(|s| s.segments.contains(&at)) else { return false };
        if let Some(segment) = visits.segments.get_mut(at) {
            let now = segment.contribution();
            change(&mut self.deltas, segment.said.as_deref(), now.as_ref());
            segment.say(now);
        }
        let Some(segment) = visits.segments.get(at) else { return false };
        let now = session.grow(segment, before, &visits.segments);
        if session.said != now {
            change(&mut self.deltas, session.said.as_ref(), now.as_ref());
            session.said = now;
        }
        visits.grown = Some(at);
        true
    }

    /// Says what changed: first of the segments, then of the sessions.
    fn settle(&mut self, visits: &mut Visits) {
        let sessions = &mut self.next;
        sessions::of(&mut visits.segments, visits.gap_ms, sessions);
        for segment in visits.segments.iter_mut().filter(|segment| segment.is_changed()) {
            let now = segment.contribution();
            change(&mut self.deltas, segment.said.as_deref(), now.as_ref());
            segment.say(now);
        }
        for at in 0..sessions.len().max(visits.sessions.len()) {
            let said = visits.sessions.get(at).and_then(|session| session.said.as_ref());
            let now = sessions.get(at).and_then(|session| session.said.as_ref());
            if said != now {
                change(&mut self.deltas, said, now);
            }
        }
        std::mem::swap(&mut visits.sessions, sessions);
        sessions.clear();
    }

    /// Closes what no beacon can belong to any more, when all beacons before `seen_ms` have been seen.
    pub fn close(&mut self, visits: &mut Visits, seen_ms: i64) -> Result<()> {
        visits.grown = None;
        let gap_ms = visits.gap_ms;
        for at in 0..visits.segments.len() {
            let Some(segment) = visits.segments.get(at) else { break };
            if !segment.is_open() || segment.deadline_ms(gap_ms) >= seen_ms {
                continue;
            }
            let start_ms = sessions::at(&visits.sessions, segment.first_ms).map_or(segment.first_ms, |s| s.first_ms);
            if let Some(row) = row::impression(visits, segment, start_ms)? {
                self.impressions.push(row);
            }
            if let Some(segment) = visits.segments.get_mut(at) {
                segment.close();
            }
        }
        let ended = |session: &Session| session.last_ms.saturating_add(gap_ms) < seen_ms;
        for session in visits.sessions.iter().take_while(|session| ended(session)) {
            self.sessions.extend(row::session(visits, session));
        }
        // Sessions and segments are both in the order of time: what ended is in front of both.
        let gone: usize = visits.sessions.iter().take_while(|session| ended(session)).map(|s| s.segments.len()).sum();
        visits.segments.drain(..gone);
        sessions::of(&mut visits.segments, gap_ms, &mut visits.sessions);
        visits.forget_cells();
        Ok(())
    }
}

impl Visits {
    /// Once a session's entry is settled, the cells of its other closed impressions are needed no more.
    fn forget_cells(&mut self) {
        for session in &self.sessions {
            let Some(entry) = session.entry.filter(|at| self.segments.get(*at).is_some_and(|s| !s.is_open())) else {
                continue;
            };
            let segments = self.segments.get_mut(session.segments.clone()).unwrap_or_default();
            for (at, segment) in (session.segments.start..).zip(segments) {
                if at != entry
                    && let Body::Closed(closed) = &mut segment.body
                {
                    (closed.key, closed.user) = (None, None);
                }
            }
        }
    }

    /// A new segment for a beacon that belongs to none.
    fn begin(&mut self, impression: u64, message: &Message<'_>, time_ms: i64, texts: &mut Texts) -> Result<()> {
        let mut segment = Segment::new(impression, message.impression);
        segment.push(Fact::new(message, time_ms), message.statics, texts, self.who)?;
        self.place(segment);
        Ok(())
    }

    /// Keeps the segments in the order of time.
    fn place(&mut self, mut segment: Segment) {
        for other in self.segments.iter_mut().filter(|other| other.impression == segment.impression) {
            (other.repeated, segment.repeated) = (true, true);
        }
        let place = self.segments.partition_point(|other| other.first() <= segment.first());
        self.segments.insert(place, segment);
    }
}
