//! The summary store: additive blocks of cells in an ordered key-value store.
//!
//! ```text
//!  commit (5 a second) ──► fresh chunks ──compact──► fewer fresh chunks        by hour, rows by minute
//!                               │ fold: two hours after the day's end, and when late deltas came
//!                               ├────► minute tier   an hour's block
//!                               ├────► hour tier     a day's blocks, one a cube
//!                               └────► day tier      a day's or month's blocks, one a cube
//! ```
//!
//! Every step is one atomic batch that removes its input and adds it to its output, so each delta is in exactly one
//! fresh chunk or in all folded tiers: what a tier tells, plus what is still fresh, is complete at any moment, and late
//! deltas need no special case. Block bytes depend only on their cells, never on the order in which these came.
//!
//! Locks, in this order: `maintenance` (who moves blocks), `writer` (who writes batches).

mod block;
mod cache;
mod commit;
mod compact;
mod cube;
mod deltas;
mod dump;
mod fold;
mod guard;
mod key;
mod key_order;
mod maintain;
mod merge;
mod names;
mod numbers;
mod read;
mod reclaim;
mod room;
mod sparse;
mod stream;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use parking_lot::Mutex;

pub(crate) use self::block::Section;
use self::cache::ColumnCache;
pub use self::cube::Tier;
pub(crate) use self::cube::{Bots, CUBES, Cube, DimensionSet, Grain, Kept, Period};
pub use self::dump::{Figures, TierFigures};
pub use self::fold::SitePolicy;
pub(crate) use self::guard::OTHER;
use self::key::BlockKey;
pub use self::maintain::Maintenance;
pub(crate) use self::numbers::Numbers;
pub use self::read::SiteReader;
pub(crate) use self::read::{CachedBlock, View};
use self::reclaim::Reclaimed;
use super::cell::SiteId;
use crate::error::{Error, Result};

/// Format of the folder.
const FORMAT: u32 = 1;
/// Minutes of a block of the minute tier.
const HOUR_MINUTES: u32 = 60;

const FORMAT_KEY: &[u8] = b"format";
const NUMBER_KEY: &[u8] = b"number";
const MARKER_PREFIX: &[u8] = b"marker/";
const FLOOR_PREFIX: &[u8] = b"floor/";

/// Sizes of a store's caches.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Decoded columns, bytes.
    pub column_cache_bytes: u64,
    /// Blocks as they are on disk, bytes.
    pub block_cache_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions { column_cache_bytes: 128 << 20, block_cache_bytes: 24 << 20 }
    }
}

/// All sites' summaries.
pub struct SummaryStore {
    dir: PathBuf,
    db: Database,
    fresh: Keyspace,
    folded: [Keyspace; 3],
    meta: Keyspace,
    writer: Mutex<Writer>,
    maintenance: Mutex<BTreeMap<SiteId, u32>>,
    cache: ColumnCache,
    version: AtomicU64,
    reclaimed: Reclaimed,
}

/// What a writer needs to know.
#[derive(Default)]
struct Writer {
    /// Number of the next block.
    number: u64,
    /// Fresh chunks by site and hour: number and bytes, oldest first.
    fresh: BTreeMap<(SiteId, u32), Vec<(u64, usize)>>,
}

