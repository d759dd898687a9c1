//! A text of statements, one after the other.

use datafusion::sql::sqlparser::ast::{Ident, ObjectName};
use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};

use super::dialect::StreamingDialect;
use super::kinesis::{self, KinesisDialect};
use super::late_data::with_late_data;
use super::statement::{Dialect as Language, Insert, Jobs, Like, Located, Object, Show, Statement};
use super::{ddl, expect_word, hints, peek_word, place, unexpected, word, words};
use crate::error::{Kind, Place, Result, SqlError};

/// The longest text that is read, bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// How deep expressions and queries may lie in each other.
const DEPTH_MAX: usize = 64;

/// Reads a text of statements, divided by semicolons; the last need not have one.
///
/// # Errors
/// Where it is no SQL, with the place.
pub fn parse(text: &str) -> Result<Vec<Located>> {
    parse_as(text, None)
}

/// Reads a text of statements in a dialect; where none is given, it is found from the statements.
///
/// # Errors
/// Where it is no SQL, with the place.
pub fn parse_as(text: &str, dialect: Option<Language>) -> Result<Vec<Located>> {
    let dialect = dialect.unwrap_or(match text.len() <= TEXT_BYTES_MAX && kinesis::is_kinesis(text) {
        true => Language::Kinesis,
        false => Language::Streaming,
    });
    // What is missing is missing at the end.
    statements(text, dialect).map_err(|error| error.at(end(text)))
}

/// Whether a text that is being typed ends behind a statement: at a semicolon that is in no quotes, comment or statement set.
pub fn is_complete(text: &str) -> bool {
    let Ok(tokens) = Tokenizer::new(&StreamingDialect, text).tokenize() else { return false };
    let tokens = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_)));
    let is = |token: Option<&Token>, is: &str| matches!(token, Some(Token::Word(word)) if word.value.eq_ignore_ascii_case(is));
    let (mut in_set, mut last, mut before) = (false, None, None);
    for token in tokens {
        in_set |= is(before, "STATEMENT") && is(last, "SET");
        if *token == Token::SemiColon && is(last, "END") {
            in_set = false;
        }
        (before, last) = (last, Some(token));
    }
    matches!(last, Some(Token::SemiColon)) && !in_set
}

/// Behind the last character.
fn end(text: &str) -> Place {
    let (lines, last) = text.split('\n').fold((0, ""), |(lines, _), line| (lines + 1, line));
    Place { line: lines, column: last.chars().count() as u64 + 1 }
}

fn statements(text: &str, dialect: Language) -> Result<Vec<Located>> {
    let mut parser = match dialect {
        Language::Streaming => parser(&StreamingDialect, text)?,
        Language::Kinesis => parser(&KinesisDialect, text)?,
    };
    let mut statements = Vec::new();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        if parser.peek_token_ref().token == Token::EOF {
            return Ok(statements);
        }
        let place = place(&parser);
        let statement = statement(&mut parser, text).map_err(|error| error.at(place))?;
        statements.push(Located { statement, dialect, place });
        match parser.peek_token_ref().token {
            Token::SemiColon | Token::EOF => {}
            _ => return Err(unexpected(&parser, "; or the end of the text")),
        }
    }
}

/// A parser of a text's tokens.
pub(super) fn parser<'d>(dialect: &'d dyn Dialect, text: &str) -> Result<Parser<'d>> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the text has {} bytes, at most {TEXT_BYTES_MAX} are read", text.len());
        return Err(SqlError::new(Kind::Syntax, message));
    }
    let tokens = match dialect.is::<KinesisDialect>() {
        true => kinesis::tokens(text)?,
        false => with_late_data(hints::ours(Tokenizer::new(dialect, text).tokenize_with_location()?)?)?,
    };
    Ok(Parser::new(dialect).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens))
}

