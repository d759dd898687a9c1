//! `GROUP BY`, with windows and without.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::AggregateFunctionParams;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, cast};

use super::builder::{Builder, compile_all};
use super::calc::origin;
use super::grouping_sets::expanded;
use super::late_data::LateData;
use super::stream::{Attached, Stream, Traits};
use crate::aggregate::{AggregateCall, AggregateFunction};
use crate::error::{Result, SqlError};
use crate::functions::kinesis;
use crate::logical::kinesis::STAGGER_END;
use crate::logical::micros_of;
use crate::logical::window::Windows;
use crate::operators::calc::Step;
use crate::operators::group_aggregate::{GroupAggregate, GroupAggregateConfig};
use crate::operators::session_window_aggregate::{SessionWindowAggregate, SessionWindowAggregateConfig};
use crate::operators::window_aggregate::{TimeAttribute, WindowAggregate, WindowAggregateConfig, WindowAssignment};
use crate::parse::kinesis::STAGGER;

/// Which operator makes the windows.
enum Assignment {
    Windows(WindowAssignment),
    Sessions(i64),
    Staggers(i64),
}

/// Columns that an aggregation needs of its input, each once.
struct Needed {
    expressions: Vec<Expr>,
}

impl Needed {
    fn place(&mut self, expression: &Expr) -> usize {
        self.expressions.iter().position(|known| known == expression).unwrap_or_else(|| {
            self.expressions.push(expression.clone());
            self.expressions.len() - 1
        })
    }
}

