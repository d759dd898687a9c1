//! Adding up the rows of one block: first which rows pass and where each is added, then column by column.
//!
//! A year of filtered counts is millions of rows: each step is a tight loop over one column.

use std::sync::Arc;

use super::parameters::{BotFilter, Question};
use super::scan::{Sums, Wanted};
use super::totals::Totals;
use crate::error::Result;
use crate::summary::dimension::Dimension;
use crate::summary::store::{CachedBlock, Numbers, Period, Section};
use crate::summary::varint::unzigzag;

/// Adds what is wanted of the rows within `period`.
pub(super) fn add_block(
    block: &CachedBlock<'_>,
    period: Period,
    question: &Question,
    wanted: &Wanted<'_>,
    sums: &mut Sums,
) -> Result<()> {
    let Some(filters) = filters(block, question)? else { return Ok(()) };
    let Selected { rows, targets } = select(block, period, &filters, wanted, sums)?;
    if rows.is_empty() {
        return Ok(());
    }
    for counter in wanted.counters {
        let column = block.numbers(Section::counter(*counter))?;
        match &targets {
            Targets::One(target) => {
                let sum = column.sum_zigzag(&rows);
                if let Some(totals) = sums.totals.get_mut(*target as usize) {
                    totals.count(*counter, sum);
                }
            }
            Targets::Each(targets) => column.each(&rows, |place, value| {
                if let Some(totals) = targets.get(place).and_then(|target| sums.totals.get_mut(*target as usize)) {
                    totals.count(*counter, unzigzag(value));
                }
            }),
        }
    }
    for counter in wanted.whole {
        sums.whole.count(*counter, block.numbers(Section::counter(*counter))?.sum_zigzag(&rows));
    }
    if wanted.issues && wanted.by.is_some() {
        add_issues(block, &rows, &mut sums.whole)?;
    }
    let mut sparse = |section: Section, add: &dyn Fn(&mut Totals, u16, i32)| -> Result<()> {
        let Some(column) = block.sparse(section)? else { return Ok(()) };
        column.each(&rows, |place, list| {
            if let Some(totals) = targets.of(place).and_then(|target| sums.totals.get_mut(target as usize)) {
                list.iter().for_each(|(number, value)| add(totals, *number, *value));
            }
        });
        Ok(())
    };
    for metric in wanted.metrics {
        sparse(Section::samples(*metric), &|totals, bucket, count| {
            totals.add_sample(*metric, bucket, i64::from(count));
        })?;
    }
    if !wanted.metrics.is_empty() {
        sparse(Section::RATINGS, &|totals, place, by| totals.add_rating(place, i64::from(by)))?;
    }
    if wanted.issues && wanted.by.is_none() {
        sparse(Section::ISSUES, &Totals::add_issue)?;
    }
    if wanted.visitors {
        sparse(Section::VISITORS, &|totals, register, rank| {
            totals.visitors.add(register, u8::try_from(rank).unwrap_or(u8::MAX));
        })?;
    }
    Ok(())
}

fn add_issues(block: &CachedBlock<'_>, rows: &[u32], totals: &mut Totals) -> Result<()> {
    if let Some(column) = block.sparse(Section::ISSUES)? {
        let entries = |_, list: &[(u16, i32)]| list.iter().for_each(|(issue, by)| totals.add_issue(*issue, *by));
        column.each(rows, entries);
    }
    Ok(())
}

/// A dimension's column in a block, and which of its places pass.
type Filter = (Arc<Numbers>, Vec<bool>);

/// Filters that some rows of a block don't pass. `None` if no row passes.
fn filters(block: &CachedBlock<'_>, question: &Question) -> Result<Option<Vec<Filter>>> {
    let mut filters = Vec::new();
    let mut check = |dimension: Dimension, passes: &dyn Fn(&str) -> bool| -> Result<bool> {
        let passing: Vec<bool> = block.texts(dimension)?.iter().map(|text| passes(text)).collect();
        if !passing.contains(&true) {
            return Ok(false);
        }
        if passing.contains(&false) {
            filters.push((block.numbers(Section::index(dimension))?, passing));
        }
        Ok(true)
    };
    for (dimension, values) in &question.filters {
        if !check(*dimension, &|text| values.iter().any(|value| value == text))? {
            return Ok(None);
        }
    }
    let bots = match question.bots {
        BotFilter::Include => true,
        BotFilter::Exclude => check(Dimension::Bot, &str::is_empty)?,
        BotFilter::Only => check(Dimension::Bot, &|text| !text.is_empty())?,
    };
    Ok(bots.then_some(filters))
}

/// Rows of a block, ascending, and the places of the totals to which they are added.
struct Selected {
    rows: Vec<u32>,
    targets: Targets,
}

enum Targets {
    /// All rows to the same.
    One(u32),
    /// By place in the rows.
    Each(Vec<u32>),
}

impl Targets {
    fn of(&self, place: usize) -> Option<u32> {
        match self {
            Targets::One(target) => Some(*target),
            Targets::Each(targets) => targets.get(place).copied(),
        }
    }
}

const UNSEEN: u32 = u32::MAX;

/// The rows that pass, and where they are added.
fn select(
    block: &CachedBlock<'_>,
    period: Period,
    filters: &[Filter],
    wanted: &Wanted<'_>,
    sums: &mut Sums,
) -> Result<Selected> {
    let mut rows: Vec<u32> = (0..block.rows() as u32).collect();
    for (index, passing) in filters {
        index.retain(&mut rows, passing);
    }
    let slots = block.numbers(Section::SLOTS)?;
    let slots_used = slots.largest() as usize + 1;
    // The point of each slot within the period.
    let point = |slot: usize| {
        let minute = block.start() + slot as u32 * block.slot_minutes();
        let inside = period.start <= minute && minute < period.end;
        inside.then(|| wanted.points.partition_point(|start| *start <= minute).saturating_sub(1) as u32)
    };
    let points: Vec<Option<u32>> = (0..slots_used).map(point).collect();
    if points.contains(&None) {
        let inside: Vec<bool> = points.iter().map(Option::is_some).collect();
        slots.retain(&mut rows, &inside);
    }
    if rows.is_empty() {
        return Ok(Selected { rows, targets: Targets::Each(Vec::new()) });
    }
    let numbers = match wanted.by {
        None => vec![0],
        Some(dimension) => block.texts(dimension)?.iter().map(|value| sums.number(value, wanted)).collect::<Vec<u32>>(),
    };
    if let ([Some(point)], [number]) = (points.as_slice(), numbers.as_slice()) {
        return Ok(Selected { rows, targets: Targets::One(sums.place(*point, *number)) });
    }
    let index = wanted.by.map_or(Ok(Arc::default()), |dimension| block.numbers(Section::index(dimension)))?;
    // Places of totals, by slot and place of the value: made when they are first needed.
    let mut known = vec![UNSEEN; points.len() * numbers.len()];
    let mut target = |(slot, place): (u32, u32)| {
        let (slot, place) = (slot as usize, place as usize);
        let Some(known) = known.get_mut(slot * numbers.len() + place) else { return UNSEEN };
        if *known == UNSEEN
            && let (Some(Some(point)), Some(number)) = (points.get(slot), numbers.get(place))
        {
            *known = sums.place(*point, *number);
        }
        *known
    };
    let targets = slots.of_rows(&rows).into_iter().zip(index.of_rows(&rows)).map(&mut target).collect();
    Ok(Selected { rows, targets: Targets::Each(targets) })
}