fn statement(parser: &mut Parser<'_>, text: &str) -> Result<Statement> {
    let begin = parser.peek_token_ref().span.start;
    if word(parser, "CREATE") {
        return ddl::create(parser, &Source { text, begin });
    }
    if word(parser, "INSERT") {
        return insert(parser).map(Statement::Insert);
    }
    if words(parser, &["EXECUTE", "STATEMENT", "SET"]) || words(parser, &["BEGIN", "STATEMENT", "SET"]) {
        return statement_set(parser);
    }
    if words(parser, &["EXECUTE", "INSERT"]) {
        return insert(parser).map(Statement::Insert);
    }
    if word(parser, "EXPLAIN") {
        let analyze = word(parser, "ANALYZE");
        explain_details(parser)?;
        words(parser, &["PLAN", "FOR"]);
        let is_set = words(parser, &["STATEMENT", "SET"]);
        let statement = Box::new(if is_set { statement_set(parser)? } else { statement(parser, text)? });
        return match *statement {
            Statement::Query(_) | Statement::Insert(_) | Statement::StatementSet(_) => {
                Ok(Statement::Explain { analyze, statement })
            }
            _ => Err(SqlError::unsupported("EXPLAIN is for a query, an INSERT or a statement set")),
        };
    }
    if peek_word(parser, 0, "SET") && peek_word(parser, 1, "SCHEMA") {
        let error = SqlError::unsupported("SET SCHEMA is not built").at(place(parser));
        return Err(error.hint("there is one schema; leave the statement out"));
    }
    if word(parser, "SET") {
        return set(parser);
    }
    if word(parser, "RESET") {
        let at_end = matches!(parser.peek_token_ref().token, Token::SemiColon | Token::EOF);
        return Ok(Statement::Reset(if at_end { None } else { Some(setting(parser)?) }));
    }
    if words(parser, &["SHOW", "JOBS"]) {
        return Ok(Statement::Jobs(Jobs::Show));
    }
    if word(parser, "SHOW") {
        return Ok(Statement::Show(show(parser)?, like(parser)?));
    }
    if words(parser, &["DESCRIBE", "JOB"]) {
        return job(parser).map(|job| Statement::Jobs(Jobs::Describe(job)));
    }
    if word(parser, "DESCRIBE") || word(parser, "DESC") {
        word(parser, "EXTENDED");
        return Ok(Statement::Describe(name(parser)?));
    }
    if words(parser, &["STOP", "JOB"]) {
        let job = job(parser)?;
        // It always is.
        words(parser, &["WITH", "SAVEPOINT"]);
        return Ok(Statement::Jobs(Jobs::Stop(job)));
    }
    if word(parser, "DROP") {
        return drop_object(parser);
    }
    let is_query = ["SELECT", "WITH", "VALUES", "TABLE"].iter().any(|first| peek_word(parser, 0, first))
        || parser.peek_token_ref().token == Token::LParen;
    if is_query {
        return Ok(Statement::Query(parser.parse_query()?));
    }
    Err(refused(parser))
}

/// What Flink would show, too: how rows are revised is always told.
fn explain_details(parser: &mut Parser<'_>) -> Result<()> {
    loop {
        let place = place(parser);
        let other =
            ["ESTIMATED_COST", "JSON_EXECUTION_PLAN", "PLAN_ADVICE"].into_iter().find(|detail| word(parser, detail));
        if let Some(detail) = other {
            let error = SqlError::unsupported(format!("EXPLAIN {detail} is not built"));
            return Err(error
                .hint("write EXPLAIN, or EXPLAIN ANALYZE to run it and see what each operator did")
                .at(place));
        }
        if !word(parser, "CHANGELOG_MODE") || !parser.consume_token(&Token::Comma) {
            return Ok(());
        }
    }
}

/// What is no statement here, and what to do instead.
fn refused(parser: &Parser<'_>) -> SqlError {
    let found = parser.peek_token_ref();
    let first = found.token.to_string().to_ascii_uppercase();
    let hint = match first.as_str() {
        "USE" => "there is one catalog and one database; leave the statement out",
        "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" => "write changes with INSERT INTO a table with a primary key",
        "ALTER" if peek_word(parser, 1, "PUMP") || peek_word(parser, 1, "STREAM") => {
            "leave the statement out: pumps run as CREATE PUMP says, STOPPED or not"
        }
        "ALTER" => "drop the table or view and create it anew",
        "ADD" | "REMOVE" | "LOAD" | "UNLOAD" => "functions are made by CREATE FUNCTION with an SQL expression",
        "STOP" => "write STOP JOB 'name'",
        "ANALYZE" => "write EXPLAIN ANALYZE",
        _ => {
            "a statement begins with CREATE, INSERT, SELECT, EXECUTE STATEMENT SET, SET, SHOW, DESCRIBE, EXPLAIN or DROP"
        }
    };
    SqlError::new(Kind::Unsupported, format!("{first} is no statement here")).hint(hint).at(Place::of(found.span))
}