impl Builder<'_> {
    pub(super) fn grouped(&mut self, aggregate: &Aggregate, late: Option<&LateData<'_>>) -> Result<Stream> {
        let input = self.below_aggregate(&aggregate.input)?;
        let (input, groups) = match aggregate.group_expr.as_slice() {
            [Expr::GroupingSet(set)] => expanded(input, set, &set_number(aggregate))?,
            groups => stepped(input, groups)?,
        };
        // Which of the groups are the window's columns.
        let origins: Vec<Option<usize>> = groups.iter().map(|expr| origin(expr, &input)).collect();
        let grouped = |column: Option<usize>| column.is_some() && origins.contains(&column);
        let window = input.traits.window.clone().filter(|window| grouped(window.start) && grouped(window.end));
        if window.is_none() && input.traits.window.as_ref().is_some_and(|window| window.deferred) {
            let error = SqlError::unsupported("the windows of a window function must be grouped by");
            return Err(error.hint("write GROUP BY window_start, window_end, …"));
        }
        let of_window = |column: &Option<usize>| {
            let window = window.as_ref().filter(|_| column.is_some())?;
            [window.start, window.end, window.time].iter().position(|window| window == column)
        };
        let of_window: Vec<Option<usize>> = origins.iter().map(of_window).collect();

        let mut needed = Needed { expressions: Vec::new() };
        let mut calls = Vec::new();
        for expr in &aggregate.aggr_expr {
            calls.push(call(expr, &input, &mut needed)?);
        }
        let attached = match &window {
            Some(Attached { deferred: false, start: Some(start), end: Some(end), .. }) => {
                let columns = input.schema.columns();
                let mut place =
                    |column: usize| columns.get(column).map(|column| needed.place(&Expr::Column(column.clone())));
                place(*start).zip(place(*end))
            }
            _ => None,
        };
        let keys: Vec<&Expr> =
            of_window.iter().zip(&groups).filter(|(which, _)| which.is_none()).map(|(_, e)| e).collect();
        let late_places: Vec<usize> =
            late.iter().flat_map(|late| late.columns).map(|column| needed.place(column)).collect();
        if late.is_some() {
            self.check_late(window.as_ref())?;
        }
        let (traits, describe) = (input.traits.clone(), describe(aggregate));
        let (keyed, routing, key_types) = self.arranged(input, &needed.expressions, &keys)?;
        let columns = Arc::new(keyed.columns().project(&(0..needed.expressions.len()).collect::<Vec<_>>())?);

        // What the operator gives: key, results, window.
        let mut fields: Vec<Field> =
            key_types.iter().enumerate().map(|(n, t)| Field::new(format!("k{n}"), t.clone(), true)).collect();
        for (n, call) in calls.iter().enumerate() {
            fields.push(Field::new(format!("a{n}"), call.result(&columns)?, true));
        }
        let results = fields.len();
        let state_ttl = self.state_ttl.map(|micros| std::time::Duration::from_micros(micros.unsigned_abs()));
        let key_names = (!keys.is_empty()).then(|| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        let Some(window) = window else {
            let output = Arc::new(Schema::new(fields));
            let changes = traits.changes || !calls.is_empty();
            let config = GroupAggregateConfig {
                input: columns,
                key: key_types,
                aggregates: calls,
                retracts: traits.changes,
                state_ttl,
                output: output.clone(),
            };
            GroupAggregate::new(config.clone())?;
            let mut node = self.node("group aggregate", describe, changes);
            node.key = key_names;
            node.state = Some("a result a key".to_owned());
            let port = self.operator(node, vec![(keyed, routing)], move |_| GroupAggregate::new(config.clone()))?;
            let traits = Traits {
                changes,
                bounded: traits.bounded,
                unique: Some((0..groups.len()).collect()),
                ..Traits::default()
            };
            return self.named(
                Stream::of_ports(vec![port], schema_of(&output)?, Traits::default()),
                aggregate,
                &|n| n,
                results,
                traits,
            );
        };

        let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
        let time_type = window.time.and_then(|time| keyed_time(&origins, time, aggregate)).unwrap_or_else(|| {
            match window.processing {
                true => crate::types::timestamp(3, true),
                false => millis.clone(),
            }
        });
        for (name, data_type) in ["start", "end", "time"].into_iter().zip([millis.clone(), millis, time_type]) {
            fields.push(Field::new(name, data_type, true));
        }
        let output = Arc::new(Schema::new(fields));
        if let Windows::Session { .. } = window.windows {
            let mut of_keys: Vec<Option<usize>> = of_window
                .iter()
                .zip(&origins)
                .filter(|(which, _)| which.is_none())
                .map(|(_, origin)| *origin)
                .collect();
            let mut partition: Vec<Option<usize>> = window.partition_by.iter().flatten().copied().map(Some).collect();
            of_keys.sort_unstable();
            partition.sort_unstable();
            if of_keys != partition || window.partition_by.is_none() {
                let error = SqlError::unsupported(
                    "sessions must be grouped by the columns that they are PARTITION BY, and no others",
                );
                return Err(
                    error.hint("write SESSION(TABLE t PARTITION BY k, …) and GROUP BY window_start, window_end, k")
                );
            }
        }
        let times = if window.processing { TimeAttribute::Processing } else { TimeAttribute::Rows };
        let assignment = match (attached, window.windows.slices(), window.windows) {
            (Some((start, end)), ..) => Assignment::Windows(WindowAssignment::Attached { start, end }),
            (None, Some(windows), _) => Assignment::Windows(WindowAssignment::Assigned { windows, time: times }),
            (None, None, Windows::Session { gap }) if !traits.changes => Assignment::Sessions(gap),
            (None, None, Windows::Stagger { size }) if !traits.changes => Assignment::Staggers(size),
            (None, None, _) => {
                let error = SqlError::unsupported("sessions need rows that are not revised");
                return Err(error.hint("cut the stream before the aggregation or join that revises it"));
            }
        };
        let early = self.early_results;
        let mut about = format!("{:?}: {describe}", window.windows);
        about.extend(early.map(|every| format!(", early results every {every:?}")));
        about.extend(late.map(|late| format!(", late rows to '{}'", late.table)));
        let mut node = self.node("window aggregate", about, early.is_some());
        node.key = key_names;
        let rows = keyed.schema.clone();
        let inputs = vec![(keyed, routing)];
        let port = match assignment {
            Assignment::Windows(windows) => {
                let config = WindowAggregateConfig {
                    input: columns,
                    key: key_types,
                    aggregates: calls,
                    retracts: traits.changes,
                    windows,
                    output: output.clone(),
                };
                let make = move || {
                    let windows = WindowAggregate::new(config.clone())?;
                    match early {
                        Some(every) => windows.with_early_results(every),
                        None => Ok(windows),
                    }
                };
                make()?;
                node.state = Some("a result a key and slice, until its windows end".to_owned());
                self.operator(node, inputs, move |_| make())?
            }
            Assignment::Sessions(_) | Assignment::Staggers(_) if early.is_some() => {
                let error = SqlError::unsupported("early results of sessions are not built");
                return Err(error.hint("SET 'table.exec.emit.early-fire.enabled' = 'false'"));
            }
            Assignment::Sessions(gap) | Assignment::Staggers(gap) => {
                let make = match assignment {
                    Assignment::Staggers(_) => SessionWindowAggregate::stagger,
                    _ => SessionWindowAggregate::new,
                };
                let (input, key, aggregates) = (columns, key_types, calls);
                let config =
                    SessionWindowAggregateConfig { input, key, aggregates, gap, time: times, output: output.clone() };
                make(config.clone())?;
                node.state = Some("a result a session, until it ends".to_owned());
                self.operator(node, inputs, move |_| make(config.clone()))?
            }
        };
        if let Some(late) = late {
            self.late_rows(late, port, &rows, &late_places, &traits)?;
        }
        let place = |of: Option<usize>| of.and_then(|column| origins.iter().position(|origin| *origin == Some(column)));
        let (start, end, time) = (place(window.start), place(window.end), place(window.time));
        let traits = Traits {
            changes: early.is_some(),
            bounded: traits.bounded,
            event_time: if window.processing { Vec::new() } else { time.into_iter().collect() },
            latest_of: Vec::new(),
            processing_time: if window.processing { time.into_iter().collect() } else { Vec::new() },
            window: Some(Attached { start, end, time, deferred: false, partition_by: Some(Vec::new()), ..window }),
            unique: Some((0..groups.len()).collect()),
            in_order_by: None,
            versions: false,
        };
        let mut next_key = 0;
        let mut from_group = Vec::new();
        for which in &of_window {
            from_group.push(match which {
                Some(which) => results + which,
                None => {
                    next_key += 1;
                    next_key - 1
                }
            });
        }
        let group = |n: usize| from_group.get(n).copied().unwrap_or(n);
        self.named(
            Stream::of_ports(vec![port], schema_of(&output)?, Traits::default()),
            aggregate,
            &group,
            results,
            traits,
        )
    }

    /// The columns that an operator needs, then the key of other expressions.
    pub(super) fn arranged(
        &self,
        mut input: Stream,
        needed: &[Expr],
        keys: &[&Expr],
    ) -> Result<(Stream, tidemill_engine::Routing, Vec<DataType>)> {
        let expressions: Vec<Expr> = needed.iter().cloned().chain(keys.iter().map(|key| (*key).clone())).collect();
        let mut fields = Vec::with_capacity(expressions.len());
        for (n, expression) in expressions.iter().enumerate() {
            fields.push(Field::new(format!("c{n}"), expression.get_type(&input.schema)?, true));
        }
        let key_types = fields.iter().skip(needed.len()).map(|field| field.data_type().clone()).collect();
        let schema = Arc::new(Schema::new(fields));
        input.steps.push(Step::Project(compile_all(&expressions, &input.schema)?, schema.clone()));
        input.schema = schema_of(&schema)?;
        let (keyed, routing) = self.keyed(input, needed.len(), (needed.len()..expressions.len()).collect())?;
        Ok((keyed, routing, key_types))
    }

    /// Gives an aggregation's output the names and types that the plan has. `group` says where each group's column is, results
    /// begin behind the key.
    fn named(
        &self,
        mut stream: Stream,
        aggregate: &Aggregate,
        group: &dyn Fn(usize) -> usize,
        results: usize,
        traits: Traits,
    ) -> Result<Stream> {
        let groups = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
        let first = results - aggregate.aggr_expr.len();
        let columns = stream.schema.columns();
        let mut expressions = Vec::new();
        for (n, field) in aggregate.schema.fields().iter().enumerate() {
            let place = if n < groups { group(n) } else { first + n - groups };
            let Some(column) = columns.get(place) else { continue };
            let column = Expr::Column(column.clone());
            let same = column.get_type(&stream.schema)? == *field.data_type();
            expressions.push(if same { column } else { cast(column, field.data_type().clone()) });
        }
        let schema = super::builder::nullable(aggregate.schema.inner());
        stream.steps.push(Step::Project(compile_all(&expressions, &stream.schema)?, schema));
        stream.schema = aggregate.schema.clone();
        stream.traits = traits;
        Ok(stream)
    }
}

