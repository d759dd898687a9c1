//! What can be written in several ways, said in the one that DataFusion plans.
//!
//! | written | read |
//! |---|---|
//! | `FETCH FIRST n ROWS ONLY` | `LIMIT n` |
//! | `TABLE t` | `SELECT * FROM t` |
//! | `x = ANY (query)`, `x <> ALL (query)` | `x IN (query)`, `x NOT IN (query)` |
//! | `(a, b) IN (query)` | `EXISTS (SELECT 1 FROM (query) AS q (x, y) WHERE q.x = a AND q.y = b)` |
//! | `(a, b) NOT IN (query)` | `NOT EXISTS (SELECT 1 FROM (query) AS q (x, y) WHERE (q.x = a AND q.y = b) IS NOT FALSE)` |
//! | `(a, b) IN ((1, 2), (3, 4))` | `(a = 1 AND b = 2) OR (a = 3 AND b = 4)` |
//! | `(a, b) OVERLAPS (c, d)` | the later end of each is not before the earlier one of the other |
//! | `1e3` | `CAST('1e3' AS DOUBLE)` |
//! | `SELECT a, a, a + 1` | `SELECT a, a AS a0, a + 1 AS EXPR$2` |

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as AstType, ExactNumberInfo, Expr, Ident, LimitClause, Query, Select,
    SelectItem, SetExpr, Spanned, TableAlias, TableAliasColumnDef, TableFactor, UnaryOperator, Value, VisitMut,
    VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::group_windows::by_table_functions;
use super::same_names::told_apart;
use crate::error::{Kind, Place, Result, SqlError};
use crate::parse::call;

/// The sub-query whose rows a tuple is compared with.
const COMPARED: &str = "__in";

/// Says a query in these words.
pub(super) fn spell(of: &mut impl VisitMut) -> Result<()> {
    match of.visit(&mut Speller) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Speller;

impl VisitorMut for Speller {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        match fetched(query).and_then(|()| plain(&mut query.body)) {
            Ok(()) => {
                told_apart(query);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        name_expressions(select);
        match by_table_functions(select) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        match spelled(expr) {
            Ok(Some(other)) => *expr = other,
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}

fn fetched(query: &mut Query) -> Result<()> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    if fetch.with_ties || fetch.percent {
        let error = SqlError::unsupported("FETCH FIRST … WITH TIES and … PERCENT are not built");
        return Err(error.hint("write FETCH FIRST n ROWS ONLY"));
    }
    let one = || Expr::value(Value::Number("1".into(), false));
    let count = Some(fetch.quantity.unwrap_or_else(one));
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = count,
        Some(_) => return Err(SqlError::unsupported("LIMIT and FETCH say the same").hint("write one of them")),
        none => *none = Some(LimitClause::LimitOffset { limit: count, offset: None, limit_by: Vec::new() }),
    }
    Ok(())
}

fn plain(body: &mut SetExpr) -> Result<()> {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            plain(left)?;
            plain(right)
        }
        SetExpr::Table(table) => {
            let quoted = |name: &Option<String>| name.as_ref().map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
            let parts = [quoted(&table.schema_name), quoted(&table.table_name)];
            let name: Vec<String> = parts.into_iter().flatten().collect();
            let text = format!("SELECT * FROM {}", name.join("."));
            *body = *Parser::new(&GenericDialect {}).try_with_sql(&text)?.parse_query()?.body;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn spelled(expr: &Expr) -> Result<Option<Expr>> {
    let within = |left: &Expr, right: &Expr, negated: bool| match right {
        Expr::Subquery(subquery) => {
            Some(Expr::InSubquery { expr: Box::new(left.clone()), subquery: subquery.clone(), negated })
        }
        _ => None,
    };
    Ok(match expr {
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => within(left, right, false),
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => within(left, right, true),
        Expr::InSubquery { expr: tuple, subquery, negated } => match &**tuple {
            Expr::Tuple(values) => Some(compared(values, subquery, *negated)?),
            _ => None,
        },
        Expr::InList { expr: tuple, list, negated } => match &**tuple {
            Expr::Tuple(values) => listed(values, list, *negated),
            _ => None,
        },
        Expr::BinaryOp { left, op: BinaryOperator::Overlaps, right } => match (&**left, &**right) {
            (Expr::Tuple(one), Expr::Tuple(other)) => match (one.as_slice(), other.as_slice()) {
                ([a, b], [c, d]) => Some(overlap(&period(a, b), &period(c, d))),
                _ => return Err(not_two_periods(expr)),
            },
            _ => return Err(not_two_periods(expr)),
        },
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) if number.to_string().contains(['e', 'E']) => Some(Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(Expr::value(Value::SingleQuotedString(number.to_string()))),
                data_type: AstType::Double(ExactNumberInfo::None),
                array: false,
                format: None,
            }),
            _ => None,
        },
        _ => None,
    })
}

