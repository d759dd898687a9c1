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

/// Streams of the application that an input can be.
const PARALLELISM_MAX: u32 = 64;

/// The stream of what could not be worked on, and its columns.
pub(super) const ERROR_STREAM: &str = "error_stream";
const ERROR_COLUMNS: [(&str, &str); 7] = [
    ("ERROR_TIME", "TIMESTAMP(3)"),
    ("ERROR_LEVEL", "STRING"),
    ("ERROR_NAME", "STRING"),
    ("MESSAGE", "STRING"),
    ("DATA_ROWTIME", "TIMESTAMP(3)"),
    ("DATA_ROW", "STRING"),
    ("PUMP_NAME", "STRING"),
];

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

/// An input: the stream `PREFIX_001`, or several, between which its shards are split.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    prefix: String,
    with: BTreeMap<String, String>,
    columns: Vec<Column>,
    /// The column that is its ROWTIME. A stream's records have one by themselves: when they came in.
    rowtime: Option<String>,
    /// The columns by which change records replace each other.
    #[serde(default)]
    key: Vec<String>,
    /// How many streams of the application it is.
    #[serde(default = "one")]
    parallelism: u32,
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
    /// Where it is in a JSON document: `$.a.b`, or `$.a[0:].b` for a row of each element; the member of its name where it is not given.
    mapping: Option<String>,
}

fn one() -> u32 {
    1
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
            let place = |said: String| wrong(format!("input {}: {said}", input.prefix));
            let connector = input.with.get("connector").map(String::as_str);
            let rowtime = match (&input.rowtime, connector) {
                (Some(column), _) => Rowtime::Column(column),
                (None, Some("stream")) => Rowtime::Arrival,
                (None, _) => return Err(place("say which column is its time: rowtime = \"…\"".into())),
            };
            match (input.parallelism, connector) {
                (1, _) | (2..=PARALLELISM_MAX, Some("stream")) => {}
                (2..=PARALLELISM_MAX, _) => {
                    return Err(place("parallelism splits the shards of a stream: its connector is stream".into()));
                }
                (given, _) => return Err(place(format!("parallelism is {given}, from 1 to {PARALLELISM_MAX}"))),
            }
            for number in 1..=input.parallelism {
                let mut with = input.with.clone();
                if input.parallelism > 1 {
                    with.insert("scan.share".to_owned(), format!("{number}/{}", input.parallelism));
                }
                let name = format!("{}_{number:03}", input.prefix);
                table(&mut sql, &name, &with, &input.columns, &input.key, Some(rowtime)).map_err(place)?;
            }
        }
        for reference in &self.references {
            let place = |said: String| wrong(format!("reference {}: {said}", reference.table));
            table(&mut sql, &reference.table, &reference.with, &reference.columns, &[], None).map_err(place)?;
        }
        Ok(sql)
    }
}

impl Output {
    /// Whether it is the stream of errors, which no pump fills.
    pub(super) fn is_errors(&self) -> bool {
        self.stream.eq_ignore_ascii_case(ERROR_STREAM)
    }

    /// The table that the stream of errors goes into.
    pub(super) fn error_declaration(&self) -> (String, String) {
        let own = |(name, kind): (&str, &str)| (name.to_owned(), kind.to_owned());
        self.declaration(&ERROR_COLUMNS.map(own))
    }

