//! The part of a WHERE clause that the order of the keys answers: which ranges of keys can hold matching rows.

use std::ops::Bound;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};

use crate::codec::{Cells, RowCodec};
use crate::definition::TableDefinition;
use crate::error::Result;
use crate::store::{ByteRange, byte_range};
use crate::value::Value;

/// Ranges that one scan reads at most; lists of values that would make more only narrow as far as this goes.
const RANGES_MAX: usize = 1_024;

/// What the filters leave of the keys.
pub(crate) struct KeyFilter {
    /// In key order, without overlap.
    pub(crate) ranges: Vec<ByteRange>,
    /// So many of the first key columns have one value in all rows.
    pub(crate) constant_columns: usize,
}

/// Whether the scan can answer this filter: it speaks of key columns only, and gives the same answer each time.
pub(crate) fn is_answerable(filter: &Expr, definition: &TableDefinition) -> bool {
    let columns_are_keys = filter.column_refs().iter().all(|column| definition.key().contains(&column.name));
    let plain = !filter.exists_node(|e| {
        matches!(
            e,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::OuterReferenceColumn(_, _)
                | Expr::Placeholder(_)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
        )
    });
    columns_are_keys && plain && !filter.is_volatile() && !filter.column_refs().is_empty()
}

/// The ranges of keys outside of which no row can match all filters. Rows inside of them still have to be tested.
pub(crate) fn key_filter(filters: &[Expr], definition: &TableDefinition, codec: &RowCodec) -> Result<KeyFilter> {
    let conjuncts: Vec<&Expr> = filters.iter().flat_map(datafusion::logical_expr::utils::split_conjunction).collect();
    let mut prefixes: Vec<Vec<Value<'static>>> = vec![Vec::new()];
    let mut constant_columns = 0;
    for (position, name) in definition.key().iter().enumerate() {
        let column = Column { name, definition };
        let candidates = conjuncts.iter().filter_map(|e| column.candidates(e)).min_by_key(Vec::len);
        match candidates {
            Some(values) if prefixes.len() * values.len() <= RANGES_MAX => {
                if values.len() == 1 && constant_columns == position {
                    constant_columns += 1;
                }
                prefixes = prefixes
                    .iter()
                    .flat_map(|prefix| values.iter().map(|v| prefix.iter().chain([v]).cloned().collect()))
                    .collect();
            }
            _ => {
                let (lower, upper) = column.bounds(&conjuncts);
                let ranges =
                    prefixes.iter().map(|prefix| byte_range(codec, &extend(prefix, &lower), &extend(prefix, &upper)));
                return Ok(KeyFilter { ranges: ordered(ranges.collect::<Result<_>>()?), constant_columns });
            }
        }
    }
    let ranges =
        prefixes.iter().map(|key| byte_range(codec, &Bound::Included(key.clone()), &Bound::Included(key.clone())));
    Ok(KeyFilter { ranges: ordered(ranges.collect::<Result<_>>()?), constant_columns })
}

/// Equal ranges once, empty ones not at all. Ranges of different prefixes never overlap.
fn ordered(mut ranges: Vec<ByteRange>) -> Vec<ByteRange> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by(|a, b| a.start.cmp(&b.start));
    ranges.dedup();
    ranges
}

/// The bound `prefix` + `value`; without a value all keys of the prefix are inside.
fn extend(prefix: &[Value<'static>], bound: &Bound<Value<'static>>) -> Bound<Vec<Value<'static>>> {
    let with = |v: &Value<'static>| prefix.iter().chain([v]).cloned().collect();
    match bound {
        Bound::Included(v) => Bound::Included(with(v)),
        Bound::Excluded(v) => Bound::Excluded(with(v)),
        Bound::Unbounded if prefix.is_empty() => Bound::Unbounded,
        Bound::Unbounded => Bound::Included(prefix.to_vec()),
    }
}

/// One key column, as filters name it.
struct Column<'a> {
    name: &'a str,
    definition: &'a TableDefinition,
}

impl Column<'_> {
    /// The only values that the column can have where the expression is true; `None` when it does not say.
    fn candidates(&self, expr: &Expr) -> Option<Vec<Value<'static>>> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                let mut values = self.candidates(left)?;
                values.append(&mut self.candidates(right)?);
                Some(values)
            }
            Expr::InList(list) if !list.negated && self.is(&list.expr) => {
                list.list.iter().map(|e| self.literal(e)).collect()
            }
            _ => match self.comparison(expr)? {
                (Operator::Eq, value) => Some(vec![value]),
                _ => None,
            },
        }
    }

    /// The tightest bounds that the expressions give. Where two give different ones any is right, since rows are tested.
    fn bounds(&self, conjuncts: &[&Expr]) -> (Bound<Value<'static>>, Bound<Value<'static>>) {
        let (mut lower, mut upper) = (Bound::Unbounded, Bound::Unbounded);
        for expr in conjuncts {
            if let Expr::Between(Between { expr, negated: false, low, high }) = expr
                && self.is(expr)
            {
                lower = self.literal(low).map_or(lower, Bound::Included);
                upper = self.literal(high).map_or(upper, Bound::Included);
            }
            match self.comparison(expr) {
                Some((Operator::Gt, value)) => lower = Bound::Excluded(value),
                Some((Operator::GtEq, value)) => lower = Bound::Included(value),
                Some((Operator::Lt, value)) => upper = Bound::Excluded(value),
                Some((Operator::LtEq, value)) => upper = Bound::Included(value),
                _ => {}
            }
        }
        (lower, upper)
    }

    /// `column op literal`, also when it is written the other way round.
    fn comparison(&self, expr: &Expr) -> Option<(Operator, Value<'static>)> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return None };
        match self.is(left) {
            true => Some((*op, self.literal(right)?)),
            false if self.is(right) => Some((op.swap()?, self.literal(left)?)),
            false => None,
        }
    }

    fn is(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Column(column) if column.name == self.name)
    }

    /// The value of a literal of the column's own type. Zeros and NaN are left to the row test, where SQL's equality of
    /// floats may be wider than the order of keys.
    fn literal(&self, expr: &Expr) -> Option<Value<'static>> {
        let Expr::Literal(scalar, _) = expr else { return None };
        let data_type = self.definition.schema().field_with_name(self.name).ok()?.data_type();
        let scalar = match scalar.try_as_str() {
            Some(Some(text)) => ScalarValue::from(text).cast_to(data_type).ok()?,
            _ => scalar.clone(),
        };
        if scalar.is_null() || scalar.data_type() != *data_type {
            return None;
        }
        let array = scalar.to_array().ok()?;
        match Cells::of(&array).ok()?.get(0) {
            Value::Float(v) if v == 0.0 || v.is_nan() => None,
            value => Some(value.into_owned()),
        }
    }
}

trait ExistsNode {
    fn exists_node(&self, test: impl Fn(&Expr) -> bool) -> bool;
}

impl ExistsNode for Expr {
    fn exists_node(&self, test: impl Fn(&Expr) -> bool) -> bool {
        use datafusion::common::tree_node::TreeNode;
        // The walk fails only when the closure does; then nothing is pushed down.
        self.exists(|e| Ok(test(e))).unwrap_or(true)
    }
}
