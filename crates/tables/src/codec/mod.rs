//! Rows as bytes: an ordered key ([`key`]) and a compact value ([`row`]), by the table's definition.

mod cells;
mod key;
mod kind;
mod row;
#[cfg(test)]
mod tests;

pub(crate) use cells::{Cells, CellsBuilder};
pub(crate) use key::successor;
pub(crate) use kind::{Kind, SUPPORTED as SUPPORTED_TYPES};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};

use crate::definition::{TableDefinition, Ttl};
use crate::error::{Error, Result};
use crate::value::{Row, Value};

/// Encodes and decodes the rows of one table.
#[derive(Debug)]
pub(crate) struct RowCodec {
    table: String,
    schema: SchemaRef,
    kinds: Vec<Kind>,
    /// Positions of the key's columns, in key order.
    key: Vec<usize>,
    /// The other columns in schema order, each with its bit in the null bitmap.
    values: Vec<(usize, Option<usize>)>,
    null_bytes: usize,
    expiry: Expiry,
}

#[derive(Debug)]
enum Expiry {
    Never,
    AfterWrite { after_ms: i64 },
    AfterColumn { column: usize, after_ms: i64, data_type: DataType },
}

/// Which columns to decode, and where each goes in the output.
pub(crate) struct Projection {
    pub(crate) schema: SchemaRef,
    /// For each key column in key order: its place in the output.
    key: Vec<Option<usize>>,
    /// For each value column: its place in the output.
    values: Vec<Option<usize>>,
    /// How many entries of `values` must be walked to have all that is wanted.
    values_walked: usize,
}

impl RowCodec {
    /// The codec of a definition that has been validated.
    pub(crate) fn new(definition: &TableDefinition) -> Result<RowCodec> {
        let schema = definition.schema().clone();
        let refuse = |reason: String| Error::Definition { table: definition.name().to_owned(), reason };
        let kinds = schema
            .fields()
            .iter()
            .map(|f| Kind::of(f.data_type()).ok_or_else(|| refuse(format!("column type {}", f.data_type()))))
            .collect::<Result<Vec<Kind>>>()?;
        let key = definition.key().iter().map(|name| Ok(schema.index_of(name)?)).collect::<Result<Vec<usize>>>()?;
        let mut nullable = 0usize..;
        let values: Vec<_> = (schema.fields().iter().enumerate())
            .filter(|(i, _)| !key.contains(i))
            .map(|(i, f)| (i, if f.is_nullable() { nullable.next() } else { None }))
            .collect();
        let null_bytes = nullable.start.div_ceil(8);
        let expiry = match definition.ttl() {
            None => Expiry::Never,
            Some(Ttl::Age(age)) => Expiry::AfterWrite { after_ms: clamp_ms(age.as_millis()) },
            Some(Ttl::Column { column, after }) => {
                let column = schema.index_of(column)?;
                let data_type = schema.field(column).data_type().clone();
                Expiry::AfterColumn { column, after_ms: clamp_ms(after.as_millis()), data_type }
            }
        };
        Ok(RowCodec { table: definition.name().to_owned(), schema, kinds, key, values, null_bytes, expiry })
    }

