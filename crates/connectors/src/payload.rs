//! Between a connector's records and a table's rows: the format, the columns that are asked for, and those that the connector
//! fills itself.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use tidemill_engine::{Batch, EngineError, Result, RowKind, SourceOutput};
use tidemill_formats::{Decoded, Decoder, Encoder, Format, Options, Records, Rejected, SchemaLookup};

use crate::catalog::{FORMAT_METADATA, Settings};
use crate::connector::{TableColumn, TableDeclaration};
use crate::environment::Environment;
use crate::error::Error;
use crate::registry;
use crate::rejected;

/// Rows of a batch: operators are at their best with so many.
pub(crate) const BATCH_ROWS: usize = 4_096;

/// What the records of a table hold.
#[derive(Clone)]
pub(crate) struct Payload {
    format: Format,
    schemas: Option<Arc<dyn SchemaLookup>>,
    table: Arc<str>,
    columns: Vec<Column>,
    /// Columns are found by name and each by itself, so that those that nobody asks for need not be read.
    by_name: bool,
}

#[derive(Clone, Debug)]
struct Column {
    field: FieldRef,
    from: From,
    /// It holds metadata of the format.
    of_format: bool,
    read_only: bool,
}

/// Who knows a column's values.
#[derive(Clone, Debug, PartialEq, Eq)]
enum From {
    Record,
    /// The connector, by the key.
    Connector(Arc<str>),
}

impl Payload {
    /// Of a table whose records have a format.
    pub(crate) fn new(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Self> {
        Self::with_outside(settings, environment, &[])
    }

    /// As [`Payload::new`], where the columns named in `outside` are no part of the records either: the connector fills them, by
    /// [`outside_key`].
    pub(crate) fn with_outside(
        settings: &Settings<'_>,
        environment: &Environment,
        outside: &[String],
    ) -> crate::error::Result<Self> {
        let declaration = settings.declaration();
        let mut options = with_format_metadata(declaration);
        let registries = options.get(registry::REGISTRY);
        if let Some((header, is)) = registries
            .and_then(|registries| registry::header(options.get("format").unwrap_or_default(), registries))
            .filter(|(header, _)| options.get(header).is_none())
        {
            options = options.with(header, is);
        }
        let format = Format::from_options(&options)?;
        let columns = declaration.columns.iter().map(|column| Column::new(column, outside)).collect();
        let name = options.get("format").unwrap_or_default();
        // These make rows or refuse records by columns that perhaps nobody asks for.
        let whole = ["json.path.", "json.row-path", "json.fail-on-missing-field"];
        let whole = options.iter().any(|(option, _)| whole.iter().any(|whole| option.starts_with(whole)));
        let by_name = match name {
            "json" => !whole,
            "debezium-json" | "dms-json" => true,
            "avro" => format.own_schema().is_some(),
            // Without a schema a column's place is its field's number.
            "protobuf" => match &format {
                Format::Protobuf(given) => given.has_schema() || options.get(registry::REGISTRY).is_some(),
                _ => false,
            },
            _ => false,
        };
        let schemas = registry::of_table(settings, environment)?;
        let payload = Payload { format, schemas, table: declaration.name.as_str().into(), columns, by_name };
        Ok(payload)
    }

    /// How records lie in a file.
    pub(crate) fn format(&self) -> &Format {
        &self.format
    }

    /// Rows may be updates and deletes.
    pub(crate) fn has_changes(&self) -> bool {
        matches!(self.format, Format::Change(_))
    }

    /// An update may come without what its row was before.
    pub(crate) fn is_upsert(&self) -> bool {
        matches!(&self.format, Format::Change(options) if !options.has_before())
    }

    /// The columns that records hold.
    fn in_records(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.from == From::Record)
    }

    /// Refuses columns that the format can't read.
    pub(crate) fn check_reads(&self) -> crate::error::Result<()> {
        let fields: Vec<FieldRef> = self.in_records().map(|column| column.field.clone()).collect();
        self.make_decoder(fields).map(drop)
    }

    /// Refuses columns that the format can't write.
    pub(crate) fn check_writes(&self) -> crate::error::Result<()> {
        if let Some(column) = self.in_records().find(|column| column.of_format && !column.read_only) {
            return Err(Error::column(
                column.field.name(),
                "the format's metadata can't be written; declare it VIRTUAL",
            ));
        }
        self.make_encoder().map(drop)
    }

