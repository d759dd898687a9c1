//! Rows that wait until the watermark has passed them.
//!
//! They wait as the batches in which they came. Only those that still wait when a snapshot is taken become state, row by row.

use std::collections::BTreeMap;

use arrow::{
    array::{ArrayRef, BinaryArray, RecordBatch, UInt32Array},
    compute::concat,
    datatypes::SchemaRef,
};
use tidemill_engine::{Batch, Result, SnapshotReader, SnapshotWriter, StateTable};

use crate::operators::{
    columns::without_key,
    rows::{RowCodec, key_column},
    stored::{Stored, read_i64},
};

/// Rows with the times by which they are ordered.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) batch: Batch,
    pub(super) times: Vec<i64>,
}

impl Timed {
    fn take(&self, rows: Vec<u32>) -> Result<Timed> {
        let times = rows.iter().filter_map(|row| self.times.get(*row as usize).copied()).collect();
        Ok(Timed { batch: self.batch.take(&rows.into())?, times })
    }
}

/// All rows that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    codec: RowCodec,
    /// Since the last snapshot, in the order of arrival.
    fresh: Vec<Timed>,
    /// Older ones: row time and row by partition key, time, and number of arrival.
    stored: StateTable<Stored>,
    by_time: BTreeMap<i64, Vec<u32>>,
    arrivals: u64,
}

/// What of a key in state is behind the partition's: time and number.
const SUFFIX: usize = 16;

fn partition(key: &[u8]) -> &[u8] {
    key.split_last_chunk::<SUFFIX>().map_or(&[], |(partition, _)| partition)
}

fn suffix(key: &[u8]) -> Option<(i64, u64)> {
    let (rest, number) = key.split_last_chunk::<8>()?;
    let (_, time) = rest.split_last_chunk::<8>()?;
    Some((i64::from_be_bytes(*time), u64::from_be_bytes(*number)))
}

impl Waiting {
    pub(super) fn new(input: &SchemaRef) -> Result<Self> {
        Ok(Waiting {
            codec: RowCodec::of_schema(input)?,
            fresh: Vec::new(),
            stored: StateTable::new("waiting"),
            by_time: BTreeMap::new(),
            arrivals: 0,
        })
    }

    pub(super) fn add(&mut self, batch: Batch, times: Vec<i64>) {
        self.fresh.push(Timed { batch, times });
    }

    /// Takes the rows up to a time, ordered by it; those of one time in the order of their arrival.
    pub(super) fn take(&mut self, until: i64) -> Result<Option<Timed>> {
        let mut ready = Vec::new();
        let mut waiting = Vec::new();
        let fresh = std::mem::take(&mut self.fresh);
        for timed in fresh {
            if timed.times.iter().all(|time| *time <= until) {
                ready.push(timed);
                continue;
            }
            let rows = 0..timed.times.len() as u32;
            let (due, rest): (Vec<u32>, Vec<u32>) = rows.partition(|row| timed.times[*row as usize] <= until);
            if !due.is_empty() {
                ready.push(timed.take(due)?);
                waiting.push(timed.take(rest)?);
            } else {
                waiting.push(timed);
            }
        }
        self.fresh = waiting;
        let like = ready.first().or(self.fresh.first()).map(|timed| timed.batch.schema());
        if let Some(stored) = self.take_stored(until, like)? {
            ready.insert(0, stored);
        }
        if ready.is_empty() {
            return Ok(None);
        }
        let times = ready.iter().flat_map(|timed| timed.times.iter().copied()).collect::<Vec<i64>>();
        let batches: Vec<Batch> = ready.into_iter().map(|timed| timed.batch).collect();
        let all = Timed { batch: Batch::concat(&batches)?, times };
        if all.times.is_sorted() {
            return Ok(Some(all));
        }
        let mut order: Vec<u32> = (0..all.times.len() as u32).collect();
        order.sort_by_key(|row| all.times[*row as usize]);
        Ok(Some(all.take(order)?))
    }

    /// The rows in state up to a time, in the order of (time, arrival).
    fn take_stored(&mut self, until: i64, like: Option<SchemaRef>) -> Result<Option<Timed>> {
        let later = self.by_time.split_off(&until.saturating_add(1));
        let due = if until == i64::MAX {
            std::mem::take(&mut self.by_time)
        } else {
            std::mem::replace(&mut self.by_time, later)
        };
        if due.is_empty() {
            return Ok(None);
        }
        let (mut times, mut row_times, mut rows, mut keys) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (time, numbers) in due {
            for number in numbers {
                keys.push(self.stored.key_at(number).map(partition).unwrap_or_default().to_vec());
                let stored = self.stored.remove_at(number).unwrap_or_default();
                let mut row = stored.as_slice();
                row_times.push(read_i64(&mut row).unwrap_or(time));
                rows.push(row.to_vec());
                times.push(time);
            }
        }
        let mut columns = self.codec.decode(rows.iter().map(Vec::as_slice))?;
        columns.push(std::sync::Arc::new(BinaryArray::from_iter_values(&keys)));
        let batch = match like {
            Some(schema) => RecordBatch::try_new(schema, columns)?,
            None => {
                let names = (0..columns.len()).map(|at| format!("column {at}"));
                RecordBatch::try_from_iter_with_nullable(names.zip(columns).map(|(name, column)| (name, column, true)))?
            }
        };
        Ok(Some(Timed { batch: Batch::new(batch, row_times)?, times }))
    }

    pub(super) fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        for Timed { batch, times } in std::mem::take(&mut self.fresh) {
            let keys = key_column(batch.rows())?;
            let rows = self.codec.encode(without_key(batch.rows()))?;
            for ((at, time), row_time) in times.iter().enumerate().zip(batch.times()) {
                let key = [keys.value(at), &time.to_be_bytes(), &self.arrivals.to_be_bytes()].concat();
                self.arrivals += 1;
                let row = [&row_time.to_le_bytes(), rows.row(at).as_ref()].concat();
                let (number, _) = self.stored.number(&key, || Stored(row));
                self.by_time.entry(*time).or_default().push(number);
            }
        }
        self.stored.snapshot_by(writer, partition)
    }

    pub(super) fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.stored.restore(reader)?;
        let numbers: Vec<u32> = self.stored.each_number().collect();
        for number in numbers {
            let Some((time, arrival)) = self.stored.key_at(number).and_then(suffix) else { continue };
            self.by_time.entry(time).or_default().push(number);
            self.arrivals = self.arrivals.max(arrival + 1);
        }
        let arrival = |number: &u32| self.stored.key_at(*number).and_then(suffix).map(|(_, arrival)| arrival);
        self.by_time.values_mut().for_each(|numbers| numbers.sort_unstable_by_key(arrival));
        Ok(())
    }
}

/// Columns of the same types behind each other.
pub(super) fn behind(first: &[ArrayRef], second: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    Ok(first.iter().zip(second).map(|(a, b)| concat(&[a, b])).collect::<Result<_, _>>()?)
}

/// The rows for which `keep` is true, and the others.
pub(super) fn split(rows: usize, keep: impl Fn(usize) -> bool) -> (UInt32Array, UInt32Array) {
    let (kept, others): (Vec<u32>, Vec<u32>) = (0..rows as u32).partition(|row| keep(*row as usize));
    (kept.into(), others.into())
}
