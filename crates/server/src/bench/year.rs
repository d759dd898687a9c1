//! Months of a shop's summaries, as cells: what the pipeline would have written, made a hundred times faster.
//!
//! One thread draws visits while another commits and folds what is drawn.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, mpsc};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use tidemill_web_analytics::summary::buffer::DeltaBuffer;
use tidemill_web_analytics::summary::cell::{
    CellDelta, CellKey, Counter, Dimensions, Measures, Metric, Minute, SiteId,
};
use tidemill_web_analytics::summary::store::{SitePolicy, SummaryStore};

use super::rows::{Row, RowsFile, Session};
use crate::error::{Error, Result};

pub(super) const DAY_MINUTES: u32 = 1_440;
const PAGES: usize = 140;
const MORE_IMPRESSIONS: f64 = 0.72;
const BOTS: f64 = 0.08;
const BOT_KINDS: [&str; 3] = ["search-engine", "monitoring", "ai"];
const ORDERS: f64 = 0.03;

/// Device, system, browser and their weight.
const TECHNOLOGIES: [(&str, &str, &str, f64); 14] = [
    ("mobile", "Android", "Chrome", 0.28),
    ("mobile", "iOS", "Safari", 0.23),
    ("desktop", "Windows", "Chrome", 0.17),
    ("desktop", "Windows", "Edge", 0.08),
    ("desktop", "macOS", "Safari", 0.05),
    ("desktop", "macOS", "Chrome", 0.05),
    ("mobile", "Android", "Samsung Internet", 0.04),
    ("desktop", "Windows", "Firefox", 0.04),
    ("tablet", "iOS", "Safari", 0.02),
    ("mobile", "iOS", "Chrome", 0.01),
    ("desktop", "Linux", "Firefox", 0.01),
    ("desktop", "Linux", "Chrome", 0.01),
    ("mobile", "Android", "Firefox", 0.005),
    ("desktop", "macOS", "Firefox", 0.005),
];
const REFERRERS: [(&str, f64); 9] = [
    ("", 0.42),
    ("www.google.com", 0.3),
    ("www.bing.com", 0.05),
    ("duckduckgo.com", 0.04),
    ("www.instagram.com", 0.07),
    ("www.facebook.com", 0.04),
    ("www.reddit.com", 0.03),
    ("newsletter.example", 0.03),
    ("blog.example", 0.02),
];
const COUNTRIES: [(&str, f64); 12] = [
    ("DE", 0.38),
    ("US", 0.16),
    ("AT", 0.08),
    ("CH", 0.07),
    ("GB", 0.07),
    ("FR", 0.06),
    ("NL", 0.05),
    ("PL", 0.04),
    ("ES", 0.03),
    ("IT", 0.03),
    ("SE", 0.02),
    ("JP", 0.01),
];
const NAVIGATIONS: [(&str, f64); 3] = [("navigate", 0.9), ("reload", 0.04), ("back_forward", 0.06)];
/// Timer, its median in group A, its spread.
const TIMERS: [(Metric, f64, f64); 6] = [
    (Metric::Ttfb, 250.0, 0.6),
    (Metric::Fcp, 800.0, 0.5),
    (Metric::Load, 1_900.0, 0.5),
    (Metric::Lcp, 1_300.0, 0.45),
    (Metric::Inp, 75.0, 0.7),
    (Metric::Cls, 0.03, 1.0),
];

/// Days that are drawn and wait to be written.
const DAYS_WAITING_MAX: usize = 2;

/// What visits of one site add up to.
pub(super) struct Visits {
    site: SiteId,
    random: SmallRng,
    pages: Vec<(Arc<str>, f64)>,
    impressions: u64,
    /// LCP of every impression that told it, to compare quantiles with.
    lcp_ms: Vec<f32>,
    countries: Countries,
    rows: RowsFile,
}

/// What was written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) impressions: u64,
    /// LCP of every impression that told it.
    pub(super) lcp_ms: Vec<f32>,
}

/// Whose visits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Countries {
    /// A proxy says the country, as the simulator's does.
    Told,
    /// As configured by default.
    Unknown,
}