    /// The table that a stream with these columns and types goes into, as streaming SQL, and its name.
    pub(super) fn declaration(&self, columns: &[(String, String)]) -> (String, String) {
        let table = format!("{} output", self.stream);
        let mut parts: Vec<String> = columns.iter().map(|(name, kind)| format!("{} {kind}", quoted(name))).collect();
        parts.extend(primary_key(&self.key));
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

/// Writes a table. Values are taken as the service took them.
fn table(
    sql: &mut String,
    name: &str,
    with: &BTreeMap<String, String>,
    columns: &[Column],
    key: &[String],
    rowtime: Option<Rowtime<'_>>,
) -> Result<(), String> {
    let mut with = with.clone();
    let format = with.get("format").cloned().unwrap_or_default();
    if ["json", "csv"].contains(&format.as_str()) {
        with.entry(format!("{format}.coercion")).or_insert_with(|| "kinesis".to_owned());
    }
    let mut parts = Vec::new();
    for Column { name, r#type, mapping } in columns {
        parts.push(format!("{} {}", quoted(name), own_type(r#type)));
        let Some(mapping) = mapping else { continue };
        if format != "json" {
            return Err(format!("{name}: a mapping is for the format json; columns of {format} go by their place"));
        }
        with.insert(format!("json.path.{name}"), mapping.clone());
    }
    let is_stream = with.get("connector").is_some_and(|connector| connector == "stream");
    if is_stream && rowtime.is_some() {
        let system = SYSTEM_COLUMNS.iter();
        parts.extend(
            system.map(|(column, kind, key)| format!("{} {kind} METADATA FROM '{key}' VIRTUAL", quoted(column))),
        );
    }
    if let Some(rowtime) = rowtime {
        let time = match rowtime {
            Rowtime::Arrival => "APPROXIMATE_ARRIVAL_TIME",
            Rowtime::Column(column) if columns.iter().any(|known| known.name == column) => column,
            Rowtime::Column(column) => return Err(format!("rowtime: there is no column {column}")),
        };
        parts.push(format!("ROWTIME AS CAST({} AS TIMESTAMP(3))", quoted(time)));
        parts.push("WATERMARK FOR ROWTIME AS ROWTIME - INTERVAL '0.001' SECOND".to_owned());
    }
    parts.extend(primary_key(key));
    // Writing to a text can't fail.
    let _ = writeln!(sql, "CREATE TABLE {} ({}) WITH ({});", quoted(name), parts.join(", "), options(&with));
    Ok(())
}

/// `PRIMARY KEY`, of some columns.
fn primary_key(columns: &[String]) -> Option<String> {
    let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
    (!names.is_empty()).then(|| format!("PRIMARY KEY ({}) NOT ENFORCED", names.join(", ")))
}

/// A type of the service in the words of streaming SQL.
fn own_type(kind: &str) -> &str {
    match kind.trim() {
        plain if plain.eq_ignore_ascii_case("TIMESTAMP") => "TIMESTAMP(3)",
        plain if plain.eq_ignore_ascii_case("FLOAT") => "DOUBLE",
        other => other,
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
          { name = "at", type = "timestamp", mapping = "$.at" },
          { name = "action", type = "VARCHAR(8)" },
        ]
        [[outputs]]
        stream = "wafstream"
        with = { connector = "table" }
        key = ["clientIp"]
    "#;

    #[test]
    fn an_input_is_a_table_with_a_time_whose_values_are_taken_as_the_service_took_them() {
        let manifest = Manifest::read(APP).unwrap();
        let sql = manifest.declarations().unwrap();
        assert!(
            sql.starts_with(r#"CREATE TABLE "WAF_001" ("clientIp" VARCHAR(16), "at" TIMESTAMP(3), "action""#),
            "{sql}"
        );
        assert!(sql.contains("'json.path.clientIp' = '$.httpRequest.clientIp'"), "{sql}");
        assert!(sql.contains("'json.coercion' = 'kinesis'"), "{sql}");
        assert!(sql.contains("ROWTIME AS CAST(\"APPROXIMATE_ARRIVAL_TIME\" AS TIMESTAMP(3))"), "{sql}");
        let (sql, table) = manifest.outputs[0].declaration(&[("clientIp".into(), "STRING".into())]);
        assert_eq!(table, "wafstream output");
        assert!(
            sql.contains(r#"("clientIp" STRING, PRIMARY KEY ("clientIp") NOT ENFORCED) WITH ('connector' = 'table')"#),
            "{sql}"
        );
    }

    #[test]
    fn an_input_can_be_several_streams_between_which_its_shards_are_split() {
        let text = APP.replace("prefix = \"WAF\"", "prefix = \"WAF\"\nparallelism = 2\nkey = [\"clientIp\"]");
        let sql = Manifest::read(&text).unwrap().declarations().unwrap();
        let tables: Vec<&str> = sql.lines().collect();
        assert_eq!(tables.len(), 2);
        for (number, table) in (1..).zip(tables) {
            assert!(table.starts_with(&format!("CREATE TABLE \"WAF_00{number}\" (")), "{table}");
            assert!(table.contains(&format!("'scan.share' = '{number}/2'")), "{table}");
            assert!(table.contains("PRIMARY KEY (\"clientIp\") NOT ENFORCED"), "{table}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let said = |text: &str| {
            let read = Manifest::read(text).and_then(|manifest| manifest.declarations());
            read.unwrap_err().to_string()
        };
        assert!(said("sql = 'a'").contains("no [[inputs]]"));
        assert!(said(&APP.replace("prefix", "prefiks")).contains("prefiks"));
        assert!(said(&APP.replace("\"json\"", "\"csv\"")).contains("clientIp: a mapping is for the format json"));
        assert!(said(&APP.replace("\"stream\"", "\"filesystem\"")).contains("rowtime"));
        assert!(said(&APP.replace("prefix", "parallelism = 65\nprefix")).contains("from 1 to 64"));
        let file = APP.replace("\"stream\"", "\"filesystem\"");
        assert!(said(&file.replace("prefix", "rowtime = \"at\"\nparallelism = 2\nprefix")).contains("shards"));
    }
}
