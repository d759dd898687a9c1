//! Windows of streams: stagger windows, and those of joined streams and sub-queries.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::tokens::{Rewriter, is_word};
use super::{FOLLOWING, STAGGER, WINDOW};
use crate::error::Result;

impl Rewriter {
    pub(super) fn stagger(&mut self) -> Result<()> {
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

    /// Where the select list begins of a sub-query that ended just now.
    pub(super) fn sub_query(&self) -> Option<usize> {
        let select = self.opening()? + 1;
        let follows = |place: usize, word: &str| self.out.get(place).is_some_and(|token| is_word(token, word));
        let list = select + 1 + usize::from(follows(select + 1, "DISTINCT") || follows(select + 1, "ALL"));
        follows(select, "SELECT").then_some(list)
    }

    /// An interval, taken out of what was put out.
    fn drained(&mut self) -> Vec<TokenWithSpan> {
        let before = self.out.len();
        self.interval();
        self.out.split_off(before)
    }

    /// The window of a joined stream goes behind its alias, that of a sub-query before what it selects.
    pub(super) fn window(&mut self) -> Result<()> {
        let sub_query = self.sub_query();
        self.at += 1;
        let mut window = Vec::new();
        if self.token(0) == Some(&Token::LParen) {
            self.at += 1;
            if self.are(&["RANGE", "CURRENT", "ROW"]) {
                // As without a window.
                self.at += 3;
                self.expect(&Token::RParen, ") after the window")?;
                return self.placed(sub_query, Vec::new());
            }
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
        self.placed(sub_query, window)
    }

    /// Puts a window, or none, where it belongs.
    fn placed(&mut self, sub_query: Option<usize>, mut window: Vec<TokenWithSpan>) -> Result<()> {
        if window.is_empty() {
            return Ok(());
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

/// What can follow a table in FROM, and so is no alias.
fn follows(word: &str) -> bool {
    let all = [
        "ON", "USING", "WHERE", "GROUP", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "WINDOW",
        "ORDER", "UNION", "HAVING", "WINDOWED",
    ];
    all.contains(&word)
}
