//! Errors as Glue answers them. Serializers look for `Schema is not found.` and `Schema version is not found.` and
//! then create the schema, or register the version.

use tidemill_schemas::{Error, SchemaName};

use crate::protocol::Fault;

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidInputException", message)
}

pub(super) fn not_found(message: impl Into<String>) -> Fault {
    Fault::new("EntityNotFoundException", message)
}

pub(super) fn exists(message: impl Into<String>) -> Fault {
    Fault::new("AlreadyExistsException", message)
}

pub(super) fn no_schema(name: &SchemaName) -> Fault {
    not_found(format!(
        "Schema is not found. RegistryName: {}, SchemaName: {}, SchemaArn: null",
        name.registry, name.name
    ))
}

pub(super) fn no_version(name: &SchemaName, version: &str) -> Fault {
    not_found(format!(
        "Schema version is not found. RegistryName: {}, SchemaName: {}, VersionNumber: {version}",
        name.registry, name.name
    ))
}

pub(super) fn no_registry(name: &str) -> Fault {
    not_found(format!("Registry is not found. RegistryName: {name}, RegistryArn: null"))
}

/// An error of the registry, where a schema was meant.
pub(super) fn of(error: &Error, name: &SchemaName) -> Fault {
    match error {
        Error::NoRegistry(_) | Error::NoSchema(_) => no_schema(name),
        Error::NoVersion { version, .. } => no_version(name, version),
        Error::NoDefinition(_) => no_version(name, "null"),
        error => plain(error),
    }
}

/// An error of the registry.
pub(super) fn plain(error: &Error) -> Fault {
    match error {
        Error::NoRegistry(name) => no_registry(name),
        Error::NoSchema(_) | Error::NoVersion { .. } | Error::NoDefinition(_) => not_found(error.to_string()),
        Error::Exists { what: "registry", name } => exists(format!("Registry already exists. RegistryName: {name}")),
        Error::Exists { name, .. } => exists(format!("Schema already exists. SchemaName: {name}")),
        Error::Definition { format, invalid: reason } => {
            invalid(format!("Schema definition of {format} data format is invalid: {reason}"))
        }
        Error::Limit { .. } => Fault::new("ResourceNumberLimitExceededException", error.to_string()),
        Error::Open { .. } | Error::Store(_) => {
            tracing::error!(%error, "a request failed");
            Fault { status: 500, ..Fault::new("InternalServiceException", error.to_string()) }
        }
        error => invalid(error.to_string()),
    }
}
