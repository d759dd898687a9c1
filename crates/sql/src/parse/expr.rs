//! Expressions that the parser doesn't know.

use datafusion::sql::sqlparser::ast::{Expr, Value};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::dialect::call;

/// `TIMESTAMPADD(unit, n, time)` and `TIMESTAMPDIFF(unit, from, to)`: the unit becomes a text.
pub(super) fn timestamp_function(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    if parser.peek_nth_token_ref(1).token != Token::LParen {
        return None;
    }
    let mut parse = || {
        let name = parser.next_token().token.to_string().to_ascii_lowercase();
        parser.expect_token(&Token::LParen)?;
        let unit = parser.parse_identifier()?.value.to_ascii_uppercase();
        let mut arguments = vec![Expr::value(Value::SingleQuotedString(unit))];
        while parser.consume_token(&Token::Comma) {
            arguments.push(parser.parse_expr()?);
        }
        parser.expect_token(&Token::RParen)?;
        Ok(call(&name, arguments))
    };
    Some(parse())
}

/// `ROW(a, b)`.
pub(super) fn row_constructor(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    if parser.peek_nth_token_ref(1).token != Token::LParen {
        return None;
    }
    parser.next_token();
    let mut parse = || {
        parser.expect_token(&Token::LParen)?;
        let values = parser.parse_comma_separated(Parser::parse_expr)?;
        parser.expect_token(&Token::RParen)?;
        Ok(call("row", values))
    };
    Some(parse())
}

/// `MAP[key, value, …]`.
pub(super) fn map_constructor(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    if parser.peek_nth_token_ref(1).token != Token::LBracket {
        return None;
    }
    parser.next_token();
    let mut parse = || {
        parser.expect_token(&Token::LBracket)?;
        let entries = parser.parse_comma_separated(Parser::parse_expr)?;
        parser.expect_token(&Token::RBracket)?;
        if entries.len() % 2 == 1 {
            return Err(ParserError::ParserError(format!("the last key of MAP[…] has no value: {}", entries.len())));
        }
        let of = |first: usize| call("make_array", entries.iter().skip(first).step_by(2).cloned());
        Ok(call("map", [of(0), of(1)]))
    };
    Some(parse())
}
