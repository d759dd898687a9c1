//! Which segments to merge, and merging them.
//!
//! Size-tiered: the newest segments are small and many. Walking from the newest, neighbours join the run as long as the
//! next older one is at most twice the run's size so far; a run of [`RUN`] or more is merged. Each byte is so rewritten
//! about log(size) times, and the number of segments stays small.

use bytes::Bytes;

use super::manifest::SegmentRef;
use crate::{
    error::Result,
    state::segment::{SegmentBuilder, SegmentReader, merge},
};

/// How many neighbours make a merge worth it.
const RUN: usize = 8;

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

/// One segment out of neighbours, oldest first. `whole`: nothing older exists, so tombstones can go.
pub(super) fn run(segments: Vec<SegmentReader>, whole: bool) -> Result<Option<Bytes>> {
    let mut builder = SegmentBuilder::default();
    for entry in merge(segments, whole) {
        let entry = entry?;
        builder.push(&entry.table, entry.scope, &entry.key, entry.value.as_deref());
    }
    Ok(builder.finish())
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
