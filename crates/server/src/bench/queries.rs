//! How long each panel of the dashboard takes over a year of a shop with a million impressions a month.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use tidemill_web_analytics::summary::cell::Minute;
use tidemill_web_analytics::summary::store::SitePolicy;

use super::year::{DAY_MINUTES, Year, open_store};
use super::{Bench, Figures, SITE, quantile, said};
use crate::error::{Error, Result};
use crate::observe::now_ms;

const IMPRESSIONS: u64 = 12_000_000;
const DAYS: u32 = 365;
const ROUNDS: usize = 25;

/// Name and query of each panel.
const PANELS: [(&str, &str); 12] = [
    ("overview", "overview?"),
    ("timeseries", "timeseries?metrics=impressions,sessions,orders,revenue_cents,errors,p75_lcp&"),
    ("vitals", "vitals?"),
    ("histogram", "histogram?metric=lcp&by=group&"),
    ("pages", "breakdown?dimension=page&limit=10&"),
    ("referrers", "breakdown?dimension=referrer&limit=10&"),
    ("devices", "breakdown?dimension=device&limit=10&"),
    ("browsers", "breakdown?dimension=browser&limit=10&"),
    ("systems", "breakdown?dimension=os&limit=10&"),
    ("quality", "quality?"),
    ("filtered_overview", "overview?filter=device:mobile&"),
    ("filtered_pages", "breakdown?dimension=page&limit=10&filter=group:A&filter=device:mobile&"),
];

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("queries");
    let server = bench.server("queries", &[]).await?;
    server.ensure_site(SITE).await?;
    let site = server.client().get(&format!("/api/v1/sites/{SITE}")).await.map_err(said)?;
    let id = site["id"].as_u64().and_then(|id| u32::try_from(id).ok());
    let id = id.ok_or_else(|| Error::part("the server's sites", "the answer has no id"))?;
    server.stop()?;
    let data = bench.scratch.path().join("queries");
    let written = tokio::task::spawn_blocking(move || write(&data, id)).await;
    let impressions = written.map_err(|error| Error::part("the benchmark", error))??;

    let server = bench.server("queries", &[]).await?;
    let mut worst: f64 = 0.0;
    for (name, query) in PANELS {
        let mut times_ms = Vec::with_capacity(ROUNDS);
        for round in 0..ROUNDS as u64 {
            // Another range each time: an answer kept from the last would be no measurement.
            let to_ms = now_ms() + 60_000 * round;
            let from_ms = to_ms - u64::from(DAYS + 1) * 86_400_000;
            let path = format!("/api/v1/sites/{SITE}/{query}from={from_ms}&to={to_ms}");
            let begun = Instant::now();
            let answer = server.client().get(&path).await.map_err(said)?;
            times_ms.push(begun.elapsed().as_secs_f64() * 1e3);
            check(name, &answer, impressions)?;
        }
        let p95 = quantile(&mut times_ms, 0.95);
        worst = worst.max(p95);
        figures.add(format!("{name}_p95_ms"), p95);
    }
    figures.add("worst_panel_p95_ms", worst);
    figures.add("impressions", impressions as f64);
    Ok(figures)
}

/// A fast answer that leaves a part of the year out would be none.
fn check(name: &str, answer: &serde_json::Value, impressions: u64) -> Result<()> {
    if name == "overview" {
        let [all, bots] = ["impressions", "bots"].map(|count| answer["current"][count].as_u64().unwrap_or(0));
        // Bots are left out of `impressions`, and told by their own count or not at all.
        let human = impressions as f64 * 0.92;
        if (all as f64 - human).abs() > 0.02 * human && all + bots != impressions {
            return Err(Error::part("the query API", format!("{all} impressions of {impressions} in a year")));
        }
    }
    Ok(())
}

fn write(data: &std::path::Path, site: u32) -> Result<u64> {
    let store = open_store(data)?;
    // As a new site's settings are.
    let policy = SitePolicy { time_zone: TimeZone::UTC, minute_days: 2, hour_days: 60, day_days: 400 };
    let today = (Duration::from_millis(now_ms()).as_secs() / 86_400) as u32;
    let mut year = Year::new(site);
    for day in today - DAYS..today {
        year.day(&store, Minute(day * DAY_MINUTES), IMPRESSIONS / u64::from(DAYS), &policy)?;
        year.lcp_ms.clear();
    }
    Ok(year.impressions)
}
