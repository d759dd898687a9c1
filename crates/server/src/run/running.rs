//! Jobs of SQL that run.

use std::path::Path;
use std::sync::Arc;

use tidemill_engine::CheckpointStore;
use tidemill_engine::runtime::supervisor::{JobHandle, JobState, RestartPolicy};
use tidemill_engine::runtime::timely::{TimelyOptions, TimelyRuntime};
use tidemill_sql::{Node, Prepared, Rows};

use super::described::{Answering, Described};
use super::parts::Parts;
use super::{RunError, StartFrom};
use crate::error::{Error, Result};

/// Failures in a row after which a finite job is given up.
const FAILURES_MAX: u32 = 5;

/// A job of SQL that runs. Dropping it stops the job, with a checkpoint.
pub struct Running {
    handle: JobHandle,
    nodes: Arc<[Node]>,
    rows: Option<Rows>,
    name: String,
    _answering: Option<Answering>,
    // Last: what the job works with is in them.
    _parts: Arc<Parts>,
}

impl Running {
    /// Starts a job, whose checkpoints are in a folder.
    pub(super) fn start(
        prepared: Prepared,
        name: &str,
        from: &StartFrom,
        checkpoints: &Path,
        parts: Arc<Parts>,
    ) -> Result<Running, RunError> {
        let Prepared { job, nodes, rows, settings } = prepared;
        let mut savepoint = None;
        match from {
            StartFrom::Latest => {}
            StartFrom::Snapshot(name) => savepoint = Some(name.clone()),
            StartFrom::Nothing => put_aside(&checkpoints.join(name))?,
        }
        let failed = |error: tidemill_engine::EngineError| Error::part("the job", error);
        let store = CheckpointStore::local(checkpoints, name).map_err(failed)?;
        let options = TimelyOptions {
            workers: settings.parallelism(),
            checkpoint_interval: settings.checkpoint_interval(),
            budget_bytes: settings.in_flight_bytes(),
            restart: RestartPolicy { give_up_after: Some(FAILURES_MAX), ..RestartPolicy::default() },
            savepoint,
            ..TimelyOptions::default()
        };
        let handle = TimelyRuntime::start(job, options, store).map_err(failed)?;
        let nodes: Arc<[Node]> = nodes.into();
        let answering = parts.are_kept().then(|| {
            let answering = Answering::start(&parts.path(""), name, nodes.clone(), handle.metrics().clone());
            answering.inspect_err(|error| tracing::warn!(%error, "the application can't be described")).ok()
        });
        Ok(Running { handle, nodes, rows, name: name.to_owned(), _answering: answering.flatten(), _parts: parts })
    }

    /// The application's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The job.
    pub fn handle(&self) -> &JobHandle {
        &self.handle
    }

    /// The rows of the SELECT, once.
    pub fn rows(&mut self) -> Option<Rows> {
        self.rows.take()
    }

    /// Where the job stands.
    pub fn state(&self) -> JobState {
        self.handle.state()
    }

    /// What each operator did, and why nothing came out where nothing did.
    pub fn analysis(&self) -> String {
        Described::of(&self.nodes, self.handle.metrics()).text
    }
}

/// Keeps an application's checkpoints under another name.
fn put_aside(own: &Path) -> Result<()> {
    if !own.exists() {
        return Ok(());
    }
    let aside = (1..).map(|n| own.with_added_extension(format!("aside-{n}"))).find(|path| !path.exists());
    let aside = aside.unwrap_or_else(|| own.with_added_extension("aside"));
    std::fs::rename(own, &aside).map_err(|error| Error::io("putting old checkpoints aside", own, error))
}
