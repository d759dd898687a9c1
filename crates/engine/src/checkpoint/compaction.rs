//! Which segments to merge, and merging them in the background.
//!
//! Size-tiered: the newest segments are small and many. Walking from the newest, neighbours join the run as long as the
//! next older one is at most twice the run's size so far; a run of [`RUN`] or more is merged. Each byte is so rewritten
//! about log(size) times, and the number of segments stays small.
//!
//! The compactor's thread holds a block of each segment that it merges and one part of what it writes, and rests as long
//! as it works, so that it takes the job half a core at the most.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

use super::{
    CheckpointStore,
    manifest::SegmentRef,
    object::{Buffers, ObjectWriter, SharedObject},
    writer::Names,
};
use crate::{
    error::{EngineError, Result},
    state::{
        merge::merge,
        segment::{SegmentBuilder, SegmentReader},
    },
};

/// How many neighbours make a merge worth it.
const RUN: usize = 8;
/// The compactor looks at its clock after so many entries.
const REST_AFTER: usize = 1_024;

/// The range of segments (oldest first) to merge, if any.
pub(super) fn plan(segments: &[SegmentRef]) -> Option<std::ops::Range<usize>> {
    let mut size = 0;
    let mut from = segments.len();
    for (i, segment) in segments.iter().enumerate().rev() {
        if size > 0 && segment.length > size * 2 {
            break;
        }
        size += segment.length;
        from = i;
    }
    (segments.len() - from >= RUN).then_some(from..segments.len())
}

/// Neighbours in the segments of one table, to become one.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) operator: String,
    pub(super) table: String,
    /// Oldest first.
    pub(super) segments: Vec<SegmentRef>,
    /// Nothing older exists, so tombstones can go.
    pub(super) whole: bool,
}

/// A run, and the segment that it became; none where nothing was left.
pub(super) type Merged = (Run, Option<SegmentRef>);

/// Merges on a thread of its own, one list of runs at a time.
pub(super) struct Compactor {
    queue: mpsc::Sender<Vec<Run>>,
    merged: mpsc::Receiver<Result<Vec<Merged>>>,
    busy: bool,
}

impl Compactor {
    pub(super) fn start(store: CheckpointStore, names: Names) -> Self {
        let (queue, runs) = mpsc::channel::<Vec<Run>>();
        let (tell, merged) = mpsc::channel();
        thread::spawn(move || {
            for runs in runs {
                // Nobody listens any more: what was written is nobody's, and the next generation removes it.
                let _ = tell.send(merge_all(&store, &names, runs));
            }
        });
        Compactor { queue, merged, busy: false }
    }

    /// What was merged since the last call.
    pub(super) fn take(&mut self) -> Result<Vec<Merged>> {
        match self.merged.try_recv() {
            Ok(merged) => {
                self.busy = false;
                merged
            }
            Err(mpsc::TryRecvError::Empty) => Ok(Vec::new()),
            Err(mpsc::TryRecvError::Disconnected) => Err(EngineError::Storage("the compactor has stopped".into())),
        }
    }

    /// Starts on these, unless it is still at work.
    pub(super) fn offer(&mut self, runs: impl FnOnce() -> Vec<Run>) {
        if self.busy {
            return;
        }
        let runs = runs();
        self.busy = !runs.is_empty() && self.queue.send(runs).is_ok();
    }
}

fn merge_all(store: &CheckpointStore, names: &Names, runs: Vec<Run>) -> Result<Vec<Merged>> {
    let buffers = Buffers::default();
    let mut shared = SharedObject::new(store.clone(), names.next(), buffers.clone());
    let mut merged = Vec::with_capacity(runs.len());
    for run in runs {
        let at = merge_run(store, names, &buffers, &mut shared, &run)?;
        merged.push((run, at));
    }
    shared.finish()?;
    Ok(merged)
}

fn merge_run(
    store: &CheckpointStore,
    names: &Names,
    buffers: &Buffers,
    shared: &mut SharedObject,
    run: &Run,
) -> Result<Option<SegmentRef>> {
    let segments = run.segments.iter().map(|at| SegmentReader::new(Arc::new(store.segment(at)))).collect();
    let mut builder = SegmentBuilder::default();
    let mut own: Option<(String, ObjectWriter)> = None;
    let mut begun = Instant::now();
    for (n, entry) in merge(segments, run.whole).enumerate() {
        let entry = entry?;
        builder.push(entry.scope, &entry.key, |out| {
            out.extend_from_slice(entry.value.as_deref().unwrap_or_default());
            Ok(entry.value.is_some())
        })?;
        if let Some(block) = builder.full_block(|| buffers.take()) {
            let (_, object) = own.get_or_insert_with(|| {
                let name = names.next();
                (name.clone(), ObjectWriter::new(store.clone(), name, buffers.clone()))
            });
            object.push(block)?;
        }
        if n % REST_AFTER == REST_AFTER - 1 {
            thread::sleep(begun.elapsed());
            begun = Instant::now();
        }
    }
    match (own, builder.finish()) {
        (Some((name, mut object)), last) => {
            last.map_or(Ok(()), |block| object.push(block))?;
            Ok(Some(SegmentRef { object: name, offset: 0, length: object.finish()? }))
        }
        (None, Some(segment)) => shared.push(segment).map(Some),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(sizes: &[u64]) -> Vec<SegmentRef> {
        sizes.iter().map(|&length| SegmentRef { object: String::new(), offset: 0, length }).collect()
    }

    #[test]
    fn few_segments_and_one_big_one_are_left_alone() {
        assert_eq!(plan(&sizes(&[1_000, 1, 1, 1])), None);
        assert_eq!(plan(&sizes(&[])), None);
    }

    #[test]
    fn the_small_new_ones_are_merged_without_touching_the_big_old_one() {
        assert_eq!(plan(&sizes(&[1_000_000, 1, 1, 1, 1, 1, 1, 1, 1])), Some(1..9));
    }

    #[test]
    fn the_number_of_segments_stays_small_and_little_is_rewritten() {
        let mut all = Vec::new();
        let mut written = 0;
        for _ in 0..10_000 {
            all.push(SegmentRef { object: String::new(), offset: 0, length: 1 });
            if let Some(range) = plan(&all) {
                let length = all.drain(range).map(|s| s.length).sum();
                written += length;
                all.push(SegmentRef { object: String::new(), offset: 0, length });
            }
            assert!(all.len() <= 40, "{} segments", all.len());
        }
        assert!(written < 10_000 * 14, "{written} units rewritten");
    }
}
