//! Projections and filters.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DFSchemaRef};
use datafusion::logical_expr::{Expr, ExprSchemable, cast, utils::split_conjunction};

use super::builder::{Builder, compile, compile_all, nullable};
use super::stream::Stream;
use crate::error::{Result, SqlError};
use crate::functions::kinesis::called;
use crate::functions::{CURRENT_WATERMARK, is_processing_time, kinesis};
use crate::operators::calc::Step;
use crate::types::timestamp;

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
        let with_watermark = self.with_watermark(&mut input, expressions)?;
        let expressions = with_watermark.as_deref().unwrap_or(expressions);
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
        let (schema, columns) = (input.schema.clone(), input.schema.columns());
        let with_watermark = self.with_watermark(&mut input, std::slice::from_ref(condition))?;
        let changed = with_watermark.as_deref().and_then(<[Expr]>::first);
        for condition in split_conjunction(changed.unwrap_or(condition)) {
            input.steps.push(Step::Filter(compile(condition, &input.schema)?));
        }
        if changed.is_some() {
            let columns: Vec<Expr> = columns.into_iter().map(Expr::Column).collect();
            input.steps.push(Step::Project(compile_all(&columns, &input.schema)?, nullable(schema.inner())));
            input.schema = schema;
        }
        Ok(input)
    }

    /// Where expressions ask for the watermark, it becomes the last column, and these are the expressions of it.
    fn with_watermark(&self, input: &mut Stream, expressions: &[Expr]) -> Result<Option<Vec<Expr>>> {
        let asks = |expr: &Expr| Ok(called(expr, CURRENT_WATERMARK).is_some());
        let found = expressions.iter().map(|expr| expr.exists(asks)).collect::<datafusion::common::Result<Vec<_>>>()?;
        if !found.contains(&true) {
            return Ok(None);
        }
        let (times, before) = (input.traits.event_time.clone(), input.schema.clone());
        let watermark = Arc::new(Field::new(CURRENT_WATERMARK, timestamp(3, false), true));
        let fields = before.iter().map(|(of, field)| (of.cloned(), field.clone())).chain([(None, watermark)]);
        let schema = DFSchema::new_with_metadata(fields.collect(), Default::default())?;
        let column = Column::new_unqualified(CURRENT_WATERMARK);
        let replace = |expr: Expr| -> datafusion::common::Result<Transformed<Expr>> {
            let Some([time]) = called(&expr, CURRENT_WATERMARK) else { return Ok(Transformed::no(expr)) };
            let is_time = matches!(time, Expr::Column(time) if before.index_of_column(time).is_ok_and(|place| times.contains(&place)));
            if !is_time {
                let error = SqlError::unsupported("CURRENT_WATERMARK is for the event time of the rows");
                return Err(error.hint("declare WATERMARK FOR a column of the table, and select it as it is").into());
            }
            let zoned = matches!(time.get_type(&before)?, DataType::Timestamp(_, Some(_)));
            Ok(Transformed::yes(cast(Expr::Column(column.clone()), timestamp(3, zoned))))
        };
        let changed = expressions.iter().map(|expr| Ok(expr.clone().transform_up(replace)?.data));
        let changed = changed.collect::<Result<Vec<Expr>>>()?;
        input.steps.push(Step::Watermark(schema.inner().clone()));
        input.schema = Arc::new(schema);
        Ok(Some(changed))
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
        Step::Watermark(_) => "the watermark".to_owned(),
        Step::Times(column) => format!("time is column {column}"),
        Step::Key { columns, .. } => format!("key by {columns:?}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
