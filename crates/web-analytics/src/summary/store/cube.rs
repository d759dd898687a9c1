//! Tiers and cubes: what is kept of the cells at which age.
//!
//! | tier | period of a block | cubes |
//! |---|---|---|
//! | minute | an hour | every combination of dimensions, all measures |
//! | hour | a day of the site | every combination: counters; `bot`: all measures |
//! | day | a day of the site | every combination: counters; group × device × bot and one cube a dimension: all measures but visitors, which only group × device × bot has |
//!
//! Counters of every combination are cheap, since many combinations repeat; a histogram costs about half a byte a sample until
//! it is full, so the folded tiers keep histograms only of cells that fill.

use super::super::dimension::{DIMENSIONS, Dimension};

/// A set of dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::summary) struct DimensionSet(pub(super) u16);

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
    pub(in crate::summary) fn with(self, dimension: Dimension) -> Self {
        DimensionSet(self.0 | 1 << dimension as u16)
    }

    pub(super) fn contains(self, dimension: Dimension) -> bool {
        self.0 & 1 << dimension as u16 != 0
    }

    pub(super) fn covers(self, other: DimensionSet) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How coarse time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tier {
    /// Rows by minute, blocks by hour.
    Minute = 0,
    /// Rows by hour, blocks by the site's day.
    Hour = 1,
    /// Rows and blocks by the site's day.
    Day = 2,
}

impl Tier {
    /// All tiers, finest first.
    pub const ALL: [Tier; 3] = [Tier::Minute, Tier::Hour, Tier::Day];

    /// Its cubes, cheapest to read first.
    pub(in crate::summary) fn cubes(self) -> &'static [Cube] {
        match self {
            Tier::Minute => &[Cube { id: 0, dimensions: DimensionSet::ALL, kept: Kept::ALL }],
            Tier::Hour => &[Cube { id: 1, dimensions: HOUR_BASE, kept: Kept::ALL }, CROSSED],
            Tier::Day => &DAY_CUBES,
        }
    }

    /// The cube that has every sample and visitor of a folded tier; others of the tier may be derived from it.
    pub(super) fn base(self) -> Cube {
        match self {
            Tier::Minute => Cube { id: 0, dimensions: DimensionSet::ALL, kept: Kept::ALL },
            Tier::Hour => Cube { id: 1, dimensions: HOUR_BASE, kept: Kept::ALL },
            Tier::Day => Cube { id: 1, dimensions: DAY_BASE, kept: Kept::ALL },
        }
    }
}

/// Which measures a cube holds beside counters and issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::summary) struct Kept {
    /// Histograms and ratings.
    pub(in crate::summary) samples: bool,
    /// Sketches of visitors.
    pub(in crate::summary) visitors: bool,
}

impl Kept {
    pub(super) const ALL: Kept = Kept { samples: true, visitors: true };
    const SAMPLES: Kept = Kept { samples: true, visitors: false };
    const COUNTERS: Kept = Kept { samples: false, visitors: false };

    fn covers(self, other: Kept) -> bool {
        (self.samples || !other.samples) && (self.visitors || !other.visitors)
    }
}

/// A projection of the cells on some dimensions. The id is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::summary) struct Cube {
    pub(super) id: u8,
    pub(super) dimensions: DimensionSet,
    pub(super) kept: Kept,
}

impl Cube {
    /// Whether it can tell `kept` by these dimensions.
    pub(in crate::summary) fn answers(self, dimensions: DimensionSet, kept: Kept) -> bool {
        self.dimensions.covers(dimensions) && self.kept.covers(kept)
    }

    /// The dimension without which this cube tells nothing that the tier's base doesn't.
    pub(super) fn own_dimension(self) -> Option<Dimension> {
        (self.id >= 16).then(|| Dimension::ALL.get(usize::from(self.id - 16)).copied()).flatten()
    }
}

const HOUR_BASE: DimensionSet = DimensionSet::of(&[Dimension::Bot]);
const DAY_BASE: DimensionSet = DimensionSet::of(&[Dimension::Group, Dimension::Device, Dimension::Bot]);
const CROSSED: Cube = Cube { id: 0, dimensions: DimensionSet::ALL, kept: Kept::COUNTERS };

const fn single(dimension: Dimension) -> Cube {
    let dimensions = DimensionSet::of(&[dimension, Dimension::Bot]);
    Cube { id: 16 + dimension as u8, dimensions, kept: Kept::SAMPLES }
}

static DAY_CUBES: [Cube; 12] = [
    Cube { id: 1, dimensions: DAY_BASE, kept: Kept::ALL },
    single(Dimension::Browser),
    single(Dimension::Os),
    single(Dimension::Country),
    single(Dimension::Navigation),
    single(Dimension::Referrer),
    single(Dimension::Page),
    single(Dimension::Custom0),
    single(Dimension::Custom1),
    single(Dimension::Custom2),
    single(Dimension::Custom3),
    CROSSED,
];
