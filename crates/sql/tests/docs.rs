//! The examples of the manual can be run: each `sql` block of a page is planned behind those before it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "an example that is wrong fails the test")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tidemill_connectors::Environment;
use tidemill_sql::parse::parse_as;
use tidemill_sql::parse::statement::Dialect;
use tidemill_sql::{Outcome, Session, SqlError};
use tidemill_streams::{Options, Streams};
use tidemill_tables::Tables;

fn examples(page: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut within = false;
    for line in page.lines() {
        match line.trim() {
            "```sql" => {
                within = true;
                blocks.push(String::new());
            }
            "```" => within = false,
            _ if within => {
                let block = blocks.last_mut().expect("it was begun");
                block.push_str(line);
                block.push('\n');
            }
            _ => {}
        }
    }
    blocks
}

fn plan(page: &str, dialect: Dialect, least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sql").join(page);
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment {
        streams: Some(Streams::open(folder.path().join("streams"), Options::default()).unwrap()),
        tables: Some(Tables::open(folder.path().join("tables")).unwrap()),
        folder: Some(folder.path().to_owned()),
        ..Environment::default()
    };
    let mut session = Session::new(Arc::new(environment));
    let blocks = examples(&fs::read_to_string(path).unwrap());
    assert!(blocks.len() >= least, "{page} has {} examples", blocks.len());
    for block in blocks {
        plan_block(&mut session, &block, dialect).unwrap_or_else(|error| panic!("{page}: {error}\n\n{block}"));
    }
}

fn plan_block(session: &mut Session, block: &str, dialect: Dialect) -> Result<(), SqlError> {
    for statement in parse_as(block, Some(dialect))? {
        match session.execute(statement)? {
            Outcome::Work(tasks) | Outcome::Analyze(tasks) => drop(session.prepare("docs", &tasks)?),
            Outcome::Done | Outcome::Table(..) | Outcome::Text(_) => {}
        }
    }
    Ok(())
}

#[test]
fn examples_of_streaming_sql_can_be_run() {
    plan("README.md", Dialect::Streaming, 1);
}

#[test]
fn examples_of_kinesis_data_analytics_can_be_run() {
    plan("kinesis.md", Dialect::Kinesis, 12);
}
