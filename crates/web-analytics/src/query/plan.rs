//! Which cube tells which part of a range.

use jiff::tz::TimeZone;

use crate::error::Result;
use crate::summary::store::{Bots, CUBES, Cube, DimensionSet, Grain, Kept, Period, Tier, View};

/// What a cube must be able to tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    pub(super) dimensions: DimensionSet,
    pub(super) bots: Bots,
    pub(super) kept: Kept,
    /// Rows may not be coarser.
    pub(super) slot: Grain,
}

/// Parts of a range, and who tells them.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Disjoint.
    pub(super) pieces: Vec<(Cube, Period)>,
    /// Told by none.
    pub(super) missing: Vec<Period>,
}

/// Plans a range: the coarsest cube tells all its whole rows in the range, the next finer one what is left before and
/// after, and so on.
pub(super) fn plan(view: &View<'_>, zone: &TimeZone, range: Period, need: &Need) -> Result<Plan> {
    let mut cubes = Vec::new();
    for cube in CUBES.iter().filter(|cube| cube.slot <= need.slot) {
        if cube.answers(need.dimensions, need.bots, need.kept) {
            cubes.push((*cube, view.floor(cube.tier)?));
        }
    }
    let mut plan = Plan::default();
    plan.fill(zone, range, &cubes);
    Ok(plan)
}

impl Plan {
    fn fill(&mut self, zone: &TimeZone, gap: Period, cubes: &[(Cube, u32)]) {
        if gap.start >= gap.end {
            return;
        }
        let Some(((cube, floor), finer)) = cubes.split_first() else {
            self.missing.push(gap);
            return;
        };
        // Whole rows only, of blocks that are still held.
        let held = if cube.tier == Tier::Minute { *floor } else { round_up(cube.period, zone, *floor) };
        let start = round_up(cube.slot, zone, gap.start).max(held);
        let end = cube.slot.period(zone, gap.end).start;
        if start < end {
            self.pieces.push((*cube, Period { start, end }));
            self.fill(zone, Period { start: gap.start, end: start }, finer);
            self.fill(zone, Period { start: end, end: gap.end }, finer);
        } else {
            self.fill(zone, gap, finer);
        }
    }
}

fn round_up(grain: Grain, zone: &TimeZone, minute: u32) -> u32 {
    let period = grain.period(zone, minute);
    if period.start == minute { minute } else { period.end }
}
