//! `OVER`: aggregates over the rows before each row.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{Sort, WindowFunction};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Window, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, cast,
};
use tidemill_engine::Routing;

use super::builder::{Builder, compile_all, nullable};
use super::calc::origin;
use super::stream::{Stream, Traits};
use crate::aggregate::{AggregateCall, AggregateFunction, Placement};
use crate::error::{Result, SqlError};
use crate::functions::kinesis;
use crate::logical::micros_of;
use crate::operators::calc::Step;
use crate::operators::over_aggregate::{OverAggregate, OverAggregateConfig, OverFrame, OverOrder};
use crate::operators::sort::{TemporalSort, TemporalSortConfig};
use crate::operators::window_aggregate::TimeAttribute;

/// Calls that share rows, order and frame.
struct Group<'w> {
    partition_by: &'w [Expr],
    order_by: &'w [Sort],
    frame: &'w WindowFrame,
    /// Which of the window's expressions they are.
    calls: Vec<(usize, &'w WindowFunction)>,
}

impl Builder<'_> {
    pub(super) fn over(&mut self, window: &Window) -> Result<Stream> {
        let mut stream = self.plan(&window.input)?;
        if stream.traits.changes {
            let error = SqlError::unsupported("OVER needs rows that are not revised");
            return Err(error.hint("use it before the aggregation or join that revises them"));
        }
        let columns = stream.schema.fields().len();
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (n, expr) in window.window_expr.iter().enumerate() {
            let function = function(expr)?;
            let params = &function.params;
            let same = |group: &&mut Group<'_>| {
                group.partition_by == params.partition_by
                    && group.order_by == params.order_by
                    && *group.frame == params.window_frame
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.calls.push((n, function)),
                None => groups.push(Group {
                    partition_by: &params.partition_by,
                    order_by: &params.order_by,
                    frame: &params.window_frame,
                    calls: vec![(n, function)],
                }),
            }
        }
        // Each group puts its results behind the columns; in the end they are in the order of the plan.
        let mut places = vec![0; window.window_expr.len()];
        for group in &groups {
            let first = stream.schema.fields().len();
            for (n, (call, _)) in group.calls.iter().enumerate() {
                if let Some(place) = places.get_mut(*call) {
                    *place = first + n;
                }
            }
            stream = self.over_group(stream, group)?;
        }
        let given = stream.schema.columns();
        let mut expressions = Vec::with_capacity(window.schema.fields().len());
        for (place, field) in (0..columns).chain(places).zip(window.schema.fields()) {
            let Some(column) = given.get(place).cloned().map(Expr::Column) else { continue };
            let same = column.get_type(&stream.schema)? == *field.data_type();
            expressions.push(if same { column } else { cast(column, field.data_type().clone()) });
        }
        stream.steps.push(Step::Project(compile_all(&expressions, &stream.schema)?, nullable(window.schema.inner())));
        stream.schema = window.schema.clone();
        Ok(stream)
    }

    fn over_group(&mut self, mut input: Stream, group: &Group<'_>) -> Result<Stream> {
        let order = match group.order_by {
            [Sort { expr, asc: true, .. }] => match origin(expr, &input) {
                Some(column) if input.traits.event_time.contains(&column) => OverOrder::Sorted(TimeAttribute::Rows),
                Some(column) if input.traits.processing_time.contains(&column) => {
                    OverOrder::Arrival(TimeAttribute::Processing)
                }
                _ if kinesis::called(expr, kinesis::ARRIVAL).is_some() => OverOrder::Arrival(TimeAttribute::Rows),
                _ => return Err(unordered(group)),
            },
            _ => return Err(unordered(group)),
        };
        let keys: Vec<Option<usize>> = group.partition_by.iter().map(|key| origin(key, &input)).collect();
        if order == OverOrder::Arrival(TimeAttribute::Rows) {
            let in_order = |by: &Vec<usize>| by.iter().all(|column| keys.contains(&Some(*column)));
            if !input.traits.in_order_by.as_ref().is_some_and(in_order) {
                input = self.in_order(input)?;
            }
        }
        let columns = input.schema.fields().len();
        let own = input.schema.columns();
        let mut needed: Vec<Expr> = own.into_iter().map(Expr::Column).collect();
        let mut calls = Vec::new();
        for (_, function) in &group.calls {
            calls.push(call(function, &input, &mut needed)?);
        }
        let names =
            group.calls.iter().map(|(_, function)| function.fun.name().to_owned()).collect::<Vec<_>>().join(", ");
        let frame = frame(group.frame)?;
        // What rows get here are those of their own key.
        let in_order_by = keys.into_iter().collect::<Option<Vec<usize>>>();
        let traits = Traits { in_order_by, ..input.traits.clone() };
        let schema = input.schema.clone();
        let keys: Vec<&Expr> = group.partition_by.iter().collect();
        let (keyed, routing, _) = self.arranged(input, &needed, &keys)?;
        let arranged = Arc::new(keyed.columns().project(&(0..needed.len()).collect::<Vec<_>>())?);
        let mut fields: Vec<_> = arranged.fields().iter().cloned().collect();
        for (n, call) in calls.iter().enumerate() {
            fields.push(Arc::new(Field::new(format!("over{}", columns + n), call.result(&arranged)?, true)));
        }
        let output = Arc::new(Schema::new(fields));
        let results = calls.len();
        let config = OverAggregateConfig {
            input: arranged,
            aggregates: calls,
            frame,
            order,
            state_ttl: self.state_ttl.map(|micros| Duration::from_micros(micros.unsigned_abs())),
            output: output.clone(),
        };
        OverAggregate::new(config.clone())?;
        let mut node = self.node("over aggregate", format!("{names} over {}", group.frame), false);
        node.key = (!keys.is_empty()).then(|| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        node.state = Some("the rows of the frame".to_owned());
        let port = self.operator(node, vec![(keyed, routing)], move |_| OverAggregate::new(config.clone()))?;
        // The input's columns and the results; the arguments between them are done with.
        let mut stream = Stream::of_ports(vec![port], super::aggregate::schema_of(&output)?, traits);
        let places = (0..columns).chain(needed.len()..needed.len() + results);
        let given = stream.schema.columns();
        let kept: Vec<Expr> = places.filter_map(|place| given.get(place).cloned().map(Expr::Column)).collect();
        let results = output.fields().iter().skip(needed.len()).map(|field| (None, field.clone()));
        let fields = schema.iter().map(|(qualifier, field)| (qualifier.cloned(), field.clone())).chain(results);
        let named = Arc::new(datafusion::common::DFSchema::new_with_metadata(fields.collect(), Default::default())?);
        stream.steps.push(Step::Project(compile_all(&kept, &stream.schema)?, nullable(named.inner())));
        stream.schema = named;
        Ok(stream)
    }
}

