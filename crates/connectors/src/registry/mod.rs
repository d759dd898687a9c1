//! The registries of schemas that a table names, by `'schema.registry' = 'embedded'`, the URL of one that speaks Confluent's protocol, `glue` for AWS's
//! or `glue+` and the URL of one that speaks its protocol. Of several, each is looked in until one knows the schema; the first is registered in.

mod chain;
mod confluent;
mod embedded;
mod glue;
mod http;
mod remembered;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tidemill_formats::SchemaLookup;

use crate::aws::{Account, Given};
use crate::catalog::Settings;
use crate::environment::Environment;
use crate::error::{Error, Result};

pub use embedded::registered_schema;

use chain::Chain;
use confluent::Confluent;
use embedded::Embedded;
use glue::Glue;
use http::Endpoint;
use remembered::Remembered;

pub(crate) const REGISTRY: &str = "schema.registry";
pub(crate) const SUBJECT: &str = "schema.subject";
const AUTO_REGISTER: &str = "schema.auto-register";
const USER: &str = "schema.registry.user";
const PASSWORD: &str = "schema.registry.password";
const SECONDARY_USER: &str = "schema.registry.secondary.user";
const SECONDARY_PASSWORD: &str = "schema.registry.secondary.password";
const REGION: &str = "schema.registry.region";
const CA_BUNDLE: &str = "schema.registry.ca-bundle";
/// The formats whose records may name their schemas.
const FORMATS: [&str; 3] = ["avro", "json", "protobuf"];

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

/// The option of a format that says what stands before records, and what it is where a table names registries and does not say it.
pub(crate) fn header(format: &str, registries: &str) -> Option<(String, &'static str)> {
    let header = if registries.trim_start().starts_with("glue") { "glue" } else { "confluent" };
    FORMATS.contains(&format).then(|| (format!("{format}.header"), header))
}

/// The registries that a table names; `None` when it names none.
pub(crate) fn of_table(settings: &Settings<'_>, environment: &Environment) -> Result<Option<Arc<dyn SchemaLookup>>> {
    let declaration = settings.declaration();
    let option = |name: &str| declaration.options.get(name);
    let Some(registries) = option(REGISTRY) else { return Ok(environment.schemas.clone()) };
    let wrong = |rule: &str| Error::invalid(REGISTRY, registries, rule);
    let Some((header, by_default)) = header(option("format").unwrap_or_default(), registries) else {
        return Err(wrong(
            "only the formats avro, json and protobuf find their schemas in a registry; leave the option out",
        ));
    };
    let used = Use {
        subject: option(SUBJECT).map_or_else(|| format!("{}-value", declaration.name), str::to_owned),
        registers: option(AUTO_REGISTER) != Some("false"),
        glue: option(&header).unwrap_or(by_default) == "glue",
    };
    let user_of = |name: &'static str, password: &'static str| match (option(name), option(password)) {
        (Some(user), Some(password)) => Ok(Some((user, password))),
        (None, None) => Ok(None),
        _ => Err(wrong(&format!("`{name}` and `{password}` go together"))),
    };
    let first_user = user_of(USER, PASSWORD)?;
    let secondary_user = user_of(SECONDARY_USER, SECONDARY_PASSWORD)?.or(first_user);
    let mut chain: Vec<Arc<dyn SchemaLookup>> = Vec::new();
    for (nth, registry) in registries.split(',').map(str::trim).enumerate() {
        let glue = is_glue(registry);
        if nth == 0 && registry != "embedded" && glue != used.glue {
            return Err(wrong(match glue {
                true => "a registry of Glue names schemas by the header `glue`: leave the header out",
                false => "this registry is asked by Confluent's protocol: leave the header out, or say glue+http://…",
            }));
        }
        chain.push(match registry {
            "embedded" => {
                let registries = environment.registries.clone().ok_or(Error::MissingPart {
                    connector: settings.spec().name,
                    part: "the embedded schema registry",
                    hint: "name the URL of one that runs",
                })?;
                Arc::new(Embedded::new(registries, used.clone())?)
            }
            elsewhere => {
                let access = Access {
                    connector: settings.spec().name,
                    registries,
                    user: if nth == 0 { first_user } else { secondary_user },
                    region: option(REGION).or(option("aws.region")),
                    key: option("aws.credentials.basic.accesskeyid").zip(option("aws.credentials.basic.secretkey")),
                    ca_bundle: option(CA_BUNDLE),
                };
                access.open(elsewhere, &used)?
            }
        });
    }
    Ok(Some(Arc::new(Chain(chain))))
}

/// How to get to registries elsewhere, to look schemas up.
#[derive(Clone, Debug, Default)]
pub struct RegistryAccess {
    /// A user and the password, or an access key and its secret.
    pub user: Option<(String, String)>,
    /// The region of Glue's.
    pub region: Option<String>,
    /// A file of certificates to trust.
    pub ca_bundle: Option<String>,
}

/// Looks schemas up in registries elsewhere, which are named as a table's `schema.registry` names them. Each schema is
/// asked for once; asking waits for the network.
///
/// # Errors
/// What is wrong with the registries' names or how to get to them.
pub fn registries_elsewhere(registries: &str, access: &RegistryAccess) -> Result<Arc<dyn SchemaLookup>> {
    let access = Access {
        connector: "schema registry",
        registries,
        user: access.user.as_ref().map(|(user, password)| (user.as_str(), password.as_str())),
        region: access.region.as_deref(),
        key: None,
        ca_bundle: access.ca_bundle.as_deref(),
    };
    let used = |registry: &str| Use { subject: String::new(), registers: false, glue: is_glue(registry) };
    let open = |registry: &str| access.open(registry, &used(registry));
    let chain = registries.split(',').map(str::trim).map(open).collect::<Result<_>>()?;
    Ok(Arc::new(Remembered::new(Chain(chain))))
}

fn is_glue(registry: &str) -> bool {
    registry == "glue" || registry.starts_with("glue+")
}

/// How to get to registries elsewhere.
struct Access<'a> {
    connector: &'static str,
    /// As they are written, for messages.
    registries: &'a str,
    user: Option<(&'a str, &'a str)>,
    region: Option<&'a str>,
    /// An access key and its secret, where there is no user.
    key: Option<(&'a str, &'a str)>,
    ca_bundle: Option<&'a str>,
}

impl Access<'_> {
    fn open(&self, registry: &str, used: &Use) -> Result<Arc<dyn SchemaLookup>> {
        let wrong = |rule: &str| Error::invalid(REGISTRY, self.registries, rule);
        let endpoint = |url: &str| Endpoint::new(url, self.ca_bundle).map_err(|rule| wrong(&rule));
        if is_glue(registry) {
            let url = registry.strip_prefix("glue+");
            let key = self.user.or(self.key);
            let Account { region, credentials } = Account::new(&Given {
                connector: self.connector,
                region_option: REGION,
                key_option: USER,
                region: self.region,
                key: key.map(|(key, _)| key),
                secret: key.map(|(_, secret)| secret),
                endpoint: url,
            })?;
            let aws = || format!("https://glue.{region}.amazonaws.com");
            let endpoint = endpoint(&url.map_or_else(aws, str::to_owned))?;
            return Ok(Arc::new(Glue::new(endpoint, region, credentials, used)));
        }
        if !registry.starts_with("http://") && !registry.starts_with("https://") {
            return Err(wrong(
                "say `embedded`, the URL of a registry such as http://127.0.0.1:7171, `glue`, or `glue+` and a URL",
            ));
        }
        Ok(Arc::new(Confluent::new(endpoint(registry)?, self.user, used.clone())))
    }
}
