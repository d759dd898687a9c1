//! What all requests share: the opened parts of the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemill_aws_api::Glue;
use tidemill_aws_api::access::AccessKeys;
use tidemill_aws_api::kinesis::Kinesis;
use tidemill_streams::{Options, StreamConfig, Streams};
use tidemill_tables::Tables;
use tidemill_web_analytics::summary::cell::SiteId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::analytics::Analytics;
use crate::api::{ApiError, ApiResult};
use crate::assets::Shop;
use crate::aws::Aws;
use crate::collector::{Collector, Senders, Tally};
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::error::{Error, Result};
use crate::http::OpenConnections;
use crate::schemas::Schemas;
use crate::sites::{NewSite, SitePatch, Sites, View};
use crate::sql::Sql;

/// The stream that beacons are kept in until the pipeline, and every replay, is through with them.
pub(crate) const BEACON_STREAM: &str = "web-beacons";

/// The most shards of a stream, closed ones that still hold records included.
const STREAM_SHARDS_MAX: usize = 10_000;

/// How long at the most a closed file of the lake waits for its checkpoint.
const LAKE_PUBLISHED_MAX: Duration = Duration::from_secs(10);

/// The opened parts.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) sites: Arc<Sites>,
    pub(crate) analytics: Analytics,
    pub(crate) streams: Streams,
    pub(crate) collector: Collector,
    pub(crate) sql: Sql,
    pub(crate) shop: Shop,
    pub(crate) kinesis: Kinesis,
    pub(crate) aws: Aws,
    pub(crate) schemas: Schemas,
    pub(crate) connections: OpenConnections,
    pub(crate) started: Instant,
    followers: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    // Last: the lock is given back when all else is closed.
    _folder: DataFolder,
}

impl App {
    /// Opens everything in the data folder.
    pub(crate) fn open(config: Config, folder: DataFolder) -> Result<App> {
        // A file of the lake is closed within its age, and published with the checkpoint after.
        let name_kept = Duration::from_millis(2 * config.pipeline.lake_file_age_ms) + LAKE_PUBLISHED_MAX;
        let sites = Arc::new(Sites::open(folder.join("sites.json"), name_kept)?);
        let options = Options { shards_max: STREAM_SHARDS_MAX, ..Options::default() };
        let streams = Streams::open(folder.join("streams"), options).map_err(Error::from_streams)?;
        let hours = Some(sites.snapshot().beacon_hours());
        let stream = match streams.get(BEACON_STREAM) {
            Ok(stream) => stream,
            Err(tidemill_streams::Error::StreamNotFound { .. }) => {
                let settings = StreamConfig { shards: config.beacons.shards, ..StreamConfig::default() };
                streams.create(BEACON_STREAM, settings).map_err(Error::from_streams)?
            }
            Err(error) => return Err(Error::from_streams(error)),
        };
        stream.set_retention(hours, Some(config.beacons.stream_bytes_max)).map_err(Error::from_streams)?;
        let senders = Senders::new(folder.secret()?);
        let analytics = Analytics::open(&folder, stream.clone(), &sites, &config)?;
        analytics.start(stream.clone(), &folder.join("checkpoints"), &config.pipeline)?;
        let tables = Tables::open(folder.join("tables")).map_err(|error| Error::part("tables", error))?;
        let kinesis_settings = config.kinesis.settings(vec![BEACON_STREAM.to_owned()]);
        let kinesis = Kinesis::open(streams.clone(), &folder.join("kinesis"), kinesis_settings)
            .map_err(|error| Error::part("kinesis", error))?;
        let keys = AccessKeys::open(&folder.join("access-keys.json"));
        let keys = keys.map_err(|error| Error::part("access keys", error))?;
        let schemas = Schemas::open(&folder.join("schemas"))?;
        let glue = Glue::new(schemas.registries.clone(), &config.kinesis.account, &config.kinesis.region)
            .map_err(|error| Error::part("schemas", error))?;
        let aws = Aws::new(kinesis.clone(), glue, keys, &config);
        let sql = Sql::open(tables, &analytics.lake, &config.query)?;
        Ok(App {
            sql,
            kinesis,
            aws,
            schemas,
            sites,
            analytics,
            streams,
            collector: Collector { stream, senders, tally: Tally::default() },
            shop: Shop::default(),
            connections: OpenConnections::default(),
            started: Instant::now(),
            followers: Arc::new(Semaphore::new(config.http.followers_max)),
            stop: watch::Sender::new(false),
            config,
            _folder: folder,
        })
    }

    /// A place among those who follow something without end.
    pub(crate) fn follower(&self) -> ApiResult<OwnedSemaphorePermit> {
        self.followers.clone().try_acquire_owned().map_err(|_| {
            ApiError::limit(
                format!("{} streams of events are open", self.config.http.followers_max),
                "close one, or raise http.followers_max",
            )
        })
    }

    /// Becomes true when the server stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Tells all who follow something that the server stops.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
        self.kinesis.stop();
    }

    /// Tells the pipeline, and keeps beacons as long as the site that keeps them longest.
    fn sites_changed(&self) {
        self.analytics.publish(&self.sites);
        let hours = Some(self.sites.snapshot().beacon_hours());
        if let Err(error) = self.collector.stream.set_retention(hours, Some(self.config.beacons.stream_bytes_max)) {
            tracing::error!(%error, "the retention of beacons stays as it was");
        }
    }

    /// Creates a site and tells the pipeline.
    pub(crate) fn create_site(&self, new: NewSite) -> ApiResult<Arc<View>> {
        let made = self.sites.create_after(new, |name| {
            // What a deleted site of that name had left is older than its name was kept.
            self.analytics.lake.erase(name).map_err(|error| ApiError::unavailable(error.to_string()))
        })?;
        self.sites_changed();
        Ok(made)
    }

    /// Changes a site's settings and tells the pipeline.
    pub(crate) fn update_site(&self, name: &str, patch: SitePatch) -> ApiResult<Arc<View>> {
        let changed = self.sites.update(name, patch)?;
        self.sites_changed();
        Ok(changed)
    }

    /// Deletes a site and its data.
    pub(crate) fn delete_site(&self, name: &str) -> ApiResult<Arc<View>> {
        let gone = self.sites.delete(name)?;
        // First the pipeline forgets it, which then makes nothing new of it.
        self.sites_changed();
        self.analytics.pulse.forget(gone.site.id);
        if let Err(error) = self.analytics.summaries.erase(SiteId(gone.site.id)) {
            tracing::error!(site = name, %error, "the summaries of a deleted site are still there");
        }
        if let Err(error) = self.analytics.lake.erase(name) {
            tracing::error!(site = name, %error, "the lake's files of a deleted site stay until the next round of retention");
        }
        Ok(gone)
    }
}
