//! `CREATE TABLE`, `CREATE VIEW`, `CREATE FUNCTION`.

use datafusion::sql::sqlparser::ast::Ident;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::kinesis;
use super::script::{Source, name};
use super::statement::{Column, ColumnKind, CreateFunction, CreateTable, CreateView, Statement, Taken, Watermark};
use super::types::sql_type;
use super::{expect_word, peek_word, place, unexpected, word, words};
use crate::error::{Kind, Result, SqlError};

/// What follows `CREATE`.
pub(super) fn create(parser: &mut Parser<'_>, source: &Source<'_>) -> Result<Statement> {
    let or_replace = words(parser, &["OR", "REPLACE"]);
    let temporary = word(parser, "TEMPORARY");
    if temporary && word(parser, "SYSTEM") {
        expect_word(parser, "FUNCTION")?;
        return function(parser, or_replace).map(|function| Statement::CreateFunction(Box::new(function)));
    }
    if word(parser, "TABLE") {
        return table(parser, source).map(|table| Statement::CreateTable(Box::new(table)));
    }
    if word(parser, "VIEW") {
        return view(parser, or_replace, source).map(Statement::CreateView);
    }
    if word(parser, "FUNCTION") {
        return function(parser, or_replace).map(|function| Statement::CreateFunction(Box::new(function)));
    }
    if word(parser, "STREAM") {
        return kinesis::stream(parser, or_replace).map(Statement::CreateStream);
    }
    if word(parser, "PUMP") {
        return kinesis::pump(parser, or_replace).map(Statement::CreatePump);
    }
    for (other, hint) in [
        ("CATALOG", "there is one catalog; leave the statement out"),
        ("DATABASE", "there is one database; leave the statement out"),
        ("MATERIALIZED", "INSERT INTO a table with a primary key keeps a query's result"),
        ("MODEL", "call a model through an HTTP look-up join"),
        ("SCHEMA", "there is one schema; leave the statement out"),
        ("FOREIGN", "declare the input by CREATE TABLE … WITH ('connector' = …)"),
    ] {
        if peek_word(parser, 0, other) {
            return Err(SqlError::unsupported(format!("CREATE {other} is not built")).hint(hint).at(place(parser)));
        }
    }
    Err(unexpected(parser, "TABLE, VIEW or FUNCTION"))
}

fn table(parser: &mut Parser<'_>, source: &Source<'_>) -> Result<CreateTable> {
    let if_not_exists = words(parser, &["IF", "NOT", "EXISTS"]);
    let mut table = CreateTable {
        name: name(parser)?,
        if_not_exists,
        columns: Vec::new(),
        watermark: None,
        primary_key: Vec::new(),
        partitioned_by: Vec::new(),
        options: Vec::new(),
        like: None,
        query: None,
        comment: None,
        text: String::new(),
    };
    if parser.consume_token(&Token::LParen) {
        loop {
            element(parser, &mut table)?;
            if !parser.consume_token(&Token::Comma) {
                break;
            }
        }
        parser.expect_token(&Token::RParen)?;
    }
    if word(parser, "COMMENT") {
        table.comment = Some(parser.parse_literal_string()?);
    }
    if peek_word(parser, 0, "DISTRIBUTED") {
        let error = SqlError::unsupported("DISTRIBUTED BY is not built");
        return Err(error.hint("leave it out: rows are spread by their key").at(place(parser)));
    }
    if words(parser, &["PARTITIONED", "BY"]) {
        parser.expect_token(&Token::LParen)?;
        table.partitioned_by = parser.parse_comma_separated(Parser::parse_identifier)?;
        parser.expect_token(&Token::RParen)?;
    }
    if word(parser, "WITH") {
        table.options = options(parser)?;
    }
    if word(parser, "LIKE") {
        let like = name(parser)?;
        let taken = if parser.consume_token(&Token::LParen) { like_options(parser)? } else { Taken::all(true) };
        table.like = Some((like, taken));
    }
    let at = place(parser);
    if word(parser, "AS") {
        if !table.columns.is_empty() || table.like.is_some() {
            let error = SqlError::unsupported("CREATE TABLE … AS SELECT takes its columns from the query");
            return Err(error.hint("leave them out, or declare the table and INSERT INTO it").at(at));
        }
        table.query = Some(parser.parse_query()?);
    }
    table.text = source.written(parser);
    Ok(table)
}