/// The text that a statement is read from.
pub(super) struct Source<'t> {
    text: &'t str,
    begin: Location,
}

impl Source<'_> {
    /// The statement as it was written, up to what was read last.
    pub(super) fn written(&self, parser: &Parser<'_>) -> String {
        let end = parser.get_current_token().span.end;
        let written = self.offset(self.begin).zip(self.offset(end)).and_then(|(from, to)| self.text.get(from..to));
        written.unwrap_or_default().trim_end_matches([';', ' ', '\n']).to_owned()
    }

    /// Where a place is in the text, bytes.
    fn offset(&self, place: Location) -> Option<usize> {
        let (line, column) = (usize::try_from(place.line).ok()?, usize::try_from(place.column).ok()?);
        let start: usize = self.text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
        let in_line = self.text.get(start..)?.char_indices().nth(column.checked_sub(1)?);
        Some(in_line.map_or(self.text.len(), |(at, _)| start + at))
    }
}

/// `INTO table [(columns)] query`, behind `INSERT`.
pub(super) fn insert(parser: &mut Parser<'_>) -> Result<Insert> {
    let place = place(parser);
    if word(parser, "OVERWRITE") {
        return Err(SqlError::unsupported("INSERT OVERWRITE is not built").hint("write INSERT INTO").at(place));
    }
    expect_word(parser, "INTO")?;
    let table: ObjectName = parser.parse_object_name(false)?;
    let options = hints::options(parser)?;
    if peek_word(parser, 0, "PARTITION") {
        let error = SqlError::unsupported("INSERT INTO … PARTITION is not built");
        return Err(error.hint("select the partition columns like the others").at(self::place(parser)));
    }
    let mut columns = Vec::new();
    if parser.peek_token_ref().token == Token::LParen
        && !peek_word(parser, 1, "SELECT")
        && !peek_word(parser, 1, "WITH")
    {
        parser.next_token();
        columns = parser.parse_comma_separated(Parser::parse_identifier)?;
        parser.expect_token(&Token::RParen)?;
    }
    let query = parser.parse_query()?;
    Ok(Insert { table, options, columns, query, place })
}

/// `[BEGIN] INSERT …; INSERT …; END`
fn statement_set(parser: &mut Parser<'_>) -> Result<Statement> {
    if !word(parser, "BEGIN") {
        while parser.consume_token(&Token::SemiColon) {}
    }
    let mut inserts = Vec::new();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        if word(parser, "END") {
            break;
        }
        if !word(parser, "INSERT") {
            return Err(unexpected(parser, "INSERT INTO or END"));
        }
        inserts.push(insert(parser)?);
        if !peek_word(parser, 0, "END") && parser.peek_token_ref().token != Token::SemiColon {
            return Err(unexpected(parser, "; or END"));
        }
    }
    match inserts.is_empty() {
        true => Err(SqlError::new(Kind::Syntax, "a statement set needs an INSERT INTO")),
        false => Ok(Statement::StatementSet(inserts)),
    }
}

/// `['key' = 'value']`, behind `SET`.
fn set(parser: &mut Parser<'_>) -> Result<Statement> {
    if matches!(parser.peek_token_ref().token, Token::SemiColon | Token::EOF) {
        return Ok(Statement::ShowSettings);
    }
    let key = setting(parser)?;
    parser.expect_token(&Token::Eq)?;
    let found = parser.next_token();
    let value = match found.token {
        Token::SingleQuotedString(value) | Token::Number(value, _) => value,
        Token::Word(word) => word.value,
        other => {
            let error = SqlError::new(Kind::Syntax, format!("expected a value, found: {other}"));
            return Err(error.at(Place::of(found.span)));
        }
    };
    Ok(Statement::Set(key, value))
}

/// The name of a setting, with or without quotes.
fn setting(parser: &mut Parser<'_>) -> Result<String> {
    if let Token::SingleQuotedString(key) = &parser.peek_token_ref().token {
        let key = key.clone();
        parser.next_token();
        return Ok(key);
    }
    let mut key = String::new();
    loop {
        match parser.peek_token_ref().token.clone() {
            Token::Word(word) => key.push_str(&word.value),
            Token::Period => key.push('.'),
            Token::Minus => key.push('-'),
            _ if key.is_empty() => return Err(unexpected(parser, "the name of a setting")),
            _ => return Ok(key),
        }
        parser.next_token();
    }
}

