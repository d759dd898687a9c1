//! All streams in one folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::catalog;
use crate::log::{create_folder, remove_folder};
use crate::options::{Options, StreamConfig, check_name};
use crate::{Error, Result, Stream};

/// The streams of a folder. Clones share them; when the last handle of everything is gone, what was accepted is
/// written and the folder unlocked.
#[derive(Clone, Debug)]
pub struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    options: Options,
    streams: Arc<StreamMap>,
    lock: Arc<FolderLock>,
    /// The thread that removes what has expired; it ends when the sender is gone.
    housekeeping: Option<(Sender<()>, JoinHandle<()>)>,
}

/// The streams of a folder by name.
pub(crate) type StreamMap = Mutex<BTreeMap<String, Stream>>;

/// The lock that keeps other processes out.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

/// Before the name of a folder that waits to be removed: no stream's name begins with a dot.
const TRASH: &str = ".deleted-";

impl Streams {
    /// Opens the streams in `dir`, which is made if it is not there.
    ///
    /// After a crash, a torn tail that nobody was told about is cut off; damage to what was acknowledged is an
    /// error that names the file and the byte. Only the last segment of each shard is read, so that this takes
    /// time by shards and not by data.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self> {
        let dir = dir.as_ref();
        create_folder(dir)?;
        let lock = FolderLock::take(dir)?;
        catalog::check_format(dir)?;
        let folder = dir.join("streams");
        create_folder(&folder)?;
        let streams = Arc::new(Mutex::new(open_all(&folder, &options, &lock)?));
        let (stop, stopped) = channel();
        let (kept, interval) = (Arc::clone(&streams), options.retention_interval);
        let thread = std::thread::Builder::new()
            .name("stream-retention".into())
            .spawn(move || crate::retention::keep_house(&kept, interval, &stopped))
            .map_err(|e| Error::io("start the housekeeping thread of", dir, e))?;
        Ok(Self(Arc::new(Inner { folder, options, streams, lock, housekeeping: Some((stop, thread)) })))
    }

    /// Makes a stream. Names have 1 to 128 of `A-Z a-z 0-9 _ - .`, no dot first.
    pub fn create(&self, name: &str, config: StreamConfig) -> Result<Stream> {
        check_name(name)?;
        config.check(&self.0.options)?;
        let mut streams = self.0.streams.lock();
        if streams.contains_key(name) {
            return Err(Error::StreamExists { stream: name.to_owned() });
        }
        let limit = self.0.options.streams_max;
        if streams.len() >= limit {
            return Err(Error::LimitReached { what: "streams", limit, setting: "`streams_max`" });
        }
        let folder = self.0.folder.join(name);
        let made = Stream::create(folder.clone(), name, config, &self.0.options, &self.0.lock);
        match made {
            Ok(stream) => {
                streams.insert(name.to_owned(), stream.clone());
                Ok(stream)
            }
            Err(error) => {
                let _ = remove_folder(&folder);
                Err(error)
            }
        }
    }

    /// The stream of this name.
    pub fn get(&self, name: &str) -> Result<Stream> {
        let not_found = || Error::StreamNotFound { stream: name.chars().take(128).collect() };
        self.0.streams.lock().get(name).cloned().ok_or_else(not_found)
    }

    /// All streams, by name.
    pub fn list(&self) -> Vec<Stream> {
        self.0.streams.lock().values().cloned().collect()
    }

    /// Deletes a stream with its records. Those who still hold it get [`Error::StreamDeleted`].
    pub fn delete(&self, name: &str) -> Result<()> {
        let stream = self.get(name)?;
        let mut streams = self.0.streams.lock();
        let trash = self.0.folder.join(format!("{TRASH}{name}"));
        remove_folder(&trash)?;
        stream.delete(trash)?;
        streams.remove(name);
        Ok(())
    }

    /// Stops all streams: nothing more is accepted, and what was accepted is on disk when this returns.
    pub fn close(&self) {
        let streams = std::mem::take(&mut *self.0.streams.lock());
        streams.values().for_each(Stream::close);
    }
}

impl Drop for Inner {
    /// The thread holds streams while it works: it has to end before the folder can be unlocked.
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.housekeeping.take() {
            drop(stop);
            // A panic of the thread was reported by the panic itself.
            let _ = thread.join();
        }
    }
}

impl FolderLock {
    fn take(dir: &Path) -> Result<Arc<Self>> {
        let path = dir.join("lock");
        let file = File::create(&path).map_err(|e| Error::io("create", &path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Arc::new(Self { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Err(Error::InUse { path }),
            Err(fs::TryLockError::Error(e)) => Err(Error::io("lock", &path, e)),
        }
    }
}

fn open_all(folder: &Path, options: &Options, lock: &Arc<FolderLock>) -> Result<BTreeMap<String, Stream>> {
    let listed = |e| Error::io("list", folder, e);
    let mut streams = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(listed)? {
        let path = entry.map_err(listed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.starts_with(TRASH) {
            remove_folder(&path)?;
        } else if check_name(&name).is_err() || !path.is_dir() {
            tracing::warn!(path = %path.display(), "not the folder of a stream; left alone");
        } else if let Some(stream) = Stream::open(path.clone(), options, lock)? {
            streams.insert(name, stream);
        } else {
            // Its creation was cut short, before anyone was told that it exists.
            remove_folder(&path)?;
        }
    }
    Ok(streams)
}
