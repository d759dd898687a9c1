//! `app.toml`: what surrounds the SQL of an application for Kinesis Data Analytics.
//!
//! The service had inputs, reference data and outputs outside of the SQL, so that the SQL alone says nothing of where rows come from. Here
//! they are in a file beside it, as tables of connectors:
//!
//! ```toml
//! sql = "app.sql"
//!
//! [[inputs]]                       # the stream SOURCE_SQL_STREAM_001
//! prefix = "SOURCE_SQL_STREAM"
//! with = { connector = "stream", stream = "orders", format = "json" }
//! columns = [{ name = "orderId", type = "INTEGER", mapping = "$.data.orderId" }]
//!
//! [[references]]
//! table = "products"
//! with = { connector = "filesystem", path = "products.json", format = "json" }
//! columns = [{ name = "productId", type = "INTEGER" }]
//!
//! [[outputs]]
//! stream = "ENRICHED"
//! with = { connector = "table", table = "enriched" }
//! key = ["orderId"]
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::error::{Error, Result};

/// Columns of a stream that every input has, of a stream's metadata.
const SYSTEM_COLUMNS: [(&str, &str, &str); 4] = [
    ("APPROXIMATE_ARRIVAL_TIME", "TIMESTAMP_LTZ(6)", "timestamp"),
    ("PARTITION_KEY", "STRING", "partition-key"),
    ("SHARD_ID", "STRING", "shard-id"),
    ("SEQUENCE_NUMBER", "BIGINT", "sequence-number"),
];

/// How deep a mapping may reach.
const DEPTH_MAX: usize = 16;

/// An application.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Its name; that of its folder where it is not given.
    pub(super) name: Option<String>,
    /// The file of its SQL.
    pub(super) sql: String,
    #[serde(default)]
    inputs: Vec<Input>,
    #[serde(default)]
    references: Vec<Reference>,
    #[serde(default)]
    pub(super) outputs: Vec<Output>,
}

/// An input: the stream `PREFIX_001`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    prefix: String,
    with: BTreeMap<String, String>,
    columns: Vec<Column>,
    /// The column that is its ROWTIME. A stream's records have one by themselves: when they came in.
    rowtime: Option<String>,
}

/// Reference data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    table: String,
    with: BTreeMap<String, String>,
    columns: Vec<Column>,
}

/// A stream of the application that goes out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    /// The stream.
    pub(super) stream: String,
    with: BTreeMap<String, String>,
    /// Columns by which rows are upserted.
    #[serde(default)]
    key: Vec<String>,
}

/// A column of an input or of reference data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    r#type: String,
    /// Where it is in a JSON document: `$.a.b`; the member of its name where it is not given.
    mapping: Option<String>,
}

impl Manifest {
    pub(super) fn read(text: &str) -> Result<Self> {
        let manifest: Manifest =
            toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        match manifest.inputs.is_empty() {
            true => Err(wrong("it has no [[inputs]]".into())),
            false => Ok(manifest),
        }
    }

    /// The tables of inputs and reference data, as streaming SQL.
    pub(super) fn declarations(&self) -> Result<String> {
        let mut sql = String::new();
        for input in &self.inputs {
            let name = format!("{}_001", input.prefix);
            let place = |said: String| wrong(format!("input {name}: {said}"));
            let rowtime = match (&input.rowtime, input.with.get("connector").map(String::as_str)) {
                (Some(column), _) => Rowtime::Column(column),
                (None, Some("stream")) => Rowtime::Arrival,
                (None, _) => return Err(place("say which column is its time: rowtime = \"…\"".into())),
            };
            table(&mut sql, &name, &input.with, &input.columns, Some(rowtime)).map_err(place)?;
        }
        for reference in &self.references {
            let place = |said: String| wrong(format!("reference {}: {said}", reference.table));
            table(&mut sql, &reference.table, &reference.with, &reference.columns, None).map_err(place)?;
        }
        Ok(sql)
    }
}