/// The name of a job.
fn job(parser: &mut Parser<'_>) -> Result<String> {
    let name = match &parser.peek_token_ref().token {
        Token::SingleQuotedString(name) => name.clone(),
        Token::Word(word) => word.value.clone(),
        _ => return Err(unexpected(parser, "the name of a job")),
    };
    parser.next_token();
    Ok(name)
}

fn show(parser: &mut Parser<'_>) -> Result<Show> {
    if word(parser, "COLUMNS") {
        if !word(parser, "IN") {
            expect_word(parser, "FROM")?;
        }
        return name(parser).map(Show::Columns);
    }
    let all = [("TABLES", Show::Tables), ("VIEWS", Show::Views), ("FUNCTIONS", Show::Functions)];
    let user = words(parser, &["USER", "FUNCTIONS"]).then_some(Show::UserFunctions);
    let found = user.or_else(|| all.into_iter().find(|(kind, _)| word(parser, kind)).map(|(_, show)| show));
    if let Some(show) = found {
        // There is one catalog and one database.
        if word(parser, "FROM") || word(parser, "IN") {
            name(parser)?;
        }
        return Ok(show);
    }
    if words(parser, &["CREATE", "TABLE"]) || words(parser, &["CREATE", "VIEW"]) {
        return name(parser).map(Show::Create);
    }
    Err(unexpected(parser, "TABLES, VIEWS, FUNCTIONS, COLUMNS, JOBS, CREATE TABLE or CREATE VIEW"))
}

/// `[NOT] LIKE 'pattern'`, `[NOT] ILIKE 'pattern'`
fn like(parser: &mut Parser<'_>) -> Result<Option<Like>> {
    let negated = word(parser, "NOT");
    let any_case = word(parser, "ILIKE");
    if !any_case && !word(parser, "LIKE") {
        return if negated { Err(unexpected(parser, "LIKE")) } else { Ok(None) };
    }
    let Token::SingleQuotedString(pattern) = parser.peek_token_ref().token.clone() else {
        return Err(unexpected(parser, "a pattern in quotes"));
    };
    parser.next_token();
    Ok(Some(Like { pattern, any_case, negated }))
}

fn drop_object(parser: &mut Parser<'_>) -> Result<Statement> {
    word(parser, "TEMPORARY");
    let kind = if word(parser, "TABLE") {
        Object::Table
    } else if word(parser, "VIEW") {
        Object::View
    } else if word(parser, "FUNCTION") {
        Object::Function
    } else {
        let place = place(parser);
        for (kind, hint) in [
            ("STREAM", "leave the statement out: streams are made anew with each start"),
            ("PUMP", "leave the statement out: pumps are made anew with each start"),
            ("SCHEMA", "there is one schema; leave the statement out"),
            ("CATALOG", "there is one catalog; leave the statement out"),
            ("DATABASE", "there is one database; leave the statement out"),
        ] {
            if peek_word(parser, 0, kind) {
                return Err(SqlError::unsupported(format!("DROP {kind} is not built")).hint(hint).at(place));
            }
        }
        return Err(unexpected(parser, "TABLE, VIEW or FUNCTION"));
    };
    let if_exists = words(parser, &["IF", "EXISTS"]);
    Ok(Statement::Drop { kind, name: name(parser)?, if_exists })
}

