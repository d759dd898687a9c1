//! Reading one site's blocks, all from the same moment.

use std::sync::Arc;

use fjall::{Keyspace, Readable, Snapshot};

use super::block::{Block, Section};
use super::cache::{Column, ColumnKey};
use super::cube::{BASE, CELLS, CUBES, Cube, Grain, Tier};
use super::key::BlockKey;
use super::numbers::Numbers;
use super::sparse::Sparse;
use super::{HOUR_MINUTES, SummaryStore, floor};
use crate::error::{Error, Result};
use crate::summary::cell::SiteId;
use crate::summary::dimension::Dimension;

/// No day is longer, minutes (clocks are turned back by an hour, and some more where the zone itself changes).
const DAY_MINUTES_MAX: u32 = 27 * 60;

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
    pub(crate) fn view(&self) -> View<'a> {
        View { store: self.store, snapshot: self.store.db.snapshot(), site: self.site }
    }
}

/// One site's blocks at one moment.
pub(crate) struct View<'a> {
    store: &'a SummaryStore,
    snapshot: Snapshot,
    site: SiteId,
}

impl<'a> View<'a> {
    /// First minute that a tier still holds.
    pub(crate) fn floor(&self, tier: Tier) -> Result<u32> {
        floor(&self.snapshot, &self.store.meta, self.site, tier)
    }

    /// The first minute of which anything is held.
    pub(crate) fn first_minute(&self) -> Result<Option<u32>> {
        let mut first = None;
        let bases = CUBES.iter().filter(|cube| cube.id == BASE || cube.tier == Tier::Minute);
        let folded = bases.map(|cube| (self.store.keyspace(cube.tier), cube.id));
        for (keyspace, cube) in folded.chain([(&self.store.fresh, CELLS.id)]) {
            if let Some(entry) = self.snapshot.range(keyspace, BlockKey::range(self.site, cube, 0..=u32::MAX)).next() {
                let start = BlockKey::from_bytes(&entry.key()?)?.start;
                first = Some(first.map_or(start, |first: u32| first.min(start)));
            }
        }
        Ok(first)
    }

    /// Fresh chunks that touch minutes `from..to`.
    pub(crate) fn fresh(&self, from: u32, to: u32) -> Result<Vec<CachedBlock<'a>>> {
        self.read(CELLS, true, HOUR_MINUTES, from, to)
    }

    /// Blocks of a cube that touch minutes `from..to`; where a cube of one dimension has none, the base's, in which that
    /// dimension is empty. These have bots, too.
    pub(crate) fn folded(&self, cube: Cube, from: u32, to: u32) -> Result<Vec<CachedBlock<'a>>> {
        let period = match cube.period {
            Grain::Minute | Grain::Hour => HOUR_MINUTES,
            Grain::Day => DAY_MINUTES_MAX,
            Grain::Month => 31 * DAY_MINUTES_MAX,
        };
        let mut blocks = self.read(cube, false, period, from, to)?;
        if let Some(base) = cube.base().filter(|_| cube.single().is_some()) {
            let told: Vec<(u32, u32)> = blocks.iter().map(|block| (block.start(), block.end())).collect();
            let untold = |block: &CachedBlock<'_>| {
                let before = told.partition_point(|(start, _)| *start <= block.start());
                before.checked_sub(1).and_then(|i| told.get(i)).is_none_or(|(_, end)| *end <= block.start())
            };
            let base = self.read(base, false, DAY_MINUTES_MAX, from, to)?;
            blocks.extend(base.into_iter().filter(untold));
        }
        Ok(blocks)
    }

    fn read(&self, cube: Cube, fresh: bool, period: u32, from: u32, to: u32) -> Result<Vec<CachedBlock<'a>>> {
        let mut blocks = Vec::new();
        if from >= to {
            return Ok(blocks);
        }
        let keyspace: &Keyspace = if fresh { &self.store.fresh } else { self.store.keyspace(cube.tier) };
        let starts = from.saturating_sub(period)..=to - 1;
        for entry in self.snapshot.range(keyspace, BlockKey::range(self.site, cube.id, starts)) {
            let (key, bytes) = entry.into_inner()?;
            let key = BlockKey::from_bytes(&key)?;
            debug_assert_eq!(key.site, self.site);
            let block = Block::open(bytes)?;
            if block.end() > from {
                blocks.push(CachedBlock { store: self.store, cube, fresh, key, block });
            }
        }
        Ok(blocks)
    }
}

/// A block whose columns are decoded once while they stay in the cache.
pub(crate) struct CachedBlock<'a> {
    store: &'a SummaryStore,
    cube: Cube,
    fresh: bool,
    key: BlockKey,
    block: Block,
}

impl CachedBlock<'_> {
    pub(crate) fn rows(&self) -> usize {
        self.block.rows()
    }

    /// First minute.
    pub(crate) fn start(&self) -> u32 {
        self.block.start()
    }

    /// Minute after the last.
    pub(crate) fn end(&self) -> u32 {
        self.block.end()
    }

    /// Minutes from a row's slot to the next.
    pub(crate) fn slot_minutes(&self) -> u32 {
        match self.cube.slot {
            Grain::Minute => 1,
            Grain::Hour => HOUR_MINUTES,
            Grain::Day | Grain::Month => self.end() - self.start(),
        }
    }

    fn column(&self, section: Section, decode: impl Fn() -> Result<Column>) -> Result<Column> {
        let key: ColumnKey = ((!self.fresh).then_some(self.cube.tier), self.key, section);
        if let Some(column) = self.store.cache.get(&key) {
            return Ok(column);
        }
        let column = decode()?;
        self.store.cache.insert(key, column.clone());
        Ok(column)
    }

    /// Texts of a dimension; one empty text if the cube or the site doesn't use it.
    pub(crate) fn texts(&self, dimension: Dimension) -> Result<Arc<[Arc<str>]>> {
        let section = Section::texts(dimension);
        match self.column(section, || Ok(Column::Texts(self.block.texts(dimension)?.into())))? {
            Column::Texts(texts) => Ok(texts),
            _ => Err(wrong_kind()),
        }
    }

    /// Places in [`CachedBlock::texts`], slots, or zigzag values of a counter.
    pub(crate) fn numbers(&self, section: Section) -> Result<Arc<Numbers>> {
        if !self.block.has(section) {
            return Ok(Arc::default());
        }
        match self.column(section, || {
            let numbers = self.block.numbers_masked(section, || self.numbers(Section::SESSIONS))?;
            Ok(Column::Numbers(Arc::new(if section.is_counter() { numbers.few() } else { numbers.runs() })))
        })? {
            Column::Numbers(numbers) => Ok(numbers),
            _ => Err(wrong_kind()),
        }
    }

    /// A sparse column; `None` if it is empty.
    pub(crate) fn sparse(&self, section: Section) -> Result<Option<Arc<Sparse>>> {
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
