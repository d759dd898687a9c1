//! Measures the summary store on a site of 33,000 impressions a day: bytes an impression by tier, and how long each panel
//! of the dashboard takes.
//!
//! `cargo run --release -p tidemill-web-analytics --example summary_size -- [DAYS] [IMPRESSIONS_A_DAY] [FOLDER]` (default: 365 33000; a folder that is
//! there is asked, not written)

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool for developers")]

use std::sync::Arc;
use std::time::Instant;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, LogNormal, Zipf};
use tidemill_web_analytics::query::{Parameters, SiteQuery};
use tidemill_web_analytics::summary::buffer::DeltaBuffer;
use tidemill_web_analytics::summary::cell::{CellKey, Counter, Dimensions, Measures, Metric, Minute, SiteId};
use tidemill_web_analytics::summary::codec;
use tidemill_web_analytics::summary::dimension::Dimension;
use tidemill_web_analytics::summary::store::{SitePolicy, SummaryStore};

const SITE: SiteId = SiteId(1);
/// 2025-11-01 00:00 UTC.
const FIRST_MINUTE: u32 = 29_365_920;
const DAY: u32 = 1_440;

/// One visitor's technology.
struct Technology {
    device: Arc<str>,
    os: Arc<str>,
    browser: Arc<str>,
    weight: f64,
}

struct Site {
    random: SmallRng,
    technologies: Vec<Technology>,
    pages: Vec<Arc<str>>,
    referrers: Vec<Arc<str>>,
    bots: Vec<Arc<str>>,
    groups: [Arc<str>; 2],
    countries: Vec<Arc<str>>,
    navigations: [Arc<str>; 3],
    page_rank: Zipf<f64>,
    referrer_rank: Zipf<f64>,
    visitors_a_day: u64,
}

impl Site {
    fn new(impressions_a_day: u64) -> Self {
        let technology = |(device, os, browser, weight): &(&str, &str, &str, f64)| Technology {
            device: (*device).into(),
            os: (*os).into(),
            browser: (*browser).into(),
            weight: *weight,
        };
        Site {
            random: SmallRng::seed_from_u64(7),
            technologies: TECHNOLOGIES.iter().map(technology).collect(),
            pages: (0..139).map(|page| format!("/category/product-{page}").into()).collect(),
            referrers: (0..15).map(|site| format!("www.site-{site}.example").into()).collect(),
            bots: ["Googlebot", "bingbot", "GPTBot"].map(Arc::from).into(),
            groups: ["A".into(), "B".into()],
            countries: COUNTRIES.iter().map(|(country, _)| Arc::from(*country)).collect(),
            navigations: ["navigate".into(), "reload".into(), "back_forward".into()],
            page_rank: Zipf::new(139.0, 0.9).unwrap(),
            referrer_rank: Zipf::new(15.0, 1.0).unwrap(),
            visitors_a_day: impressions_a_day / 5,
        }
    }

    fn pick(&mut self) -> (Arc<str>, Arc<str>, Arc<str>) {
        let mut place = self.random.random::<f64>() * TECHNOLOGIES.iter().map(|(.., weight)| weight).sum::<f64>();
        let technology = self.technologies.iter().find(|technology| {
            place -= technology.weight;
            place <= 0.0
        });
        let Technology { device, os, browser, .. } = technology.unwrap_or(&self.technologies[0]);
        (device.clone(), os.clone(), browser.clone())
    }

    fn country(&mut self) -> Arc<str> {
        let mut place = self.random.random::<f64>();
        let country = COUNTRIES.iter().position(|(_, weight)| {
            place -= weight;
            place <= 0.0
        });
        self.countries[country.unwrap_or(0)].clone()
    }

