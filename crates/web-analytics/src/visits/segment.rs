//! The beacons of one impression between two silences.

use super::contribution::Contribution;
use super::dimensions::{Block, Resolved};
use super::fold::{Fold, Totals};
use super::texts::Texts;
use crate::beacon::{Issue, TIMERS};
use crate::error::Result;
use crate::message::{Message, OrderTold};
use crate::summary::cell::{CellKey, Counter, Minute, SiteId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Blocks of static fields kept of one impression; beacons with yet others lose them.
const BLOCKS_MAX: usize = 16;

/// Room is made for so many beacons at a time: most impressions have about six, and doubling would waste memory.
const BEACONS_STEP: usize = 3;

/// One beacon as a segment keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fact {
    pub(super) time_ms: i64,
    pub(super) sequence: u64,
    pub(super) number: u16,
    pub(super) tells: u16,
    pub(super) issues: u16,
    /// Which of the segment's blocks has its static fields.
    pub(super) block: u8,
    /// The browser's clock; none is [`i64::MIN`].
    pub(super) client_time_ms: i64,
    pub(super) timers: [f32; TIMERS],
    pub(super) detail: Option<Box<Detail>>,
}

/// Event, error and order of a beacon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Detail {
    pub(super) event: Option<Box<str>>,
    pub(super) error: Option<(Box<str>, Box<str>)>,
    pub(super) order: Option<OrderTold>,
}

impl Fact {
    pub(super) fn new(message: &Message<'_>, time_ms: i64) -> Self {
        let detail = message.detail.as_ref().map(|detail| {
            Box::new(Detail {
                event: detail.event.map(Into::into),
                error: detail.error.map(|(text, source)| (text.into(), source.into())),
                order: detail.order,
            })
        });
        Self {
            time_ms,
            sequence: message.sequence,
            number: message.number,
            tells: message.tells,
            issues: message.issues,
            block: 0,
            client_time_ms: message.client_time_ms.unwrap_or(i64::MIN),
            timers: message.timers,
            detail,
        }
    }

    /// Its place among all beacons of a visitor.
    pub(super) fn order(&self) -> (i64, u64) {
        (self.time_ms, self.sequence)
    }
}

/// Whose beacons these are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Who {
    pub(super) site: u32,
    pub(super) visitor: [u8; 16],
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Segment {
    /// Hash of the page-impression id.
    pub(super) impression: u64,
    pub(super) first_ms: i64,
    pub(super) first_sequence: u64,
    pub(super) last_ms: i64,
    pub(super) totals: Totals,
    /// Whether it is an impression of its session, or an orphan.
    pub(super) counted: bool,
    /// There are, or were, other segments of the same impression.
    pub(super) repeated: bool,
    pub(super) body: Body,
    /// What was said about it so far.
    pub(super) said: Option<Box<Contribution>>,
    pub(super) changed: bool,
}

/// What else is known of a segment.
#[derive(Debug)]
pub(super) enum Body {
    Open(Box<Open>),
    Closed(Closed),
    /// Beacons beyond the limits, counted only.
    Overflow(Arc<CellKey>),
}

/// While beacons may come.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) id: Box<str>,
    pub(super) blocks: Vec<Block>,
    pub(super) facts: Vec<Fact>,
    pub(super) fold: Fold,
    pub(super) key: Option<Arc<CellKey>>,
    conflict: bool,
    group_conflict: bool,
    visitor: u64,
}

/// When all have come: what a session needs of it.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub(super) anchored: bool,
    pub(super) page: Arc<str>,
    /// Kept while it may be the entry.
    pub(super) key: Option<Arc<CellKey>>,
    pub(super) user: Option<Box<str>>,
}

impl Segment {
    /// Without beacons yet.
    pub(super) fn new(impression: u64, id: &str) -> Self {
        Self {
            impression,
            first_ms: i64::MAX,
            first_sequence: u64::MAX,
            last_ms: i64::MIN,
            totals: Totals::default(),
            counted: false,
            repeated: false,
            body: Body::Open(Box::new(Open { id: id.into(), ..Open::default() })),
            said: None,
            changed: true,
        }
    }

