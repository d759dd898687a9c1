//! The clauses of SQL's JSON functions, as arguments of calls.

use datafusion::sql::sqlparser::ast::{CastKind, DataType, Expr, UnaryOperator, Value};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::dialect::call;
use super::{word, words};
use crate::functions::json;

type Parsed<T> = Result<T, ParserError>;

/// `JSON_VALUE(…)` and its like; none where the next words are no such call.
pub(super) fn function(parser: &mut Parser<'_>) -> Option<Parsed<Expr>> {
    if parser.peek_nth_token_ref(1).token != Token::LParen {
        return None;
    }
    let Token::Word(name) = &parser.peek_token_ref().token else { return None };
    let read: fn(&mut Parser<'_>) -> Parsed<Expr> = match name.value.to_ascii_uppercase().as_str() {
        "JSON_VALUE" => value,
        "JSON_QUERY" => query,
        "JSON_EXISTS" => exists,
        "JSON_OBJECT" => object,
        "JSON_ARRAY" => array,
        "JSON_OBJECTAGG" => object_agg,
        "JSON_ARRAYAGG" => array_agg,
        _ => return None,
    };
    parser.next_token();
    parser.next_token();
    Some(read(parser))
}

/// `x IS [NOT] JSON [VALUE | SCALAR | ARRAY | OBJECT]`; none where something else is next.
pub(super) fn is_json(parser: &mut Parser<'_>, of: &Expr) -> Option<Parsed<Expr>> {
    let negated = words(parser, &["IS", "NOT", "JSON"]);
    if !negated && !words(parser, &["IS", "JSON"]) {
        return None;
    }
    let kinds = ["VALUE", "SCALAR", "ARRAY", "OBJECT"];
    let kind = kinds.into_iter().find(|kind| word(parser, kind)).unwrap_or("VALUE");
    let is = call(json::IS_JSON, [of.clone(), text(kind)]);
    Some(Ok(match negated {
        true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(is) },
        false => is,
    }))
}

fn text(text: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(text.to_owned()))
}

fn flag(is: bool) -> Expr {
    Expr::value(Value::Boolean(is))
}

/// A text and a path; a path that is written in the statement is read now.
fn text_and_path(parser: &mut Parser<'_>) -> Parsed<[Expr; 2]> {
    let json = parser.parse_expr()?;
    parser.expect_token(&Token::Comma)?;
    let path = parser.parse_expr()?;
    if let Expr::Value(value) = &path
        && let Value::SingleQuotedString(path) = &value.value
    {
        json::Path::parse(path).map_err(|error| {
            let at = value.span.start;
            ParserError::ParserError(format!("{error} at Line: {}, Column: {}", at.line, at.column))
        })?;
    }
    Ok([json, path])
}

/// The first of these words that is next.
fn choice(parser: &mut Parser<'_>, of: &[&'static [&'static str]]) -> Option<String> {
    of.iter().find(|choice| words(parser, choice)).map(|choice| choice.join(" "))
}

/// `… ON EMPTY` or `… ON ERROR`, each at most once: what is to be done on empty and on error, and the defaults.
fn behaviors(parser: &mut Parser<'_>, of: &[&'static [&'static str]]) -> Parsed<[(String, Expr); 2]> {
    let null = || Expr::value(Value::Null);
    let mut found = [(String::new(), null()), (String::new(), null())];
    loop {
        let (behavior, default) = match choice(parser, of) {
            Some(behavior) => (behavior, null()),
            None if word(parser, "DEFAULT") => ("DEFAULT".to_owned(), parser.parse_expr()?),
            None => return Ok(found),
        };
        let place = match choice(parser, &[&["ON", "EMPTY"], &["ON", "ERROR"]]).as_deref() {
            Some("ON EMPTY") => 0,
            Some(_) => 1,
            None => return parser.expected_ref("ON EMPTY or ON ERROR", parser.peek_token_ref()),
        };
        found[place] = (behavior, default);
    }
}

fn value(parser: &mut Parser<'_>) -> Parsed<Expr> {
    let [json, path] = text_and_path(parser)?;
    let returning = match word(parser, "RETURNING") {
        true => Some(parser.parse_data_type()?),
        false => None,
    };
    let kind = returning.as_ref().map_or(Ok("STRING"), kind_of)?;
    let [(on_empty, empty), (on_error, error)] = behaviors(parser, &[&["NULL"], &["ERROR"]])?;
    parser.expect_token(&Token::RParen)?;
    let value = call(json::JSON_VALUE, [json, path, text(kind), text(&on_empty), empty, text(&on_error), error]);
    Ok(match returning {
        Some(data_type) => {
            Expr::Cast { kind: CastKind::Cast, expr: Box::new(value), data_type, array: false, format: None }
        }
        None => value,
    })
}

/// Which values a type takes.
fn kind_of(data_type: &DataType) -> Parsed<&'static str> {
    Ok(match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::TinyInt(_) | DataType::SmallInt(_) | DataType::Int(_) | DataType::Integer(_) => "INTEGER",
        DataType::BigInt(_) => "BIGINT",
        DataType::Double(_) | DataType::Float(_) | DataType::Real => "DOUBLE",
        DataType::String(_) | DataType::Varchar(_) | DataType::Char(_) => "STRING",
        other => {
            let message = "JSON_VALUE returns STRING, BOOLEAN, INTEGER, BIGINT or DOUBLE: CAST it to";
            return Err(ParserError::ParserError(format!("{message} {other}")));
        }
    })
}