/// Writes the summaries of a site's last days, each with about so many impressions: committed by the hour as a sink would, then
/// folded. Tiers keep what they would have today: what they would have dropped since isn't written first.
pub(super) fn write(
    store: &SummaryStore,
    site: u32,
    days: Range<u32>,
    impressions_a_day: u64,
    policy: &SitePolicy,
    countries: Countries,
    rows: RowsFile,
) -> Result<Written> {
    let site = SiteId(site);
    let policies = [(site, policy.clone())];
    store.retain(Minute(days.end * DAY_MINUTES), &policies).map_err(said)?;
    let (drawn, waiting) = mpsc::sync_channel(DAYS_WAITING_MAX);
    std::thread::scope(|scope| {
        let first = days.clone();
        let drawing = scope.spawn(move || {
            let mut visits = Visits::new(site, countries, rows);
            for day in first {
                let deltas = visits.day(Minute(day * DAY_MINUTES), impressions_a_day);
                visits.rows.flush()?;
                // The receiver has failed, and says so.
                if drawn.send((day, deltas)).is_err() {
                    break;
                }
            }
            visits.rows.close()?;
            Ok(Written { impressions: visits.impressions, lcp_ms: visits.lcp_ms })
        });
        let mut epoch = 0;
        for (day, hours) in waiting {
            for deltas in hours {
                epoch += 1;
                store.commit_deltas(epoch, "bench", &deltas).map_err(said)?;
            }
            store.fold_before(site, Minute((day + 1) * DAY_MINUTES), policy).map_err(said)?;
        }
        drawing.join().map_err(|_| Error::part("the benchmark", "the thread that draws visits has panicked"))?
    })
}

impl Visits {
    fn new(site: SiteId, countries: Countries, rows: RowsFile) -> Self {
        let weight = |rank: usize| 1.0 / (rank as f64 + 1.0).powf(0.9);
        let total: f64 = (0..PAGES).map(weight).sum();
        let page = |rank: usize| (Arc::from(format!("/p/product-{rank}")), weight(rank) / total);
        Self {
            site,
            random: SmallRng::seed_from_u64(1),
            pages: (0..PAGES).map(page).collect(),
            impressions: 0,
            lcp_ms: Vec::new(),
            countries,
            rows,
        }
    }

    /// Deltas of each hour of a day.
    fn day(&mut self, first: Minute, impressions: u64) -> Vec<Vec<CellDelta>> {
        let before = self.impressions;
        let hour = |hour: u32| {
            let until = before + (impressions as f64 * share_until(hour)) as u64;
            let mut buffer = DeltaBuffer::default();
            while self.impressions < until {
                let minute = first.0 + hour * 60 + self.random.random_range(0..60);
                self.session(Minute(minute), &mut buffer);
            }
            buffer.drain()
        };
        (0..24).map(hour).collect()
    }

    fn session(&mut self, start: Minute, buffer: &mut DeltaBuffer) {
        let random = &mut self.random;
        let (device, os, browser, _) = *pick(&TECHNOLOGIES, |technology| technology.3, random.random());
        let group_b: bool = random.random();
        let bot = if random.random_bool(BOTS) { BOT_KINDS[random.random_range(0..BOT_KINDS.len())] } else { "" };
        let country = match self.countries {
            Countries::Told => pick(&COUNTRIES, |country| country.1, random.random()).0,
            Countries::Unknown => "",
        };
        let mut referrer = pick(&REFERRERS, |referrer| referrer.1, random.random()).0;
        let group = if group_b { "B" } else { "A" };
        let visitor = random.random();
        let slow = if group_b { 1.6 } else { 1.0 } * if device == "desktop" { 0.95 } else { 1.15 };
        let (mut minute, mut impressions) = (start.0, 0);
        let mut entry: Option<(CellKey, Row)> = None;
        loop {
            let page = &*pick(&self.pages, |page| page.1, self.random.random()).0;
            let navigation = pick(&NAVIGATIONS, |kind| kind.1, self.random.random()).0;
            let told = [group, device, browser, os, country, page, referrer, navigation, bot, "", "", "", ""];
            let dimensions = Dimensions::new(told);
            let key = CellKey { site: self.site, minute: Minute(minute), dimensions: dimensions.clone() };
            let (measures, timers) = self.impression(visitor, slow);
            buffer.cell(&key).add(&measures);
            let errors = measures.counters.iter().find(|(counter, _)| *counter == Counter::Errors);
            let errors = errors.map_or(0, |(_, count)| *count);
            let row = Row { minute, visitor, dimensions: dimensions.clone(), errors, timers, session: None };
            match &entry {
                None => entry = Some((key, row)),
                Some(_) if self.rows.is_wanted() => self.rows.push(row),
                Some(_) => {}
            }
            impressions += 1;
            referrer = "";
            minute += u32::from(self.random.random_bool(0.5));
            if !self.random.random_bool(MORE_IMPRESSIONS) {
                break;
            }
        }
        self.impressions += impressions;
        if let Some((key, row)) = entry {
            let session = self.end_session(buffer.cell(&key), impressions as i64);
            if self.rows.is_wanted() {
                self.rows.push(Row { session: Some(session), ..row });
            }
        }
    }

