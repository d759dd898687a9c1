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
#[derive(Debug)]
pub(super) struct Plan {
    /// Disjoint.
    pub(super) pieces: Vec<(Cube, Period)>,
    /// Told by none.
    pub(super) missing: Vec<Period>,
    /// The range, with its ends moved outwards to where the rows begin and end that tell them.
    pub(super) told: Period,
}

/// Plans a range: the coarsest cube tells all its whole rows in the range, the next finer one what is left before and
/// after, and so on. What is left in the end lies within a row, since nothing finer is kept of that time: the row tells it, with a
/// little more than was asked.
pub(super) fn plan(view: &View<'_>, zone: &TimeZone, range: Period, need: &Need) -> Result<Plan> {
    let mut cubes = Vec::new();
    for cube in CUBES.iter().filter(|cube| cube.slot <= need.slot) {
        if cube.answers(need.dimensions, need.bots, need.kept) {
            cubes.push((*cube, view.floor(cube.tier)?));
        }
    }
    let mut plan = Plan { pieces: Vec::new(), missing: Vec::new(), told: range };
    plan.fill(zone, range, &cubes);
    plan.widen(zone, range, &cubes);
    Ok(plan)
}

/// First minute of which a cube holds all rows.
fn held(cube: &Cube, zone: &TimeZone, floor: u32) -> u32 {
    if cube.tier == Tier::Minute { floor } else { round_up(cube.period, zone, floor) }
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
        let start = round_up(cube.slot, zone, gap.start).max(held(cube, zone, *floor));
        let end = cube.slot.period(zone, gap.end).start;
        if start < end {
            self.pieces.push((*cube, Period { start, end }));
            self.fill(zone, Period { start: gap.start, end: start }, finer);
            self.fill(zone, Period { start: end, end: gap.end }, finer);
        } else {
            self.fill(zone, gap, finer);
        }
    }

    /// Tells gaps at the ends of the range by the finest rows around them.
    fn widen(&mut self, zone: &TimeZone, range: Period, cubes: &[(Cube, u32)]) {
        for gap in std::mem::take(&mut self.missing) {
            let around = cubes.iter().filter_map(|(cube, floor)| {
                let row = cube.slot.period(zone, gap.start);
                let begins = row.start == gap.start || row.start < gap.start && gap.start == range.start;
                let ends = row.end == gap.end || row.end > gap.end && gap.end == range.end;
                (begins && ends && row.start >= held(cube, zone, *floor)).then_some((*cube, row))
            });
            match around.min_by_key(|(cube, _)| cube.slot) {
                Some((cube, row)) => {
                    self.pieces.push((cube, row));
                    self.told.start = self.told.start.min(row.start);
                    self.told.end = self.told.end.max(row.end);
                }
                None => self.missing.push(gap),
            }
        }
    }
}

fn round_up(grain: Grain, zone: &TimeZone, minute: u32) -> u32 {
    let period = grain.period(zone, minute);
    if period.start == minute { minute } else { period.end }
}
