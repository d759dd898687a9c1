//! The text of an application: which dialect it is of, and its comments.

use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::KinesisDialect;

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

/// The text with blanks for comments that begin with `//`: places stay.
pub(super) fn without_comments(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_is_found_from_the_statements() {
        assert!(is_kinesis("CREATE OR REPLACE STREAM \"S\" (a INT)"));
        assert!(is_kinesis("select stream * from s"));
        assert!(is_kinesis("-- dialect: kinesis\nSELECT 1"));
        assert!(!is_kinesis("-- dialect: streaming\nSELECT STREAM FROM t"));
        assert!(!is_kinesis("CREATE TABLE stream (pump INT); SELECT 'CREATE STREAM' FROM stream"));
    }
}
