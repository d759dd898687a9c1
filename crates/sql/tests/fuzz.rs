//! Texts that are nearly right: parser and planner answer each with a plan, or with an error that names its place, and never panic.
//!
//! The texts are those of `tests/cases`, with tokens lost, doubled, exchanged and taken from others. It runs two seconds, or
//! `FUZZ_SECONDS`. A failure names its seed, which `TIDEMILL_FUZZ_SEED` runs again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a text that is answered wrongly fails the test"
)]

#[allow(dead_code, reason = "its other parts run cases")]
mod support;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use support::case::{Case, cases};
use tidemill_connectors::Environment;
use tidemill_sql::{Outcome, Session, SqlError};
use tidemill_tables::Tables;

/// Values that go where values are, and words that change what a clause is.
const HOSTILE: [&str; 24] = [
    "0",
    "-1",
    "99999999999999999999999999",
    "1e400",
    "NULL",
    "''",
    "'\\'",
    "\"\"",
    "(",
    ")",
    ",",
    "*",
    "INTERVAL '0' SECOND",
    "INTERVAL '1' MONTH",
    "CAST(NULL AS INT)",
    "TIMESTAMP '2026-02-30 00:00:00'",
    "ARRAY[]",
    "x'",
    "/*",
    "--",
    "é",
    "\u{202e}",
    "1 / 0",
    "$[",
];

#[test]
fn texts_that_are_nearly_right_are_answered() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let corpus = Corpus::read();
    let folder = tempfile::tempdir().unwrap();
    let tables = Tables::open(folder.path().join("tables")).unwrap();
    let environment = Arc::new(Environment {
        folder: Some(folder.path().to_owned()),
        tables: Some(tables),
        ..Environment::default()
    });
    if let Some(seed) = number("TIDEMILL_FUZZ_SEED") {
        let text = corpus.text(seed);
        println!("{text}");
        return answered(&text, &environment).unwrap();
    }
    let time = Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(2));
    let (start, mut texts) = (Instant::now(), 0);
    let mut seed = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
    while start.elapsed() < time {
        seed = seed.wrapping_add(1);
        texts += 1;
        let text = corpus.text(seed);
        let failure = match catch_unwind(AssertUnwindSafe(|| answered(&text, &environment))) {
            Ok(Ok(())) => continue,
            Ok(Err(without_place)) => without_place,
            Err(_) => "it panicked".to_owned(),
        };
        panic!("{failure}\nrun it again with TIDEMILL_FUZZ_SEED={seed}\n\n{text}");
    }
    println!("{texts} texts");
    assert!(texts > 20, "only {texts} texts in {time:?}");
}

/// Plans a text; whatever is wrong with it is at some place in it.
fn answered(text: &str, environment: &Arc<Environment>) -> Result<(), String> {
    let Err(error) = planned(text, environment) else { return Ok(()) };
    let lines = text.split('\n').count() as u64;
    match error.place {
        None => Err(format!("an error without a place: {error}")),
        Some(place) if place.line > lines => Err(format!("an error in line {} of {lines}: {error}", place.line)),
        Some(_) if error.show("fuzz.sql", text).is_empty() => Err(format!("an error that shows nothing: {error}")),
        Some(_) => Ok(()),
    }
}

fn planned(text: &str, environment: &Arc<Environment>) -> Result<(), SqlError> {
    let mut session = Session::new(environment.clone());
    for statement in tidemill_sql::parse::parse(text)? {
        if let Outcome::Work(tasks) | Outcome::Analyze(tasks) = session.execute(statement)? {
            session.prepare("fuzz", &tasks)?;
        }
    }
    Ok(())
}

struct Corpus {
    cases: Vec<Case>,
    tokens: Vec<String>,
}

impl Corpus {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let cases: Vec<Case> = files.iter().flat_map(|file| cases(&fs::read_to_string(file).unwrap())).collect();
        let tokens = cases.iter().flat_map(|case| tokens(&case.sql)).collect();
        Corpus { cases, tokens }
    }

    /// A case's text, changed.
    fn text(&self, seed: u64) -> String {
        let mut rng = SmallRng::seed_from_u64(seed);
        let case = self.cases.choose(&mut rng).unwrap();
        let mut found = tokens(&case.sql);
        for _ in 0..rng.random_range(1..4) {
            self.change(&mut found, &mut rng);
        }
        format!("{}{}", case.setup, found.concat())
    }

    fn change(&self, tokens: &mut Vec<String>, rng: &mut SmallRng) {
        if tokens.is_empty() {
            return;
        }
        let at = rng.random_range(0..tokens.len());
        match rng.random_range(0..8) {
            0 => drop(tokens.remove(at)),
            1 => tokens.insert(at, tokens[at].clone()),
            2 => {
                let other = rng.random_range(0..tokens.len());
                tokens.swap(at, other);
            }
            3 => tokens[at].clone_from(self.tokens.choose(rng).unwrap()),
            4 => tokens.insert(at, format!(" {} ", self.tokens.choose(rng).unwrap())),
            5 => tokens[at] = format!(" {} ", HOSTILE.choose(rng).unwrap()),
            6 => {
                let to = (at + rng.random_range(1..6)).min(tokens.len());
                drop(tokens.drain(at..to));
            }
            _ => {
                // It goes on as another case does.
                let other = self::tokens(&self.cases.choose(rng).unwrap().sql);
                tokens.truncate(at);
                tokens.extend(other.into_iter().skip(at));
            }
        }
    }
}

/// Words, texts in quotes, spaces, and everything else character by character.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        let mut token = String::from(first);
        match first {
            '\'' | '"' | '`' => {
                for ch in chars.by_ref() {
                    token.push(ch);
                    if ch == first {
                        break;
                    }
                }
            }
            _ if first.is_alphanumeric() || first == '_' => {
                while let Some(ch) = chars.next_if(|ch| ch.is_alphanumeric() || *ch == '_') {
                    token.push(ch);
                }
            }
            _ if first.is_whitespace() => {
                while let Some(ch) = chars.next_if(|ch| ch.is_whitespace()) {
                    token.push(ch);
                }
            }
            _ => {}
        }
        tokens.push(token);
    }
    tokens
}
