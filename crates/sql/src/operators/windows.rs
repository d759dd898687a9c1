//! Which windows there are, and the slices that they share.
//!
//! Windows that overlap are cut into slices that do not: a row goes into one slice, and a window is the sum of its slices.
//! Slices and windows are named by their ends. All times are microseconds; windows are whole milliseconds long, as Flink's.

use tidemill_engine::{EngineError, Result};

use super::results::MILLISECOND;

/// A window table function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// `TUMBLE`: windows behind each other.
    Tumble {
        /// How long each is.
        size: i64,
        /// By how much they are shifted against 1970; may be negative.
        offset: i64,
    },
    /// `HOP`: windows of one size that begin one slide after the other.
    Hop {
        /// How long each is.
        size: i64,
        /// How long after the one before it each begins.
        slide: i64,
        /// By how much they are shifted against 1970; may be negative.
        offset: i64,
    },
    /// `CUMULATE`: windows that begin together and end one step after the other, until the largest.
    Cumulate {
        /// How long the largest is.
        size: i64,
        /// How much longer each is than the one before it.
        step: i64,
        /// By how much they are shifted against 1970; may be negative.
        offset: i64,
    },
}

impl Windows {
    /// Refuses sizes that make no windows.
    pub fn check(&self) -> Result<()> {
        let refuse = |what: String| Err(EngineError::Plan(format!("{self:?} can't be: {what}")));
        let (size, part, offset) = match *self {
            Windows::Tumble { size, offset } => (size, size, offset),
            Windows::Hop { size, slide, offset } => (size, slide, offset),
            Windows::Cumulate { size, step, offset } => (size, step, offset),
        };
        if size <= 0 || part <= 0 {
            return refuse("windows have to be longer than nothing".into());
        }
        if [size, part, offset].iter().any(|time| time % MILLISECOND != 0) {
            return refuse("its times have to be whole milliseconds".into());
        }
        if matches!(self, Windows::Cumulate { .. }) && size % part != 0 {
            return refuse("the largest window has to be a multiple of the step".into());
        }
        Ok(())
    }

    /// The length of a slice.
    pub fn slice(&self) -> i64 {
        match *self {
            Windows::Tumble { size, .. } => size,
            Windows::Hop { size, slide, .. } => greatest_common_divisor(size, slide),
            Windows::Cumulate { step, .. } => step,
        }
    }

    fn offset(&self) -> i64 {
        let (Windows::Tumble { offset, .. } | Windows::Hop { offset, .. } | Windows::Cumulate { offset, .. }) = self;
        *offset
    }

    /// The end of the slice that a time is in.
    pub fn slice_end(&self, time: i64) -> i64 {
        let slice = self.slice();
        let into = time.saturating_sub(self.offset()).rem_euclid(slice);
        time.saturating_sub(into).saturating_add(slice)
    }

    /// The first window that a slice is part of and that ends later than `after`; none where there is none.
    pub fn first_end(&self, slice_end: i64, after: i64) -> Option<i64> {
        let least = slice_end.max(after.saturating_add(1));
        let end = match *self {
            Windows::Tumble { .. } => slice_end,
            Windows::Hop { size, slide, offset } => {
                let into = least.saturating_sub(size).saturating_sub(offset).rem_euclid(slide);
                if into == 0 { least } else { least.saturating_add(slide - into) }
            }
            Windows::Cumulate { step, offset, .. } => {
                let into = least.saturating_sub(offset).rem_euclid(step);
                if into == 0 { least } else { least.saturating_add(step - into) }
            }
        };
        (end >= least && self.start(end) <= slice_end.saturating_sub(self.slice())).then_some(end)
    }

    /// The start of the window with this end.
    pub fn start(&self, end: i64) -> i64 {
        match *self {
            Windows::Tumble { size, .. } | Windows::Hop { size, .. } => end.saturating_sub(size),
            Windows::Cumulate { size, offset, .. } => {
                let last = end.saturating_sub(1);
                last.saturating_sub(last.saturating_sub(offset).rem_euclid(size))
            }
        }
    }

    /// Where windows begin together: the first slice of the one with this end, which takes in the sum of each that is out.
    pub(crate) fn base(&self, end: i64) -> Option<i64> {
        match *self {
            Windows::Tumble { .. } | Windows::Hop { .. } => None,
            Windows::Cumulate { step, .. } => Some(self.start(end).saturating_add(step)),
        }
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.max(1) } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows() -> impl Strategy<Value = Windows> {
        let times = (1..12i64, 1..12i64, -20..20i64);
        (0..3, times).prop_map(|(kind, (a, b, offset))| {
            let (a, b, offset) = (a * MILLISECOND, b * MILLISECOND, offset * MILLISECOND);
            match kind {
                0 => Windows::Tumble { size: a, offset },
                1 => Windows::Hop { size: a, slide: b, offset },
                _ => Windows::Cumulate { size: a * (b / MILLISECOND), step: a, offset },
            }
        })
    }

    /// All windows that contain a time, as their definitions have them.
    fn containing(windows: Windows, time: i64) -> Vec<(i64, i64)> {
        let span = 300 * MILLISECOND;
        let starts = |period: i64, offset: i64| {
            let first = (time - span - offset).div_euclid(period) * period + offset;
            (0..).map(move |n| first + n * period).take_while(move |start| *start <= time)
        };
        let mut found: Vec<(i64, i64)> = match windows {
            Windows::Tumble { size, offset } => starts(size, offset).map(|start| (start, start + size)).collect(),
            Windows::Hop { size, slide, offset } => starts(slide, offset).map(|start| (start, start + size)).collect(),
            Windows::Cumulate { size, step, offset } => starts(size, offset)
                .flat_map(|start| (1..=size / step).map(move |n| (start, start + n * step)))
                .collect(),
        };
        found.retain(|(start, end)| (*start..*end).contains(&time));
        found.sort_by_key(|(_, end)| *end);
        found
    }

    proptest! {
        /// A time's slice is part of exactly the windows that contain the time.
        #[test]
        fn slices_make_up_their_windows(windows in windows(), time in -100_000i64..100_000, after in -100_000i64..100_000) {
            windows.check().unwrap();
            let slice = windows.slice_end(time);
            prop_assert!(slice - windows.slice() <= time && time < slice);
            let mut found = Vec::new();
            let mut last = after;
            while let Some(end) = windows.first_end(slice, last) {
                found.push((windows.start(end), end));
                last = end;
            }
            let mut expected = containing(windows, time);
            expected.retain(|(_, end)| *end > after);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn windows_that_can_not_be_are_refused() {
        let refused = [
            Windows::Tumble { size: 0, offset: 0 },
            Windows::Tumble { size: 1_500, offset: 0 },
            Windows::Hop { size: 1_000, slide: -1_000, offset: 0 },
            Windows::Cumulate { size: 5_000, step: 2_000, offset: 0 },
        ];
        refused.iter().for_each(|windows| assert!(windows.check().is_err(), "{windows:?}"));
    }
}
