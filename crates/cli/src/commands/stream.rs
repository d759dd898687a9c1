//! `tidemill stream …`

use std::io::BufRead;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tidemill_server::client::Client;

use super::{block_on, client, tail};
use crate::args::{Args, Consumers, Output, Stream};
use crate::failure::Failure;
use crate::output;

/// Records sent in one request.
const PUT_RECORDS_MAX: usize = 500;
/// Bytes of records sent in one request, below the server's limit with room for JSON.
const PUT_BYTES_MAX: usize = 256 << 10;
/// How often is asked whether a stream has its new number of shards.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(crate) fn run(command: &Stream, args: &Args) -> Result<(), Failure> {
    let client = client(args)?;
    block_on(async {
        match command {
            Stream::Create { name, shards, retention_hours } => {
                let mut body = Map::from_iter([("name".to_owned(), json!(name)), ("shards".to_owned(), json!(shards))]);
                body.extend(retention_hours.map(|hours| ("retention_hours".to_owned(), json!(hours))));
                let stream = client.post("/api/v1/streams", &Value::Object(body)).await?;
                describe(&stream, args)
            }
            Stream::List => {
                let streams = client.get("/api/v1/streams").await?;
                list(&streams, args)
            }
            Stream::Describe { name } => {
                let stream = client.get(&path(&client, name)).await?;
                describe(&stream, args)
            }
            Stream::Put { name, data, partition_key } => {
                put(&client, name, data.as_deref(), partition_key.as_deref(), args).await
            }
            Stream::Tail { name, from, limit, no_follow, raw, registry, elsewhere } => {
                let elsewhere = tail::lookup(elsewhere)?;
                let decode = !raw && elsewhere.is_none();
                let mut query = format!("?from={}&follow={}&decode={decode}", client.segment(from), !no_follow);
                if let Some(limit) = limit {
                    query.push_str(&format!("&limit={limit}"));
                }
                if let Some(registry) = registry {
                    query.push_str(&format!("&registry={}", client.segment(registry)));
                }
                let path = format!("{}/records{query}", path(&client, name));
                tail::print(&client, &path, elsewhere.as_deref(), limit.unwrap_or(u64::MAX), args).await
            }
            Stream::Split { name, shard, at } => {
                let mut body = json!({ "shard": shard });
                if let Some(at) = at {
                    body["at"] = json!(at);
                }
                let stream = client.post(&format!("{}/split", path(&client, name)), &body).await?;
                describe(&stream, args)
            }
            Stream::Merge { name, shard, other } => {
                let body = json!({ "shards": [shard, other] });
                let stream = client.post(&format!("{}/merge", path(&client, name)), &body).await?;
                describe(&stream, args)
            }
            Stream::Reshard { name, shards, no_wait } => reshard(&client, name, *shards, !no_wait, args).await,
            Stream::Consumers { command } => consumers(&client, command, args).await,
            Stream::Delete { name, with_consumers } => {
                client.delete(&format!("{}?consumers={with_consumers}", path(&client, name))).await?;
                match args.output {
                    Output::Human => Ok(output::line(&format!("deleted stream {name}"))?),
                    Output::Json => Ok(output::json(&json!({ "deleted": name }))?),
                }
            }
        }
    })
}

fn path(client: &Client, name: &str) -> String {
    format!("/api/v1/streams/{}", client.segment(name))
}

fn rows<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn list(streams: &Value, args: &Args) -> Result<(), Failure> {
    if args.output == Output::Json {
        return Ok(output::json(streams)?);
    }
    let columns = ["name", "open_shards", "records", "bytes", "retention_hours"];
    let cells = rows(streams, "streams")
        .iter()
        .map(|stream| columns.iter().map(|column| output::plain(stream.get(column))).collect());
    Ok(output::table(&columns, cells)?)
}

