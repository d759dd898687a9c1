//! `tidemill site …`

use std::io::{BufRead, IsTerminal};

use serde_json::{Map, Value, json};

use super::{block_on, client};
use crate::args::{Args, Output, Site, SiteCreate};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(command: &Site, args: &Args) -> Result<(), Failure> {
    let client = client(args)?;
    block_on(async {
        match command {
            Site::Create(create) => {
                let site = client.post("/api/v1/sites", &body(create)).await?;
                print_one(&site, args)
            }
            Site::List => {
                let sites = client.get("/api/v1/sites").await?;
                print_all(&sites, args)
            }
            Site::Show { name } => {
                let site = client.get(&format!("/api/v1/sites/{}", client.segment(name))).await?;
                print_one(&site, args)
            }
            Site::Delete { name, yes } => {
                if !yes && !confirmed(name)? {
                    return Err(Failure::Interrupted);
                }
                client.delete(&format!("/api/v1/sites/{}", client.segment(name))).await?;
                match args.output {
                    Output::Human => Ok(output::line(&format!("deleted site {name} and its data"))?),
                    Output::Json => Ok(output::json(&json!({ "deleted": name }))?),
                }
            }
        }
    })
}

fn body(create: &SiteCreate) -> Value {
    let mut retention = Map::new();
    for (name, days) in [
        ("minute_days", create.minute_days),
        ("hour_days", create.hour_days),
        ("day_days", create.day_days),
        ("lake_days", create.lake_days),
        ("beacon_days", create.beacon_days),
    ] {
        retention.extend(days.map(|days| (name.to_owned(), json!(days))));
    }
    let mut body = Map::from_iter([("name".to_owned(), json!(create.name))]);
    body.extend(create.timezone.as_ref().map(|zone| ("timezone".to_owned(), json!(zone))));
    body.extend(create.currency.as_ref().map(|code| ("currency".to_owned(), json!(code))));
    body.extend(create.session_gap.map(|gap| ("session_gap_minutes".to_owned(), json!(gap))));
    body.extend(create.rate_per_second.map(|rate| ("rate_per_second".to_owned(), json!(rate))));
    if !create.dimensions.is_empty() {
        body.insert("dimensions".to_owned(), json!(create.dimensions));
    }
    if !retention.is_empty() {
        body.insert("retention".to_owned(), Value::Object(retention));
    }
    Value::Object(body)
}

fn print_one(site: &Value, args: &Args) -> Result<(), Failure> {
    if args.output == Output::Json {
        return Ok(output::json(site)?);
    }
    for (name, value) in site.as_object().into_iter().flatten() {
        match value {
            Value::Object(inner) => {
                for (name, value) in inner {
                    output::line(&format!("{name:>20}  {}", output::plain(Some(value))))?;
                }
            }
            value => output::line(&format!("{name:>20}  {}", output::plain(Some(value))))?,
        }
    }
    let key = output::plain(site.get("key"));
    let server = args.server().trim_end_matches('/');
    output::line("\nPut this into the head of the site's pages:\n")?;
    Ok(output::line(&format!("  <script defer src=\"{server}/t.js\" data-site=\"{key}\"></script>"))?)
}

fn print_all(sites: &Value, args: &Args) -> Result<(), Failure> {
    if args.output == Output::Json {
        return Ok(output::json(sites)?);
    }
    let sites = sites.get("sites").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if sites.is_empty() {
        return Ok(output::line("no sites yet; create one: tidemill site create my-shop")?);
    }
    let columns = ["name", "key", "timezone", "currency", "session_gap_minutes", "rate_per_second", "dimensions"];
    let rows = sites.iter().map(|site| columns.iter().map(|column| output::plain(site.get(column))).collect());
    Ok(output::table(&columns, rows)?)
}

fn confirmed(name: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("deleting a site deletes its data; confirm with --yes".into()));
    }
    eprint!("Delete site {name} and all its data? Type its name: ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == name)
}
