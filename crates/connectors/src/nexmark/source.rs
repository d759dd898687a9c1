//! The table of events, or of one kind of them.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, RecordBatch, RecordBatchOptions, StructArray, new_null_array};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use tidemill_engine::{Batch, EngineError, EventTime, OperatorContext, Replay, Result, Source};
use tidemill_formats::suggest;

use super::config::{Config, Kind};
use super::events::{Events, Field};
use super::{auction, bid, person};
use crate::catalog::Settings;
use crate::connector::SourceTable;
use crate::environment::Environment;
use crate::error::Error;
use crate::generate::{Generate, GeneratedSource, Start};
use crate::payload::BATCH_ROWS;

pub(super) fn make(settings: &Settings<'_>, _: &Environment) -> crate::error::Result<Arc<dyn SourceTable>> {
    let config = Config::new(settings)?;
    let only = match settings.word("nexmark.event") {
        Some("person") => Some(Kind::Person),
        Some("auction") => Some(Kind::Auction),
        Some("bid") => Some(Kind::Bid),
        _ => None,
    };
    let columns = settings.declaration().columns.iter().map(|column| match only {
        Some(kind) => Ok(Column::Field(find(kind, &column.field)?)),
        None => Column::new(&column.field),
    });
    let columns = columns.collect::<crate::error::Result<_>>()?;
    if only == Some(Kind::Bid) && config.bids == 0 {
        return Err(Error::invalid("bid.proportion", "0", "the table is one of bids"));
    }
    let schema = settings.declaration().schema();
    Ok(Arc::new(Nexmark { config, only, columns, schema, start: Start::default() }))
}

#[derive(Clone)]
enum Column {
    EventType,
    /// A ROW of events of one kind, null at the others.
    Row(Kind, Vec<&'static Field>),
    /// A field of a table of one kind.
    Field(&'static Field),
}

impl Column {
    fn new(field: &FieldRef) -> crate::error::Result<Self> {
        let name = field.name();
        let kind = match name.as_str() {
            "event_type" if can_cast_types(&DataType::Int32, field.data_type()) => return Ok(Column::EventType),
            "person" => Kind::Person,
            "auction" => Kind::Auction,
            "bid" => Kind::Bid,
            _ => {
                return Err(Error::column(
                    name,
                    "the columns are event_type INT, person, auction and bid ROW<…>; for the fields of one kind say it in `nexmark.event`",
                ));
            }
        };
        let DataType::Struct(fields) = field.data_type() else {
            return Err(Error::column(name, "it is a ROW<…>"));
        };
        if !field.is_nullable() {
            return Err(Error::column(name, "it is NULL in events of other kinds, so that it can't be NOT NULL"));
        }
        Ok(Column::Row(kind, fields.iter().map(|field| find(kind, field)).collect::<crate::error::Result<_>>()?))
    }
}

fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Person => person::FIELDS,
        Kind::Auction => auction::FIELDS,
        Kind::Bid => bid::FIELDS,
    }
}

fn find(kind: Kind, declared: &FieldRef) -> crate::error::Result<&'static Field> {
    let (name, known) = (declared.name(), fields(kind));
    let Some(field) = known.iter().find(|field| field.name == name) else {
        let names = || known.iter().map(|field| field.name);
        let hint = suggest(name, names(), str::to_owned);
        let known = names().collect::<Vec<_>>().join(", ");
        return Err(Error::column(name, format!("no such field{hint}; there are {known}")));
    };
    if !can_cast_types(&field.data_type, declared.data_type()) {
        return Err(Error::column(name, format!("its values are {}", field.data_type)));
    }
    Ok(field)
}

struct Nexmark {
    config: Config,
    only: Option<Kind>,
    columns: Vec<Column>,
    schema: SchemaRef,
    start: Start,
}

impl SourceTable for Nexmark {
    fn replay(&self) -> Replay {
        Replay::FromPosition
    }

    fn is_bounded(&self) -> bool {
        self.config.events.is_some()
    }

    fn with_fields(&self, schema: &SchemaRef) -> Option<Arc<dyn SourceTable>> {
        let columns = self.columns.iter().zip(schema.fields()).map(|(column, declared)| match column {
            Column::Row(..) => Column::new(declared).ok(),
            other => Some(other.clone()),
        });
        let columns = columns.collect::<Option<Vec<_>>>()?;
        let (config, only, start) = (self.config.clone(), self.only, Arc::clone(&self.start));
        Some(Arc::new(Nexmark { config, only, columns, schema: schema.clone(), start }))
    }