impl Builder<'_> {
    /// Rows that other operators, or several inputs, have brought out of the order of their times, put in order.
    fn in_order(&mut self, input: Stream) -> Result<Stream> {
        let (schema, plan_schema) = (nullable(input.columns()), input.schema.clone());
        let traits = Traits { in_order_by: Some(Vec::new()), ..input.traits.clone() };
        let mut node = self.node("sort", "by ROWTIME".to_owned(), false);
        node.state = Some("rows that the watermark has not passed".to_owned());
        let config = TemporalSortConfig { schema: schema.clone(), then: Vec::new() };
        TemporalSort::new(config.clone())?;
        let port = self.operator(node, vec![(input, Routing::Single)], move |_| TemporalSort::new(config.clone()))?;
        Ok(Stream { emitted: schema, ..Stream::of_ports(vec![port], plan_schema, traits) })
    }
}

fn unordered(group: &Group<'_>) -> SqlError {
    let names: Vec<String> = group.calls.iter().map(|(_, function)| function.fun.name().to_uppercase()).collect();
    match names.iter().find(|name| ["RANK", "DENSE_RANK", "ROW_NUMBER"].contains(&name.as_str())) {
        Some(name) if name == "ROW_NUMBER" => {
            SqlError::unsupported("ROW_NUMBER by other columns than a time goes on for ever")
                .hint("keep the best rows: SELECT … FROM (…) WHERE rn <= 10")
        }
        Some(name) => SqlError::unsupported(format!("{name} is not built"))
            .hint("write ROW_NUMBER() OVER (…) AS rn, and WHERE rn <= 10 around it"),
        None => SqlError::unsupported("OVER needs ORDER BY an ascending time column")
            .hint("order by the column that has a WATERMARK, or by one that is PROCTIME()"),
    }
}

fn function(expr: &Expr) -> Result<&WindowFunction> {
    match expr {
        Expr::WindowFunction(function) => Ok(function),
        Expr::Alias(alias) => function(&alias.expr),
        other => Err(SqlError::unsupported(format!("{other} is no function with OVER"))),
    }
}

