//! The examples of the manual can be run: each `sql` block of a page is planned behind those before it. What a `rows` block says of
//! the one before it comes out of the files of the `data` blocks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "an example that is wrong fails the test")]

#[allow(dead_code, reason = "its other half is for the cases")]
mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use support::run::{Way, play};
use tidemill_connectors::Environment;
use tidemill_engine::CheckpointStore;
use tidemill_sql::parse::parse_as;
use tidemill_sql::parse::statement::Dialect;
use tidemill_sql::{Outcome, Session, SqlError, Task};
use tidemill_streams::{Options, Streams};
use tidemill_tables::Tables;

/// A block of a page.
enum Block {
    /// `data NAME`: a file of the input.
    Data(String, String),
    Sql(String),
    /// `rows`: what the SQL before it gives, consolidated and sorted.
    Rows(Vec<String>),
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.trim().strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
        match info.split_once(' ').unwrap_or((info, "")) {
            ("sql", _) => blocks.push(Block::Sql(body.join("\n"))),
            ("data", name) => blocks.push(Block::Data(name.to_owned(), body.join("\n") + "\n")),
            ("rows", _) => blocks.push(Block::Rows(body.into_iter().map(str::to_owned).collect())),
            _ => {}
        }
    }
    blocks
}

fn run_page(page: &str, dialect: Dialect, least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sql").join(page);
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment {
        streams: Some(Streams::open(folder.path().join("streams"), Options::default()).unwrap()),
        tables: Some(Tables::open(folder.path().join("tables")).unwrap()),
        folder: Some(folder.path().to_owned()),
        ..Environment::default()
    };
    let mut session = Session::new(Arc::new(environment));
    let (mut ran, mut sql, mut tasks, mut failures) = (0, String::new(), Vec::new(), Vec::new());
    for block in blocks(&fs::read_to_string(path).unwrap()) {
        match block {
            Block::Data(name, content) => {
                let file = folder.path().join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, content).unwrap();
            }
            Block::Sql(text) => {
                tasks = plan(&mut session, &text, dialect).unwrap_or_else(|error| panic!("{page}: {error}\n\n{text}"));
                sql = text;
            }
            Block::Rows(expected) => {
                ran += 1;
                let store = CheckpointStore::local(folder.path(), &format!("checkpoints-{ran}")).unwrap();
                let prepare = || session.prepare("docs", &tasks).map_err(|error| error.to_string());
                let rows =
                    play(&prepare, Way::plain(1), &store).unwrap_or_else(|error| panic!("{page}: {error}\n\n{sql}"));
                if rows != expected {
                    failures.push(format!(
                        "{sql}\n\nis to give\n{}\n\nbut gives\n{}",
                        expected.join("\n"),
                        rows.join("\n")
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{page}:\n\n{}", failures.join("\n\n"));
    assert!(ran >= least, "{page} has {ran} examples with their rows");
}

/// Plans statements; what they ask for is still to be run.
fn plan(session: &mut Session, block: &str, dialect: Dialect) -> Result<Vec<Task>, SqlError> {
    let mut asked = Vec::new();
    for statement in parse_as(block, Some(dialect))? {
        match session.execute(statement)? {
            Outcome::Work(tasks) | Outcome::Analyze(tasks) => {
                session.prepare("docs", &tasks)?;
                asked.extend(tasks);
            }
            Outcome::Done | Outcome::Note(_) | Outcome::Table(..) | Outcome::Text(_) => {}
        }
    }
    Ok(asked)
}

#[test]
fn examples_of_streaming_sql_can_be_run() {
    run_page("README.md", Dialect::Streaming, 2);
}

#[test]
fn examples_of_kinesis_data_analytics_can_be_run() {
    run_page("kinesis.md", Dialect::Kinesis, 14);
}
