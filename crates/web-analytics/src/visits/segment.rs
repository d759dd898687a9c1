//! The beacons of one impression between two silences.

use super::contribution::{Contribution, change};
use super::dimensions::{Block, Resolved};
use super::fact::{Fact, Facts};
use super::fold::{Fold, Totals};
use super::texts::Texts;
use crate::beacon::{Issue, Issues};
use crate::error::Result;
use crate::summary::buffer::DeltaBuffer;
use crate::summary::cell::{CellKey, Counter, Minute, SiteId};
use crate::summary::dimension::Dimension;
use std::num::NonZeroU32;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Blocks of static fields kept of one impression; beacons with yet others lose them.
const BLOCKS_MAX: usize = 16;

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
    /// Where [`Before`] has what it added to its cell.
    pub(super) noted: Option<NonZeroU32>,
    pub(super) body: Body,
}

/// What else is known of a segment.
#[derive(Debug)]
pub(super) enum Body {
    Open(Box<Open>),
    Closed(Box<Closed>),
    /// Beacons beyond the limits, counted only.
    Overflow(Arc<CellKey>),
}

/// While beacons may come.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) id: Box<str>,
    pub(super) blocks: Vec<Block>,
    pub(super) facts: Facts,
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

/// What segments added to their cells before they changed: what they add now is said as the difference to it.
#[derive(Debug, Default)]
pub(super) struct Before {
    contributions: Vec<Option<Contribution>>,
    /// Cells that an impression has left, and its visitor. A cell's visitors are a set that is only ever added to, so those of
    /// each state between two beacons belong to it, whether or not anything was said in between.
    left: Vec<(Arc<CellKey>, u64)>,
}

impl Before {
    /// To be called before a segment changes.
    pub(super) fn note(&mut self, segment: &mut Segment) {
        if segment.noted.is_none() {
            self.contributions.push(segment.contribution());
            segment.noted = u32::try_from(self.contributions.len()).ok().and_then(NonZeroU32::new);
        }
    }

    /// To be called with what [`Segment::visitor`] was before a segment's cell or visitor changed.
    pub(super) fn leave(&mut self, was: Option<(Arc<CellKey>, u64)>) {
        self.left.extend(was);
    }

    /// Says what changed since, and forgets it.
    pub(super) fn settle(&mut self, segments: &mut [Segment], deltas: &mut DeltaBuffer) {
        for (key, visitor) in self.left.drain(..) {
            deltas.cell(&key).visitors.push(visitor);
        }
        if self.contributions.is_empty() {
            return;
        }
        for segment in segments {
            let Some(noted) = segment.noted.take() else { continue };
            let was = self.contributions.get_mut(noted.get() as usize - 1).and_then(Option::take);
            change(deltas, was.as_ref(), segment.contribution().as_ref());
        }
        // Of segments that are no more.
        self.contributions.drain(..).flatten().for_each(|was| change(deltas, Some(&was), None));
    }
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
            noted: None,
            body: Body::Open(Box::new(Open { id: id.into(), ..Open::default() })),
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

    /// Its cell and visitor, if it is an impression.
    pub(super) fn visitor(&self) -> Option<(Arc<CellKey>, u64)> {
        match &self.body {
            Body::Open(open) if self.counted => Some((open.key.clone()?, open.visitor)),
            _ => None,
        }
    }

    /// Its cell, if it is known and still needed.
    pub(super) fn key(&self) -> Option<&Arc<CellKey>> {
        match &self.body {
            Body::Open(open) => open.key.as_ref(),
            Body::Closed(closed) => closed.key.as_ref(),
            Body::Overflow(_) => None,
        }
    }

    /// No beacon after this belongs to it.
    pub(super) fn deadline_ms(&self, gap_ms: i64) -> i64 {
        match &self.body {
            Body::Open(open) => open.fold.deadline_ms(self.first_ms, self.last_ms, gap_ms),
            Body::Closed(_) | Body::Overflow(_) => i64::MIN,
        }
    }

    /// Whether a beacon is the next of this segment.
    pub(super) fn takes(&self, time_ms: i64, sequence: u64, gap_ms: i64) -> bool {
        let Body::Open(open) = &self.body else { return false };
        open.facts.last().is_none_or(|last| (time_ms, sequence) >= last && time_ms <= self.deadline_ms(gap_ms))
    }

