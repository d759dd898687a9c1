//! Joins: which kind a join is follows from what is compared.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::Field;
use datafusion::common::{DFSchema, DFSchemaRef, JoinType as PlanJoin, NullEquality};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Join, Operator, utils::conjunction};
use tidemill_engine::{Port, Routing};

use super::builder::{Builder, compile, nullable};
use super::calc::origin;
use super::stream::{Stream, Traits};
use super::window::columns_of;
use crate::error::{Result, SqlError};
use crate::logical::kinesis::ROWTIME;
use crate::logical::micros_of;
use crate::operators::calc::Step;
use crate::operators::join::{
    IntervalJoin, IntervalJoinConfig, JoinInput, JoinType, REJECTS, ReferenceJoinConfig, RegularJoin,
    RegularJoinConfig, RegularJoinInput, WindowJoin, WindowJoinConfig, WindowJoinInput,
};

/// How far apart the times of two rows may be: left less right, microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Interval {
    lower: Option<(i64, bool)>,
    upper: Option<(i64, bool)>,
}

impl Builder<'_> {
    pub(super) fn join(&mut self, join: &Join) -> Result<Stream> {
        let (left, right) = (self.plan(&join.left)?, self.plan(&join.right)?);
        let (kind, swapped) = match join.join_type {
            PlanJoin::Inner => (JoinType::Inner, false),
            PlanJoin::Left => (JoinType::Left, false),
            PlanJoin::Right => (JoinType::Right, false),
            PlanJoin::Full => (JoinType::Full, false),
            PlanJoin::LeftSemi => (JoinType::LeftSemi, false),
            PlanJoin::LeftAnti => (JoinType::LeftAnti, false),
            PlanJoin::RightSemi => (JoinType::LeftSemi, true),
            PlanJoin::RightAnti => (JoinType::LeftAnti, true),
            PlanJoin::LeftMark | PlanJoin::RightMark => {
                let error = SqlError::unsupported("EXISTS and IN under OR or NOT can't be made a join");
                return Err(error.hint("write two queries and UNION ALL them, or a LEFT JOIN"));
            }
        };
        let (left, right, on) = match swapped {
            false => (left, right, join.on.clone()),
            true => (right, left, join.on.iter().map(|(l, r)| (r.clone(), l.clone())).collect()),
        };
        let (left_columns, right_columns) = (left.schema.fields().len(), right.schema.fields().len());
        let mut residual: Vec<Expr> = join.filter.clone().map(split_conjunction_owned).unwrap_or_default();
        let mut on = on;
        // NOT IN is not true where a NULL is on either side: no key tells the rows that meet apart.
        let by_nulls = join.null_aware
            && on.iter().try_fold(false, |null, (l, r)| {
                Ok::<bool, SqlError>(null || l.nullable(&left.schema)? || r.nullable(&right.schema)?)
            })?;
        if by_nulls {
            let meets = |(l, r): (Expr, Expr)| l.clone().eq(r.clone()).or(l.is_null()).or(r.is_null());
            residual.extend(std::mem::take(&mut on).into_iter().map(meets));
        }
        let pairs: Vec<(Option<usize>, Option<usize>)> =
            on.iter().map(|(l, r)| (origin(l, &left), origin(r, &right))).collect();
        let windowed = same_windows(&left, &right, &pairs);
        let append_only = !left.traits.changes && !right.traits.changes;
        let refers = is_stream(&left)
            && right.traits.bounded
            && right.traits.event_time.is_empty()
            && !matches!(kind, JoinType::Right | JoinType::Full);
        let (interval, rest) = interval(&residual, &left, &right);
        let processing = Self::compares_processing(&residual, &left, &right);
        let is_interval = append_only && !windowed && interval.lower.is_some() && interval.upper.is_some();
        let residual = if is_interval { rest } else { residual };
        if on.is_empty() && !is_interval && !by_nulls && !refers {
            self.cross(&left, &right)?;
        }
        let lefts: Vec<Expr> = on.iter().map(|(l, _)| l.clone()).collect();
        let rights: Vec<Expr> = on.iter().map(|(_, r)| r.clone()).collect();
        let ((left, left_keys), (right, right_keys)) = (self.with_keys(left, &lefts)?, self.with_keys(right, &rights)?);
        let whole = joined(&left.schema, &right.schema)?;
        let condition = conjunction(residual).map(|condition| compile(&condition, &whole)).transpose()?;

        let null_equal = join.null_equality == NullEquality::NullEqualsNull;
        let (left_traits, right_traits) = (left.traits.clone(), right.traits.clone());
        let key = on
            .iter()
            .map(|(l, r)| if l == r { l.to_string() } else { format!("{l} = {r}") })
            .collect::<Vec<_>>()
            .join(", ");
        let extended = left.schema.fields().len();
        let (left, left_input) = self.side(left, left_keys, null_equal)?;
        let (right, right_input) = self.side(right, right_keys, null_equal)?;
        let left_only = matches!(kind, JoinType::LeftSemi | JoinType::LeftAnti);
        let output = match left_only {
            true => nullable(&left_input.schema),
            false => nullable(whole.inner()),
        };
        let wanted: Vec<usize> = match left_only {
            true => (0..left_columns).collect(),
            false => (0..left_columns).chain(extended..extended + right_columns).collect(),
        };
        let given = match left_only {
            true => super::aggregate::schema_of(&output)?,
            false => whole,
        };
        let mut traits = Traits { bounded: left_traits.bounded && right_traits.bounded, ..Traits::default() };
        let key = (!key.is_empty()).then_some(key);
        let inputs = vec![left, right];
        if refers {
            let config =
                ReferenceJoinConfig { join: kind, left: left_input, right: right_input, condition, schema: output };
            let traits =
                Traits { bounded: traits.bounded, unique: None, in_order_by: None, versions: false, ..left_traits };
            let (about, changes) = (format!("{kind:?}"), traits.changes);
            let port = self.reference_join(config, about, key.unwrap_or_default(), inputs, changes)?;
            return self.kept(Stream::of_ports(vec![port], given, traits), &wanted, &join.schema);
        }
        let port = if windowed {
            let window = |traits: &Traits, input: JoinInput| -> Option<WindowJoinInput> {
                let window = traits.window.as_ref()?;
                Some(WindowJoinInput { input, window_start: window.start?, window_end: window.end? })
            };
            let (Some(left), Some(right)) = (window(&left_traits, left_input), window(&right_traits, right_input))
            else {
                return Err(SqlError::unsupported("a window join needs window_start and window_end of both sides"));
            };
            traits.window.clone_from(&left_traits.window);
            traits.event_time = left_traits.window.as_ref().and_then(|window| window.time).into_iter().collect();
            let config = WindowJoinConfig { join: kind, left, right, condition, schema: output };
            WindowJoin::new(config.clone())?;
            let mut node = self.node("window join", format!("{:?}", join.join_type), false);
            (node.key, node.state) = (key, Some("the rows of open windows".to_owned()));
            let origin = self.origin(&node.name);
            self.operator(node, inputs, move |_| Ok(WindowJoin::new(config.clone())?.with_rejects(origin.clone())))?
        } else if is_interval {
            let (Some((lower, lower_inclusive)), Some((upper, upper_inclusive))) = (interval.lower, interval.upper)
            else {
                return Err(SqlError::unsupported("an interval needs both ends"));
            };
            let config = IntervalJoinConfig {
                join: kind,
                left: left_input,
                right: right_input,
                lower,
                lower_inclusive,
                upper,
                upper_inclusive,
                processing_time: processing,
                condition,
                schema: output,
            };
            IntervalJoin::new(config.clone())?;
            // A row that stayed alone goes out at its own time: the latest of those that are there.
            if !left_only && !processing {
                let times = |traits: &Traits| match traits.latest_of.is_empty() {
                    true => traits.event_time.first().copied().into_iter().collect(),
                    false => traits.latest_of.clone(),
                };
                let rights = times(&right_traits).into_iter().map(|column| left_columns + column);
                traits.latest_of = times(&left_traits).into_iter().chain(rights).collect();
            }
            let about = format!("{:?}, left time from right {lower} to {upper} µs", join.join_type);
            let mut node = self.node("interval join", about, false);
            (node.key, node.state) = (key, Some("the rows of the interval".to_owned()));
            let origin = self.origin(&node.name);
            self.operator(node, inputs, move |_| Ok(IntervalJoin::new(config.clone())?.with_rejects(origin.clone())))?
        } else {
            traits.changes = !append_only || !matches!(kind, JoinType::Inner | JoinType::LeftSemi);
            let ttl = self.state_ttl.map(|micros| Duration::from_micros(micros.unsigned_abs()));
            let config = RegularJoinConfig {
                join: kind,
                left: RegularJoinInput { input: left_input, ttl },
                right: RegularJoinInput { input: right_input, ttl },
                condition,
                schema: output,
            };
            RegularJoin::new(config.clone())?;
            let mut node = self.node("join", format!("{:?}", join.join_type), traits.changes);
            let kept = match self.state_ttl {
                Some(_) => "all rows of both sides that table.exec.state.ttl allows",
                None => "all rows of both sides, for ever: set table.exec.state.ttl, or compare their times",
            };
            (node.key, node.state) = (key, Some(kept.to_owned()));
            let origin = self.origin(&node.name);
            self.operator(node, inputs, move |_| Ok(RegularJoin::new(config.clone())?.with_rejects(origin.clone())))?
        };
        self.rejects(Port { output: REJECTS, ..port });
        self.kept(Stream::of_ports(vec![port], given, traits), &wanted, &join.schema)
    }

    /// Every row with every row: refused where it would never end.
    fn cross(&self, left: &Stream, right: &Stream) -> Result<()> {
        if left.traits.bounded || right.traits.bounded || self.state_ttl.is_some() {
            return Ok(());
        }
        let error = SqlError::unsupported("a join of two streams without an equality keeps every row for ever");
        Err(error.hint("compare columns by =, compare the time columns, or set table.exec.state.ttl"))
    }

    /// The stream with those keys that are no columns of it behind its columns, and where all keys are.
    pub(super) fn with_keys(&self, mut input: Stream, keys: &[Expr]) -> Result<(Stream, Vec<usize>)> {
        let places: Vec<Option<usize>> = keys.iter().map(|key| origin(key, &input)).collect();
        if let Some(places) = places.iter().copied().collect::<Option<Vec<usize>>>() {
            return Ok((input, places));
        }
        let mut expressions = columns_of(&input)?;
        let mut fields: Vec<_> =
            input.schema.iter().map(|(qualifier, field)| (qualifier.cloned(), field.clone())).collect();
        let mut found = Vec::with_capacity(keys.len());
        for (n, (key, place)) in keys.iter().zip(places).enumerate() {
            found.push(place.unwrap_or(expressions.len()));
            if place.is_none() {
                let field = Field::new(format!("__key{n}"), key.get_type(&input.schema)?, true);
                fields.push((None, Arc::new(field)));
                expressions.push(compile(key, &input.schema)?);
            }
        }
        let schema = Arc::new(DFSchema::new_with_metadata(fields, Default::default())?);
        input.steps.push(Step::Project(expressions, nullable(schema.inner())));
        input.schema = schema;
        Ok((input, found))
    }

    /// A join's input: its columns, then the key.
    pub(super) fn side(
        &self,
        input: Stream,
        keys: Vec<usize>,
        null_equal: bool,
    ) -> Result<((Stream, Routing), JoinInput)> {
        let null_never_equals = if null_equal { Vec::new() } else { keys.clone() };
        let schema = nullable(input.columns());
        let columns = schema.fields().len();
        Ok((self.keyed(input, columns, keys)?, JoinInput { schema, null_never_equals }))
    }

    fn compares_processing(residual: &[Expr], left: &Stream, right: &Stream) -> bool {
        let is = |stream: &Stream, expr: &Expr| {
            origin(expr, stream).is_some_and(|column| stream.traits.processing_time.contains(&column))
        };
        residual.iter().any(|expr| {
            expr.column_refs().into_iter().any(|column| {
                let column = Expr::Column(column.clone());
                is(left, &column) || is(right, &column)
            })
        })
    }
}

