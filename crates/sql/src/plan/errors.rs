//! The error table: records that can't be read, and rows on which an expression fails.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, cast, ident, lit};
use tidemill_connectors::rejected;
use tidemill_engine::Port;

use super::builder::{Builder, compile_all};
use super::sink::Target;
use super::stream::{Stream, Traits};
use crate::catalog::Table;
use crate::error::{Kind, Result, SqlError, similar};
use crate::functions::hex;
use crate::operators::calc::Step;

/// The columns of the error stream of Kinesis Data Analytics.
pub(crate) const COLUMNS: [&str; 7] =
    ["error_time", "error_level", "error_name", "message", "data_rowtime", "data_row", "pump_name"];

impl Builder<'_> {
    /// Notes where an operator puts out what it could not work on.
    pub(super) fn rejects(&mut self, port: Port) {
        self.errors.iter_mut().for_each(|errors| errors.push(port));
    }

    /// The name under which rows of an operator fail; none where they fail the job.
    pub(super) fn origin(&self, operator: &str) -> Option<String> {
        self.errors.is_some().then(|| self.pump.clone().unwrap_or_else(|| operator.to_owned()))
    }

    /// Sends what all operators so far could not work on into a table, which has some of [`COLUMNS`].
    pub(crate) fn error_table(&mut self, table: &Table) -> Result<()> {
        let Some(ports) = self.errors.take().filter(|ports| !ports.is_empty()) else { return Ok(()) };
        let schema = Arc::new(DFSchema::try_from(rejected::schema().as_ref().clone())?);
        let mut stream = Stream::of_ports(ports, schema, Traits::default());
        let (mut columns, mut given) = (Vec::new(), Vec::new());
        for field in table.writable().into_iter().filter_map(|place| table.schema.fields().get(place)) {
            columns.push(field.name().clone());
            given.push(cast(value(field, table)?, field.data_type().clone()).alias(field.name()));
        }
        let compiled = compile_all(&given, &stream.schema)?;
        let fields: Vec<FieldRef> =
            table.writable().into_iter().filter_map(|place| table.schema.fields().get(place).cloned()).collect();
        let made = super::builder::nullable(&arrow::datatypes::Schema::new(fields));
        stream.steps.push(Step::Project(compiled, made.clone()));
        stream.schema = super::aggregate::schema_of(&made)?;
        self.insert(stream, &Target { table, columns })
    }
}

/// What goes into a column of the table.
fn value(field: &FieldRef, table: &Table) -> Result<Expr> {
    let name = field.name().to_lowercase();
    Ok(match name.as_str() {
        "error_time" => ident("time"),
        "error_level" => lit("ERROR"),
        // A row has a time, a record that could not be read has none.
        "error_name" => datafusion::logical_expr::when(ident("rowtime").is_null(), lit("Unreadable record"))
            .otherwise(lit("Failed row"))?,
        "message" => ident("reason"),
        "data_rowtime" => ident("rowtime"),
        "data_row" if *field.data_type() == DataType::Binary => ident("record"),
        "data_row" => hex(ident("record")),
        "pump_name" => ident("origin"),
        _ => {
            let message = format!("table '{}' takes errors, which have no '{}'", table.name, field.name());
            let error = SqlError::new(Kind::Name, message);
            return Err(match similar(&name, COLUMNS) {
                Some(known) => error.hint(format!("did you mean '{known}'?")),
                None => error.hint(format!("its columns are of: {}", COLUMNS.join(", "))),
            });
        }
    })
}
