//! `tidemill access-key …`

use serde_json::{Value, json};

use super::{block_on, client};
use crate::args::{AccessKey, Args, Output, Role};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(command: &AccessKey, args: &Args) -> Result<(), Failure> {
    let client = client(args)?;
    block_on(async {
        match command {
            AccessKey::Create { name, role } => {
                let role = match role {
                    Role::Admin => "admin",
                    Role::Producer => "producer",
                    Role::Consumer => "consumer",
                };
                let made = client.post("/api/v1/access-keys", &json!({ "name": name, "role": role })).await?;
                print_made(&made, args)
            }
            AccessKey::List => {
                let keys = client.get("/api/v1/access-keys").await?;
                print_all(&keys, args)
            }
            AccessKey::Delete { key } => {
                client.delete(&format!("/api/v1/access-keys/{}", client.segment(key))).await?;
                match args.output {
                    Output::Human => Ok(output::line(&format!("deleted access key {key}"))?),
                    Output::Json => Ok(output::json(&json!({ "deleted": key }))?),
                }
            }
        }
    })
}

fn print_made(made: &Value, args: &Args) -> Result<(), Failure> {
    if args.output == Output::Json {
        return Ok(output::json(made)?);
    }
    output::line(&format!("export AWS_ACCESS_KEY_ID={}", output::plain(made.get("id"))))?;
    output::line(&format!("export AWS_SECRET_ACCESS_KEY={}", output::plain(made.get("secret"))))?;
    Ok(output::line(&format!("export AWS_ENDPOINT_URL={}", args.server().trim_end_matches('/')))?)
}

fn print_all(keys: &Value, args: &Args) -> Result<(), Failure> {
    if args.output == Output::Json {
        return Ok(output::json(keys)?);
    }
    let keys = keys.get("access_keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if keys.is_empty() {
        return Ok(output::line("no access keys yet; make one: tidemill access-key create NAME")?);
    }
    let columns = ["id", "name", "role", "created_ms"];
    let rows = keys.iter().map(|key| columns.iter().map(|column| output::plain(key.get(column))).collect());
    Ok(output::table(&columns, rows)?)
}
