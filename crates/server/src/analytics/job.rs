//! The web-analytics job: from the beacon stream to the summaries and the lake, under the engine's supervisor.
//!
//! ```text
//! stream source ─▶ pipeline ─┬▶ summaries
//!                            └▶ lake: impressions, sessions, quarantine
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidemill_connectors::file::FileSink;
use tidemill_connectors::stream::{StreamSource, StreamSourceConfig};
use tidemill_engine::checkpoint::CheckpointStore;
use tidemill_engine::job::{Job, Routing};
use tidemill_engine::runtime::supervisor::{JobHandle, RestartPolicy};
use tidemill_engine::runtime::timely::{TimelyOptions, TimelyRuntime};
use tidemill_engine::sink::Delivery;
use tidemill_engine::source::Replay;
use tidemill_streams::Stream;
use tidemill_web_analytics::pipeline;
use tidemill_web_analytics::sites::Sites;
use tidemill_web_analytics::summary::store::SummaryStore;

use super::lake::{Kind, Lake};
use super::summary_sink::{SummarySink, Visible};
use crate::config;
use crate::error::{Error, Result};

/// Name of the job, and of its checkpoints.
const JOB: &str = "web-analytics";
/// Results come at most so much later once what made the job fail is over, such as a full disk.
const RESTART_WAIT_MAX: Duration = Duration::from_secs(5);

/// What the job works on.
pub(crate) struct Parts<'a> {
    pub(crate) beacons: Stream,
    pub(crate) sites: &'a Sites,
    pub(crate) summaries: Arc<SummaryStore>,
    pub(crate) visible: Arc<Visible>,
    pub(crate) lake: &'a Lake,
    pub(crate) checkpoints: &'a Path,
    pub(crate) limits: &'a config::Pipeline,
}

/// Starts the job from its newest checkpoint.
pub(crate) fn start(parts: Parts<'_>) -> Result<JobHandle> {
    let failed = |error: &dyn std::fmt::Display| Error::part("the web-analytics job", error);
    let mut job = Job::new(JOB);
    let source = StreamSource::factory(parts.beacons, StreamSourceConfig::default());
    let beacons = job.source("beacons", Replay::FromPosition, source);
    let outputs = pipeline::add(&mut job, beacons, parts.sites);

    let (summaries, visible) = (parts.summaries, parts.visible);
    let deltas = outputs.deltas.map(|port| (port, Routing::Forward));
    job.sink("summaries", &deltas, Delivery::Transactional, move |_| {
        Ok(SummarySink::new(summaries.clone(), visible.clone()))
    });
    let file_age_max = Duration::from_millis(parts.limits.lake_file_age_ms);
    for kind in Kind::ALL {
        let port = match kind {
            Kind::Impressions => outputs.impressions,
            Kind::Sessions => outputs.sessions,
            Kind::Quarantine => outputs.quarantine,
        };
        let files = parts.lake.sink(kind, file_age_max);
        let name = format!("lake-{}", kind.name());
        job.sink(&name, &[(port, Routing::Forward)], Delivery::Transactional, move |_| {
            Ok(FileSink::new(files.clone()))
        });
    }
    let store = CheckpointStore::local(parts.checkpoints, JOB).map_err(|error| failed(&error))?;
    let options = TimelyOptions {
        workers: parts.limits.workers,
        checkpoint_interval: Duration::from_millis(parts.limits.checkpoint_ms),
        budget_bytes: parts.limits.in_flight_bytes_max,
        restart: RestartPolicy { longest_wait: RESTART_WAIT_MAX, ..RestartPolicy::default() },
        ..TimelyOptions::default()
    };
    TimelyRuntime::start(job, options, store).map_err(|error| failed(&error))
}
