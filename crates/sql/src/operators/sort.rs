//! Rows in order: [`Sort`] of an input that ends, [`TemporalSort`] of one that goes on.
//!
//! Both are fed by [`Routing::Single`](tidemill_engine::Routing), without a key: all rows are on the first worker.

use arrow::{array::AsArray, compute::SortOptions, datatypes::SchemaRef};
use tidemill_engine::{
    Batch, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter, key::KeyGroup,
};

use super::{columns::rows_of, ranked_rows::RankedByKey, rows::RowCodec, sort_order::SortOrder};

/// Rows go out in batches of so many.
const OUTPUT_ROWS: usize = 8 << 10;

/// Configuration of [`Sort`].
#[derive(Clone, Debug)]
pub struct SortConfig {
    /// Columns of the input, which are also the output.
    pub schema: SchemaRef,
    /// The order: columns by position. Without any, rows keep the order in which they came.
    pub sort: Vec<(usize, SortOptions)>,
    /// So many rows are skipped.
    pub offset: u64,
    /// So many rows are given at most.
    pub limit: Option<u64>,
    /// True where the input only has inserts: then only rows that may be given are kept.
    pub append_only: bool,
}

/// Gives the rows of an input in order once it has ended, as inserts. Rows that are taken back before that don't come.
///
/// A limit on an input that goes on is a [`TopN`](super::top_n::TopN) with the empty key.
#[derive(Debug)]
pub struct Sort {
    rows: Rows,
    offset: usize,
    /// Offset and limit.
    end: usize,
    append_only: bool,
}

/// Rows of an unkeyed input in their order.
#[derive(Debug)]
struct Rows {
    schema: SchemaRef,
    codec: RowCodec,
    order: SortOrder,
    /// Under one key, of a group that the first worker always owns.
    rows: RankedByKey,
    key: Box<[u8]>,
}

impl Rows {
    fn new(schema: SchemaRef, sort: &[(usize, SortOptions)]) -> Result<Self> {
        let key = (0u32..).map(u32::to_be_bytes).find(|key| KeyGroup::of_key(key) == KeyGroup(0)).unwrap_or_default();
        Ok(Rows {
            codec: RowCodec::of_schema(&schema)?,
            order: SortOrder::new(&schema, sort)?,
            schema,
            rows: RankedByKey::new("rows"),
            key: key.into(),
        })
    }
}

impl Sort {
    /// With no rows.
    pub fn new(config: SortConfig) -> Result<Self> {
        let SortConfig { schema, sort, offset, limit, append_only } = config;
        let end = limit.map_or(u64::MAX, |limit| offset.saturating_add(limit));
        Ok(Sort {
            rows: Rows::new(schema, &sort)?,
            offset: usize::try_from(offset).unwrap_or(usize::MAX),
            end: usize::try_from(end).unwrap_or(usize::MAX),
            append_only,
        })
    }
}

impl Operator for Sort {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let Rows { codec, order, rows, key, .. } = &mut self.rows;
        let columns = batch.rows().columns();
        let orders = order.encode(columns, batch.num_rows())?;
        let encoded = codec.encode(columns)?;
        for (at, order) in orders.as_binary::<i32>().iter().flatten().enumerate() {
            // The time comes out with its row.
            let row =
                [&batch.times().get(at).copied().unwrap_or_default().to_le_bytes(), encoded.row(at).data()].concat();
            if batch.kind(at).adds() {
                rows.insert(key, order, &row, 0, 0);
            } else if rows.remove_matching(key, order, |found| found.get(8..) == row.get(8..), 0, 0).is_none() {
                out.count_errors(1);
            }
        }
        if self.append_only {
            rows.truncate(key, self.end);
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        if time < EventTime::MAX {
            return Ok(());
        }
        let Rows { schema, codec, rows, key, .. } = &mut self.rows;
        let all: Vec<&[u8]> = rows.rows(key).take(self.end).skip(self.offset).collect();
        for rows in all.chunks(OUTPUT_ROWS) {
            let parts = rows.iter().filter_map(|row| row.split_first_chunk::<8>());
            let times: Vec<i64> = parts.clone().map(|(time, _)| i64::from_le_bytes(*time)).collect();
            let columns = codec.decode(parts.map(|(_, row)| row))?;
            out.emit(Batch::new(rows_of(schema, columns, times.len())?, times)?);
        }
        rows.truncate(key, 0);
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.rows.rows.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.rows.rows.restore(reader)
    }
}

/// Configuration of [`TemporalSort`].
#[derive(Clone, Debug)]
pub struct TemporalSortConfig {
    /// Columns of the input, which are also the output.
    pub schema: SchemaRef,
    /// The order of rows of the same time.
    pub then: Vec<(usize, SortOptions)>,
}

