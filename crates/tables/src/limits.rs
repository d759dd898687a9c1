//! The limits of the tables, each with its unit and its default.

/// What a folder of tables accepts at most. Every limit has a clear error ([`crate::Error::Limit`]).
#[derive(Clone, Debug)]
pub struct Limits {
    /// Tables in one folder.
    pub tables_max: usize,
    /// Bytes of a table's or column's name.
    pub name_bytes_max: usize,
    /// Columns of one table.
    pub columns_max: usize,
    /// Bytes of one encoded key; the store itself ends at 65,535.
    pub key_bytes_max: usize,
    /// Bytes of one encoded row, its key not counted.
    pub row_bytes_max: usize,
    /// Bytes that one transaction (or batch) may write.
    pub transaction_bytes_max: usize,
    /// Keys and ranges that one transaction may read.
    pub transaction_reads_max: usize,
    /// Bytes of commits that wait for the disk; beyond it writers wait.
    pub pending_bytes_max: usize,
    /// Written keys that are remembered to detect conflicts. The oldest transactions fail beyond it.
    pub remembered_writes_max: usize,
    /// How often [`crate::Tables::transact`] tries again after a conflict.
    pub conflict_attempts_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            tables_max: 1_000,
            name_bytes_max: 128,
            columns_max: 1_000,
            key_bytes_max: 8 * 1024,
            row_bytes_max: 4 * 1024 * 1024,
            transaction_bytes_max: 64 * 1024 * 1024,
            transaction_reads_max: 100_000,
            pending_bytes_max: 64 * 1024 * 1024,
            remembered_writes_max: 1_000_000,
            conflict_attempts_max: 64,
        }
    }
}
