//! What a table is: its columns, its primary key, how long its rows live.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::codec::{Kind, SUPPORTED_TYPES};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// How long a row lives. An expired row is invisible at once and its space is given back in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// So long after its last write.
    Age(Duration),
    /// So long after the time in a column (a timestamp or a date). A row whose column is null lives for ever.
    Column {
        /// The column's name.
        column: String,
        /// Added to the column's time.
        after: Duration,
    },
}

/// The definition of a table.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use arrow::datatypes::{DataType, Field, Schema};
/// use tidemill_tables::{TableDefinition, Ttl};
///
/// let schema = Schema::new(vec![
///     Field::new("site", DataType::Utf8, false),
///     Field::new("order", DataType::UInt64, false),
///     Field::new("cents", DataType::Int64, true),
/// ]);
/// let orders = TableDefinition::new("orders", Arc::new(schema), ["site", "order"])
///     .with_ttl(Ttl::Age(Duration::from_secs(400 * 24 * 3600)));
/// assert_eq!(orders.key(), ["site", "order"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TableDefinition {
    name: String,
    schema: SchemaRef,
    key: Vec<String>,
    ttl: Option<Ttl>,
}

impl TableDefinition {
    /// A table of these columns. The key's columns order the rows and can't be null, whatever the schema says.
    pub fn new(
        name: impl Into<String>,
        schema: SchemaRef,
        key: impl IntoIterator<Item = impl Into<String>>,
    ) -> TableDefinition {
        let key: Vec<String> = key.into_iter().map(Into::into).collect();
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .map(|f| f.as_ref().clone().with_nullable(f.is_nullable() && !key.contains(f.name())))
            .collect();
        TableDefinition { name: name.into(), schema: Arc::new(Schema::new(fields)), key, ttl: None }
    }

