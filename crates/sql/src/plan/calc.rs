//! Projections and filters.

use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::{Expr, utils::split_conjunction};

use super::builder::{Builder, compile, compile_all, nullable};
use super::stream::Stream;
use crate::error::Result;
use crate::functions::{is_processing_time, kinesis};
use crate::operators::calc::Step;

impl Builder<'_> {
    /// Makes columns of expressions.
    pub(super) fn project(&self, mut input: Stream, expressions: &[Expr], schema: &DFSchemaRef) -> Result<Stream> {
        let origins: Vec<Option<usize>> = expressions.iter().map(|expr| origin(expr, &input)).collect();
        let mut traits = input.traits.projected(&origins);
        let clocks = (0..).zip(expressions).filter(|(_, expr)| is_processing_time(expr));
        traits.processing_time.extend(clocks.map(|(place, _)| place));
        let timed = expressions.iter().position(|expr| kinesis::called(expr, kinesis::ROWTIME_MARKER).is_some());
        if let Some(place) = timed {
            traits.event_time = vec![place];
        }
        if let Some(place) = expressions.iter().position(|expr| kinesis::called(expr, kinesis::RETIME_MARKER).is_some())
        {
            (traits.event_time, traits.window) = (vec![place], None);
        }
        let unchanged = origins.iter().copied().eq((0..input.schema.fields().len()).map(Some))
            && schema.inner().fields() == input.columns().fields();
        if !unchanged {
            let compiled = compile_all(expressions, &input.schema)?;
            input.steps.push(Step::Project(compiled, nullable(schema.inner())));
            input.steps.extend(timed.map(Step::Times));
        }
        input.schema = schema.clone();
        input.traits = traits;
        Ok(input)
    }

    /// Keeps rows for which a condition is true.
    pub(super) fn filter(&self, mut input: Stream, condition: &Expr) -> Result<Stream> {
        for condition in split_conjunction(condition) {
            input.steps.push(Step::Filter(compile(condition, &input.schema)?));
        }
        Ok(input)
    }
}

/// The column of the input that an expression is, if it is nothing else.
pub(super) fn origin(expression: &Expr, input: &Stream) -> Option<usize> {
    match expression {
        Expr::Column(column) => input.schema.index_of_column(column).ok(),
        Expr::Alias(alias) => origin(&alias.expr, input),
        _ => None,
    }
}

/// Steps in words.
pub(super) fn describe(steps: &[Step]) -> String {
    let words = steps.iter().map(|step| match step {
        Step::Filter(condition) => format!("where {condition}"),
        Step::Project(expressions, schema) => {
            let columns = expressions.iter().zip(schema.fields()).map(|(expression, field)| {
                let expression = expression.to_string();
                match expression.rsplit_once('@') {
                    Some((name, _)) if name == field.name() => name.to_owned(),
                    _ => format!("{expression} AS {}", field.name()),
                }
            });
            format!("select {}", columns.collect::<Vec<_>>().join(", "))
        }
        Step::Expand(copies, _) => format!("once for each of {} grouping sets", copies.len()),
        Step::Unnest { outer, .. } => format!("unnest{}", if *outer { ", outer" } else { "" }),
        Step::Times(column) => format!("time is column {column}"),
        Step::Key { columns, .. } => format!("key by {columns:?}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
