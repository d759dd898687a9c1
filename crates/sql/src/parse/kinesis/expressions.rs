//! Expressions that the parser does not know: steps, differences in a unit, pieces of texts.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::NTH_FROM_LAST;
use super::tokens::{Rewriter, is_word};
use crate::error::{Kind, Place, Result, SqlError};
use crate::functions::kinesis::{QUALIFIED, SUBSTRING_SIMILAR};

impl Rewriter {
    /// How `STEP` was written before there was `STEP`: where the time is, the interval, and where it ends.
    pub(super) fn steps_since_1970(&self) -> Option<(std::ops::Range<usize>, String, usize)> {
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
    pub(super) fn step(&mut self) -> Result<()> {
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
    pub(super) fn similar_parts(&self) -> Option<[usize; 2]> {
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

    pub(super) fn substring_similar(&mut self, separators: &[usize; 2]) -> Result<()> {
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
    pub(super) fn unescape(&mut self) -> Result<()> {
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
    pub(super) fn interval(&mut self) {
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

    /// The name of the function whose call ended just now.
    pub(super) fn called(&mut self) -> Option<&mut TokenWithSpan> {
        let before = self.opening()?.checked_sub(1)?;
        let call = |token: &&mut TokenWithSpan| matches!(&token.token, Token::Word(word) if word.quote_style.is_some() || !opens(&word.value));
        self.out.get_mut(before).filter(call)
    }

    /// `(a - b) unit [(p)] [TO unit [(p)]]`: the difference in the last unit.
    pub(super) fn qualified(&mut self) -> Result<()> {
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
    pub(super) fn counts_from(&mut self) -> bool {
        (self.is(1, "FIRST") || self.is(1, "LAST")) && self.called().is_some_and(|name| is_word(name, "NTH_VALUE"))
    }

    pub(super) fn nth_value(&mut self) -> Result<()> {
        if self.is(1, "LAST")
            && let Some(name) = self.called()
        {
            name.token = Token::make_word(NTH_FROM_LAST, None);
        }
        self.at += 2;
        Ok(())
    }
}

/// What can stand before a parenthesis, and calls nothing.
fn opens(word: &str) -> bool {
    let all = [
        "SELECT", "WHERE", "AND", "OR", "NOT", "ON", "WHEN", "THEN", "ELSE", "CASE", "BY", "HAVING", "BETWEEN", "IN",
        "FROM", "DISTINCT", "ALL", "VALUES", "LIKE", "IS",
    ];
    all.contains(&word)
}
