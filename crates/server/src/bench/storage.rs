//! Bytes an impression in the summaries, and how far quantiles from their histograms are off.

use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use tidemill_web_analytics::summary::cell::{Metric, Minute, SiteId};
use tidemill_web_analytics::summary::histogram::{Histogram, bucket};
use tidemill_web_analytics::summary::store::{SitePolicy, TierFigures};

use super::rows::RowsFile;
use super::year::{self, Countries, DAY_MINUTES, open_store, said};
use super::{Bench, Figures};
use crate::error::{Error, Result};
use crate::observe::now_ms;

/// A shop with a million impressions a month.
const IMPRESSIONS_A_DAY: u64 = 33_000;
/// Days of which every tier is measured.
const DAYS: u32 = 20;
/// Days that are older than anything but the day tier is kept by default.
const OLD_DAYS: u32 = 60;
/// Of those, days since their end.
const OLD_SINCE: u32 = 61;
const QUANTILES: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let folder = bench.scratch.path().to_owned();
    let measured = tokio::task::spawn_blocking(move || {
        let mut figures = Figures::new("storage");
        tiers(&folder.join("tiers"), &mut figures)?;
        let each = old_months(&folder.join("without-countries"), Countries::Unknown, &mut figures)?;
        figures.add("old_without_countries_disk_bytes_per_impression", each);
        let each = old_months(&folder.join("old"), Countries::Told, &mut figures)?;
        figures.add("old_disk_bytes_per_impression", each);
        Ok(figures)
    });
    measured.await.map_err(|error| Error::part("the benchmark", error))?
}

fn today() -> u32 {
    (Duration::from_millis(now_ms()).as_secs() / 86_400) as u32
}

/// Each tier by itself: all of them keep everything.
fn tiers(data: &Path, figures: &mut Figures) -> Result<()> {
    let store = open_store(data)?;
    let policy = SitePolicy { time_zone: TimeZone::UTC, minute_days: 400, hour_days: 400, day_days: 400 };
    let days = today() - DAYS..today();
    let mut written =
        year::write(&store, 1, days, IMPRESSIONS_A_DAY, &policy, Countries::Told, RowsFile::create(None)?)?;
    let stored = store.figures().map_err(said)?;
    let [minute, hour, day] = stored.tiers;
    let each = |tier: TierFigures| tier.bytes as f64 / written.impressions as f64;
    figures.add("minute_bytes_per_impression", each(minute));
    figures.add("hour_bytes_per_impression", each(hour));
    figures.add("day_bytes_per_impression", each(day));
    figures.add("quantile_error_max_percent", quantile_error_percent(&mut written.lcp_ms));
    figures.add("impressions", written.impressions as f64);
    figures.add("minute_cells", minute.cells as f64);
    Ok(())
}

/// What the default retention leaves of months that are long over: bytes of files on disk, an impression.
fn old_months(data: &Path, countries: Countries, figures: &mut Figures) -> Result<f64> {
    let policy = SitePolicy { time_zone: TimeZone::UTC, minute_days: 2, hour_days: 60, day_days: 400 };
    let end = today() - OLD_SINCE;
    let store = open_store(data)?;
    // Folded as they came, then dropped when their time was over.
    let days = end - OLD_DAYS..end;
    let written = year::write(&store, 1, days, IMPRESSIONS_A_DAY, &policy, countries, RowsFile::create(None)?)?;
    store.retain(Minute(today() * DAY_MINUTES), &[(SiteId(1), policy)]).map_err(said)?;
    store.shrink().map_err(said)?;
    let blocks = store.block_disk_bytes();
    drop(store);
    if countries == Countries::Told {
        let all = folder_bytes(data).map_err(|error| Error::io("measuring", data, error))?;
        figures.add("old_impressions", written.impressions as f64);
        // As large whatever is kept.
        figures.add("journal_mb", all.saturating_sub(blocks) as f64 / 1e6);
    }
    Ok(blocks as f64 / written.impressions as f64)
}

/// Bytes of all files below a folder.
fn folder_bytes(folder: &Path) -> std::io::Result<u64> {
    std::fs::read_dir(folder)?.try_fold(0, |sum, entry| {
        let entry = entry?;
        let kind = entry.metadata()?;
        Ok(sum + if kind.is_dir() { folder_bytes(&entry.path())? } else { kind.len() })
    })
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
