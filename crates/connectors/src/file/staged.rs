//! Files that are whole and wait for their checkpoint; making them visible; deleting those that were given up.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The folder of staged files, below the sink's.
const STAGING: &str = ".staging";
/// Their names end so, and not as a format: a reader that looks into hidden folders takes none for a whole one.
const SUFFIX: &str = ".staged";

/// One file that a checkpoint makes visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StagedFile {
    /// Below the sink's folder; the file's name is unique over all generations of the job.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
}

impl StagedFile {
    fn staged(&self, root: &Path) -> PathBuf {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        root.join(STAGING).join(format!("{name}{SUFFIX}"))
    }
}

/// Where to write a file that will be `path`, the folder created.
pub(crate) fn place(root: &Path, path: &str) -> std::io::Result<PathBuf> {
    fs::create_dir_all(root.join(STAGING))?;
    Ok(StagedFile { path: path.to_owned(), bytes: 0, rows: 0 }.staged(root))
}

/// Makes the names of staged files durable.
pub(crate) fn sync(root: &Path) -> std::io::Result<()> {
    sync_folder(&root.join(STAGING))
}

/// Makes files visible, durably. Does nothing for those that are visible already, or were and have been deleted since: old
/// days are dropped while the job runs, and the last checkpoint is committed again at every start.
pub(crate) fn publish(root: &Path, files: &[StagedFile]) -> std::io::Result<()> {
    let mut changed = BTreeSet::new();
    for file in files {
        let (staged, path) = (file.staged(root), root.join(&file.path));
        let folder = path.parent().unwrap_or(root);
        match move_into(folder, &staged, &path) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !staged.exists() => {
                if !path.exists() {
                    tracing::warn!(file = %path.display(), rows = file.rows, "a committed file is gone: deleted since");
                }
            }
            Err(e) => {
                let reason = format!("{e}: {} can't become {}", staged.display(), path.display());
                return Err(std::io::Error::new(e.kind(), reason));
            }
        }
        changed.extend(folder.ancestors().take_while(|a| a.starts_with(root)).map(Path::to_owned));
    }
    // The innermost first: a folder is durable before the name that leads to it.
    changed.iter().rev().try_for_each(|folder| match sync_folder(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()), // Deleted, with what was in it.
        done => done,
    })
}

/// Moves a file into a folder that may be deleted at the same time: then it is made again.
fn move_into(folder: &Path, staged: &Path, path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    match fs::rename(staged, path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && staged.exists() => {
            fs::create_dir_all(folder)?;
            fs::rename(staged, path)
        }
        done => done,
    }
}

/// Deletes the staged files of this job and operator whose generation is older than `generation`.
pub(crate) fn clean(root: &Path, owner: &str, generation: u64) -> std::io::Result<usize> {
    let mut deleted = 0;
    for entry in fs::read_dir(root.join(STAGING))? {
        let entry = entry?;
        let name = entry.file_name();
        let of = name
            .to_str()
            .and_then(|n| n.strip_prefix(owner)?.strip_prefix('-')?.split('-').next()?.parse::<u64>().ok());
        if of.is_some_and(|of| of < generation) {
            fs::remove_file(entry.path())?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}