/// Gives the rows of an append-only input in the order of their times, as the watermark passes them. Rows behind it are late:
/// counted, and sent to port 1 as they came.
#[derive(Debug)]
pub struct TemporalSort {
    rows: Rows,
}

impl TemporalSort {
    /// With no rows.
    pub fn new(config: TemporalSortConfig) -> Result<Self> {
        Ok(TemporalSort { rows: Rows::new(config.schema, &config.then)? })
    }
}

fn time_order(time: i64) -> [u8; 8] {
    (time ^ i64::MIN).to_be_bytes()
}

impl Operator for TemporalSort {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let Rows { codec, order, rows, key, .. } = &mut self.rows;
        let columns = batch.rows().columns();
        let orders = order.encode(columns, batch.num_rows())?;
        let encoded = codec.encode(columns)?;
        let mut late: Vec<u32> = Vec::new();
        for ((at, order), time) in orders.as_binary::<i32>().iter().flatten().enumerate().zip(batch.times()) {
            if *time < out.watermark().0 {
                late.push(at as u32);
            } else {
                rows.insert(key, &[&time_order(*time), order].concat(), encoded.row(at).data(), 0, 0);
            }
        }
        if !late.is_empty() {
            out.count_late(late.len() as u64);
            out.emit_to(1, batch.take(&late.into())?);
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        let Rows { schema, codec, rows, key, .. } = &mut self.rows;
        // Rows of the watermark's own time may still come.
        let end = if time == EventTime::MAX { vec![u8::MAX; 9] } else { time_order(time.0).to_vec() };
        let ripe = rows.take_before(key, &end);
        for rows in ripe.chunks(OUTPUT_ROWS) {
            let times = rows.iter().filter_map(|(order, _)| order.first_chunk::<8>());
            let times: Vec<i64> = times.map(|time| i64::from_be_bytes(*time) ^ i64::MIN).collect();
            let columns = codec.decode(rows.iter().map(|(_, row)| &**row))?;
            out.emit(Batch::new(rows_of(schema, columns, times.len())?, times)?);
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.rows.rows.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.rows.rows.restore(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::testing::{Operate, Table, table, text};

    const DOWN: SortOptions = SortOptions { descending: true, nulls_first: false };

    fn rows() -> Table {
        table("name: Utf8, n: Int64")
    }

    fn sort(offset: u64, limit: Option<u64>, append_only: bool) -> Operate {
        let config = SortConfig { schema: rows().schema, sort: vec![(1, DOWN)], offset, limit, append_only };
        Operate::unkeyed(1, move |_| Sort::new(config.clone()))
    }

    #[test]
    fn rows_come_in_order_when_the_input_has_ended() {
        for append_only in [true, false] {
            let mut test = sort(1, Some(2), append_only);
            test.rows(0, rows().rows("+I | a | 1 | 00:01\n+I | b | 3 | 00:02\n+I | c | 3 | 00:03"));
            test.watermark("01:00");
            test.restart(1);
            test.rows(0, rows().rows("+I | d | null | 00:04\n+I | e | 2 | 00:05"));
            assert_eq!(test.take(), text(""));
            test.finish();
            assert_eq!(test.take(), text("+I | c | 3 | 00:03\n+I | e | 2 | 00:05"));
        }
    }

    #[test]
    fn what_was_taken_back_does_not_come() {
        let mut test = sort(0, None, false);
        test.rows(0, rows().rows("+I | a | 1 | 00:01\n+I | b | 3 | 00:02\n-D | a | 1 | 00:03\n-D | z | 1 | 00:03"));
        test.finish();
        assert_eq!(test.take(), text("+I | b | 3 | 00:02"));
        assert_eq!(test.figures()[0].errors, 1);
    }

    #[test]
    fn rows_come_in_the_order_of_time_as_the_watermark_passes_them() {
        let config = TemporalSortConfig { schema: rows().schema, then: vec![(1, DOWN)] };
        let mut test = Operate::unkeyed(1, move |_| TemporalSort::new(config.clone()));
        test.rows(0, rows().rows("+I | a | 1 | 00:05\n+I | b | 3 | 00:02\n+I | c | 3 | 00:05\n+I | d | 1 | -00:01"));
        test.watermark("00:05");
        assert_eq!(test.take(), text("+I | d | 1 | -00:01\n+I | b | 3 | 00:02"));
        test.restart(1);
        test.rows(0, rows().rows("+I | e | 2 | 00:05\n+I | f | 9 | 00:04"));
        test.finish();
        assert_eq!(test.take(), text("+I | c | 3 | 00:05\n+I | e | 2 | 00:05\n+I | a | 1 | 00:05"));
        assert_eq!(test.take_late(), text("+I | f | 9 | 00:04"));
    }
}
