//! Folding fresh chunks into the tiers, and dropping what is older than a site wants to keep.

use std::collections::{BTreeMap, BTreeSet};

use fjall::{OwnedWriteBatch, PersistMode, Readable, Snapshot};
use jiff::tz::TimeZone;

use super::block::{self, Block, Columns};
use super::cube::{CELLS, CUBES, Cube, Grain, Period, Tier};
use super::key::BlockKey;
use super::merge::{Input, merge};
use super::stream::Effort;
use super::{HOUR_MINUTES, NUMBER_KEY, SummaryStore, floor, floor_key};
use crate::error::Result;
use crate::summary::cell::{Minute, SiteId};
use crate::summary::dimension::Dimension;

/// A day is folded when it ended this long ago; sessions that go on later come as late deltas.
const FOLD_AFTER_MINUTES: u32 = 120;
/// A site's late deltas wait this long for each other.
const FOLD_EVERY_MINUTES: u32 = 60;
/// A site with more than this in fresh chunks has hours folded without waiting for the day's end, bytes.
const FRESH_BYTES_MAX: usize = 64 << 20;
const DAY_MINUTES: u32 = 24 * 60;

/// What a store needs to know of a site's settings.
#[derive(Clone, Debug)]
pub struct SitePolicy {
    /// Where its days begin.
    pub time_zone: TimeZone,
    /// Days that the minute tier is kept.
    pub minute_days: u32,
    /// Days that the hour tier is kept.
    pub hour_days: u32,
    /// Days that the day tier is kept.
    pub day_days: u32,
}

/// What is to be added to folded blocks: by cube's place in [`CUBES`] and period.
type Folded<'h> = BTreeMap<(usize, Period), Vec<Input<'h>>>;

impl SummaryStore {
    /// Folds what is due at `now`. Sites without a policy stay as they are.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] or [`crate::error::Error::Damaged`].
    pub fn fold(&self, now: Minute, policies: &[(SiteId, SitePolicy)]) -> Result<()> {
        let ended = now.0.saturating_sub(FOLD_AFTER_MINUTES);
        for (site, policy) in policies {
            let hours = (*site, 0)..=(*site, u32::MAX);
            let fresh_bytes: usize =
                self.writer.lock().fresh.range(hours).flat_map(|(_, c)| c).map(|(_, bytes)| bytes).sum();
            let crowded = fresh_bytes > FRESH_BYTES_MAX;
            let before = Minute(if crowded { ended } else { Grain::Day.period(&policy.time_zone, ended).start });
            let due = self.maintenance.lock().get(site).is_none_or(|last| now.0 >= last + FOLD_EVERY_MINUTES);
            if due {
                self.fold_before(*site, before, policy)?;
                self.maintenance.lock().insert(*site, now.0);
            }
        }
        Ok(())
    }

    /// Folds all fresh chunks of a site's hours that end by `before`.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] or [`crate::error::Error::Damaged`].
    pub fn fold_before(&self, site: SiteId, before: Minute, policy: &SitePolicy) -> Result<()> {
        let _moving = self.maintenance.lock();
        let mut days: BTreeMap<Period, Vec<u32>> = BTreeMap::new();
        for (_, start) in self.writer.lock().fresh.range((site, 0)..=(site, u32::MAX)).map(|(hour, _)| hour) {
            if start.saturating_add(HOUR_MINUTES) <= before.0 {
                days.entry(Grain::Day.period(&policy.time_zone, *start)).or_default().push(*start);
            }
        }
        days.into_values().try_for_each(|hours| self.fold_hours(site, &hours, policy))
    }