    pub(super) fn first(&self) -> (i64, u64) {
        (self.first_ms, self.first_sequence)
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.body, Body::Open(_))
    }

    pub(super) fn is_kept(&self) -> bool {
        !matches!(self.body, Body::Overflow(_))
    }

    /// Whether it has what makes an impression.
    pub(super) fn anchored(&self) -> bool {
        match &self.body {
            Body::Open(open) => open.fold.anchored,
            Body::Closed(closed) => closed.anchored,
            Body::Overflow(_) => false,
        }
    }

    /// No beacon after this belongs to it.
    pub(super) fn deadline_ms(&self, gap_ms: i64) -> i64 {
        match &self.body {
            Body::Open(open) => open.fold.deadline_ms(self.first_ms, gap_ms),
            Body::Closed(_) | Body::Overflow(_) => i64::MIN,
        }
    }

    /// Whether a beacon is the next of this segment.
    pub(super) fn takes(&self, time_ms: i64, sequence: u64, gap_ms: i64) -> bool {
        let Body::Open(open) = &self.body else { return false };
        open.facts.last().is_none_or(|last| (time_ms, sequence) >= last.order() && time_ms <= self.deadline_ms(gap_ms))
    }

    /// Takes the next beacon in.
    pub(super) fn push(&mut self, mut fact: Fact, statics: &[u8], texts: &mut Texts, who: Who) -> Result<()> {
        let Body::Open(open) = &mut self.body else { return Ok(()) };
        let known = open.blocks.iter().position(|block| *block.bytes == *statics);
        let place = known.unwrap_or_else(|| {
            if open.blocks.len() < BLOCKS_MAX {
                open.blocks.push(Block { lowest: None, bytes: statics.into() });
            }
            open.blocks.len() - 1
        });
        fact.block = place as u8;
        if open.fold.add(&fact) {
            let blocks = open.blocks.len();
            let block = open.blocks.get_mut(place).filter(|b| b.lowest.is_none_or(|lowest| fact.number < lowest));
            if let Some(block) = block {
                let known_alone = block.lowest.is_some() && blocks == 1;
                block.lowest = Some(fact.number);
                if !known_alone {
                    open.resolve(texts, who, fact.time_ms.min(self.first_ms))?;
                }
            }
        }
        if fact.order() < (self.first_ms, self.first_sequence) {
            (self.first_ms, self.first_sequence) = fact.order();
        }
        self.last_ms = open.fold.last_ms;
        self.totals = open.fold.totals;
        if open.facts.len() < 8 * BEACONS_STEP && open.facts.len() == open.facts.capacity() {
            open.facts.reserve_exact(BEACONS_STEP);
        }
        open.facts.push(fact);
        self.changed = true;
        Ok(())
    }

    /// Its beacons, to make it again with one more.
    pub(super) fn take_beacons(&mut self) -> Vec<(Fact, Box<[u8]>)> {
        let Body::Open(open) = &mut self.body else { return Vec::new() };
        let blocks = &open.blocks;
        let statics = |fact: &Fact| blocks.get(usize::from(fact.block)).map(|b| b.bytes.clone()).unwrap_or_default();
        open.facts.drain(..).map(|fact| (statics(&fact), fact)).map(|(statics, fact)| (fact, statics)).collect()
    }

    /// Whether something may have to be said.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Notes what was said.
    pub(super) fn say(&mut self, now: Option<Contribution>) {
        match (&mut self.said, now) {
            (Some(said), Some(now)) => **said = now,
            (said, now) => *said = now.map(Box::new),
        }
        self.changed = false;
    }

    /// What it adds to its cell.
    pub(super) fn contribution(&self) -> Option<Contribution> {
        let key = match &self.body {
            Body::Open(open) => open.key.clone()?,
            Body::Overflow(key) => key.clone(),
            Body::Closed(_) => return None,
        };
        let mut it = Contribution::to(key);
        it.count(Counter::Beacons, i64::from(self.totals.beacons));
        it.count(Counter::Events, i64::from(self.totals.events));
        it.count(Counter::Errors, i64::from(self.totals.errors));
        it.count(Counter::Orders, i64::from(self.totals.orders));
        it.count(Counter::RevenueCents, self.totals.revenue_cents);
        match &self.body {
            Body::Open(open) if self.counted => {
                it.count(Counter::Impressions, 1);
                it.time(&open.fold.timers());
                it.issues = open.issues();
                it.visitor = Some(open.visitor);
            }
            Body::Open(_) => it.orphans = self.totals.distinct,
            Body::Closed(_) | Body::Overflow(_) => {}
        }
        Some(it)
    }

    /// Forgets its beacons.
    pub(super) fn close(&mut self) {
        let Body::Open(open) = &mut self.body else { return };
        let user = Resolved::new(&open.blocks).ok().and_then(|resolved| resolved.fields.user.map(Into::into));
        let page = open.key.as_ref().map(|key| key.dimensions.page.clone()).unwrap_or_default();
        self.body = Body::Closed(Closed { anchored: open.fold.anchored, page, key: open.key.take(), user });
        self.said = None;
        self.changed = false;
    }
}

impl Open {
    /// Issues of the impression as a whole.
    pub(super) fn issues(&self) -> crate::beacon::Issues {
        let mut issues = self.fold.issues();
        if self.conflict {
            issues.add(Issue::StaticConflict);
        }
        if self.group_conflict {
            issues.add(Issue::GroupConflict);
        }
        issues
    }

    /// Settles the static fields, and so the cell.
    fn resolve(&mut self, texts: &mut Texts, who: Who, first_ms: i64) -> Result<()> {
        let resolved = Resolved::new(&self.blocks)?;
        let minute = Minute(u32::try_from(first_ms.div_euclid(60_000)).unwrap_or(0));
        let dimensions = resolved.dimensions(texts);
        self.key = Some(Arc::new(CellKey { site: SiteId(who.site), minute, dimensions }));
        self.conflict = resolved.conflict;
        self.group_conflict = resolved.group_conflict;
        let seed = u64::from(who.site);
        let id = resolved.fields.user.map_or(&who.visitor[..], str::as_bytes);
        self.visitor = xxh3_64_with_seed(id, seed);
        Ok(())
    }
}
