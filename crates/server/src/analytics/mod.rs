//! Web analytics put together: the summaries, the lake, the questions to them, and how far behind they are.

mod job;
mod lake;
mod priority;
mod progress;
mod pulse;
mod questions;
mod summary_sink;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tidemill_engine::metrics::JobMetrics;
use tidemill_engine::runtime::supervisor::{JobHandle, JobState};
use tidemill_streams::Stream;
use tidemill_web_analytics::sites::{Site as PipelineSite, Sites as PipelineSites, SitesSnapshot};
use tidemill_web_analytics::summary::cell::SiteId;
use tidemill_web_analytics::summary::store::{Maintenance, SitePolicy, SummaryStore};

use crate::data_folder::DataFolder;
use crate::error::{Error, Result};
use crate::sites::{Sites, View};

pub(crate) use lake::{Kind as LakeKind, Lake};
pub(crate) use progress::{Behind, Progress, SAMPLE_EVERY};
pub(crate) use pulse::Pulse;
pub(crate) use questions::Questions;
use summary_sink::Visible;

/// The opened parts of web analytics.
pub(crate) struct Analytics {
    pub(crate) summaries: Arc<SummaryStore>,
    pub(crate) lake: Lake,
    pub(crate) questions: Questions,
    pub(crate) progress: Arc<Progress>,
    pub(crate) pulse: Pulse,
    /// Sites as the pipeline sees them.
    known: PipelineSites,
    job: Mutex<Option<JobHandle>>,
    // Stops, and waits for its round, when dropped.
    _maintenance: Maintenance,
}

impl std::fmt::Debug for Analytics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Analytics")
    }
}

impl Analytics {
    /// Opens the summaries and begins to fold them and to drop what is too old.
    pub(crate) fn open(
        folder: &DataFolder,
        beacons: Stream,
        sites: &Arc<Sites>,
        limits: &crate::config::Config,
    ) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| Error::part("summaries", error);
        let summaries = Arc::new(SummaryStore::open(folder.join("summaries")).map_err(|error| failed(&error))?);
        let every = Duration::from_secs(limits.retention.every_s);
        let progress = Progress::new(beacons);
        progress.sample(Timestamp::now().as_microsecond()).map_err(Error::from_streams)?;
        let lake = Lake::new(folder.join("lake"));
        let (known, dropped_from) = (sites.clone(), lake.clone());
        // Asked before each round: the lake's round is a part of it.
        let policies = move || {
            if let Err(error) = dropped_from.retain(&known, Timestamp::now()) {
                tracing::error!(%error, "what is too old stays in the lake until the next round");
            }
            known.snapshot().all().map(|view| (SiteId(view.site.id), policy(view))).collect()
        };
        let started =
            priority::giving_way(limits.pipeline.nice, || Maintenance::start(summaries.clone(), every, policies))?;
        let maintenance = started.map_err(|error| failed(&error))?;
        Ok(Analytics {
            known: PipelineSites::new(for_pipeline(sites)),
            job: Mutex::new(None),
            questions: Questions::new(&limits.query),
            progress: Arc::new(progress),
            pulse: Pulse::default(),
            summaries,
            lake,
            _maintenance: maintenance,
        })
    }
}

impl Analytics {
    /// Starts the job from its newest checkpoint.
    pub(crate) fn start(&self, beacons: Stream, checkpoints: &Path, limits: &crate::config::Pipeline) -> Result<()> {
        let parts = job::Parts {
            beacons,
            sites: &self.known,
            summaries: self.summaries.clone(),
            visible: Arc::new(Visible::new(self.progress.visible_until())),
            lake: &self.lake,
            checkpoints,
            limits,
        };
        let started = priority::giving_way(limits.nice, || job::start(parts))??;
        *self.job.lock() = Some(started);
        Ok(())
    }

    /// Tells the pipeline which sites there are now.
    pub(crate) fn publish(&self, sites: &Sites) {
        self.known.replace(for_pipeline(sites));
    }

    /// What the job reports, while it runs.
    pub(crate) fn figures(&self) -> Option<(JobState, Arc<JobMetrics>)> {
        self.job.lock().as_ref().map(|job| (job.state(), job.metrics().clone()))
    }

    /// Stops the job with a checkpoint. A job that doesn't stop in time is left to the end of the process: what it has not
    /// committed is read again at the next start.
    pub(crate) async fn stop(&self, patience: Duration) {
        let Some(job) = self.job.lock().take() else { return };
        let (told, heard) = tokio::sync::oneshot::channel();
        // A thread of its own: the runtime would wait for a blocking task without end.
        std::thread::spawn(move || {
            let state = job.stop();
            drop(job);
            // Nobody listens any more when it took too long.
            let _ = told.send(state);
        });
        match tokio::time::timeout(patience, heard).await {
            Ok(Ok(JobState::Stopped | JobState::Finished)) => {}
            Ok(state) => tracing::error!(?state, "the web-analytics job did not stop in good order"),
            Err(_) => tracing::error!(?patience, "the web-analytics job took too long to stop"),
        }
    }
}

fn for_pipeline(sites: &Sites) -> SitesSnapshot {
    SitesSnapshot::new(sites.snapshot().all().map(|view| {
        let site = &view.site;
        PipelineSite {
            id: SiteId(site.id),
            name: site.name.as_str().into(),
            session_gap_ms: i64::from(site.settings.session_gap_minutes) * 60_000,
            dimensions: site.settings.dimensions.iter().map(|name| name.as_str().into()).collect(),
            groups: None,
            order_salt: site.salt_bytes(),
        }
    }))
}

/// The site's own time zone; its name was checked when it was set.
pub(crate) fn zone(view: &View) -> TimeZone {
    TimeZone::get(&view.site.settings.timezone).unwrap_or(TimeZone::UTC)
}

fn policy(view: &View) -> SitePolicy {
    let kept = view.site.settings.retention;
    SitePolicy {
        time_zone: zone(view),
        minute_days: kept.minute_days,
        hour_days: kept.hour_days,
        day_days: kept.day_days,
    }
}
