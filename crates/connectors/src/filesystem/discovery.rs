//! Which files there are.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use regex::Regex;

/// Files that one table may have.
const FILES_MAX: usize = 1_000_000;

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The whole path.
    pub(super) path: PathBuf,
    /// Below the table's folder, with `/`; the name of a table that is a single file.
    pub(super) name: String,
    pub(super) bytes: u64,
    /// When it was last written, milliseconds since 1970.
    pub(super) modified_ms: i64,
}

/// All files of a folder and the folders in it, the oldest first; or the file itself.
pub(super) fn files(root: &Path, pattern: Option<&Regex>) -> io::Result<Vec<Found>> {
    let mut files = Vec::new();
    let metadata = fs::metadata(root)?;
    if metadata.is_file() {
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push(found(root.to_owned(), name, &metadata));
        return Ok(files);
    }
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with(['.', '_']) {
                continue;
            }
            // Through links; what is gone by now is no file of this table any more.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let name = format!("{prefix}{name}");
            if metadata.is_dir() {
                folders.push((path, format!("{name}/")));
            } else if pattern.is_none_or(|pattern| pattern.is_match(&path.to_string_lossy())) {
                files.push(found(path, name, &metadata));
            }
            if files.len() > FILES_MAX {
                return Err(io::Error::other(format!("there are more than {FILES_MAX} files; read a folder of fewer")));
            }
        }
    }
    files.sort_by(|a, b| (a.modified_ms, &a.name).cmp(&(b.modified_ms, &b.name)));
    Ok(files)
}

fn found(path: PathBuf, name: String, metadata: &Metadata) -> Found {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Found { path, name, bytes: metadata.len(), modified_ms: i64::try_from(modified.as_millis()).unwrap_or(i64::MAX) }
}
