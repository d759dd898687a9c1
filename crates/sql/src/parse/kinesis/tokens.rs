//! Tokens of Kinesis Data Analytics' SQL, made such that the parser knows them:
//!
//! | written | read |
//! |---|---|
//! | `name` | `NAME`: what is not quoted is upper case |
//! | `// comment` | nothing |
//! | `SELECT STREAM` | `SELECT` |
//! | `STEP(x BY i)` | `STEP(x, i)` |
//! | `FLOOR((x - TIMESTAMP '1970-01-01 00:00:00') SECOND / 10 TO SECOND)` | `STEP(x, INTERVAL '10' SECOND)` |
//! | `CURSOR(query)` | `(query)` |
//! | `WINDOWED BY STAGGER (PARTITION BY a RANGE i)` | `GROUP BY a, __stagger(i)` |
//! | `FROM s OVER (RANGE i PRECEDING) AS a` | `FROM s AS a WITH (i)` |
//! | `FROM s OVER (RANGE BETWEEN i PRECEDING AND j FOLLOWING) AS a` | `FROM s AS a WITH (__following(i, j))` |
//! | `FROM s OVER w AS a` | `FROM s AS a WITH (w)` |
//! | `FROM (SELECT x …) OVER w AS a` | `FROM (SELECT __window(w), x …) AS a` |
//! | `ORDER BY x WITHIN i` | `ORDER BY x, __within(i)` |
//! | `(a - b) MINUTE TO SECOND` | `__qualified((a - b), 'SECOND')` |
//! | `NTH_VALUE(x, n) FROM LAST` | `NTH_VALUE_FROM_LAST(x, n)` |
//! | `SUBSTRING(x SIMILAR p ESCAPE e)` | `__substring_similar(x, p, e)` |

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::text::without_comments;
use super::{KinesisDialect, WITHIN};
use crate::error::{Kind, Place, Result, SqlError};

/// The tokens of a text.
pub(in crate::parse) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&KinesisDialect, &without_comments(text)).tokenize_with_location()?;
    let mut rewriter =
        Rewriter { tokens: tokens.into_iter().filter(is_solid).map(folded).collect(), at: 0, out: Vec::new() };
    rewriter.all()?;
    Ok(rewriter.out)
}

fn is_solid(token: &TokenWithSpan) -> bool {
    !matches!(token.token, Token::Whitespace(_))
}

/// What is not quoted is upper case, and text is text however it was written.
fn folded(mut token: TokenWithSpan) -> TokenWithSpan {
    if let Token::UnicodeStringLiteral(text) = &mut token.token {
        token.token = Token::SingleQuotedString(std::mem::take(text));
    } else if let Token::Word(word) = &mut token.token
        && word.quote_style.is_none()
    {
        word.value.make_ascii_uppercase();
    }
    token
}

/// Tokens on their way.
pub(super) struct Rewriter {
    pub(super) tokens: Vec<TokenWithSpan>,
    /// The next one.
    pub(super) at: usize,
    pub(super) out: Vec<TokenWithSpan>,
}

