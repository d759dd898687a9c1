//! The one error type of this crate: what can't be set up or written, and what to do.
//!
//! A record that can't be *read* is no error: it is handed back as [`Rejected`](crate::Rejected).

use arrow::error::ArrowError;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong when a format is set up or rows are written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No format has this name.
    #[error("TM-FORMAT-0001: there is no format `{name}`{hint}; the formats are {known}")]
    UnknownFormat {
        /// The name asked for.
        name: String,
        /// The name that was probably meant.
        hint: String,
        /// All names.
        known: String,
    },
    /// The format has no such option.
    #[error("TM-FORMAT-0002: format `{format}` has no option `{option}`{hint}; docs/formats.md lists its options")]
    UnknownOption {
        /// The format.
        format: &'static str,
        /// The option given.
        option: String,
        /// The option that was probably meant.
        hint: String,
    },
    /// The option can't have this value.
    #[error("TM-FORMAT-0003: option `{option}` can't be `{value}`: {rule}")]
    InvalidOption {
        /// The option's name.
        option: String,
        /// The value given.
        value: String,
        /// What is allowed.
        rule: String,
    },
    /// An option that the format can't do without is missing.
    #[error("TM-FORMAT-0004: format `{format}` needs the option `{option}`: {what}")]
    MissingOption {
        /// The format.
        format: &'static str,
        /// The option's name.
        option: String,
        /// What it says.
        what: &'static str,
    },
    /// The format can't hold a column of this type.
    #[error("TM-FORMAT-0005: format `{format}` can't hold column `{column}` of type {data_type}; {hint}")]
    UnsupportedType {
        /// The format.
        format: &'static str,
        /// The column, with the path of fields inside it.
        column: String,
        /// Its type.
        data_type: String,
        /// What to use instead.
        hint: &'static str,
    },
    /// A JSONPath is outside of what is understood.
    #[error("TM-FORMAT-0006: `{path}` is no path that can be followed: {reason}")]
    InvalidPath {
        /// The path given.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The format's columns and the declared ones don't fit.
    #[error("TM-FORMAT-0007: the declared columns don't fit format `{format}`: {reason}")]
    SchemaMismatch {
        /// The format.
        format: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// A schema's text is not valid.
    #[error("TM-FORMAT-0008: invalid schema at {place}: {reason}")]
    InvalidSchema {
        /// Where in it.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A row can't be written in this format.
    #[error("TM-FORMAT-0009: row {row} can't be written as `{format}`: {reason}")]
    Unwritable {
        /// The format.
        format: &'static str,
        /// The row's place in its batch.
        row: usize,
        /// Why not.
        reason: String,
    },
    /// A batch came with other columns than declared, or with another number of row kinds.
    #[error("TM-FORMAT-0010: the batch does not fit its encoder: {reason}; encode with the schema it was made for")]
    WrongBatch {
        /// What differs.
        reason: String,
    },
    /// The registry of schemas has not this schema, or did not answer.
    #[error("TM-FORMAT-0011: schema {schema} can't be looked up: {reason}")]
    SchemaLookup {
        /// The schema asked for.
        schema: String,
        /// What the registry said.
        reason: String,
    },
    /// The format reads but does not write, or writes but does not read.
    #[error("TM-FORMAT-0012: format `{format}` can't {verb}; {hint}")]
    OneWay {
        /// The format.
        format: &'static str,
        /// Read or write.
        verb: &'static str,
        /// What to use instead.
        hint: &'static str,
    },
    /// Schema discovery found no schema in the samples.
    #[error("TM-FORMAT-0013: no schema can be told from {records} sample records: {reason}")]
    NoSchemaFound {
        /// How many samples there were.
        records: usize,
        /// Why not.
        reason: String,
    },
    /// A table does not say what its records are.
    #[error("TM-FORMAT-0015: the option `format` is missing; the formats are {known}")]
    NoFormat {
        /// All names.
        known: String,
    },
    /// Arrow refused what was built.
    #[error("TM-FORMAT-0014: {0}; this is a defect, please report it with the record")]
    Arrow(#[from] ArrowError),
}

impl Error {
    pub(crate) fn invalid_option(option: impl Into<String>, value: impl Into<String>, rule: impl Into<String>) -> Self {
        Error::InvalidOption { option: option.into(), value: value.into(), rule: rule.into() }
    }
}
