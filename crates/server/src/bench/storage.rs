//! Bytes an impression in the summaries, and how far quantiles from their histograms are off.

use std::time::Duration;

use jiff::tz::TimeZone;
use tidemill_web_analytics::summary::cell::{Metric, Minute};
use tidemill_web_analytics::summary::histogram::{Histogram, bucket};
use tidemill_web_analytics::summary::store::{SitePolicy, TierFigures};

use super::year::{DAY_MINUTES, Year, open_store, said};
use super::{Bench, Figures};
use crate::error::{Error, Result};
use crate::observe::now_ms;

/// A shop with a million impressions a month.
const IMPRESSIONS_A_DAY: u64 = 33_000;
const DAYS: u32 = 20;
const QUANTILES: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let data = bench.scratch.path().join("storage");
    let measured = tokio::task::spawn_blocking(move || measure(&data)).await;
    measured.map_err(|error| Error::part("the benchmark", error))?
}

fn measure(data: &std::path::Path) -> Result<Figures> {
    let mut figures = Figures::new("storage");
    let store = open_store(data)?;
    // All tiers keep everything, so that each can be told by itself.
    let policy = SitePolicy { time_zone: TimeZone::UTC, minute_days: 400, hour_days: 400, day_days: 400 };
    let today = (Duration::from_millis(now_ms()).as_secs() / 86_400) as u32;
    let mut year = Year::new(1);
    for day in today - DAYS..today {
        year.day(&store, Minute(day * DAY_MINUTES), IMPRESSIONS_A_DAY, &policy)?;
    }
    let stored = store.figures().map_err(said)?;
    let [minute, hour, day] = stored.tiers;
    let each = |tier: TierFigures| tier.bytes as f64 / year.impressions as f64;
    figures.add("minute_bytes_per_impression", each(minute));
    figures.add("hour_bytes_per_impression", each(hour));
    figures.add("day_bytes_per_impression", each(day));
    figures.add("quantile_error_max_percent", quantile_error_percent(&mut year.lcp_ms));
    figures.add("impressions", year.impressions as f64);
    figures.add("minute_cells", minute.cells as f64);
    Ok(figures)
}

/// The worst error of a histogram's quantiles against those of the values themselves.
fn quantile_error_percent(values: &mut [f32]) -> f64 {
    let mut histogram = Histogram::default();
    for value in values.iter() {
        if let Some(bucket) = bucket(Metric::Lcp, f64::from(*value)) {
            histogram.add(bucket, 1);
        }
    }
    values.sort_by(f32::total_cmp);
    let error = |q: f64| {
        let rank = (q * values.len() as f64).ceil() as usize;
        let exact = values.get(rank.saturating_sub(1)).copied().map_or(0.0, f64::from);
        histogram.quantile(Metric::Lcp, q).map_or(f64::INFINITY, |found| ((found - exact) / exact).abs())
    };
    100.0 * QUANTILES.into_iter().map(error).fold(0.0, f64::max)
}
