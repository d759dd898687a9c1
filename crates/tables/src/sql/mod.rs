//! SQL over tables, and over whatever else is registered: read only, within limits.
//!
//! ```
//! use std::sync::Arc;
//! use arrow::datatypes::{DataType, Field, Schema};
//! use tidemill_tables::{TableDefinition, Tables, sql::{SqlContext, SqlLimits}};
//!
//! # fn main() -> tidemill_tables::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
//! let tables = Tables::open(folder.path())?;
//! let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
//! let numbers = tables.create(TableDefinition::new("numbers", schema, ["n"]))?;
//! numbers.upsert(&[1i64.into()])?;
//! numbers.upsert(&[2i64.into()])?;
//!
//! let sql = SqlContext::new(SqlLimits::default())?.with_tables(tables);
//! let rows = runtime.block_on(async { sql.query("SELECT sum(n) FROM numbers").await?.collect().await })?;
//! assert_eq!(rows[0].num_rows(), 1);
//!
//! let refused = runtime.block_on(sql.query("DELETE FROM numbers")).err().unwrap();
//! assert!(refused.to_string().starts_with("TM-TABLE-0020"));
//! # Ok(())
//! # }
//! ```

mod catalog;
mod complexity;
mod context;
mod deadline;
mod exec;
mod interrupt;
mod key_filter;
mod provider;
mod sizes;
mod stream;
mod threads;

pub use context::{SqlContext, SqlLimits};
pub use provider::TableSource;
pub use stream::QueryStream;