    fn open(&self, projection: &[usize], _: &OperatorContext) -> Result<Box<dyn Source>> {
        let missing = || EngineError::Plan("a projection asks for a column that is not declared".into());
        let columns = projection.iter().map(|&column| self.columns.get(column).cloned().ok_or_else(missing));
        let fields = projection.iter().filter_map(|&column| self.schema.fields().get(column).cloned());
        let rows = Rows {
            config: self.config.clone(),
            only: self.only,
            columns: columns.collect::<Result<_>>()?,
            nulls: vec![None; projection.len()],
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        };
        // Blocks hold whole rounds, so that a batch has about as many rows whatever its kind.
        let round = self.config.round();
        let share = match self.only {
            None => round,
            Some(Kind::Person) => self.config.people,
            Some(Kind::Auction) => self.config.auctions,
            Some(Kind::Bid) => self.config.bids,
        };
        let block = (BATCH_ROWS as u64 / share.max(1)).max(1) * round;
        let mut source = GeneratedSource::new(rows, block, &self.start);
        source.end = self.config.events;
        source.rows_per_second = self.config.limited.then_some(self.config.rate);
        Ok(Box::new(source))
    }
}

struct Rows {
    config: Config,
    only: Option<Kind>,
    columns: Vec<Column>,
    schema: SchemaRef,
    /// Of each column that is a ROW, as many nulls as were wanted so far.
    nulls: Vec<Option<ArrayRef>>,
}

impl Rows {
    fn base_ms(&self, start: EventTime) -> i64 {
        self.config.base_ms.unwrap_or_else(|| start.millis())
    }

    /// The events of one kind.
    fn of_kind(&mut self, kind: Kind, numbers: &Range<u64>, base_ms: i64) -> Result<Batch> {
        let events = Events::new(&self.config, kind, numbers, base_ms);
        let columns = self.columns.iter().zip(self.schema.fields()).zip(&mut self.nulls);
        let columns = columns.map(|((column, declared), nulls)| match column {
            Column::Field(field) => as_declared((field.make)(&events)?, declared.data_type()),
            Column::EventType => {
                as_declared(Arc::new(Int32Array::from(vec![kind as i32; events.len()])), declared.data_type())
            }
            Column::Row(of, fields) if *of == kind => row(&events, fields, declared.data_type()),
            Column::Row(..) => {
                let enough = nulls.take().filter(|nulls| nulls.len() >= events.len());
                let nulls = nulls.insert(enough.unwrap_or_else(|| new_null_array(declared.data_type(), events.len())));
                Ok(nulls.slice(0, events.len()))
            }
        });
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        let times: Vec<i64> = events.times_ms.iter().map(|ms| ms.saturating_mul(1_000)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(times.len()));
        Batch::new(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?, times)
    }
}

fn row(events: &Events<'_>, fields: &[&Field], declared: &DataType) -> Result<ArrayRef, ArrowError> {
    let DataType::Struct(declared) = declared else {
        return Err(ArrowError::InvalidArgumentError("a ROW is declared".into()));
    };
    let arrays =
        fields.iter().zip(declared).map(|(field, declared)| as_declared((field.make)(events)?, declared.data_type()));
    let arrays = arrays.collect::<Result<Vec<_>, ArrowError>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(declared.clone(), arrays, None, events.len())?))
}

fn as_declared(array: ArrayRef, declared: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == declared { Ok(array) } else { cast(&array, declared) }
}

impl Generate for Rows {
    /// A batch for each kind: what asks for one kind finds rows that are all of it, or none.
    fn rows(&mut self, numbers: Range<u64>, start: EventTime) -> Result<Vec<Batch>> {
        let base_ms = self.base_ms(start);
        match self.only {
            Some(kind) => Ok(vec![self.of_kind(kind, &numbers, base_ms)?]),
            None => Kind::ALL.into_iter().map(|kind| self.of_kind(kind, &numbers, base_ms)).collect(),
        }
    }

    fn complete_to(&self, next: u64, start: EventTime, _: EventTime) -> EventTime {
        EventTime::from_millis(self.config.time_ms(next, self.base_ms(start)))
    }
}
