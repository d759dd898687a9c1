//! Adding up the rows of blocks, by point in time and value of a dimension.

use std::sync::Arc;

use hashbrown::HashMap;

use super::SiteQuery;
use super::answer::{Answer, Partial, Range};
use super::parameters::{BotFilter, Question, minute_ms};
use super::plan::{Need, plan};
use super::rows::add_block;
use super::totals::Totals;
use crate::error::Result;
use crate::summary::cell::{Counter, Metric};
use crate::summary::dimension::Dimension;
use crate::summary::store::{Bots, DimensionSet, Grain, Kept, Period, View};

/// What to add up.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted<'w> {
    pub(super) counters: &'w [Counter],
    /// Counters of all values together.
    pub(super) whole: &'w [Counter],
    /// Of all values together.
    pub(super) issues: bool,
    pub(super) metrics: &'w [Metric],
    pub(super) visitors: bool,
    /// Totals for each value of this dimension apart.
    pub(super) by: Option<Dimension>,
    /// Only these values get totals of their own, the others share [`REST`].
    pub(super) values: Option<&'w [Arc<str>]>,
    /// Totals for each point apart: where points begin, ascending. One point if empty.
    pub(super) points: &'w [u32],
}

/// Stands for all values that have no totals of their own.
pub(super) const REST: u32 = u32::MAX;
/// Values with totals of their own. Each day of a year may have others.
const VALUES_MAX: usize = 50_000;

/// What was added up.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) totals: Vec<Totals>,
    /// What is wanted of all values together.
    pub(super) whole: Totals,
    /// Places in `totals` by point and number of the value.
    places: HashMap<(u32, u32), u32, ahash::RandomState>,
    /// Values of the dimension, by number. The empty one is number 0 when nothing is grouped.
    values: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32, ahash::RandomState>,
}

impl Sums {
    pub(super) fn number(&mut self, value: &Arc<str>, wanted: &Wanted<'_>) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        if self.values.len() >= VALUES_MAX || wanted.values.is_some_and(|values| !values.contains(value)) {
            return REST;
        }
        let number = self.values.len() as u32;
        self.values.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }

    pub(super) fn place(&mut self, point: u32, number: u32) -> u32 {
        *self.places.entry((point, number)).or_insert_with(|| {
            self.totals.push(Totals::default());
            self.totals.len() as u32 - 1
        })
    }

    fn get(&self, point: u32, number: u32) -> Option<&Totals> {
        self.totals.get(*self.places.get(&(point, number))? as usize)
    }

    /// All of one point, when nothing was grouped.
    pub(super) fn point(&self, point: u32) -> Option<&Totals> {
        self.get(point, 0)
    }

    /// Everything, when neither points nor values were asked for.
    pub(super) fn only(self) -> Totals {
        self.get(0, 0).cloned().unwrap_or_default()
    }

    /// Totals of each value, and of the rest, when no points were asked for.
    pub(super) fn by_value(&self) -> (Vec<(Arc<str>, &Totals)>, Option<&Totals>) {
        let values = (0..).zip(&self.values).filter_map(|(number, value)| Some((value.clone(), self.get(0, number)?)));
        (values.collect(), self.get(0, REST))
    }
}

/// One request: all scans see the same moment, and what they miss is collected.
pub(super) struct Scan<'a, 's> {
    site: &'s SiteQuery<'a>,
    view: View<'a>,
    missing_until: Option<u32>,
    /// What most counts tell, and what all that is [kept](Kept) by some cubes only does.
    told: [Option<Period>; 2],
}

impl<'a, 's> Scan<'a, 's> {
    pub(super) fn new(site: &'s SiteQuery<'a>) -> Self {
        Scan { site, view: site.reader.view(), missing_until: None, told: [None; 2] }
    }

    /// The answer to `question`, of which parts may be missing.
    pub(super) fn answer<T>(self, question: &Question, body: T) -> Answer<T> {
        let range = |Period { start, end }: Period| Range { from: minute_ms(start), to: minute_ms(end) };
        let partial = self.missing_until.map(|minute| Partial {
            before: minute_ms(minute),
            reason: "what is kept of that time doesn't tell this combination of filters, interval and measures".into(),
        });
        let told = self.told(question);
        let [_, sampled] = self.told;
        let samples_range = sampled.filter(|sampled| *sampled != told).map(range);
        Answer { range: range(told), samples_range, partial, body }
    }

