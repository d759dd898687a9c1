//! Errors as Confluent's registry answers them: a code whose first three digits are the status.

use http::StatusCode;
use serde_json::{Value, json};
use tidemill_schemas::{Error, SchemaName};

use super::subject::qualified;

/// An error.
#[derive(Debug)]
pub(super) struct Fault {
    code: u32,
    message: String,
}

impl Fault {
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Fault { code, message: message.into() }
    }

    pub(super) fn status(&self) -> StatusCode {
        let status = if self.code > 999 { self.code / 100 } else { self.code };
        u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or_default()
    }

    pub(super) fn body(&self) -> Value {
        json!({"error_code": self.code, "message": self.message})
    }

    pub(super) fn no_subject(name: &SchemaName) -> Self {
        Fault::new(40401, format!("Subject '{}' not found.", qualified(name)))
    }

    pub(super) fn no_version(version: impl std::fmt::Display) -> Self {
        Fault::new(40402, format!("Version {version} not found."))
    }

    pub(super) fn no_schema(id: impl std::fmt::Display) -> Self {
        Fault::new(40403, format!("Schema {id} not found"))
    }

    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        Fault::new(422, format!("the body is not as it should be: {error}"))
    }

    /// What an error of the registry is here, where a subject was meant.
    pub(super) fn of(error: Error, name: &SchemaName) -> Self {
        let text = error.to_string();
        match error {
            Error::NoRegistry(_) | Error::NoSchema(_) => Fault::no_subject(name),
            Error::NoVersion { version, .. } => Fault::no_version(version),
            Error::NoDefinition(_) => Fault::new(40403, "Schema not found"),
            Error::Definition { format, invalid } => {
                Fault::new(42201, format!("Invalid schema of type {format}, details: {invalid}"))
            }
            Error::NoReference { name, subject, version } => Fault::new(
                42201,
                format!(
                    "Invalid schema, details: No schema reference found for subject \"{subject}\" and version {version}, named {name}"
                ),
            ),
            Error::Incompatible { verdict, .. } => Fault::new(
                409,
                format!(
                    "Schema being registered is incompatible with an earlier schema for subject \"{}\", details: {}",
                    qualified(name),
                    super::compatibility::messages(&verdict)
                ),
            ),
            Error::Name { .. } => {
                Fault::new(42208, format!("The specified subject '{}' is not a valid subject", name.name))
            }
            Error::Disabled(_) | Error::Access(..) => Fault::new(42205, text),
            Error::IdTaken(_) => Fault::new(42207, text),
            Error::Referenced { .. } => {
                Fault::new(42206, format!("One or more references exist to the schema: {text}"))
            }
            Error::NotDeleted { version, .. } if version == "all" => Fault::new(
                40405,
                format!("Subject '{}' was not deleted first before being permanently deleted", qualified(name)),
            ),
            Error::NotDeleted { version, .. } => Fault::new(
                40407,
                format!(
                    "Subject '{}' Version {version} was not deleted first before being permanently deleted",
                    qualified(name)
                ),
            ),
            Error::Limit { .. } | Error::Exists { .. } | Error::Format { .. } | Error::Checkpoint { .. } => {
                Fault::new(42205, text)
            }
            _ => {
                tracing::error!(error = text, "a request failed");
                Fault::new(50001, format!("Error in the backend data store: {text}"))
            }
        }
    }
}
