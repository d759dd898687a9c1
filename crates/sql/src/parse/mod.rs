//! Text to statements.
//!
//! [`script`] cuts a text into [`statement::Statement`]s. Queries and expressions are those of the SQL parser that DataFusion
//! uses; what streams add to them comes in by [`dialect`], and what streams add to declarations by [`ddl`] and [`types`]. A text of the
//! dialect of Kinesis Data Analytics is put into words that the parser knows first, by [`kinesis`].

mod ddl;
mod dialect;
mod expr;
pub(crate) mod hints;
mod json;
mod keywords;
pub(crate) mod kinesis;
mod late_data;
mod script;
pub mod statement;
mod types;

pub use keywords::KEYWORDS;
pub use script::{is_complete, parse, parse_as};

pub(crate) use self::dialect::{DESCRIPTOR, TABLE_ARGUMENT, arguments, call};
pub(crate) use self::late_data::LATE_DATA;

use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Kind, Place, Result, SqlError};
use crate::types::SqlType;

/// Reads a type by itself.
pub(crate) fn type_of(text: &str) -> Result<SqlType> {
    types::sql_type(&mut script::parser(&dialect::StreamingDialect, text)?)
}

/// True, and passed, where the next word is this one, whatever its case; also for words that the parser doesn't know.
fn word(parser: &mut Parser<'_>, word: &str) -> bool {
    let found = peek_word(parser, 0, word);
    if found {
        parser.next_token();
    }
    found
}

/// True, and passed, where these words are next.
fn words(parser: &mut Parser<'_>, words: &[&str]) -> bool {
    let found = words.iter().enumerate().all(|(n, word)| peek_word(parser, n, word));
    if found {
        words.iter().for_each(|_| drop(parser.next_token()));
    }
    found
}

fn peek_word(parser: &Parser<'_>, n: usize, word: &str) -> bool {
    matches!(&parser.peek_nth_token_ref(n).token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

fn expect_word(parser: &mut Parser<'_>, expected: &str) -> Result<(), SqlError> {
    match word(parser, expected) {
        true => Ok(()),
        false => Err(unexpected(parser, expected)),
    }
}

/// The next token is not what it should be.
fn unexpected(parser: &Parser<'_>, expected: &str) -> SqlError {
    let found = parser.peek_token_ref();
    SqlError::new(Kind::Syntax, format!("expected {expected}, found: {}", found.token)).at(Place::of(found.span))
}

fn place(parser: &Parser<'_>) -> Option<Place> {
    Place::of(parser.peek_token_ref().span)
}
