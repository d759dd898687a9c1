//! How SQL is typed: over several lines, with completion, and with what was typed before.

use std::borrow::Cow;

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};
use tidemill_server::run::shell::{KEYWORDS, is_complete, quoted_words};

use super::Command;

/// Helps to type.
#[derive(Default)]
pub(super) struct Typing {
    /// Names of tables, columns and functions.
    pub(super) names: Vec<String>,
    history: HistoryHinter,
}

impl Typing {
    /// Where the word before a position begins, and what it can be completed to.
    fn completions(&self, line: &str, position: usize) -> (usize, Vec<String>) {
        let before = line.get(..position).unwrap_or(line);
        let quoted = before.matches('\'').count() % 2 == 1;
        let belongs = |c: char| c.is_alphanumeric() || c == '_' || (quoted && matches!(c, '.' | '-'));
        let start =
            before.rfind(|c| !belongs(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let typed = &before[start..];
        let begins = |word: &str| {
            word.get(..typed.len()).is_some_and(|head| head.eq_ignore_ascii_case(typed)) && word.len() > typed.len()
        };
        let mut found: Vec<String> = match quoted {
            true => quoted_words().into_iter().filter(|word| begins(word)).map(str::to_owned).collect(),
            false if typed.is_empty() => Vec::new(),
            false => {
                let names = self.names.iter().filter(|name| begins(name)).cloned();
                let in_lower_case = typed.chars().all(|c| !c.is_uppercase());
                let keywords = KEYWORDS.iter().filter(|word| begins(word)).map(|word| match in_lower_case {
                    true => word.to_lowercase(),
                    false => (*word).to_owned(),
                });
                names.chain(keywords).collect()
            }
        };
        found.sort();
        found.dedup();
        (start, found)
    }
}

impl Completer for Typing {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.completions(line, position))
    }
}

impl Hinter for Typing {
    type Hint = String;

    fn hint(&self, line: &str, position: usize, context: &Context<'_>) -> Option<String> {
        self.history.hint(line, position, context)
    }
}

impl Highlighter for Typing {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }
}

impl Validator for Typing {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let typed = context.input();
        Ok(match typed.trim().is_empty() || Command::read(typed).is_some() || is_complete(typed) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

impl Helper for Typing {}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> (usize, Vec<String>) {
        let typing = Typing { names: vec!["orders".into(), "order_id".into(), "größe".into()], ..Typing::default() };
        typing.completions(line, line.len())
    }

    #[test]
    fn words_are_completed_in_the_case_that_they_are_typed_in() {
        assert_eq!(completed("SELECT * FROM ord"), (14, vec!["order".into(), "order_id".into(), "orders".into()]));
        assert_eq!(completed("SELECT * FROM bid ORD"), (18, vec!["ORDER".into(), "order_id".into(), "orders".into()]));
        assert_eq!(completed("sel"), (0, vec!["select".into()]));
        assert_eq!(completed("SELECT 'ä', grö"), (13, vec!["größe".into()]));
        assert!(completed("SELECT ").1.is_empty());
    }

    #[test]
    fn settings_and_options_are_completed_in_quotes() {
        assert_eq!(completed("SET 'pipeline.n"), (5, vec!["pipeline.name".into()]));
        assert!(completed("WITH ('connector' = 'data").1.contains(&"datagen".to_owned()));
    }
}
