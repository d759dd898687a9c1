//! The Schema Registry of AWS Glue over the `schemas` crate: 20 operations, and tags.
//!
//! A version that clashes is kept with the status FAILURE, as in Glue; its check is done before the answer, so no
//! version is ever PENDING. `model.txt` lists the operations with what they take.

mod fault;
mod metadata;
mod name;
mod page;
mod registries;
mod schemas;
mod tags;
mod versions;

use std::sync::Arc;

use futures::future::BoxFuture;
use tidemill_schemas::Registries;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::access::Access;
use crate::gateway::{Answer, Call, Service};
use crate::protocol::{Fault, Model, Value};
use crate::{Error, Result};
use name::Place;

/// The service.
pub struct Glue {
    registries: Arc<Registries>,
    model: Model,
    /// The account in ARNs.
    account: String,
    /// The region in ARNs where a request names none.
    region: String,
}

/// What a call works with.
struct Context<'a> {
    registries: &'a Registries,
    input: &'a Value<'a>,
    place: Place,
}

impl Glue {
    /// Serves these registries.
    pub fn new(registries: Arc<Registries>, account: &str, region: &str) -> Result<Self> {
        let model = Model::parse(include_str!("model.txt"), "com.amazonaws.glue.ws")
            .map_err(|said| Error::Model { service: "Glue", said })?;
        Ok(Self { registries, model, account: account.to_owned(), region: region.to_owned() })
    }

    fn answer(&self, call: &Call<'_>) -> Result<Value<'static>, Fault> {
        let region = call.caller.region.clone().unwrap_or_else(|| self.region.clone());
        let place = Place { region, account: self.account.clone() };
        let context = Context { registries: &self.registries, input: &call.input, place };
        match call.operation {
            "CreateRegistry" => context.create_registry(),
            "GetRegistry" => context.get_registry(),
            "ListRegistries" => context.list_registries(),
            "UpdateRegistry" => context.update_registry(),
            "DeleteRegistry" => context.delete_registry(),
            "CreateSchema" => context.create_schema(),
            "GetSchema" => context.get_schema(),
            "ListSchemas" => context.list_schemas(),
            "UpdateSchema" => context.update_schema(),
            "DeleteSchema" => context.delete_schema(),
            "RegisterSchemaVersion" => context.register_schema_version(),
            "GetSchemaVersion" => context.get_schema_version(),
            "GetSchemaByDefinition" => context.get_schema_by_definition(),
            "GetSchemaVersionsDiff" => context.get_schema_versions_diff(),
            "CheckSchemaVersionValidity" => Ok(context.check_schema_version_validity()),
            "ListSchemaVersions" => context.list_schema_versions(),
            "DeleteSchemaVersions" => context.delete_schema_versions(),
            "PutSchemaVersionMetadata" => context.put_metadata(),
            "QuerySchemaVersionMetadata" => context.query_metadata(),
            "RemoveSchemaVersionMetadata" => context.remove_metadata(),
            "TagResource" => context.tag(),
            "UntagResource" => context.untag(),
            "GetTags" => context.get_tags(),
            _ => Err(self.refusal(call.operation)),
        }
    }
}

impl Service for Glue {
    fn target(&self) -> &'static str {
        "AWSGlue"
    }

    fn signing_name(&self) -> &'static str {
        "glue"
    }

    fn model(&self) -> &Model {
        &self.model
    }

    fn access(&self, operation: &str) -> Access {
        match operation {
            "RegisterSchemaVersion" | "CreateSchema" | "PutSchemaVersionMetadata" => Access::Produce,
            read if ["Get", "List", "Query", "Check"].iter().any(|verb| read.starts_with(verb)) => Access::Describe,
            _ => Access::Manage,
        }
    }

    fn refusal(&self, operation: &str) -> Fault {
        Fault::new("InvalidInputException", format!("{operation} is not supported: only Glue's Schema Registry is."))
    }

    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            // Changes wait for the disk, and checks may take long: others go on meanwhile.
            let changes = self.access(call.operation) != Access::Describe;
            let may_move = Handle::try_current().is_ok_and(|now| now.runtime_flavor() == RuntimeFlavor::MultiThread);
            let value = match changes && may_move {
                true => tokio::task::block_in_place(|| self.answer(&call))?,
                false => self.answer(&call)?,
            };
            Ok(Answer::Value(value))
        })
    }
}

impl std::fmt::Debug for Glue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Glue")
    }
}
