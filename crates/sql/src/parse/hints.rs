//! Hints, `/*+ … */`: how a query is to be worked on is passed over, options of a table are put where the parser finds them:
//!
//! | written | read |
//! |---|---|
//! | `FROM t /*+ OPTIONS('k' = 'v') */ AS a` | `FROM t AS a WITH (__options('k', 'v'))` |
//! | `TABLE t /*+ OPTIONS('k' = 'v') */` | `(SELECT * FROM t WITH (__options('k', 'v')))` |
//! | `INSERT INTO t /*+ OPTIONS('k' = 'v') */` | `INSERT INTO t WITH (__options('k', 'v'))` |

use datafusion::sql::sqlparser::ast::{Expr, Value};
use datafusion::sql::sqlparser::keywords::RESERVED_FOR_TABLE_ALIAS;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::dialect::StreamingDialect;
use super::{arguments, peek_word};
use crate::error::{Kind, Place, Result, SqlError};

/// The call that stands for a table's options.
pub(crate) const OPTIONS: &str = "__options";

/// Hints that only say how a query is to be worked on.
const PLANNING_HINTS: [&str; 4] = ["BROADCAST", "SHUFFLE_HASH", "SHUFFLE_MERGE", "NEST_LOOP"];

/// Makes tokens ours: `>>` closes two types, and hints are where they belong.
pub(super) fn ours(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let mut split: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut hints = Vec::new();
    for token in tokens {
        match token.token {
            Token::ShiftRight => {
                let Span { start, end } = token.span;
                split.push(TokenWithSpan { token: Token::Gt, span: Span::new(start, start) });
                split.push(TokenWithSpan { token: Token::Gt, span: Span::new(end, end) });
            }
            Token::Whitespace(Whitespace::MultiLineComment(text)) => {
                let Some(hint) = text.strip_prefix('+') else { continue };
                if let Some(options) = options_of(hint, token.span)? {
                    hints.push((split.len(), options));
                }
            }
            Token::Whitespace(_) => {}
            _ => split.push(token),
        }
    }
    for (at, options) in hints.into_iter().rev() {
        place(&mut split, at, options)?;
    }
    Ok(split)
}

/// The tokens `WITH (__options('k', 'v', …))` of a hint; none where it only says how to work.
fn options_of(hint: &str, span: Span) -> Result<Option<Vec<TokenWithSpan>>> {
    let name = hint.trim_start().split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
    let upper = name.to_ascii_uppercase();
    if PLANNING_HINTS.contains(&upper.as_str()) {
        return Ok(None);
    }
    if upper != "OPTIONS" {
        let error = SqlError::unsupported(format!("the hint {name} is not built"));
        let instead = match upper.as_str() {
            "STATE_TTL" => "SET 'table.exec.state.ttl' is for all state",
            "LOOKUP" => "say it in the table's options: /*+ OPTIONS(…) */ behind its name",
            _ => "leave it out",
        };
        return Err(error.hint(instead).at(Place::of(span)));
    }
    let wrong = || {
        SqlError::new(Kind::Syntax, "the hint OPTIONS takes keys and values")
            .hint("write /*+ OPTIONS('key' = 'value', …) */ behind the name of a table")
            .at(Place::of(span))
    };
    let tokens = Tokenizer::new(&StreamingDialect, hint).tokenize()?;
    let mut tokens = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).skip(1);
    if tokens.next() != Some(Token::LParen) {
        return Err(wrong());
    }
    let mut out = vec![Token::make_keyword("WITH"), Token::LParen, Token::make_word(OPTIONS, None), Token::LParen];
    loop {
        let pair = (tokens.next(), tokens.next(), tokens.next(), tokens.next());
        let (
            Some(key @ Token::SingleQuotedString(_)),
            Some(Token::Eq),
            Some(value @ Token::SingleQuotedString(_)),
            end,
        ) = pair
        else {
            return Err(wrong());
        };
        out.extend([key, Token::Comma, value]);
        match end {
            Some(Token::Comma) => out.push(Token::Comma),
            Some(Token::RParen) if tokens.next().is_none() => break,
            _ => return Err(wrong()),
        }
    }
    out.extend([Token::RParen, Token::RParen]);
    Ok(Some(out.into_iter().map(|token| TokenWithSpan { token, span }).collect()))
}

