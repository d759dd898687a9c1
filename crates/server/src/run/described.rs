//! What a running application says of itself: it answers on a socket in its data folder, which it has locked.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_engine::metrics::JobMetrics;
use tidemill_sql::{Node, explain};

use crate::error::{Error, Result};

/// The folder of the sockets.
const FOLDER: &str = "running";
/// How long an application may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an application says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Described {
    /// The operators, with what each did, and why nothing came out where nothing did: as `EXPLAIN ANALYZE` shows it.
    pub text: String,
    /// Why nothing came out.
    pub reasons: Vec<String>,
    /// The figures of each operator on each worker.
    pub operators: Value,
    /// What the application counts itself.
    pub metrics: Value,
}

impl Described {
    /// What there is to say now.
    pub(super) fn of(nodes: &[Node], metrics: &JobMetrics) -> Self {
        let figures = metrics.read();
        let mut text = explain::explain(nodes, Some(&figures));
        let reasons = explain::why_nothing(nodes, &figures);
        for reason in &reasons {
            text.push_str(&format!("! {reason}\n"));
        }
        let own = metrics.application.read();
        for figure in &own {
            text.push_str(&format!("{figure}\n"));
        }
        Self { text, reasons, operators: json!(figures), metrics: json!(own) }
    }
}

/// Asks an application that runs.
///
/// # Errors
/// Where none of this name runs with the data folder.
pub fn describe(data: &Path, name: &str) -> Result<Described> {
    let failed = |error: std::io::Error| {
        let data = data.display();
        let hint = "one that only shows rows is asked by EXPLAIN ANALYZE";
        Error::part("describing", format!("no application {name} runs with the data folder {data} ({error}); {hint}"))
    };
    let mut stream = UnixStream::connect(socket(data, name)).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed)?;
    serde_json::from_slice(&answer).map_err(|error| Error::part("describing", error))
}

fn socket(data: &Path, name: &str) -> PathBuf {
    data.join(FOLDER).join(format!("{name}.sock"))
}

/// Answers whoever asks, until it is dropped.
pub(super) struct Answering {
    path: PathBuf,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Answering {
    /// Answers for an application of this data folder.
    pub(super) fn start(
        data: &Path,
        name: &str,
        nodes: Arc<[Node]>,
        metrics: Arc<JobMetrics>,
    ) -> std::io::Result<Self> {
        let path = socket(data, name);
        std::fs::create_dir_all(data.join(FOLDER))?;
        // One that was killed leaves its socket; that it is gone the folder's lock tells.
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        let listener = UnixListener::bind(&path)?;
        let ended = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("describe".into()).spawn({
            let ended = ended.clone();
            move || {
                for stream in listener.incoming() {
                    if ended.load(Ordering::Acquire) {
                        return;
                    }
                    let answered = stream.and_then(|mut stream| {
                        stream.set_write_timeout(Some(PATIENCE))?;
                        stream.write_all(json!(Described::of(&nodes, &metrics)).to_string().as_bytes())
                    });
                    if let Err(error) = answered {
                        tracing::debug!(%error, "who asked how the application does went away");
                    }
                }
            }
        })?;
        Ok(Self { path, ended, thread: Some(thread) })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes the thread.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            drop(thread.join());
        }
        drop(std::fs::remove_file(&self.path));
    }
}
