//! What is kept on disk about streams beside their records.
//!
//! ```text
//! DIR/
//!   format.json               the format's version: a folder of a newer one is refused
//!   lock                      held while the folder is open
//!   streams/NAME/
//!     stream.json             settings; every shard with its range, parents and end
//!     clean.json              only after a clean stop: where each open shard's log ends
//!     shards/0000000000/      the shard's log
//! ```
//!
//! Files are replaced as a whole, so that a crash leaves the old or the new one. A folder that `stream.json` doesn't
//! name was left by a split that a crash cut short, and is removed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::log::{CleanTail, replace_file, sync_folder};
use crate::options::StreamConfig;
use crate::shard::{Shard, ShardEnd, ShardInfo};
use crate::{Error, IngestionTime, Result, ShardId};

/// The newest format of a folder that this program reads, and the one that it writes.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Format {
    format: u32,
}

/// `stream.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StreamMeta {
    format: u32,
    pub(crate) name: String,
    pub(crate) created: IngestionTime,
    pub(crate) config: StreamConfig,
    pub(crate) next_shard: ShardId,
    pub(crate) shards: Vec<ShardEntry>,
}

/// A shard in `stream.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShardEntry {
    #[serde(flatten)]
    pub(crate) info: ShardInfo,
    pub(crate) end: Option<ShardEnd>,
}

/// `clean.json`.
pub(crate) type CleanStop = BTreeMap<ShardId, CleanTail>;

impl StreamMeta {
    pub(crate) fn new(
        name: String,
        created: IngestionTime,
        config: StreamConfig,
        next_shard: ShardId,
        shards: Vec<ShardEntry>,
    ) -> Self {
        Self { format: FORMAT, name, created, config, next_shard, shards }
    }
}

pub(crate) fn entry(shard: &Shard) -> ShardEntry {
    ShardEntry { info: shard.info.clone(), end: shard.end() }
}

pub(crate) fn shard_folder(stream_folder: &Path, shard: ShardId) -> PathBuf {
    shards_folder(stream_folder).join(format!("{:010}", shard.0))
}

pub(crate) fn shards_folder(stream_folder: &Path) -> PathBuf {
    stream_folder.join("shards")
}

/// Checks the folder's format; a new folder gets this program's.
pub(crate) fn check_format(dir: &Path) -> Result<()> {
    let path = dir.join("format.json");
    match read::<Format>(&path)? {
        Some(_) => Ok(()),
        None => write(&path, &Format { format: FORMAT }),
    }
}

/// `None` when the folder has no `stream.json`: its creation was cut short.
pub(crate) fn load(stream_folder: &Path) -> Result<Option<StreamMeta>> {
    read(&stream_folder.join("stream.json"))
}

pub(crate) fn save(stream_folder: &Path, meta: &StreamMeta) -> Result<()> {
    write(&stream_folder.join("stream.json"), meta)
}

pub(crate) fn save_clean_stop(stream_folder: &Path, stop: &CleanStop) -> Result<()> {
    write(&stream_folder.join("clean.json"), stop)
}

pub(crate) fn load_clean_stop(stream_folder: &Path) -> Result<Option<CleanStop>> {
    let path = stream_folder.join("clean.json");
    read_bytes(&path)?.map(|bytes| parse(&path, &bytes)).transpose()
}

/// Before anything is written: from now on a crash is not a clean stop.
pub(crate) fn forget_clean_stop(stream_folder: &Path) -> Result<()> {
    let path = stream_folder.join("clean.json");
    match fs::remove_file(&path) {
        Ok(()) => sync_folder(stream_folder),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io("remove", &path, e)),
    }
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|e| Error::io("encode", path, e.into()))?;
    replace_file(path, &bytes)
}

/// Reads a file that states its format; the format is looked at before the rest, which a newer one may have changed.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(bytes) = read_bytes(path)? else { return Ok(None) };
    let Format { format } = parse(path, &bytes)?;
    if format > FORMAT {
        return Err(Error::NewerFormat { path: path.to_path_buf(), found: format, known: FORMAT });
    }
    parse(path, &bytes).map(Some)
}

fn read_bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| {
        let before = bytes.split(|byte| *byte == b'\n').take(e.line().saturating_sub(1));
        let offset = before.map(|line| line.len() + 1).sum::<usize>() + e.column().saturating_sub(1);
        Error::corrupt(path, offset as u64, e.to_string())
    })
}
