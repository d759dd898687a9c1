//! Joins as nested loops: what the operators' output must amount to.

use std::{collections::BTreeMap, sync::Arc};

use datafusion::{
    logical_expr::Operator as Compare,
    physical_expr::{
        PhysicalExpr,
        expressions::{BinaryExpr, Column},
    },
};

use super::JoinType;
use crate::operators::testing::{Table, table};

/// A row of either input: key, value, time in seconds.
pub(super) type Row = (Option<i64>, i64, i64);

pub(super) fn left() -> Table {
    table("k: Int64, v: Int64").keyed(&[0])
}

pub(super) fn right() -> Table {
    table("k: Int64, w: Int64").keyed(&[0])
}

pub(super) fn joined(join: JoinType) -> Table {
    table(if join.gives_left_only() { "k: Int64, v: Int64" } else { "k: Int64, v: Int64, k2: Int64, w: Int64" })
}

/// `v <= w`
pub(super) fn condition() -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(Arc::new(Column::new("v", 1)), Compare::LtEq, Arc::new(Column::new("w", 3))))
}

/// A row as a line of a table: of kind `+I` or `-D`.
pub(super) fn line(add: bool, (key, value, time): Row) -> String {
    let key = key.map_or("null".to_string(), |key| key.to_string());
    format!("{} | {key} | {value} | 00:{time:02}", if add { "+I" } else { "-D" })
}

/// Joins rows that meet by `pairs`.
pub(super) fn join(
    join: JoinType,
    left: &[Row],
    right: &[Row],
    pairs: impl Fn(Row, Row) -> bool,
) -> BTreeMap<String, i64> {
    let text = |row: Option<Row>| match row {
        Some((Some(key), value, _)) => format!("{key} | {value}"),
        Some((None, value, _)) => format!("null | {value}"),
        None => "null | null".to_string(),
    };
    let mut rows = BTreeMap::new();
    let mut give = |row: String| *rows.entry(row).or_default() += 1;
    for l in left {
        let partners: Vec<&Row> = right.iter().filter(|r| pairs(*l, **r)).collect();
        match join {
            JoinType::LeftSemi | JoinType::LeftAnti => {
                if partners.is_empty() == (join == JoinType::LeftAnti) {
                    give(text(Some(*l)));
                }
            }
            _ => {
                partners.iter().for_each(|r| give(format!("{} | {}", text(Some(*l)), text(Some(**r)))));
                if partners.is_empty() && join.preserves(0) {
                    give(format!("{} | {}", text(Some(*l)), text(None)));
                }
            }
        }
    }
    if join.preserves(1) {
        let alone = right.iter().filter(|r| !left.iter().any(|l| pairs(*l, **r)));
        alone.for_each(|r| give(format!("{} | {}", text(None), text(Some(*r)))));
    }
    rows
}

pub(super) const JOINS: [JoinType; 6] =
    [JoinType::Inner, JoinType::Left, JoinType::Right, JoinType::Full, JoinType::LeftSemi, JoinType::LeftAnti];
