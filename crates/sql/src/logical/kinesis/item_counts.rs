//! `TOP_K_ITEMS_TUMBLING` and `COUNT_DISTINCT_ITEMS_TUMBLING` as queries with windows.
//!
//! The service estimated where there were many items; here both count exactly.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Spanned, TableFactor, Value, VisitMut,
    VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;

use crate::error::{Place, Result, SqlError};
use crate::parse::kinesis::KinesisDialect;

pub(super) const TOP_K: &str = "TOP_K_ITEMS_TUMBLING";
pub(super) const COUNT_DISTINCT: &str = "COUNT_DISTINCT_ITEMS_TUMBLING";

/// Where the function's own input goes in the texts below.
const INPUT: &str = "__input";

/// A query in place of the call of a function, in two parts: the windows, to be rewritten as any query of the dialect, and what goes
/// around them as it is.
pub(super) struct ItemCounts {
    pub(super) windows: Box<Query>,
    around: Option<(String, u64)>,
}

impl ItemCounts {
    /// `TOP_K_ITEMS_TUMBLING(query, 'column', k, seconds)`, `COUNT_DISTINCT_ITEMS_TUMBLING(query, 'column', seconds)`
    pub(super) fn read(function: &Function) -> Result<Self> {
        let name = function.name.to_string();
        let usage = || {
            let hint = match name.as_str() {
                TOP_K => "TABLE(TOP_K_ITEMS_TUMBLING(CURSOR(SELECT STREAM * FROM s), 'column', 10, 60))",
                _ => "TABLE(COUNT_DISTINCT_ITEMS_TUMBLING(CURSOR(SELECT STREAM * FROM s), 'column', 60))",
            };
            SqlError::unsupported(format!("{name} takes a query, the name of a column, and numbers"))
                .hint(hint)
                .at(Place::of(function.name.span()))
        };
        let FunctionArguments::List(list) = &function.args else { return Err(usage()) };
        let arguments: Vec<&Expr> = list
            .args
            .iter()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect();
        let (input, column, k, seconds) = match (name.as_str(), arguments.as_slice()) {
            (TOP_K, [input, column, k, seconds]) => (input, column, Some(k), seconds),
            (COUNT_DISTINCT, [input, column, seconds]) => (input, column, None, seconds),
            _ => return Err(usage()),
        };
        let (Expr::Subquery(input), Some(column)) = (input, text(column)) else { return Err(usage()) };
        let k = k.map(|k| number(k, 1..=100_000).ok_or_else(usage)).transpose()?;
        let seconds = number(seconds, 1..=3_600).ok_or_else(usage)?;
        let column = format!("\"{}\"", column.replace('"', "\"\""));
        let step = format!("STEP(x.ROWTIME, INTERVAL '{seconds}' SECOND)");
        let counted = match k {
            Some(_) => format!(
                "SELECT x.{column} AS {column}, COUNT(*) AS MOST_FREQUENT_VALUES, {step} AS \"__start\"
                 FROM {INPUT} AS x GROUP BY x.{column}, {step}"
            ),
            None => format!(
                "SELECT COUNT(DISTINCT x.{column}) AS NUMBER_OF_DISTINCT_ITEMS FROM {INPUT} AS x GROUP BY {step}"
            ),
        };
        let mut windows = parse(&counted)?;
        put(&mut windows, input);
        Ok(ItemCounts { windows, around: k.map(|k| (column, k)) })
    }

    /// The rows, once the windows are rewritten.
    pub(super) fn rows(self) -> Result<Box<Query>> {
        let Some((column, k)) = self.around else { return Ok(self.windows) };
        let mut rows = parse(&format!(
            "SELECT t.{column} AS {column}, t.MOST_FREQUENT_VALUES AS MOST_FREQUENT_VALUES, t.ROWTIME AS ROWTIME
             FROM (SELECT x.*, ROW_NUMBER() OVER (PARTITION BY x.\"__start\", x.ROWTIME ORDER BY x.MOST_FREQUENT_VALUES DESC, x.{column}) AS \"__rank\"
                   FROM {INPUT} AS x) AS t
             WHERE t.\"__rank\" <= {k}"
        ))?;
        put(&mut rows, &self.windows);
        Ok(rows)
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn number(expr: &Expr, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let Expr::Value(value) = expr else { return None };
    let Value::Number(number, _) = &value.value else { return None };
    number.to_string().parse().ok().filter(|number| range.contains(number))
}

fn parse(text: &str) -> Result<Box<Query>> {
    Ok(Parser::new(&KinesisDialect).try_with_sql(text)?.parse_query()?)
}

/// Puts a query where [`INPUT`] is.
fn put(into: &mut Query, input: &Query) {
    struct Putter<'q>(&'q Query);
    impl VisitorMut for Putter<'_> {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> std::ops::ControlFlow<()> {
            if let TableFactor::Table { name, alias, .. } = factor
                && name.to_string() == INPUT
            {
                *factor = TableFactor::Derived {
                    lateral: false,
                    subquery: Box::new(self.0.clone()),
                    alias: alias.take(),
                    sample: None,
                };
            }
            std::ops::ControlFlow::Continue(())
        }
    }
    let _ = into.visit(&mut Putter(input));
}
