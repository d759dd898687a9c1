//! What a connector is to SQL: a table's source, its sink, or a table to look things up in, made from the options of
//! `CREATE TABLE … WITH (…)`.
//!
//! A connector reads options once, in [`catalog::source`](crate::catalog::source) and its like, and refuses what it does not know; what it returns is
//! cheap to keep and makes one instance for each worker when the job starts.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use tidemill_engine::source::Replay;
use tidemill_engine::{Delivery, OperatorContext, Result, Sink, Source};
use tidemill_formats::Options;

/// A table as it was declared, as far as a connector needs to know it.
#[derive(Clone, Debug)]
pub struct TableDeclaration {
    /// The table's name.
    pub name: String,
    /// The columns that are read or written, as declared: those that SQL computes are not among them.
    pub columns: Vec<TableColumn>,
    /// Names of the columns of `PRIMARY KEY … NOT ENFORCED`.
    pub primary_key: Vec<String>,
    /// Names of the columns of `PARTITIONED BY`.
    pub partitioned_by: Vec<String>,
    /// What `WITH` says, the format's options included.
    pub options: Options,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct TableColumn {
    /// Name, type, and whether it may be null.
    pub field: FieldRef,
    /// For a column `METADATA FROM 'key'`: which of the connector's metadata it is; such columns are no part of the record.
    pub metadata: Option<String>,
    /// `VIRTUAL`: it is read, but not written.
    pub read_only: bool,
}

impl TableDeclaration {
    /// All columns, in declared order.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()))
    }
}

/// Where a table's rows come from.
pub trait SourceTable: Send + Sync {
    /// Whether a source can go on where a checkpoint says.
    fn replay(&self) -> Replay;

    /// Whether it ends by itself.
    fn is_bounded(&self) -> bool;

    /// Whether rows may be updates and deletes.
    fn has_changes(&self) -> bool {
        false
    }

    /// Whether an update may only say what its row is now, so that rows replace each other by the table's primary key.
    fn is_upsert(&self) -> bool {
        false
    }

    /// The same table, whose columns that are ROWs have fewer fields, in `schema` as elsewhere; none where all are read anyway.
    fn with_fields(&self, _schema: &SchemaRef) -> Option<Arc<dyn SourceTable>> {
        None
    }

    /// Makes the instance of one worker. Its batches have the columns `projection` of the declaration, in that order; their
    /// times are what the system says of the rows (ingestion time), or the time of reading. Output port 1 is for records that
    /// could not be read: reason and bytes.
    fn open(&self, projection: &[usize], context: &OperatorContext) -> Result<Box<dyn Source>>;
}

/// Which rows a sink can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Inserts.
    Inserts,
    /// Rows by key: inserts, new contents and deletes; what the content was before need not be told.
    Upserts,
    /// Changes of every kind.
    Changes,
}

/// Where a table's rows go.
pub trait SinkTable: Send + Sync {
    /// What it can promise.
    fn delivery(&self) -> Delivery;

    /// Which rows it can take.
    fn accepts(&self) -> Accepts;

    /// Makes the instance of one worker. It gets all declared columns but those that are read only; where it takes upserts,
    /// rows of one key come to the same instance.
    fn open(&self, context: &OperatorContext) -> Result<Box<dyn Sink>>;
}

/// Where rows are looked up by their values in some columns.
pub trait LookupTable: Send + Sync {
    /// Makes the instance of one thread. Rows are asked for by the columns `keys` of the declaration, in that order; what is found
    /// has the columns `projection`. Refuses keys that it can't find rows by.
    fn open(&self, keys: &[usize], projection: &[usize], context: &OperatorContext) -> Result<Box<dyn Lookup>>;
}

/// Looks rows up. Calls block: they belong on a thread that may wait.
pub trait Lookup: Send {
    /// Finds the rows of each row of `keys`. A null equals nothing.
    fn lookup(&mut self, keys: &RecordBatch) -> Result<LookedUp>;
}

/// What was found.
#[derive(Clone, Debug)]
pub struct LookedUp {
    /// The rows, with the columns of the projection.
    pub rows: RecordBatch,
    /// For each of them the row of the keys that it belongs to, ascending. A key without rows is not among them.
    pub origins: UInt32Array,
}