    fn make_decoder(&self, fields: Vec<FieldRef>) -> crate::error::Result<Box<dyn Decoder>> {
        let schema = Arc::new(Schema::new(fields));
        Ok(match &self.schemas {
            Some(schemas) => self.format.decoder_with(schema, Arc::clone(schemas))?,
            None => self.format.decoder(schema)?,
        })
    }

    fn make_encoder(&self) -> crate::error::Result<Box<dyn Encoder>> {
        let written = self.in_records().filter(|column| !column.read_only);
        let fields: Vec<FieldRef> = written.map(|column| column.field.clone()).collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(match &self.schemas {
            Some(schemas) => self.format.encoder_with(schema, Arc::clone(schemas))?,
            None => self.format.encoder(schema)?,
        })
    }

    /// Reads records into the columns of a projection.
    pub(crate) fn decoder(&self, projection: &[usize]) -> Result<PayloadDecoder> {
        let asked: Vec<&Column> = projection.iter().map(|&column| self.column(column)).collect::<Result<_>>()?;
        let read: Vec<&Column> = match self.by_name {
            // The format's options name its metadata columns: they stay.
            true => self.in_records().filter(|column| column.of_format || asked.iter().any(|a| a.is(column))).collect(),
            false => self.in_records().collect(),
        };
        let place = |column: &Column| match &column.from {
            From::Record => Place::Record(read.iter().position(|read| read.is(column)).unwrap_or(usize::MAX)),
            From::Connector(key) => Place::Connector(key.clone()),
        };
        let places = asked.iter().map(|column| place(column)).collect();
        let schema = Schema::new(asked.iter().map(|column| column.field.clone()).collect::<Vec<_>>());
        let decoder = self.make_decoder(read.iter().map(|column| column.field.clone()).collect())?;
        Ok(PayloadDecoder { decoder, places, schema: Arc::new(schema), table: self.table.clone() })
    }

    fn column(&self, number: usize) -> Result<&Column> {
        let missing = || EngineError::Plan(format!("table '{}' has no column number {number}", self.table));
        self.columns.get(number).ok_or_else(missing)
    }

    /// Writes the rows that a sink gets: all columns but those that are read only.
    pub(crate) fn encoder(&self) -> Result<PayloadEncoder> {
        let written = self.columns.iter().filter(|column| !column.read_only);
        let columns = written.enumerate().filter(|(_, column)| column.from == From::Record);
        Ok(PayloadEncoder { encoder: self.make_encoder()?, columns: columns.map(|(place, _)| place).collect() })
    }
}

impl Column {
    fn new(column: &TableColumn, outside: &[String]) -> Self {
        let from = connector_key(column, outside).map_or(From::Record, |key| From::Connector(key.into()));
        let of_format = column.metadata.is_some() && from == From::Record;
        Column { field: column.field.clone(), from, of_format, read_only: column.read_only }
    }

    fn is(&self, other: &Column) -> bool {
        self.field.name() == other.field.name()
    }
}

/// The key by which a connector knows a column; `None` where it is a part of the records. Columns named in `outside` are none.
pub(crate) fn connector_key(column: &TableColumn, outside: &[String]) -> Option<String> {
    let name = column.field.name();
    match &column.metadata {
        Some(key) if key.starts_with(FORMAT_METADATA) => None,
        Some(key) => Some(key.clone()),
        None => outside.contains(name).then(|| outside_key(name)),
    }
}

/// The key of a column that is no part of the records and no metadata either.
pub(crate) fn outside_key(column: &str) -> String {
    format!("={column}")
}

/// `METADATA FROM 'value.…'` as the option of the format that says so.
fn with_format_metadata(declaration: &TableDeclaration) -> Options {
    let mut options = declaration.options.clone();
    let format = options.get("format").unwrap_or_default().to_owned();
    for column in &declaration.columns {
        if let Some(key) = column.metadata.as_deref().and_then(|key| key.strip_prefix(FORMAT_METADATA)) {
            options = options.with(format!("{format}.metadata.{}", column.field.name()), key);
        }
    }
    options
}

/// Reads records into batches.
pub(crate) struct PayloadDecoder {
    decoder: Box<dyn Decoder>,
    places: Vec<Place>,
    schema: SchemaRef,
    table: Arc<str>,
}

enum Place {
    Record(usize),
    Connector(Arc<str>),
}

