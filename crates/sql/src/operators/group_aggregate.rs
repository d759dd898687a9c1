//! GROUP BY without a window, and SELECT DISTINCT: a result for each key, revised as rows come.

use std::time::Duration;

use arrow::{
    array::UInt32Array,
    datatypes::{DataType, SchemaRef},
};
use tidemill_engine::{
    Batch, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter, StateTable, time::micros,
    timers::Timer,
};

use super::{
    results::{Revised, changelog, check_output},
    rows::{RowCodec, key_column},
};
use crate::aggregate::{
    Accumulators, AggregateCall, Retraction,
    bytes::{Bytes, put_i64},
};

/// What a [`GroupAggregate`] does.
#[derive(Clone, Debug)]
pub struct GroupAggregateConfig {
    /// The input's columns; the encoded key comes behind them.
    pub input: SchemaRef,
    /// The types of the columns that the key encodes.
    pub key: Vec<DataType>,
    /// What is computed for each key; nothing gives the distinct keys.
    pub aggregates: Vec<AggregateCall>,
    /// Input rows may be updates and deletes.
    pub retracts: bool,
    /// A key that had no rows for so long, by the wall clock, is forgotten. Its result stays where it was sent.
    pub state_ttl: Option<Duration>,
    /// The key's columns, then the aggregates' results.
    pub output: SchemaRef,
}

/// Aggregates all rows of a key. After each batch the results that changed go out, once for each key: as an insert, as
/// update-before and update-after, or as a delete where the last of its rows is gone.
///
/// A row that goes without having come is counted as an error and passed over. Output rows have the latest time of their key's rows in the batch.
#[derive(Debug)]
pub struct GroupAggregate {
    config: GroupAggregateConfig,
    codec: RowCodec,
    groups: StateTable<()>,
    states: Accumulators,
    /// By group, beside the states.
    marks: Vec<Mark>,
    /// How many batches came.
    batch: u64,
    ttl: Option<i64>,
}

/// What is known of a group beside its aggregates.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// How many rows it has; counted where rows may go.
    rows: i64,
    /// When its last row came; noted where groups are forgotten.
    updated: i64,
    /// The last batch that touched it, and its place among those that it touched.
    batch: u64,
    place: u32,
}

impl GroupAggregate {
    /// An operator without groups.
    pub fn new(config: GroupAggregateConfig) -> Result<Self> {
        let results = config.aggregates.iter().map(|call| call.result(&config.input));
        let types = config.key.iter().cloned().map(Ok).chain(results).collect::<Result<Vec<_>>>()?;
        check_output("GROUP BY", &config.output, &types)?;
        Ok(GroupAggregate {
            codec: RowCodec::new(config.key.iter().cloned())?,
            groups: StateTable::new("groups"),
            states: Accumulators::new(&config.aggregates, &config.input, Retraction::of_input(config.retracts))?,
            marks: Vec::new(),
            batch: 0,
            ttl: config.state_ttl.map(micros),
            config,
        })
    }

    fn remove(&mut self, group: u32) {
        self.groups.remove_at(group);
        self.states.reset(group);
        self.marks[group as usize] = Mark::default();
    }
}

/// The groups that a batch touches, in the order in which it does.
#[derive(Debug, Default)]
struct Touched {
    groups: Vec<u32>,
    /// The first row of each.
    rows: Vec<usize>,
    revised: Vec<Revised>,
    /// The group of each row that counts, and the rows that do not.
    of_row: Vec<u32>,
    passed_over: Vec<u32>,
}

impl GroupAggregate {
    /// Finds the groups of a batch's rows.
    fn touch(&mut self, batch: &Batch, out: &mut Output<'_>) -> Result<Touched> {
        let keys = key_column(batch.rows())?;
        let times = batch.times();
        let now = out.now().0;
        let mut touched = Touched { of_row: Vec::with_capacity(times.len()), ..Touched::default() };
        self.batch += 1;
        for (row, time) in times.iter().enumerate() {
            let key = keys.value(row);
            let (group, new) = self.groups.number(key, || ());
            if group as usize >= self.marks.len() {
                self.marks.resize(self.groups.numbers(), Mark::default());
            }
            let mark = &mut self.marks[group as usize];
            if mark.batch != self.batch {
                let mut was = !new;
                if let Some(ttl) = self.ttl {
                    if was && mark.updated.saturating_add(ttl) <= now {
                        // Its timer is due but did not fire yet.
                        (was, mark.rows) = (false, 0);
                        self.states.reset(group);
                    } else if new {
                        out.set_processing_timer(EventTime(now.saturating_add(ttl)), key);
                    }
                    mark.updated = now;
                }
                (mark.batch, mark.place) = (self.batch, touched.groups.len() as u32);
                touched.groups.push(group);
                touched.rows.push(row);
                touched.revised.push(Revised { was, is: true, time: *time });
            } else if let Some(revised) = touched.revised.get_mut(mark.place as usize) {
                revised.time = revised.time.max(*time);
            }
            if self.config.retracts {
                match batch.kind(row).adds() {
                    true => mark.rows += 1,
                    false if mark.rows > 0 => mark.rows -= 1,
                    false => {
                        touched.passed_over.push(row as u32);
                        continue;
                    }
                }
            }
            touched.of_row.push(group);
        }
        if self.config.retracts {
            for (group, revised) in touched.groups.iter().zip(&mut touched.revised) {
                revised.is = self.marks[*group as usize].rows > 0;
            }
        }
        Ok(touched)
    }
}