fn call(function: &WindowFunction, input: &Stream, needed: &mut Vec<Expr>) -> Result<AggregateCall> {
    let params = &function.params;
    let name = match &function.fun {
        WindowFunctionDefinition::AggregateUDF(function) => function.name().to_owned(),
        WindowFunctionDefinition::WindowUDF(function) => function.name().to_owned(),
    };
    let mut place = |expr: &Expr| match needed.iter().position(|known| known == expr) {
        Some(place) => place,
        None => {
            needed.push(expr.clone());
            needed.len() - 1
        }
    };
    let filter = params.filter.as_ref().map(|filter| place(filter));
    let counts_all = name == "count" && matches!(params.args.as_slice(), [Expr::Literal(value, _)] if !value.is_null());
    if name == "row_number" || counts_all {
        return Ok(AggregateCall { filter, ..AggregateCall::new(AggregateFunction::CountAll, []) });
    }
    if name == "lag" {
        let offset = match params.args.get(1) {
            None => 1,
            Some(Expr::Literal(value, _)) => match value.cast_to(&DataType::Int64)? {
                ScalarValue::Int64(Some(offset)) if offset >= 0 => usize::try_from(offset).unwrap_or(usize::MAX),
                _ => return Err(SqlError::unsupported(format!("LAG({value}): the offset must be a number from 0"))),
            },
            Some(other) => return Err(SqlError::unsupported(format!("LAG(…, {other}): the offset must be constant"))),
        };
        let mut arguments: Vec<usize> = params.args.first().into_iter().map(&mut place).collect();
        if let Some((value, otherwise)) = params.args.first().zip(params.args.get(2)) {
            arguments.push(place(&cast(otherwise.clone(), value.get_type(&input.schema)?)));
        }
        return Ok(AggregateCall { filter, ..AggregateCall::new(AggregateFunction::Lag { offset }, arguments) });
    }
    if name == kinesis::PLACED {
        return placed(&params.args, filter, &mut place, &input.schema);
    }
    if name == "exp_avg" {
        let half_life = params.args.get(1).and_then(micros_of).filter(|half_life| *half_life > 0);
        let (Some(half_life), Some(value), Some(time)) = (half_life, params.args.first(), params.args.get(2)) else {
            return Err(SqlError::unsupported("EXP_AVG takes a number and the time in which its weight halves")
                .hint("write EXP_AVG(x, INTERVAL '10' SECOND) OVER w"));
        };
        let micros = cast(cast(time.clone(), crate::types::timestamp(6, false)), DataType::Int64);
        let arguments = vec![place(&cast(value.clone(), DataType::Float64)), place(&micros)];
        return Ok(AggregateCall { filter, ..AggregateCall::new(AggregateFunction::ExpAvg { half_life }, arguments) });
    }
    let types = params.args.iter().map(|arg| Ok(arg.get_type(&input.schema)?)).collect::<Result<Vec<_>>>()?;
    let (resolved, _) = AggregateFunction::resolve(&name, &types, params.distinct)?;
    let arguments: Vec<usize> = params.args.iter().map(place).collect();
    Ok(AggregateCall { function: resolved, arguments, filter, distinct: params.distinct })
}

/// `NTH_VALUE` and its like.
fn placed(
    args: &[Expr],
    filter: Option<usize>,
    place: &mut dyn FnMut(&Expr) -> usize,
    schema: &DFSchema,
) -> Result<AggregateCall> {
    let constant = |at: usize| match args.get(at) {
        Some(Expr::Literal(value, _)) => Some(value.clone()),
        _ => None,
    };
    let text = constant(1).and_then(|from| from.try_as_str().flatten().map(str::to_owned));
    let number = constant(2).and_then(|n| match n.cast_to(&DataType::UInt64).ok()? {
        ScalarValue::UInt64(Some(n)) if n > 0 => usize::try_from(n).ok(),
        _ => None,
    });
    let (Some(value), Some(from), Some(n)) = (args.first(), text, number) else {
        return Err(
            SqlError::unsupported("the number of a row must be constant, from 1").hint("NTH_VALUE(x, 2) OVER w")
        );
    };
    let at = match from.as_str() {
        "FIRST" => Placement::First(n),
        "LAST" => Placement::Last(n),
        _ => Placement::Before(n),
    };
    let nulls = constant(3) != Some(ScalarValue::Boolean(Some(false)));
    let mut arguments = vec![place(value)];
    if let Some(otherwise) = args.get(4) {
        arguments.push(place(&cast(otherwise.clone(), value.get_type(schema)?)));
    }
    Ok(AggregateCall { filter, ..AggregateCall::new(AggregateFunction::Placed { at, nulls }, arguments) })
}

fn frame(frame: &WindowFrame) -> Result<OverFrame> {
    let refused = || {
        SqlError::unsupported(format!("OVER ({frame}) is not built"))
            .hint("a frame reaches from UNBOUNDED or n PRECEDING to CURRENT ROW")
    };
    if frame.end_bound != WindowFrameBound::CurrentRow {
        return Err(refused());
    }
    let start = match &frame.start_bound {
        WindowFrameBound::Preceding(value) => value,
        WindowFrameBound::CurrentRow => &ScalarValue::UInt64(Some(0)),
        WindowFrameBound::Following(_) => return Err(refused()),
    };
    match frame.units {
        WindowFrameUnits::Rows if start.is_null() => Ok(OverFrame::Rows(None)),
        WindowFrameUnits::Range if start.is_null() => Ok(OverFrame::Range(None)),
        WindowFrameUnits::Rows => match start.cast_to(&DataType::UInt64)? {
            ScalarValue::UInt64(Some(rows)) => Ok(OverFrame::Rows(Some(rows))),
            _ => Err(refused()),
        },
        WindowFrameUnits::Range => {
            let micros = match start {
                ScalarValue::UInt64(Some(0)) => Some(0),
                other => micros_of(&Expr::Literal(other.clone(), None)),
            };
            Ok(OverFrame::Range(Some(micros.ok_or_else(refused)?)))
        }
        WindowFrameUnits::Groups => Err(refused()),
    }
}