/// What the connector says of the rows that were read.
pub(crate) trait About {
    /// The time of each row, microseconds since 1970.
    fn times(&self, rows: &Origins<'_>) -> Vec<i64>;

    /// A column that is no part of the records; `None` where the key is unknown.
    fn column(&self, key: &str, rows: &Origins<'_>) -> Option<ArrayRef>;
}

/// Which record each row came from.
pub(crate) struct Origins<'a>(&'a Decoded);

impl Origins<'_> {
    /// How many rows.
    pub(crate) fn rows(&self) -> usize {
        self.0.rows.num_rows()
    }

    /// The number of each row's record.
    pub(crate) fn records(&self) -> impl Iterator<Item = usize> {
        (0..self.rows()).map(|row| self.0.origin(row))
    }
}

impl PayloadDecoder {
    /// Reads records, puts the rows out at port 0 and those that can't be read at port 1.
    pub(crate) fn decode(&mut self, records: &[&[u8]], about: &impl About, out: &mut SourceOutput<'_>) -> Result<()> {
        let (batch, rejected, passed_over) = self.rows(records, about)?;
        if passed_over > 0 {
            out.count_errors(passed_over);
        }
        out.emit(batch);
        rejected::emit(&self.table, &rejected, out)
    }

    /// Reads records: the rows, what could not be read, and how many more could not but were to be passed over.
    pub(crate) fn rows(&mut self, records: &[&[u8]], about: &impl About) -> Result<(Batch, Vec<Rejected>, u64)> {
        let failed = |error| EngineError::operator(format!("table {}", self.table), error);
        let mut decoded = self.decoder.decode(records).map_err(failed)?;
        let rejected = std::mem::take(&mut decoded.rejected);
        let passed_over = decoded.skipped.unreadable as u64;
        let origins = Origins(&decoded);
        let columns = self.places.iter().zip(self.schema.fields());
        let columns =
            columns.map(|(place, field)| column(place, field, &decoded, about)).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(decoded.rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let mut batch = Batch::new(rows, about.times(&origins))?;
        if let Some(kinds) = &decoded.kinds {
            batch = batch.with_kinds(&kinds.iter().map(|kind| row_kind(*kind)).collect::<Vec<_>>())?;
        }
        Ok((batch, rejected, passed_over))
    }
}

fn column(place: &Place, field: &FieldRef, decoded: &Decoded, about: &impl About) -> Result<ArrayRef> {
    let array = match place {
        Place::Record(place) => decoded.rows.columns().get(*place).cloned(),
        Place::Connector(key) => about.column(key, &Origins(decoded)),
    };
    let array = array.unwrap_or_else(|| new_null_array(field.data_type(), decoded.rows.num_rows()));
    Ok(if array.data_type() == field.data_type() { array } else { cast(&array, field.data_type())? })
}

fn row_kind(kind: tidemill_formats::RowKind) -> RowKind {
    match kind {
        tidemill_formats::RowKind::Insert => RowKind::Insert,
        tidemill_formats::RowKind::UpdateBefore => RowKind::UpdateBefore,
        tidemill_formats::RowKind::UpdateAfter => RowKind::UpdateAfter,
        tidemill_formats::RowKind::Delete => RowKind::Delete,
    }
}

/// Writes rows as records.
pub(crate) struct PayloadEncoder {
    encoder: Box<dyn Encoder>,
    columns: Vec<usize>,
}

impl PayloadEncoder {
    /// Appends the records of a batch, one for each row.
    pub(crate) fn encode(&mut self, batch: &Batch, out: &mut Records) -> Result<()> {
        let rows = batch.rows().project(&self.columns)?;
        let kinds: Option<Vec<_>> =
            (!batch.is_append_only()).then(|| (0..batch.num_rows()).map(|row| format_kind(batch.kind(row))).collect());
        self.encoder.encode(&rows, kinds.as_deref(), out).map_err(|error| EngineError::operator("encoder", error))
    }
}

fn format_kind(kind: RowKind) -> tidemill_formats::RowKind {
    match kind {
        RowKind::Insert => tidemill_formats::RowKind::Insert,
        RowKind::UpdateBefore => tidemill_formats::RowKind::UpdateBefore,
        RowKind::UpdateAfter => tidemill_formats::RowKind::UpdateAfter,
        RowKind::Delete => tidemill_formats::RowKind::Delete,
    }
}