impl SummaryStore {
    /// Opens the store in a folder, which is made if it doesn't exist.
    ///
    /// # Errors
    /// [`Error::NewerFormat`], [`Error::Folder`] or [`Error::Storage`].
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        SummaryStore::open_with(dir, StoreOptions::default())
    }

    /// Opens with other sizes of caches.
    ///
    /// # Errors
    /// As [`SummaryStore::open`].
    pub fn open_with(dir: impl AsRef<Path>, options: StoreOptions) -> Result<Self> {
        let dir = dir.as_ref();
        std::fs::create_dir_all(dir).map_err(|source| Error::Folder { path: dir.display().to_string(), source })?;
        let db = Database::builder(dir)
            .cache_size(options.block_cache_bytes)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .worker_threads(1)
            .open()?;
        let meta = db.keyspace("meta", keyspace)?;
        match read_u64(&meta, FORMAT_KEY)? {
            None => meta.insert(FORMAT_KEY, u64::from(FORMAT).to_be_bytes())?,
            Some(found) if found > u64::from(FORMAT) => {
                let found = u32::try_from(found).unwrap_or(u32::MAX);
                return Err(Error::NewerFormat { found, known: FORMAT });
            }
            Some(_) => {}
        }
        let fresh = db.keyspace("fresh", keyspace)?;
        let folded = [db.keyspace("minute", keyspace)?, db.keyspace("hour", keyspace)?, db.keyspace("day", keyspace)?];
        let mut writer = Writer { number: read_u64(&meta, NUMBER_KEY)?.unwrap_or(0), ..Writer::default() };
        for entry in fresh.iter() {
            let (key, value) = entry.into_inner()?;
            let key = BlockKey::from_bytes(&key)?;
            writer.fresh.entry((key.site, key.start)).or_default().push((key.number, value.len()));
        }
        Ok(SummaryStore {
            dir: dir.to_owned(),
            db,
            fresh,
            folded,
            meta,
            writer: Mutex::new(writer),
            maintenance: Mutex::default(),
            cache: ColumnCache::new(options.column_cache_bytes),
            version: AtomicU64::new(0),
            reclaimed: Reclaimed::default(),
        })
    }

    /// Reads of one site. There is no other way to read, and no way to name another site through it.
    pub fn site(&self, site: SiteId) -> SiteReader<'_> {
        SiteReader::new(self, site)
    }

    /// Grows with each change that a query could see; for telling clients that there is news. Starts again at 0 when opened.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Removes everything of a site.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn erase(&self, site: SiteId) -> Result<()> {
        let mut last_fold = self.maintenance.lock();
        let mut writer = self.writer.lock();
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
        for keyspace in self.folded.iter().chain([&self.fresh]) {
            for entry in keyspace.prefix(BlockKey::of_site(site)) {
                batch.remove(keyspace, entry.key()?);
            }
        }
        for tier in Tier::ALL {
            batch.remove(&self.meta, floor_key(site, tier));
        }
        self.write(batch)?;
        writer.fresh.retain(|(of, _), _| *of != site);
        last_fold.remove(&site);
        self.changed();
        Ok(())
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    fn keyspace(&self, tier: Tier) -> &Keyspace {
        let [minute, hour, day] = &self.folded;
        match tier {
            Tier::Minute => minute,
            Tier::Hour => hour,
            Tier::Day => day,
        }
    }
}

/// Journals are flushed beyond this, bytes.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;
/// Memory of a keyspace's newest writes, bytes.
const MEMTABLE_BYTES_MAX: u64 = 8 << 20;

/// Blocks are compressed already.
fn keyspace() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .data_block_compression_policy(fjall::config::CompressionPolicy::disabled())
        .max_memtable_size(MEMTABLE_BYTES_MAX)
}

fn read_u64(meta: &Keyspace, key: &[u8]) -> Result<Option<u64>> {
    meta.get(key)?.map(|value| be_u64(&value)).transpose()
}

fn be_u64(value: &[u8]) -> Result<u64> {
    let bytes = value.try_into().map_err(|_| Error::damaged("summary store", "a number of another length"))?;
    Ok(u64::from_be_bytes(bytes))
}

fn marker_key(subtask: &str) -> Vec<u8> {
    [MARKER_PREFIX, subtask.as_bytes()].concat()
}

fn floor_key(site: SiteId, tier: Tier) -> Vec<u8> {
    [FLOOR_PREFIX, &site.0.to_be_bytes(), &[tier as u8]].concat()
}

/// First minute that a tier still holds of a site, as `db` tells.
fn floor(db: &impl Readable, meta: &Keyspace, site: SiteId, tier: Tier) -> Result<u32> {
    let value = db.get(meta, floor_key(site, tier))?;
    let minute = value.map_or(Ok(0), |value| be_u64(&value))?;
    Ok(u32::try_from(minute).unwrap_or(u32::MAX))
}
