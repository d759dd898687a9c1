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
//! Each open segment keeps its beacons, packed and sorted by (ingestion time, sequence). Whatever is told of it is a fold over that
//! list; a beacon that arrives in order is folded in, one that arrives out of order makes the fold start again. Sessions
//! are computed from the segments' first and last times: segments belong together when there is no more than the gap
//! between them, in other words they are the connected components of the beacons' times. So the state after any
//! permutation of the same beacons is the same, and since only differences to what was said before are emitted, so is
//! the sum of all deltas. What was said before is not kept: it follows from the state before the beacons were taken in.
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
mod fact;
mod fold;
mod overflow;
mod row;
mod segment;
mod sessions;
mod stored;
#[cfg(test)]
mod tests;
mod texts;

pub use row::{ImpressionRow, Rows, SessionRow};
pub use texts::Texts;

use crate::error::Result;
use crate::message::Message;
use crate::sites::Site;
use crate::summary::buffer::DeltaBuffer;
use contribution::{Contribution, change};
use fact::Fact;
use segment::{Before, Body, Segment, Who};
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
    /// When [`Join::close`] is scheduled; for whoever schedules it, and not part of the stored state.
    pub timer_ms: Option<i64>,
}

/// What the join shares between visitors: interned texts, the deltas that it produced, and room to work in.
#[derive(Debug, Default)]
pub struct Join {
    texts: Texts,
    /// The sessions of the visitor that is looked at.
    sessions: Vec<Session>,
    /// What its segments, and its sessions, added to their cells before.
    before: Before,
    sessions_before: Vec<Option<Contribution>>,
    /// Changes of cells since they were last taken.
    pub deltas: DeltaBuffer,
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

    /// When something closes next: [`Join::close`] is to be called once every earlier beacon has been seen.
    pub fn due_ms(&self) -> Option<i64> {
        let closing = self.segments.iter().filter(|s| s.is_open()).map(|s| s.deadline_ms(self.gap_ms));
        let ending = sessions::first_end(&self.segments, self.gap_ms);
        closing.chain(ending).min().map(|deadline| deadline.saturating_add(1))
    }

    /// Whether nothing is left to remember.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}

impl Join {
    /// Takes some beacons of one visitor in, each with its time. What changes is added to [`Join::deltas`], once for all
    /// of them.
    pub fn observe<'m>(
        &mut self,
        visits: &mut Visits,
        beacons: impl IntoIterator<Item = Result<(Message<'m>, i64)>>,
    ) -> Result<()> {
        self.look_at(visits);
        let taken = beacons.into_iter().try_for_each(|beacon| {
            let (message, time_ms) = beacon?;
            self.take(visits, &message, time_ms)
        });
        self.settle(visits);
        taken
    }

    fn take(&mut self, visits: &mut Visits, message: &Message<'_>, time_ms: i64) -> Result<()> {
        let impression = xxh3_64(message.impression.as_bytes());
        if visits.is_full(&self.sessions, impression, time_ms) {
            visits.overflow(&self.sessions, message, time_ms, &mut self.before)?;
        } else {
            let latest = visits.segments.iter().rposition(|s| s.impression == impression && s.is_kept());
            match latest.and_then(|at| Some((at, visits.segments.get_mut(at)?))) {
                Some((at, segment)) if segment.takes(time_ms, message.sequence, visits.gap_ms) => {
                    self.before.note(segment);
                    let (totals, anchored, visitor) = (segment.totals, segment.anchored(), segment.visitor());
                    let fact = Fact::new(message, time_ms);
                    segment.push(fact, message.statics, message.agent, &mut self.texts, visits.who)?;
                    self.before.leave(visitor.filter(|was| segment.visitor().as_ref() != Some(was)));
                    // Nearly all beacons make a segment grow that stays what it is, in the last session.
                    let grows = self.sessions.last_mut().filter(|session| session.segments.contains(&at));
                    if let Some(session) = grows.filter(|_| segment.anchored() == anchored) {
                        session.grow(segment, &totals);
                        return Ok(());
                    }
                }
                Some((_, segment)) if segment.is_open() && time_ms <= segment.deadline_ms(visits.gap_ms) => {
                    self.insert(visits, impression, message, time_ms)?;
                }
                Some(_) | None => self.begin(visits, impression, message, time_ms)?,
            }
        }
        self.regroup(visits);
        Ok(())
    }

    /// Works out the sessions of a visitor, and what they added to their cells.
    fn look_at(&mut self, visits: &mut Visits) {
        self.regroup(visits);
        let said = self.sessions.iter().map(|session| session.contribution(&visits.segments));
        self.sessions_before.clear();
        self.sessions_before.extend(said);
    }

    fn regroup(&mut self, visits: &mut Visits) {
        sessions::of(&mut visits.segments, visits.gap_ms, &mut self.sessions, &mut self.before);
    }

