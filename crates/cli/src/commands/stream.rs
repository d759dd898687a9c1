//! `tidemill stream …`

use std::io::BufRead;

use serde_json::{Map, Value, json};
use tidemill_server::client::Client;

use super::{block_on, client};
use crate::args::{Args, Output, Stream};
use crate::failure::Failure;
use crate::output;

/// Records sent in one request.
const PUT_RECORDS_MAX: usize = 500;
/// Bytes of records sent in one request, below the server's limit with room for JSON.
const PUT_BYTES_MAX: usize = 256 << 10;

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
            Stream::Tail { name, from, limit, no_follow } => {
                let mut query = format!("?from={}&follow={}", client.segment(from), !no_follow);
                if let Some(limit) = limit {
                    query.push_str(&format!("&limit={limit}"));
                }
                tail(&client, &format!("{}/records{query}", path(&client, name)), args).await
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

async fn tail(client: &Client, path: &str, args: &Args) -> Result<(), Failure> {
    let mut lines = client.lines(path).await?;
    while let Some(line) = lines.next().await? {
        if args.output == Output::Json {
            output::line(&line)?;
            continue;
        }
        let record: Value = serde_json::from_str(&line).map_err(|error| Failure::Failed(error.to_string()))?;
        output::line(&format!(
            "{} {} {}",
            output::plain(record.get("shard")),
            output::plain(record.get("sequence_number")),
            output::plain(record.get("data").or_else(|| record.get("data_base64")))
        ))?;
    }
    Ok(())
}