/// `INCLUDING | EXCLUDING | OVERWRITING ALL | OPTIONS | …`: what is not named is taken, unless ALL says otherwise; what a table says itself
/// wins.
fn like_options(parser: &mut Parser<'_>) -> Result<Taken> {
    let mut named = Vec::new();
    while !parser.consume_token(&Token::RParen) {
        let at = place(parser);
        let excluding = word(parser, "EXCLUDING");
        if !excluding && !word(parser, "INCLUDING") && !word(parser, "OVERWRITING") {
            return Err(unexpected(parser, "INCLUDING, EXCLUDING, OVERWRITING or )"));
        }
        let part = parser.parse_identifier()?.value.to_ascii_uppercase();
        if part != "ALL" && part != "DISTRIBUTION" && Taken::all(true).part(&part).is_none() {
            let error = SqlError::new(Kind::Syntax, format!("a table has no {part} to take"));
            let hint = "there are ALL, CONSTRAINTS, DISTRIBUTION, GENERATED, METADATA, OPTIONS, PARTITIONS, WATERMARKS";
            return Err(error.hint(hint).at(at));
        }
        named.push((part, !excluding));
    }
    let mut taken = Taken::all(named.iter().all(|(part, taken)| part != "ALL" || *taken));
    for (part, is_taken) in named {
        if let Some(known) = taken.part(&part) {
            *known = is_taken;
        }
    }
    Ok(taken)
}

/// A column, the watermark or the primary key.
fn element(parser: &mut Parser<'_>, table: &mut CreateTable) -> Result<()> {
    let at = place(parser);
    if peek_word(parser, 0, "WATERMARK") && peek_word(parser, 1, "FOR") {
        words(parser, &["WATERMARK", "FOR"]);
        let column = parser.parse_identifier()?;
        if parser.peek_token_ref().token == Token::Period {
            let error = SqlError::unsupported("the watermark's column can't be part of a row");
            return Err(error.hint("compute a column of it: `ts AS event.ts`").at(at));
        }
        expect_word(parser, "AS")?;
        let watermark = Watermark { column, expression: parser.parse_expr()? };
        return match table.watermark.replace(watermark) {
            None => Ok(()),
            Some(_) => Err(SqlError::declaration("a table has one watermark").at(at)),
        };
    }
    if word(parser, "CONSTRAINT") {
        parser.parse_identifier()?;
    }
    if words(parser, &["PRIMARY", "KEY"]) {
        parser.expect_token(&Token::LParen)?;
        let columns = parser.parse_comma_separated(Parser::parse_identifier)?;
        parser.expect_token(&Token::RParen)?;
        not_enforced(parser)?;
        return primary_key(table, columns).map_err(|error| error.at(at));
    }
    let name = parser.parse_identifier()?;
    if word(parser, "AS") {
        let kind = ColumnKind::Computed(Box::new(parser.parse_expr()?));
        let comment = comment(parser)?;
        table.columns.push(Column { name, kind, comment });
        return Ok(());
    }
    let data_type = sql_type(parser)?;
    let mut nullable = true;
    let mut metadata = None;
    loop {
        if words(parser, &["NOT", "NULL"]) {
            nullable = false;
        } else if word(parser, "NULL") {
        } else if words(parser, &["PRIMARY", "KEY"]) {
            not_enforced(parser)?;
            nullable = false;
            primary_key(table, vec![name.clone()]).map_err(|error| error.at(at))?;
        } else if word(parser, "METADATA") {
            let key = if word(parser, "FROM") { Some(parser.parse_literal_string()?) } else { None };
            metadata = Some((key, word(parser, "VIRTUAL")));
        } else {
            break;
        }
    }
    let kind = match metadata {
        Some((key, is_virtual)) => ColumnKind::Metadata { data_type, nullable, key, is_virtual },
        None => ColumnKind::Physical { data_type, nullable },
    };
    let comment = comment(parser)?;
    table.columns.push(Column { name, kind, comment });
    Ok(())
}

