//! The splits that nobody reads yet: shared by all instances of one start of a job.
//!
//! ```text
//!   folder ──▶ splits on the board ──▶ instance takes one ──▶ reads it ──▶ snapshot: how far
//!      ▲                                                                       │ restore
//!      └──────── looked at again each interval; splits that are done, or begun ◀┘
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use regex::Regex;
use tidemill_engine::{EngineError, OperatorContext, Result, SnapshotReader, SnapshotWriter};

use super::discovery::{self, Found};

/// Ranges of a file that several workers may read.
const RANGE_BYTES: u64 = 64 << 20;

/// Union state: every instance sees all splits at a restore.
const TABLE: &str = "splits";

/// Where to look for files, and how to cut them.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) root: PathBuf,
    pub(super) pattern: Option<Regex>,
    /// How often to look for new files.
    pub(super) interval: Option<Duration>,
    /// Files may be read from the middle.
    pub(super) ranges: bool,
}

/// A file, or a range of one.
#[derive(Clone, Debug)]
pub(super) struct Split {
    pub(super) file: Arc<Found>,
    pub(super) start: u64,
    /// Records that begin before it are of this split.
    pub(super) end: u64,
    /// Where to go on after a restore: a record begins there, or rows were counted to there.
    pub(super) at: Option<u64>,
}

/// How far a split was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    At { at: u64, end: u64 },
    Done,
}

/// By the file's name and the split's start.
pub(super) type Positions = BTreeMap<(String, u64), Progress>;

/// Finds the board of this start: the first instance makes it, the others join.
#[derive(Debug, Default)]
pub(super) struct Boards(Mutex<Weak<Board>>);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Board {
    folder: Folder,
    generation: u64,
    workers: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    joined: BTreeSet<usize>,
    restored: Positions,
    /// Every file that was found, with its splits.
    known: BTreeMap<String, Vec<u64>>,
    free: VecDeque<Split>,
    looked: Option<Instant>,
}

impl Boards {
    pub(super) fn join(&self, folder: &Folder, context: &OperatorContext, restored: &Positions) -> Arc<Board> {
        let mut last = self.0.lock();
        if let Some(board) = last.upgrade()
            && (board.generation, board.workers) == (context.generation, context.workers)
            && board.state.lock().joined.insert(context.worker)
        {
            return board;
        }
        let state = State { joined: [context.worker].into(), restored: restored.clone(), ..State::default() };
        let board = Board {
            folder: folder.clone(),
            generation: context.generation,
            workers: context.workers,
            state: Mutex::new(state),
        };
        let board = Arc::new(board);
        *last = Arc::downgrade(&board);
        board
    }
}

impl Board {
    /// Looks for files where it is time to; which files are gone, with their splits.
    pub(super) fn look(&self) -> std::io::Result<Vec<(String, u64)>> {
        let mut state = self.state.lock();
        let due = state.looked.is_none_or(|at| self.folder.interval.is_some_and(|interval| at.elapsed() >= interval));
        if !due {
            return Ok(Vec::new());
        }
        let found = match discovery::files(&self.folder.root, self.folder.pattern.as_ref()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.folder.interval.is_some() => Vec::new(),
            found => found?,
        };
        state.looked = Some(Instant::now());
        let names: BTreeSet<&str> = found.iter().map(|file| file.name.as_str()).collect();
        let mut gone: Vec<(String, u64)> = Vec::new();
        let State { known, restored, .. } = &mut *state;
        known.retain(|name, splits| {
            let there = names.contains(name.as_str());
            if !there {
                gone.extend(splits.iter().map(|start| (name.clone(), *start)));
            }
            there
        });
        restored.retain(|(name, start), _| {
            let there = names.contains(name.as_str());
            if !there {
                gone.push((name.clone(), *start));
            }
            there
        });
        for file in found {
            if !state.known.contains_key(&file.name) {
                let splits = self.splits(file, &state.restored);
                state.known.insert(splits.0, splits.1);
                state.free.extend(splits.2);
            }
        }
        Ok(gone)
    }

    /// A file's name, the starts of all its splits, and those that are not done.
    fn splits(&self, file: Found, restored: &Positions) -> (String, Vec<u64>, Vec<Split>) {
        let (name, file) = (file.name.clone(), Arc::new(file));
        let packed = super::reader::is_gzip(&file.path);
        let whole = !self.folder.ranges || packed || file.bytes <= RANGE_BYTES;
        let ranges = if whole { 1 } else { file.bytes.div_ceil(RANGE_BYTES) };
        let starts: Vec<u64> = (0..ranges).map(|range| range * RANGE_BYTES).collect();
        let open = starts.iter().filter_map(|&start| {
            let end = if start + RANGE_BYTES >= file.bytes || whole { u64::MAX } else { start + RANGE_BYTES };
            let (end, at) = match restored.get(&(name.clone(), start)) {
                Some(Progress::Done) => return None,
                Some(Progress::At { at, end }) => (*end, Some(*at)),
                None => (end, None),
            };
            Some(Split { file: Arc::clone(&file), start, end, at })
        });
        let open = open.collect();
        (name, starts, open)
    }

    /// The next split that nobody reads.
    pub(super) fn take(&self) -> Option<Split> {
        self.state.lock().free.pop_front()
    }
}

/// Writes how far a split was read; `None` forgets it.
pub(super) fn write(writer: &mut SnapshotWriter, name: &str, start: u64, progress: Option<Progress>) {
    let mut key = start.to_be_bytes().to_vec();
    key.extend_from_slice(name.as_bytes());
    match progress {
        Some(Progress::At { at, end }) => {
            writer.union(TABLE, &key, Some(&[at.to_be_bytes(), end.to_be_bytes()].concat()));
        }
        Some(Progress::Done) => writer.union(TABLE, &key, Some(&[])),
        None => writer.union(TABLE, &key, None),
    }
}

/// Reads back what [`write`] wrote.
pub(super) fn read(reader: &SnapshotReader) -> Result<Positions> {
    let bad = || EngineError::State("a stored position in a file can't be read; start without it".into());
    let number = |bytes: &[u8]| Some(u64::from_be_bytes(bytes.try_into().ok()?));
    let entry = |key: &[u8], value: &[u8]| {
        let (start, name) = key.split_at_checked(8)?;
        let progress = match value {
            [] => Progress::Done,
            value => {
                let (at, end) = value.split_at_checked(8)?;
                Progress::At { at: number(at)?, end: number(end)? }
            }
        };
        Some(((String::from_utf8(name.to_vec()).ok()?, number(start)?), progress))
    };
    reader.table(TABLE).map(|(key, value)| entry(key, value).ok_or_else(bad)).collect()
}
