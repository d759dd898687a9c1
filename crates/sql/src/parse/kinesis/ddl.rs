//! `CREATE STREAM`, `CREATE PUMP`.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::super::script::{insert, name};
use super::super::statement::{CreatePump, CreateStream, StreamColumn};
use super::super::types::sql_type;
use super::super::{expect_word, peek_word, place, word, words};
use crate::error::{Result, SqlError};
use crate::types::SqlType;

/// `name (column type [NOT NULL], …) [DESCRIPTION '…']`
pub(in crate::parse) fn stream(parser: &mut Parser<'_>, or_replace: bool) -> Result<CreateStream> {
    let at = place(parser);
    let name = name(parser)?;
    if name.value.eq_ignore_ascii_case("error_stream") {
        let error = SqlError::declaration("error_stream belongs to the system");
        return Err(error.hint("choose another name").at(at));
    }
    parser.expect_token(&Token::LParen)?;
    let mut columns = Vec::new();
    loop {
        let name = parser.parse_identifier()?;
        let column_type = column_type(parser)?;
        columns.push(StreamColumn { name, column_type, not_null: words(parser, &["NOT", "NULL"]) });
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    parser.expect_token(&Token::RParen)?;
    description(parser)?;
    Ok(CreateStream { name, columns, or_replace })
}

/// `name [STOPPED] [DESCRIPTION '…'] AS INSERT INTO stream [(columns)] query`
pub(in crate::parse) fn pump(parser: &mut Parser<'_>, or_replace: bool) -> Result<CreatePump> {
    let name = name(parser)?;
    let stopped = word(parser, "STOPPED");
    description(parser)?;
    expect_word(parser, "AS")?;
    expect_word(parser, "INSERT")?;
    word(parser, "EXPEDITED");
    Ok(CreatePump { name, or_replace, stopped, insert: insert(parser)? })
}

fn description(parser: &mut Parser<'_>) -> Result<()> {
    if word(parser, "DESCRIPTION") {
        parser.parse_literal_string()?;
    }
    Ok(())
}

/// Times have milliseconds, and FLOAT is DOUBLE.
fn column_type(parser: &mut Parser<'_>) -> Result<SqlType> {
    let is_float = peek_word(parser, 0, "FLOAT");
    let found = sql_type(parser)?;
    Ok(match found.data_type {
        DataType::Timestamp(..) => SqlType { data_type: DataType::Timestamp(TimeUnit::Millisecond, None), ..found },
        DataType::Float32 if is_float => SqlType { data_type: DataType::Float64, ..found },
        _ => found,
    })
}
