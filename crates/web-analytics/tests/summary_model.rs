//! The summary store against a model: a list of deltas that is filtered and added up naively.
//!
//! Whatever was committed, compacted, folded, committed again after a crash or reopened in between, each answer is the
//! model's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure to open or to ask fails the test")]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use tidemill_web_analytics::beacon::{Issue, Reason};
use tidemill_web_analytics::query::{BotFilter, Interval, Parameters, SiteQuery};
use tidemill_web_analytics::summary::buffer::DeltaBuffer;
use tidemill_web_analytics::summary::cell::{
    CellDelta, CellKey, Counter, Dimensions, Measures, Metric, Minute, SiteId,
};
use tidemill_web_analytics::summary::codec;
use tidemill_web_analytics::summary::dimension::Dimension;
use tidemill_web_analytics::summary::histogram::{bucket, midpoint};
use tidemill_web_analytics::summary::sketch::{Sketch, register};
use tidemill_web_analytics::summary::store::{SitePolicy, SummaryStore};

const SITES: [SiteId; 2] = [SiteId(1), SiteId(2)];
/// 2025-10-20 00:00 UTC; the 26th has 25 hours in Berlin.
const FIRST: u32 = 29_348_640;
const MINUTES: u32 = 16 * 1_440;
const PAGES: [&str; 4] = ["", "/", "/cart", "/product"];
const DEVICES: [&str; 2] = ["desktop", "mobile"];
const BOTS: [&str; 4] = ["", "", "", "Googlebot"];

fn policy(zone: &str) -> SitePolicy {
    SitePolicy { time_zone: TimeZone::get(zone).unwrap(), minute_days: 400, hour_days: 400, day_days: 800 }
}

/// What happens to a store.
#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<CellDelta>),
    /// Takes back all but the visitors of the commit before.
    Retract,
    Compact,
    Fold(u32),
    /// Ends without goodbye, opens again, and commits what was committed last once more.
    Crash,
}

fn some_delta() -> impl Strategy<Value = CellDelta> {
    let dimensions = (
        select(&["A", "B"][..]),
        select(&DEVICES[..]),
        select(&PAGES[..]),
        select(&BOTS[..]),
        select(&["", "free", "pro"][..]),
    );
    let samples = prop::collection::vec((select(Metric::ALL.to_vec()), 1.0f64..9_000.0), 0..4);
    (0..2usize, 0..MINUTES, dimensions, samples, 0u64..300, prop::bool::ANY, prop::option::of(0u8..13)).prop_map(
        |(site, minute, (group, device, page, bot, plan), samples, visitor, session, issue)| {
            let told = [
                (Dimension::Group, group),
                (Dimension::Device, device),
                (Dimension::Page, page),
                (Dimension::Bot, bot),
                (Dimension::Custom0, plan),
            ];
            let dimensions =
                told.into_iter().fold(Dimensions::default(), |all, (dimension, text)| all.with(dimension, text));
            let mut measures = Measures { visitors: vec![visitor], ..Measures::default() };
            measures.count(Counter::Impressions, 1);
            measures.count(Counter::Beacons, 5);
            if session {
                measures.count(Counter::Sessions, 1);
                measures.count(Counter::RevenueCents, i64::from(minute));
            }
            for (metric, value) in samples {
                measures.sample(metric, if metric == Metric::Cls { value / 20_000.0 } else { value }, 1);
            }
            issue.iter().for_each(|bit| measures.issue(*bit, 1));
            CellDelta { key: CellKey { site: SITES[site], minute: Minute(FIRST + minute), dimensions }, measures }
        },
    )
}

fn some_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop::collection::vec(some_delta(), 0..25).prop_map(Step::Commit),
        1 => Just(Step::Retract),
        1 => Just(Step::Compact),
        2 => (0..MINUTES + 3_000).prop_map(Step::Fold),
        1 => Just(Step::Crash),
    ]
}

#[derive(Clone, Debug)]
struct Asked {
    site: usize,
    from: u32,
    minutes: u32,
    filters: Vec<(&'static str, &'static str)>,
    bots: BotFilter,
    interval: Interval,
}

