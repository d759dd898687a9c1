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

use super::{FOLLOWING, KinesisDialect, NTH_FROM_LAST, STAGGER, WINDOW, WITHIN};
use crate::error::{Kind, Place, Result, SqlError};
use crate::functions::kinesis::{QUALIFIED, SUBSTRING_SIMILAR};

/// Whether a text is of this dialect: its first lines say so, or it makes streams and pumps or selects from streams.
pub(in crate::parse) fn is_kinesis(text: &str) -> bool {
    let said = |line: &str| {
        let said = line.trim_start().strip_prefix("--")?.trim_start().strip_prefix("dialect:")?;
        Some(said.trim().eq_ignore_ascii_case("kinesis"))
    };
    if let Some(said) = text.lines().take(10).find_map(said) {
        return said;
    }
    let Ok(tokens) = Tokenizer::new(&KinesisDialect, &without_comments(text)).tokenize() else { return false };
    let words: Vec<String> = tokens
        .into_iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .map(|token| match token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            _ => String::new(),
        })
        .collect();
    let begins =
        |window: &[String], of: &[&str]| window.iter().map(String::as_str).take(of.len()).eq(of.iter().copied());
    let signs: [&[&str]; 5] = [
        &["CREATE", "STREAM"],
        &["CREATE", "PUMP"],
        &["REPLACE", "STREAM"],
        &["REPLACE", "PUMP"],
        &["SELECT", "STREAM"],
    ];
    (0..words.len()).any(|at| signs.iter().any(|sign| begins(&words[at..], sign)))
}

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

/// The text with blanks for comments that begin with `//`: places stay.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within = None;
    let mut chars = text.chars().peekable();
    while let Some(ch) = chars.next() {
        let next = chars.peek().copied();
        match (within, ch) {
            (Some('/'), '\n') | (Some('-'), '\n') => within = None,
            (Some('/'), _) => {
                out.push(' ');
                continue;
            }
            (Some('*'), '*') if next == Some('/') => within = None,
            (Some(quote @ ('\'' | '"')), _) if ch == quote => within = None,
            (Some(_), _) => {}
            (None, '/') if next == Some('/') => {
                within = Some('/');
                out.push(' ');
                continue;
            }
            (None, '/') if next == Some('*') => within = Some('*'),
            (None, '-') if next == Some('-') => within = Some('-'),
            (None, '\'' | '"') => within = Some(ch),
            (None, _) => {}
        }
        out.push(ch);
    }
    out
}

struct Rewriter {
    tokens: Vec<TokenWithSpan>,
    at: usize,
    out: Vec<TokenWithSpan>,
}

