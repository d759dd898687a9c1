//! Expressions that the parser doesn't know.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};
use datafusion::sql::sqlparser::dialect::{Dialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::dialect::{StreamingDialect, call};
use super::words;

/// `x [NOT] BETWEEN SYMMETRIC a AND b`: between the lesser and the greater; `ASYMMETRIC` says what holds anyway.
pub(super) fn between(parser: &mut Parser<'_>, expr: &Expr) -> Option<Result<Expr, ParserError>> {
    let forms = [("SYMMETRIC", true), ("ASYMMETRIC", false)];
    let found = forms.into_iter().flat_map(|(word, symmetric)| [(word, symmetric, false), (word, symmetric, true)]);
    let (_, symmetric, negated) = found.into_iter().find(|(word, _, negated)| match negated {
        true => words(parser, &["NOT", "BETWEEN", word]),
        false => words(parser, &["BETWEEN", word]),
    })?;
    let mut parse = || {
        let precedence = StreamingDialect.prec_value(Precedence::Between);
        let low = parser.parse_subexpr(precedence)?;
        parser.expect_keyword_is(Keyword::AND)?;
        let high = parser.parse_subexpr(precedence)?;
        let between = |low: &Expr, high: &Expr| Expr::Between {
            expr: Box::new(expr.clone()),
            negated: false,
            low: Box::new(low.clone()),
            high: Box::new(high.clone()),
        };
        let mut is = between(&low, &high);
        if symmetric {
            let (left, right) = (Box::new(is), Box::new(between(&high, &low)));
            is = Expr::Nested(Box::new(Expr::BinaryOp { left, op: BinaryOperator::Or, right }));
        }
        Ok(match negated {
            true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(is) },
            false => is,
        })
    };
    Some(parse())
}

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
