//! A year of a shop's summaries, as cells: what the pipeline would have written, made a hundred times faster.

use std::path::Path;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use tidemill_web_analytics::summary::buffer::DeltaBuffer;
use tidemill_web_analytics::summary::cell::{CellKey, Counter, Dimensions, Measures, Metric, Minute, SiteId};
use tidemill_web_analytics::summary::dimension::Dimension;
use tidemill_web_analytics::summary::store::{SitePolicy, SummaryStore};

use crate::error::{Error, Result};

pub(super) const DAY_MINUTES: u32 = 1_440;
const PAGES: usize = 140;
const MORE_IMPRESSIONS: f64 = 0.72;
const BOTS: f64 = 0.08;
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
/// Timer, its median in group A, its spread.
const TIMERS: [(Metric, f64, f64); 6] = [
    (Metric::Ttfb, 250.0, 0.6),
    (Metric::Fcp, 800.0, 0.5),
    (Metric::Load, 1_900.0, 0.5),
    (Metric::Lcp, 1_300.0, 0.45),
    (Metric::Inp, 75.0, 0.7),
    (Metric::Cls, 0.03, 1.0),
];

/// Writes summaries of one site.
pub(super) struct Year {
    site: SiteId,
    random: SmallRng,
    pages: Vec<(Arc<str>, f64)>,
    epoch: u64,
    pub(super) impressions: u64,
    /// LCP of every impression that told it, to compare quantiles with.
    pub(super) lcp_ms: Vec<f32>,
}

impl Year {
    pub(super) fn new(site: u32) -> Self {
        let weight = |rank: usize| 1.0 / (rank as f64 + 1.0).powf(0.9);
        let total: f64 = (0..PAGES).map(weight).sum();
        let page = |rank: usize| (Arc::from(format!("/p/product-{rank}")), weight(rank) / total);
        Self {
            site: SiteId(site),
            random: SmallRng::seed_from_u64(1),
            pages: (0..PAGES).map(page).collect(),
            epoch: 0,
            impressions: 0,
            lcp_ms: Vec::new(),
        }
    }

    /// A day with about so many impressions, committed by the hour as a sink would, then folded.
    pub(super) fn day(
        &mut self,
        store: &SummaryStore,
        first: Minute,
        impressions: u64,
        policy: &SitePolicy,
    ) -> Result<()> {
        let before = self.impressions;
        for hour in 0..24_u32 {
            let until = before + (impressions as f64 * share_until(hour)) as u64;
            let mut buffer = DeltaBuffer::default();
            while self.impressions < until {
                let minute = first.0 + hour * 60 + self.random.random_range(0..60);
                self.session(Minute(minute), &mut buffer);
            }
            self.epoch += 1;
            store.commit_deltas(self.epoch, "bench", &buffer.drain()).map_err(said)?;
        }
        let midnight = Minute(first.0 + DAY_MINUTES);
        store.fold_before(self.site, midnight, policy).map_err(said)?;
        store.retain(midnight, &[(self.site, policy.clone())]).map_err(said)
    }

    fn session(&mut self, start: Minute, buffer: &mut DeltaBuffer) {
        let random = &mut self.random;
        let (device, os, browser, _) = *pick(&TECHNOLOGIES, |technology| technology.3, random.random());
        let group_b: bool = random.random();
        let bot = if random.random_bool(BOTS) { "search-engine" } else { "" };
        let referrer = pick(&REFERRERS, |referrer| referrer.1, random.random()).0;
        let told = [
            (Dimension::Group, if group_b { "B" } else { "A" }),
            (Dimension::Device, device),
            (Dimension::Os, os),
            (Dimension::Browser, browser),
            (Dimension::Bot, bot),
            (Dimension::Referrer, referrer),
            (Dimension::Navigation, "navigate"),
        ];
        let mut dimensions =
            told.into_iter().fold(Dimensions::default(), |all, (dimension, text)| all.with(dimension, text));
        let visitor = random.random();
        let slow = if group_b { 1.6 } else { 1.0 } * if device == "desktop" { 0.95 } else { 1.15 };
        let (mut minute, mut impressions, mut entry) = (start.0, 0, None);
        loop {
            let page = &pick(&self.pages, |page| page.1, self.random.random()).0;
            dimensions = dimensions.with(Dimension::Page, page);
            let key = CellKey { site: self.site, minute: Minute(minute), dimensions: dimensions.clone() };
            let measures = self.impression(visitor, slow);
            buffer.cell(&key).add(&measures);
            entry.get_or_insert(key);
            impressions += 1;
            dimensions = dimensions.with(Dimension::Referrer, "");
            minute += u32::from(self.random.random_bool(0.5));
            if !self.random.random_bool(MORE_IMPRESSIONS) {
                break;
            }
        }
        self.impressions += impressions;
        if let Some(entry) = entry {
            self.end_session(buffer.cell(&entry), impressions as i64);
        }
    }

    fn end_session(&mut self, cell: &mut Measures, impressions: i64) {
        cell.count(Counter::Sessions, 1);
        cell.count(Counter::SessionImpressions, impressions);
        cell.count(Counter::SessionSeconds, self.random.random_range(5..60) * impressions);
        if impressions == 1 {
            cell.count(Counter::Bounces, 1);
        }
        if self.random.random_bool(ORDERS) {
            cell.count(Counter::Orders, 1);
            cell.count(Counter::RevenueCents, self.random.random_range(900..30_000));
        }
    }

    fn impression(&mut self, visitor: u64, slow: f64) -> Measures {
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
        for (metric, median, spread) in TIMERS {
            if metric == Metric::Inp && !last_beacon_came || metric == Metric::Cls && random.random_bool(0.33) {
                continue;
            }
            let normal: f64 = StandardNormal.sample(random);
            let value = (median * slow * (spread * normal).exp()).min(metric.limit());
            measures.sample(metric, value, 1);
            if metric == Metric::Lcp {
                self.lcp_ms.push(value as f32);
            }
        }
        measures
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