/// Whether rows are those of a stream of Kinesis Data Analytics, to which tables that end are references: complete before the first row.
fn is_stream(input: &Stream) -> bool {
    let times = input.traits.event_time.iter().chain(&input.traits.latest_of);
    times.into_iter().any(|column| input.schema.field(*column).name() == ROWTIME)
}

/// Left columns, then right columns. Names that both have are told apart by their tables only.
pub(super) fn joined(left: &DFSchema, right: &DFSchema) -> Result<DFSchemaRef> {
    let fields = left.iter().chain(right.iter()).map(|(qualifier, field)| (qualifier.cloned(), field.clone()));
    // Keys that were computed on both sides have the same name.
    let fields = fields.enumerate().map(|(n, (qualifier, field))| match field.name().starts_with("__key") {
        true => (qualifier, Arc::new(field.as_ref().clone().with_name(format!("__key_at_{n}")))),
        false => (qualifier, field),
    });
    Ok(Arc::new(DFSchema::new_with_metadata(fields.collect(), Default::default())?))
}

/// Both sides are cut by the same windows, and these are compared.
fn same_windows(left: &Stream, right: &Stream, pairs: &[(Option<usize>, Option<usize>)]) -> bool {
    let (Some(l), Some(r)) = (&left.traits.window, &right.traits.window) else { return false };
    let compared = |a: Option<usize>, b: Option<usize>| a.is_some() && b.is_some() && pairs.contains(&(a, b));
    l.windows == r.windows
        && !left.traits.changes
        && !right.traits.changes
        && compared(l.start, r.start)
        && compared(l.end, r.end)
}