fn some_question() -> impl Strategy<Value = Asked> {
    let filter = prop_oneof![
        select(&DEVICES[..]).prop_map(|device| ("device", device)),
        select(&PAGES[..]).prop_map(|page| ("page", page)),
        select(&["A", "B", "C"][..]).prop_map(|group| ("group", group)),
        select(&["", "pro"][..]).prop_map(|plan| ("plan", plan)),
    ];
    let bots = select(vec![BotFilter::Exclude, BotFilter::Include, BotFilter::Only]);
    let interval = select(vec![Interval::Auto, Interval::Hour, Interval::Day]);
    (0..2usize, 0..MINUTES, 1..MINUTES, prop::collection::vec(filter, 0..3), bots, interval).prop_map(
        |(site, from, minutes, filters, bots, interval)| Asked {
            site,
            from: FIRST + from,
            minutes,
            filters,
            bots,
            interval,
        },
    )
}

/// By site; days of the second begin at half past the hour.
const ZONES: [&str; 2] = ["Europe/Berlin", "Asia/Kolkata"];

#[derive(Default)]
struct Model(Vec<CellDelta>);

impl Model {
    fn select<'m>(&'m self, asked: &'m Asked, from: u32, to: u32) -> impl Iterator<Item = &'m CellDelta> {
        self.0.iter().filter(move |delta| {
            let CellKey { site, minute, dimensions } = &delta.key;
            let text = |name: &str| match name {
                "device" => dimensions.get(Dimension::Device),
                "page" => dimensions.get(Dimension::Page),
                "group" => dimensions.get(Dimension::Group),
                _ => dimensions.get(Dimension::Custom0),
            };
            let passes = |(name, _): &(&str, &str)| {
                asked.filters.iter().any(|(other, value)| other == name && *text(name) == **value)
            };
            let bot = match asked.bots {
                BotFilter::Exclude => dimensions.get(Dimension::Bot).is_empty(),
                BotFilter::Include => true,
                BotFilter::Only => !dimensions.get(Dimension::Bot).is_empty(),
            };
            *site == SITES[asked.site] && (from..to).contains(&minute.0) && bot && asked.filters.iter().all(passes)
        })
    }
}

/// Naive sums.
#[derive(Default)]
struct Totals {
    counters: BTreeMap<Counter, i64>,
    samples: BTreeMap<(Metric, u16), i64>,
    ratings: BTreeMap<(Metric, u8), i64>,
    issues: BTreeMap<u8, i64>,
    visitors: Sketch,
}

impl Totals {
    fn of<'d>(deltas: impl Iterator<Item = &'d CellDelta>) -> Self {
        let mut totals = Totals::default();
        for CellDelta { measures, .. } in deltas {
            measures.counters.iter().for_each(|(counter, by)| *totals.counters.entry(*counter).or_default() += by);
            for (metric, bucket, count) in &measures.samples {
                *totals.samples.entry((*metric, *bucket)).or_default() += i64::from(*count);
            }
            for (metric, rating, count) in &measures.ratings {
                *totals.ratings.entry((*metric, *rating)).or_default() += i64::from(*count);
            }
            measures.issues.iter().for_each(|(bit, by)| *totals.issues.entry(*bit).or_default() += i64::from(*by));
            for visitor in &measures.visitors {
                let (register, rank) = register(*visitor);
                totals.visitors.add(register, rank);
            }
        }
        totals
    }

    fn counter(&self, counter: Counter) -> i64 {
        self.counters.get(&counter).copied().unwrap_or(0)
    }

    fn samples(&self, metric: Metric) -> Vec<f64> {
        let of_metric = self.samples.iter().filter(|((of, _), _)| *of == metric);
        of_metric.flat_map(|((_, bucket), count)| vec![midpoint(metric, *bucket); *count as usize]).collect()
    }

    fn quantile(&self, metric: Metric, q: f64) -> Option<f64> {
        let samples = self.samples(metric);
        samples.get(((q * samples.len() as f64).ceil() as usize).clamp(1, samples.len().max(1)) - 1).copied()
    }
}

fn query(store: &SummaryStore, site: usize) -> SiteQuery<'_> {
    SiteQuery::new(store.site(SITES[site]), TimeZone::get(ZONES[site]).unwrap(), vec!["plan".into()])
}

