//! `tidemill connectors [NAME]`

use serde_json::{Value, json};
use tidemill_server::run::{ConnectorSpec, catalog};

use crate::args::{Args, Output};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(name: Option<&str>, args: &Args) -> Result<(), Failure> {
    let Some(name) = name else {
        let row = |spec: &ConnectorSpec| vec![spec.name.to_owned(), sides(spec), spec.about.to_owned()];
        match args.output {
            Output::Human => output::table(&["connector", "as", "what it is"], catalog::CONNECTORS.iter().map(row))?,
            Output::Json => output::json(&Value::Array(catalog::CONNECTORS.iter().map(described).collect()))?,
        }
        return Ok(());
    };
    let spec = catalog::find(name).map_err(|error| Failure::Usage(error.to_string()))?;
    if args.output == Output::Json {
        return Ok(output::json(&described(spec))?);
    }
    output::line(&format!("{}: {} ({})", spec.name, spec.about, sides(spec)))?;
    let options = spec.options.iter().map(|option| {
        let default = if option.required { "must be given" } else { option.default.unwrap_or_default() };
        vec![option.name.to_owned(), option.kind.name(), default.to_owned(), option.about.to_owned()]
    });
    output::table(&["option", "type", "default", "what it does"], options)?;
    if !spec.metadata.is_empty() {
        let metadata = spec.metadata.iter().map(|m| vec![m.key.to_owned(), m.sql_type.to_owned(), m.about.to_owned()]);
        output::table(&["metadata", "type", "what it is"], metadata)?;
    }
    Ok(())
}

/// What tables of it can be.
fn sides(spec: &ConnectorSpec) -> String {
    let sides = [(spec.source.is_some(), "source"), (spec.sink.is_some(), "sink"), (spec.lookup.is_some(), "lookup")];
    sides.iter().filter(|(is, _)| *is).map(|(_, side)| *side).collect::<Vec<_>>().join(", ")
}

fn described(spec: &ConnectorSpec) -> Value {
    let options = spec.options.iter().map(|option| {
        json!({ "name": option.name, "type": option.kind.name(), "default": option.default, "required": option.required, "about": option.about })
    });
    let metadata = spec.metadata.iter().map(|m| json!({ "key": m.key, "type": m.sql_type, "about": m.about }));
    json!({
        "name": spec.name, "about": spec.about, "as": sides(spec),
        "options": options.collect::<Vec<_>>(), "metadata": metadata.collect::<Vec<_>>(),
    })
}