/// The comparisons of the two sides' times, and all others.
fn interval(residual: &[Expr], left: &Stream, right: &Stream) -> (Interval, Vec<Expr>) {
    let mut found = Interval::default();
    let mut rest = Vec::new();
    for expr in residual {
        match bounds(expr, left, right) {
            Some(bounds) => {
                for (operator, micros) in bounds {
                    let tighter = |known: Option<(i64, bool)>, new: (i64, bool), higher: bool| match known {
                        Some(known) if (known.0 > new.0) == higher && known.0 != new.0 => Some(known),
                        Some(known) if known.0 == new.0 => Some((known.0, known.1 && new.1)),
                        _ => Some(new),
                    };
                    match operator {
                        Operator::GtEq => found.lower = tighter(found.lower, (micros, true), true),
                        Operator::Gt => found.lower = tighter(found.lower, (micros, false), true),
                        Operator::LtEq => found.upper = tighter(found.upper, (micros, true), false),
                        _ => found.upper = tighter(found.upper, (micros, false), false),
                    }
                }
            }
            None => rest.push(expr.clone()),
        }
    }
    (found, rest)
}

/// What a comparison says of the left time less the right time.
fn bounds(expr: &Expr, left: &Stream, right: &Stream) -> Option<Vec<(Operator, i64)>> {
    match expr {
        Expr::Between(between) if !between.negated => {
            let low = comparison(&between.expr, Operator::GtEq, &between.low, left, right)?;
            let high = comparison(&between.expr, Operator::LtEq, &between.high, left, right)?;
            Some(vec![low, high])
        }
        Expr::BinaryExpr(BinaryExpr { left: a, op: Operator::Eq, right: b }) => {
            let (_, micros) = comparison(a, Operator::GtEq, b, left, right)?;
            Some(vec![(Operator::GtEq, micros), (Operator::LtEq, micros)])
        }
        Expr::BinaryExpr(BinaryExpr { left: a, op, right: b }) => {
            matches!(op, Operator::Gt | Operator::GtEq | Operator::Lt | Operator::LtEq).then_some(())?;
            Some(vec![comparison(a, *op, b, left, right)?])
        }
        _ => None,
    }
}

