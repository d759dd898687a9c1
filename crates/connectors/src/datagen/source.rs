//! The table of made-up rows.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use tidemill_engine::{Batch, EngineError, EventTime, OperatorContext, Replay, Result, Source};

use super::column::Reader;
use super::values::{Column, Places};
use crate::catalog::Settings;
use crate::connector::SourceTable;
use crate::environment::Environment;
use crate::generate::{Clock, Generate, GeneratedSource, Start};
use crate::payload::BATCH_ROWS;

pub(super) fn make(settings: &Settings<'_>, _: &Environment) -> crate::error::Result<Arc<dyn SourceTable>> {
    Ok(Arc::new(Datagen::new(settings, Clock::system())?))
}

/// Made-up rows.
pub(super) struct Datagen {
    columns: Vec<Column>,
    schema: SchemaRef,
    seed: u64,
    rows: Option<u64>,
    rows_per_second: Option<u64>,
    clock: Clock,
    start: Start,
}

impl Datagen {
    pub(super) fn new(settings: &Settings<'_>, clock: Clock) -> crate::error::Result<Self> {
        let mut reader = Reader::new(settings);
        let columns = settings.declaration().columns.iter();
        let columns = columns.map(|column| reader.column(column.field.name(), &column.field));
        let columns = columns.collect::<crate::error::Result<_>>()?;
        reader.finish()?;
        let rows = [settings.integer("number-of-rows"), reader.rows].into_iter().flatten().min();
        Ok(Datagen {
            columns,
            schema: settings.declaration().schema(),
            seed: settings.integer("seed").unwrap_or(0),
            rows,
            rows_per_second: settings.integer("rows-per-second").filter(|rate| *rate > 0),
            clock,
            start: Start::default(),
        })
    }
}

impl SourceTable for Datagen {
    fn replay(&self) -> Replay {
        Replay::FromPosition
    }

    fn is_bounded(&self) -> bool {
        self.rows.is_some()
    }

    fn open(&self, projection: &[usize], _: &OperatorContext) -> Result<Box<dyn Source>> {
        let missing = || EngineError::Plan("a projection asks for a column that is not declared".into());
        let columns = projection.iter().map(|&column| self.columns.get(column).cloned().ok_or_else(missing));
        let fields = projection.iter().filter_map(|&column| self.schema.fields().get(column).cloned());
        let rows = Rows {
            columns: columns.collect::<Result<_>>()?,
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            seed: self.seed,
            rows_per_second: self.rows_per_second,
        };
        let mut source = GeneratedSource::new(rows, BATCH_ROWS as u64, &self.start);
        source.end = self.rows;
        source.rows_per_second = self.rows_per_second;
        source.clock = self.clock.clone();
        Ok(Box::new(source))
    }
}

struct Rows {
    columns: Vec<Column>,
    schema: SchemaRef,
    seed: u64,
    rows_per_second: Option<u64>,
}

impl Rows {
    fn time(&self, number: u64, start: EventTime) -> i64 {
        let after = u128::from(number) * 1_000_000 / u128::from(self.rows_per_second.unwrap_or(1_000_000));
        start.0.saturating_add(i64::try_from(after).unwrap_or(i64::MAX))
    }
}

impl Generate for Rows {
    fn rows(&mut self, numbers: Range<u64>, start: EventTime) -> Result<Vec<Batch>> {
        let times: Vec<i64> = numbers.clone().map(|number| self.time(number, start)).collect();
        let numbers: Vec<u64> = numbers.collect();
        let places = Places { seed: self.seed, numbers: &numbers, times: &times };
        let columns = self.columns.iter().map(|column| column.fill(places)).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        Ok(vec![Batch::new(rows, times)?])
    }

    fn complete_to(&self, next: u64, start: EventTime, _: EventTime) -> EventTime {
        EventTime(self.time(next, start))
    }
}
