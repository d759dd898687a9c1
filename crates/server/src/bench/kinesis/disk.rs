//! How fast batches get to the disk without HTTP, to be compared with what the disk does.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use tidemill_streams::{Options, Record, StreamConfig, Streams};

use super::{BATCH, RECORD_BYTES, data};
use crate::error::{Error, Result};

const RUN: Duration = Duration::from_secs(5);
/// Batches that wait for their acknowledgement.
const IN_FLIGHT: usize = 16;

/// What was written.
pub(super) struct Written {
    pub(super) mib_per_second: f64,
    /// Data between two syncs.
    pub(super) kib_per_sync: f64,
}

/// Appends batches of 500 × 1 KiB to one shard.
pub(super) fn append(folder: &Path) -> Result<Written> {
    let failed = |error: tidemill_streams::Error| Error::part("the stream", error);
    let streams = Streams::open(folder, Options::default()).map_err(failed)?;
    let stream = streams.create("disk", StreamConfig::default()).map_err(failed)?;
    let data = data();
    let record = Record { partition_key: b"key", data: &data, ..Record::default() };
    let batch = vec![record; BATCH];
    let (mut in_flight, mut batches, mut stamps) = (VecDeque::new(), 0, Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < RUN || !in_flight.is_empty() {
        if begun.elapsed() < RUN {
            in_flight.push_back(stream.append_batch(&batch));
        }
        if (in_flight.len() >= IN_FLIGHT || begun.elapsed() >= RUN)
            && let Some(oldest) = in_flight.pop_front()
        {
            batches += 1;
            stamps.extend(oldest.wait().map_err(failed)?.first().map(|appended| appended.time));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    // Records of one sync have one stamp.
    stamps.dedup();
    let bytes = (batches * BATCH * RECORD_BYTES) as f64;
    Ok(Written {
        mib_per_second: bytes / f64::from(1 << 20) / seconds,
        kib_per_sync: bytes / 1024.0 / stamps.len().max(1) as f64,
    })
}