/// Puts options that were written before the token `at` behind the alias of the table that they are of.
fn place(tokens: &mut Vec<TokenWithSpan>, at: usize, options: Vec<TokenWithSpan>) -> Result<()> {
    let span = options.first().map_or_else(Span::empty, |token| token.span);
    let is = |tokens: &[TokenWithSpan], place: usize, word: &str| matches!(tokens.get(place).map(|token| &token.token), Some(Token::Word(found)) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word));
    let is_name = |place: usize| matches!(tokens.get(place).map(|token| &token.token), Some(Token::Word(_)));
    let mut begin = at;
    while begin > 0 && is_name(begin - 1) {
        begin -= 1;
        if begin == 0 || tokens.get(begin - 1).map(|token| &token.token) != Some(&Token::Period) {
            break;
        }
        begin -= 1;
    }
    if begin == at {
        let error = SqlError::new(Kind::Syntax, "the hint OPTIONS stands behind the name of a table");
        return Err(error.at(Place::of(span)));
    }
    if begin > 0 && is(tokens, begin - 1, "TABLE") {
        // An argument of a window function becomes a sub-query.
        let around = |token: Token| TokenWithSpan { token, span };
        let before = [Token::LParen, Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
        let name: Vec<TokenWithSpan> = tokens.drain(begin..at).collect();
        let all = before.into_iter().map(around).chain(name).chain(options).chain([around(Token::RParen)]);
        let all: Vec<TokenWithSpan> = all.collect();
        tokens.splice(begin - 1..begin, all);
        return Ok(());
    }
    let mut end = at;
    if is(tokens, end, "FOR") && is(tokens, end + 1, "SYSTEM_TIME") {
        // FOR SYSTEM_TIME AS OF a.b
        end += 5;
        while tokens.get(end).map(|token| &token.token) == Some(&Token::Period) {
            end += 2;
        }
    }
    if is(tokens, end, "AS") {
        end += 2;
    } else if let Some(Token::Word(word)) = tokens.get(end).map(|token| &token.token)
        && (word.quote_style.is_some() || !RESERVED_FOR_TABLE_ALIAS.contains(&word.keyword))
        && !is(tokens, end, "SELECT")
        && !is(tokens, end, "VALUES")
    {
        end += 1;
    }
    if end > at && tokens.get(end).map(|token| &token.token) == Some(&Token::LParen) {
        while end < tokens.len() && tokens.get(end).map(|token| &token.token) != Some(&Token::RParen) {
            end += 1;
        }
        end += 1;
    }
    let end = end.min(tokens.len());
    tokens.splice(end..end, options);
    Ok(())
}

/// `WITH (__options(…))`, if it is next.
pub(super) fn options(parser: &mut Parser<'_>) -> Result<Vec<(String, String)>> {
    let is_next = peek_word(parser, 0, "WITH")
        && parser.peek_nth_token_ref(1).token == Token::LParen
        && matches!(&parser.peek_nth_token_ref(2).token, Token::Word(word) if word.value == OPTIONS);
    if !is_next {
        return Ok(Vec::new());
    }
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let call = parser.parse_expr()?;
    parser.expect_token(&Token::RParen)?;
    Ok(pairs(&call))
}

/// The keys and values of `__options('k', 'v', …)`; none of another call.
pub(crate) fn pairs(call: &Expr) -> Vec<(String, String)> {
    let Expr::Function(function) = call else { return Vec::new() };
    if function.name.to_string() != OPTIONS {
        return Vec::new();
    }
    let text = |expr: &&Expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    let all: Vec<String> = arguments(call).iter().map(text).collect();
    all.chunks_exact(2).filter_map(|pair| Some((pair.first()?.clone(), pair.last()?.clone()))).collect()
}