fn check(store: &SummaryStore, model: &Model, asked: &Asked) -> Result<(), TestCaseError> {
    let query = query(store, asked.site);
    let (from, to) = (asked.from, asked.from + asked.minutes);
    let ms = |minute: u32| i64::from(minute) * 60_000;
    let parameters = Parameters {
        from: Some(ms(from)),
        to: Some(ms(to)),
        filter: asked.filters.iter().map(|(name, value)| format!("{name}:{value}")).collect(),
        bots: asked.bots,
        interval: asked.interval,
        metrics: Some("impressions,revenue_cents,issues,visitors,p75_lcp".into()),
        dimension: Some("page".into()),
        limit: Some(1_000),
        by: Some("group".into()),
        ..Parameters::default()
    };
    let now = ms(to);
    let all = Totals::of(model.select(asked, from, to));

    let overview = query.overview(&parameters, now).unwrap();
    prop_assert_eq!(overview.partial, None);
    let counts = overview.body.current;
    prop_assert_eq!(counts.impressions, all.counter(Counter::Impressions));
    prop_assert_eq!(counts.beacons, all.counter(Counter::Beacons));
    prop_assert_eq!(counts.sessions, all.counter(Counter::Sessions));
    prop_assert_eq!(counts.revenue_cents, all.counter(Counter::RevenueCents));
    prop_assert_eq!(counts.issues, all.issues.values().sum::<i64>());
    prop_assert_eq!(counts.visitors, all.visitors.estimate());
    let before = Totals::of(model.select(asked, from - asked.minutes, from));
    prop_assert_eq!(overview.body.previous.impressions, before.counter(Counter::Impressions));
    let only_bots = Asked { bots: BotFilter::Only, ..asked.clone() };
    prop_assert_eq!(counts.bots, Totals::of(model.select(&only_bots, from, to)).counter(Counter::Impressions));

    let vitals = query.vitals(&parameters, now).unwrap();
    prop_assert_eq!(vitals.partial, None);
    for vital in vitals.body.metrics {
        let metric = Metric::from_name(vital.metric).unwrap();
        prop_assert_eq!(vital.samples as usize, all.samples(metric).len());
        prop_assert_eq!(vital.p50, all.quantile(metric, 0.5));
        prop_assert_eq!(vital.p95, all.quantile(metric, 0.95));
        let rating = |rating| all.ratings.get(&(metric, rating)).copied().unwrap_or(0);
        prop_assert_eq!([vital.good, vital.needs_improvement, vital.poor], [rating(0), rating(1), rating(2)]);
    }

    let series = query.timeseries(&parameters, now).unwrap();
    prop_assert_eq!(series.partial, None);
    let points = series.body.points;
    for (i, point) in points.iter().enumerate() {
        let start = ((point.time / 60_000) as u32).max(from);
        let end = points.get(i + 1).map_or(to, |next| (next.time / 60_000) as u32);
        let totals = Totals::of(model.select(asked, start, end));
        prop_assert_eq!(&point.values["impressions"], &json!(totals.counter(Counter::Impressions)));
        prop_assert_eq!(&point.values["revenue_cents"], &json!(totals.counter(Counter::RevenueCents)));
        prop_assert_eq!(&point.values["issues"], &json!(totals.issues.values().sum::<i64>()));
        prop_assert_eq!(&point.values["visitors"], &json!(totals.visitors.estimate()));
        prop_assert_eq!(&point.values["p75_lcp"], &json!(totals.quantile(Metric::Lcp, 0.75)));
    }

    let breakdown = query.breakdown(&parameters, now).unwrap();
    prop_assert_eq!(breakdown.partial, None);
    for row in &breakdown.body.rows {
        let totals =
            Totals::of(model.select(asked, from, to).filter(|d| *d.key.dimensions.get(Dimension::Page) == *row.value));
        prop_assert_eq!(row.measures.impressions, totals.counter(Counter::Impressions));
        prop_assert_eq!(row.measures.sessions, totals.counter(Counter::Sessions));
        prop_assert_eq!(row.measures.p75_lcp, totals.quantile(Metric::Lcp, 0.75));
    }
    let rows: i64 = breakdown.body.rows.iter().map(|row| row.measures.impressions).sum();
    prop_assert_eq!(rows, all.counter(Counter::Impressions));

    let histogram = query.histogram(&parameters, now).unwrap();
    prop_assert_eq!(histogram.partial, None);
    for group in &histogram.body.groups {
        let of_group =
            model.select(asked, from, to).filter(|delta| *delta.key.dimensions.get(Dimension::Group) == *group.value);
        let totals = Totals::of(of_group);
        prop_assert_eq!(group.samples as usize, totals.samples(Metric::Lcp).len());
        prop_assert_eq!(group.bars.iter().map(|bar| bar.count).sum::<u64>(), group.samples);
    }
    Ok(())
}

