//! What can be wrong with a text, where in it, and what to write instead.

use std::fmt;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Span, TokenizerError};
use tidemill_engine::EngineError;

/// Result of this crate.
pub type Result<T, E = SqlError> = std::result::Result<T, E>;

/// The kind of an error; its code leads to `docs/sql/errors.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The text is no SQL.
    Syntax = 1,
    /// A name means nothing here, or two things.
    Name = 2,
    /// Types don't go together.
    Type = 3,
    /// The statement is SQL, but has no meaning on streams, or is not built.
    Unsupported = 4,
    /// A declaration contradicts itself or what is there.
    Declaration = 5,
    /// A connector or format refuses its options.
    Connector = 6,
    /// The parts can't keep what is asked for.
    Guarantee = 7,
    /// It failed while it ran.
    Run = 8,
}

/// A place in a text, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The character in it.
    pub column: u64,
}

/// What is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// Its kind.
    pub kind: Kind,
    /// What is wrong.
    pub message: String,
    /// Where, if it is known.
    pub place: Option<Place>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl SqlError {
    pub(crate) fn new(kind: Kind, message: impl fmt::Display) -> Self {
        SqlError { kind, message: message.to_string(), place: None, hint: None }
    }

    pub(crate) fn unsupported(message: impl fmt::Display) -> Self {
        Self::new(Kind::Unsupported, message)
    }

    /// What was asked for does not fit what there is.
    pub fn declaration(message: impl fmt::Display) -> Self {
        Self::new(Kind::Declaration, message)
    }

    /// Says what to write instead.
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Names the place, unless one is known already.
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        self.place = self.place.or(place.into());
        self
    }

    /// The error with the line that it is about, as a compiler shows it.
    pub fn show(&self, file: &str, text: &str) -> String {
        let Some(place) = self.place else { return format!("{file}: {self}") };
        let line = usize::try_from(place.line).ok().and_then(|line| text.lines().nth(line.checked_sub(1)?));
        let mut shown = format!("{file}:{}:{}: {self}", place.line, place.column);
        if let Some(line) = line {
            let before = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
            let indent: String = line.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let number = place.line.to_string();
            let margin = " ".repeat(number.len());
            shown.push_str(&format!("\n {number} | {line}\n {margin} | {indent}^"));
        }
        shown
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TM-SQL-{:04}: {}", self.kind as u16, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SqlError {}

impl Place {
    /// Where a span begins; none for the empty one.
    pub(crate) fn of(span: Span) -> Option<Place> {
        Place::at(span.start)
    }

    fn at(location: Location) -> Option<Place> {
        (location.line > 0).then_some(Place { line: location.line, column: location.column })
    }
}

impl From<TokenizerError> for SqlError {
    fn from(error: TokenizerError) -> Self {
        SqlError::new(Kind::Syntax, error.message).at(Place::at(error.location))
    }
}

impl From<ParserError> for SqlError {
    fn from(error: ParserError) -> Self {
        match error {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
                let (message, place) = split_place(&message);
                SqlError::new(Kind::Syntax, message.replacen("Expected:", "expected", 1)).at(place)
            }
            ParserError::RecursionLimitExceeded => {
                SqlError::new(Kind::Syntax, "the statement is nested too deeply").hint("divide it by views")
            }
        }
    }
}

/// The parser writes the place behind its message.
fn split_place(message: &str) -> (&str, Option<Place>) {
    let split = || {
        let (before, place) = message.rsplit_once(" at Line: ")?;
        let (line, column) = place.split_once(", Column: ")?;
        Some((before, Place { line: line.parse().ok()?, column: column.parse().ok()? }))
    };
    split().map_or((message, None), |(before, place)| (before, Some(place)))
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        let place = place_of(&error);
        match error.find_root() {
            DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
                Some(ours) => ours.clone().at(place),
                None => SqlError::new(Kind::Type, inner).at(place),
            },
            DataFusionError::SQL(parser, _) => SqlError::from(ParserError::clone(parser)).at(place),
            DataFusionError::SchemaError(schema, _) => unknown_column(schema).at(place),
            DataFusionError::NotImplemented(what) => not_built(first_line(what)).at(place),
            DataFusionError::Plan(what) => {
                let kind = if what.starts_with("Invalid function") { Kind::Name } else { Kind::Type };
                let error = SqlError::new(kind, first_line(what).trim_end_matches('.')).at(place);
                match what.lines().nth(1).filter(|line| line.starts_with("Did you mean")) {
                    Some(meant) => error.hint(meant.replacen("Did", "did", 1)),
                    None => error,
                }
            }
            other => SqlError::new(Kind::Type, first_line(&other.strip_backtrace())).at(place),
        }
    }
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

