//! Retention: whole segments are removed once all that they hold is too old, or their stream too large.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use std::{fs, io};

use crate::Stream;
use crate::streams::StreamMap;

/// The housekeeping thread of a folder: sweeps each stream from time to time, until `stop` hangs up.
pub(crate) fn keep_house(streams: &StreamMap, interval: Duration, stop: &Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(interval) {
        let streams: Vec<Stream> = streams.lock().values().cloned().collect();
        for stream in streams {
            if let Err(error) = stream.enforce_retention() {
                tracing::debug!(stream = stream.name(), %error, "retention was skipped");
            }
        }
    }
}

/// Removes expired files and folders. What can't be removed now is only a loss of space until the next start.
pub(crate) fn remove(paths: &[PathBuf]) {
    for path in paths {
        match remove_path(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "an expired file can't be removed");
            }
            _ => {}
        }
    }
}

fn remove_path(path: &Path) -> io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}
