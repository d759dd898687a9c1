//! `tidemill demo word-count`: lines of text, and the application that counts their words.
//!
//! ```text
//!  lines ──► stream lines ──► demos/word-count/app.rs ──► table words
//!    │                                   └─► counter TotalWords
//!    └──► the words of each line ◄── must be equal ──► rows, counter
//! ```

#[path = "../../../../demos/word-count/app.rs"]
mod app;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use tempfile::TempDir;
use tidemill_engine::CheckpointStore;
use tidemill_engine::runtime::supervisor::JobState;
use tidemill_engine::runtime::timely::{TimelyOptions, TimelyRuntime};
use tidemill_streams::{Options, Record, StreamConfig, Streams};
use tidemill_tables::{Scan, Table, TableDefinition, Tables};
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::app::Count;
use crate::error::{Error, Result};

const NAME: &str = "word-count";
const LINES: &str = "lines";
const WORDS: &str = "words";
/// Words of which lines are made.
const VOCABULARY: [&str; 16] = [
    "The", "tide", "turns", "twice", "a", "day", "and", "drives", "the", "mill", "grain", "to", "flour", "water",
    "wheel", "night",
];
const WORDS_OF_LINE: std::ops::RangeInclusive<usize> = 3..=12;

/// Lines are sent so often.
const TICK: Duration = Duration::from_millis(10);
/// It is said so often how it goes.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// How long rows may take at the end.
const CATCH_UP_MAX: Duration = Duration::from_secs(30);

/// The settings of the demo.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Lines a second.
    pub rate: f64,
    /// How long; without it until it is stopped.
    pub duration: Option<Duration>,
    /// Seed of the lines.
    pub seed: u64,
}

/// Where the demo stands.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// Lines that were sent.
    pub lines: u64,
    /// What the application's counter says.
    pub counted: u64,
}

/// What the demo found.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Lines that were sent.
    pub lines: u64,
    /// Their words.
    pub words: u64,
    /// What the application's counter says.
    pub counted: u64,
    /// Rows in the table.
    pub rows: usize,
    /// Words whose row is missing or has another number, and rows of other words.
    pub wrong: usize,
    /// The most frequent word, and how often it came.
    pub most: Option<(String, i64)>,
}

/// Runs the demo.
///
/// # Errors
/// Where the application can't run, or fails.
pub async fn run(demo: Demo, stop: impl Future<Output = ()>, mut show: impl FnMut(Status)) -> Result<Outcome> {
    let folder = TempDir::new().map_err(|error| Error::part("the demo's folder", error))?;
    let streams = Streams::open(folder.path().join("streams"), Options::default()).map_err(Error::from_streams)?;
    let lines = streams.create(LINES, StreamConfig { shards: 2, ..StreamConfig::default() });
    let lines = lines.map_err(Error::from_streams)?;
    let of_tables = |error: tidemill_tables::Error| Error::part("tables", error);
    let tables = Tables::open(folder.path().join("tables")).map_err(of_tables)?;
    let columns = [Field::new("word", DataType::Utf8, false), Field::new("count", DataType::Int64, false)];
    let table = TableDefinition::new(WORDS, Arc::new(Schema::new(columns.to_vec())), ["word"]);
    let table = tables.create_if_absent(table).map_err(of_tables)?;

    let failed = |error| Error::part("the job", error);
    let job = app::word_count(lines.clone(), tables, table.clone()).map_err(failed)?;
    let store = CheckpointStore::local(&folder.path().join("checkpoints"), NAME).map_err(failed)?;
    let handle = TimelyRuntime::start(job, TimelyOptions { workers: 2, ..TimelyOptions::default() }, store);
    let handle = handle.map_err(failed)?;
    let counted = || handle.metrics().application.read().iter().map(|figure| figure.value as u64).sum::<u64>();

    let mut text = Text { random: SmallRng::seed_from_u64(demo.seed), lines: 0, words: BTreeMap::new() };
    let begun = Instant::now();
    let (mut tick, mut said) = (interval(TICK), begun);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = tick.tick() => {}
        }
        let passed = begun.elapsed();
        let passed = demo.duration.map_or(passed, |duration| passed.min(duration));
        let due = text.until((passed.as_secs_f64() * demo.rate) as u64);
        let records = due.iter().map(|line| Record {
            partition_key: line.as_bytes(),
            explicit_hash_key: None,
            data: line.as_bytes(),
        });
        let records: Vec<_> = records.collect();
        if !records.is_empty() {
            lines.append_batch(&records).await.map_err(Error::from_streams)?;
        }
        if let JobState::Failed(error) = handle.state() {
            return Err(Error::part("the application", error));
        }
        if demo.duration.is_some_and(|duration| passed >= duration) {
            break;
        }
        if said.elapsed() >= SAY_EVERY {
            said = Instant::now();
            show(Status { lines: text.lines, counted: counted() });
        }
    }
    let catch_up = Instant::now();
    let mut rows = rows_of(&table)?;
    while rows != text.words && catch_up.elapsed() < CATCH_UP_MAX {
        tokio::time::sleep(TICK).await;
        rows = rows_of(&table)?;
    }
    let wrong = text.words.iter().filter(|(word, count)| rows.get(*word) != Some(count)).count();
    let others = rows.keys().filter(|word| !text.words.contains_key(*word)).count();
    let outcome = Outcome {
        lines: text.lines,
        words: text.words.values().sum::<i64>() as u64,
        counted: counted(),
        rows: rows.len(),
        wrong: wrong + others,
        most: rows.into_iter().max_by_key(|(_, count)| *count),
    };
    handle.stop();
    Ok(outcome)
}

fn rows_of(table: &Table) -> Result<BTreeMap<String, i64>> {
    let rows: Vec<Count> = table.records(&Scan::all()).map_err(|error| Error::part("the table", error))?;
    Ok(rows.into_iter().map(|row| (row.word, row.count)).collect())
}

/// Lines, and what is in them.
struct Text {
    random: SmallRng,
    lines: u64,
    words: BTreeMap<String, i64>,
}

impl Text {
    /// The lines up to so many.
    fn until(&mut self, lines: u64) -> Vec<String> {
        (self.lines..lines).map(|_| self.line()).collect()
    }

    fn line(&mut self) -> String {
        self.lines += 1;
        let length = self.random.random_range(WORDS_OF_LINE);
        let words: Vec<&str> = (0..length).filter_map(|_| VOCABULARY.choose(&mut self.random).copied()).collect();
        for word in &words {
            *self.words.entry(word.to_lowercase()).or_default() += 1;
        }
        words.join(", ") + "."
    }
}
