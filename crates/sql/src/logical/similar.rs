//! `x SIMILAR TO pattern`: the standard's patterns, where `%` is any text and `_` any character, as regular expressions of the whole text;
//! and `x LIKE pattern ESCAPE character`.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};

/// The condition with a regular expression, where the pattern is constant.
pub(super) fn similar(expr: Expr, _: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::SimilarTo(Like { negated, expr, pattern, escape_char, case_insensitive: false }) => {
            let text = match &*pattern {
                Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => text.clone(),
                _ => {
                    return Transformed::no(Expr::SimilarTo(Like {
                        negated,
                        expr,
                        pattern,
                        escape_char,
                        case_insensitive: false,
                    }));
                }
            };
            let op = if negated { Operator::RegexNotMatch } else { Operator::RegexMatch };
            let right = Box::new(lit(regex(&text, escape_char)));
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left: expr, op, right }))
        }
        Expr::Like(Like { negated, expr, pattern, escape_char: Some(escape), case_insensitive }) if escape != '\\' => {
            match &*pattern {
                Expr::Literal(ScalarValue::Utf8(Some(text)), _) => {
                    let pattern = Box::new(lit(escaped(text, escape)));
                    Transformed::yes(Expr::Like(Like { negated, expr, pattern, escape_char: None, case_insensitive }))
                }
                _ => {
                    let escape_char = Some(escape);
                    Transformed::no(Expr::Like(Like { negated, expr, pattern, escape_char, case_insensitive }))
                }
            }
        }
        other => Transformed::no(other),
    }
}

/// A pattern of LIKE with the backslash as what takes the meaning from `%` and `_`.
fn escaped(pattern: &str, escape: char) -> String {
    let mut out = String::with_capacity(pattern.len() + 2);
    let mut chars = pattern.chars();
    while let Some(ch) = chars.next() {
        match ch {
            _ if ch == escape => out.extend(['\\'].into_iter().chain(chars.next())),
            '\\' => out.push_str("\\\\"),
            _ => out.push(ch),
        }
    }
    out
}

/// A pattern as a regular expression of the whole text.
fn regex(pattern: &str, escape: Option<char>) -> String {
    format!("^(?s:{})$", regex_part(pattern, escape))
}

/// A part of a pattern as a part of a regular expression. Alternatives, repetitions, groups and classes mean the same in both.
pub(crate) fn regex_part(pattern: &str, escape: Option<char>) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    let mut in_class = false;
    while let Some(ch) = chars.next() {
        match ch {
            _ if Some(ch) == escape => out.extend(chars.next().map(regex_escaped).into_iter().flatten()),
            '[' | ']' => {
                in_class = ch == '[';
                out.push(ch);
            }
            _ if in_class => out.push(ch),
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            // These mean nothing in a pattern.
            '.' | '^' | '$' | '\\' => out.extend(regex_escaped(ch)),
            _ => out.push(ch),
        }
    }
    out
}

fn regex_escaped(ch: char) -> Vec<char> {
    let special = !(ch.is_alphanumeric() || ch.is_whitespace());
    special.then_some('\\').into_iter().chain([ch]).collect()
}

#[cfg(test)]
mod tests {
    use super::regex;

    #[test]
    fn a_pattern_is_of_the_whole_text() {
        assert_eq!(regex("%TECH%", None), "^(?s:.*TECH.*)$");
        assert_eq!(regex("a_c|(de)+", None), "^(?s:a.c|(de)+)$");
        assert_eq!(regex("[^a-c_]%", None), "^(?s:[^a-c_].*)$");
        assert_eq!(regex("50!%.", Some('!')), "^(?s:50\\%\\.)$");
    }
}
