//! Where a table's records find their schemas: `'schema.registry' = 'embedded'`, or the URL of one that speaks
//! Confluent's protocol. Of several, each is looked in until one knows the schema; the first is registered in.

mod chain;
mod embedded;
mod remote;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tidemill_formats::SchemaLookup;

use crate::catalog::Settings;
use crate::environment::Environment;
use crate::error::{Error, Result};

use chain::Chain;
use embedded::Embedded;
use remote::Remote;

pub(crate) const REGISTRY: &str = "schema.registry";
pub(crate) const SUBJECT: &str = "schema.subject";
pub(crate) const AUTO_REGISTER: &str = "schema.auto-register";
/// The option that says what stands before records.
pub(crate) const HEADER: &str = "avro.header";

/// How a table uses a registry.
#[derive(Clone, Debug)]
struct Use {
    /// What its schema is called there.
    subject: String,
    /// Whether the schema that it writes is registered by writing.
    registers: bool,
    /// Records name their schemas as Glue's serializers do, else as Confluent's.
    glue: bool,
}

/// The registries that a table names; `None` when it names none.
pub(crate) fn of_table(settings: &Settings<'_>, environment: &Environment) -> Result<Option<Arc<dyn SchemaLookup>>> {
    let declaration = settings.declaration();
    let option = |name: &str| declaration.options.get(name);
    let Some(registries) = option(REGISTRY) else { return Ok(environment.schemas.clone()) };
    let used = Use {
        subject: option(SUBJECT).map_or_else(|| format!("{}-value", declaration.name), str::to_owned),
        registers: option(AUTO_REGISTER) != Some("false"),
        glue: option(HEADER) == Some("glue"),
    };
    let wrong = |rule: &str| Error::InvalidOption {
        option: REGISTRY.to_owned(),
        value: registries.to_owned(),
        rule: rule.to_owned(),
    };
    if option("format") != Some("avro") {
        return Err(wrong("only the format avro finds its schemas in a registry; leave the option out"));
    }
    let mut chain: Vec<Arc<dyn SchemaLookup>> = Vec::new();
    for registry in registries.split(',').map(str::trim) {
        chain.push(match registry {
            "embedded" => {
                let registries = environment.registries.clone().ok_or(Error::MissingPart {
                    connector: settings.spec().name,
                    part: "the embedded schema registry",
                    hint: "name the URL of one that runs",
                })?;
                Arc::new(Embedded::new(registries, used.clone())?)
            }
            url if url.starts_with("http://") && used.glue => {
                return Err(wrong(
                    "a registry at a URL is asked by Confluent's protocol: say 'avro.header' = 'confluent'",
                ));
            }
            url if url.starts_with("http://") => Arc::new(Remote::new(url, used.clone()).map_err(|rule| wrong(&rule))?),
            _ => return Err(wrong("say `embedded` or the URL of a registry, such as http://127.0.0.1:7171")),
        });
    }
    Ok(Some(Arc::new(Chain(chain))))
}
