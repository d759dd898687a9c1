//! docs/connectors.md says what the code does: its tables are made from the catalog, its examples are accepted.

#![allow(clippy::unwrap_used, clippy::panic)] // what stands beside the tests

use std::fmt::Write;
use std::path::PathBuf;

use regex::Regex;
use tidemill_connectors::catalog::{COMMON, CONNECTORS, ConnectorSpec, Formats, OptionSpec};
use tidemill_connectors::connector::TableDeclaration;
use tidemill_connectors::{Error, catalog};
use tidemill_formats::Options;

fn page() -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/connectors.md")
}

fn overview() -> String {
    let mut table =
        String::from("| connector | source | sink | lookup | format | what it is |\n|---|---|---|---|---|---|\n");
    let yes = |yes| if yes { "yes" } else { "" };
    for connector in CONNECTORS {
        let ConnectorSpec { name, about, source, sink, lookup, .. } = connector;
        let (source, sink, lookup) = (yes(source.is_some()), yes(sink.is_some()), yes(lookup.is_some()));
        let format = match connector.formats {
            Formats::None => String::new(),
            Formats::Any => "any".into(),
            Formats::AnyAnd(more) => format!("any, {}", more.join(", ")),
        };
        let _ = writeln!(table, "| [`{name}`](#{name}) | {source} | {sink} | {lookup} | {format} | {about} |");
    }
    table
}

fn options(options: &[OptionSpec]) -> String {
    let mut table = String::from("| option | type | default | Flink's | what it does |\n|---|---|---|---|---|\n");
    for option in options {
        let default = match (option.default, option.required) {
            (_, true) => "required".into(),
            (None, false) => String::new(),
            (Some(default), false) => format!("`{default}`"),
        };
        let (kind, flink) = (option.kind.name(), if option.flink { "yes" } else { "" });
        let about = option.about.replace('|', "\\|");
        let _ = writeln!(table, "| `{}` | {kind} | {default} | {flink} | {about} |", option.name);
    }
    table
}

fn metadata(connector: &ConnectorSpec) -> String {
    let mut table = String::from("| metadata | type | written too | what it is |\n|---|---|---|---|\n");
    for metadata in connector.metadata {
        let written = if metadata.writable { "yes" } else { "" };
        let _ = writeln!(table, "| `{}` | `{}` | {written} | {} |", metadata.key, metadata.sql_type, metadata.about);
    }
    table
}

/// The page with its tables made anew.
fn made(page: &str) -> String {
    let mut page = page.to_owned();
    let mut put = |mark: &str, table: &str| {
        let (begin, end) = (format!("<!-- {mark} -->\n"), "<!-- end -->");
        let from = page.find(&begin).unwrap_or_else(|| panic!("the page has no `{begin}`")) + begin.len();
        let to = from + page[from..].find(end).unwrap();
        page.replace_range(from..to, table);
    };
    put("connectors", &overview());
    put("options of all", &options(COMMON));
    for connector in CONNECTORS {
        if !connector.options.is_empty() {
            put(&format!("options of {}", connector.name), &options(connector.options));
        }
        if !connector.metadata.is_empty() {
            put(&format!("metadata of {}", connector.name), &metadata(connector));
        }
    }
    page
}

#[test]
fn the_tables_are_those_of_the_code() {
    let page_text = std::fs::read_to_string(page()).unwrap();
    let made = made(&page_text);
    if std::env::var_os("TIDEMILL_WRITE_DOCS").is_some() {
        std::fs::write(page(), &made).unwrap();
    } else {
        assert!(page_text == made, "run this test with TIDEMILL_WRITE_DOCS=1, which writes docs/connectors.md anew");
    }
}

/// Every option of the examples is known and can have its value; whether the columns fit is for the connectors' own tests.
#[test]
fn the_examples_are_accepted() {
    let page = std::fs::read_to_string(page()).unwrap();
    let pair = Regex::new(r"'([a-zA-Z][^'\s]*)'\s*=\s*'((?:[^']|'')*)'").unwrap();
    let column = Regex::new(r"(?m)^\s+`?(\w+)`?\s+[A-Z]").unwrap();
    let mut seen = Vec::new();
    let blocks = page.split("```sql").skip(1).filter_map(|rest| rest.split("```").next());
    for block in blocks.flat_map(|block| block.split(';')).filter(|block| block.contains("WITH")) {
        let options: Options =
            pair.captures_iter(block).map(|pair| (pair[1].to_owned(), pair[2].replace("''", "'"))).collect();
        let columns = column.captures_iter(block).map(|column| tidemill_connectors::connector::TableColumn {
            field: std::sync::Arc::new(arrow::datatypes::Field::new(
                &column[1],
                arrow::datatypes::DataType::Int64,
                true,
            )),
            metadata: None,
            read_only: false,
        });
        let declaration = TableDeclaration {
            name: "example".into(),
            columns: columns.collect(),
            primary_key: Vec::new(),
            partitioned_by: Vec::new(),
            options,
        };
        match catalog::Settings::new(&declaration) {
            Ok(settings) => seen.push(settings.spec().name),
            Err(Error::Column { column, reason }) => panic!("{column}: {reason}\n{block}"),
            Err(error) => panic!("{error}\n{block}"),
        }
    }
    for connector in CONNECTORS {
        assert!(seen.contains(&connector.name), "docs/connectors.md has no example of `{}`", connector.name);
    }
}