fn query(parser: &mut Parser<'_>) -> Parsed<Expr> {
    let [json, path] = text_and_path(parser)?;
    if word(parser, "RETURNING") && !matches!(parser.parse_data_type()?, DataType::String(_) | DataType::Varchar(_)) {
        return Err(ParserError::ParserError("JSON_QUERY returns a STRING".to_owned()));
    }
    let wrapped = [
        (&["WITHOUT", "ARRAY", "WRAPPER"] as &[_], ""),
        (&["WITHOUT", "WRAPPER"], ""),
        (&["WITH", "CONDITIONAL", "ARRAY", "WRAPPER"], "CONDITIONAL"),
        (&["WITH", "CONDITIONAL", "WRAPPER"], "CONDITIONAL"),
        (&["WITH", "UNCONDITIONAL", "ARRAY", "WRAPPER"], "UNCONDITIONAL"),
        (&["WITH", "UNCONDITIONAL", "WRAPPER"], "UNCONDITIONAL"),
        (&["WITH", "ARRAY", "WRAPPER"], "UNCONDITIONAL"),
        (&["WITH", "WRAPPER"], "UNCONDITIONAL"),
    ];
    let wrapper = wrapped.iter().find(|(clause, _)| words(parser, clause)).map_or("", |(_, wrapper)| wrapper);
    let instead: &[&[_]] = &[&["NULL"], &["ERROR"], &["EMPTY", "ARRAY"], &["EMPTY", "OBJECT"]];
    let [(on_empty, _), (on_error, _)] = behaviors(parser, instead)?;
    parser.expect_token(&Token::RParen)?;
    Ok(call(json::JSON_QUERY, [json, path, text(wrapper), text(&on_empty), text(&on_error)]))
}

fn exists(parser: &mut Parser<'_>) -> Parsed<Expr> {
    let [json, path] = text_and_path(parser)?;
    let instead: &[&[_]] = &[&["TRUE"], &["FALSE"], &["UNKNOWN"], &["ERROR"]];
    let [_, (on_error, _)] = behaviors(parser, instead)?;
    parser.expect_token(&Token::RParen)?;
    Ok(call(json::JSON_EXISTS, [json, path, text(&on_error)]))
}

/// `[NULL | ABSENT] ON NULL`: whether NULLs are left out.
fn absent(parser: &mut Parser<'_>, otherwise: bool) -> bool {
    match choice(parser, &[&["NULL", "ON", "NULL"], &["ABSENT", "ON", "NULL"]]) {
        Some(clause) => clause.starts_with("ABSENT"),
        None => otherwise,
    }
}

/// A value as JSON, which what these functions give is already.
fn as_json(value: Expr) -> Expr {
    let made = [json::OBJECT, json::ARRAY, json::OBJECT_OF, json::ARRAY_OF, json::JSON];
    match &value {
        Expr::Function(function) if made.iter().any(|name| function.name.to_string().eq_ignore_ascii_case(name)) => {
            value
        }
        _ => call(json::JSON_STRING, [value]),
    }
}

/// `[KEY] key VALUE value`, `key : value`
fn member(parser: &mut Parser<'_>) -> Parsed<[Expr; 2]> {
    word(parser, "KEY");
    let key = parser.parse_expr()?;
    if !word(parser, "VALUE") {
        parser.expect_token(&Token::Colon)?;
    }
    Ok([key, as_json(parser.parse_expr()?)])
}

fn at_end(parser: &Parser<'_>) -> bool {
    let ends = |clause: &str| super::peek_word(parser, 0, clause) && super::peek_word(parser, 1, "ON");
    parser.peek_token_ref().token == Token::RParen || ends("NULL") || ends("ABSENT")
}

fn object(parser: &mut Parser<'_>) -> Parsed<Expr> {
    let members = match at_end(parser) {
        true => Vec::new(),
        false => parser.parse_comma_separated(member)?,
    };
    let absent = absent(parser, false);
    parser.expect_token(&Token::RParen)?;
    Ok(call(json::OBJECT, [flag(absent)].into_iter().chain(members.into_iter().flatten())))
}

fn array(parser: &mut Parser<'_>) -> Parsed<Expr> {
    let values = match at_end(parser) {
        true => Vec::new(),
        false => parser.parse_comma_separated(Parser::parse_expr)?,
    };
    let absent = absent(parser, true);
    parser.expect_token(&Token::RParen)?;
    Ok(call(json::ARRAY, [flag(absent)].into_iter().chain(values.into_iter().map(as_json))))
}

/// The list of a group's values, with the FILTER that follows the call.
fn listed(parser: &mut Parser<'_>, value: Expr) -> Parsed<Expr> {
    let mut list = call("array_agg", [value]);
    if words(parser, &["FILTER"]) {
        parser.expect_token(&Token::LParen)?;
        if !word(parser, "WHERE") {
            return parser.expected_ref("WHERE", parser.peek_token_ref());
        }
        let condition = parser.parse_expr()?;
        parser.expect_token(&Token::RParen)?;
        if let Expr::Function(function) = &mut list {
            function.filter = Some(Box::new(condition));
        }
    }
    Ok(list)
}

fn object_agg(parser: &mut Parser<'_>) -> Parsed<Expr> {
    let member = member(parser)?;
    let absent = absent(parser, false);
    parser.expect_token(&Token::RParen)?;
    Ok(call(json::OBJECT_OF, [flag(absent), listed(parser, call(json::MEMBER, member))?]))
}

fn array_agg(parser: &mut Parser<'_>) -> Parsed<Expr> {
    let value = as_json(parser.parse_expr()?);
    let absent = absent(parser, true);
    parser.expect_token(&Token::RParen)?;
    Ok(call(json::ARRAY_OF, [flag(absent), listed(parser, value)?]))
}
