//! Joins of two inputs: left on port 0, right on port 1, both routed by the join key.
//!
//! | operator | meets | state |
//! |---|---|---|
//! | [`RegularJoin`] | every row with every row of its key, whenever they come | all rows of both inputs, or a time to live |
//! | [`IntervalJoin`] | rows whose times are near each other | rows of the last interval |
//! | [`WindowJoin`] | rows of the same window | rows of open windows |
//! | [`TemporalJoin`] | a row with the version of the other row that was valid at its time | versions, waiting rows |
//! | [`ReferenceJoin`] | a row with all rows of its key of a table that ends | the table |
//! | [`LookupJoin`] | a row with what another system answers | rows in flight |
//!
//! The joined row is the columns of the left row, then those of the right row, both without their key column. A row that an
//! outer join keeps without a partner has nulls in the partner's columns; semi and anti joins give the left row alone.

mod condition;
mod interval;
#[cfg(test)]
mod interval_tests;
mod lookup;
mod lookup_cache;
mod lookup_pool;
#[cfg(test)]
mod lookup_tests;
#[cfg(test)]
mod model;
mod reference;
#[cfg(test)]
mod reference_tests;
mod regular;
#[cfg(test)]
mod regular_tests;
mod rows_by_key;
mod temporal;
#[cfg(test)]
mod temporal_tests;
mod versions;
mod window;
#[cfg(test)]
mod window_tests;

use arrow::datatypes::SchemaRef;

pub use interval::{IntervalJoin, IntervalJoinConfig};
pub use lookup::{LookupJoin, LookupJoinConfig, LookupOptions};
pub use reference::{ReferenceJoin, ReferenceJoinConfig};
pub use regular::{RegularJoin, RegularJoinConfig, RegularJoinInput};
pub use temporal::{AsOf, TemporalJoin, TemporalJoinConfig};
pub use window::{WindowJoin, WindowJoinConfig, WindowJoinInput};

/// The port of pairs on which a condition fails; late rows come out of the one before.
pub(crate) const REJECTS: usize = 2;

/// Joined rows go out, and candidates are decided of, in batches of about so many.
const OUTPUT_ROWS: usize = 8 << 10;

/// Which rows a join gives. Right semi and right anti joins are planned with their inputs swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinType {
    /// Pairs.
    Inner,
    /// Pairs, and left rows without a partner.
    Left,
    /// Pairs, and right rows without a partner.
    Right,
    /// Pairs, and rows of both sides without a partner.
    Full,
    /// Left rows that have a partner.
    LeftSemi,
    /// Left rows that have none.
    LeftAnti,
}

impl JoinType {
    /// True where rows of this port are kept without a partner.
    pub(crate) fn preserves(self, port: usize) -> bool {
        match self {
            JoinType::Left => port == 0,
            JoinType::Right => port == 1,
            JoinType::Full => true,
            JoinType::Inner | JoinType::LeftSemi | JoinType::LeftAnti => false,
        }
    }

    /// True where only left rows come out.
    pub(crate) fn gives_left_only(self) -> bool {
        matches!(self, JoinType::LeftSemi | JoinType::LeftAnti)
    }
}

/// What all joins have to know of an input.
#[derive(Clone, Debug)]
pub struct JoinInput {
    /// Its columns, without the key column behind them.
    pub schema: SchemaRef,
    /// Columns of the key for which NULL equals nothing, as in SQL's `=`. A row that has NULL in one of them has no partner.
    /// Leave out those that are compared by `IS NOT DISTINCT FROM`, and all of them for set operations.
    pub null_never_equals: Vec<usize>,
}
