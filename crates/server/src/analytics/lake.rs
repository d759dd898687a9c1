//! The lake: what the job writes as Parquet, how SQL reads it, and when it is dropped.
//!
//! ```text
//! DIR/lake/impressions/tenant=shop/date=2026-11-22/web_analytics.lake_impressions-3-0-17.parquet
//! DIR/lake/sessions/…
//! DIR/lake/quarantine/…
//! ```
//!
//! `tenant` is the site's name, `date` the UTC day of the row. Other programs may read the folder at any time: a file is whole
//! when it is there, and never changes. What is too old goes by whole days, what belongs to no site goes altogether.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use tidemill_connectors::file::{FileSinkConfig, PartitionBy, lake};
use tidemill_engine::EngineError;
use tidemill_web_analytics::lake as rows;
use tidemill_web_analytics::sites::SitesSnapshot;

use crate::error::{Error, Result};
use crate::sites::{Sites, Snapshot};

const TENANT: &str = "tenant";
const DATE: &str = "date";
/// Columns, of whichever kind, whose values hardly repeat.
const DISTINCT: [&str; 5] = ["impression", "session", "user", "visitor", "body"];
/// Bytes of rows that one sink keeps until it closes a file: three sinks stay small beside the job's other state.
const OPEN_BYTES_MAX: usize = 16 << 20;

/// The lake's folder.
#[derive(Clone, Debug)]
pub(crate) struct Lake(PathBuf);

/// What the lake has, each kind in a folder of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Impressions,
    Sessions,
    Quarantine,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Impressions, Kind::Sessions, Kind::Quarantine];

    /// Name of its folder, and of its table in SQL.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Impressions => "impressions",
            Kind::Sessions => "sessions",
            Kind::Quarantine => "quarantine",
        }
    }

    /// The columns inside its files.
    fn schema(self) -> std::result::Result<SchemaRef, EngineError> {
        let nobody = SitesSnapshot::default();
        let none = match self {
            Kind::Impressions => rows::Impressions::default().take(&nobody),
            Kind::Sessions => rows::Sessions::default().take(&nobody),
            Kind::Quarantine => rows::quarantine(&nobody, &[]),
        }?;
        let rows = none.rows();
        let inside: Vec<usize> = rows
            .schema()
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, f)| f.name() != TENANT)
            .map(|(place, _)| place)
            .collect();
        Ok(Arc::new(rows.schema().project(&inside)?))
    }
}

impl Lake {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Lake(folder)
    }

    /// How the sink of a kind writes.
    pub(crate) fn sink(&self, kind: Kind, file_age_max: Duration) -> FileSinkConfig {
        FileSinkConfig {
            partition_by: vec![PartitionBy::Column(TENANT.into()), PartitionBy::RowDate(DATE.into())],
            distinct: DISTINCT.map(String::from).into(),
            open_bytes_max: OPEN_BYTES_MAX,
            file_age_max,
            ..FileSinkConfig::new(self.folder(kind))
        }
    }

    /// A kind as a table for SQL. New files are found by the next query.
    pub(crate) fn table(&self, kind: Kind) -> Result<Arc<dyn TableProvider>> {
        let failed = |error: &dyn std::fmt::Display| Error::part("the lake", error);
        let schema = kind.schema().map_err(|error| failed(&error))?;
        let partitions = [(TENANT, DataType::Utf8), (DATE, DataType::Date32)];
        lake::table(&self.folder(kind), schema, &partitions).map_err(|error| failed(&error))
    }

    /// Drops the days that a site no longer keeps, and all of what belongs to no site.
    pub(crate) fn retain(&self, sites: &Sites, now: Timestamp) -> Result<()> {
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        for kind in Kind::ALL {
            let tenants = partitions(&self.folder(kind), TENANT)?;
            // Read after the folders: a site that wrote one is in it, unless it was deleted.
            let sites = sites.snapshot();
            tenants.iter().try_for_each(|(name, folder)| retain_tenant(&sites, name, folder, today))?;
        }
        Ok(())
    }

    /// Drops all of a site.
    pub(crate) fn erase(&self, site: &str) -> Result<()> {
        Kind::ALL.into_iter().try_for_each(|kind| remove(&self.folder(kind).join(format!("{TENANT}={site}"))))
    }

    fn folder(&self, kind: Kind) -> PathBuf {
        self.0.join(kind.name())
    }
}