    /// Folds hours that begin on the same day, in one batch. The caller holds `maintenance`.
    fn fold_hours(&self, site: SiteId, hours: &[u32], policy: &SitePolicy) -> Result<()> {
        let snapshot = self.db.snapshot();
        let mut out = Output { store: self, snapshot: &snapshot, site, blocks: Vec::new(), gone: Vec::new() };
        let mut floors = BTreeMap::new();
        for tier in Tier::ALL {
            floors.insert(tier, floor(&snapshot, &self.meta, site, tier)?);
        }
        // What a tier has dropped isn't made again for a late delta.
        let held = |cube: Cube, period: Period| floors.get(&cube.tier).is_none_or(|floor| period.start >= *floor);
        let mut folded: BTreeSet<u64> = BTreeSet::new();
        let mut fresh_keys = Vec::new();
        let mut merged = Vec::with_capacity(hours.len());
        for start in hours {
            let mut chunks = Vec::new();
            for entry in snapshot.range(&self.fresh, BlockKey::range(site, 0, *start..=*start)) {
                let (key, bytes) = entry.into_inner()?;
                folded.insert(BlockKey::from_bytes(&key)?.number);
                fresh_keys.push(key);
                chunks.push(Block::open(bytes)?.columns()?);
            }
            let inputs: Vec<Input<'_>> = chunks.iter().map(Input::all).collect();
            merged.push((*start, merge(CELLS, &inputs)));
        }
        let mut folded_inputs = Folded::new();
        for (start, hour) in merged.iter().filter(|(_, hour)| hour.rows > 0) {
            add_hour(&mut folded_inputs, *start, hour, &policy.time_zone, held);
        }
        for ((place, period), inputs) in folded_inputs {
            if let Some(cube) = CUBES.get(place) {
                out.add(*cube, period, inputs)?;
            }
        }
        let Output { blocks, gone, .. } = out;
        let mut writer = self.writer.lock();
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
        fresh_keys.into_iter().for_each(|key| batch.remove(&self.fresh, key));
        for (tier, key) in gone {
            batch.remove(self.keyspace(tier), key.to_bytes());
        }
        let mut number = writer.number;
        for (cube, start, bytes) in blocks {
            let key = BlockKey { site, cube: cube.id, start, number };
            batch.insert(self.keyspace(cube.tier), key.to_bytes(), bytes);
            number += 1;
        }
        batch.insert(&self.meta, NUMBER_KEY, number.to_be_bytes());
        self.write(batch)?;
        writer.number = number;
        for start in hours {
            if let Some(chunks) = writer.fresh.get_mut(&(site, *start)) {
                chunks.retain(|(number, _)| !folded.contains(number));
            }
        }
        writer.fresh.retain(|_, chunks| !chunks.is_empty());
        Ok(())
    }

    /// Drops blocks that are older than their site keeps them, and remembers it, so that late deltas don't bring them back.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] or [`crate::error::Error::Damaged`].
    pub fn retain(&self, now: Minute, policies: &[(SiteId, SitePolicy)]) -> Result<()> {
        let _moving = self.maintenance.lock();
        for (site, policy) in policies {
            let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
            for (tier, days) in Tier::ALL.into_iter().zip([policy.minute_days, policy.hour_days, policy.day_days]) {
                let oldest = now.0.saturating_sub(days.saturating_mul(DAY_MINUTES));
                self.drop_before(&mut batch, *site, tier, oldest - oldest % HOUR_MINUTES)?;
            }
            if !batch.is_empty() {
                let _writing = self.writer.lock();
                self.write(batch)?;
            }
        }
        Ok(())
    }

    fn drop_before(&self, batch: &mut OwnedWriteBatch, site: SiteId, tier: Tier, oldest: u32) -> Result<()> {
        let snapshot = self.db.snapshot();
        if oldest <= floor(&snapshot, &self.meta, site, tier)? {
            return Ok(());
        }
        for cube in tier.cubes() {
            for entry in snapshot.range(self.keyspace(tier), BlockKey::range(site, cube.id, 0..=oldest - 1)) {
                batch.remove(self.keyspace(tier), entry.key()?);
            }
        }
        batch.insert(&self.meta, floor_key(site, tier), u64::from(oldest).to_be_bytes());
        Ok(())
    }
}

