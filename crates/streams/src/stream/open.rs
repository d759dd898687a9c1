//! Makes streams, and opens them as the last stop or crash left them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::append::{Queue, Routing, Shards, Writer, WriterParts, create_shard};
use crate::catalog::{self, CleanStop, StreamMeta};
use crate::log::{LogWriter, Recovered, Segment, create_folder, recover, remove_folder};
use crate::options::{Options, StreamConfig};
use crate::shard::{Shard, ShardInfo};
use crate::streams::FolderLock;
use crate::{Error, HashRange, IngestionTime, Result, Sequence, ShardId};

use super::{Inner, Stream};

impl Stream {
    /// Makes the stream's folder and starts the stream.
    pub(crate) fn create(
        folder: PathBuf,
        name: &str,
        config: StreamConfig,
        options: &Options,
        lock: &Arc<FolderLock>,
    ) -> Result<Self> {
        let now = options.clock.now();
        let stream: Arc<str> = name.into();
        create_folder(&folder)?;
        create_folder(&catalog::shards_folder(&folder))?;
        let (mut shards, mut logs) = (Vec::new(), HashMap::new());
        for (range, id) in HashRange::even(config.shards).into_iter().zip(0..) {
            // No stamp may be earlier than the stream.
            let floor = IngestionTime::from_micros(now.as_micros() - 1);
            let info =
                ShardInfo { id: ShardId(id), range, parents: vec![], created: now, start: Sequence::default(), floor };
            let (shard, log) = create_shard(&folder, &stream, info, options)?;
            shards.push(shard);
            logs.insert(ShardId(id), log);
        }
        let next_shard = ShardId(config.shards);
        let entries = shards.iter().map(|shard| catalog::entry(shard)).collect();
        // The stream exists from here on.
        catalog::save(&folder, &StreamMeta::new(name.to_owned(), now, config.clone(), next_shard, entries))?;
        Self::start(folder, stream, now, config, options, shards, logs, next_shard, lock)
    }

    /// Opens the stream in `folder` as the last stop or crash left it. `None` if it was never wholly made.
    pub(crate) fn open(folder: PathBuf, options: &Options, lock: &Arc<FolderLock>) -> Result<Option<Self>> {
        let Some(meta) = catalog::load(&folder)? else { return Ok(None) };
        let clean = catalog::load_clean_stop(&folder)?.unwrap_or_default();
        let stream: Arc<str> = meta.name.as_str().into();
        remove_unknown_shards(&folder, &meta)?;
        let (mut shards, mut logs) = (Vec::new(), HashMap::new());
        for entry in &meta.shards {
            let (shard, log) = open_shard(&folder, &stream, entry, &clean, options)?;
            if let Some((segment_next, torn, log_folder, active)) = log {
                let writer = LogWriter::open(
                    log_folder,
                    active,
                    segment_next,
                    torn,
                    #[cfg(test)]
                    options.faults.clone(),
                )?;
                logs.insert(entry.info.id, writer);
            }
            shards.push(shard);
        }
        catalog::forget_clean_stop(&folder)?;
        Self::start(folder, stream, meta.created, meta.config, options, shards, logs, meta.next_shard, lock).map(Some)
    }

    #[allow(clippy::too_many_arguments)]
    fn start(
        folder: PathBuf,
        name: Arc<str>,
        created: IngestionTime,
        config: StreamConfig,
        options: &Options,
        shards: Vec<Arc<Shard>>,
        logs: HashMap<ShardId, LogWriter>,
        next_shard: ShardId,
        lock: &Arc<FolderLock>,
    ) -> Result<Self> {
        let open = shards.iter().filter(|shard| shard.end().is_none());
        let routing = Routing::new(open.map(|shard| (shard.info.range, shard.info.id)).collect());
        if !routing.is_complete() {
            let path = folder.join("stream.json");
            return Err(Error::corrupt(&path, 0, "the open shards don't cover every hash key exactly once"));
        }
        let queue = Arc::new(Queue::new(Arc::clone(&name), options, config.record_bytes_max, routing, next_shard));
        let shards: Arc<Shards> =
            Arc::new(RwLock::new(shards.into_iter().map(|shard| (shard.info.id, shard)).collect()));
        let config = Arc::new(Mutex::new(config));
        let writer = Writer::new(WriterParts {
            folder: folder.clone(),
            stream: Arc::clone(&name),
            created,
            options: options.clone(),
            config: Arc::clone(&config),
            queue: Arc::clone(&queue),
            shards: Arc::clone(&shards),
            logs,
            next_shard,
        });
        let thread = std::thread::Builder::new()
            .name(format!("stream-{name}"))
            .spawn(move || writer.run())
            .map_err(|e| Error::io("start the writer thread of", &folder, e))?;
        Ok(Self(Arc::new(Inner {
            name,
            folder,
            created,
            options: options.clone(),
            config,
            queue,
            shards,
            changing: Mutex::new(()),
            writer: Mutex::new(Some(thread)),
            _lock: Arc::clone(lock),
        })))
    }
}

/// What a [`LogWriter`] is opened with: next sequence number, whether there is a tail to cut off, folder, active segment.
type OpenLog = (Sequence, bool, PathBuf, Arc<Segment>);

fn open_shard(
    folder: &Path,
    stream: &Arc<str>,
    entry: &catalog::ShardEntry,
    clean: &CleanStop,
    options: &Options,
) -> Result<(Arc<Shard>, Option<OpenLog>)> {
    let _ = options;
    let info = entry.info.clone();
    let log_folder = catalog::shard_folder(folder, info.id);
    let Recovered { segments, next, newest, floor, torn_bytes, room_bytes } =
        match (recover(&log_folder, info.id, clean.get(&info.id).copied())?, &entry.end) {
            (Some(recovered), _) => recovered,
            // All of a closed shard has expired, and it could not be forgotten yet.
            (None, Some(end)) => Recovered {
                segments: vec![],
                next: end.next,
                newest: end.floor,
                floor: end.floor,
                torn_bytes: 0,
                room_bytes: 0,
            },
            (None, None) => return Err(Error::corrupt(&log_folder, 0, "an open shard has no segment")),
        };
    if let Some(end) = &entry.end
        && (next != end.next || torn_bytes > 0)
        && let Some(last) = segments.last()
    {
        let reason = format!("the shard was closed at sequence number {}, but its frames end at {next}", end.next);
        return Err(Error::corrupt(&last.path, last.durable_bytes(), reason));
    }
    if torn_bytes > 0 {
        tracing::warn!(%stream, shard = %info.id, torn_bytes, "cut a torn tail off that no one was told about");
    }
    let open = entry.end.is_none().then(|| segments.last().cloned()).flatten();
    let log = open.map(|active| (next, torn_bytes + room_bytes > 0, log_folder, active));
    Ok((Shard::new(Arc::clone(stream), info, entry.end.clone(), segments, next, newest, floor), log))
}

/// Removes shard folders that a split which did not happen left behind.
fn remove_unknown_shards(folder: &Path, meta: &StreamMeta) -> Result<()> {
    let shards = catalog::shards_folder(folder);
    let known: Vec<PathBuf> = meta.shards.iter().map(|entry| catalog::shard_folder(folder, entry.info.id)).collect();
    let listed = |e| Error::io("list", &shards, e);
    for found in std::fs::read_dir(&shards).map_err(listed)? {
        let path = found.map_err(listed)?.path();
        if !known.contains(&path) {
            remove_folder(&path)?;
        }
    }
    Ok(())
}
