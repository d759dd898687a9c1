//! How long each panel of the dashboard takes over a year of a shop with a million impressions a month.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde_json::Value;
use tidemill_web_analytics::summary::store::SitePolicy;

use super::rows::RowsFile;
use super::year::{self, Countries, open_store};
use super::{Bench, Figures, SITE, quantile, said};
use crate::child::ChildServer;
use crate::error::{Error, Result};
use crate::observe::now_ms;

const IMPRESSIONS: u64 = 12_000_000;
const DAYS: u32 = 365;
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// Days that are asked for, and how often each question is: the year is what takes longest.
const RANGES: [(u32, u64); 4] = [(1, 3), (7, 3), (90, 5), (DAYS, 20)];
/// Each panel is asked without filters, and with those of each line.
const FILTERS: [&str; 4] = [
    "",
    "filter=device:mobile&",
    "filter=page:/p/product-3&",
    "filter=group:A&filter=device:mobile&filter=browser:Chrome&",
];
/// Name and query of each panel.
const PANELS: [(&str, &str); 13] = [
    ("overview", "overview?"),
    ("timeseries", "timeseries?metrics=impressions,sessions,orders,revenue_cents,errors,p75_lcp&"),
    ("vitals", "vitals?"),
    ("histogram", "histogram?metric=lcp&by=group&"),
    ("pages", "breakdown?dimension=page&limit=10&"),
    ("referrers", "breakdown?dimension=referrer&limit=10&"),
    ("countries", "breakdown?dimension=country&limit=10&"),
    ("devices", "breakdown?dimension=device&limit=10&"),
    ("browsers", "breakdown?dimension=browser&limit=10&"),
    ("systems", "breakdown?dimension=os&limit=10&"),
    ("quality", "quality?"),
    ("values", "dimensions/page/values?prefix=/p/&limit=20&"),
    ("realtime", "realtime?"),
];

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("queries");
    let server = bench.server("queries", &[]).await?;
    server.ensure_site(SITE).await?;
    let site = server.client().get(&format!("/api/v1/sites/{SITE}")).await.map_err(said)?;
    let id = site["id"].as_u64().and_then(|id| u32::try_from(id).ok());
    let id = id.ok_or_else(|| Error::part("the server's sites", "the answer has no id"))?;
    server.stop()?;
    let today = (Duration::from_millis(now_ms()).as_secs() / 86_400) as u32;
    let (data, rows) = (bench.scratch.path().join("queries"), bench.options.rows.clone());
    let begun = Instant::now();
    let written = tokio::task::spawn_blocking(move || write(&data, id, today, rows.as_deref())).await;
    let impressions = written.map_err(|error| Error::part("the benchmark", error))??;
    figures.add("written_s", begun.elapsed().as_secs_f64());

    let server = bench.server("queries", &[]).await?;
    whole_year(&server, today, impressions).await?;
    let (mut worst, mut partial): (f64, f64) = (0.0, 0.0);
    for (name, query) in PANELS {
        let (mut all_ms, mut year_p95_ms): (Vec<f64>, f64) = (Vec::new(), 0.0);
        for filter in FILTERS {
            for (days, rounds) in RANGES {
                let mut times_ms = Vec::new();
                for round in 0..rounds {
                    // Another range each time: an answer kept from the last would be no measurement.
                    let to_ms = u64::from(today) * DAY_MS - 7 * MINUTE_MS * round;
                    let from_ms = to_ms - u64::from(days) * DAY_MS;
                    let path = format!("/api/v1/sites/{SITE}/{query}{filter}from={from_ms}&to={to_ms}");
                    let begun = Instant::now();
                    let answer = server.client().get(&path).await.map_err(said)?;
                    times_ms.push(begun.elapsed().as_secs_f64() * 1e3);
                    partial += f64::from(u8::from(answer.get("partial").is_some()));
                }
                if days == DAYS {
                    year_p95_ms = year_p95_ms.max(quantile(&mut times_ms, 0.95));
                }
                all_ms.extend(times_ms);
            }
        }
        figures.add(format!("{name}_p50_ms"), quantile(&mut all_ms, 0.5));
        figures.add(format!("{name}_p95_ms"), quantile(&mut all_ms, 0.95));
        figures.add(format!("{name}_year_p95_ms"), year_p95_ms);
        worst = worst.max(year_p95_ms);
    }
    figures.add("worst_panel_p95_ms", worst);
    figures.add("partial_answers", partial);
    figures.add("impressions", impressions as f64);
    Ok(figures)
}

/// A fast answer that leaves a part of the year out would be none.
async fn whole_year(server: &ChildServer, today: u32, impressions: u64) -> Result<()> {
    let (from_ms, to_ms) = (u64::from(today - DAYS) * DAY_MS, u64::from(today) * DAY_MS);
    let path = format!("/api/v1/sites/{SITE}/overview?from={from_ms}&to={to_ms}");
    let answer: Value = server.client().get(&path).await.map_err(said)?;
    let [humans, bots] = ["impressions", "bots"].map(|count| answer["current"][count].as_u64().unwrap_or(0));
    match humans + bots == impressions {
        true => Ok(()),
        false => {
            Err(Error::part("the query API", format!("{humans} and {bots} impressions of {impressions} in a year")))
        }
    }
}

fn write(data: &Path, site: u32, today: u32, rows: Option<&Path>) -> Result<u64> {
    let store = open_store(data)?;
    // As a new site's settings are.
    let policy = SitePolicy { time_zone: TimeZone::UTC, minute_days: 2, hour_days: 60, day_days: 400 };
    let a_day = IMPRESSIONS.div_ceil(u64::from(DAYS));
    let rows = RowsFile::create(rows)?;
    Ok(year::write(&store, site, today - DAYS..today, a_day, &policy, Countries::Told, rows)?.impressions)
}