/// Adds an hour's fresh cells to what each cube takes in, which may be of two periods: half-hour time zones have days
/// that begin within an hour.
fn add_hour<'h>(
    folded: &mut Folded<'h>,
    start: u32,
    hour: &'h Columns,
    zone: &TimeZone,
    held: impl Fn(Cube, Period) -> bool,
) {
    let end = start.saturating_add(HOUR_MINUTES);
    for (place, cube) in CUBES.iter().enumerate() {
        let mut minute = start;
        while minute < end {
            let whole = Period { start, end };
            let period = if cube.tier == Tier::Minute { whole } else { cube.period.period(zone, minute) };
            minute = period.end;
            if !held(*cube, period) {
                continue;
            }
            let slot_of = |slot: u16| {
                let minute = start + u32::from(slot);
                let inside = period.start <= minute && minute < period.end;
                let since = minute.saturating_sub(period.start);
                inside.then_some(match cube.slot {
                    Grain::Minute => since as u16,
                    Grain::Hour => (since / HOUR_MINUTES) as u16,
                    Grain::Day | Grain::Month => 0,
                })
            };
            folded.entry((place, period)).or_default().push(Input::with_slots(hour, slot_of));
        }
    }
}

/// Blocks of a fold, before they are written.
struct Output<'a> {
    store: &'a SummaryStore,
    snapshot: &'a Snapshot,
    site: SiteId,
    blocks: Vec<(Cube, u32, Vec<u8>)>,
    gone: Vec<(Tier, BlockKey)>,
}

impl Output<'_> {
    /// Adds what is there already, and replaces it.
    fn add(&mut self, cube: Cube, period: Period, fresh: Vec<Input<'_>>) -> Result<()> {
        let existing = self.existing(cube, period.start..=period.start)?;
        let unused = |dimension: Dimension| fresh.iter().all(|input| input.columns.is_unused(dimension));
        if existing.is_empty() && cube.single().is_some_and(unused) {
            return Ok(());
        }
        let mut minutes = period.end - period.start;
        let mut kept = Vec::with_capacity(existing.len());
        for (key, block) in &existing {
            self.gone.push((cube.tier, *key));
            // The site's time zone may have been another one then.
            minutes = minutes.max(block.end() - block.start());
            kept.push(block.columns()?);
        }
        let mut untold = Vec::new();
        if let Some(base) = cube.base().filter(|_| existing.is_empty() && cube.single().is_some()) {
            // So far the site didn't use the dimension, and the base told everything.
            for (_, block) in self.existing(base, period.start..=period.end - 1)? {
                untold.push(block.columns()?);
            }
        }
        let mut inputs = fresh;
        inputs.extend(kept.iter().map(Input::all));
        inputs.extend(untold.iter().map(|columns| Input::with_slots(columns, |_| Some(0))));
        let merged = merge(cube, &inputs);
        let unused = cube.single().is_some_and(|dimension| merged.is_unused(dimension));
        // The day tier is what is left in the end; the others are written more often than they are worth.
        let effort = if cube.tier == Tier::Day { Effort::Thorough } else { Effort::Quick };
        if let Some(bytes) = block::encode(&merged, period.start, minutes, effort).filter(|_| !unused) {
            self.blocks.push((cube, period.start, bytes));
        }
        Ok(())
    }

    fn existing(&self, cube: Cube, starts: std::ops::RangeInclusive<u32>) -> Result<Vec<(BlockKey, Block)>> {
        let range = BlockKey::range(self.site, cube.id, starts);
        let blocks = self.snapshot.range(self.store.keyspace(cube.tier), range).map(|entry| {
            let (key, bytes) = entry.into_inner()?;
            Ok((BlockKey::from_bytes(&key)?, Block::open(bytes)?))
        });
        blocks.collect()
    }
}
