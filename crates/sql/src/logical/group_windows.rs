//! `GROUP BY TUMBLE(ts, size)`, as Flink had windows before there were table functions, said by these.
//!
//! | written | read |
//! |---|---|
//! | `FROM t GROUP BY a, TUMBLE(ts, size)` | `FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), size)) GROUP BY a, window_start, window_end` |
//! | `FROM t GROUP BY a, SESSION(ts, gap)` | `FROM TABLE(SESSION(TABLE t PARTITION BY a, DESCRIPTOR(ts), gap)) …` |
//! | `TUMBLE_START(…)`, `TUMBLE_END(…)`, `TUMBLE_ROWTIME(…)`, `TUMBLE_PROCTIME(…)` | `window_start`, `window_end`, `window_time` |

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Select, SelectItem, Spanned, TableFactor, VisitMut, VisitorMut,
};

use crate::error::{Place, Result, SqlError};
use crate::parse::{DESCRIPTOR, TABLE_ARGUMENT, arguments, call};

const WINDOWS: [&str; 3] = ["TUMBLE", "HOP", "SESSION"];

/// Says a query's window by a table function.
pub(super) fn by_table_functions(select: &mut Select) -> Result<()> {
    let GroupByExpr::Expressions(groups, _) = &mut select.group_by else { return Ok(()) };
    let Some(at) = groups.iter().position(|group| window(group).is_some()) else { return Ok(()) };
    let written = groups.remove(at);
    let place = Place::of(written.span());
    let given = arguments(&written);
    let (Some(kind), [time, lengths @ ..]) = (window(&written), given.as_slice()) else {
        return Err(refused("a window needs its time column", place));
    };
    let time = match time {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    let time = time.ok_or_else(|| refused("the time of a window is a column", place))?.clone();
    let [from] = select.from.as_mut_slice() else { return Err(refused("a window is of one table", place)) };
    if !from.joins.is_empty() {
        return Err(refused("a window is of one table", place));
    }
    let keys = groups.iter().filter(|_| kind == "SESSION").map(|key| match key {
        Expr::Identifier(name) => Ok(Expr::CompoundIdentifier(vec![name.clone()])),
        Expr::CompoundIdentifier(parts) => Ok(Expr::CompoundIdentifier(parts.last().cloned().into_iter().collect())),
        _ => Err(refused("the other groups of sessions are columns", place)),
    });
    let keys = keys.collect::<Result<Vec<Expr>>>()?;
    let (data, alias) = match &mut from.relation {
        TableFactor::Table { name, alias, args: None, version: None, .. } => {
            let parts = name.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
            let table = call(TABLE_ARGUMENT, [Expr::CompoundIdentifier(parts)].into_iter().chain(keys));
            let own = name.0.last().and_then(|part| part.as_ident()).cloned();
            (table, alias.take().or_else(|| own.map(named)))
        }
        TableFactor::Derived { subquery, alias, .. } if keys.is_empty() => {
            (Expr::Subquery(subquery.clone()), alias.take())
        }
        _ => return Err(refused("sessions by other groups are of a table or a view", place)),
    };
    let data = [data, call(DESCRIPTOR, [Expr::Identifier(time)])].into_iter();
    let expr = call(kind, data.chain(lengths.iter().map(|length| (*length).clone())));
    from.relation = TableFactor::TableFunction { expr, alias };
    let mut said = Said { uses_time: false };
    let items = select.projection.iter_mut().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    });
    for expr in items.chain(&mut select.having) {
        let _ = expr.visit(&mut said);
    }
    let time = said.uses_time.then_some("window_time");
    groups.extend(["window_start", "window_end"].into_iter().chain(time).map(column));
    Ok(())
}

/// The window that a call makes.
fn window(expr: &Expr) -> Option<&'static str> {
    let Expr::Function(function) = expr else { return None };
    WINDOWS.into_iter().find(|name| function.name.to_string().eq_ignore_ascii_case(name))
}

fn column(name: &str) -> Expr {
    Expr::Identifier(Ident::new(name))
}

fn named(name: Ident) -> datafusion::sql::sqlparser::ast::TableAlias {
    datafusion::sql::sqlparser::ast::TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

fn refused(why: &str, place: Option<Place>) -> SqlError {
    SqlError::unsupported(format!("{why}, where it is grouped by"))
        .hint("write FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), …)) … GROUP BY window_start, window_end")
        .at(place)
}

/// Puts the window's columns in the place of calls that ask for them.
struct Said {
    uses_time: bool,
}

impl VisitorMut for Said {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let name = function.name.to_string().to_ascii_uppercase();
        let Some((kind, part)) = name.split_once('_') else { return ControlFlow::Continue(()) };
        let name = match part {
            "START" => "window_start",
            "END" => "window_end",
            "ROWTIME" | "PROCTIME" => "window_time",
            _ => return ControlFlow::Continue(()),
        };
        if WINDOWS.contains(&kind) {
            self.uses_time |= name == "window_time";
            *expr = column(name);
        }
        ControlFlow::Continue(())
    }
}