/// The name of a table, view or function; there is one catalog and one database, whose names may come before.
pub(super) fn name(parser: &mut Parser<'_>) -> Result<Ident> {
    let at = place(parser);
    let name = parser.parse_object_name(false)?;
    let last = name.0.last().and_then(|part| part.as_ident()).cloned();
    last.ok_or_else(|| SqlError::new(Kind::Syntax, format!("expected a name, found: {name}")).at(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Statement {
        let mut statements = parse(text).unwrap();
        assert_eq!(statements.len(), 1, "{text}");
        statements.remove(0).statement
    }

    #[test]
    fn statements_are_divided_by_semicolons() {
        let text = "-- a comment\nSET 'a.b' = 'c';; SELECT 1;\n/* another */ INSERT INTO t SELECT * FROM s";
        let found = parse(text).unwrap();
        let places: Vec<_> = found.iter().map(|s| s.place.map(|p| (p.line, p.column))).collect();
        assert_eq!(places, [Some((2, 1)), Some((2, 19)), Some((3, 15))]);
        assert!(matches!(&found[0].statement, Statement::Set(key, value) if key == "a.b" && value == "c"));
        assert!(matches!(&found[2].statement, Statement::Insert(insert) if insert.table.to_string() == "t"));
    }

    #[test]
    fn both_ways_to_write_a_statement_set() {
        for text in [
            "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT * FROM s; INSERT INTO b (x, y) SELECT 1, 2; END;",
            "BEGIN STATEMENT SET; INSERT INTO a SELECT * FROM s; INSERT INTO b (x, y) SELECT 1, 2; END;",
        ] {
            let Statement::StatementSet(inserts) = one(text) else { panic!("{text}") };
            assert_eq!(inserts.len(), 2);
            assert_eq!(inserts[1].columns.len(), 2);
        }
    }

    #[test]
    fn typed_text_is_complete_behind_a_statement() {
        for text in [
            "SELECT 1;",
            "SELECT ';';\n",
            "SELECT 1; -- one",
            "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END;",
        ] {
            assert!(is_complete(text), "{text}");
        }
        for text in
            ["", "SELECT 1", "SELECT ';", "SELECT 1 /* ;", "-- ;", "BEGIN STATEMENT SET; INSERT INTO a SELECT 1;"]
        {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn jobs_are_named_with_and_without_quotes() {
        assert!(matches!(one("SHOW JOBS"), Statement::Jobs(Jobs::Show)));
        assert!(matches!(one("DESCRIBE JOB a"), Statement::Jobs(Jobs::Describe(name)) if name == "a"));
        assert!(matches!(one("STOP JOB 'a-1' WITH SAVEPOINT"), Statement::Jobs(Jobs::Stop(name)) if name == "a-1"));
        assert!(matches!(one("DESCRIBE jobs"), Statement::Describe(_)));
    }

    #[test]
    fn what_is_shown_can_be_chosen() {
        let Statement::Show(Show::Tables, Some(like)) = one("SHOW TABLES FROM db NOT LIKE 'a_%'") else { panic!() };
        assert_eq!(["ab", "Ab", "a", "ba"].map(|name| like.chooses(name)), [false, true, true, true]);
        let Statement::Show(Show::Columns(_), Some(like)) = one("SHOW COLUMNS IN t ILIKE 'A.%'") else { panic!() };
        assert!(like.chooses("a.b") && !like.chooses("ab"));
        assert!(parse("SHOW TABLES LIKE x").is_err() && parse("SHOW VIEWS NOT").is_err());
    }

    #[test]
    fn settings_need_no_quotes() {
        let Statement::Set(key, value) = one("SET table.exec.mini-batch.enabled = true") else { panic!() };
        assert_eq!((key.as_str(), value.as_str()), ("table.exec.mini-batch.enabled", "true"));
        assert!(matches!(one("SET"), Statement::ShowSettings));
        assert!(matches!(one("RESET 'a'"), Statement::Reset(Some(_))));
    }

    #[test]
    fn streams_extend_queries() {
        for text in [
            "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' MINUTES)) GROUP BY window_start",
            "SELECT * FROM TABLE(HOP(DATA => TABLE bid, TIMECOL => DESCRIPTOR(ts), SLIDE => INTERVAL '5' SECOND, SIZE => INTERVAL '10' SECOND))",
            "SELECT * FROM o JOIN r FOR SYSTEM_TIME AS OF o.ts AS v ON o.k = v.k",
            "SELECT TIMESTAMPDIFF(SECOND, a, b), TIMESTAMPADD(DAY, 1, a), ROW(1, 'x') FROM t",
            "SELECT COUNT(DISTINCT a) FILTER (WHERE b > 1) FROM t",
            "SELECT `a b`, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) AS rn FROM t",
        ] {
            assert!(matches!(one(text), Statement::Query(_)), "{text}");
        }
    }

    #[test]
    fn errors_name_their_place_and_what_to_write() {
        let error = parse("SELECT 1;\n  UPDATE t SET a = 1").unwrap_err();
        assert_eq!(error.place, Some(Place { line: 2, column: 3 }));
        assert!(error.to_string().contains("INSERT INTO a table with a primary key"), "{error}");
        let error = parse("SELECT FROM WHERE").unwrap_err();
        assert_eq!(error.kind, Kind::Syntax);
        assert!(parse(&format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000))).is_err());
    }
}
