//! Decoded columns, as many as fit a limit in bytes.
//!
//! Keys of blocks are never used twice, so nothing here is ever out of date.

use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::Tier;
use super::block::Section;
use super::key::BlockKey;
use super::numbers::Numbers;
use super::sparse::Sparse;

/// Where a column comes from; `None` is a fresh chunk.
pub(super) type ColumnKey = (Option<Tier>, BlockKey, Section);

/// A decoded column.
#[derive(Clone)]
pub(super) enum Column {
    Texts(Arc<[Arc<str>]>),
    Numbers(Arc<Numbers>),
    Sparse(Arc<Sparse>),
}

#[derive(Clone)]
pub(super) struct ColumnBytes;

impl Weighter<ColumnKey, Column> for ColumnBytes {
    fn weight(&self, _: &ColumnKey, column: &Column) -> u64 {
        let bytes = match column {
            Column::Texts(texts) => texts.iter().map(|text| text.len() + 40).sum(),
            Column::Numbers(numbers) => numbers.size(),
            Column::Sparse(sparse) => sparse.size(),
        };
        bytes as u64 + ENTRY_BYTES
    }
}

/// Of the cache, for columns that were read more than once: a question about a year fills the rest, and must find it again when it is
/// asked next.
const HOT_SHARE: f64 = 0.5;
/// About what an entry costs beside its column.
const ENTRY_BYTES: u64 = 120;

/// The cache; its weight is in bytes.
pub(super) struct ColumnCache(Cache<ColumnKey, Column, ColumnBytes>);

impl ColumnCache {
    pub(super) fn new(bytes: u64) -> Self {
        let entries = usize::try_from(bytes / 1_024).unwrap_or(usize::MAX).clamp(64, 1 << 20);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(entries)
            .weight_capacity(bytes)
            .hot_allocation(HOT_SHARE)
            .build();
        ColumnCache(match options {
            Ok(options) => Cache::with_options(options, ColumnBytes, DefaultHashBuilder::default(), Default::default()),
            Err(_) => Cache::with_weighter(entries, bytes, ColumnBytes),
        })
    }

    pub(super) fn get(&self, key: &ColumnKey) -> Option<Column> {
        self.0.get(key)
    }

    pub(super) fn insert(&self, key: ColumnKey, column: Column) {
        self.0.insert(key, column);
    }

    /// Bytes in use.
    pub(super) fn bytes(&self) -> u64 {
        self.0.weight()
    }
}