/// A batch without some of its rows.
fn without(batch: &Batch, rows: &[u32]) -> Result<Batch> {
    let mut left_out = rows.iter().peekable();
    let kept = (0..batch.num_rows() as u32).filter(|row| left_out.next_if_eq(&row).is_none());
    batch.take(&UInt32Array::from_iter_values(kept))
}

impl Operator for GroupAggregate {
    fn on_batch(&mut self, _port: usize, mut batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let touched = self.touch(&batch, out)?;
        self.states.grow(self.groups.numbers());
        let before = self.states.results(&touched.groups)?;
        let keys = {
            let keys = key_column(batch.rows())?;
            self.codec.decode(touched.rows.iter().map(|row| keys.value(*row)))?
        };
        if !touched.passed_over.is_empty() {
            out.count_errors(touched.passed_over.len() as u64);
            batch = without(&batch, &touched.passed_over)?;
        }
        self.states.update(&batch, &touched.of_row)?;
        let after = self.states.results(&touched.groups)?;
        for (group, revised) in touched.groups.iter().zip(&touched.revised) {
            if !revised.is {
                self.remove(*group);
            }
        }
        // What lies downstream forgets too, so it has to hear of results that are what they were.
        let all = self.ttl.is_some();
        out.emit(changelog(&self.config.output, &keys, &before, &after, &touched.revised, all)?);
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        let (Some(ttl), Some(group)) = (self.ttl, self.groups.number_of(&timer.key)) else { return Ok(()) };
        let due = self.marks[group as usize].updated.saturating_add(ttl);
        if due <= out.now().0 {
            self.remove(group);
        } else {
            out.set_processing_timer(EventTime(due), &timer.key);
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        let GroupAggregate { groups, states, marks, config, ttl, .. } = self;
        groups.snapshot_numbered(
            writer,
            |key| key,
            |group, (), out| {
                let mark = &marks[group as usize];
                if config.retracts {
                    put_i64(out, mark.rows);
                }
                if ttl.is_some() {
                    put_i64(out, mark.updated);
                }
                states.encode(group, out);
                Ok(())
            },
        )
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        let GroupAggregate { groups, states, marks, config, ttl, .. } = self;
        groups.restore_numbered(reader, |group, _key, bytes| {
            let mut bytes = Bytes(bytes);
            let mut number = |wanted: bool| if wanted { bytes.i64().ok_or("it is too short") } else { Ok(0) };
            let mark = Mark { rows: number(config.retracts)?, updated: number(ttl.is_some())?, ..Mark::default() };
            marks.resize(marks.len().max(group as usize + 1), Mark::default());
            marks[group as usize] = mark;
            states.grow(group as usize + 1);
            states.decode(group, &mut bytes)
        })
    }

    fn state_keys(&self) -> usize {
        self.groups.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregate::AggregateFunction as F,
        operators::testing::{Table, play, script, table},
    };

    fn input() -> Table {
        table("name: Utf8, amount: Int64").keyed(&[0])
    }

    fn config(retracts: bool) -> GroupAggregateConfig {
        GroupAggregateConfig {
            input: input().schema,
            key: vec![DataType::Utf8],
            aggregates: vec![
                AggregateCall::new(F::CountAll, []),
                AggregateCall::new(F::Sum, [1]),
                AggregateCall::new(F::Max, [1]),
            ],
            retracts,
            state_ttl: None,
            output: table("name: Utf8, count: Int64, sum: Int64, max: Int64").schema,
        }
    }

    fn run(config: GroupAggregateConfig, text: &str, runs: &[(usize, usize)]) -> Vec<String> {
        play(move |_| GroupAggregate::new(config.clone()), 1, &script(&[input()], text), runs).main
    }

    const SALES: &str = "
        +I | ann | 3 | 00:01
        +I | bob | 5 | 00:02
        +I | ann | 4 | 00:03

        +I | ann | -7 | 00:09
        +I | eve | null | 00:05";

    #[test]
    fn each_batch_revises_the_results_of_its_keys_once() {
        let expected = [
            "+I | ann | 2 | 7 | 4 | 00:03",
            "+I | bob | 1 | 5 | 5 | 00:02",
            "-U | ann | 2 | 7 | 4 | 00:09",
            "+U | ann | 3 | 0 | 4 | 00:09",
            "+I | eve | 1 | null | null | 00:05",
        ];
        assert_eq!(run(config(false), SALES, &[(1, 0)]), expected);
        assert_eq!(run(config(false), SALES, &[(1, 1), (1, 0)]), expected);
        let mut rescaled = run(config(false), SALES, &[(1, 1), (3, 0)]);
        rescaled[2..].sort();
        assert_eq!(rescaled[2..], [expected[4], expected[3], expected[2]]);
    }

    #[test]
    fn rows_that_go_take_their_share_with_them_and_the_last_its_group() {
        let changes = "
            +I | ann | 3 | 00:01
            +I | ann | 9 | 00:01

            -U | ann | 9 | 00:02
            +U | ann | 1 | 00:02

            -D | ann | 3 | 00:03
            -D | bob | 8 | 00:03

            -D | ann | 1 | 00:04

            +I | ann | 6 | 00:05";
        let expected = [
            "+I | ann | 2 | 12 | 9 | 00:01",
            "-U | ann | 2 | 12 | 9 | 00:02",
            "+U | ann | 2 | 4 | 3 | 00:02",
            "-U | ann | 2 | 4 | 3 | 00:03",
            "+U | ann | 1 | 1 | 1 | 00:03",
            "-D | ann | 1 | 1 | 1 | 00:04",
            "+I | ann | 1 | 6 | 6 | 00:05",
        ];
        for runs in [&[(1, 0)][..], &[(1, 1), (1, 0)], &[(1, 2), (3, 1), (1, 1), (1, 0)]] {
            assert_eq!(run(config(true), changes, runs), expected, "{runs:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_result_that_stays() {
        let changes = "
            +I | ann | 3 | 00:01

            -U | ann | 3 | 00:02
            +U | ann | 3 | 00:02";
        assert_eq!(run(config(true), changes, &[(1, 0)]), ["+I | ann | 1 | 3 | 3 | 00:01"]);
    }

    #[test]
    fn without_aggregates_each_key_comes_once() {
        let distinct = GroupAggregateConfig { aggregates: vec![], output: table("name: Utf8").schema, ..config(false) };
        let expected = ["+I | ann | 00:03", "+I | bob | 00:02", "+I | eve | 00:05"];
        assert_eq!(run(distinct, SALES, &[(1, 1), (1, 0)]), expected);
    }

    #[test]
    fn a_key_without_rows_for_its_time_to_live_starts_anew() {
        let forgetful = GroupAggregateConfig { state_ttl: Some(Duration::from_secs(10)), ..config(false) };
        let visits = "
            clock 00:01
            +I | ann | 1 | 00:01

            clock 00:09
            +I | ann | 1 | 00:02

            clock 00:18
            +I | ann | 1 | 00:03
            clock 00:28
            +I | ann | 1 | 00:04";
        let expected = [
            "+I | ann | 1 | 1 | 1 | 00:01",
            "-U | ann | 1 | 1 | 1 | 00:02",
            "+U | ann | 2 | 2 | 1 | 00:02",
            "-U | ann | 2 | 2 | 1 | 00:03",
            "+U | ann | 3 | 3 | 1 | 00:03",
            "+I | ann | 1 | 1 | 1 | 00:04",
        ];
        for runs in [&[(1, 0)][..], &[(1, 3), (1, 0)], &[(1, 6), (3, 0)]] {
            assert_eq!(run(forgetful.clone(), visits, runs), expected, "{runs:?}");
        }
    }

    #[test]
    fn a_plan_whose_types_are_wrong_is_refused() {
        let wrong = GroupAggregateConfig { output: table("name: Utf8").schema, ..config(false) };
        let error = GroupAggregate::new(wrong).unwrap_err().to_string();
        assert!(error.contains("(Utf8) but gives (Utf8, Int64, Int64, Int64)"), "{error}");
    }
}
