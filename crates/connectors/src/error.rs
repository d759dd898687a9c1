//! What is wrong with a table's declaration, and what to write instead.
//!
//! What goes wrong later, while a job runs, is an [`EngineError`](tidemill_engine::EngineError).

use tidemill_engine::EngineError;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why no source, sink or lookup can be made of a declaration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connector has this name.
    #[error("TM-CONNECTOR-0001: connector `{name}` is not built{hint}; there are {known}")]
    UnknownConnector {
        /// The name asked for.
        name: String,
        /// The name that was probably meant.
        hint: String,
        /// All names.
        known: String,
    },
    /// The table does not say where its rows are.
    #[error("TM-CONNECTOR-0002: table `{table}` has no option `connector`; there are {known}")]
    NoConnector {
        /// The table.
        table: String,
        /// All names.
        known: String,
    },
    /// The connector has no such option.
    #[error(
        "TM-CONNECTOR-0003: connector `{connector}` has no option `{option}`{hint}; docs/connectors.md lists its options"
    )]
    UnknownOption {
        /// The connector.
        connector: &'static str,
        /// The option given.
        option: String,
        /// The option that was probably meant.
        hint: String,
    },
    /// The option can't have this value.
    #[error("TM-CONNECTOR-0004: option `{option}` can't be `{value}`: {rule}")]
    InvalidOption {
        /// The option's name.
        option: String,
        /// The value given.
        value: String,
        /// What is allowed.
        rule: String,
    },
    /// An option that the connector can't do without is missing.
    #[error("TM-CONNECTOR-0005: connector `{connector}` needs the option `{option}`: {about}")]
    MissingOption {
        /// The connector.
        connector: &'static str,
        /// The option's name.
        option: &'static str,
        /// What it says.
        about: &'static str,
    },
    /// The connector is no source, no sink or no lookup.
    #[error("TM-CONNECTOR-0006: connector `{connector}` is no {role}; those that are: {others}")]
    OneWay {
        /// The connector.
        connector: &'static str,
        /// Source, sink or lookup.
        role: &'static str,
        /// The connectors that are one.
        others: String,
    },
    /// The connector needs a part that this process does not run.
    #[error("TM-CONNECTOR-0007: connector `{connector}` needs {part}, which this process does not have; {hint}")]
    MissingPart {
        /// The connector.
        connector: &'static str,
        /// What is missing.
        part: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The connector can't do with a column as it is declared.
    #[error("TM-CONNECTOR-0008: column `{column}`: {reason}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong, and what to declare instead.
        reason: String,
    },
    /// The connector has no such metadata.
    #[error("TM-CONNECTOR-0009: connector `{connector}` has no metadata `{key}`{hint}; it has {known}")]
    UnknownMetadata {
        /// The connector.
        connector: &'static str,
        /// The key asked for.
        key: String,
        /// The key that was probably meant.
        hint: String,
        /// All keys.
        known: String,
    },
    /// The format can't be set up.
    #[error(transparent)]
    Format(#[from] tidemill_formats::Error),
    /// The declaration as a whole does not fit.
    #[error("TM-CONNECTOR-0010: table `{table}`: {reason}")]
    Declaration {
        /// The table.
        table: String,
        /// What does not fit, and what to write instead.
        reason: String,
    },
    /// What the table stands for can't be reached.
    #[error("TM-CONNECTOR-0011: {what}: {reason}")]
    Unreachable {
        /// The stream, table, folder or address.
        what: String,
        /// Why.
        reason: String,
    },
}

impl Error {
    pub(crate) fn invalid(option: impl Into<String>, value: impl Into<String>, rule: impl Into<String>) -> Self {
        Error::InvalidOption { option: option.into(), value: value.into(), rule: rule.into() }
    }

    pub(crate) fn column(column: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Column { column: column.into(), reason: reason.into() }
    }
}

impl From<Error> for EngineError {
    fn from(error: Error) -> Self {
        EngineError::Plan(error.to_string())
    }
}