impl Rewriter {
    pub(super) fn is(&self, ahead: usize, word: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| is_word(token, word))
    }

    pub(super) fn are(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.is(ahead, word))
    }

    pub(super) fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|token| &token.token)
    }

    /// Passes the next token on as it is.
    pub(super) fn pass(&mut self) {
        self.out.extend(self.tokens.get(self.at).cloned());
        self.at += 1;
    }

    /// Puts other tokens, read from a text, in the place of the next one.
    pub(super) fn put(&mut self, text: &str) -> Result<()> {
        let span = self.tokens.get(self.at.min(self.tokens.len().saturating_sub(1))).map(|token| token.span);
        let tokens = Tokenizer::new(&KinesisDialect, text).tokenize()?;
        let solid = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_)));
        self.out.extend(solid.map(|token| TokenWithSpan { token, span: span.unwrap_or_else(empty_span) }));
        Ok(())
    }

    pub(super) fn expected(&self, what: &str) -> SqlError {
        let found = self.tokens.get(self.at);
        let said = found.map_or_else(|| "the end of the text".to_owned(), |token| token.token.to_string());
        let place = found.and_then(|token| Place::of(token.span));
        SqlError::new(Kind::Syntax, format!("expected {what}, found: {said}")).at(place)
    }

    pub(super) fn expect(&mut self, token: &Token, what: &str) -> Result<()> {
        if self.token(0) != Some(token) {
            return Err(self.expected(what));
        }
        self.at += 1;
        Ok(())
    }

    fn all(&mut self) -> Result<()> {
        while self.at < self.tokens.len() {
            if self.are(&["SELECT", "STREAM"]) {
                self.pass();
                self.at += 1;
            } else if self.is(0, "CURSOR") && self.token(1) == Some(&Token::LParen) {
                self.at += 1;
            } else if self.is(0, "STEP") && self.token(1) == Some(&Token::LParen) {
                self.step()?;
            } else if self.is(0, "CEILING") && self.token(1) == Some(&Token::LParen) {
                self.put("CEIL")?;
                self.at += 1;
            } else if TRIMS.iter().any(|side| self.is(0, side)) && self.is(1, "FROM") {
                self.pass();
                self.put("' '")?;
            } else if self.is(0, "UESCAPE") {
                self.unescape()?;
            } else if let Some(separators) = self.similar_parts() {
                self.substring_similar(&separators)?;
            } else if let Some((time, step, after)) = self.steps_since_1970() {
                self.put("STEP(")?;
                self.out.extend(self.tokens.get(time).into_iter().flatten().cloned());
                self.put(&format!(", {step})"))?;
                self.at = after;
            } else if self.are(&["WINDOWED", "BY", "STAGGER"]) {
                self.stagger()?;
            } else if self.is(0, "PERIOD") && self.token(1) == Some(&Token::LParen) {
                // The word may be left out.
                self.at += 1;
            } else if let Some(predicate) = self.period_predicate() {
                let place = self.tokens.get(self.at).and_then(|token| Place::of(token.span));
                let error = SqlError::unsupported(format!("the period predicate {predicate} is not built"));
                return Err(error
                    .hint("compare the begins and ends of both by <, <= and =; OVERLAPS is built")
                    .at(place));
            } else if UNITS.iter().any(|unit| self.is(0, unit))
                && self.out.last().is_some_and(|token| token.token == Token::RParen)
            {
                self.qualified()?;
            } else if self.is(0, "FROM") && self.counts_from() {
                self.nth_value()?;
            } else if self.is(0, "OVER") && self.sub_query().is_some() {
                self.window()?;
            } else if self.is(0, "WITHIN") && self.is(1, "INTERVAL") {
                self.put(&format!(", {WITHIN}("))?;
                self.at += 1;
                self.interval();
                self.put(")")?;
            } else if self.is(0, "OVER")
                && self
                    .out
                    .last()
                    .is_some_and(|token| matches!(&token.token, Token::Word(w) if !is_treatment(&w.value)))
            {
                self.window()?;
            } else {
                self.pass();
            }
        }
        Ok(())
    }

    /// A comparison of periods that is next: it stands between a parenthesis and what begins another one, or a time.
    fn period_predicate(&self) -> Option<&'static str> {
        let found = PERIOD_PREDICATES.into_iter().find(|word| self.is(0, word))?;
        let behind = self.out.last().is_some_and(|token| token.token == Token::RParen);
        let ends = matches!(self.token(1), None | Some(Token::Comma | Token::RParen | Token::SemiColon));
        (behind && !ends && !self.is(1, "FROM")).then_some(found)
    }

    /// Where the parenthesis opens that closed last.
    pub(super) fn opening(&self) -> Option<usize> {
        let mut depth = 0;
        for (place, token) in self.out.iter().enumerate().rev() {
            match token.token {
                Token::RParen => depth += 1,
                Token::LParen if depth == 1 => return Some(place),
                Token::LParen => depth -= 1,
                _ if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }
}

/// Comparisons of periods.
const PERIOD_PREDICATES: [&str; 8] =
    ["CONTAINS", "EQUALS", "PRECEDES", "SUCCEEDS", "LEADS", "LAGS", "STRICTLY", "IMMEDIATELY"];
/// Sides of `TRIM`, whose character is a blank where it is not said.
const TRIMS: [&str; 3] = ["LEADING", "TRAILING", "BOTH"];
/// Units of time.
const UNITS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];

