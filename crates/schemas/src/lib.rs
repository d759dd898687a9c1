//! The embedded schema registry: named schemas in versions, and whether versions can read each other's records.
//!
//! ```
//! use tidemill_schemas::{DataFormat, Mode, Registration, Registries, SchemaName, Status};
//!
//! # fn main() -> tidemill_schemas::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! let registries = Registries::open(folder.path())?;
//! let name = SchemaName::new("default-registry", "customers")?;
//!
//! let first = r#"{"type":"record","name":"Customer","fields":[{"name":"id","type":"long"}]}"#;
//! let registered = registries.register(&name, Registration::new(DataFormat::Avro, first).creating(Mode::Backward))?;
//! assert_eq!((registered.version.number, registered.version.status), (1, Status::Available));
//!
//! let second = r#"{"type":"record","name":"Customer","fields":[{"name":"id","type":"long"},{"name":"city","type":"string"}]}"#;
//! let verdict = registries.check(&name, &Registration::new(DataFormat::Avro, second), None)?;
//! assert_eq!(verdict.clashes[0].differences[0].rule, "READER_FIELD_MISSING_DEFAULT_VALUE");
//! assert_eq!(verdict.clashes[0].differences[0].remedy, "give city a default, such as \"\"");
//! # Ok(())
//! # }
//! ```
//!
//! - [`Registries`] keeps registries, their schemas and their versions on disk. What it has answered survives a crash.
//! - [`Definition`] is what a schema says, in Avro, JSON Schema or Protobuf, with its normal form and [`Fingerprint`].
//! - [`check`] compares a new version with old ones under a [`Mode`] and a [`RuleSet`]; its [`Verdict`] explains itself.
//! - [`AvroSchema`] is Avro's model, for those who read and write records; [`ProtobufSchema`] Protobuf's.
//! - [`Acceptance`] says whether a JSON Schema accepts a value, and if not where and why.
//! - [`text_diff`] says what differs between two texts.
//!
//! Glue's and Confluent's registries are both seen through this one: Confluent's context is a registry, its subject a
//! schema, its number of a schema is a content's, Glue's UUID is a version's.

pub mod avro;
mod compatibility;
mod definition;
mod diff;
mod error;
mod json;
mod limits;
mod name;
mod protobuf;
mod registry;

pub use avro::AvroSchema;
pub use compatibility::{Candidate, Clash, Difference, Mode, RuleSet, Verdict, check};
pub use definition::{DataFormat, Definition, Fingerprint, Invalid, Reference};
pub use diff::text_diff;
pub use error::{Error, Result};
pub use json::{Acceptance, Violation};
pub use limits::Limits;
pub use name::{DEFAULT_REGISTRY, SchemaName};
pub use protobuf::ProtobufSchema;
pub use registry::{
    Access, Content, MetadataValue, OnClash, Registered, Registration, Registries, RegistryInfo, SchemaChange,
    SchemaInfo, SchemaReference, Status, VersionInfo,
};