/// A store, what it should hold, and what was committed last.
struct Run {
    store: Option<SummaryStore>,
    model: Model,
    epoch: u64,
    last: Vec<CellDelta>,
}

impl Run {
    fn new(folder: &Path) -> Self {
        Run { store: Some(SummaryStore::open(folder).unwrap()), model: Model::default(), epoch: 0, last: Vec::new() }
    }

    fn store(&self) -> &SummaryStore {
        self.store.as_ref().unwrap()
    }

    fn commit(&mut self, deltas: Vec<CellDelta>) {
        self.epoch += 1;
        // Two subtasks' deltas travel apart.
        let (first, second) = deltas.split_at(deltas.len() / 2);
        for (subtask, part) in [("sink-0", first), ("sink-1", second)] {
            assert!(self.store().commit(self.epoch, subtask, &[codec::encode(part)]).unwrap());
        }
        self.model.0.extend(deltas.iter().cloned());
        self.last = deltas;
    }

    fn step(&mut self, folder: &Path, step: &Step) {
        match step {
            Step::Commit(deltas) => self.commit(deltas.clone()),
            Step::Retract => {
                let mut deltas = std::mem::take(&mut self.last);
                for CellDelta { measures, .. } in &mut deltas {
                    measures.visitors.clear();
                    measures.counters.iter_mut().for_each(|counter| counter.1 *= -1);
                    measures.samples.iter_mut().for_each(|sample| sample.2 *= -1);
                    measures.ratings.iter_mut().for_each(|rating| rating.2 *= -1);
                    measures.issues.iter_mut().for_each(|issue| issue.1 *= -1);
                }
                self.commit(deltas);
            }
            Step::Compact => {
                self.store().compact().unwrap();
            }
            Step::Fold(minute) => {
                for (site, zone) in SITES.into_iter().zip(ZONES) {
                    self.store().fold_before(site, Minute(FIRST + minute), &policy(zone)).unwrap();
                }
            }
            Step::Crash => {
                self.store = None;
                self.store = Some(SummaryStore::open(folder).unwrap());
                let again = codec::encode(&self.last);
                for subtask in ["sink-0", "sink-1"] {
                    if self.epoch > 0 {
                        assert!(!self.store().commit(self.epoch, subtask, &[&again]).unwrap());
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_the_model(
        steps in prop::collection::vec(some_step(), 1..14),
        questions in prop::collection::vec(some_question(), 4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::new(folder.path());
        for step in &steps {
            run.step(folder.path(), step);
        }
        for asked in &questions {
            check(run.store(), &run.model, asked)?;
        }
    }

    #[test]
    fn the_same_cells_have_the_same_dump_whatever_happened_to_them(
        steps in prop::collection::vec(some_step(), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::new(folder.path());
        for step in &steps {
            run.step(folder.path(), step);
        }
        // An undisturbed run: everything at once, in another order.
        let calm_folder = tempfile::tempdir().unwrap();
        let calm = SummaryStore::open(calm_folder.path()).unwrap();
        let mut buffer = DeltaBuffer::default();
        run.model.0.iter().rev().for_each(|delta| buffer.add(delta.clone()));
        calm.commit_deltas(1, "sink-0", &buffer.drain()).unwrap();

        let everything = Minute(FIRST + 2 * MINUTES);
        for (site, zone) in SITES.into_iter().zip(ZONES) {
            prop_assert_eq!(run.store().site(site).dump().unwrap(), calm.site(site).dump().unwrap());
            for store in [run.store(), &calm] {
                store.fold_before(site, everything, &policy(zone)).unwrap();
            }
            for tier in tidemill_web_analytics::summary::store::Tier::ALL {
                let [disturbed, undisturbed] = [run.store(), &calm].map(|store| store.site(site).dump_tier(tier).unwrap());
                prop_assert_eq!(disturbed, undisturbed);
            }
        }
        let [disturbed, undisturbed] = [run.store(), &calm].map(|store| store.figures().unwrap());
        prop_assert_eq!(disturbed, undisturbed, "not only the content but the bytes are the same");
    }
}

fn impression(site: SiteId, minute: u32, page: &str, lcp: f64) -> CellDelta {
    let dimensions = Dimensions::default().with(Dimension::Page, page).with(Dimension::Device, "mobile");
    let mut measures = Measures { visitors: vec![u64::from(minute)], ..Measures::default() };
    measures.count(Counter::Impressions, 1);
    measures.sample(Metric::Lcp, lcp, 1);
    CellDelta { key: CellKey { site, minute: Minute(minute), dimensions }, measures }
}

#[test]
fn late_deltas_reach_tiers_that_are_kept_when_their_minutes_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = SummaryStore::open(folder.path()).unwrap();
    let policy = SitePolicy { time_zone: TimeZone::UTC, minute_days: 7, hour_days: 30, day_days: 400 };
    let now = Minute(FIRST + 20 * 1_440);
    let sites = [(SITES[0], policy.clone())];
    store.commit_deltas(1, "sink-0", &[impression(SITES[0], FIRST + 100, "/", 1_000.0)]).unwrap();
    store.maintain(now, &sites).unwrap();
    assert_eq!(store.site(SITES[0]).dump().unwrap(), "", "minutes are gone after seven days");

    store.commit_deltas(2, "sink-0", &[impression(SITES[0], FIRST + 130, "/late", 3_000.0)]).unwrap();
    store.fold_before(SITES[0], now, &policy).unwrap();

    assert_eq!(store.site(SITES[0]).dump().unwrap(), "", "and don't come back");
    let query = SiteQuery::new(store.site(SITES[0]), TimeZone::UTC, vec![]);
    let day = |filter: &[&str]| Parameters {
        from: Some(i64::from(FIRST) * 60_000),
        to: Some(i64::from(FIRST + 1_440) * 60_000),
        filter: filter.iter().map(|filter| filter.to_string()).collect(),
        ..Parameters::default()
    };
    let all = query.overview(&day(&[]), 0).unwrap();
    assert_eq!((all.partial, all.body.current.impressions, all.body.current.visitors), (None, 2, 2));
    let late = query.overview(&day(&["page:/late", "device:mobile"]), 0).unwrap();
    assert_eq!(late.body.current.impressions, 1, "counts can be filtered at any age");
    let partial = late.partial.expect("visitors of a combination are kept by minute only");
    assert_eq!(partial.before, i64::from(FIRST + 1_440) * 60_000);
    let page = query.vitals(&day(&["page:/late"]), 0).unwrap();
    assert_eq!(page.partial, None, "samples of a page are kept by day");
    let within_1_percent = page.body.metrics[0].p75.is_some_and(|p75| (p75 - 3_000.0).abs() < 30.0);
    assert!(within_1_percent);
}

#[test]
fn a_site_never_sees_another_and_is_erased_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = SummaryStore::open(folder.path()).unwrap();
    // Neighbours in key order, and beyond.
    let sites = [SiteId(0), SiteId(1), SiteId(2), SiteId(255), SiteId(256), SiteId(u32::MAX)];
    let deltas: Vec<CellDelta> = sites
        .iter()
        .flat_map(|site| {
            (0..200).map(|i| impression(*site, FIRST + i * 97, &format!("/of-site-{}-{i}", site.0), 900.0))
        })
        .collect();
    let mut buffer = DeltaBuffer::default();
    deltas.into_iter().for_each(|delta| buffer.add(delta));
    store.commit_deltas(1, "sink-0", &buffer.drain()).unwrap();
    for site in [SiteId(1), SiteId(255)] {
        store.fold_before(site, Minute(FIRST + 2 * MINUTES), &policy("UTC")).unwrap();
    }
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 400, ..ProptestConfig::default() });
    let crafted = (0..6usize, 0..6usize, 0u32..200, 0..MINUTES, 1..MINUTES, prop::collection::vec(any::<u8>(), 0..8));
    runner
        .run(&crafted, |(asking, other, page, from, minutes, noise)| {
            let query = SiteQuery::new(store.site(sites[asking]), TimeZone::UTC, vec![]);
            let noise = String::from_utf8_lossy(&noise).into_owned();
            for filter in [
                vec![],
                vec![format!("page:/of-site-{}-{page}", sites[other].0)],
                vec![format!("page:{noise}"), format!("page:/of-site-{}-{page}", sites[other].0)],
            ] {
                let parameters = Parameters {
                    from: Some(i64::from(FIRST + from) * 60_000),
                    to: Some(i64::from(FIRST + from + minutes) * 60_000),
                    filter,
                    dimension: Some("page".into()),
                    limit: Some(1_000),
                    prefix: Some(if noise.len() > 4 { noise.clone() } else { "/of-".into() }),
                    ..Parameters::default()
                };
                let now = i64::from(FIRST + from + minutes) * 60_000;
                let answers = [
                    serde_json::to_string(&query.breakdown(&parameters, now).unwrap()).unwrap(),
                    serde_json::to_string(&query.values("page", &parameters, now).unwrap()).unwrap(),
                    serde_json::to_string(&query.realtime(&parameters, now, 0, 0).unwrap()).unwrap(),
                ];
                let own = format!("/of-site-{}-", sites[asking].0);
                for answer in answers {
                    prop_assert_eq!(answer.matches("/of-site-").count(), answer.matches(&own).count(), "{}", answer);
                }
            }
            Ok(())
        })
        .unwrap();

    let kept = store.site(SiteId(2)).dump().unwrap();
    store.erase(SiteId(1)).unwrap();
    assert_eq!(store.site(SiteId(1)).dump().unwrap(), "");
    assert_eq!(store.site(SiteId(2)).dump().unwrap(), kept);
    drop(store);
    let store = SummaryStore::open(folder.path()).unwrap();
    assert_eq!(store.site(SiteId(1)).dump().unwrap(), "", "also after a restart");
    assert_eq!(store.site(SiteId(0)).dump().unwrap().lines().count(), 200);
}

#[test]
fn quality_tells_issues_bots_and_reasons_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = SummaryStore::open(folder.path()).unwrap();
    let mut buffer = DeltaBuffer::default();
    for (minute, bot) in [(0, ""), (1, "Googlebot"), (2, "Googlebot"), (3, "GPTBot")] {
        let mut delta = impression(SITES[0], FIRST + minute, "/", 1_000.0);
        delta.key.dimensions = delta.key.dimensions.with(Dimension::Bot, bot);
        delta.measures.count(Counter::Beacons, 4);
        delta.measures.issue(Issue::MissingLoad as u8, 1);
        buffer.add(delta);
    }
    let nothing_known = CellKey { site: SITES[0], minute: Minute(FIRST), dimensions: Dimensions::default() };
    buffer.cell(&nothing_known).count(Counter::Quarantined, 2);
    buffer.cell(&nothing_known).issue(Reason::NotJson.number(), 2);
    store.commit_deltas(1, "sink-0", &buffer.drain()).unwrap();
    store.fold_before(SITES[0], Minute(FIRST + MINUTES), &policy("UTC")).unwrap();

    let now = i64::from(FIRST + 1_440) * 60_000;
    let query = SiteQuery::new(store.site(SITES[0]), TimeZone::UTC, vec![]);
    let quality = query.quality(&Parameters::default(), now).unwrap().body;

    assert_eq!((quality.beacons, quality.impressions), (4, 1));
    let text = serde_json::to_value(&quality).unwrap();
    assert_eq!(text["issues"], json!([{"issue": "missing_load", "count": 1, "share": 1.0}]));
    assert_eq!(text["bots"], json!([{"kind": "Googlebot", "impressions": 2}, {"kind": "GPTBot", "impressions": 1}]));
    assert_eq!(text["quarantine"], json!([{"reason": "not_json", "count": 2}]));
    assert_eq!(text["series"].as_array().map(Vec::len), Some(24));
    assert_eq!(text["series"][0], json!({"time": i64::from(FIRST) * 60_000, "issues": 1, "bots": 3}));
    let overview = query.overview(&Parameters::default(), now).unwrap().body.current;
    assert_eq!((overview.quarantined, overview.issues, overview.bots), (2, 1, 3));
}

#[test]
fn a_value_on_a_threshold_within_a_bucket_is_rated_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let store = SummaryStore::open(folder.path()).unwrap();
    let [below, above] = [2_500.0, 2_500.5];
    assert_eq!(bucket(Metric::Lcp, below), bucket(Metric::Lcp, above), "one bucket holds both");
    let deltas = [impression(SITES[0], FIRST, "/a", below), impression(SITES[0], FIRST, "/b", above)];
    store.commit_deltas(1, "sink-0", &deltas).unwrap();
    store.fold_before(SITES[0], Minute(FIRST + MINUTES), &policy("UTC")).unwrap();
    let now = i64::from(FIRST + 1_440) * 60_000;
    let vitals = query(&store, 0).vitals(&Parameters::default(), now).unwrap().body;
    assert_eq!((vitals.metrics[0].good, vitals.metrics[0].needs_improvement), (1, 1));
}
