//! Streams and pumps of Kinesis Data Analytics in a session.
//!
//! A stream is a relation whose last column is ROWTIME, and so is every query of the dialect ([`crate::logical::kinesis`]). Who reads a
//! stream reads what its pumps put out, which is computed once for all readers ([`crate::plan`]).

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use datafusion::common::{ExprSchema, ScalarValue};
use datafusion::logical_expr::planner::ContextProvider;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::sql::sqlparser::ast::{Ident, Query};

use crate::catalog::{Catalog, InAppStream, Relation};
use crate::error::{Kind, Place, Result, SqlError, similar};
use crate::functions::kinesis::{DIVIDE, FITS, NOT_NULL};
use crate::logical::Names;
use crate::logical::first_rows::distinct;
use crate::logical::kinesis::{Kinesis, ROWTIME};
use crate::logical::numbers::divide_by;
use crate::parse::statement::CreateStream;
use crate::types::{self, LENGTH_MAX_KEY, assignable};

/// `CREATE STREAM`
pub(crate) fn create_stream(catalog: &mut Catalog, stream: CreateStream) -> Result<()> {
    let name = stream.name.value;
    if catalog.pumps().iter().any(|pump| pump.into == name) {
        let error = SqlError::declaration(format!("stream \"{name}\" can't be made anew: a pump fills it already"));
        return Err(error.hint("make it before the pump").at(Place::of(stream.name.span)));
    }
    let mut fields: Vec<FieldRef> = Vec::with_capacity(stream.columns.len() + 1);
    for column in &stream.columns {
        let taken = fields.iter().any(|field| *field.name() == column.name.value) || column.name.value == ROWTIME;
        if taken {
            let error = SqlError::declaration(format!("there is a column \"{}\" already", column.name.value));
            return Err(error.at(Place::of(column.name.span)));
        }
        fields.push(column.column_type.field(&column.name.value, true));
    }
    fields.push(Arc::new(Field::new(ROWTIME, DataType::Timestamp(TimeUnit::Millisecond, None), true)));
    let required = stream.columns.iter().map(|column| column.not_null).collect();
    let made = InAppStream { name: name.clone(), schema: Arc::new(Schema::new(fields)), required };
    catalog.add(&name, Relation::Stream(Arc::new(made)), stream.or_replace)
}

/// Plans a query; its last column is its ROWTIME.
pub(crate) fn query(names: &Names<'_>, mut query: Query) -> Result<LogicalPlan> {
    let columns = |name: &Ident| {
        let place = Place::of(name.span);
        if name.value.eq_ignore_ascii_case("error_stream") {
            return Err(error_stream("read").at(place));
        }
        let (schema, is_stream) = match names.catalog.relation(&name.value).map_err(|error| error.at(place))? {
            Relation::Stream(stream) => (&stream.schema, true),
            Relation::Table(table) => {
                let time = table.watermark.as_ref().map(|watermark| table.schema.field(watermark.column));
                (&table.schema, time.is_some_and(|field| field.name() == ROWTIME))
            }
            Relation::View(view) => {
                (&view.schema, view.schema.fields().last().is_some_and(|field| field.name() == ROWTIME))
            }
        };
        Ok((schema.fields().iter().map(|field| field.name().clone()).collect(), is_stream))
    };
    Kinesis { columns: &columns }.query(&mut query)?;
    let plan = distinct(names.query(query)?)?;
    Ok(match names.get_function_meta(DIVIDE) {
        Some(divide) => divide_by(plan, &divide)?,
        None => plan,
    })
}

/// What there is instead of a query of the error stream.
pub(crate) fn error_stream(what: &str) -> SqlError {
    SqlError::unsupported(format!("error_stream belongs to the system and can't be {what}"))
        .hint("bind an output to it: [[outputs]] with stream = \"error_stream\"")
}

/// A type as the dialect calls it.
fn name(data_type: &DataType) -> String {
    match types::name(data_type).as_str() {
        "STRING" => "VARCHAR".to_owned(),
        "BYTES" => "VARBINARY".to_owned(),
        other => other.to_owned(),
    }
}

