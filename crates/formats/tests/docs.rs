//! docs/formats.md says what the code does: its tables are made from the catalog, its examples are accepted.

#![allow(clippy::unwrap_used, clippy::panic)] // what stands beside the tests

use std::fmt::Write;
use std::path::PathBuf;

use regex::Regex;
use tidemill_formats::{FORMATS, Format, FormatSpec, Options};

fn page() -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/formats.md")
}

fn overview() -> String {
    let mut table = String::from("| format | reads | writes | what it is |\n|---|---|---|---|\n");
    let yes = |yes| if yes { "yes" } else { "" };
    for format in FORMATS {
        let FormatSpec { name, about, reads, writes, .. } = format;
        let about = about.replace('|', "\\|");
        let _ = writeln!(table, "| [`{name}`](#{name}) | {} | {} | {about} |", yes(*reads), yes(*writes));
    }
    table
}

fn options(format: &FormatSpec) -> String {
    let mut table = String::from("| option | default | Flink's | what it does |\n|---|---|---|---|\n");
    for option in format.options {
        let default = match option.default {
            None => String::new(),
            Some("") => "none".into(),
            Some(default) => format!("`{}`", default.replace('|', "\\|")),
        };
        let flink = if option.flink { "yes" } else { "" };
        let about = option.about.replace('|', "\\|");
        let _ = writeln!(table, "| `{}.{}` | {default} | {flink} | {about} |", format.name, option.name);
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
    put("formats", &overview());
    for format in FORMATS {
        put(&format!("options of {}", format.name), &options(format));
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
        assert!(page_text == made, "run this test with TIDEMILL_WRITE_DOCS=1, which writes docs/formats.md anew");
    }
}

#[test]
fn the_examples_are_accepted() {
    let page = std::fs::read_to_string(page()).unwrap();
    let pair = Regex::new(r"'([a-zA-Z][^'\s]*)'\s*=\s*'((?:[^']|'')*)'").unwrap();
    let mut seen = Vec::new();
    for block in page.split("```sql").skip(1).filter_map(|rest| rest.split("```").next()) {
        let options: Options =
            pair.captures_iter(block).map(|pair| (pair[1].to_owned(), pair[2].replace("''", "'"))).collect();
        let format = Format::from_options(&options).unwrap_or_else(|error| panic!("{error}\n{block}"));
        drop(format);
        seen.push(options.get("format").unwrap().to_owned());
    }
    for format in FORMATS {
        assert!(seen.iter().any(|seen| seen == format.name), "docs/formats.md has no example of `{}`", format.name);
    }
}
