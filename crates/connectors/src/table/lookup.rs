//! Rows by their key, or by its first columns.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use tidemill_engine::{EngineError, OperatorContext, Result};
use tidemill_tables::{Scan, Table, Value};

use super::{find, key};
use crate::catalog::Settings;
use crate::connector::{LookedUp, Lookup, LookupTable};
use crate::environment::Environment;
use crate::lookup::{CacheSettings, assemble, with_values};

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn LookupTable>> {
    let (_, table) = find(settings, environment)?;
    let cache = CacheSettings::new(settings);
    Ok(Arc::new(ByKey { table, schema: settings.declaration().schema(), cache }))
}

struct ByKey {
    table: Table,
    schema: SchemaRef,
    cache: Option<CacheSettings>,
}

impl LookupTable for ByKey {
    fn open(&self, keys: &[usize], projection: &[usize], _: &OperatorContext) -> Result<Box<dyn Lookup>> {
        let asked = self.schema.project(keys)?;
        let key = self.table.definition().key();
        // The key's columns that are asked for, in the key's order.
        let place = |name: &String| asked.fields().iter().position(|field| field.name() == name);
        let places: Vec<usize> = key.iter().map_while(place).collect();
        if places.len() != keys.len() || places.is_empty() {
            let names: Vec<&str> = asked.fields().iter().map(|field| field.name().as_str()).collect();
            return Err(EngineError::Plan(format!(
                "table '{}' finds rows by its key ({}) or the first columns of it, not by ({})",
                self.table.name(),
                key.join(", "),
                names.join(", ")
            )));
        }
        let key_fields = key.iter().filter_map(|name| self.table.schema().field_with_name(name).ok());
        let lookup = TableLookup {
            table: self.table.clone(),
            whole: places.len() == key.len(),
            key_fields: key_fields.take(places.len()).map(|field| Arc::new(field.clone())).collect(),
            places,
            schema: Arc::new(self.schema.project(projection)?),
        };
        Ok(CacheSettings::before(self.cache, Box::new(lookup)))
    }
}

struct TableLookup {
    table: Table,
    /// The key as a whole is asked for: it has one row or none.
    whole: bool,
    /// Which of the asked columns are the key's, in its order, and as the table holds them.
    places: Vec<usize>,
    key_fields: Vec<FieldRef>,
    schema: SchemaRef,
}

impl TableLookup {
    fn failed(&self, error: impl std::fmt::Display) -> EngineError {
        EngineError::operator(format!("table {}", self.table.name()), error)
    }

    /// The rows as they are asked for.
    fn project(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.schema.fields().iter().map(|field| {
            let column = rows.column_by_name(field.name());
            let column = column.ok_or_else(|| self.failed(format!("it has no column '{}'", field.name())))?;
            Ok(cast(column, field.data_type())?)
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }

    /// The one row of each key that has one. What is found is in the order of the keys: each found row is of the next key that
    /// equals it.
    fn whole_keys(&self, keys: &RecordBatch, numbers: &[u32]) -> Result<LookedUp> {
        let found = self.table.get_batch(keys).map_err(|e| self.failed(e))?;
        let fields = self.key_fields.iter().map(|field| SortField::new(field.data_type().clone()));
        let converter = RowConverter::new(fields.collect())?;
        let found_keys = self.key_fields.iter().filter_map(|field| found.column_by_name(field.name()).cloned());
        let found_keys = converter.convert_columns(&found_keys.collect::<Vec<_>>())?;
        let asked = converter.convert_columns(keys.columns())?;
        let mut next = 0;
        let mut origins = Vec::with_capacity(found.num_rows());
        for (row, number) in asked.iter().zip(numbers) {
            if next < found.num_rows() && row == found_keys.row(next) {
                origins.push(*number);
                next += 1;
            }
        }
        Ok(LookedUp { rows: self.project(&found)?, origins: UInt32Array::from(origins) })
    }

    fn first_columns(&self, keys: &RecordBatch, numbers: &[u32]) -> Result<LookedUp> {
        let columns = keys.columns().iter().map(key::values).collect::<Result<Vec<_>, _>>()?;
        let mut found = Vec::new();
        for (row, number) in numbers.iter().enumerate() {
            let prefix = columns.iter().map(|column| column.get(row).cloned().unwrap_or(Value::Null));
            let batches = self.table.scan(&Scan::prefix(prefix.collect::<Vec<_>>())).map_err(|e| self.failed(e))?;
            let schema = batches.schema();
            let batches = batches.collect::<Result<Vec<_>, _>>().map_err(|e| self.failed(e))?;
            found.push((*number, self.project(&concat_batches(&schema, &batches)?)?));
        }
        Ok(assemble(&self.schema, found.into_iter())?)
    }
}

impl Lookup for TableLookup {
    fn lookup(&mut self, keys: &RecordBatch) -> Result<LookedUp> {
        let numbers = with_values(keys);
        let asked = take_record_batch(keys, &UInt32Array::from(numbers.clone()))?.project(&self.places)?;
        let columns = asked.columns().iter().zip(&self.key_fields);
        let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<Vec<_>, _>>()?;
        // What does not fit the key's type has no row.
        let fields = self.key_fields.iter().map(|field| field.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let asked = RecordBatch::try_new(schema, columns)?;
        let fitting = with_values(&asked);
        let numbers: Vec<u32> = fitting.iter().filter_map(|row| numbers.get(*row as usize).copied()).collect();
        let asked = take_record_batch(&asked, &UInt32Array::from(fitting))?;
        if self.whole { self.whole_keys(&asked, &numbers) } else { self.first_columns(&asked, &numbers) }
    }
}