fn comparison(a: &Expr, op: Operator, b: &Expr, left: &Stream, right: &Stream) -> Option<(Operator, i64)> {
    let flipped = op.swap()?;
    let of = |expr: &Expr, stream: &Stream| time_and_offset(expr, stream);
    if let (Some(l), Some(r)) = (of(a, left), of(b, right)) {
        return Some((op, r - l));
    }
    let (r, l) = (of(a, right)?, of(b, left)?);
    Some((flipped, r - l))
}

/// How much is added to a side's time column.
fn time_and_offset(expr: &Expr, stream: &Stream) -> Option<i64> {
    match expr {
        Expr::Cast(cast) => time_and_offset(&cast.expr, stream),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right }) => {
            Some(time_and_offset(left, stream)? + micros_of(right)?)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) => {
            Some(time_and_offset(left, stream)? - micros_of(right)?)
        }
        Expr::ScalarFunction(latest) if latest.func.name() == "greatest" => {
            let of: Option<Vec<usize>> = latest.args.iter().map(|time| origin(time, stream)).collect();
            let mut of = of?;
            of.sort_unstable();
            let mut known = stream.traits.latest_of.clone();
            known.sort_unstable();
            (!known.is_empty() && of == known).then_some(0)
        }
        other => {
            let column = origin(other, stream)?;
            let times = stream.traits.event_time.iter().chain(&stream.traits.processing_time);
            times.into_iter().any(|time| *time == column).then_some(0)
        }
    }
}
