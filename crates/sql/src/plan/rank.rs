//! `ROW_NUMBER()` below a filter: the best rows of each key, or the first or last one.

use std::sync::Arc;
use std::time::Duration;

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::{Sort, WindowFunction};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Filter, LogicalPlan, Operator, Window, WindowFunctionDefinition, lit,
};
use tidemill_engine::Port;

use super::builder::{Builder, compile_all, nullable};
use super::calc::origin;
use super::stream::{Stream, Traits};
use super::window::columns_of;
use crate::error::{Result, SqlError};
use crate::operators::calc::Step;
use crate::operators::deduplicate::{Deduplicate, DeduplicateConfig, Keep, Order};
use crate::operators::top_n::{TopN, TopNConfig, WindowTopN, WindowTopNConfig};

/// Which ranks are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ranks {
    start: u64,
    end: Option<u64>,
}

impl Builder<'_> {
    /// The rows of a filter over ranks; none where it is no such filter. `uses` says whether a column of the filter is wanted by
    /// what comes next.
    pub(super) fn ranked(&mut self, filter: &Filter, uses: &dyn Fn(&Column) -> bool) -> Result<Option<Stream>> {
        let mut between = Vec::new();
        let mut node = &*filter.input;
        let window = loop {
            match node {
                LogicalPlan::Projection(projection) => {
                    between.push(node);
                    node = &projection.input;
                }
                LogicalPlan::SubqueryAlias(alias) => {
                    between.push(node);
                    node = &alias.input;
                }
                LogicalPlan::Window(window) => break window,
                _ => return Ok(None),
            }
        };
        let Some(function) = row_number(window) else { return Ok(None) };
        // Where the rank is in what is filtered.
        let mut rank = Some(window.input.schema().fields().len());
        for step in between.iter().rev() {
            if let LogicalPlan::Projection(projection) = step {
                let columns = projection.input.schema();
                let is_rank = |expr: &Expr| plain_column(expr).is_some_and(|c| columns.index_of_column(c).ok() == rank);
                rank = projection.expr.iter().position(is_rank);
            }
        }
        let Some(rank) = rank else { return Ok(None) };
        let columns = filter.input.schema().columns();
        let Some(rank_column) = columns.get(rank) else { return Ok(None) };
        let (mut ranks, mut rest) = (Ranks { start: 1, end: None }, Vec::new());
        for condition in split_conjunction(&filter.predicate) {
            match narrowed(ranks, condition, rank_column) {
                Some(narrower) => ranks = narrower,
                None => rest.push(condition.clone()),
            }
        }
        let Some(end) = ranks.end else {
            let error = SqlError::unsupported("ROW_NUMBER() without a largest number keeps every row for ever");
            return Err(error.hint("filter it by a largest one: WHERE rn <= 10"));
        };
        let numbered = uses(rank_column) || rest.iter().any(|expr| expr.column_refs().contains(rank_column));
        let mut stream = self.best(window, function, ranks.start, end, numbered)?;
        for step in between.into_iter().rev() {
            match step {
                LogicalPlan::Projection(projection) => {
                    stream = self.project(stream, &projection.expr, &projection.schema)?
                }
                LogicalPlan::SubqueryAlias(alias) => stream.schema = alias.schema.clone(),
                _ => {}
            }
        }
        for condition in rest {
            stream = self.filter(stream, &condition)?;
        }
        Ok(Some(stream))
    }

    fn best(
        &mut self,
        window: &Window,
        function: &WindowFunction,
        start: u64,
        end: u64,
        numbered: bool,
    ) -> Result<Stream> {
        let input = self.plan(&window.input)?;
        let params = &function.params;
        let place = |expr: &Expr| {
            origin(expr, &input).ok_or_else(|| {
                SqlError::unsupported(format!("ROW_NUMBER() OVER … {expr}: it must be a column"))
                    .hint("compute the column in a sub-query first")
            })
        };
        let keys = params.partition_by.iter().map(place).collect::<Result<Vec<usize>>>()?;
        let order = |sort: &Sort| {
            Ok((place(&sort.expr)?, SortOptions { descending: !sort.asc, nulls_first: sort.nulls_first }))
        };
        let sort = params.order_by.iter().map(order).collect::<Result<Vec<_>>>()?;
        let columns = input.schema.fields().len();
        let traits = input.traits.clone();
        let schema = nullable(input.columns());
        let names = |places: &[usize]| {
            let name = |place: &usize| schema.fields().get(*place).map(|field| field.name().clone());
            places.iter().filter_map(name).collect::<Vec<_>>().join(", ")
        };
        let key_names = (!keys.is_empty()).then(|| names(&keys));
        let ttl = self.state_ttl.map(|micros| Duration::from_micros(micros.unsigned_abs()));
        let by_time = match sort.as_slice() {
            [(column, options)] if traits.event_time.contains(column) => Some((Order::Event, options.descending)),
            [(column, options)] if traits.processing_time.contains(column) => {
                Some((Order::Processing, options.descending))
            }
            _ => None,
        };
        let (keyed, routing) = self.keyed(input, columns, keys.clone())?;
        let inputs = vec![(keyed, routing)];
        let windows = ranked_windows(&traits, &keys);
        let one = start == 1 && end == 1;
        if let Some((order, descending)) = by_time.filter(|_| one && windows.is_none() && !traits.changes) {
            let keep = if descending { Keep::Last } else { Keep::First };
            let config = DeduplicateConfig { schema: schema.clone(), keep, order, ttl };
            Deduplicate::new(config.clone())?;
            let changes = keep == Keep::Last;
            let mut node = self.node("deduplicate", format!("{keep:?} row by {order:?} time"), changes);
            (node.key, node.state) = (key_names, Some(if changes { "a row a key" } else { "the keys" }.to_owned()));
            let port = self.operator(node, inputs, move |_| Deduplicate::new(config.clone()))?;
            let event_time = if changes { Vec::new() } else { traits.event_time.clone() };
            let versions = order == Order::Event;
            let kept =
                Traits { changes, event_time, unique: Some(keys), window: None, in_order_by: None, versions, ..traits };
            let plan_schema = window.input.schema().clone();
            let stream = Stream { emitted: schema, ..Stream::of_ports(vec![port], plan_schema, kept) };
            // Its number is one, for every row.
            return self.with_rank(stream, window, lit(1u64));
        }
        let with_number = {
            let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
            fields.push(Arc::new(Field::new("rank", DataType::Int64, true)));
            Arc::new(Schema::new(fields))
        };
        let output = if numbered { with_number } else { schema.clone() };
        let order = names(&sort.iter().map(|(column, _)| *column).collect::<Vec<_>>());
        let unique = match numbered {
            true => Some(keys.iter().copied().chain([columns]).collect()),
            false => (start == end).then_some(keys.clone()),
        };
        if let Some((window_start, window_end)) = windows {
            // Of rows of one time the last is the one that came last.
            let last_first = one && by_time.is_some_and(|(_, descending)| descending);
            let (input, rank_number, schema) = (schema.clone(), numbered, output.clone());
            let config =
                WindowTopNConfig { input, window_start, window_end, sort, last_first, start, end, rank_number, schema };
            WindowTopN::new(config.clone())?;
            let mut node = self.node("window top-n", format!("ranks {start} to {end} by {order}"), false);
            (node.key, node.state) = (key_names, Some("the best rows of a key, until the window ends".to_owned()));
            let port = self.operator(node, inputs, move |_| WindowTopN::new(config.clone()))?;
            // Rows go out with the window's time.
            let event_time = traits.window.as_ref().and_then(|window| window.time).into_iter().collect();
            let kept = Traits { event_time, unique, in_order_by: None, versions: false, ..traits };
            return self.best_rows(port, output, numbered, window, kept);
        }
        let config = TopNConfig {
            input: schema.clone(),
            sort: sort.clone(),
            start,
            end,
            rank_number: numbered,
            append_only: !traits.changes,
            schema: output.clone(),
            ttl,
        };
        TopN::new(config.clone())?;
        let mut node = self.node("top-n", format!("ranks {start} to {end} by {order}"), true);
        let kept = if traits.changes { "all rows of a key" } else { "the best rows of a key" };
        (node.key, node.state) = (key_names, Some(kept.to_owned()));
        let port = self.operator(node, inputs, move |_| TopN::new(config.clone()))?;
        let (changes, event_time) = (true, Vec::new());
        let kept = Traits { changes, event_time, unique, window: None, in_order_by: None, versions: false, ..traits };
        self.best_rows(port, output, numbered, window, kept)
    }

    /// What a top-n gives, with the number that the plan has behind its columns.
    fn best_rows(
        &self,
        port: Port,
        output: SchemaRef,
        numbered: bool,
        window: &Window,
        traits: Traits,
    ) -> Result<Stream> {
        if !numbered {
            let plan_schema = window.input.schema().clone();
            let stream = Stream { emitted: output, ..Stream::of_ports(vec![port], plan_schema, traits) };
            return self.with_rank(stream, window, lit(ScalarValue::UInt64(None)));
        }
        let mut stream = Stream::of_ports(vec![port], super::aggregate::schema_of(&output)?, traits);
        self.conform(&mut stream, &window.schema)?;
        Ok(stream)
    }

    /// Puts a constant rank behind a stream's columns.
    fn with_rank(&self, mut stream: Stream, window: &Window, rank: Expr) -> Result<Stream> {
        let mut expressions = columns_of(&stream)?;
        expressions.extend(compile_all(&[rank], &stream.schema)?);
        stream.steps.push(Step::Project(expressions, nullable(window.schema.inner())));
        stream.schema = window.schema.clone();
        Ok(stream)
    }
}