    fn end_session(&mut self, cell: &mut Measures, impressions: i64) -> Session {
        let mut session = Session { impressions, ..Session::default() };
        cell.count(Counter::Sessions, 1);
        cell.count(Counter::SessionImpressions, impressions);
        cell.count(Counter::SessionSeconds, self.random.random_range(5..60) * impressions);
        if impressions == 1 {
            cell.count(Counter::Bounces, 1);
        }
        if self.random.random_bool(ORDERS) {
            (session.orders, session.revenue_cents) = (1, self.random.random_range(900..30_000));
            cell.count(Counter::Orders, session.orders);
            cell.count(Counter::RevenueCents, session.revenue_cents);
        }
        session
    }

    /// One impression's measures, and its timers.
    fn impression(&mut self, visitor: u64, slow: f64) -> (Measures, Vec<(Metric, f32)>) {
        let random = &mut self.random;
        let mut measures = Measures { visitors: vec![visitor], ..Measures::default() };
        measures.count(Counter::Impressions, 1);
        measures.count(Counter::Beacons, random.random_range(3..9));
        if random.random_bool(0.5) {
            measures.count(Counter::Events, random.random_range(1..4));
        }
        if random.random_bool(0.03) {
            measures.count(Counter::Errors, 1);
        }
        if random.random_bool(0.04) {
            measures.issue(random.random_range(0..8), 1);
        }
        let last_beacon_came = random.random_bool(0.82);
        let mut timers = Vec::with_capacity(TIMERS.len());
        for (metric, median, spread) in TIMERS {
            if metric == Metric::Inp && !last_beacon_came || metric == Metric::Cls && random.random_bool(0.33) {
                continue;
            }
            let normal: f64 = StandardNormal.sample(random);
            let value = (median * slow * (spread * normal).exp()).min(metric.limit());
            measures.sample(metric, value, 1);
            timers.push((metric, value as f32));
            if metric == Metric::Lcp {
                self.lcp_ms.push(value as f32);
            }
        }
        (measures, timers)
    }
}

/// How much of a day's traffic has come when the hour ends: the integral of 1 + 0.7 sin, few at night.
fn share_until(hour: u32) -> f64 {
    let turn = |hour: f64| (hour + 18.0) / 24.0 * std::f64::consts::TAU;
    let until = f64::from(hour + 1);
    (until - 0.7 * 24.0 / std::f64::consts::TAU * (turn(until).cos() - turn(0.0).cos())) / 24.0
}

fn pick<T>(choices: &[T], weight: impl Fn(&T) -> f64, mut place: f64) -> &T {
    for choice in choices {
        place -= weight(choice);
        if place <= 0.0 {
            return choice;
        }
    }
    &choices[choices.len() - 1]
}

/// Opens the summaries of a data folder that no server has open.
pub(super) fn open_store(data: &Path) -> Result<SummaryStore> {
    SummaryStore::open(data.join("summaries")).map_err(said)
}

pub(super) fn said(error: tidemill_web_analytics::error::Error) -> Error {
    Error::part("the summaries", error)
}