fn not_two_periods(expr: &Expr) -> SqlError {
    let error = SqlError::new(Kind::Syntax, "OVERLAPS compares two pairs of times");
    error.hint("write (begin, end) OVERLAPS (begin, end), or an interval for an end").at(Place::of(expr.span()))
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }))
}

/// The earlier and the later end of a period, which may be given as its begin and its length.
fn period(one: &Expr, other: &Expr) -> [Expr; 2] {
    let end = match other {
        Expr::Interval(_) => binary(one.clone(), BinaryOperator::Plus, other.clone()),
        _ => other.clone(),
    };
    // Of a NULL the first is the later one, as Calcite has it.
    let ordered = || binary(one.clone(), BinaryOperator::LtEq, end.clone());
    [call("if", [ordered(), one.clone(), end.clone()]), call("if", [ordered(), end.clone(), one.clone()])]
}

fn overlap([from, to]: &[Expr; 2], [other_from, other_to]: &[Expr; 2]) -> Expr {
    let not_before = |end: &Expr, begin: &Expr| binary(end.clone(), BinaryOperator::GtEq, begin.clone());
    binary(not_before(to, other_from), BinaryOperator::And, not_before(other_to, from))
}

/// Whether values are those of one of some tuples of as many, column by column; NULL is told apart from no.
fn listed(values: &[Expr], tuples: &[Expr], negated: bool) -> Option<Expr> {
    let equal = |tuple: &Expr| match tuple {
        Expr::Tuple(others) if others.len() == values.len() => {
            let pairs = values.iter().zip(others);
            let pairs = pairs.map(|(value, other)| binary(value.clone(), BinaryOperator::Eq, other.clone()));
            pairs.reduce(|left, right| binary(left, BinaryOperator::And, right))
        }
        _ => None,
    };
    let all = tuples.iter().map(equal).collect::<Option<Vec<Expr>>>()?;
    let is = all.into_iter().reduce(|left, right| binary(left, BinaryOperator::Or, right))?;
    Some(match negated {
        true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(is) },
        false => is,
    })
}

/// Whether a query has a row whose columns are these values, or, `negated`, none that may be.
fn compared(values: &[Expr], subquery: &Query, negated: bool) -> Result<Expr> {
    let mut query = *Parser::new(&GenericDialect {}).try_with_sql("SELECT 1 FROM x")?.parse_query()?;
    let column = |n: usize| format!("__c{n}");
    let equal = |(n, value): (usize, &Expr)| Expr::BinaryOp {
        left: Box::new(Expr::CompoundIdentifier(vec![Ident::new(COMPARED), Ident::new(column(n))])),
        op: BinaryOperator::Eq,
        right: Box::new(value.clone()),
    };
    let and = |left: Expr, right: Expr| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::And,
        right: Box::new(right),
    };
    if let SetExpr::Select(select) = &mut *query.body
        && let Some(from) = select.from.first_mut()
    {
        let alias = TableAlias {
            explicit: true,
            name: Ident::new(COMPARED),
            columns: (0..values.len()).map(|n| TableAliasColumnDef::from_name(column(n))).collect(),
            at: None,
        };
        let subquery = Box::new(subquery.clone());
        from.relation = TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None };
        let all = values.iter().enumerate().map(equal).reduce(and);
        select.selection = match negated {
            true => all.map(|all| Expr::IsNotFalse(Box::new(Expr::Nested(Box::new(all))))),
            false => all,
        };
    }
    Ok(Expr::Exists { subquery: Box::new(query), negated })
}

/// Names expressions without a name, and columns that are there already, as Flink does.
fn name_expressions(select: &mut Select) {
    let mut known: Vec<String> = Vec::with_capacity(select.projection.len());
    for (n, item) in select.projection.iter_mut().enumerate() {
        let column = match item {
            SelectItem::UnnamedExpr(Expr::Identifier(column)) => Some(column.value.clone()),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(|part| part.value.clone()),
            SelectItem::UnnamedExpr(_) => None,
            SelectItem::ExprWithAlias { alias, .. } => {
                known.push(alias.value.clone());
                continue;
            }
            _ => continue,
        };
        let name = match &column {
            Some(column) if !known.contains(column) => column.clone(),
            Some(column) => {
                (0..).map(|n| format!("{column}{n}")).find(|name| !known.contains(name)).unwrap_or_default()
            }
            None => format!("EXPR${n}"),
        };
        known.push(name.clone());
        if let SelectItem::UnnamedExpr(expr) = item
            && column.is_none_or(|column| column != name)
        {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', name) };
        }
    }
}
