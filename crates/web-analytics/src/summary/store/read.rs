//! Reading one site's blocks, all from the same moment.

use std::sync::Arc;

use fjall::{Keyspace, Readable, Snapshot};

use super::block::{Block, Section};
use super::cache::{Column, ColumnKey};
use super::cube::{Cube, Tier};
use super::key::BlockKey;
use super::numbers::Numbers;
use super::sparse::Sparse;
use super::{HOUR_MINUTES, SummaryStore, floor};
use crate::error::{Error, Result};
use crate::summary::cell::SiteId;
use crate::summary::dimension::Dimension;

/// No block's period is longer, minutes (a day of 25 hours, and some).
const PERIOD_MINUTES_MAX: u32 = 27 * 60;

/// Reads of one site. Nothing that it offers takes a site.
#[derive(Clone, Copy)]
pub struct SiteReader<'a> {
    store: &'a SummaryStore,
    site: SiteId,
}

impl<'a> SiteReader<'a> {
    pub(super) fn new(store: &'a SummaryStore, site: SiteId) -> Self {
        SiteReader { store, site }
    }

    /// Which site.
    pub fn site(&self) -> SiteId {
        self.site
    }

    pub(super) fn store(&self) -> &'a SummaryStore {
        self.store
    }

    /// The site's blocks as they are now.
    pub(in crate::summary) fn view(&self) -> View<'a> {
        View { store: self.store, snapshot: self.store.db.snapshot(), site: self.site }
    }
}

/// One site's blocks at one moment.
pub(in crate::summary) struct View<'a> {
    store: &'a SummaryStore,
    snapshot: Snapshot,
    site: SiteId,
}

impl<'a> View<'a> {
    /// First minute that a tier still holds.
    pub(in crate::summary) fn floor(&self, tier: Tier) -> Result<u32> {
        floor(&self.snapshot, &self.store.meta, self.site, tier)
    }

    /// Fresh chunks that touch minutes `from..to`.
    pub(in crate::summary) fn fresh(&self, from: u32, to: u32) -> Result<Vec<CachedBlock<'a>>> {
        self.read(None, 0, HOUR_MINUTES, from, to)
    }

    /// Blocks of a cube that touch minutes `from..to`. Where a cube has no block since the site didn't use its dimension, the
    /// tier's base tells the same.
    pub(in crate::summary) fn folded(&self, tier: Tier, cube: Cube, from: u32, to: u32) -> Result<Vec<CachedBlock<'a>>> {
        let period = if tier == Tier::Minute { HOUR_MINUTES } else { PERIOD_MINUTES_MAX };
        let mut blocks = self.read(Some(tier), cube.id, period, from, to)?;
        if cube.own_dimension().is_some() {
            let present: Vec<u32> = blocks.iter().map(CachedBlock::start).collect();
            let base = self.read(Some(tier), tier.base().id, period, from, to)?;
            blocks.extend(base.into_iter().filter(|block| present.binary_search(&block.start()).is_err()));
        }
        Ok(blocks)
    }

    fn read(&self, tier: Option<Tier>, cube: u8, period: u32, from: u32, to: u32) -> Result<Vec<CachedBlock<'a>>> {
        let mut blocks = Vec::new();
        if from >= to {
            return Ok(blocks);
        }
        let keyspace: &Keyspace = tier.map_or(&self.store.fresh, |tier| self.store.keyspace(tier));
        let starts = from.saturating_sub(period)..=to - 1;
        for entry in self.snapshot.range(keyspace, BlockKey::range(self.site, cube, starts)) {
            let (key, bytes) = entry.into_inner()?;
            let key = BlockKey::from_bytes(&key)?;
            debug_assert_eq!(key.site, self.site);
            let block = Block::open(bytes)?;
            if block.end() > from {
                blocks.push(CachedBlock { store: self.store, tier, key, block });
            }
        }
        Ok(blocks)
    }
}

/// A block whose columns are decoded once while they stay in the cache.
pub(in crate::summary) struct CachedBlock<'a> {
    store: &'a SummaryStore,
    tier: Option<Tier>,
    key: BlockKey,
    block: Block,
}

impl CachedBlock<'_> {
    pub(in crate::summary) fn rows(&self) -> usize {
        self.block.rows()
    }

    /// First minute.
    pub(in crate::summary) fn start(&self) -> u32 {
        self.block.start()
    }

    /// Minute after the last.
    pub(in crate::summary) fn end(&self) -> u32 {
        self.block.end()
    }

    /// Minutes of a slot.
    pub(in crate::summary) fn slot_minutes(&self) -> u32 {
        match self.tier {
            None | Some(Tier::Minute) => 1,
            Some(Tier::Hour) => HOUR_MINUTES,
            Some(Tier::Day) => self.end() - self.start(),
        }
    }

    /// Whether a column has anything but zeros.
    pub(in crate::summary) fn has(&self, section: Section) -> bool {
        self.block.has(section)
    }

    fn column(&self, section: Section, decode: impl Fn() -> Result<Column>) -> Result<Column> {
        let key: ColumnKey = (self.tier, self.key, section);
        if let Some(column) = self.store.cache.get(&key) {
            return Ok(column);
        }
        let column = decode()?;
        self.store.cache.insert(key, column.clone());
        Ok(column)
    }

    /// Texts of a dimension; one empty text if the cube or the site doesn't use it.
    pub(in crate::summary) fn texts(&self, dimension: Dimension) -> Result<Arc<[Arc<str>]>> {
        let section = Section::texts(dimension);
        match self.column(section, || Ok(Column::Texts(self.block.texts(dimension)?.into())))? {
            Column::Texts(texts) => Ok(texts),
            _ => Err(wrong_kind()),
        }
    }

    /// Places in [`CachedBlock::texts`], slots, or zigzag values of a counter.
    pub(in crate::summary) fn numbers(&self, section: Section) -> Result<Arc<Numbers>> {
        if !self.block.has(section) {
            return Ok(Arc::default());
        }
        match self.column(section, || Ok(Column::Numbers(Arc::new(self.block.numbers(section)?))))? {
            Column::Numbers(numbers) => Ok(numbers),
            _ => Err(wrong_kind()),
        }
    }

    /// A sparse column; `None` if it is empty.
    pub(in crate::summary) fn sparse(&self, section: Section) -> Result<Option<Arc<Sparse>>> {
        if !self.block.has(section) {
            return Ok(None);
        }
        match self.column(section, || Ok(Column::Sparse(Arc::new(self.block.sparse(section)?))))? {
            Column::Sparse(sparse) => Ok(Some(sparse)),
            _ => Err(wrong_kind()),
        }
    }
}

fn wrong_kind() -> Error {
    Error::damaged("column cache", "a column of another kind")
}