fn empty_span() -> datafusion::sql::sqlparser::tokenizer::Span {
    datafusion::sql::sqlparser::tokenizer::Span::empty()
}

/// `IGNORE NULLS OVER` and the like: the window of a function.
fn is_treatment(word: &str) -> bool {
    word == "NULLS"
}

pub(super) fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        tokens(text).unwrap().iter().map(|token| token.token.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn clauses_become_what_the_parser_knows() {
        for (written, known) in [
            ("select stream ticker, \"Price\" from s // all", "SELECT TICKER , \"Price\" FROM S"),
            ("STEP(s.ROWTIME BY INTERVAL '10' SECOND)", "STEP ( S . ROWTIME , INTERVAL '10' SECOND )"),
            (
                "FLOOR((s.ROWTIME - TIMESTAMP '1970-01-01 00:00:00') SECOND / 10 TO SECOND)",
                "STEP ( S . ROWTIME , INTERVAL '10' SECOND )",
            ),
            (
                "FROM s WINDOWED BY STAGGER (PARTITION BY a, FLOOR(b TO MINUTE) RANGE INTERVAL '1' MINUTE) HAVING x",
                "FROM S GROUP BY A , FLOOR ( B TO MINUTE ) , __stagger ( INTERVAL '1' MINUTE ) HAVING X",
            ),
            (
                "FROM a OVER (RANGE INTERVAL '30' MINUTE PRECEDING) AS i JOIN b OVER w ON x",
                "FROM A AS I WITH ( INTERVAL '30' MINUTE ) JOIN B AS B WITH ( W ) ON X",
            ),
            (
                "SELECT SUM(x) OVER w, LAG(x) IGNORE NULLS OVER w",
                "SELECT SUM ( X ) OVER W , LAG ( X ) IGNORE NULLS OVER W",
            ),
            (
                "ORDER BY t WITHIN INTERVAL '59:59.999' MINUTE TO SECOND(3), b",
                "ORDER BY T , __within ( INTERVAL '59:59.999' MINUTE TO SECOND ( 3 ) ) , B",
            ),
            (
                "TRIM(TRAILING FROM CEILING(a)) || u&'!0042!!c' UESCAPE '!'",
                "TRIM ( TRAILING ' ' FROM CEIL ( A ) ) || 'B!c'",
            ),
            (
                "FROM a OVER (RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) AS b",
                "FROM A AS B WITH ( INTERVAL '1' MINUTE )",
            ),
            ("SUBSTRING(a SIMILAR 'x' ESCAPE '#')", "__substring_similar ( A , 'x' , '#' )"),
            ("SELECT 'a // b' -- it's\n, c", "SELECT 'a // b' , C"),
        ] {
            assert_eq!(read(written), known, "{written}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        let error = tokens("SELECT 1\nFROM s WINDOWED BY STAGGER (PARTITION BY a)").unwrap_err();
        assert!(error.to_string().contains("expected RANGE INTERVAL"), "{error}");
        let error = tokens("FROM a OVER (ROWS 3 PRECEDING) AS b").unwrap_err();
        assert_eq!(error.place, Some(Place { line: 1, column: 14 }));
    }
}
