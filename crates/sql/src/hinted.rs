//! Tables with the options of a hint: `t /*+ OPTIONS('k' = 'v') */`.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Query, Spanned, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use crate::catalog::{Catalog, Relation};
use crate::declare;
use crate::error::{Place, Result, SqlError};
use crate::parse::hints::pairs;
use crate::parse::statement::{Insert, Statement};

/// Puts tables with these options in the place of those that a statement names with a hint.
pub(crate) fn with_hints(statement: &mut Statement, catalog: &mut Catalog) -> Result<()> {
    match statement {
        Statement::Query(query) => in_query(query, catalog),
        Statement::CreateView(view) => in_query(&mut view.query, catalog),
        Statement::CreateTable(table) => table.query.as_mut().map_or(Ok(()), |query| in_query(query, catalog)),
        Statement::Insert(insert) => in_insert(insert, catalog),
        Statement::StatementSet(inserts) => inserts.iter_mut().try_for_each(|insert| in_insert(insert, catalog)),
        Statement::Explain { statement, .. } => with_hints(statement, catalog),
        _ => Ok(()),
    }
}

fn in_insert(insert: &mut Insert, catalog: &mut Catalog) -> Result<()> {
    if let Some(name) = hinted(&insert.table, &insert.options, catalog).map_err(|error| error.at(insert.place))? {
        insert.table = ObjectName::from(vec![name]);
    }
    in_query(&mut insert.query, catalog)
}

fn in_query(query: &mut Query, catalog: &mut Catalog) -> Result<()> {
    match query.visit(&mut Hints { catalog }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The name of the table with these options, which the catalog has from now on; none where there are no options.
fn hinted(name: &ObjectName, options: &[(String, String)], catalog: &mut Catalog) -> Result<Option<Ident>> {
    if options.is_empty() {
        return Ok(None);
    }
    let own = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default();
    if !matches!(catalog.relation(&own)?, Relation::Table(_)) {
        let error = SqlError::unsupported(format!("'{own}' is a view, and has no options"));
        return Err(error.hint("write the hint OPTIONS behind the tables in the view"));
    }
    let table = declare::with_options(catalog.table(&own)?, options)?;
    let name = table.name.clone();
    catalog.add(&name, Relation::Table(Arc::new(table)), true)?;
    Ok(Some(Ident::with_quote('`', name)))
}

struct Hints<'c> {
    catalog: &'c mut Catalog,
}

impl VisitorMut for Hints<'_> {
    type Break = SqlError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        let TableFactor::Table { name, alias, with_hints, .. } = factor else { return ControlFlow::Continue(()) };
        let options: Vec<(String, String)> = with_hints.drain(..).flat_map(|hint| pairs(&hint)).collect();
        match hinted(name, &options, self.catalog) {
            Ok(None) => {}
            Ok(Some(hinted)) => {
                // It is still known by its own name.
                let own = name.0.last().and_then(|part| part.as_ident()).cloned().unwrap_or_else(|| Ident::new(""));
                alias.get_or_insert_with(|| TableAlias { explicit: true, name: own, columns: Vec::new(), at: None });
                *name = ObjectName::from(vec![hinted]);
            }
            Err(error) => return ControlFlow::Break(error.at(Place::of(name.span()))),
        }
        ControlFlow::Continue(())
    }
}