/// Groups that step with the event time, as `STEP(ROWTIME BY …)` does, are windows: of the input the window's columns come behind its
/// own, empty, and the groups become those.
fn stepped(input: Stream, groups: &[Expr]) -> Result<(Stream, Vec<Expr>)> {
    let window_of = |expr: &Expr| -> Option<(usize, Windows, bool)> {
        let calls: [(&str, bool, fn(i64) -> Windows); 4] = [
            (kinesis::STEP, false, |size| Windows::Tumble { size, offset: 0 }),
            (kinesis::STEP_END, true, |size| Windows::Tumble { size, offset: 0 }),
            (STAGGER, false, |size| Windows::Stagger { size }),
            (STAGGER_END, true, |size| Windows::Stagger { size }),
        ];
        calls.into_iter().find_map(|(name, ends, windows)| {
            let [time, length] = kinesis::called(expr, name)? else { return None };
            let time = origin(time, &input).filter(|time| input.traits.event_time.contains(time))?;
            Some((time, windows(micros_of(length).filter(|length| *length > 0)?), ends))
        })
    };
    // The end is made of the windows that the query is about: other steps are columns like others.
    let windows = groups.iter().filter_map(&window_of).find(|(.., ends)| *ends);
    let Some((time, windows, _)) = windows else { return Ok((input, groups.to_vec())) };
    let Some(time) = input.schema.columns().get(time).cloned() else { return Ok((input, groups.to_vec())) };
    let given = input.schema.fields().len();
    let found: Vec<Option<bool>> = groups
        .iter()
        .map(|group| window_of(group).filter(|(_, of_group, _)| *of_group == windows).map(|(.., ends)| ends))
        .collect();
    let extended = super::window::deferred(input, windows, time)?;
    let columns = extended.schema.columns();
    let column = |ends: bool| columns.get(given + usize::from(ends)).cloned().map(Expr::Column);
    let replaced = groups.iter().zip(found).map(|(group, ends)| ends.and_then(column).unwrap_or_else(|| group.clone()));
    let replaced = replaced.collect();
    Ok((extended, replaced))
}

