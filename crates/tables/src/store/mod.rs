//! Tables on disk: a folder of them, one of them, commits, transactions, scans, expiry.

mod clock;
mod commit;
mod folder;
mod reads;
mod scan;
mod sweep;
mod table;
mod tables;
mod transaction;

use std::sync::atomic::{AtomicBool, Ordering};

use fjall::{Keyspace, Snapshot};

pub use clock::Clock;
pub use scan::{Batches, Rows, Scan};
pub use table::{Table, TableInfo};
pub use tables::{Options, Tables};
pub use transaction::Transaction;

pub(crate) use reads::ByteRange;
pub(crate) use scan::byte_range;

use crate::codec::RowCodec;
use crate::definition::TableDefinition;
use crate::error::{Error, Result};
use commit::TableId;

/// One table that exists, or existed until it was dropped.
pub(crate) struct TableInner {
    pub(crate) id: TableId,
    pub(crate) definition: TableDefinition,
    pub(crate) codec: RowCodec,
    pub(crate) keyspace: Keyspace,
    pub(crate) dropped: AtomicBool,
}

/// All tables at one moment.
#[derive(Clone)]
pub(crate) struct Moment {
    pub(crate) snapshot: Snapshot,
    pub(crate) now_ms: i64,
}

impl TableInner {
    /// Refuses a table that was dropped while a handle to it was kept.
    pub(crate) fn check_exists(&self) -> Result<()> {
        match self.dropped.load(Ordering::Acquire) {
            true => Err(Error::NoSuchTable(self.definition.name().to_owned())),
            false => Ok(()),
        }
    }
}
