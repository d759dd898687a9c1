//! What streaming SQL's expressions and queries have beyond the standard's.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
};
use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// The name of the function call that stands for `TABLE t` in a table function's arguments.
pub(crate) const TABLE_ARGUMENT: &str = "__table";

/// The function that names a table function's column.
pub(crate) const DESCRIPTOR: &str = "DESCRIPTOR";

/// The grammar of Flink's SQL: names in backticks (double quotes are taken, too), `TABLE t` as an argument, named arguments,
/// `FOR SYSTEM_TIME AS OF`.
#[derive(Debug)]
pub(super) struct StreamingDialect;

impl Dialect for StreamingDialect {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`' || ch == '"'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_' || ch == '$'
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

    fn supports_named_fn_args_with_rarrow_operator(&self) -> bool {
        true
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_match_recognize(&self) -> bool {
        true
    }

    fn supports_boolean_literals(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn parse_infix(&self, parser: &mut Parser<'_>, expr: &Expr, _precedence: u8) -> Option<Result<Expr, ParserError>> {
        super::json::is_json(parser, expr).or_else(|| super::expr::between(parser, expr))
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.keyword == Keyword::TABLE && word.quote_style.is_none() => {
                parser.next_token();
                Some(table_argument(parser))
            }
            Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("TIMESTAMPADD") => {
                super::expr::timestamp_function(parser)
            }
            Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("TIMESTAMPDIFF") => {
                super::expr::timestamp_function(parser)
            }
            Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("ROW") => {
                super::expr::row_constructor(parser)
            }
            Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("MAP") => {
                super::expr::map_constructor(parser)
            }
            Token::Word(word) if word.quote_style.is_none() => super::json::function(parser),
            _ => None,
        }
    }
}

fn table_argument(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.parse_object_name(false)?;
    let parts: Option<Vec<Ident>> = name.0.iter().map(|part| part.as_ident().cloned()).collect();
    let table = match parts {
        Some(parts) => Expr::CompoundIdentifier(parts),
        None => return Err(ParserError::ParserError(format!("expected a table's name, found: {name}"))),
    };
    let mut arguments = vec![table];
    if parser.parse_keywords(&[Keyword::PARTITION, Keyword::BY]) {
        if parser.consume_token(&Token::LParen) {
            let keys = parser.parse_comma_separated(Parser::parse_identifier)?;
            parser.expect_token(&Token::RParen)?;
            arguments.extend(keys.into_iter().map(|key| Expr::CompoundIdentifier(vec![key])));
            return Ok(call(TABLE_ARGUMENT, arguments));
        }
        loop {
            arguments.push(Expr::CompoundIdentifier(vec![parser.parse_identifier()?]));
            // The time column comes behind the last key.
            let ends = |n: usize| match &parser.peek_nth_token_ref(n).token {
                Token::Word(word) => word.value.eq_ignore_ascii_case(DESCRIPTOR),
                _ => false,
            };
            if parser.peek_token_ref().token != Token::Comma
                || ends(1)
                || parser.peek_nth_token_ref(2).token == Token::RArrow
            {
                break;
            }
            parser.next_token();
        }
    }
    Ok(call(TABLE_ARGUMENT, arguments))
}

/// A call of a function.
pub(crate) fn call(name: &str, arguments: impl IntoIterator<Item = Expr>) -> Expr {
    let args = arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The arguments of a call.
pub(crate) fn arguments(call: &Expr) -> Vec<&Expr> {
    let Expr::Function(function) = call else { return Vec::new() };
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let argument = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().filter_map(argument).collect()
}