    /// The range that counts tell; that of samples if there are none.
    pub(super) fn told(&self, question: &Question) -> Period {
        let [counted, sampled] = self.told;
        counted.or(sampled).unwrap_or(question.range)
    }

    /// As [`Scan::sum`]; neither what isn't held any more nor the range shows in the answer.
    pub(super) fn sum_held(&mut self, question: &Question, wanted: &Wanted<'_>) -> Result<Sums> {
        let before = (self.missing_until, self.told);
        let sums = self.sum(question, wanted);
        (self.missing_until, self.told) = before;
        sums
    }

    /// Adds up what is wanted.
    pub(super) fn sum(&mut self, question: &Question, wanted: &Wanted<'_>) -> Result<Sums> {
        let mut sums = Sums::default();
        if wanted.by.is_none() {
            sums.number(&"".into(), &Wanted::default());
        }
        let nothing = Wanted { by: wanted.by, values: wanted.values, points: wanted.points, ..Wanted::default() };
        for varying in [false, true] {
            let of_kind = |counters: &[Counter]| -> Vec<Counter> {
                counters.iter().copied().filter(|counter| counter.varies() == varying).collect()
            };
            let (counters, whole) = (of_kind(wanted.counters), of_kind(wanted.whole));
            let issues = wanted.issues && !varying;
            if !counters.is_empty() || !whole.is_empty() || issues {
                let wanted = Wanted { counters: &counters, whole: &whole, issues, ..nothing.clone() };
                self.add(question, &wanted, Kept { varying, ..Kept::NONE }, &mut sums)?;
            }
        }
        if !wanted.metrics.is_empty() {
            let wanted = Wanted { metrics: wanted.metrics, ..nothing.clone() };
            self.add(question, &wanted, Kept { samples: true, ..Kept::NONE }, &mut sums)?;
        }
        if wanted.visitors {
            let wanted = Wanted { visitors: true, ..nothing };
            self.add(question, &wanted, Kept { visitors: true, ..Kept::NONE }, &mut sums)?;
        }
        Ok(sums)
    }

    fn add(&mut self, question: &Question, wanted: &Wanted<'_>, kept: Kept, sums: &mut Sums) -> Result<()> {
        let asked = question.filters.iter().map(|(dimension, _)| *dimension).chain(wanted.by);
        let dimensions = asked.filter(|d| *d != Dimension::Bot).fold(DimensionSet::default(), DimensionSet::with);
        let bots = match question.bots {
            _ if wanted.by == Some(Dimension::Bot) => Bots::Kinds,
            BotFilter::Exclude => Bots::Left,
            BotFilter::Include | BotFilter::Only => Bots::Told,
        };
        let slot = if wanted.points.is_empty() { Grain::Month } else { question.interval };
        let plan = plan(&self.view, &self.site.zone, question.range, &Need { dimensions, bots, kept, slot })?;
        for (cube, period) in plan.pieces {
            for block in self.view.folded(cube, period.start, period.end)? {
                add_block(&block, period, question, wanted, sums)?;
            }
        }
        for block in self.view.fresh(plan.told.start, plan.told.end)? {
            add_block(&block, plan.told, question, wanted, sums)?;
        }
        let [counted, sampled] = &mut self.told;
        let told = if kept == Kept::NONE { counted } else { sampled };
        let wider =
            |known: Period| Period { start: known.start.min(plan.told.start), end: known.end.max(plan.told.end) };
        *told = Some(told.map_or(plan.told, wider));
        if !plan.missing.is_empty()
            && let Some(first) = self.view.first_minute()?
        {
            // Nothing is missing of a time before the site began.
            let missing = plan.missing.iter().filter(|missing| missing.end > first).map(|missing| missing.end).max();
            self.missing_until = self.missing_until.max(missing);
        }
        Ok(())
    }
}
