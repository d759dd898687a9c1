//! What a change record says of a row.

/// The four kinds of rows in a stream of changes, with the names and codes of the engine's; connectors translate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RowKind {
    /// A new row.
    #[default]
    Insert = 0,
    /// The old content of a row that is revised; its new content follows.
    UpdateBefore = 1,
    /// The new content of a revised row.
    UpdateAfter = 2,
    /// A row that is gone.
    Delete = 3,
}