    /// The same with rows that expire.
    pub fn with_ttl(mut self, ttl: Ttl) -> TableDefinition {
        self.ttl = Some(ttl);
        self
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns. Metadata of schema and fields is not kept.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The names of the key's columns, in the order in which they order the rows.
    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// How long rows live.
    pub fn ttl(&self) -> Option<&Ttl> {
        self.ttl.as_ref()
    }

    /// Refuses what a table can't be.
    pub(crate) fn validate(&self, limits: &Limits) -> Result<()> {
        let refuse = |reason: String| Err(Error::Definition { table: self.name.clone(), reason });
        let fields = self.schema.fields();
        if !valid_table_name(&self.name) || self.name.len() > limits.name_bytes_max {
            return refuse(format!(
                "a name is up to {} lower-case letters, digits and underscores and begins with a letter",
                limits.name_bytes_max
            ));
        }
        if fields.len() > limits.columns_max {
            return refuse(format!("{} columns, the limit is {}", fields.len(), limits.columns_max));
        }
        for (i, field) in fields.iter().enumerate() {
            let name = field.name();
            if name.is_empty() || name.len() > limits.name_bytes_max || name.chars().any(char::is_control) {
                return refuse(format!(
                    "column name {name:?} is empty, longer than {} bytes or has control characters",
                    limits.name_bytes_max
                ));
            }
            if fields.iter().take(i).any(|f| f.name() == name) {
                return refuse(format!("column {name:?} is named twice"));
            }
            if Kind::of(field.data_type()).is_none() {
                return refuse(format!(
                    "column {name:?} has type {}; supported are {SUPPORTED_TYPES}",
                    field.data_type()
                ));
            }
        }
        if self.key.is_empty() {
            return refuse("it has no key column; name at least one".into());
        }
        for (i, name) in self.key.iter().enumerate() {
            if self.schema.index_of(name).is_err() {
                return refuse(format!("key column {name:?} is not a column"));
            }
            if self.key.iter().take(i).any(|k| k == name) {
                return refuse(format!("key column {name:?} is named twice"));
            }
        }
        match &self.ttl {
            Some(Ttl::Column { column, .. }) => match self.schema.field_with_name(column) {
                Ok(field) if is_time(field.data_type()) => Ok(()),
                Ok(field) => refuse(format!(
                    "TTL column {column:?} has type {}; it must be a timestamp or a date",
                    field.data_type()
                )),
                Err(_) => refuse(format!("TTL column {column:?} is not a column")),
            },
            Some(Ttl::Age(age)) if age.is_zero() => refuse("a TTL of zero would hide every row".into()),
            _ => Ok(()),
        }
    }

    /// The definition as it is stored.
    pub(crate) fn to_json(&self, id: u64) -> Result<Vec<u8>> {
        let stored = Stored {
            id,
            columns: self
                .schema
                .fields()
                .iter()
                .map(|f| StoredColumn {
                    name: f.name().clone(),
                    data_type: f.data_type().to_string(),
                    nullable: f.is_nullable(),
                })
                .collect(),
            key: self.key.clone(),
            ttl: self.ttl.as_ref().map(|ttl| match ttl {
                Ttl::Age(age) => StoredTtl { column: None, after_ms: millis(*age) },
                Ttl::Column { column, after } => StoredTtl { column: Some(column.clone()), after_ms: millis(*after) },
            }),
        };
        serde_json::to_vec(&stored).map_err(|e| Error::Definition { table: self.name.clone(), reason: e.to_string() })
    }

    /// The number and definition of the table `name` from its stored form.
    pub(crate) fn from_json(name: &str, json: &[u8]) -> Result<(u64, TableDefinition)> {
        let refuse = |reason: String| Error::Definition { table: name.to_owned(), reason };
        let stored: Stored = serde_json::from_slice(json).map_err(|e| refuse(e.to_string()))?;
        let mut fields = Vec::with_capacity(stored.columns.len());
        for column in &stored.columns {
            let data_type: DataType =
                column.data_type.parse().map_err(|e| refuse(format!("column {:?}: {e}", column.name)))?;
            fields.push(Field::new(&column.name, data_type, column.nullable));
        }
        let mut definition = TableDefinition::new(name, Arc::new(Schema::new(fields)), stored.key);
        definition.ttl = stored.ttl.map(|ttl| {
            let after = Duration::from_millis(ttl.after_ms);
            match ttl.column {
                None => Ttl::Age(after),
                Some(column) => Ttl::Column { column, after },
            }
        });
        Ok((stored.id, definition))
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    id: u64,
    columns: Vec<StoredColumn>,
    key: Vec<String>,
    ttl: Option<StoredTtl>,
}

#[derive(Serialize, Deserialize)]
struct StoredColumn {
    name: String,
    /// As Arrow writes and parses its types: `Timestamp(ms, "UTC")`.
    #[serde(rename = "type")]
    data_type: String,
    nullable: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredTtl {
    column: Option<String>,
    after_ms: u64,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Names that SQL takes without quotes.
fn valid_table_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::TimeUnit::*;

    #[test]
    fn every_supported_type_survives_being_stored() {
        let utc: Arc<str> = "UTC".into();
        let types = [
            DataType::Boolean,
            DataType::Int8,
            DataType::UInt64,
            DataType::Float32,
            DataType::Decimal128(38, 4),
            DataType::Utf8,
            DataType::LargeUtf8,
            DataType::Utf8View,
            DataType::Binary,
            DataType::LargeBinary,
            DataType::BinaryView,
            DataType::FixedSizeBinary(16),
            DataType::Date32,
            DataType::Date64,
            DataType::Time32(Millisecond),
            DataType::Time64(Nanosecond),
            DataType::Timestamp(Second, None),
            DataType::Timestamp(Microsecond, Some(utc.clone())),
            DataType::Timestamp(Nanosecond, Some("+02:00".into())),
            DataType::Duration(Millisecond),
        ];
        let fields: Vec<Field> =
            types.into_iter().enumerate().map(|(i, t)| Field::new(format!("c{i}"), t, true)).collect();
        let definition = TableDefinition::new("t", Arc::new(Schema::new(fields)), ["c1", "c5"])
            .with_ttl(Ttl::Column { column: "c17".into(), after: Duration::from_secs(1) });
        definition.validate(&Limits::default()).unwrap();

        let (id, read) = TableDefinition::from_json("t", &definition.to_json(7).unwrap()).unwrap();

        assert_eq!((id, read), (7, definition));
    }

    #[test]
    fn wrong_definitions_are_refused_with_the_reason() {
        let schema =
            Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, false), Field::new("b", DataType::Null, true)]));
        let good = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, false)]));
        let none: [&str; 0] = [];
        for (definition, reason) in [
            (TableDefinition::new("Upper", good.clone(), ["a"]), "lower-case"),
            (TableDefinition::new("", good.clone(), ["a"]), "lower-case"),
            (TableDefinition::new("t", schema, ["a"]), "type Null"),
            (TableDefinition::new("t", good.clone(), none), "no key column"),
            (TableDefinition::new("t", good.clone(), ["z"]), "\"z\" is not a column"),
            (TableDefinition::new("t", good.clone(), ["a", "a"]), "named twice"),
            (TableDefinition::new("t", good.clone(), ["a"]).with_ttl(Ttl::Age(Duration::ZERO)), "zero"),
            (
                TableDefinition::new("t", good, ["a"])
                    .with_ttl(Ttl::Column { column: "a".into(), after: Duration::ZERO }),
                "must be a timestamp or a date",
            ),
        ] {
            let error = definition.validate(&Limits::default()).unwrap_err().to_string();
            assert!(error.contains(reason) && error.starts_with("TM-TABLE-0005"), "{error}");
        }
    }
}
