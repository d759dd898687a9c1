//! `table`: the embedded tables. A sink that upserts, a source of all rows, a lookup by key.

mod key;
mod lookup;
mod sink;
mod source;
#[cfg(test)]
mod sql_tests;
#[cfg(test)]
mod tests;
mod upsert;

pub use sink::TableSink;

use std::sync::Arc;

use arrow::compute::can_cast_types;
use arrow::datatypes::{Field, Schema};
use tidemill_tables::{Table, TableDefinition, Tables, Ttl};

use crate::catalog::{ConnectorSpec, Formats, OptionKind, OptionSpec, Settings};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::lookup::{CACHE, EXPIRE, MAX_ROWS, MISSING};

const FLUSH_INTERVAL: &str = "sink.buffer-flush.interval";

pub(crate) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "table",
    about: "An embedded table: upserted by its primary key, read as a whole, looked up by its key.",
    formats: Formats::None,
    options: &[
        OptionSpec::ours("table", OptionKind::Text, None, "The table's name, where it is another one than in SQL."),
        OptionSpec::ours(
            "table.time-to-live",
            OptionKind::Duration,
            None,
            "Rows live so long after their last write, in a table that is made here.",
        ),
        OptionSpec::flink(
            FLUSH_INTERVAL,
            OptionKind::Duration,
            Some("10 ms"),
            "Written rows wait at most so long for others that are written, and become visible, with them.",
        ),
        CACHE,
        MAX_ROWS,
        EXPIRE,
        MISSING,
    ],
    metadata: &[],
    source: Some(source::make),
    sink: Some(upsert::make),
    lookup: Some(lookup::make),
};

/// The table that a declaration stands for, with the folder that it is in. It is made where there is none and a primary key is
/// declared.
fn find(settings: &Settings<'_>, environment: &Environment) -> Result<(Tables, Table)> {
    let missing = || Error::MissingPart {
        connector: "table",
        part: "the embedded tables",
        hint: "run the script in a server, or give it a data folder",
    };
    let tables = environment.tables.clone().ok_or_else(missing)?;
    let declaration = settings.declaration();
    let name = settings.given("table").unwrap_or(&declaration.name);
    let unreachable = |error: tidemill_tables::Error| Error::Unreachable {
        what: format!("table `{name}`"),
        reason: error.to_string(),
    };
    let table = match tables.table(name) {
        Err(tidemill_tables::Error::NoSuchTable(_)) if !declaration.primary_key.is_empty() => {
            let fields = declaration.columns.iter().map(|column| {
                // What SQL knows of a column beside its type is not kept.
                Field::new(column.field.name(), column.field.data_type().clone(), column.field.is_nullable())
            });
            let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            let definition = TableDefinition::new(name, schema, declaration.primary_key.clone());
            let definition = match settings.duration("table.time-to-live") {
                Some(age) => definition.with_ttl(Ttl::Age(age)),
                None => definition,
            };
            tables.create_if_absent(definition).map_err(unreachable)?
        }
        table => table.map_err(unreachable)?,
    };
    for column in &declaration.columns {
        let name = column.field.name();
        let Ok(stored) = table.schema().field_with_name(name) else {
            let known: Vec<&str> = table.schema().fields().iter().map(|field| field.name().as_str()).collect();
            return Err(Error::column(name, format!("the table has no such column; it has {}", known.join(", "))));
        };
        let (stored, declared) = (stored.data_type(), column.field.data_type());
        if !can_cast_types(stored, declared) || !can_cast_types(declared, stored) {
            return Err(Error::column(name, format!("the table holds it as {stored}")));
        }
    }
    Ok((tables, table))
}
