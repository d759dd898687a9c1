//! A table as it was declared.

use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::{Expr, TableSource};
use tidemill_connectors::connector::TableDeclaration;

/// Where a column's values come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Origin {
    /// The connector's column of this number.
    Connector(usize),
    /// Computed of the connector's columns; and how it was written.
    Computed(Expr, String),
    /// `PROCTIME()`: the time at which a row is looked at.
    ProcessingTime,
}

/// The watermark's declaration.
#[derive(Clone, Debug)]
pub(crate) struct Watermark {
    /// The column that holds the event time.
    pub(crate) column: usize,
    /// Up to when rows are complete once this row was seen, over the table's columns.
    pub(crate) expression: Expr,
    /// How it was written.
    pub(crate) text: String,
}

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: String,
    /// What its connector knows of it.
    pub(crate) declaration: TableDeclaration,
    /// All its columns, computed ones among them.
    pub(crate) schema: SchemaRef,
    /// Where each column's values come from.
    pub(crate) origins: Vec<Origin>,
    /// Its event time.
    pub(crate) watermark: Option<Watermark>,
    /// The columns of its primary key.
    pub(crate) primary_key: Vec<usize>,
    /// What each column is about, where it was said.
    pub(crate) comments: Vec<Option<String>>,
    /// The statement that made it.
    pub(crate) text: String,
    /// It is another one with the options of a hint, and has no name of its own.
    pub(crate) hinted: bool,
}

impl Table {
    /// The columns that an INSERT can write, by their place in the schema.
    pub(crate) fn writable(&self) -> Vec<usize> {
        let written = |origin: &Origin| match origin {
            Origin::Connector(column) => self.declaration.columns.get(*column).is_some_and(|column| !column.read_only),
            Origin::Computed(..) | Origin::ProcessingTime => false,
        };
        (0..).zip(&self.origins).filter(|(_, origin)| written(origin)).map(|(place, _)| place).collect()
    }
}

impl TableSource for Table {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