impl Rewriter {
    fn is(&self, ahead: usize, word: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| is_word(token, word))
    }

    fn are(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.is(ahead, word))
    }

    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|token| &token.token)
    }

    /// Passes the next token on as it is.
    fn pass(&mut self) {
        self.out.extend(self.tokens.get(self.at).cloned());
        self.at += 1;
    }

    /// Puts other tokens, read from a text, in the place of the next one.
    fn put(&mut self, text: &str) -> Result<()> {
        let span = self.tokens.get(self.at.min(self.tokens.len().saturating_sub(1))).map(|token| token.span);
        let tokens = Tokenizer::new(&KinesisDialect, text).tokenize()?;
        let solid = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_)));
        self.out.extend(solid.map(|token| TokenWithSpan { token, span: span.unwrap_or_else(empty_span) }));
        Ok(())
    }

    fn expected(&self, what: &str) -> SqlError {
        let found = self.tokens.get(self.at);
        let said = found.map_or_else(|| "the end of the text".to_owned(), |token| token.token.to_string());
        let place = found.and_then(|token| Place::of(token.span));
        SqlError::new(Kind::Syntax, format!("expected {what}, found: {said}")).at(place)
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<()> {
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

    /// How `STEP` was written before there was `STEP`: where the time is, the interval, and where it ends.
    fn steps_since_1970(&self) -> Option<(std::ops::Range<usize>, String, usize)> {
        if !self.is(0, "FLOOR") || (self.token(1)?, self.token(2)?) != (&Token::LParen, &Token::LParen) {
            return None;
        }
        let begin = self.at + 3;
        let length =
            (0..).take_while(|ahead| self.token(3 + ahead).is_some_and(|token| *token != Token::Minus)).count();
        let ahead = 3 + length;
        let is_epoch =
            matches!(self.token(ahead + 2)?, Token::SingleQuotedString(at) if at.starts_with("1970-01-01 00:00:00"));
        if !self.is(ahead + 1, "TIMESTAMP") || !is_epoch || *self.token(ahead + 3)? != Token::RParen {
            return None;
        }
        let Token::Word(unit) = self.token(ahead + 4)? else { return None };
        let (every, next) = match self.token(ahead + 5)? {
            Token::Div => match self.token(ahead + 6)? {
                Token::Number(number, _) => (number.to_string(), ahead + 7),
                _ => return None,
            },
            _ => ("1".to_owned(), ahead + 5),
        };
        let ends = self.is(next, "TO") && self.is(next + 1, &unit.value) && *self.token(next + 2)? == Token::RParen;
        let step = format!("INTERVAL '{every}' {}", unit.value);
        ends.then_some((begin..begin + length, step, self.at + next + 3))
    }

    /// `STEP(x BY i)`: the BY that belongs to it.
    fn step(&mut self) -> Result<()> {
        self.pass();
        self.pass();
        let mut depth = 1;
        while depth > 0 && self.at < self.tokens.len() {
            match self.token(0) {
                Some(Token::LParen) => depth += 1,
                Some(Token::RParen) => depth -= 1,
                _ if depth == 1 && self.is(0, "BY") => {
                    self.put(",")?;
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            self.pass();
        }
        Ok(())
    }

    /// Where SIMILAR and ESCAPE stand in `SUBSTRING(x SIMILAR p ESCAPE e)`.
    fn similar_parts(&self) -> Option<[usize; 2]> {
        if !self.is(0, "SUBSTRING") || self.token(1)? != &Token::LParen {
            return None;
        }
        let (mut depth, mut similar) = (0, None);
        for ahead in 1.. {
            match self.token(ahead)? {
                Token::LParen => depth += 1,
                Token::RParen if depth == 1 => return None,
                Token::RParen => depth -= 1,
                _ if depth > 1 => {}
                _ if self.is(ahead, "SIMILAR") && !self.is(ahead + 1, "TO") => similar = Some(self.at + ahead),
                _ if self.is(ahead, "ESCAPE") => return similar.map(|similar| [similar, self.at + ahead]),
                _ => {}
            }
        }
        None
    }

    fn substring_similar(&mut self, separators: &[usize; 2]) -> Result<()> {
        self.put(SUBSTRING_SIMILAR)?;
        for separator in separators {
            if let Some(token) = self.tokens.get_mut(*separator) {
                token.token = Token::Comma;
            }
        }
        self.at += 1;
        Ok(())
    }

    /// `u&'!0041' UESCAPE '!'`: the text before is read with another escape character.
    fn unescape(&mut self) -> Result<()> {
        self.at += 1;
        let escape = match self.token(0) {
            Some(Token::SingleQuotedString(text)) => text.chars().next(),
            _ => None,
        };
        let Some(escape) = escape else { return Err(self.expected("a character in quotes")) };
        let text = match self.out.pop().map(|token| token.token) {
            Some(Token::SingleQuotedString(text)) => text,
            _ => return Err(self.expected("a text before UESCAPE")),
        };
        let mut read = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(escape) {
            read.push_str(before);
            if let Some(doubled) = after.strip_prefix(escape) {
                read.push(escape);
                rest = doubled;
                continue;
            }
            let digits = after.strip_prefix('+').map_or_else(|| after.get(..4), |long| long.get(..6));
            let letter = digits.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
            let (Some(digits), Some(letter)) = (digits, letter) else {
                return Err(self.expected("four hexadecimal digits behind each escape character"));
            };
            read.push(letter);
            rest = after.trim_start_matches('+').get(digits.len()..).unwrap_or_default();
        }
        read.push_str(rest);
        if let Some(token) = self.tokens.get_mut(self.at) {
            token.token = Token::SingleQuotedString(read);
        }
        self.pass();
        Ok(())
    }

    /// `INTERVAL 'n' unit [(p)] [TO unit [(p)]]`
    fn interval(&mut self) {
        self.pass();
        while matches!(self.token(0), Some(Token::SingleQuotedString(_) | Token::Minus)) {
            self.pass();
        }
        loop {
            self.pass();
            if self.token(0) == Some(&Token::LParen) {
                while self.at < self.tokens.len() && self.token(0) != Some(&Token::RParen) {
                    self.pass();
                }
                self.pass();
            }
            if !self.is(0, "TO") {
                return;
            }
            self.pass();
        }
    }

    fn stagger(&mut self) -> Result<()> {
        self.at += 3;
        self.expect(&Token::LParen, "( after STAGGER")?;
        self.put("GROUP BY")?;
        if self.are(&["PARTITION", "BY"]) {
            self.at += 2;
            while self.at < self.tokens.len() && !self.is(0, "RANGE") {
                self.pass();
            }
            self.put(",")?;
        }
        if !(self.is(0, "RANGE") && self.is(1, "INTERVAL")) {
            return Err(self.expected("RANGE INTERVAL …"));
        }
        self.at += 1;
        self.put(&format!("{STAGGER}("))?;
        self.interval();
        self.put(")")?;
        self.expect(&Token::RParen, ") after the stagger window")
    }

    /// Where the parenthesis opens that closed last.
    fn opening(&self) -> Option<usize> {
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

    /// Where the select list begins of a sub-query that ended just now.
    fn sub_query(&self) -> Option<usize> {
        let select = self.opening()? + 1;
        let follows = |place: usize, word: &str| self.out.get(place).is_some_and(|token| is_word(token, word));
        let list = select + 1 + usize::from(follows(select + 1, "DISTINCT") || follows(select + 1, "ALL"));
        follows(select, "SELECT").then_some(list)
    }

    /// The name of the function whose call ended just now.
    fn called(&mut self) -> Option<&mut TokenWithSpan> {
        let before = self.opening()?.checked_sub(1)?;
        let call = |token: &&mut TokenWithSpan| matches!(&token.token, Token::Word(word) if word.quote_style.is_some() || !opens(&word.value));
        self.out.get_mut(before).filter(call)
    }

    /// `(a - b) unit [(p)] [TO unit [(p)]]`: the difference in the last unit.
    fn qualified(&mut self) -> Result<()> {
        let place = self.tokens.get(self.at).and_then(|token| Place::of(token.span));
        if self.called().is_some() {
            let error = SqlError::new(Kind::Unsupported, "a unit stands behind a difference of times in parentheses");
            return Err(error.hint("write (a - b) SECOND, or quote the name of a column").at(place));
        }
        let Some(open) = self.opening() else { return Err(self.expected("( before a unit")) };
        let begin = self.out.len();
        // The words of an interval's units, as behind INTERVAL 'n'.
        self.at -= 1;
        self.interval();
        let unit = self.out.drain(begin..).rev().find_map(|token| match token.token {
            Token::Word(word) => Some(word.value),
            _ => None,
        });
        let rest = self.out.split_off(open);
        self.put(&format!("{QUALIFIED}("))?;
        self.out.extend(rest);
        self.put(&format!(", '{}')", unit.unwrap_or_default()))
    }

    /// `FROM FIRST` or `FROM LAST` of NTH_VALUE is next.
    fn counts_from(&mut self) -> bool {
        (self.is(1, "FIRST") || self.is(1, "LAST")) && self.called().is_some_and(|name| is_word(name, "NTH_VALUE"))
    }

    fn nth_value(&mut self) -> Result<()> {
        if self.is(1, "LAST")
            && let Some(name) = self.called()
        {
            name.token = Token::make_word(NTH_FROM_LAST, None);
        }
        self.at += 2;
        Ok(())
    }

    /// An interval, taken out of what was put out.
    fn drained(&mut self) -> Vec<TokenWithSpan> {
        let before = self.out.len();
        self.interval();
        self.out.split_off(before)
    }

    /// The window of a joined stream goes behind its alias, that of a sub-query before what it selects.
    fn window(&mut self) -> Result<()> {
        let sub_query = self.sub_query();
        self.at += 1;
        let mut window = Vec::new();
        if self.token(0) == Some(&Token::LParen) {
            self.at += 1;
            let between = self.are(&["RANGE", "BETWEEN"]);
            self.at += usize::from(between);
            if !((between || self.is(0, "RANGE")) && self.is(1, "INTERVAL")) {
                let hint = "a joined stream has a window of time: OVER (RANGE INTERVAL '1' MINUTE PRECEDING)";
                return Err(self.expected("RANGE INTERVAL").hint(hint));
            }
            self.at += 1;
            window = self.drained();
            let follows = self.is(0, "FOLLOWING");
            if !follows && !self.is(0, "PRECEDING") {
                return Err(self.expected("PRECEDING or FOLLOWING"));
            }
            self.at += 1;
            let mut behind = follows.then(|| window.clone());
            if between && self.are(&["AND", "CURRENT", "ROW"]) {
                self.at += 3;
            } else if between {
                if follows || !(self.is(0, "AND") && self.is(1, "INTERVAL")) {
                    return Err(self.expected("AND CURRENT ROW or AND INTERVAL"));
                }
                self.at += 1;
                behind = Some(self.drained());
                if !self.is(0, "FOLLOWING") {
                    return Err(self.expected("FOLLOWING"));
                }
                self.at += 1;
            }
            if let Some(behind) = behind {
                let begin = self.out.len();
                self.put(&format!("{FOLLOWING}("))?;
                match follows {
                    true => self.put("INTERVAL '0' SECOND")?,
                    false => self.out.append(&mut window),
                }
                self.put(",")?;
                self.out.extend(behind);
                self.put(")")?;
                window = self.out.split_off(begin);
            }
            self.expect(&Token::RParen, ") after the window")?;
        } else {
            window.extend(self.tokens.get(self.at).cloned());
            self.at += 1;
        }
        if let Some(list) = sub_query {
            let rest = self.out.split_off(list);
            self.put(&format!("{WINDOW}("))?;
            self.out.append(&mut window);
            self.put("),")?;
            self.out.extend(rest);
            return Ok(());
        }
        let named = self.is(0, "AS") || matches!(self.token(0), Some(Token::Word(word)) if !follows(&word.value));
        if !named {
            // The stream's own name is its alias.
            let own = self.out.last().cloned();
            self.put("AS")?;
            self.out.extend(own);
        } else {
            if self.is(0, "AS") {
                self.pass();
            }
            self.pass();
        }
        self.put("WITH (")?;
        self.out.append(&mut window);
        self.put(")")
    }
}

/// Sides of `TRIM`, whose character is a blank where it is not said.
const TRIMS: [&str; 3] = ["LEADING", "TRAILING", "BOTH"];
/// Units of time.
const UNITS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];

fn empty_span() -> datafusion::sql::sqlparser::tokenizer::Span {
    datafusion::sql::sqlparser::tokenizer::Span::empty()
}

/// What can stand before a parenthesis, and calls nothing.
fn opens(word: &str) -> bool {
    let all = [
        "SELECT", "WHERE", "AND", "OR", "NOT", "ON", "WHEN", "THEN", "ELSE", "CASE", "BY", "HAVING", "BETWEEN", "IN",
        "FROM", "DISTINCT", "ALL", "VALUES", "LIKE", "IS",
    ];
    all.contains(&word)
}

/// `IGNORE NULLS OVER` and the like: the window of a function.
fn is_treatment(word: &str) -> bool {
    word == "NULLS"
}

/// What can follow a table in FROM, and so is no alias.
fn follows(word: &str) -> bool {
    let all = [
        "ON", "USING", "WHERE", "GROUP", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "WINDOW",
        "ORDER", "UNION", "HAVING", "WINDOWED",
    ];
    all.contains(&word)
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
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

    #[test]
    fn the_dialect_is_found_from_the_statements() {
        assert!(is_kinesis("CREATE OR REPLACE STREAM \"S\" (a INT)"));
        assert!(is_kinesis("select stream * from s"));
        assert!(is_kinesis("-- dialect: kinesis\nSELECT 1"));
        assert!(!is_kinesis("-- dialect: streaming\nSELECT STREAM FROM t"));
        assert!(!is_kinesis("CREATE TABLE stream (pump INT); SELECT 'CREATE STREAM' FROM stream"));
    }
}