/// The columns of the rows' windows, where each has ranks of its own and is known to end: then the ranks are known, too.
fn ranked_windows(traits: &Traits, keys: &[usize]) -> Option<(usize, usize)> {
    let window = traits.window.as_ref().filter(|window| !window.deferred && !window.processing && !traits.changes)?;
    let of_key = |column: Option<usize>| column.filter(|column| keys.contains(column));
    Some((of_key(window.start)?, of_key(window.end)?))
}

/// The call of `ROW_NUMBER()` that a window consists of.
fn row_number(window: &Window) -> Option<&WindowFunction> {
    let [expr] = window.window_expr.as_slice() else { return None };
    let mut expr = expr;
    while let Expr::Alias(alias) = expr {
        expr = &alias.expr;
    }
    let Expr::WindowFunction(function) = expr else { return None };
    match &function.fun {
        WindowFunctionDefinition::WindowUDF(udf) if udf.name() == "row_number" => Some(function),
        _ => None,
    }
}

fn plain_column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => plain_column(&alias.expr),
        _ => None,
    }
}

/// The ranks that are left by a condition on the rank; none for another condition.
fn narrowed(ranks: Ranks, condition: &Expr, rank: &Column) -> Option<Ranks> {
    let is_rank = |expr: &Expr| match expr {
        Expr::Cast(cast) => plain_column(&cast.expr) == Some(rank),
        other => plain_column(other) == Some(rank),
    };
    let least = |end: u64| Some(ranks.end.map_or(end, |known| known.min(end)));
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (op, number) = match (is_rank(left), is_rank(right)) {
                (true, false) => (*op, number(right)?),
                (false, true) => (op.swap()?, number(left)?),
                _ => return None,
            };
            Some(match op {
                Operator::Eq => Ranks { start: ranks.start.max(number), end: least(number) },
                Operator::Lt => Ranks { end: least(number.saturating_sub(1)), ..ranks },
                Operator::LtEq => Ranks { end: least(number), ..ranks },
                Operator::Gt => Ranks { start: ranks.start.max(number + 1), ..ranks },
                Operator::GtEq => Ranks { start: ranks.start.max(number), ..ranks },
                _ => return None,
            })
        }
        Expr::Between(between) if !between.negated && is_rank(&between.expr) => {
            Some(Ranks { start: ranks.start.max(number(&between.low)?), end: least(number(&between.high)?) })
        }
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(Some(number)) => u64::try_from(number).ok(),
            _ => None,
        },
        Expr::Cast(cast) => number(&cast.expr),
        _ => None,
    }
}
