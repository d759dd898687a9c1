//! Benchmarks: `tidemill bench NAME`. Each starts servers of its own, measures through their HTTP API and says what it
//! found as named figures, the unit last in each name.
//!
//! A benchmark measures; it never judges. `bench/run.sh` prints the figures beside their targets.

mod compared;
mod freshness;
mod ingest;
mod json;
mod kinesis;
mod latency;
mod memory;
mod nexmark;
mod queries;
mod recovery;
mod replay;
mod rows;
mod schemas;
mod state;
mod storage;
mod traffic;
mod year;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::child::{ChildServer, ChildSettings, Scratch};
use crate::error::{Error, Result};

/// The site that benchmarks visit.
const SITE: &str = "bench";

/// A benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Beacons a second over HTTP, and the time to acknowledge one.
    Ingest,
    /// Beacons a second from the log to the summaries.
    Replay,
    /// Time from an accepted beacon to the query API.
    Freshness,
    /// Memory with many open sessions, and with a pipeline that is behind.
    Memory,
    /// Bytes an impression in the summaries, and the error of quantiles.
    Storage,
    /// Time of each panel over a year.
    Queries,
    /// Time to be back after `kill -9`.
    Recovery,
    /// Events a second of each of Nexmark's queries.
    Nexmark,
    /// Schemas looked up a second, and the time to check a version against a thousand.
    Schemas,
    /// Records a second by Kinesis' protocol, and their delays.
    Kinesis,
    /// Kinesis' protocol with 500 connections, 50 consumers and 1,000 shards.
    Load,
    /// Rows a second from files of JSON through windows to files of JSON.
    Json,
    /// Time of a row through a filter, and of a window's result.
    Latency,
    /// Memory of a key in state that only grows, and whether it gets slower.
    State,
}

/// What some benchmarks can be told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// [`Name::Queries`] also writes its impressions to this Parquet file.
    pub rows: Option<PathBuf>,
    /// Which of [`Name::Nexmark`]'s queries; none: all.
    pub queries: Vec<u32>,
    /// How many events [`Name::Nexmark`] and [`Name::Json`] read.
    pub events: u64,
    /// How many keys [`Name::State`] keeps.
    pub keys: u64,
    /// Who does the same work.
    pub peer: Option<Peer>,
    /// The server that [`Name::Kinesis`] measures instead of one of its own.
    pub endpoint: Option<SocketAddr>,
}

/// Another engine on the same work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Apache Flink, as `tests/services/flink.sh` installs it.
    Flink,
}

/// What a benchmark found.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    name: &'static str,
    #[serde(serialize_with = "as_object")]
    figures: Vec<(String, f64)>,
}

impl Figures {
    fn new(name: &'static str) -> Self {
        Self { name, figures: Vec::new() }
    }

    /// Adds a figure; three decimals are kept.
    fn add(&mut self, name: impl Into<String>, value: f64) {
        self.figures.push((name.into(), (value * 1_000.0).round() / 1_000.0));
    }

    /// The figures by name, in the order in which they were found.
    pub fn all(&self) -> impl Iterator<Item = (&str, f64)> {
        self.figures.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

fn as_object<S: Serializer>(figures: &[(String, f64)], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_map(figures.iter().map(|(name, value)| (name, value)))
}

/// Runs a benchmark. `binary` is the `tidemill` that it starts servers and applications from.
///
/// # Errors
/// When a part fails, or what it found is wrong.
pub async fn run(name: Name, binary: PathBuf, options: Options) -> Result<Figures> {
    let bench = Bench { binary, options, scratch: Scratch::new("bench")? };
    match name {
        Name::Ingest => ingest::run(&bench).await,
        Name::Replay => replay::run(&bench).await,
        Name::Freshness => freshness::run(&bench).await,
        Name::Memory => memory::run(&bench).await,
        Name::Storage => storage::run(&bench).await,
        Name::Queries => queries::run(&bench).await,
        Name::Recovery => recovery::run(&bench).await,
        Name::Nexmark => nexmark::run(&bench),
        Name::Schemas => schemas::run(&bench).await,
        Name::Kinesis => kinesis::run(&bench).await,
        Name::Load => kinesis::load::run(&bench).await,
        Name::Json => json::run(&bench),
        Name::Latency => latency::run(&bench),
        Name::State => state::run(&bench),
    }
}

/// What every benchmark needs.
struct Bench {
    binary: PathBuf,
    options: Options,
    scratch: Scratch,
}

impl Bench {
    fn settings(&self, folder: &str, set: &[&str]) -> ChildSettings {
        ChildSettings {
            binary: self.binary.clone(),
            data: self.scratch.path().join(folder),
            port: 0,
            set: set.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    /// A server with the data folder of this name.
    async fn server(&self, folder: &str, set: &[&str]) -> Result<ChildServer> {
        ChildServer::start(&self.settings(folder, set)).await
    }
}

/// A query's or a request's failure inside a benchmark.
fn said(error: crate::client::Error) -> Error {
    Error::part("the benchmark's server", error)
}

/// The value that a share `q` of all do not exceed; the values are sorted on the way.
fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (q * values.len() as f64).ceil().max(1.0) as usize - 1;
    values.get(rank).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn a_quantile_is_a_value_that_occurred() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(quantile(&mut values, 0.5), 3.0);
        assert_eq!(quantile(&mut values, 0.95), 5.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}