    /// Takes the next beacon in, whose static fields are `statics` and were sent by `agent`.
    pub(super) fn push(
        &mut self,
        mut fact: Fact<'_>,
        statics: &[u8],
        agent: &str,
        texts: &mut Texts,
        who: Who,
    ) -> Result<()> {
        let Body::Open(open) = &mut self.body else { return Ok(()) };
        let place = open.place(statics, agent, texts);
        fact.block = place as u8;
        if open.fold.add(&fact, &mut self.totals) {
            self.last_ms = self.last_ms.max(fact.time_ms);
            let blocks = open.blocks.len();
            let block = open.blocks.get_mut(place).filter(|b| b.lowest.is_none_or(|lowest| fact.number < lowest));
            if let Some(block) = block {
                let known_alone = block.lowest.is_some() && blocks == 1;
                block.lowest = Some(fact.number);
                if !known_alone {
                    open.resolve(who, fact.time_ms.min(self.first_ms))?;
                }
            }
        }
        if fact.order() < (self.first_ms, self.first_sequence) {
            (self.first_ms, self.first_sequence) = fact.order();
        }
        open.facts.push(&fact)
    }

    /// What it adds to its cell.
    pub(super) fn contribution(&self) -> Option<Contribution> {
        let key = match &self.body {
            Body::Open(open) => open.key.clone()?,
            Body::Overflow(key) => key.clone(),
            Body::Closed(_) => return None,
        };
        let counted = match &self.body {
            Body::Open(open) if self.counted => Some(open),
            _ => None,
        };
        let totals = &self.totals;
        let mut it = Contribution::to(
            key,
            [
                (Counter::Beacons, i64::from(totals.beacons)),
                (Counter::Impressions, i64::from(counted.is_some())),
                (Counter::Events, i64::from(totals.events)),
                (Counter::Errors, i64::from(totals.errors)),
                (Counter::Orders, i64::from(totals.orders)),
                (Counter::RevenueCents, totals.revenue_cents),
            ],
        );
        if let Some(open) = counted {
            it.time(open.fold.timers());
            it.issues = open.issues(totals);
            it.visitor = Some(open.visitor);
        } else if self.is_open() {
            it.orphans = totals.distinct;
        }
        Some(it)
    }

    /// Forgets its beacons, but not its visitor's id.
    pub(super) fn close(&mut self, user: Option<Box<str>>, texts: &mut Texts) {
        let Body::Open(open) = &mut self.body else { return };
        let page = open.key.as_ref().map_or("", |key| key.dimensions.get(Dimension::Page));
        let (anchored, page) = (open.fold.anchored, texts.share(page));
        self.body = Body::Closed(Box::new(Closed { anchored, page, key: open.key.take(), user }));
    }
}

impl Open {
    /// The number of the block with these static fields, kept if there is room.
    fn place(&mut self, statics: &[u8], agent: &str, texts: &mut Texts) -> usize {
        let known = self.blocks.iter().position(|block| *block.bytes == *statics && *block.agent == *agent);
        known.unwrap_or_else(|| {
            if self.blocks.len() < BLOCKS_MAX {
                // Nearly all impressions have one.
                self.blocks.reserve_exact(1);
                self.blocks.push(Block { lowest: None, agent: texts.share(agent), bytes: statics.into() });
            }
            self.blocks.len() - 1
        })
    }

    /// Issues of the impression as a whole.
    pub(super) fn issues(&self, totals: &Totals) -> Issues {
        let mut issues = totals.issues(self.fold.anchored);
        if self.conflict {
            issues.add(Issue::StaticConflict);
        }
        if self.group_conflict {
            issues.add(Issue::GroupConflict);
        }
        issues
    }

    /// Settles the static fields, and so the cell.
    fn resolve(&mut self, who: Who, first_ms: i64) -> Result<()> {
        let resolved = Resolved::new(&self.blocks)?;
        let dimensions = resolved.dimensions();
        self.conflict = resolved.conflict;
        self.group_conflict = resolved.group_conflict;
        let id = resolved.fields.user.map_or(&who.visitor[..], str::as_bytes);
        self.visitor = xxh3_64_with_seed(id, u64::from(who.site));
        self.key = Some(Arc::new(CellKey { site: SiteId(who.site), minute: Minute::of_ms(first_ms), dimensions }));
        Ok(())
    }
}