    /// One session that starts in this minute; returns its number of impressions.
    fn session(&mut self, start: u32, buffer: &mut DeltaBuffer) -> u64 {
        let (device, os, browser) = self.pick();
        let mut impressions = 1;
        while impressions < 40 && self.random.random::<f64>() < 0.72 {
            impressions += 1;
        }
        let bot = if self.random.random::<f64>() < 0.1 {
            self.bots[self.random.random_range(0..3)].clone()
        } else {
            "".into()
        };
        let group = self.random.random_range(0..2);
        let country = self.country();
        let slow = if &*device == "mobile" { 1.5 } else { 1.0 } * if group == 0 { 0.8 } else { 1.0 };
        let told = [
            (Dimension::Group, &self.groups[group]),
            (Dimension::Device, &device),
            (Dimension::Browser, &browser),
            (Dimension::Os, &os),
            (Dimension::Bot, &bot),
            (Dimension::Country, &country),
        ];
        let mut dimensions =
            told.into_iter().fold(Dimensions::default(), |all, (dimension, text)| all.with(dimension, text));
        let visitor = u64::from(start / DAY) << 40 | self.random.random_range(0..self.visitors_a_day);
        let mut minute = start;
        let mut entry = None;
        for number in 0..impressions {
            let page = &self.pages[self.page_rank.sample(&mut self.random) as usize - 1];
            dimensions = dimensions.with(Dimension::Page, page);
            let direct = number > 0 || self.random.random::<f64>() < 0.35;
            let referrer = match direct {
                true => "",
                false => &self.referrers[self.referrer_rank.sample(&mut self.random) as usize - 1],
            };
            dimensions = dimensions.with(Dimension::Referrer, referrer);
            let navigation = if self.random.random::<f64>() < 0.9 { 0 } else { self.random.random_range(1..3) };
            dimensions = dimensions.with(Dimension::Navigation, &self.navigations[navigation]);
            let key = CellKey { site: SITE, minute: Minute(minute), dimensions: dimensions.clone() };
            let measures = self.impression(visitor, slow);
            buffer.cell(&key).add(&measures);
            entry.get_or_insert(key);
            minute += u32::from(self.random.random::<f64>() < 0.6);
        }
        if let Some(entry) = entry {
            let cell = buffer.cell(&entry);
            cell.count(Counter::Sessions, 1);
            cell.count(Counter::SessionImpressions, impressions);
            if impressions == 1 {
                cell.count(Counter::Bounces, 1);
            } else {
                cell.count(Counter::SessionSeconds, self.random.random_range(5..90) * impressions);
            }
            if self.random.random::<f64>() < 0.03 {
                cell.count(Counter::Orders, 1);
                cell.count(Counter::RevenueCents, self.random.random_range(500..20_000));
            }
        }
        impressions as u64
    }

    fn impression(&mut self, visitor: u64, slow: f64) -> Measures {
        let mut measures = Measures { visitors: vec![visitor], ..Measures::default() };
        measures.count(Counter::Impressions, 1);
        measures.count(Counter::Beacons, self.random.random_range(3..9));
        if self.random.random::<f64>() < 0.3 {
            measures.count(Counter::Events, self.random.random_range(1..4));
        }
        if self.random.random::<f64>() < 0.02 {
            measures.count(Counter::Errors, 1);
        }
        if self.random.random::<f64>() < 0.05 {
            measures.issue(self.random.random_range(0..8), 1);
        }
        let last_beacon_came = self.random.random::<f64>() < 0.82;
        for (metric, median, sigma) in [
            (Metric::Ttfb, 300.0, 0.6),
            (Metric::Fcp, 900.0, 0.5),
            (Metric::Load, 2_400.0, 0.5),
            (Metric::Lcp, 1_600.0, 0.5),
            (Metric::Inp, 90.0, 0.7),
            (Metric::Cls, 0.05, 0.9),
        ] {
            let late = matches!(metric, Metric::Lcp | Metric::Inp | Metric::Cls);
            if late && !last_beacon_came || metric == Metric::Cls && self.random.random::<f64>() < 0.4 {
                continue;
            }
            let value = LogNormal::new(f64::ln(median * slow), sigma).unwrap().sample(&mut self.random);
            measures.sample(metric, value.min(metric.limit()), 1);
        }
        measures
    }

    /// A day's deltas, hour by hour, as a sink commits them.
    fn day(&mut self, day: u32, impressions: u64, store: &SummaryStore, epoch: &mut u64) {
        for hour in 0..24u32 {
            // Fewer visitors at night.
            let share = (1.0 + 0.7 * f64::sin(f64::from(hour + 18) / 24.0 * std::f64::consts::TAU)) / 24.0;
            let wanted = (impressions as f64 * share) as u64;
            let mut buffer = DeltaBuffer::default();
            let mut made = 0;
            while made < wanted {
                let minute = FIRST_MINUTE + day * DAY + hour * 60 + self.random.random_range(0..60);
                made += self.session(minute, &mut buffer);
            }
            *epoch += 1;
            store.commit_deltas(*epoch, "sink-0", &buffer.drain()).unwrap();
        }
    }
}

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

