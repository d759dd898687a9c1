//! Results of windows that are not complete yet, revised every so often.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use arrow::{
    array::ArrayRef,
    datatypes::{DataType, SchemaRef},
};
use hashbrown::HashSet;
use tidemill_engine::{
    Batch, EventTime, OperatorContext, Output, Result, SnapshotReader, SnapshotWriter, StateTable, time::micros,
};

use super::{MILLISECOND, PREFIX, Slice};
use crate::operators::{
    expiry::key_of_group,
    results::{Revised, changelog, window_columns},
    rows::RowCodec,
    stored::Stored,
};

/// What was emitted of open windows, and when to look at them again.
#[derive(Debug)]
pub(super) struct Early {
    interval: i64,
    /// Of a key group that this worker owns, so that the timer comes back to an owner of some of the windows.
    timer: Box<[u8]>,
    next: Option<EventTime>,
    /// Slices to which rows came since open windows were looked at.
    touched: BTreeSet<Slice>,
    codec: RowCodec,
    /// The last result of each key in a window, keyed as slices are, by the window's end and start.
    emitted: StateTable<Stored>,
    windows: BTreeMap<Slice, Vec<u32>>,
}

/// The results of a window: of each key, in order.
pub(super) struct Results<'a> {
    pub(super) window: Slice,
    pub(super) keys: Vec<&'a [u8]>,
    pub(super) columns: Vec<ArrayRef>,
    /// The window is complete.
    pub(super) last: bool,
}

impl Early {
    /// Looks at open windows so often; results are of these types.
    pub(super) fn new(interval: Duration, results: &[DataType]) -> Result<Self> {
        Ok(Early {
            interval: micros(interval).max(MILLISECOND),
            timer: [].into(),
            next: None,
            touched: BTreeSet::new(),
            codec: RowCodec::new(results.iter().cloned())?,
            emitted: StateTable::new("early"),
            windows: BTreeMap::new(),
        })
    }

    pub(super) fn open(&mut self, context: &OperatorContext) {
        self.timer = key_of_group(context.key_groups.start);
    }

    /// Rows came to slices.
    pub(super) fn touch(&mut self, slices: impl Iterator<Item = Slice>, out: &mut Output<'_>) {
        let mut last = None;
        for slice in slices {
            if last != Some(slice) {
                self.touched.insert(slice);
                last = Some(slice);
            }
        }
        if self.next.is_none() && !self.touched.is_empty() {
            let at = EventTime(out.now().0.saturating_add(self.interval));
            out.set_processing_timer(at, &self.timer);
            self.next = Some(at);
        }
    }

    /// The slices to which rows came, where a timer is the one that asks for them.
    pub(super) fn due(&mut self, time: EventTime) -> BTreeSet<Slice> {
        if self.next.is_some_and(|next| next > time) {
            return BTreeSet::new();
        }
        self.next = None;
        std::mem::take(&mut self.touched)
    }

    /// What a window's results change against those that were emitted.
    pub(super) fn revise(
        &mut self,
        results: &Results<'_>,
        output: &SchemaRef,
        keys: &RowCodec,
        window_types: &[DataType],
    ) -> Result<Batch> {
        let Results { window, keys: of_window, columns, last } = results;
        let time = window.end - MILLISECOND;
        let rows = if columns.is_empty() { None } else { Some(self.codec.encode(columns)?) };
        let row = |at: usize| rows.as_ref().map_or_else(Vec::new, |rows| rows.row(at).as_ref().to_vec());
        let (mut revised, mut before, mut after, mut told) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut key = window.prefix().to_vec();
        for (at, of_row) in of_window.iter().enumerate() {
            key.truncate(PREFIX);
            key.extend_from_slice(of_row);
            let now = row(at);
            let (number, new) = self.emitted.number(&key, Stored::default);
            let Some(stored) = self.emitted.value_at_mut(number) else { continue };
            let old = std::mem::replace(&mut stored.0, now.clone());
            if new {
                self.windows.entry(*window).or_default().push(number);
            }
            revised.push(Revised { was: !new, is: true, time });
            before.push(if new { now.clone() } else { old });
            after.push(now);
            told.push(of_row.to_vec());
        }
        let here: HashSet<&[u8], ahash::RandomState> = of_window.iter().copied().collect();
        let mut numbers = self.windows.remove(window).unwrap_or_default();
        numbers.retain(|number| {
            let key = self.emitted.key_at(*number).and_then(|key| key.get(PREFIX..)).unwrap_or_default();
            let stays = here.contains(key);
            if !stays {
                told.push(key.to_vec());
            }
            if stays && !last {
                return true;
            }
            let gone = self.emitted.remove_at(*number).unwrap_or_default();
            if !stays {
                revised.push(Revised { was: true, is: false, time });
                before.push(gone.0.clone());
                after.push(gone.0);
            }
            false
        });
        if !numbers.is_empty() {
            self.windows.insert(*window, numbers);
        }
        let keys = keys.decode(told.iter().map(Vec::as_slice))?;
        let of_window = window_columns(&vec![(window.start, window.end); revised.len()], window_types)?;
        let side = |rows: &[Vec<u8>]| -> Result<Vec<ArrayRef>> {
            Ok(self.codec.decode(rows.iter().map(Vec::as_slice))?.into_iter().chain(of_window.clone()).collect())
        };
        changelog(output, &keys, &side(&before)?, &side(&after)?, &revised, false)
    }

    pub(super) fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        self.emitted.snapshot_by(writer, |key| key.get(PREFIX..).unwrap_or_default())
    }

    /// After a restore all open windows are looked at again.
    pub(super) fn restore(&mut self, reader: &SnapshotReader, open: impl Iterator<Item = Slice>) -> Result<()> {
        self.emitted.restore(reader)?;
        for number in self.emitted.each_number() {
            if let Some((window, _)) = self.emitted.key_at(number).and_then(Slice::of_key) {
                self.windows.entry(window).or_default().push(number);
            }
        }
        self.touched = open.collect();
        Ok(())
    }
}