/// A query's columns without its ROWTIME, but where that was asked for.
pub(crate) fn visible(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut columns = plan.schema().columns();
    columns.pop();
    let seen = columns.into_iter().map(|column| match column.name.strip_suffix('$') {
        Some(ROWTIME) => Expr::Column(column).alias(ROWTIME),
        _ => Expr::Column(column),
    });
    let seen: Vec<Expr> = seen.collect();
    Ok(LogicalPlanBuilder::from(plan).project(seen)?.build()?)
}

/// A query's rows as those of a stream. `columns` are those that it gives; all where it is empty.
pub(crate) fn assigned(
    names: &Names<'_>,
    rows: LogicalPlan,
    stream: &InAppStream,
    columns: &[String],
) -> Result<LogicalPlan> {
    let mut given = rows.schema().columns();
    let time = given.pop();
    let own = stream.schema.fields().len().saturating_sub(1);
    let fields: Vec<&FieldRef> = stream.schema.fields().iter().take(own).collect();
    for column in columns {
        if !fields.iter().any(|field| field.name() == column) {
            let error = SqlError::new(Kind::Name, format!("stream \"{}\" has no column \"{column}\"", stream.name));
            let known = fields.iter().map(|field| field.name().as_str());
            return Err(match similar(column, known) {
                Some(known) => error.hint(format!("did you mean \"{known}\"?")),
                None => error,
            });
        }
    }
    let expected = if columns.is_empty() { own } else { columns.len() };
    // ROWTIME in the select list is the row's time; it is a column only where the stream has one for it.
    if given.len() == expected + 1 {
        given.retain(|column| column.name.strip_suffix('$') != Some(ROWTIME));
    }
    if given.len() != expected {
        let has: Vec<&str> = given.iter().map(|column| column.name.as_str()).collect();
        let message = format!(
            "the query has {} columns ({}), stream \"{}\" takes {expected}",
            given.len(),
            has.join(", "),
            stream.name
        );
        return Err(SqlError::new(Kind::Type, message));
    }
    let mut expressions = Vec::with_capacity(own + 1);
    for (n, field) in fields.iter().enumerate() {
        let place = match columns.is_empty() {
            true => Some(n),
            false => columns.iter().position(|column| column == field.name()),
        };
        let to = field.data_type();
        let value = match place.and_then(|place| given.get(place)) {
            None => lit(ScalarValue::try_from(to)?),
            Some(column) => {
                let from = rows.schema().field_from_column(column)?.data_type();
                if !assignable(from, to) {
                    let message = format!(
                        "column {} is {}, column \"{}\" of stream \"{}\" is {}",
                        column.name,
                        name(from),
                        field.name(),
                        stream.name,
                        name(to)
                    );
                    return Err(SqlError::new(Kind::Type, message).hint(format!("write CAST(… AS {})", name(to))));
                }
                let column = Expr::Column(column.clone());
                if from == to { column } else { cast(column, to.clone()) }
            }
        };
        let required = stream.required.get(n).copied().unwrap_or_default();
        expressions.push(checked(value, field, required, names)?.alias(field.name()));
    }
    expressions.extend(time.map(|time| Expr::Column(time).alias(ROWTIME)));
    Ok(LogicalPlanBuilder::from(rows).project(expressions)?.build()?)
}

/// A value that a column takes; others go to the error stream.
fn checked(value: Expr, field: &FieldRef, required: bool, names: &Names<'_>) -> Result<Expr> {
    let call = |name: &str, args: Vec<Expr>| {
        let function = names.get_function_meta(name);
        function
            .map(|function| function.call(args))
            .ok_or_else(|| SqlError::unsupported(format!("there is no function {name}")))
    };
    let length = field.metadata().get(LENGTH_MAX_KEY).and_then(|length| length.parse::<i64>().ok());
    let value = match length {
        Some(length) if *field.data_type() == DataType::Utf8 => {
            call(FITS, vec![value, lit(length), lit(field.name())])?
        }
        _ => value,
    };
    if required { call(NOT_NULL, vec![value, lit(field.name())]) } else { Ok(value) }
}

/// A stream as it could be written.
pub(crate) fn text(stream: &InAppStream) -> String {
    let own = stream.schema.fields().len().saturating_sub(1);
    let columns = stream.schema.fields().iter().take(own);
    let columns: Vec<String> =
        columns.map(|field| format!("  \"{}\" {}", field.name(), name(field.data_type()))).collect();
    format!("CREATE STREAM \"{}\" (\n{}\n)", stream.name, columns.join(",\n"))
}
