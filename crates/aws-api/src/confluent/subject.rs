//! Subjects and their contexts: `orders`, or `:.shop:orders` in the context `.shop`.

use tidemill_schemas::{DEFAULT_REGISTRY, SchemaName};

use super::fault::Fault;

/// The context of subjects that name none.
const DEFAULT_CONTEXT: &str = ".";

/// The registry that a context is.
pub(super) fn registry_of(context: &str) -> &str {
    match context.strip_prefix('.').unwrap_or(context) {
        "" => DEFAULT_REGISTRY,
        name => name,
    }
}

/// The context that a registry is.
pub(super) fn context_of(registry: &str) -> String {
    if registry == DEFAULT_REGISTRY { DEFAULT_CONTEXT.to_owned() } else { format!(".{registry}") }
}

/// A subject as it is written: context, and name, which is empty for a context alone.
fn split(subject: &str) -> (&str, &str) {
    let inner = subject.strip_prefix(':').and_then(|rest| rest.split_once(':'));
    inner.unwrap_or((DEFAULT_CONTEXT, subject))
}

/// The schema that a subject is.
pub(super) fn parse(subject: &str) -> Result<SchemaName, Fault> {
    let (context, name) = split(subject);
    SchemaName::new(registry_of(context), name)
        .map_err(|_| Fault::new(42208, format!("The specified subject '{subject}' is not a valid subject")))
}

/// Whose configuration is meant: a context's (no name) or a subject's.
pub(super) fn scope(subject: Option<&str>) -> Result<(String, Option<SchemaName>), Fault> {
    let Some(subject) = subject else { return Ok((DEFAULT_REGISTRY.to_owned(), None)) };
    match split(subject) {
        (context, "") => Ok((registry_of(context).to_owned(), None)),
        _ => parse(subject).map(|name| (name.registry.clone(), Some(name))),
    }
}

/// A schema as a subject.
pub(super) fn qualified(name: &SchemaName) -> String {
    match name.registry.as_str() {
        DEFAULT_REGISTRY => name.name.clone(),
        registry => format!(":{}:{}", context_of(registry), name.name),
    }
}