fn not_enforced(parser: &mut Parser<'_>) -> Result<()> {
    if words(parser, &["NOT", "ENFORCED"]) {
        return Ok(());
    }
    let error = SqlError::declaration("a primary key can't be enforced: rows come from outside");
    Err(error.hint("write PRIMARY KEY (…) NOT ENFORCED").at(place(parser)))
}

fn primary_key(table: &mut CreateTable, columns: Vec<Ident>) -> Result<()> {
    match std::mem::replace(&mut table.primary_key, columns).is_empty() {
        true => Ok(()),
        false => Err(SqlError::declaration("a table has one primary key")),
    }
}

fn comment(parser: &mut Parser<'_>) -> Result<Option<String>> {
    Ok(if word(parser, "COMMENT") { Some(parser.parse_literal_string()?) } else { None })
}

/// `('key' = 'value', …)`
fn options(parser: &mut Parser<'_>) -> Result<Vec<(String, String)>> {
    parser.expect_token(&Token::LParen)?;
    let mut options: Vec<(String, String)> = Vec::new();
    while parser.peek_token_ref().token != Token::RParen {
        let at = place(parser);
        let key = parser.parse_literal_string()?;
        parser.expect_token(&Token::Eq)?;
        let value = parser.parse_literal_string()?;
        if options.iter().any(|(known, _)| *known == key) {
            return Err(SqlError::declaration(format!("the option '{key}' is given twice")).at(at));
        }
        options.push((key, value));
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    parser.expect_token(&Token::RParen)?;
    Ok(options)
}

fn view(parser: &mut Parser<'_>, or_replace: bool, source: &Source<'_>) -> Result<CreateView> {
    let if_not_exists = words(parser, &["IF", "NOT", "EXISTS"]);
    let name = name(parser)?;
    let mut columns = Vec::new();
    if parser.consume_token(&Token::LParen) {
        loop {
            columns.push(parser.parse_identifier()?);
            comment(parser)?;
            if !parser.consume_token(&Token::Comma) {
                break;
            }
        }
        parser.expect_token(&Token::RParen)?;
    }
    comment(parser)?;
    expect_word(parser, "AS")?;
    let query = parser.parse_query()?;
    Ok(CreateView { name, columns, query, if_not_exists, or_replace, text: source.written(parser) })
}

/// `name(parameter type, …) RETURNS type … RETURN expression`
fn function(parser: &mut Parser<'_>, or_replace: bool) -> Result<CreateFunction> {
    words(parser, &["IF", "NOT", "EXISTS"]);
    let name = name(parser)?;
    if peek_word(parser, 0, "AS") || peek_word(parser, 0, "LANGUAGE") || peek_word(parser, 0, "USING") {
        let error = SqlError::unsupported("functions of Java, Scala or Python classes can't run here");
        let hint = "write CREATE FUNCTION f(a INT) RETURNS INT RETURN a + 1, or an application in Rust";
        return Err(error.hint(hint).at(place(parser)));
    }
    parser.expect_token(&Token::LParen)?;
    let mut parameters = Vec::new();
    while parser.peek_token_ref().token != Token::RParen {
        parameters.push((parser.parse_identifier()?, sql_type(parser)?));
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    parser.expect_token(&Token::RParen)?;
    expect_word(parser, "RETURNS")?;
    let returns = sql_type(parser)?;
    let mut strict = false;
    loop {
        if words(parser, &["LANGUAGE", "SQL"])
            || words(parser, &["NOT", "DETERMINISTIC"])
            || word(parser, "DETERMINISTIC")
            || words(parser, &["CONTAINS", "SQL"])
            || words(parser, &["READS", "SQL", "DATA"])
            || words(parser, &["MODIFIES", "SQL", "DATA"])
            || words(parser, &["CALLED", "ON", "NULL", "INPUT"])
        {
        } else if words(parser, &["RETURNS", "NULL", "ON", "NULL", "INPUT"]) {
            strict = true;
        } else if word(parser, "SPECIFIC") {
            parser.parse_identifier()?;
        } else {
            break;
        }
    }
    if !word(parser, "RETURN") {
        return Err(unexpected(parser, "RETURN and an expression"));
    }
    let body = parser.parse_expr()?;
    Ok(CreateFunction { name, parameters, returns, body, or_replace, strict })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::parse::parse;

    fn one(text: &str) -> Statement {
        parse(text).unwrap().remove(0).statement
    }

    #[test]
    fn a_table_with_everything() {
        let text = "CREATE TEMPORARY TABLE IF NOT EXISTS `my db`.bids (\n  \
             auction BIGINT NOT NULL COMMENT 'which',\n  \
             price DECIMAL(10, 2),\n  \
             shard STRING METADATA FROM 'shard-id' VIRTUAL,\n  \
             at TIMESTAMP_LTZ(3) METADATA,\n  \
             cents AS CAST(price * 100 AS BIGINT),\n  \
             proc AS PROCTIME(),\n  \
             WATERMARK FOR at AS at - INTERVAL '5' SECOND,\n  \
             CONSTRAINT pk PRIMARY KEY (auction) NOT ENFORCED\n\
             ) COMMENT 'bids' PARTITIONED BY (shard) WITH ('connector' = 'datagen', 'rows-per-second' = '5')";
        let Statement::CreateTable(table) = one(&format!("{text};\nSELECT 1")) else { panic!() };
        assert_eq!((table.name.value.as_str(), table.if_not_exists, table.columns.len()), ("bids", true, 6));
        assert!(matches!(&table.columns[0].kind, ColumnKind::Physical { nullable: false, .. }));
        let ColumnKind::Metadata { key, is_virtual, .. } = &table.columns[2].kind else { panic!() };
        assert_eq!((key.as_deref(), *is_virtual), (Some("shard-id"), true));
        assert!(matches!(&table.columns[4].kind, ColumnKind::Computed(_)));
        assert_eq!(table.watermark.unwrap().column.value, "at");
        assert_eq!((table.primary_key.len(), table.partitioned_by.len(), table.options.len()), (1, 1, 2));
        assert_eq!(table.text, text);
    }

    #[test]
    fn a_key_at_its_column_and_a_table_like_another() {
        let Statement::CreateTable(table) =
            one("CREATE TABLE t (id INT PRIMARY KEY NOT ENFORCED) WITH ('connector' = 'print')")
        else {
            panic!()
        };
        assert_eq!(table.primary_key[0].value, "id");
        let Statement::CreateTable(table) = one("CREATE TABLE u WITH ('connector' = 'print') LIKE t (INCLUDING ALL)")
        else {
            panic!()
        };
        assert_eq!((table.like.unwrap().0.value.as_str(), table.columns.len()), ("t", 0));
    }

    #[test]
    fn functions_are_sql_expressions() {
        let Statement::CreateFunction(f) = one(
            "CREATE FUNCTION cents(price DOUBLE, factor INT) RETURNS BIGINT LANGUAGE SQL RETURN CAST(price * factor AS BIGINT)",
        ) else {
            panic!()
        };
        assert_eq!((f.name.value.as_str(), f.parameters.len()), ("cents", 2));
        let error = parse("CREATE FUNCTION f AS 'com.example.F'").unwrap_err();
        assert!(error.to_string().contains("RETURNS INT RETURN"), "{error}");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert_eq!(parse("CREATE TABLE t (a INT,)").unwrap_err().kind, Kind::Syntax);
        let twice = parse("CREATE TABLE t (a INT) WITH ('x' = '1', 'x' = '2')").unwrap_err();
        assert_eq!((twice.kind, twice.place.unwrap().column), (Kind::Declaration, 41));
        let enforced = parse("CREATE TABLE t (a INT, PRIMARY KEY (a))").unwrap_err();
        assert!(enforced.to_string().contains("NOT ENFORCED"));
        assert!(parse("CREATE TABLE t (a INT) AS SELECT 1").unwrap_err().to_string().contains("INSERT INTO"));
    }
}