    /// The encoding of the first key columns; all of them make a key.
    pub(crate) fn encode_key_prefix<'a>(&self, values: impl IntoIterator<Item = Value<'a>>) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(32);
        let mut columns = self.key.iter();
        for value in values {
            let &column =
                columns.next().ok_or_else(|| self.shape("a key has more values than the table has key columns"))?;
            key::encode(self.kinds[column], &self.coerce_key(column, value)?, &mut out);
        }
        Ok(out)
    }

    /// The encoding of a whole key.
    pub(crate) fn encode_key(&self, key: &[Value<'_>]) -> Result<Vec<u8>> {
        if key.len() != self.key.len() {
            return Err(self.shape(&format!("a key has {} values, {} came", self.key.len(), key.len())));
        }
        self.encode_key_prefix(key.iter().cloned())
    }

    /// Key and value bytes of one row; `now_ms` starts a TTL by age.
    pub(crate) fn encode_row(&self, row: &[Value<'_>], now_ms: i64) -> Result<(Vec<u8>, Vec<u8>)> {
        if row.len() != self.kinds.len() {
            return Err(self.shape(&format!("a row has {} columns, {} came", self.kinds.len(), row.len())));
        }
        self.encode(|column| row[column].clone(), now_ms)
    }

    /// Key and value bytes of every row of a batch, whose columns are matched by name.
    pub(crate) fn encode_batch(&self, batch: &RecordBatch, now_ms: i64) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let columns = self.match_columns(batch)?;
        (0..batch.num_rows())
            .map(|row| {
                self.encode(|column| columns[column].as_ref().map_or(Value::Null, |cells| cells.get(row)), now_ms)
            })
            .collect()
    }

    /// The keys of every row of a batch that has at least the key's columns.
    pub(crate) fn encode_batch_keys(&self, batch: &RecordBatch) -> Result<Vec<Vec<u8>>> {
        let mut columns = Vec::with_capacity(self.key.len());
        for &column in &self.key {
            let field = self.schema.field(column);
            let array = batch.column_by_name(field.name()).filter(|a| a.data_type() == field.data_type());
            let array = array.ok_or_else(|| {
                self.shape(&format!("key column {:?} of type {} is missing", field.name(), field.data_type()))
            })?;
            columns.push(Cells::of(array)?);
        }
        (0..batch.num_rows()).map(|row| self.encode_key_prefix(columns.iter().map(|cells| cells.get(row)))).collect()
    }

    fn encode<'a>(&self, cell: impl Fn(usize) -> Value<'a>, now_ms: i64) -> Result<(Vec<u8>, Vec<u8>)> {
        let mut key = Vec::with_capacity(32);
        for &column in &self.key {
            key::encode(self.kinds[column], &self.coerce_key(column, cell(column))?, &mut key);
        }
        let mut value = Vec::with_capacity(64);
        row::put_header(self.expires_at_ms(&cell, now_ms)?, &mut value);
        let nulls = value.len();
        value.resize(nulls + self.null_bytes, 0);
        for &(column, null_bit) in &self.values {
            match (self.coerce(column, cell(column))?, null_bit) {
                (Value::Null, Some(bit)) => value[nulls + bit / 8] |= 1 << (bit % 8),
                (Value::Null, None) => return Err(self.refuse(column, "it can't be null".into())),
                (v, _) => row::put_value(self.kinds[column], &v, &mut value),
            }
        }
        Ok((key, value))
    }

    fn expires_at_ms<'a>(&self, cell: impl Fn(usize) -> Value<'a>, now_ms: i64) -> Result<Option<i64>> {
        Ok(match &self.expiry {
            Expiry::Never => None,
            Expiry::AfterWrite { after_ms } => Some(now_ms.saturating_add(*after_ms)),
            Expiry::AfterColumn { column, after_ms, data_type } => match self.coerce(*column, cell(*column))? {
                Value::Int(v) => Some(time_ms(v, data_type).saturating_add(*after_ms)),
                _ => None,
            },
        })
    }

    /// The whole row of these bytes.
    pub(crate) fn decode_row(&self, key: &[u8], value: &[u8]) -> Result<Row> {
        let mut row: Row = vec![Value::Null; self.kinds.len()];
        self.decode(key, value, &self.project(None)?, |slot, v| {
            row[slot] = v.into_owned();
            Ok(())
        })?;
        Ok(row)
    }

    /// The columns at these positions of the schema, or all, in this order.
    pub(crate) fn project(&self, columns: Option<&[usize]>) -> Result<Projection> {
        let schema = match columns {
            Some(columns) => self.schema.project(columns)?.into(),
            None => self.schema.clone(),
        };
        let place = |column: usize| match columns {
            Some(columns) => columns.iter().position(|c| *c == column),
            None => Some(column),
        };
        let values: Vec<_> = self.values.iter().map(|(column, _)| place(*column)).collect();
        Ok(Projection {
            schema,
            key: self.key.iter().map(|column| place(*column)).collect(),
            values_walked: values.iter().rposition(Option::is_some).map_or(0, |last| last + 1),
            values,
        })
    }

    fn decode<'a>(
        &self,
        key: &'a [u8],
        value: &'a [u8],
        projection: &Projection,
        mut put: impl FnMut(usize, Value<'a>) -> Result<()>,
    ) -> Result<()> {
        let mut key = key;
        for (&column, place) in self.key.iter().zip(&projection.key) {
            let v = key::decode(self.kinds[column], &mut key).ok_or_else(|| self.damaged("its key"))?;
            if let Some(place) = place {
                put(*place, v)?;
            }
        }
        if projection.values_walked == 0 {
            return Ok(());
        }
        let mut value = value;
        row::get_header(&mut value).ok_or_else(|| self.damaged("its header"))?;
        let nulls = row::take(&mut value, self.null_bytes).ok_or_else(|| self.damaged("its null bits"))?;
        for (&(column, null_bit), place) in self.values.iter().zip(&projection.values).take(projection.values_walked) {
            let null = null_bit.is_some_and(|bit| nulls[bit / 8] & 1 << (bit % 8) != 0);
            let v = match null {
                true => Value::Null,
                false => row::get_value(self.kinds[column], &mut value).ok_or_else(|| self.damaged("a value"))?,
            };
            if let Some(place) = place {
                put(*place, v)?;
            }
        }
        Ok(())
    }

    /// Whether a row with these value bytes can be seen at `now_ms`.
    pub(crate) fn is_live(&self, value: &[u8], now_ms: i64) -> Result<bool> {
        if matches!(self.expiry, Expiry::Never) {
            return Ok(true);
        }
        let mut bytes = value;
        let expires_at_ms = row::get_header(&mut bytes).ok_or_else(|| self.damaged("its header"))?;
        Ok(expires_at_ms.is_none_or(|at| now_ms < at))
    }

    /// Whether rows of this table can expire.
    pub(crate) fn can_expire(&self) -> bool {
        !matches!(self.expiry, Expiry::Never)
    }

    /// For each column of the schema the cells of the batch's column of that name.
    fn match_columns(&self, batch: &RecordBatch) -> Result<Vec<Option<Cells>>> {
        let given = batch.schema();
        for field in given.fields() {
            if self.schema.index_of(field.name()).is_err() {
                return Err(self.shape(&format!("the batch has a column {:?} that the table has not", field.name())));
            }
        }
        let mut columns = Vec::with_capacity(self.kinds.len());
        for field in self.schema.fields() {
            columns.push(match batch.column_by_name(field.name()) {
                Some(array) if array.data_type() == field.data_type() => Some(Cells::of(array)?),
                Some(array) => {
                    let reason =
                        format!("column {:?} is {}, {} came", field.name(), field.data_type(), array.data_type());
                    return Err(self.shape(&reason));
                }
                None if field.is_nullable() => None,
                None => return Err(self.shape(&format!("column {:?} is missing", field.name()))),
            });
        }
        Ok(columns)
    }

    fn coerce_key<'a>(&self, column: usize, value: Value<'a>) -> Result<Value<'a>> {
        match self.coerce(column, value)? {
            Value::Null => Err(self.refuse(column, "a key column can't be null".into())),
            v => Ok(v),
        }
    }

    fn coerce<'a>(&self, column: usize, value: Value<'a>) -> Result<Value<'a>> {
        self.kinds[column].coerce(value).map_err(|reason| self.refuse(column, reason))
    }

    fn refuse(&self, column: usize, reason: String) -> Error {
        Error::Value { table: self.table.clone(), column: self.schema.field(column).name().clone(), reason }
    }

    fn shape(&self, reason: &str) -> Error {
        Error::Shape { table: self.table.clone(), reason: reason.to_owned() }
    }

    fn damaged(&self, reason: &'static str) -> Error {
        Error::Damaged { table: self.table.clone(), reason }
    }
}