fn retain_tenant(sites: &Snapshot, name: &str, folder: &Path, today: Date) -> Result<()> {
    let Some(view) = sites.by_name(name) else { return remove(folder) };
    let days = i64::from(view.site.settings.retention.lake_days);
    let oldest = today.saturating_sub(days.days());
    for (day, folder) in partitions(folder, DATE)? {
        // What is no date isn't ours.
        if day.parse::<Date>().is_ok_and(|day| day < oldest) {
            remove(&folder)?;
        }
    }
    Ok(())
}

/// The folders `name=value` in a folder, by value.
fn partitions(folder: &Path, name: &str) -> Result<Vec<(String, PathBuf)>> {
    let failed = |error| Error::io("reading the lake", folder, error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let value = entry.file_name().to_str().and_then(|n| n.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
        found.extend(value.map(|value| (value, entry.path())));
    }
    Ok(found)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Ok(()) => {
            tracing::info!(folder = %folder.display(), "dropped from the lake");
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("dropping from the lake", folder, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::NewSite;

    fn lake_of(root: &Path, files: &[&str]) -> Lake {
        for file in files {
            let folder = root.join("lake").join(file);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("a.parquet"), "rows").unwrap();
        }
        Lake::new(root.join("lake"))
    }

    fn left(root: &Path, files: &[&str]) -> Vec<String> {
        files.iter().filter(|file| root.join("lake").join(file).exists()).map(|file| (*file).to_owned()).collect()
    }

    #[test]
    fn whole_days_go_when_their_site_no_longer_keeps_them() {
        let root = tempfile::tempdir().unwrap();
        let sites = Sites::open(root.path().join("sites.json"), Duration::ZERO).unwrap();
        let shop = NewSite { retention: serde_json::from_str(r#"{"lake_days":2}"#).unwrap(), ..NewSite::named("shop") };
        sites.create(shop).unwrap();
        let files = [
            "impressions/tenant=shop/date=2026-11-19",
            "impressions/tenant=shop/date=2026-11-20",
            "impressions/tenant=shop/date=2026-11-22",
            "sessions/tenant=shop/date=2026-11-19",
            "sessions/tenant=gone/date=2026-11-22",
            "sessions/tenant=shop/notes",
            "sessions/.staging",
        ];
        let lake = lake_of(root.path(), &files);
        lake.retain(&sites, "2026-11-22T00:00:01Z".parse().unwrap()).unwrap();
        assert_eq!(left(root.path(), &files), [files[1], files[2], files[5], files[6]]);
    }

    #[test]
    fn a_deleted_site_goes_and_no_other() {
        let root = tempfile::tempdir().unwrap();
        let files = [
            "quarantine/tenant=a/date=2026-11-22",
            "impressions/tenant=a/date=2026-11-22",
            "sessions/tenant=ab/date=2026-11-22",
        ];
        let lake = lake_of(root.path(), &files);
        lake.erase("a").unwrap();
        assert_eq!(left(root.path(), &files), [files[2]]);
    }

    #[test]
    fn a_lake_without_files_is_nothing_to_drop_and_can_be_asked() {
        let root = tempfile::tempdir().unwrap();
        let sites = Sites::open(root.path().join("sites.json"), Duration::ZERO).unwrap();
        let lake = Lake::new(root.path().join("lake"));
        lake.retain(&sites, Timestamp::now()).unwrap();
        for kind in Kind::ALL {
            let schema = lake.table(kind).unwrap().schema();
            assert!(schema.field_with_name(TENANT).is_ok() && schema.field_with_name("time").is_ok());
        }
    }
}
