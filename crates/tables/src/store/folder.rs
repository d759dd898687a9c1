//! The folder on disk.
//!
//! | name | what |
//! |---|---|
//! | `lock` | locked while a program has the folder open |
//! | `format.json` | the version of the format; a newer one is refused |
//! | `rows/` | the store: a keyspace `tables` of definitions, and one keyspace a table, named by its number |

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The format that this program writes and the newest that it reads.
pub(crate) const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Marker {
    kind: String,
    format: u32,
}

/// Locks the folder, creating it when needed, and checks its format. The lock ends when the file is dropped.
pub(crate) fn open(path: &Path) -> Result<File> {
    let io = |e: std::io::Error| refuse(path, e.to_string());
    fs::create_dir_all(path).map_err(io)?;
    let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock")).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(refuse(path, "another program has it open; stop that one or choose another folder".into()));
        }
        Err(TryLockError::Error(e)) => return Err(io(e)),
    }
    let marker = path.join("format.json");
    match fs::read(&marker) {
        Ok(bytes) => {
            let found: Marker =
                serde_json::from_slice(&bytes).map_err(|e| refuse(path, format!("format.json is damaged: {e}")))?;
            if found.format > FORMAT {
                return Err(Error::NewerFormat { path: path.to_owned(), found: found.format, known: FORMAT });
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            if path.join("rows").exists() {
                return Err(refuse(path, "it has rows but no format.json; restore that file from a copy".into()));
            }
            write_marker(path).map_err(io)?;
        }
        Err(e) => return Err(io(e)),
    }
    Ok(lock)
}

/// Creates the store inside the folder if it is not there yet. `create` makes a new store at the path it is given; only a
/// whole one gets its final name, so that a crash in between leaves nothing half-made behind.
pub(crate) fn create_rows(path: &Path, create: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let io = |e: std::io::Error| refuse(path, e.to_string());
    let (rows, unfinished) = (path.join("rows"), path.join("rows.new"));
    if rows.exists() {
        return Ok(());
    }
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(io)?;
    }
    create(&unfinished)?;
    fs::rename(&unfinished, &rows).map_err(io)?;
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io)
}

fn write_marker(path: &Path) -> std::io::Result<()> {
    let unfinished = path.join("format.json.new");
    let mut file = File::create(&unfinished)?;
    serde_json::to_writer(&mut file, &Marker { kind: "tidemill-tables".into(), format: FORMAT })?;
    file.flush()?;
    file.sync_all()?;
    fs::rename(unfinished, path.join("format.json"))?;
    File::open(path)?.sync_all()
}

fn refuse(path: &Path, reason: String) -> Error {
    Error::Open { path: path.to_owned(), reason }
}
