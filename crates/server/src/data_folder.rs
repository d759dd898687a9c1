//! The data folder: its layout, its format version, and the lock that keeps a second server out.
//!
//! ```text
//! DIR/VERSION       "tidemill data format 2"
//! DIR/LOCK          held while a server runs
//! DIR/SECRET        random bytes with which visitors are hashed
//! DIR/sites.json    sites and their secrets
//! DIR/streams/      the stream log
//! DIR/kinesis/      what the Kinesis protocol knows beside the records
//! DIR/access-keys.json  keys of the AWS protocols
//! DIR/tls.pem       the self-made certificate, for clients to trust
//! DIR/tls-key.pem   its private key
//! DIR/schemas/      registries of schemas
//! DIR/tables/       keyed tables
//! DIR/summaries/    web-analytics summaries by minute, hour and day
//! DIR/checkpoints/  state of the jobs
//! DIR/lake/         Parquet files
//! DIR/running/      sockets on which running applications say how they do
//! ```

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Format that this version reads and writes.
pub(crate) const FORMAT: u32 = 2;

const VERSION_FILE: &str = "VERSION";
const SECRET_FILE: &str = "SECRET";
const VERSION_WORDS: &str = "tidemill data format ";

/// An open data folder. No other server can open it until this is dropped.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Opens the folder, making it when it is missing or empty. A folder with foreign content, or of another format, is
    /// refused and left as it is.
    pub(crate) fn open(path: &Path) -> Result<DataFolder> {
        fs::create_dir_all(path).map_err(|error| Error::io("making the data folder", path, error))?;
        let path = path.canonicalize().map_err(|error| Error::io("opening the data folder", path, error))?;
        let version = read_version(&path)?;
        match version {
            Some(found) if found > FORMAT => return Err(Error::NewerFormat { path, found, known: FORMAT }),
            Some(found) if found < FORMAT => return Err(Error::OlderFormat { path, found, known: FORMAT }),
            _ => {}
        }
        let lock = lock(&path)?;
        if version.is_none() {
            write_durably(&path.join(VERSION_FILE), format!("{VERSION_WORDS}{FORMAT}\n").as_bytes())?;
        }
        Ok(DataFolder { path, _lock: lock })
    }

    /// A file or folder in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder's secret, made when first asked for.
    pub(crate) fn secret(&self) -> Result<[u8; 32]> {
        let file = self.path.join(SECRET_FILE);
        match fs::read(&file) {
            Ok(secret) => secret.try_into().map_err(|_| Error::ForeignFolder {
                path: self.path.clone(),
                said: format!("its {SECRET_FILE} file is not 32 bytes long"),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut secret = [0; 32];
                getrandom::fill(&mut secret).map_err(|error| Error::part("the system's random numbers", error))?;
                write_durably(&file, &secret)?;
                Ok(secret)
            }
            Err(error) => Err(Error::io("reading the data folder's secret", &file, error)),
        }
    }
}

fn read_version(path: &Path) -> Result<Option<u32>> {
    let file = path.join(VERSION_FILE);
    match fs::read_to_string(&file) {
        Ok(text) => {
            let found = text.trim_end().strip_prefix(VERSION_WORDS).and_then(|number| number.parse().ok());
            found.map(Some).ok_or_else(|| Error::ForeignFolder {
                path: path.to_owned(),
                said: format!("its {VERSION_FILE} file says {:?}", text.chars().take(40).collect::<String>()),
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let entries = fs::read_dir(path).map_err(|error| Error::io("reading the data folder", path, error))?;
            // A crash between the lock and the version file leaves these; a fresh file system has a lost+found.
            let ours = [".", "LOCK", "VERSION.new", "lost+found"];
            for entry in entries {
                let entry = entry.map_err(|error| Error::io("reading the data folder", path, error))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if !ours.contains(&name.as_str()) {
                    let said = format!("it holds {name:?} and no {VERSION_FILE} file");
                    return Err(Error::ForeignFolder { path: path.to_owned(), said });
                }
            }
            Ok(None)
        }
        Err(error) => Err(Error::io("reading the data folder's version", &file, error)),
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = path.join("LOCK");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .map_err(|error| Error::io("opening the lock file", &file, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::io("locking the data folder", &file, error)),
    }
}

/// Replaces a file so that a crash at any moment leaves either the old content or the new one, whole. Only its owner
/// can read it.
pub(crate) fn write_durably(path: &Path, content: &[u8]) -> Result<()> {
    let new = path.with_added_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| Error::io("writing durably", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_is_made_and_opened_again() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        drop(DataFolder::open(&path).unwrap());
        assert_eq!(fs::read_to_string(path.join("VERSION")).unwrap(), "tidemill data format 2\n");
        DataFolder::open(&path).unwrap();
    }

    #[test]
    fn two_servers_cannot_share_it() {
        let path = tempfile::tempdir().unwrap();
        let _first = DataFolder::open(path.path()).unwrap();
        assert!(matches!(DataFolder::open(path.path()), Err(Error::Locked { .. })));
    }

    #[test]
    fn another_format_is_refused_and_left_alone() {
        for (format, says) in [(1, "empty folder"), (3, "newer tidemill")] {
            let path = tempfile::tempdir().unwrap();
            fs::write(path.path().join("VERSION"), format!("tidemill data format {format}\n")).unwrap();
            let said = DataFolder::open(path.path()).unwrap_err().to_string();
            assert!(said.contains(&format!("format {format}")) && said.contains(says), "{said}");
            assert_eq!(fs::read_dir(path.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_folder_of_something_else_is_refused() {
        let path = tempfile::tempdir().unwrap();
        fs::write(path.path().join("thesis.doc"), "x").unwrap();
        assert!(matches!(DataFolder::open(path.path()), Err(Error::ForeignFolder { .. })));
        fs::write(path.path().join("VERSION"), "gibberish").unwrap();
        assert!(matches!(DataFolder::open(path.path()), Err(Error::ForeignFolder { .. })));
    }

    #[test]
    fn the_secret_stays_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let path = tempfile::tempdir().unwrap();
        let secret = DataFolder::open(path.path()).unwrap().secret().unwrap();
        assert_eq!(DataFolder::open(path.path()).unwrap().secret().unwrap(), secret);
        assert_eq!(fs::metadata(path.path().join("SECRET")).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_crash_before_the_version_was_written_does_no_harm() {
        let path = tempfile::tempdir().unwrap();
        fs::write(path.path().join("LOCK"), "").unwrap();
        fs::write(path.path().join("VERSION.new"), "tide").unwrap();
        DataFolder::open(path.path()).unwrap();
    }
}