impl Output {
    /// The table that a stream with these columns and types goes into, as streaming SQL, and its name.
    pub(super) fn declaration(&self, columns: &[(String, String)]) -> (String, String) {
        let table = format!("{} output", self.stream);
        let mut parts: Vec<String> = columns.iter().map(|(name, kind)| format!("{} {kind}", quoted(name))).collect();
        if !self.key.is_empty() {
            let key: Vec<String> = self.key.iter().map(|name| quoted(name)).collect();
            parts.push(format!("PRIMARY KEY ({}) NOT ENFORCED", key.join(", ")));
        }
        let sql = format!("CREATE TABLE {} ({}) WITH ({});\n", quoted(&table), parts.join(", "), options(&self.with));
        (sql, table)
    }
}

/// Where an input's ROWTIME comes from.
#[derive(Clone, Copy)]
enum Rowtime<'a> {
    Arrival,
    Column(&'a str),
}

/// A member of a JSON document: its type, or what is in it.
#[derive(Debug)]
enum Member {
    Value(String),
    Object(BTreeMap<String, Member>),
}

/// Writes a table with the members of documents that its columns need, and a view of its columns.
fn table(
    sql: &mut String,
    name: &str,
    with: &BTreeMap<String, String>,
    columns: &[Column],
    rowtime: Option<Rowtime<'_>>,
) -> Result<(), String> {
    let raw = format!("{name} records");
    let mut order = Vec::new();
    let mut members = BTreeMap::new();
    let mut selected = Vec::new();
    for column in columns {
        let path = path(column)?;
        let (base, length) = varchar(&column.r#type);
        let Some(first) = path.first() else { return Err(format!("{}: the mapping is empty", column.name)) };
        if !members.contains_key(first) {
            order.push(first.clone());
        }
        put(&mut members, &path, base)?;
        let place = path.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(".");
        let place = if path.len() > 1 { format!("{}.{place}", quoted(&raw)) } else { place };
        // Text that is too long is cut.
        let value = match length {
            Some(length) => format!("SUBSTRING({place}, 1, {length})"),
            None => place,
        };
        selected.push(format!("{value} AS {}", quoted(&column.name)));
    }
    let mut parts: Vec<String> =
        order.iter().filter_map(|name| Some(format!("{} {}", quoted(name), members.get(name)?.written()))).collect();
    let is_stream = with.get("connector").is_some_and(|connector| connector == "stream");
    if is_stream && rowtime.is_some() {
        for (column, kind, key) in SYSTEM_COLUMNS {
            parts.push(format!("{} {kind} METADATA FROM '{key}' VIRTUAL", quoted(column)));
            selected.push(quoted(column));
        }
    }
    if let Some(rowtime) = rowtime {
        let time = match rowtime {
            Rowtime::Arrival => quoted("APPROXIMATE_ARRIVAL_TIME"),
            Rowtime::Column(column) => {
                let known = columns.iter().find(|known| known.name == column);
                let path = path(known.ok_or_else(|| format!("rowtime: there is no column {column}"))?)?;
                path.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(".")
            }
        };
        parts.push(format!("ROWTIME AS CAST({time} AS TIMESTAMP(3))"));
        parts.push("WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND".to_owned());
        selected.push("ROWTIME".to_owned());
    }
    let (raw, name) = (quoted(&raw), quoted(name));
    // Writing to a text can't fail.
    let _ = writeln!(sql, "CREATE TABLE {raw} ({}) WITH ({});", parts.join(", "), options(with));
    let _ = writeln!(sql, "CREATE VIEW {name} AS SELECT {} FROM {raw};", selected.join(", "));
    Ok(())
}

/// The members that lead to a column.
fn path(column: &Column) -> Result<Vec<String>, String> {
    let Some(mapping) = &column.mapping else { return Ok(vec![column.name.clone()]) };
    if mapping.contains('[') {
        return Err(format!("{}: arrays in a mapping are not built: {mapping}", column.name));
    }
    let Some(path) = mapping.strip_prefix("$.") else {
        return Err(format!("{}: a mapping begins with `$.`, not {mapping}", column.name));
    };
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    match path.iter().any(String::is_empty) || path.len() > DEPTH_MAX {
        true => Err(format!("{}: {mapping} is no mapping of at most {DEPTH_MAX} members", column.name)),
        false => Ok(path),
    }
}

/// A text type without its length, and the length.
fn varchar(kind: &str) -> (&str, Option<u32>) {
    let upper = kind.to_ascii_uppercase();
    let length = |name: &str| {
        let rest = upper.strip_prefix(name)?.trim().strip_prefix('(')?;
        rest.strip_suffix(')')?.trim().parse().ok()
    };
    match length("VARCHAR").or(length("CHAR")) {
        Some(length) => ("STRING", Some(length)),
        None => (kind, None),
    }
}

fn put(members: &mut BTreeMap<String, Member>, path: &[String], kind: &str) -> Result<(), String> {
    let [first, rest @ ..] = path else { return Ok(()) };
    let both = || format!("{first} is a value in one mapping, and an object or a value of another type in another");
    match (members.get_mut(first), rest.is_empty()) {
        (None, true) => drop(members.insert(first.clone(), Member::Value(kind.to_owned()))),
        (None, false) => {
            let mut inner = BTreeMap::new();
            put(&mut inner, rest, kind)?;
            members.insert(first.clone(), Member::Object(inner));
        }
        (Some(Member::Value(known)), true) if known.eq_ignore_ascii_case(kind) => {}
        (Some(Member::Object(inner)), false) => put(inner, rest, kind)?,
        _ => return Err(both()),
    }
    Ok(())
}

impl Member {
    fn written(&self) -> String {
        match self {
            Member::Value(kind) => kind.clone(),
            Member::Object(members) => {
                let inner = members.iter().map(|(name, member)| format!("{} {}", quoted(name), member.written()));
                format!("ROW<{}>", inner.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// A name of any characters.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn options(with: &BTreeMap<String, String>) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    with.iter().map(|(key, value)| format!("{} = {}", text(key), text(value))).collect::<Vec<_>>().join(", ")
}

fn wrong(said: String) -> Error {
    Error::Config { said: format!("app.toml: {said}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = r#"
        sql = "app.sql"
        [[inputs]]
        prefix = "WAF"
        with = { connector = "stream", stream = "waf-logs", format = "json" }
        columns = [
          { name = "clientIp", type = "VARCHAR(16)", mapping = "$.httpRequest.clientIp" },
          { name = "uri", type = "STRING", mapping = "$.httpRequest.uri" },
          { name = "action", type = "VARCHAR(8)" },
        ]
        [[outputs]]
        stream = "wafstream"
        with = { connector = "table" }
        key = ["clientIp"]
    "#;

    #[test]
    fn mappings_become_a_table_of_documents_and_a_view() {
        let manifest = Manifest::read(APP).unwrap();
        let sql = manifest.declarations().unwrap();
        assert!(
            sql.contains(r#""httpRequest" ROW<"clientIp" STRING, "uri" STRING>, "action" STRING, "APPROXIMATE"#),
            "{sql}"
        );
        assert!(sql.contains(r#"SUBSTRING("WAF_001 records"."httpRequest"."clientIp", 1, 16) AS "clientIp""#), "{sql}");
        assert!(sql.contains("ROWTIME AS CAST(\"APPROXIMATE_ARRIVAL_TIME\" AS TIMESTAMP(3))"), "{sql}");
        let (sql, table) = manifest.outputs[0].declaration(&[("clientIp".into(), "STRING".into())]);
        assert_eq!(table, "wafstream output");
        assert!(
            sql.contains(r#"("clientIp" STRING, PRIMARY KEY ("clientIp") NOT ENFORCED) WITH ('connector' = 'table')"#),
            "{sql}"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let said = |text: &str| {
            let read = Manifest::read(text).and_then(|manifest| manifest.declarations());
            read.unwrap_err().to_string()
        };
        assert!(said("sql = 'a'").contains("no [[inputs]]"));
        assert!(said(&APP.replace("prefix", "prefiks")).contains("prefiks"));
        assert!(
            said(&APP.replace("$.httpRequest.uri", "$.httpRequest")).contains("httpRequest is a value in one mapping")
        );
        assert!(said(&APP.replace("$.httpRequest.uri", "$.items[0:].uri")).contains("arrays in a mapping"));
        assert!(said(&APP.replace("\"stream\"", "\"filesystem\"")).contains("rowtime"));
    }
}
