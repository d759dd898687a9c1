//! From sample records to the part of an `app.toml` that reads such records: columns, types and mappings as Kinesis Data Analytics
//! proposed them.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use tidemill_formats::{DiscoveredColumn, Discovery, Format, discover};

use super::rows::cells;
use crate::error::{Error, Result};

/// Bytes of a file that are its sample.
const SAMPLE_BYTES_MAX: u64 = 1 << 20;
/// Sample records that are shown as rows.
const ROWS_MAX: usize = 10;
/// What an input is called that nobody named, as in the service's console.
const PREFIX: &str = "SOURCE_SQL_STREAM";

/// Where samples are from.
#[derive(Clone, Debug)]
pub enum SampleOf {
    /// A file, by its path.
    File(String),
    /// A stream, by its name.
    Stream(String),
}

/// What it is to be in the application.
#[derive(Clone, Debug)]
pub enum Role {
    /// An input whose streams' names begin so.
    Input(Option<String>),
    /// The reference table of this name.
    Reference(String),
}

/// A proposed part of an `app.toml`.
#[derive(Clone, Debug, Serialize)]
pub struct Proposal {
    /// The part.
    pub toml: String,
    /// `json` or `csv`.
    pub format: &'static str,
    /// The columns: name, type, mapping.
    pub columns: Value,
    /// The first records as rows, each value as a text or null.
    pub rows: Vec<Vec<Option<String>>>,
    /// Of these records those that do not fit the columns, with the reason.
    pub rejected: Vec<String>,
}

/// The first records of a file, as one sample.
///
/// # Errors
/// Where it can't be read.
pub fn sample_of_file(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| Error::io("reading samples of", path, error);
    sample(File::open(path).map_err(failed)?).map_err(failed)
}

/// The first records of what is read, as one sample. A record that is cut off at its end is none.
///
/// # Errors
/// Where it can't be read.
pub fn sample(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(SAMPLE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SAMPLE_BYTES_MAX {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        bytes.truncate(whole.unwrap_or(bytes.len()));
    }
    Ok(bytes)
}

/// Proposes how records such as these are read.
///
/// # Errors
/// Where they are neither JSON nor delimited lines.
pub fn propose(samples: &[Vec<u8>], of: &SampleOf, role: &Role) -> Result<Proposal> {
    let failed = |error: tidemill_formats::Error| Error::part("schema discovery", error);
    let samples: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
    let discovery = discover(&samples).map_err(failed)?;
    let format = Format::from_options(&discovery.options()).map_err(failed)?;
    // A line that is no row leaves the others as they are.
    let records: Vec<&[u8]> = match discovery.format {
        "csv" => samples.iter().flat_map(|sample| sample.split(|byte| *byte == b'\n')).collect(),
        _ => samples,
    };
    let decoded =
        format.decoder(discovery.schema()).and_then(|mut decoder| decoder.decode(&records)).map_err(failed)?;
    let shown = decoded.rows.slice(0, decoded.rows.num_rows().min(ROWS_MAX));
    let column =
        |column: &DiscoveredColumn| json!({ "name": column.name, "type": column.sql_type, "mapping": column.mapping });
    Ok(Proposal {
        toml: toml(&discovery, of, role),
        format: discovery.format,
        columns: discovery.columns.iter().map(column).collect(),
        rows: cells(&shown)?,
        rejected: decoded.rejected.iter().take(ROWS_MAX).map(|rejected| rejected.reason.clone()).collect(),
    })
}

fn toml(discovery: &Discovery, of: &SampleOf, role: &Role) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let mut with = match of {
        SampleOf::File(path) => format!("connector = \"filesystem\", path = {}", text(path)),
        SampleOf::Stream(name) => format!("connector = \"stream\", stream = {}", text(name)),
    };
    let _ = write!(with, ", format = {}", text(discovery.format));
    let options = discovery.options();
    if let Some(delimiter) = options.get("csv.field-delimiter").filter(|delimiter| *delimiter != ",") {
        let _ = write!(with, ", \"csv.field-delimiter\" = {}", text(delimiter));
    }
    let mut out = match role {
        Role::Input(prefix) => {
            let prefix = prefix.as_deref().unwrap_or(PREFIX);
            format!("[[inputs]] # the stream {prefix}_001\nprefix = {}\n", text(prefix))
        }
        Role::Reference(table) => format!("[[references]]\ntable = {}\n", text(table)),
    };
    let _ = writeln!(out, "with = {{ {with} }}");
    if discovery.header {
        out.push_str(
            "# Its first line holds names, and is a row as any other: \"csv.header\" = \"true\" leaves it out.\n",
        );
    }
    if let (SampleOf::File(_), Role::Input(_)) = (of, role) {
        let time = discovery.columns.iter().find(|column| column.sql_type == "TIMESTAMP");
        match time {
            Some(column) => drop(writeln!(out, "rowtime = {} # the column that is its ROWTIME", text(&column.name))),
            None => out.push_str(
                "# rowtime = \"…\" # the column that is its ROWTIME: a TIMESTAMP, of which the samples have none\n",
            ),
        }
    }
    out.push_str("columns = [\n");
    for DiscoveredColumn { name, sql_type, mapping, .. } in &discovery.columns {
        let _ = write!(out, "  {{ name = {}, type = {}", text(name), text(sql_type));
        if let Some(mapping) = mapping {
            let _ = write!(out, ", mapping = {}", text(mapping));
        }
        out.push_str(" },\n");
    }
    out.push_str("]\n");
    out
}