fn describe(stream: &Value, args: &Args) -> Result<(), Failure> {
    if args.output == Output::Json {
        return Ok(output::json(stream)?);
    }
    for (name, value) in stream.as_object().into_iter().flatten().filter(|(_, value)| !value.is_array()) {
        output::line(&format!("{name:>16}  {}", output::plain(Some(value))))?;
    }
    let columns = ["shard", "state", "parents", "first_hash_key", "last_hash_key", "records", "bytes"];
    let cells = rows(stream, "shards")
        .iter()
        .map(|shard| columns.iter().map(|column| output::plain(shard.get(column))).collect());
    Ok(output::table(&columns, cells)?)
}

/// Begins a change of the number of shards, and waits until it is done.
async fn reshard(client: &Client, name: &str, shards: u32, wait: bool, args: &Args) -> Result<(), Failure> {
    let path = path(client, name);
    let mut stream = client.post(&format!("{path}/reshard"), &json!({ "shards": shards })).await?;
    while wait && stream.get("resharding") == Some(&Value::Bool(true)) {
        tokio::time::sleep(LOOK_EVERY).await;
        stream = client.get(&path).await?;
    }
    let open = stream.get("open_shards").and_then(Value::as_u64);
    if wait && open != Some(shards.into()) {
        let said = format!(
            "stream {name} has {} open shards, not {shards}; the server's log says why",
            output::plain(stream.get("open_shards"))
        );
        return Err(Failure::Failed(said));
    }
    describe(&stream, args)
}

async fn consumers(client: &Client, command: &Consumers, args: &Args) -> Result<(), Failure> {
    let all = |stream: &str| format!("{}/consumers", path(client, stream));
    match command {
        Consumers::List { stream } => {
            let found = client.get(&all(stream)).await?;
            if args.output == Output::Json {
                return Ok(output::json(&found)?);
            }
            let columns = ["name", "arn", "created_ms"];
            let cells = rows(&found, "consumers").iter();
            let cells = cells.map(|one| columns.iter().map(|column| output::plain(one.get(column))).collect());
            Ok(output::table(&columns, cells)?)
        }
        Consumers::Register { stream, name } => {
            let made = client.post(&all(stream), &json!({ "name": name })).await?;
            match args.output {
                Output::Human => Ok(output::line(&output::plain(made.get("arn")))?),
                Output::Json => Ok(output::json(&made)?),
            }
        }
        Consumers::Deregister { stream, name } => {
            client.delete(&format!("{}/{}", all(stream), client.segment(name))).await?;
            match args.output {
                Output::Human => Ok(output::line(&format!("deregistered consumer {name}"))?),
                Output::Json => Ok(output::json(&json!({ "deregistered": name }))?),
            }
        }
    }
}

async fn put(client: &Client, name: &str, data: Option<&str>, key: Option<&str>, args: &Args) -> Result<(), Failure> {
    let path = format!("{}/records", path(client, name));
    let mut sent = 0usize;
    let mut batch = Vec::new();
    let mut bytes = 0;
    match data {
        Some(data) => batch.push(record(data, key)),
        None => {
            for line in std::io::stdin().lock().lines() {
                let line = line?;
                if batch.len() >= PUT_RECORDS_MAX || bytes + line.len() > PUT_BYTES_MAX {
                    sent += batch.len();
                    client.post(&path, &json!({ "records": std::mem::take(&mut batch) })).await?;
                    bytes = 0;
                }
                bytes += line.len();
                batch.push(record(&line, key));
            }
        }
    }
    if !batch.is_empty() {
        sent += batch.len();
        client.post(&path, &json!({ "records": batch })).await?;
    }
    match args.output {
        Output::Human => Ok(output::line(&format!("{sent} record(s) on disk"))?),
        Output::Json => Ok(output::json(&json!({ "records": sent }))?),
    }
}

fn record(data: &str, key: Option<&str>) -> Value {
    match key {
        Some(key) => json!({ "data": data, "partition_key": key }),
        None => json!({ "data": data }),
    }
}
