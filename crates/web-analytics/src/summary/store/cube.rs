//! Tiers and cubes: what is kept of the cells at which age.
//!
//! | tier | cube | a row's time | a block's period | dimensions | measures |
//! |---|---|---|---|---|---|
//! | minute | cells | minute | hour | all | all |
//! | hour | base | hour | day | group, bot or not | all |
//! | hour | single | day | day | one (of humans) | all but visitors |
//! | hour | crossed | hour | day | all | counters, issues |
//! | day | base | day | day | group, bot or not | all |
//! | day | single | month | month | one (of humans) | all but visitors |
//! | day | crossed | day | day | all | counters but beacons and user events, issues |
//!
//! Why so: counters of every combination are cheap, since combinations repeat, so any filters apply to counts at any age. A
//! histogram costs 5 to 6 bits a sample until its buckets fill, whatever the coding, so the folded tiers keep
//! histograms only of cells that fill: by day for few cells, by month for many. Beacons and user events vary from one
//! impression to the next whatever the combination, so they cost more than all other counters together, and go the same way
//! in the day tier. What no cube tells is told by the finer tiers as long as these are kept.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use super::super::dimension::{DIMENSIONS, Dimension};

/// A set of dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DimensionSet(pub(super) u16);

impl DimensionSet {
    pub(super) const ALL: DimensionSet = DimensionSet((1 << DIMENSIONS) - 1);

    pub(super) const fn of(dimensions: &[Dimension]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < dimensions.len() {
            bits |= 1 << dimensions[i] as u16;
            i += 1;
        }
        DimensionSet(bits)
    }

    /// With one more.
    pub(crate) fn with(self, dimension: Dimension) -> Self {
        DimensionSet(self.0 | 1 << dimension as u16)
    }

    pub(super) fn contains(self, dimension: Dimension) -> bool {
        self.0 & 1 << dimension as u16 != 0
    }

    fn covers(self, other: DimensionSet) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How long a block is kept is decided by tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tier {
    /// Rows by minute.
    Minute = 0,
    /// Rows by hour; samples of single dimensions by day.
    Hour = 1,
    /// Rows by day; samples of single dimensions by month.
    Day = 2,
}

impl Tier {
    /// All tiers, finest first.
    pub const ALL: [Tier; 3] = [Tier::Minute, Tier::Hour, Tier::Day];

    /// Its cubes.
    pub(super) fn cubes(self) -> impl Iterator<Item = Cube> {
        CUBES.iter().copied().filter(move |cube| cube.tier == self)
    }
}

/// A unit of time in a site's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grain {
    Minute,
    /// Whole hours since the day's beginning.
    Hour,
    /// 23 to 25 hours.
    Day,
    /// Of the calendar.
    Month,
}

/// Minutes `start..end` since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Period {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

const DAY_MINUTES: u32 = 24 * 60;

impl Grain {
    /// The unit in which a minute lies.
    pub(crate) fn period(self, zone: &TimeZone, minute: u32) -> Period {
        match self {
            Grain::Minute => Period { start: minute, end: minute.saturating_add(1) },
            Grain::Hour => {
                let day = Grain::Day.period(zone, minute);
                let start = minute - (minute - day.start) % 60;
                Period { start, end: (start + 60).min(day.end) }
            }
            Grain::Day => calendar(zone, minute, |day| Some((day.clone(), day.tomorrow().ok()?))),
            Grain::Month => calendar(zone, minute, |day| {
                let first = day.with().day(1).build().ok()?.start_of_day().ok()?;
                let next = first.checked_add(1.month()).ok()?;
                Some((first, next))
            }),
        }
    }
}

/// The days from `bounds` of a minute's day.
fn calendar(zone: &TimeZone, minute: u32, bounds: impl Fn(Zoned) -> Option<(Zoned, Zoned)>) -> Period {
    let local = || {
        let day = Timestamp::from_second(i64::from(minute) * 60).ok()?.to_zoned(zone.clone()).start_of_day().ok()?;
        let (start, end) = bounds(day)?;
        let minute_of = |time: Zoned| u32::try_from(time.timestamp().as_second().div_euclid(60)).ok();
        Some(Period { start: minute_of(start)?, end: minute_of(end.start_of_day().ok()?)? })
    };
    let start = minute - minute % DAY_MINUTES;
    let utc = Period { start, end: start.saturating_add(DAY_MINUTES) };
    // Only minutes at the very ends of the calendar have no local day.
    local().filter(|period| period.start <= minute && minute < period.end).unwrap_or(utc)
}

/// Which measures a cube holds beside issues and those counters that all cubes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Histograms and ratings.
    pub(crate) samples: bool,
    /// Sketches of visitors.
    pub(crate) visitors: bool,
    /// Counters that [vary](Counter::varies).
    pub(crate) varying: bool,
}

impl Kept {
    /// None of them.
    pub(crate) const NONE: Kept = Kept { samples: false, visitors: false, varying: false };
    const ALL: Kept = Kept { samples: true, visitors: true, varying: true };
    const SAMPLES: Kept = Kept { visitors: false, ..Kept::ALL };
    const COUNTERS: Kept = Kept { varying: true, ..Kept::NONE };

    fn covers(self, other: Kept) -> bool {
        (self.samples || !other.samples) && (self.visitors || !other.visitors) && (self.varying || !other.varying)
    }
}

/// What a cube tells of bots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bots {
    /// Nothing: it has humans only.
    Left,
    /// Whether it was one: the dimension's text is [`ANY_BOT`].
    Told,
    /// Which kind.
    Kinds,
}

/// Stands for all kinds of bots where a cube doesn't tell them apart.
pub(super) const ANY_BOT: &str = "bot";

