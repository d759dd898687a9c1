//! A site's cells as text, to compare two stores byte for byte; and how much a store holds.

use std::fmt::Write;
use std::sync::Arc;

use fjall::Readable;

use super::block::{Block, Columns, Section};
use super::cube::{BASE, CELLS, Cube, Grain, Tier};
use super::key::BlockKey;
use super::merge::{Input, merge};
use super::read::SiteReader;
use super::{HOUR_MINUTES, SummaryStore};
use crate::error::Result;
use crate::summary::cell::{Counter, Metric};
use crate::summary::dimension::DIMENSIONS;
use crate::summary::varint::unzigzag;

impl SiteReader<'_> {
    /// All cells of the minute tier, fresh ones included, a line each, in one order whatever was compacted or folded so far:
    /// first minute, dimensions, counters, samples, ratings (as differences to what samples tell), issues, registers of visitors.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] or [`crate::error::Error::Damaged`].
    pub fn dump(&self) -> Result<String> {
        self.dump_blocks(CELLS, true)
    }

    /// The same for all cubes of one tier, without what is still fresh.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] or [`crate::error::Error::Damaged`].
    pub fn dump_tier(&self, tier: Tier) -> Result<String> {
        tier.cubes().map(|cube| self.dump_blocks(cube, false)).collect()
    }

    fn dump_blocks(&self, cube: Cube, with_fresh: bool) -> Result<String> {
        let snapshot = self.store().db.snapshot();
        let mut keyspaces = vec![self.store().keyspace(cube.tier)];
        if with_fresh {
            keyspaces.push(&self.store().fresh);
        }
        let mut starts: std::collections::BTreeMap<u32, Vec<Block>> = Default::default();
        for keyspace in keyspaces {
            for entry in snapshot.range(keyspace, BlockKey::range(self.site(), cube.id, 0..=u32::MAX)) {
                let block = Block::open(entry.value()?)?;
                starts.entry(block.start()).or_default().push(block);
            }
        }
        let mut out = String::new();
        for (start, blocks) in starts {
            let blocks: Vec<Columns> = blocks.iter().map(Block::columns).collect::<Result<_>>()?;
            let inputs: Vec<Input<'_>> = blocks.iter().map(Input::all).collect();
            let minutes = if cube.slot == Grain::Hour { HOUR_MINUTES } else { 1 };
            write_lines(&mut out, cube.id, start, minutes, &merge(cube, &inputs));
        }
        Ok(out)
    }
}

fn write_lines(out: &mut String, cube: u8, start: u32, slot_minutes: u32, columns: &Columns) {
    for row in 0..columns.rows {
        let mut texts = [""; DIMENSIONS];
        for ((text, known), index) in texts.iter_mut().zip(&columns.texts).zip(&columns.index) {
            *text = known.get(index.get(row) as usize).map_or("", Arc::as_ref);
        }
        let counters =
            Counter::ALL.iter().map(|counter| (counter.name(), unzigzag(columns.counter(*counter).get(row))));
        let counters: Vec<(&str, i64)> = counters.filter(|(_, value)| *value != 0).collect();
        let samples = Metric::ALL.iter().zip(&columns.samples).flat_map(|(metric, column)| {
            column.row(row).iter().map(|(bucket, count)| (metric.name(), *bucket, *count))
        });
        // Writing to a String never fails.
        let _ = writeln!(
            out,
            "{cube} {} {texts:?} {counters:?} {:?} {:?} {:?} {:?}",
            start + columns.slots.get(row) as u32 * slot_minutes,
            samples.collect::<Vec<(&str, u16, i32)>>(),
            columns.ratings.row(row),
            columns.issues.row(row),
            columns.visitors.row(row)
        );
    }
}

/// How much a tier holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TierFigures {
    /// Blocks.
    pub blocks: u64,
    /// Bytes of blocks and their keys.
    pub bytes: u64,
    /// Rows of all cubes.
    pub cells: u64,
    /// Impressions that it tells of.
    pub impressions: i64,
}

/// How much a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What is not folded yet.
    pub fresh: TierFigures,
    /// By [`Tier`]: minute, hour, day.
    pub tiers: [TierFigures; 3],
}

impl SummaryStore {
    /// Counts what is stored. Reads all of it: for benchmarks and tools.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] or [`crate::error::Error::Damaged`].
    pub fn figures(&self) -> Result<Figures> {
        let mut figures = Figures::default();
        let Figures { fresh, tiers: [minute, hour, day] } = &mut figures;
        let snapshot = self.db.snapshot();
        for (keyspace, base, figures) in [
            (&self.fresh, CELLS.id, fresh),
            (self.keyspace(Tier::Minute), CELLS.id, minute),
            (self.keyspace(Tier::Hour), BASE, hour),
            (self.keyspace(Tier::Day), BASE, day),
        ] {
            for entry in snapshot.iter(keyspace) {
                let (key, bytes) = entry.into_inner()?;
                figures.blocks += 1;
                figures.bytes += (key.len() + bytes.len()) as u64;
                let block = Block::open(bytes)?;
                figures.cells += block.rows() as u64;
                if BlockKey::from_bytes(&key)?.cube == base {
                    let column = block.numbers(Section::counter(Counter::Impressions))?;
                    figures.impressions += (0..block.rows()).map(|row| unzigzag(column.get(row))).sum::<i64>();
                }
            }
        }
        Ok(figures)
    }

    /// Bytes on disk, journal included. Cheap.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`].
    pub fn disk_bytes(&self) -> Result<u64> {
        Ok(self.db.disk_space()?)
    }

    /// Bytes on disk of all blocks, those that were replaced or dropped and are not rewritten yet included. Cheap.
    pub fn block_disk_bytes(&self) -> u64 {
        self.folded.iter().chain([&self.fresh]).map(fjall::Keyspace::disk_space).sum()
    }

    /// Chunks that wait to be folded. Cheap.
    pub fn fresh_chunks(&self) -> usize {
        self.writer.lock().fresh.values().map(Vec::len).sum()
    }

    /// Bytes of decoded columns in memory. Cheap.
    pub fn cache_bytes(&self) -> u64 {
        self.cache.bytes()
    }
}
