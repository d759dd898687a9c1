//! `GROUP BY … LATE DATA TO table`: where a window aggregation's late rows go. To the parser of queries the clause is one more group,
//! a call that the planner knows.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Kind, Place, Result, SqlError};

/// The function that stands for the clause; its first argument is the table's name.
pub(crate) const LATE_DATA: &str = "__late_data";

/// Words behind which no group is read any more.
const ENDS: [&str; 10] =
    ["SELECT", "FROM", "WHERE", "HAVING", "WINDOW", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT"];

/// The tokens with the call instead of the clause.
pub(super) fn with_late_data(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let mut said = Vec::with_capacity(tokens.len());
    // Of each parenthesis that is open: whether groups are being read.
    let mut grouping = vec![false];
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some((table, behind)) = clause(&tokens, at) {
            if !grouping.pop().unwrap_or_default() {
                let error = SqlError::new(Kind::Syntax, "LATE DATA TO stands behind the columns of a GROUP BY");
                let hint = "write GROUP BY window_start, window_end, … LATE DATA TO table";
                return Err(error.hint(hint).at(Place::of(token.span)));
            }
            grouping.push(false);
            let call = [Token::Comma, Token::make_word(LATE_DATA, None), Token::LParen];
            let call = call.into_iter().chain([Token::SingleQuotedString(table), Token::RParen]);
            said.extend(call.map(|call| TokenWithSpan { token: call, span: token.span }));
            at = behind;
            continue;
        }
        match &token.token {
            Token::LParen => grouping.push(false),
            Token::RParen => drop(grouping.pop()),
            Token::SemiColon => grouping = vec![false],
            Token::Word(word) if word.quote_style.is_none() => {
                let begins = word.value.eq_ignore_ascii_case("GROUP");
                if begins || ENDS.iter().any(|end| word.value.eq_ignore_ascii_case(end)) {
                    grouping.pop();
                    grouping.push(begins);
                }
            }
            _ => {}
        }
        said.push(token.clone());
        at += 1;
    }
    Ok(said)
}

/// The table of a clause that begins here, and what comes behind it.
fn clause(tokens: &[TokenWithSpan], at: usize) -> Option<(String, usize)> {
    let mut next = at;
    for expected in ["LATE", "DATA", "TO"] {
        let (value, behind) = word(tokens, next)?;
        value.eq_ignore_ascii_case(expected).then_some(())?;
        next = behind;
    }
    let (table, behind) = word(tokens, next)?;
    Some((table.to_owned(), behind))
}

/// The next word, spaces left out, and what comes behind it.
fn word(tokens: &[TokenWithSpan], at: usize) -> Option<(&str, usize)> {
    let spaces = tokens.iter().skip(at).take_while(|token| matches!(token.token, Token::Whitespace(_))).count();
    match &tokens.get(at + spaces)?.token {
        Token::Word(word) => Some((&word.value, at + spaces + 1)),
        _ => None,
    }
}