/// A column that nobody has.
fn unknown_column(error: &SchemaError) -> SqlError {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return SqlError::new(Kind::Name, first_line(&error.to_string()));
    };
    let known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
    let error = SqlError::new(Kind::Name, format!("there is no column '{}'", field.name));
    match similar(&field.name, known.iter().copied()) {
        Some(meant) => error.hint(format!("did you mean '{meant}'?")),
        None => error.hint(format!("there are {}", known.join(", "))),
    }
}

/// What the planner can't do, without what it knows of it.
fn not_built(what: &str) -> SqlError {
    if what.contains("logical expression WindowFunction") {
        let error = SqlError::unsupported("OVER stands in the select list");
        return error.hint("filter a query FROM (SELECT …, … OVER (…) AS x …) AS t");
    }
    if what.contains("logical expression SetComparison") {
        let error = SqlError::unsupported("of ANY and ALL of a sub-query only = ANY and <> ALL are built");
        return error.hint("compare with its MIN or MAX: x > (SELECT MAX(y) FROM …)");
    }
    if what.contains("Dot access not supported") {
        let error = SqlError::unsupported("a field of what is made in the same expression is not built");
        return error.hint("write the field's own expression, or give the row a name in a sub-query");
    }
    match what.split_once(['{', '(']) {
        Some((head, _)) if what.contains(" { ") => SqlError::unsupported(format!("{} is not built", head.trim_end())),
        _ => SqlError::unsupported(what),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

/// The place that the planner's diagnostic names.
fn place_of(error: &DataFusionError) -> Option<Place> {
    let span = error.diagnostic()?.span?;
    Some(Place { line: span.start.line, column: span.start.column })
}

impl From<EngineError> for SqlError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Plan(message) => SqlError::new(Kind::Guarantee, message),
            other => SqlError::new(Kind::Run, other),
        }
    }
}

impl From<SqlError> for EngineError {
    fn from(error: SqlError) -> Self {
        EngineError::Plan(error.to_string())
    }
}

impl From<arrow::error::ArrowError> for SqlError {
    fn from(error: arrow::error::ArrowError) -> Self {
        SqlError::new(Kind::Type, error)
    }
}

impl From<tidemill_formats::Error> for SqlError {
    fn from(error: tidemill_formats::Error) -> Self {
        SqlError::new(Kind::Connector, error)
    }
}

/// ", did you mean …", where a known name is like the given one.
pub(crate) fn similar<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let given = given.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&given, &name.to_lowercase());
    let best = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= 0.75).then(|| best.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_line_it_is_about() {
        let error = SqlError::new(Kind::Name, "there is no table 'bids'")
            .at(Place { line: 2, column: 6 })
            .hint("did you mean 'bid'?");
        let shown = error.show("app.sql", "SELECT *\nFROM bids;");
        let expected =
            "app.sql:2:6: TM-SQL-0002: there is no table 'bids'; did you mean 'bid'?\n 2 | FROM bids;\n   |      ^";
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_parsers_place_is_taken_from_its_message() {
        let error = SqlError::from(ParserError::ParserError("Expected: (, found: x at Line: 3, Column: 12".into()));
        assert_eq!(
            (error.message.as_str(), error.place),
            ("expected (, found: x", Some(Place { line: 3, column: 12 }))
        );
    }
}