    /// A new segment for a beacon that belongs to none.
    fn begin(&mut self, visits: &mut Visits, impression: u64, message: &Message<'_>, time_ms: i64) -> Result<()> {
        let mut segment = Segment::new(impression, message.impression);
        self.before.note(&mut segment);
        let fact = Fact::new(message, time_ms);
        segment.push(fact, message.statics, message.agent, &mut self.texts, visits.who)?;
        visits.place(segment);
        Ok(())
    }

    /// A beacon that came out of order: the impression's open segments are made again, with it in its place.
    fn insert(&mut self, visits: &mut Visits, impression: u64, message: &Message<'_>, time_ms: i64) -> Result<()> {
        let mut again: Vec<Segment> = visits
            .segments
            .extract_if(.., |segment| segment.impression == impression && segment.is_open() && segment.is_kept())
            .collect();
        for segment in &mut again {
            self.before.note(segment);
            self.before.leave(segment.visitor());
        }
        let mut beacons = vec![(Fact::new(message, time_ms), message.statics, message.agent)];
        for segment in &again {
            let Body::Open(open) = &segment.body else { continue };
            for fact in open.facts.iter() {
                let fact = fact?;
                if let Some(block) = open.blocks.get(usize::from(fact.block)) {
                    beacons.push((fact, &block.bytes, &block.agent));
                }
            }
        }
        beacons.sort_by_key(|(fact, ..)| fact.order());
        // What the old ones added before is taken back through those that replace them.
        let mut noted = again.iter().map(|segment| segment.noted);
        let mut current: Option<Segment> = None;
        for (fact, statics, agent) in beacons {
            if let Some(segment) = current.take_if(|s| !s.takes(fact.time_ms, fact.sequence, visits.gap_ms)) {
                visits.place(segment);
            }
            let segment = match &mut current {
                Some(segment) => segment,
                none => {
                    let mut segment = Segment::new(impression, message.impression);
                    segment.noted = noted.next().flatten();
                    self.before.note(&mut segment);
                    none.insert(segment)
                }
            };
            segment.push(fact, statics, agent, &mut self.texts, visits.who)?;
        }
        current.into_iter().for_each(|segment| visits.place(segment));
        Ok(())
    }

    /// Says what changed: first of the segments, then of the sessions.
    fn settle(&mut self, visits: &mut Visits) {
        self.before.settle(&mut visits.segments, &mut self.deltas);
        let mut before = self.sessions_before.drain(..);
        for session in &self.sessions {
            let was = before.next().flatten();
            change(&mut self.deltas, was.as_ref(), session.contribution(&visits.segments).as_ref());
        }
        before.flatten().for_each(|was| change(&mut self.deltas, Some(&was), None));
    }

    /// Closes what no beacon can belong to any more, when all beacons before `seen_ms` have been seen; `rows` gets what closed.
    pub fn close(&mut self, visits: &mut Visits, seen_ms: i64, rows: &mut impl Rows) -> Result<()> {
        let gap_ms = visits.gap_ms;
        self.look_at(visits);
        self.settle(visits);
        for at in 0..visits.segments.len() {
            let Some(segment) = visits.segments.get(at) else { break };
            if !segment.is_open() || segment.deadline_ms(gap_ms) >= seen_ms {
                continue;
            }
            let start_ms = sessions::at(&self.sessions, segment.first_ms).map_or(segment.first_ms, |s| s.first_ms);
            let row = row::impression(visits, segment, start_ms)?;
            row.iter().for_each(|row| rows.impression(row));
            let user = row.and_then(|row| row.user).map(Into::into);
            if let Some(segment) = visits.segments.get_mut(at) {
                segment.close(user, &mut self.texts);
            }
        }
        visits.forget_cells(&self.sessions);
        let ended = self.sessions.iter().take_while(|session| session.last_ms.saturating_add(gap_ms) < seen_ms);
        // Sessions and segments are both in the order of time: what ended is in front of both.
        let mut gone = 0;
        for session in ended {
            row::session(visits, session).iter().for_each(|row| rows.session(row));
            gone += session.segments.len();
        }
        visits.segments.drain(..gone);
        visits.segments.shrink_to_fit();
        Ok(())
    }
}

impl Visits {
    /// Once a session's entry is settled, the cells of its other closed impressions are needed no more.
    fn forget_cells(&mut self, sessions: &[Session]) {
        for session in sessions {
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

    /// Keeps the segments in the order of time.
    fn place(&mut self, mut segment: Segment) {
        for other in self.segments.iter_mut().filter(|other| other.impression == segment.impression) {
            (other.repeated, segment.repeated) = (true, true);
        }
        let place = self.segments.partition_point(|other| other.first() <= segment.first());
        if self.segments.len() == self.segments.capacity() {
            // Most sessions are short: doubling, or a first capacity of four, would waste more than it saves.
            self.segments.reserve_exact(1 + self.segments.len() / 4);
        }
        self.segments.insert(place, segment);
    }
}
