//! The text of an application for Kinesis Data Analytics, as the parser can read it.
//!
//! Its grammar is that of standard SQL with some clauses of its own. They are put into words that the parser knows before it sees them
//! ([`tokens`]); what they mean is decided when a query is planned ([`crate::logical::kinesis`]).

mod ddl;
mod expressions;
mod text;
mod tokens;
mod windows;

pub(super) use self::ddl::{pump, stream};
pub(super) use self::text::is_kinesis;
pub(super) use self::tokens::tokens;

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

/// The call that stands for a stagger window in `GROUP BY`.
pub(crate) const STAGGER: &str = "__stagger";
/// The call that stands for `WITHIN INTERVAL …` in `ORDER BY`.
pub(crate) const WITHIN: &str = "__within";

/// The call that stands for a window with rows on both sides: `__following(before, behind)`.
pub(crate) const FOLLOWING: &str = "__following";
/// The call that stands for the window of a sub-query.
pub(crate) const WINDOW: &str = "__window";
/// `NTH_VALUE(…) FROM LAST`
pub(crate) const NTH_FROM_LAST: &str = "NTH_VALUE_FROM_LAST";

/// The grammar of expressions.
#[derive(Debug)]
pub(crate) struct KinesisDialect;

impl Dialect for KinesisDialect {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '$'
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_boolean_literals(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn parse_infix(&self, parser: &mut Parser<'_>, expr: &Expr, _precedence: u8) -> Option<Result<Expr, ParserError>> {
        super::expr::between(parser, expr)
    }
}
