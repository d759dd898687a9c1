//! Folding fresh chunks into the tiers, and dropping what is older than a site wants to keep.

use std::collections::{BTreeMap, BTreeSet};

use fjall::{OwnedWriteBatch, PersistMode, Readable, Snapshot};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::block::{self, Block};
use super::cube::{Cube, Tier};
use super::key::BlockKey;
use super::rows::Rows;
use super::{HOUR_MINUTES, NUMBER_KEY, SummaryStore, floor, floor_key};
use crate::error::Result;
use crate::summary::cell::{Minute, SiteId};

/// An hour is folded when it ended this long ago; sessions that go on later come as late deltas.
const FOLD_AFTER_MINUTES: u32 = 60;
/// A site's late deltas wait this long for each other.
const FOLD_EVERY_MINUTES: u32 = 10;
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

/// A day of a site, in minutes since 1970; 23 to 25 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::summary) struct Day {
    pub(in crate::summary) start: u32,
    pub(in crate::summary) end: u32,
}

impl Day {
    /// The day in which a minute lies.
    pub(in crate::summary) fn of(zone: &TimeZone, minute: u32) -> Day {
        let utc = Day { start: minute - minute % DAY_MINUTES, end: minute - minute % DAY_MINUTES + DAY_MINUTES };
        let local = || {
            let day = Timestamp::from_second(i64::from(minute) * 60).ok()?.to_zoned(zone.clone()).start_of_day().ok()?;
            let next = day.tomorrow().ok()?.start_of_day().ok()?;
            let minute_of = |time: Zoned| u32::try_from(time.timestamp().as_second().div_euclid(60)).ok();
            Some(Day { start: minute_of(day)?, end: minute_of(next)? })
        };
        // Only minutes at the very ends of the calendar have no local day.
        local().filter(|day| day.start <= minute && minute < day.end).unwrap_or(utc)
    }
}

/// A day's rows that are to be added, by tier and cube.
type DayRows = Vec<(Tier, Cube, Rows)>;