#[cfg(test)]
mod tests {
    use super::super::manifest::Manifest;
    use super::*;

    fn proposed(sample: &str, of: SampleOf, role: Role) -> Proposal {
        propose(&[sample.as_bytes().to_vec()], &of, &role).unwrap()
    }

    /// The tables that an application with this part has.
    fn declared(part: &str) -> String {
        Manifest::read(&format!("sql = \"app.sql\"\n{part}")).unwrap().declarations().unwrap()
    }

    #[test]
    fn documents_of_a_stream_become_an_input_with_mappings() {
        let sample = r#"{"data":{"orderId":1,"year":2020},"metadata":{"table-name":"order"}}"#;
        let proposal = proposed(sample, SampleOf::Stream("orders".into()), Role::Input(None));
        assert_eq!(
            proposal.toml,
            r#"[[inputs]] # the stream SOURCE_SQL_STREAM_001
prefix = "SOURCE_SQL_STREAM"
with = { connector = "stream", stream = "orders", format = "json" }
columns = [
  { name = "orderId", type = "INTEGER", mapping = "$.data.orderId" },
  { name = "COL_year", type = "INTEGER", mapping = "$.data.year" },
  { name = "tablename", type = "VARCHAR(8)", mapping = "$.metadata.table-name" },
]
"#
        );
        assert_eq!(proposal.rows, [["1", "2020", "order"].map(|cell| Some(cell.to_owned()))]);
        assert!(declared(&proposal.toml).contains("'json.path.COL_year' = '$.data.year'"));
    }

    #[test]
    fn lines_of_a_file_become_an_input_whose_time_is_its_first_timestamp() {
        let sample = "ticker;tick_time\nAMZN;2026-01-01 00:00:01\nTBV;\n";
        let proposal = proposed(sample, SampleOf::File("a \"b\".csv".into()), Role::Input(Some("TICKS".into())));
        let sql = declared(&proposal.toml);
        assert!(
            sql.starts_with("CREATE TABLE \"TICKS_001\" (\"ticker\" VARCHAR(4), \"tick_time\" TIMESTAMP(3)"),
            "{sql}"
        );
        assert!(sql.contains("'csv.field-delimiter' = ';'") && sql.contains("'path' = 'a \"b\".csv'"), "{sql}");
        assert!(sql.contains("ROWTIME AS CAST(\"tick_time\" AS TIMESTAMP(3))"), "{sql}");
        let row = |ticker: &str, time: Option<&str>| vec![Some(ticker.to_owned()), time.map(str::to_owned)];
        assert_eq!(proposal.rows, [row("AMZN", Some("2026-01-01 00:00:01.000")), row("TBV", None)]);
        assert_eq!(proposal.rejected.len(), 1, "the line of names is data, and no time");
    }

    #[test]
    fn reference_data_has_no_time() {
        let proposal = proposed("AMZN,1\n", SampleOf::File("c.csv".into()), Role::Reference("COMPANIES".into()));
        let application =
            format!("{}[[inputs]]\nprefix = 'A'\nwith = {{ connector = 'stream' }}\ncolumns = []\n", proposal.toml);
        let sql = declared(&application);
        assert!(sql.contains("CREATE TABLE \"COMPANIES\" (\"COL_1\" VARCHAR(4), \"COL_2\" INTEGER) WITH"), "{sql}");
    }

    #[test]
    fn what_has_no_columns_is_refused() {
        let error = propose(&[b"\xff".to_vec()], &SampleOf::File("x".into()), &Role::Input(None)).unwrap_err();
        assert!(error.to_string().contains("schema discovery"), "{error}");
    }

    #[test]
    fn a_record_that_is_cut_off_is_no_sample() {
        let long = format!("{}\n", "x".repeat(99)).repeat(20_000);
        let taken = sample(long.as_bytes()).unwrap();
        assert!(taken.len() as u64 <= SAMPLE_BYTES_MAX && taken.len() % 100 == 99, "{}", taken.len());
    }
}
