//! Counts words: the smallest application.
//!
//! Lines come from a stream, the number of each word goes to a table, and a counter of the application's own tells how many words
//! there were.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidemill_connectors::stream::{StreamSource, StreamSourceConfig};
use tidemill_connectors::table::TableSink;
use tidemill_engine::api::{Environment, Never, Process, ProcessContext};
use tidemill_engine::{Delivery, EventTime, Job, Replay, Result};
use tidemill_streams::Stream;
use tidemill_tables::{Table, Tables};

/// A record of the stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    data: Vec<u8>,
}

/// A word of a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Word {
    word: String,
}

/// A row of the table.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(super) struct Count {
    pub(super) word: String,
    pub(super) count: i64,
}

/// The job from a stream of lines to a table of counts.
pub(super) fn word_count(lines: Stream, tables: Tables, counts: Table) -> Result<Job> {
    let env = Environment::new("word-count");
    let total = env.metrics().labelled("Service", "WordCountApplication").group("Tokenizer").counter("TotalWords");
    env.batch_source("lines", Replay::FromPosition, StreamSource::factory(lines, StreamSourceConfig::default()))
        .flat_map(move |line: Line| {
            let words = words(&line.data);
            total.add(words.len() as u64);
            words
        })
        .key_by("by word", |word| word.word.clone())
        .process("count", || Counting)
        .main
        .batch_sink("counts", Delivery::Upsert, move |_| {
            Ok(TableSink::new(tables.clone(), counts.clone(), Duration::from_millis(10)))
        });
    env.job()
}

/// The words of a line, in lower case.
fn words(line: &[u8]) -> Vec<Word> {
    let line = String::from_utf8_lossy(line).to_lowercase();
    let words = line.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| Word { word: word.to_owned() }).collect()
}

/// Counts the rows of each word.
struct Counting;

impl Process<String, Word> for Counting {
    type State = i64;
    type Out = Count;
    type Side = Never;

    fn on_row(&mut self, row: Word, _at: EventTime, context: &mut ProcessContext<'_, '_, i64, Count, Never>) {
        let count = context.state().or_insert_with(|| 0);
        *count += 1;
        let count = *count;
        context.emit(Count { word: row.word, count });
    }
}
