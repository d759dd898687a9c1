//! Every connector with its options: what is checked, and what docs/connectors.md is made of.

mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::datatypes::DataType;
use tidemill_formats::suggest;

pub(crate) use settings::FORMAT_METADATA;
pub use settings::Settings;

use crate::connector::{LookupTable, SinkTable, SourceTable, TableDeclaration};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::{blackhole, datagen, filesystem, http, kinesis, nexmark, print, stream, table, value};

/// All connectors.
pub const CONNECTORS: &[ConnectorSpec] = &[
    stream::SPEC,
    kinesis::SPEC,
    table::SPEC,
    datagen::SPEC,
    nexmark::SPEC,
    filesystem::SPEC,
    http::SPEC,
    print::SPEC,
    blackhole::SPEC,
];

/// A connector.
#[derive(Clone, Copy, Debug)]
pub struct ConnectorSpec {
    /// Its name in `'connector' = '…'`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Whether its tables have the option `format`.
    pub formats: Formats,
    /// Its options but for those of the format and [`COMMON`].
    pub options: &'static [OptionSpec],
    /// What `METADATA FROM 'key'` may ask for.
    pub metadata: &'static [MetadataSpec],
    /// Makes sources, if it is one.
    pub source: Option<MakeSource>,
    /// Makes sinks, if it is one.
    pub sink: Option<MakeSink>,
    /// Makes lookups, if it is one.
    pub lookup: Option<MakeLookup>,
}

/// Makes a source of checked options.
pub type MakeSource = fn(&Settings<'_>, &Environment) -> Result<Arc<dyn SourceTable>>;
/// Makes a sink of checked options.
pub type MakeSink = fn(&Settings<'_>, &Environment) -> Result<Arc<dyn SinkTable>>;
/// Makes a lookup of checked options.
pub type MakeLookup = fn(&Settings<'_>, &Environment) -> Result<Arc<dyn LookupTable>>;

/// Which formats a connector's records may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// Its rows are no records: it has no option `format`.
    None,
    /// Those of docs/formats.md.
    Any,
    /// Those, and some that are files as a whole.
    AnyAnd(&'static [&'static str]),
}

/// An option of a connector.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Its name; `<column>` stands for a column's name, `<name>` for any.
    pub name: &'static str,
    /// What its value is.
    pub kind: OptionKind,
    /// What holds where it is not given.
    pub default: Option<&'static str>,
    /// The table can't do without it.
    pub required: bool,
    /// What it does.
    pub about: &'static str,
    /// Flink has it under the same name.
    pub flink: bool,
}

/// What an option's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// A whole number from zero.
    Integer,
    /// A number with a fraction.
    Number,
    /// `500 ms`, `5 s`, `10 min`, `1 h`.
    Duration,
    /// `64 kb`, `64 mb`, `1 gb`.
    Bytes,
    /// `true` or `false`.
    Boolean,
    /// A value of the column's type.
    Value,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// A piece of what a connector knows about a row beside its contents.
#[derive(Clone, Copy, Debug)]
pub struct MetadataSpec {
    /// Its name in `METADATA FROM '…'`.
    pub key: &'static str,
    /// Its type in SQL. A column may have another one that it can be cast to.
    pub sql_type: &'static str,
    /// The same in Arrow.
    pub data_type: fn() -> DataType,
    /// A sink takes it, too; others are `VIRTUAL`.
    pub writable: bool,
    /// What it is.
    pub about: &'static str,
}

/// Options that every connector takes.
pub const COMMON: &[OptionSpec] = &[
    OptionSpec::flink(
        "scan.parallelism",
        OptionKind::Integer,
        None,
        "Without effect: a source runs on all workers of its job.",
    ),
    OptionSpec::flink(
        "scan.watermark.idle-timeout",
        OptionKind::Duration,
        None,
        "A source whose table has a `WATERMARK` and which has had no row for so long holds no other table's event time back until one comes; 0 ms: never. Without it the setting `table.exec.source.idle-timeout` holds.",
    ),
    OptionSpec::flink(
        "sink.parallelism",
        OptionKind::Integer,
        None,
        "Without effect: a sink runs on all workers of its job.",
    ),
    OptionSpec::ours(
        "schema.registry",
        OptionKind::Text,
        None,
        "Where records of the formats `avro`, `json` and `protobuf` find the schemas that their headers name: `embedded`; the URL (`http://` or `https://`) of a registry that speaks Confluent's protocol; `glue` for AWS's, `glue+https://…` for another that speaks its protocol. Of several, separated by commas, each is looked in, and the first is registered in. Sets the format's `header` to `confluent` or `glue` unless it is given.",
    ),
    OptionSpec::ours(
        "schema.subject",
        OptionKind::Text,
        None,
        "What the schema that is written is called there (a Glue schema, `registry/schema`, or a Confluent subject); `<table>-value` if it is not given.",
    ),
    OptionSpec::ours(
        "schema.registry.user",
        OptionKind::Text,
        None,
        "Who asks: a user of a Confluent registry, or for Glue an access key; without it that of the table (`aws.credentials.basic.accesskeyid`) or `AWS_ACCESS_KEY_ID`.",
    ),
    OptionSpec::ours(
        "schema.registry.password",
        OptionKind::Text,
        None,
        "The user's password, or the access key's secret.",
    ),
    OptionSpec::ours(
        "schema.registry.secondary.user",
        OptionKind::Text,
        None,
        "Who asks the registries behind the first, where that is another; without it the same.",
    ),
    OptionSpec::ours("schema.registry.secondary.password", OptionKind::Text, None, "That user's password or secret."),
    OptionSpec::ours(
        "schema.registry.region",
        OptionKind::Text,
        None,
        "The region of a Glue registry; without it the table's `aws.region`, or `AWS_REGION`.",
    ),
    OptionSpec::ours(
        "schema.registry.ca-bundle",
        OptionKind::Text,
        None,
        "A file of certificates in PEM form that an `https://` registry is trusted by, beside those of the system.",
    ),
    OptionSpec::ours(
        "schema.auto-register",
        OptionKind::Boolean,
        Some("true"),
        "Whether writing registers the schema. If not, it must be there.",
    ),
];