/// A projection of the cells on some dimensions. The id, within its tier, is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cube {
    pub(crate) tier: Tier,
    pub(super) id: u8,
    pub(super) dimensions: DimensionSet,
    pub(super) bots: Bots,
    pub(super) kept: Kept,
    /// Time of a row.
    pub(crate) slot: Grain,
    /// Time of a block.
    pub(crate) period: Grain,
}

impl Cube {
    /// Whether it can tell `kept` by these dimensions.
    pub(crate) fn answers(self, dimensions: DimensionSet, bots: Bots, kept: Kept) -> bool {
        self.dimensions.covers(dimensions) && self.bots >= bots && self.kept.covers(kept)
    }

    /// The dimension of a cube that has only one. Where the site didn't use it, the cube isn't written: its tier's base
    /// tells the same of humans.
    pub(super) fn single(self) -> Option<Dimension> {
        (self.id >= SINGLE).then(|| Dimension::ALL.get(usize::from(self.id - SINGLE)).copied()).flatten()
    }

    /// The base of its tier.
    pub(super) fn base(self) -> Option<Cube> {
        CUBES.iter().copied().find(|cube| cube.tier == self.tier && cube.id == BASE)
    }

    /// Whether rows of this text of [`Dimension::Bot`] are in it.
    pub(super) fn has_bot(self, text: &str) -> bool {
        text.is_empty() || self.bots != Bots::Left
    }
}

/// The cells themselves.
pub(super) const CELLS: Cube = Cube {
    tier: Tier::Minute,
    id: 0,
    dimensions: DimensionSet::ALL,
    bots: Bots::Kinds,
    kept: Kept::ALL,
    slot: Grain::Minute,
    period: Grain::Hour,
};

/// The id of a tier's base.
pub(super) const BASE: u8 = 1;

/// Ids of cubes of one dimension begin here.
const SINGLE: u8 = 16;

const fn base(tier: Tier, slot: Grain) -> Cube {
    let dimensions = DimensionSet::of(&[Dimension::Group, Dimension::Bot]);
    Cube { tier, id: BASE, dimensions, bots: Bots::Told, kept: Kept::ALL, slot, period: Grain::Day }
}

const fn crossed(tier: Tier, slot: Grain, kept: Kept) -> Cube {
    let dimensions = DimensionSet::ALL;
    Cube { tier, id: 0, dimensions, bots: Bots::Kinds, kept, slot, period: Grain::Day }
}

const fn by_day(dimension: Dimension) -> Cube {
    let dimensions = DimensionSet::of(&[dimension]);
    let id = SINGLE + dimension as u8;
    Cube {
        tier: Tier::Hour,
        id,
        dimensions,
        bots: Bots::Left,
        kept: Kept::SAMPLES,
        slot: Grain::Day,
        period: Grain::Day,
    }
}

const fn by_month(dimension: Dimension) -> Cube {
    let dimensions = DimensionSet::of(&[dimension]);
    let id = SINGLE + dimension as u8;
    Cube {
        tier: Tier::Day,
        id,
        dimensions,
        bots: Bots::Left,
        kept: Kept::SAMPLES,
        slot: Grain::Month,
        period: Grain::Month,
    }
}

/// All cubes, coarsest rows first, and of those the quickest to read first.
pub(crate) static CUBES: [Cube; 27] = [
    by_month(Dimension::Device),
    by_month(Dimension::Browser),
    by_month(Dimension::Os),
    by_month(Dimension::Country),
    by_month(Dimension::Page),
    by_month(Dimension::Referrer),
    by_month(Dimension::Navigation),
    by_month(Dimension::Custom0),
    by_month(Dimension::Custom1),
    by_month(Dimension::Custom2),
    by_month(Dimension::Custom3),
    base(Tier::Day, Grain::Day),
    by_day(Dimension::Device),
    by_day(Dimension::Browser),
    by_day(Dimension::Os),
    by_day(Dimension::Country),
    by_day(Dimension::Page),
    by_day(Dimension::Referrer),
    by_day(Dimension::Navigation),
    by_day(Dimension::Custom0),
    by_day(Dimension::Custom1),
    by_day(Dimension::Custom2),
    by_day(Dimension::Custom3),
    crossed(Tier::Day, Grain::Day, Kept::NONE),
    base(Tier::Hour, Grain::Hour),
    crossed(Tier::Hour, Grain::Hour, Kept::COUNTERS),
    CELLS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubes_are_sorted_and_their_ids_differ() {
        assert!(CUBES.is_sorted_by(|a, b| a.slot >= b.slot));
        for (i, cube) in CUBES.iter().enumerate() {
            assert!(CUBES[..i].iter().all(|other| (other.tier, other.id) != (cube.tier, cube.id)), "{cube:?}");
        }
    }

    fn minute(text: &str) -> u32 {
        (text.parse::<Timestamp>().unwrap().as_second() / 60) as u32
    }

    #[test]
    fn days_and_months_follow_the_sites_clock() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        // The last Sunday of October 2025 had 25 hours.
        let sunday = Grain::Day.period(&berlin, minute("2025-10-26T12:00:00Z"));
        assert_eq!(sunday, Period { start: minute("2025-10-25T22:00:00Z"), end: minute("2025-10-26T23:00:00Z") });
        let month = Grain::Month.period(&berlin, minute("2025-10-26T12:00:00Z"));
        assert_eq!(month, Period { start: minute("2025-09-30T22:00:00Z"), end: minute("2025-10-31T23:00:00Z") });
        let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
        let hour = Grain::Hour.period(&kolkata, minute("2025-10-26T12:10:00Z"));
        assert_eq!(hour, Period { start: minute("2025-10-26T11:30:00Z"), end: minute("2025-10-26T12:30:00Z") });
    }
}
