//! What names mean: tables, views, functions.

mod stream;
mod table;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::{ScalarUDF, TableSource};

pub(crate) use self::stream::{InAppStream, Pump};
pub(crate) use self::table::{Origin, Table, Watermark};
pub(crate) use self::view::View;

use crate::error::{Kind, Result, SqlError, similar};

/// What a name of a relation means.
#[derive(Clone, Debug)]
pub(crate) enum Relation {
    /// A table.
    Table(Arc<Table>),
    /// A view.
    View(Arc<View>),
    /// A stream inside of an application.
    Stream(Arc<InAppStream>),
}

impl Relation {
    /// Its columns.
    pub(crate) fn schema(&self) -> &SchemaRef {
        match self {
            Relation::Table(table) => &table.schema,
            Relation::View(view) => &view.schema,
            Relation::Stream(stream) => &stream.schema,
        }
    }
}

/// Tables, views and functions by name. Names are as they were written: case counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    relations: BTreeMap<String, Relation>,
    functions: BTreeMap<String, Arc<ScalarUDF>>,
    pumps: Vec<Pump>,
}

impl Catalog {
    /// Adds a table or a view.
    pub(crate) fn add(&mut self, name: &str, relation: Relation, replace: bool) -> Result<()> {
        if !replace && self.relations.contains_key(name) {
            let error = SqlError::declaration(format!("there is a table or view '{name}' already"));
            return Err(error.hint("drop it first, or choose another name"));
        }
        self.relations.insert(name.to_owned(), relation);
        Ok(())
    }

    /// Adds a pump.
    pub(crate) fn add_pump(&mut self, pump: Pump, replace: bool) -> Result<()> {
        let known = self.pumps.iter().position(|known| known.name == pump.name);
        match known.and_then(|known| self.pumps.get_mut(known)) {
            Some(known) if replace => *known = pump,
            Some(_) => return Err(SqlError::declaration(format!("there is a pump \"{}\" already", pump.name))),
            None => self.pumps.push(pump),
        }
        Ok(())
    }

    /// All pumps that run.
    pub(crate) fn pumps(&self) -> &[Pump] {
        &self.pumps
    }

    /// Adds a function.
    pub(crate) fn add_function(&mut self, function: ScalarUDF) {
        self.functions.insert(function.name().to_lowercase(), Arc::new(function));
    }

    /// Whether there is a table or view of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.relations.contains_key(name)
    }

    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.relations.remove(name).is_some()
    }

    pub(crate) fn remove_function(&mut self, name: &str) -> bool {
        self.functions.remove(&name.to_lowercase()).is_some()
    }

    pub(crate) fn function(&self, name: &str) -> Option<&Arc<ScalarUDF>> {
        self.functions.get(name)
    }

    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// Those that have names.
    pub(crate) fn relations(&self) -> impl Iterator<Item = (&str, &Relation)> {
        let named = |relation: &Relation| !matches!(relation, Relation::Table(table) if table.hinted);
        self.relations.iter().filter(move |(_, of)| named(of)).map(|(name, relation)| (name.as_str(), relation))
    }

    pub(crate) fn relation(&self, name: &str) -> Result<&Relation> {
        self.relations.get(name).ok_or_else(|| {
            let error = SqlError::new(Kind::Name, format!("there is no table or view '{name}'"));
            let known = self.relations.keys().map(String::as_str);
            match similar(name, known) {
                Some(known) if known.eq_ignore_ascii_case(name) => {
                    error.hint(format!("names' case counts: write {known}"))
                }
                Some(known) => error.hint(format!("did you mean '{known}'?")),
                None => error.hint("declare it with CREATE TABLE"),
            }
        })
    }

    /// A table by name; views have no connector.
    pub(crate) fn table(&self, name: &str) -> Result<&Arc<Table>> {
        match self.relation(name)? {
            Relation::Table(table) => Ok(table),
            Relation::View(_) => Err(SqlError::new(Kind::Name, format!("'{name}' is a view, not a table"))),
            Relation::Stream(_) => Err(SqlError::new(Kind::Name, format!("'{name}' is a stream, not a table"))
                .hint("pumps fill streams: CREATE PUMP … AS INSERT INTO …")),
        }
    }

    pub(crate) fn source(&self, name: &str) -> Result<Arc<dyn TableSource>> {
        Ok(match self.relation(name)? {
            Relation::Table(table) => table.clone(),
            Relation::View(view) => view.clone(),
            Relation::Stream(stream) => stream.clone(),
        })
    }
}