/// The type of a grouping set's number.
fn set_number(aggregate: &Aggregate) -> DataType {
    let number = aggregate.schema.field_with_unqualified_name(Aggregate::INTERNAL_GROUPING_ID);
    number.map_or(DataType::UInt64, |field| field.data_type().clone())
}

/// The type of the window's time, where it is grouped by.
fn keyed_time(origins: &[Option<usize>], time: usize, aggregate: &Aggregate) -> Option<DataType> {
    let place = origins.iter().position(|origin| *origin == Some(time))?;
    aggregate.schema.fields().get(place).map(|field| field.data_type().clone())
}

pub(super) fn schema_of(schema: &arrow::datatypes::SchemaRef) -> Result<datafusion::common::DFSchemaRef> {
    Ok(Arc::new(DFSchema::try_from(schema.as_ref().clone())?))
}

/// An aggregate function's call, with its arguments' places.
fn call(expr: &Expr, input: &Stream, needed: &mut Needed) -> Result<AggregateCall> {
    let function = match expr {
        Expr::AggregateFunction(function) => function,
        Expr::Alias(alias) => return call(&alias.expr, input, needed),
        other => return Err(SqlError::unsupported(format!("{other} is no aggregate function"))),
    };
    let AggregateFunctionParams { args, distinct, filter, order_by, .. } = &function.params;
    if !order_by.is_empty() {
        let error = SqlError::unsupported(format!("ORDER BY in {} is not built", function.func.name()));
        return Err(error.hint("rows are taken in the order in which they come"));
    }
    let filter = filter.as_ref().map(|filter| needed.place(filter));
    let counts_all =
        function.func.name() == "count" && matches!(args.as_slice(), [Expr::Literal(value, _)] if !value.is_null());
    if counts_all && !distinct {
        return Ok(AggregateCall { filter, ..AggregateCall::new(AggregateFunction::CountAll, []) });
    }
    let types = args.iter().map(|arg| Ok(arg.get_type(&input.schema)?)).collect::<Result<Vec<_>>>()?;
    let (resolved, _) = AggregateFunction::resolve(function.func.name(), &types, *distinct)?;
    let arguments: Vec<usize> = args.iter().map(|arg| needed.place(arg)).collect();
    Ok(AggregateCall { function: resolved, arguments, filter, distinct: *distinct })
}

fn describe(aggregate: &Aggregate) -> String {
    let names = |exprs: &[Expr]| exprs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match aggregate.aggr_expr.is_empty() {
        true => "distinct".to_owned(),
        false => names(&aggregate.aggr_expr),
    }
}