/// Decodes rows into one batch.
pub(crate) struct BatchDecoder<'a> {
    codec: &'a RowCodec,
    projection: &'a Projection,
    columns: Vec<CellsBuilder>,
    rows: usize,
}

impl<'a> BatchDecoder<'a> {
    pub(crate) fn new(codec: &'a RowCodec, projection: &'a Projection) -> Result<BatchDecoder<'a>> {
        let columns =
            projection.schema.fields().iter().map(|f| Ok(CellsBuilder::new(f.data_type())?)).collect::<Result<_>>()?;
        Ok(BatchDecoder { codec, projection, columns, rows: 0 })
    }

    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let columns = &mut self.columns;
        self.codec.decode(key, value, self.projection, |slot, v| Ok(columns[slot].push(&v)?))?;
        self.rows += 1;
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<RecordBatch> {
        let columns = self.columns.iter_mut().map(|c| Ok(c.finish()?)).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        Ok(RecordBatch::try_new_with_options(self.projection.schema.clone(), columns, &options)?)
    }
}

fn clamp_ms(ms: u128) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// The milliseconds since 1970 of a value in a column of times.
fn time_ms(v: i64, data_type: &DataType) -> i64 {
    match data_type {
        DataType::Date32 => v.saturating_mul(24 * 3600 * 1000),
        DataType::Timestamp(TimeUnit::Second, _) => v.saturating_mul(1000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => v.div_euclid(1000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => v.div_euclid(1_000_000),
        _ => v,
    }
}