impl OptionSpec {
    /// An option that Flink has, too.
    pub(crate) const fn flink(
        name: &'static str,
        kind: OptionKind,
        default: Option<&'static str>,
        about: &'static str,
    ) -> Self {
        OptionSpec { name, kind, default, required: false, about, flink: true }
    }

    /// An option that only we have.
    pub(crate) const fn ours(
        name: &'static str,
        kind: OptionKind,
        default: Option<&'static str>,
        about: &'static str,
    ) -> Self {
        OptionSpec { name, kind, default, required: false, about, flink: false }
    }

    /// The same, but it must be given.
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Whether a given name is this option's; with the column that it is about.
    pub(crate) fn matches<'a>(&self, given: &'a str) -> Option<&'a str> {
        match self.name.split_once("<column>") {
            Some((before, after)) => {
                given.strip_prefix(before)?.strip_suffix(after).filter(|column| !column.is_empty())
            }
            None => match self.name.strip_suffix("<name>") {
                Some(before) => given.strip_prefix(before).filter(|name| !name.is_empty()).map(|_| ""),
                None => (given == self.name).then_some(""),
            },
        }
    }
}

impl OptionKind {
    /// What the documentation calls it.
    pub fn name(&self) -> String {
        match self {
            OptionKind::Text => "text".into(),
            OptionKind::Integer => "integer".into(),
            OptionKind::Number => "number".into(),
            OptionKind::Duration => "duration".into(),
            OptionKind::Bytes => "bytes".into(),
            OptionKind::Boolean => "boolean".into(),
            OptionKind::Value => "the column's".into(),
            OptionKind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        }
    }

    /// Refuses what is no value of this kind.
    pub(crate) fn check(&self, option: &str, given: &str) -> Result<()> {
        let (good, rule) = match self {
            OptionKind::Text | OptionKind::Value => return Ok(()),
            OptionKind::Integer => (given.trim().parse::<u64>().is_ok(), "say a whole number from zero"),
            OptionKind::Number => (given.trim().parse::<f64>().is_ok_and(f64::is_finite), "say a number"),
            OptionKind::Duration => {
                (value::duration(given).is_some(), "say a whole number and a unit: `500 ms`, `5 s`, `10 min`, `1 h`")
            }
            OptionKind::Bytes => {
                (value::bytes(given).is_some(), "say a whole number and a unit: `64 kb`, `64 mb`, `1 gb`")
            }
            OptionKind::Boolean => (value::boolean(given).is_some(), "say true or false"),
            OptionKind::OneOf(words) => {
                let good = words.iter().any(|word| word.eq_ignore_ascii_case(given));
                let hint = suggest(given, words.iter().copied(), str::to_owned);
                let rule = format!("say one of {}{hint}", words.join(", "));
                return if good { Ok(()) } else { Err(Error::invalid(option, given, rule)) };
            }
        };
        if good { Ok(()) } else { Err(Error::invalid(option, given, rule)) }
    }
}

/// The connector of this name.
pub fn find(name: &str) -> Result<&'static ConnectorSpec> {
    CONNECTORS.iter().find(|spec| spec.name == name).ok_or_else(|| Error::UnknownConnector {
        name: name.to_owned(),
        hint: suggest(name, CONNECTORS.iter().map(|spec| spec.name), str::to_owned),
        known: names(|_| true),
    })
}

/// Makes the source of a table.
pub fn source(declaration: &TableDeclaration, environment: &Environment) -> Result<Arc<dyn SourceTable>> {
    let settings = Settings::new(declaration)?;
    let spec = settings.spec();
    let make = spec.source.ok_or_else(|| one_way(spec, "source", |spec| spec.source.is_some()))?;
    make(&settings, environment)
}

/// Makes the sink of a table.
pub fn sink(declaration: &TableDeclaration, environment: &Environment) -> Result<Arc<dyn SinkTable>> {
    let settings = Settings::new(declaration)?;
    let spec = settings.spec();
    let make = spec.sink.ok_or_else(|| one_way(spec, "sink", |spec| spec.sink.is_some()))?;
    make(&settings, environment)
}

/// Makes the lookup of a table.
pub fn lookup(declaration: &TableDeclaration, environment: &Environment) -> Result<Arc<dyn LookupTable>> {
    let settings = Settings::new(declaration)?;
    let spec = settings.spec();
    let make = spec.lookup.ok_or_else(|| one_way(spec, "lookup", |spec| spec.lookup.is_some()))?;
    make(&settings, environment)
}

fn one_way(spec: &ConnectorSpec, role: &'static str, is: impl Fn(&ConnectorSpec) -> bool) -> Error {
    Error::OneWay { connector: spec.name, role, others: names(is) }
}

fn names(of: impl Fn(&ConnectorSpec) -> bool) -> String {
    CONNECTORS.iter().filter(|spec| of(spec)).map(|spec| spec.name).collect::<Vec<_>>().join(", ")
}