const TECHNOLOGIES: [(&str, &str, &str, f64); 18] = [
    ("mobile", "Android", "Chrome", 28.0),
    ("mobile", "iOS", "Safari", 22.0),
    ("desktop", "Windows", "Chrome", 17.0),
    ("desktop", "Windows", "Edge", 7.0),
    ("desktop", "macOS", "Safari", 5.0),
    ("desktop", "macOS", "Chrome", 5.0),
    ("mobile", "Android", "Samsung Internet", 4.0),
    ("desktop", "Windows", "Firefox", 3.5),
    ("tablet", "iOS", "Safari", 2.0),
    ("mobile", "iOS", "Chrome", 1.5),
    ("desktop", "Linux", "Firefox", 1.0),
    ("desktop", "Linux", "Chrome", 1.0),
    ("tablet", "Android", "Chrome", 0.8),
    ("desktop", "Windows", "Opera", 0.8),
    ("mobile", "Android", "Firefox", 0.5),
    ("desktop", "macOS", "Firefox", 0.5),
    ("desktop", "Windows", "Vivaldi", 0.3),
    ("mobile", "Android", "Opera", 0.1),
];

/// Times each panel over the whole time on one thread, with an empty cache of columns and again.
fn panels(store: &SummaryStore, end: u32, days: u32) {
    let now = i64::from(end) * 60_000;
    let from = now - i64::from(days) * 86_400_000;
    let query = SiteQuery::new(store.site(SITE), jiff::tz::TimeZone::UTC, vec![]);
    let base = Parameters { from: Some(from), to: Some(now), ..Parameters::default() };
    let filtered =
        |filters: &[&str]| Parameters { filter: filters.iter().map(|f| f.to_string()).collect(), ..base.clone() };
    let by = |name: &str| Parameters { dimension: Some(name.into()), ..base.clone() };
    let metrics = "impressions,sessions,bounces,orders,revenue_cents,errors,p75_lcp";
    let series = |parameters: Parameters| Parameters { metrics: Some(metrics.into()), ..parameters };
    let groups = Parameters { by: Some("group".into()), ..base.clone() };
    type Panel<'p> = (&'p str, Box<dyn Fn() -> Result<Option<String>, tidemill_web_analytics::error::Error> + 'p>);
    let query = &query;
    let panel = |name: &'static str,
                 parameters: Parameters,
                 kind: fn(&SiteQuery<'_>, &Parameters, i64) -> Missing|
     -> Panel<'_> { (name, Box::new(move || kind(query, &parameters, now))) };
    let overview: fn(&SiteQuery<'_>, &Parameters, i64) -> Missing =
        |q, p, n| q.overview(p, n).map(|a| a.partial.map(|p| p.reason));
    let timeseries: fn(&SiteQuery<'_>, &Parameters, i64) -> Missing =
        |q, p, n| q.timeseries(p, n).map(|a| a.partial.map(|p| p.reason));
    let vitals: fn(&SiteQuery<'_>, &Parameters, i64) -> Missing =
        |q, p, n| q.vitals(p, n).map(|a| a.partial.map(|p| p.reason));
    let histogram: fn(&SiteQuery<'_>, &Parameters, i64) -> Missing =
        |q, p, n| q.histogram(p, n).map(|a| a.partial.map(|p| p.reason));
    let breakdown: fn(&SiteQuery<'_>, &Parameters, i64) -> Missing =
        |q, p, n| q.breakdown(p, n).map(|a| a.partial.map(|p| p.reason));
    let quality: fn(&SiteQuery<'_>, &Parameters, i64) -> Missing =
        |q, p, n| q.quality(p, n).map(|a| a.partial.map(|p| p.reason));
    let combination = ["device:mobile", "browser:Chrome", "page:/category/product-3"];
    let panels: Vec<Panel<'_>> = vec![
        panel("overview", base.clone(), overview),
        panel("timeseries", series(base.clone()), timeseries),
        panel("vitals", base.clone(), vitals),
        panel("histogram by group", groups, histogram),
        panel("breakdown page", by("page"), breakdown),
        panel("breakdown referrer", by("referrer"), breakdown),
        panel("breakdown browser", by("browser"), breakdown),
        panel("breakdown device", by("device"), breakdown),
        panel("quality", base.clone(), quality),
        panel("overview, one page", filtered(&["page:/category/product-3"]), overview),
        panel("vitals, one page", filtered(&["page:/category/product-3"]), vitals),
        panel("overview, three filters", filtered(&combination), overview),
        panel("timeseries, three filters", series(filtered(&combination)), timeseries),
        panel(
            "breakdown referrer, three filters",
            Parameters { dimension: Some("referrer".into()), ..filtered(&combination) },
            breakdown,
        ),
    ];
    let mut all = Vec::new();
    for (name, ask) in &panels {
        let mut times: Vec<f64> = Vec::new();
        let mut missing = None;
        for _ in 0..5 {
            let started = cpu_seconds();
            missing = ask().unwrap();
            times.push((cpu_seconds() - started) * 1e3);
        }
        all.extend(&times);
        let first = times[0];
        times.sort_by(f64::total_cmp);
        println!(
            "{name:34} first {first:7.1} ms, median {:7.1} ms{}",
            times[2],
            if missing.is_some() { " (partial)" } else { "" }
        );
    }
    all.sort_by(f64::total_cmp);
    println!("all panels: p95 {:.1} ms of {} queries", all[all.len() * 95 / 100], all.len());
}

/// Seconds that this thread has run: what the rest of the machine does doesn't count.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    stat.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).expect("a number") / 1e9
}

/// How fast deltas are added up by cell, encoded and decoded, as between the operators of the pipeline.
fn delta_additions(site: &mut Site) {
    let mut source = DeltaBuffer::default();
    while source.len() < 100_000 {
        let minute = FIRST_MINUTE - DAY + site.random.random_range(0..60);
        site.session(minute, &mut source);
    }
    let deltas = source.drain();
    let started = cpu_seconds();
    let (mut bytes, mut cells) = (0, 0);
    for batch in deltas.chunks(2_000) {
        let mut buffer = DeltaBuffer::default();
        for delta in batch {
            buffer.cell(&delta.key).add(&delta.measures);
        }
        let encoded = codec::encode(&buffer.drain());
        bytes += encoded.len();
        cells += codec::decode(&encoded).unwrap().len();
    }
    let a_second = deltas.len() as f64 / (cpu_seconds() - started);
    println!("{a_second:.0} deltas a second added, encoded and decoded; {} bytes a cell on the way", bytes / cells);
}

type Missing = Result<Option<String>, tidemill_web_analytics::error::Error>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(default, |number| number.parse().expect("a number"));
    let (days, impressions) = (number(365) as u32, number(33_000));
    let scratch = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| scratch.path().join("summaries"), Into::into);
    if folder.exists() {
        return panels(&SummaryStore::open(folder).unwrap(), FIRST_MINUTE + days * DAY, days);
    }
    let store = SummaryStore::open(folder).unwrap();
    let policy = SitePolicy { time_zone: jiff::tz::TimeZone::UTC, minute_days: 30, hour_days: 90, day_days: 400 };
    let mut site = Site::new(impressions);
    delta_additions(&mut site);
    let mut epoch = 0;
    let started = Instant::now();
    let mut folding = 0.0;
    // What the tiers would have dropped by now isn't written first.
    store.retain(Minute(FIRST_MINUTE + days * DAY), &[(SITE, policy.clone())]).unwrap();
    for day in 0..days {
        site.day(day, impressions, &store, &mut epoch);
        let midnight = Minute(FIRST_MINUTE + (day + 1) * DAY);
        let fold_started = Instant::now();
        store.fold_before(SITE, midnight, &policy).unwrap();
        folding += fold_started.elapsed().as_secs_f64();
    }
    println!("{days} days written in {:.1} s, of which {folding:.1} s folding", started.elapsed().as_secs_f64());
    let figures = store.figures().unwrap();
    for (name, tier) in ["minute", "hour", "day"].iter().zip(figures.tiers) {
        let each = |bytes: u64| bytes as f64 / tier.impressions.max(1) as f64;
        println!(
            "{name:6} {:>9} impressions {:>9} cells {:>6} blocks {:>6.2} bytes an impression",
            tier.impressions,
            tier.cells,
            tier.blocks,
            each(tier.bytes)
        );
    }
    println!("{:.1} MB on disk", store.disk_bytes().unwrap() as f64 / 1e6);
    panels(&store, FIRST_MINUTE + days * DAY, days);
}
