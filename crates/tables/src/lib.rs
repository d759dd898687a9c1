//! The embedded tables: durable keyed rows with SQL over them.
//!
//! A folder ([`Tables`]) holds named tables. A table ([`Table`]) has Arrow columns, a primary key of one or more of them that
//! orders its rows, and optionally a time to live. Rows are written by upsert, put-if-absent, delete or a
//! [`Transaction`] over several keys and tables; they are read by key, by ordered [`Scan`], or by SQL ([`sql::SqlContext`]).
//!
//! | promise | how |
//! |---|---|
//! | what a call that writes has returned is on disk | one fsync for all that commit at the same time |
//! | all of a transaction or nothing, also after `kill -9` | one checksummed journal entry a group of commits |
//! | transactions are serialisable | snapshot reads, conflict detection at the commit |
//! | nothing is read before it is durable | rows become visible after the fsync |
//! | an expired row is never seen | each read looks at its expiry; a background thread gives the space back |
//!
//! ```
//! use std::sync::Arc;
//! use arrow::datatypes::{DataType, Field, Schema};
//! use tidemill_tables::{Scan, TableDefinition, Tables, Value};
//!
//! # fn main() -> tidemill_tables::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! let tables = Tables::open(folder.path())?;
//! let schema = Schema::new(vec![
//!     Field::new("site", DataType::Utf8, false),
//!     Field::new("day", DataType::Date32, false),
//!     Field::new("visits", DataType::UInt64, true),
//! ]);
//! let visits = tables.create(TableDefinition::new("visits", Arc::new(schema), ["site", "day"]))?;
//!
//! visits.upsert(&["shop".into(), 20_000.into(), 7u64.into()])?;
//! visits.upsert(&["shop".into(), 20_001.into(), 9u64.into()])?;
//!
//! let newest = visits.rows(&Scan::prefix([Value::from("shop")]).descending().limit(1))?;
//! assert_eq!(newest.collect::<Result<Vec<_>, _>>()?, [["shop".into(), 20_001.into(), 9u64.into()]]);
//! # Ok(())
//! # }
//! ```

mod codec;
mod definition;
mod error;
mod limits;
pub mod sql;
mod store;
mod value;

pub use definition::{TableDefinition, Ttl};
pub use error::{Error, Result};
pub use limits::Limits;
pub use store::{Batches, Clock, Options, Rows, Scan, Table, TableInfo, Tables, Transaction};
pub use value::{Row, Value};
