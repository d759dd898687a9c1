//! `LATE DATA TO table`: the rows that come too late for their windows.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::common::{DFSchemaRef, ScalarValue};
use datafusion::logical_expr::{Aggregate, Expr, lit};
use tidemill_engine::Port;

use super::builder::{Builder, compile_all, nullable};
use super::stream::{Attached, Stream, Traits};
use crate::error::{Result, SqlError};
use crate::logical::late_data::late_data;
use crate::operators::calc::Step;

/// Where late rows go, and which columns of them.
pub(super) struct LateData<'a> {
    pub(super) table: &'a str,
    pub(super) columns: &'a [Expr],
}

impl Builder<'_> {
    /// `GROUP BY`; what is behind `LATE DATA TO` is no group.
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Stream> {
        let clause = aggregate.group_expr.iter().enumerate().find_map(|(place, expr)| {
            let (table, columns) = late_data(expr)?;
            Some((place, LateData { table, columns }))
        });
        let Some((place, late)) = clause else { return self.grouped(aggregate, None) };
        let mut groups = aggregate.group_expr.clone();
        groups.remove(place);
        let grouped = Aggregate::try_new(aggregate.input.clone(), groups, aggregate.aggr_expr.clone())?;
        let stream = self.grouped(&grouped, Some(&late))?;
        let mut expressions: Vec<Expr> = stream.schema.columns().into_iter().map(Expr::Column).collect();
        expressions.insert(place, lit(ScalarValue::Boolean(None)));
        self.project(stream, &expressions, &aggregate.schema)
    }

    /// Late rows are those of windows of event time that an aggregation makes.
    pub(super) fn check_late(&self, window: Option<&Attached>) -> Result<()> {
        match window {
            Some(window) if window.deferred && !window.processing => Ok(()),
            Some(window) if window.processing => {
                let error = SqlError::unsupported("no row is late for a window of processing time");
                Err(error.hint("leave LATE DATA TO out"))
            }
            _ => {
                let error =
                    SqlError::unsupported("LATE DATA TO is for the aggregation of TUMBLE, HOP, CUMULATE or SESSION");
                Err(error.hint("group by window_start and window_end of the window function, and compute with them behind the aggregation"))
            }
        }
    }

    /// Notes the late rows of an aggregation: they come out of its second port as they came, and go into their table when the
    /// query is planned.
    pub(super) fn late_rows(
        &mut self,
        late: &LateData<'_>,
        port: Port,
        rows: &DFSchemaRef,
        places: &[usize],
        of_input: &Traits,
    ) -> Result<()> {
        let traits = Traits { changes: of_input.changes, bounded: of_input.bounded, ..Traits::default() };
        let port = Port { output: 1, ..port };
        let mut stream = Stream::of_ports(vec![port], rows.clone(), traits);
        stream.emitted = nullable(rows.inner());
        let (mut kept, mut fields) = (Vec::new(), Vec::new());
        for (column, place) in late.columns.iter().zip(places) {
            let (qualifier, field) = rows.qualified_field(*place);
            kept.push(Expr::Column((qualifier, field).into()));
            let name = match column {
                Expr::Column(column) => column.name.clone(),
                other => other.schema_name().to_string(),
            };
            fields.push(Field::new(name, field.data_type().clone(), true));
        }
        let schema = Arc::new(Schema::new(fields));
        stream.steps.push(Step::Project(compile_all(&kept, rows)?, schema.clone()));
        stream.schema = super::aggregate::schema_of(&schema)?;
        self.late.push((late.table.to_owned(), stream));
        Ok(())
    }
}
