//! `tidemill schema …`

use std::io::Read as _;

use serde_json::{Value, json};
use tidemill_server::client::Client;

use super::{block_on, client};
use crate::args::{Args, Definition, Output, Schema};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(command: &Schema, args: &Args) -> Result<(), Failure> {
    let client = client(args)?;
    block_on(async {
        match command {
            Schema::Register { name, definition, compatibility } => {
                let mut body = body(definition)?;
                body["compatibility"] = json!(compatibility);
                let made = client.post(&format!("{}/versions", path(&client, name)), &body).await?;
                registered(&made, args)
            }
            Schema::List => list(&client.get("/api/v1/schemas").await?, args),
            Schema::Get { name, version } => get(&client.get(&path(&client, name)).await?, name, *version, args),
            Schema::Check { name, definition } => {
                let verdict = client.post(&format!("{}/check", path(&client, name)), &body(definition)?).await?;
                check(&verdict, args)
            }
            Schema::Diff { name, from, to } => {
                let to = to.map(|to| format!("&to={to}")).unwrap_or_default();
                let differs = client.get(&format!("{}/diff?from={from}{to}", path(&client, name))).await?;
                match args.output {
                    Output::Json => Ok(output::json(&differs)?),
                    Output::Human => Ok(output::line(output::plain(differs.get("diff")).trim_end())?),
                }
            }
            Schema::Delete { name, version } => {
                let which = version.map(|version| format!("?version={version}")).unwrap_or_default();
                client.delete(&format!("{}{which}", path(&client, name))).await?;
                match (args.output, version) {
                    (Output::Json, None) => Ok(output::json(&json!({ "deleted": name }))?),
                    (Output::Json, Some(version)) => Ok(output::json(&json!({ "deleted": name, "version": version }))?),
                    (Output::Human, None) => Ok(output::line(&format!("deleted schema {name}"))?),
                    (Output::Human, Some(version)) => {
                        Ok(output::line(&format!("deleted version {version} of schema {name}"))?)
                    }
                }
            }
        }
    })
}

fn path(client: &Client, name: &str) -> String {
    format!("/api/v1/schemas/{}", client.segment(name))
}

fn body(definition: &Definition) -> Result<Value, Failure> {
    let file = &definition.file;
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let format = match (definition.format.as_deref(), ending) {
        (Some(format), _) => format,
        (None, "avsc" | "avro") => "AVRO",
        (None, "json") => "JSON",
        (None, "proto") => "PROTOBUF",
        _ => return Err(Failure::Usage("say which format the definition has: --format avro|json|protobuf".into())),
    };
    let mut text = String::new();
    match file.to_str() {
        Some("-") => std::io::stdin().lock().read_to_string(&mut text).map(|_| ())?,
        _ => {
            text = std::fs::read_to_string(file)
                .map_err(|error| Failure::Failed(format!("can't read {}: {error}", file.display())))?;
        }
    }
    Ok(json!({ "format": format, "definition": text, "rules": definition.rules }))
}

fn registered(made: &Value, args: &Args) -> Result<(), Failure> {
    if args.output == Output::Json {
        return Ok(output::json(made)?);
    }
    let of = |name: &str| output::plain(made.get(name));
    Ok(output::line(&format!("version {} · id {} · {}", of("version"), of("id"), of("uuid")))?)
}

fn list(schemas: &Value, args: &Args) -> Result<(), Failure> {
    if args.output == Output::Json {
        return Ok(output::json(schemas)?);
    }
    let columns = ["registry", "name", "format", "compatibility", "latest_version"];
    let cells = rows(schemas, "schemas").iter();
    let cells = cells.map(|schema| columns.iter().map(|column| output::plain(schema.get(column))).collect());
    Ok(output::table(&columns, cells)?)
}

fn get(schema: &Value, name: &str, version: Option<u32>, args: &Args) -> Result<(), Failure> {
    let versions = rows(schema, "versions");
    if let Some(number) = version {
        let found = versions.iter().find(|version| version.get("version") == Some(&json!(number)));
        let found = found.ok_or_else(|| Failure::Failed(format!("schema {name} has no version {number}")))?;
        return match args.output {
            Output::Json => Ok(output::json(found)?),
            Output::Human => Ok(output::line(output::plain(found.get("definition")).trim_end())?),
        };
    }
    if args.output == Output::Json {
        return Ok(output::json(schema)?);
    }
    for (name, value) in schema.as_object().into_iter().flatten().filter(|(_, value)| !value.is_array()) {
        output::line(&format!("{name:>16}  {}", output::plain(Some(value))))?;
    }
    let columns = ["version", "id", "uuid", "status"];
    let cells = versions.iter();
    let cells = cells.map(|version| columns.iter().map(|column| output::plain(version.get(column))).collect());
    Ok(output::table(&columns, cells)?)
}

/// Prints a verdict; one that is no fails the command.
fn check(verdict: &Value, args: &Args) -> Result<(), Failure> {
    let compatible = verdict.get("compatible") == Some(&Value::Bool(true));
    let mode = output::plain(verdict.get("mode"));
    if args.output == Output::Json {
        output::json(verdict)?;
    } else if compatible {
        output::line(&format!("compatible ({mode})"))?;
    }
    if compatible {
        return Ok(());
    }
    let mut lines = vec![format!("not compatible ({mode})")];
    for clash in rows(verdict, "clashes") {
        let version = output::plain(clash.get("version"));
        lines.push(match clash.get("reader").and_then(Value::as_str) {
            Some("new") => format!("the new schema can't read what version {version} wrote:"),
            _ => format!("version {version} can't read what the new schema writes:"),
        });
        for difference in rows(clash, "differences") {
            let of = |name: &str| output::plain(difference.get(name));
            lines.push(format!("  {}: {} ({}); {}", of("path"), of("reason"), of("rule"), of("remedy")));
        }
    }
    Err(Failure::Failed(lines.join("\n")))
}

fn rows<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