impl SummaryStore {
    /// Folds what is due at `now`. Sites without a policy stay as they are.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] or [`crate::error::Error::Damaged`].
    pub fn fold(&self, now: Minute, policies: &[(SiteId, SitePolicy)]) -> Result<()> {
        let before = Minute(now.0.saturating_sub(FOLD_AFTER_MINUTES));
        for (site, policy) in policies {
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
        let mut days: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
        for (_, start) in self.writer.lock().fresh.range((site, 0)..=(site, u32::MAX)).map(|(hour, _)| hour) {
            if start.saturating_add(HOUR_MINUTES) <= before.0 {
                days.entry(Day::of(&policy.time_zone, *start)).or_default().push(*start);
            }
        }
        days.into_values().try_for_each(|hours| self.fold_hours(site, &hours, policy))
    }

    /// Folds hours that begin on the same day, in one batch. The caller holds `maintenance`.
    fn fold_hours(&self, site: SiteId, hours: &[u32], policy: &SitePolicy) -> Result<()> {
        let snapshot = self.db.snapshot();
        let mut out = Output { store: self, snapshot: &snapshot, site, blocks: Vec::new(), gone: Vec::new() };
        let mut days: BTreeMap<Day, DayRows> = BTreeMap::new();
        let mut folded: BTreeSet<u64> = BTreeSet::new();
        let mut fresh_keys = Vec::new();
        for start in hours {
            let mut rows = new_rows(Tier::Minute.base());
            for entry in snapshot.range(&self.fresh, BlockKey::range(site, 0, *start..=*start)) {
                let (key, bytes) = entry.into_inner()?;
                folded.insert(BlockKey::from_bytes(&key)?.number);
                fresh_keys.push(key);
                rows.add_block(&Block::open(bytes)?, Some)?;
            }
            let Some(bytes) = block::encode(&rows.finish(), *start, HOUR_MINUTES) else { continue };
            let fresh = Block::open(bytes.into())?;
            add_to_days(&mut days, &fresh, &policy.time_zone)?;
            if *start >= floor(&snapshot, &self.meta, site, Tier::Minute)? {
                let mut rows = new_rows(Tier::Minute.base());
                rows.add_block(&fresh, Some)?;
                out.add(Tier::Minute, Tier::Minute.base(), *start, HOUR_MINUTES, rows)?;
            }
        }
        for (day, cubes) in days {
            for (tier, cube, rows) in cubes {
                if day.start >= floor(&snapshot, &self.meta, site, tier)? {
                    out.add(tier, cube, day.start, day.end - day.start, rows)?;
                }
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
        for (tier, cube, start, bytes) in blocks {
            batch.insert(self.keyspace(tier), BlockKey { site, cube, start, number }.to_bytes(), bytes);
            number += 1;
        }
        batch.insert(&self.meta, NUMBER_KEY, number.to_be_bytes());
        batch.commit()?;
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
                batch.commit()?;
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

fn new_rows(cube: Cube) -> Rows {
    Rows::new(cube.dimensions, cube.kept)
}

/// Adds an hour's fresh block to the rows of the one or two days that it touches (half-hour time zones have days
/// that begin within an hour).
fn add_to_days(days: &mut BTreeMap<Day, DayRows>, fresh: &Block, zone: &TimeZone) -> Result<()> {
    let mut minute = fresh.start();
    while minute < fresh.end() {
        let day = Day::of(zone, minute);
        let cubes = days.entry(day).or_insert_with(|| {
            let of_tier = |tier: Tier| tier.cubes().iter().map(move |cube| (tier, *cube, new_rows(*cube)));
            [Tier::Hour, Tier::Day].into_iter().flat_map(of_tier).collect()
        });
        for (tier, _, rows) in cubes {
            rows.add_block(fresh, |slot| {
                let minute = fresh.start() + u32::from(slot);
                let inside = day.start <= minute && minute < day.end;
                let hour = (minute.saturating_sub(day.start) / HOUR_MINUTES) as u16;
                inside.then_some(if *tier == Tier::Hour { hour } else { 0 })
            })?;
        }
        minute = day.end;
    }
    Ok(())
}

/// Blocks of a fold, before they are written.
struct Output<'a> {
    store: &'a SummaryStore,
    snapshot: &'a Snapshot,
    site: SiteId,
    blocks: Vec<(Tier, u8, u32, Vec<u8>)>,
    gone: Vec<(Tier, BlockKey)>,
}

impl Output<'_> {
    /// Adds what is there already, and replaces it.
    fn add(&mut self, tier: Tier, cube: Cube, start: u32, minutes: u32, mut rows: Rows) -> Result<()> {
        let own = cube.own_dimension();
        let existing = self.existing(tier, cube, start)?;
        if existing.is_empty() && own.is_some_and(|dimension| rows.is_unused(dimension)) {
            return Ok(());
        }
        let mut minutes = minutes;
        for (key, block) in &existing {
            self.gone.push((tier, *key));
            minutes = minutes.max(block.end() - block.start());
            rows.add_block(block, Some)?;
        }
        if existing.is_empty() && own.is_some() {
            // So far all texts of this dimension were empty, and the base told everything.
            for (_, block) in self.existing(tier, tier.base(), start)? {
                rows.add_block(&block, Some)?;
            }
        }
        let finished = rows.finish();
        let told_by_base = own.is_some_and(|dimension| finished.is_unused(dimension));
        if let Some(bytes) = block::encode(&finished, start, minutes).filter(|_| !told_by_base) {
            self.blocks.push((tier, cube.id, start, bytes));
        }
        Ok(())
    }

    fn existing(&self, tier: Tier, cube: Cube, start: u32) -> Result<Vec<(BlockKey, Block)>> {
        let range = BlockKey::range(self.site, cube.id, start..=start);
        let blocks = self.snapshot.range(self.store.keyspace(tier), range).map(|entry| {
            let (key, bytes) = entry.into_inner()?;
            Ok((BlockKey::from_bytes(&key)?, Block::open(bytes)?))
        });
        blocks.collect()
    }
}
