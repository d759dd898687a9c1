//! State that only grows: what a key takes in memory beside its data, and whether more keys make it slower.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Bench, Figures};
use crate::child::resident_bytes;
use crate::error::{Error, Result};
use crate::run::described::describe;

const LOOK_EVERY: Duration = Duration::from_millis(50);
const RUN_MAX: Duration = Duration::from_secs(600);
const MEGABYTE: f64 = 1e6;

/// A table of so many rows, each with another key.
const TABLE: &str =
    "CREATE TABLE NAME (k BIGINT, v BIGINT, at AS PROCTIME()) WITH ('connector' = 'datagen', 'rows-per-second' = '0',
  'fields.k.kind' = 'sequence', 'fields.k.start' = '1', 'fields.k.end' = 'KEYS');\n";
const SINK: &str = "CREATE TABLE nowhere (k BIGINT, v BIGINT, w BIGINT) WITH ('connector' = 'blackhole');\n";

/// A statement, and of each key the rows that its state is told of, and the bytes of the numbers that it keeps.
struct Case {
    name: &'static str,
    insert: &'static str,
    rows: f64,
    data_bytes: f64,
}

const CASES: [Case; 3] = [
    Case {
        name: "join",
        insert: "INSERT INTO nowhere SELECT orders.k, orders.v, payments.v FROM orders JOIN payments ON orders.k = payments.k;",
        rows: 2.0,
        data_bytes: 32.0,
    },
    Case {
        name: "first_row",
        insert: "INSERT INTO nowhere SELECT k, v, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY at) AS n FROM orders) WHERE n = 1;",
        rows: 1.0,
        data_bytes: 8.0,
    },
    Case {
        name: "last_row",
        insert: "INSERT INTO nowhere SELECT k, v, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY at DESC) AS n FROM orders) WHERE n = 1;",
        rows: 1.0,
        data_bytes: 16.0,
    },
];

/// What was seen at a moment.
struct Sample {
    at: Duration,
    keys: f64,
    resident_bytes: f64,
}

pub(super) fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("state");
    let keys = bench.options.keys as f64;
    for case in &CASES {
        let samples = sampled(bench, case)?;
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
            return Err(Error::part(case.name, "it ended before it was looked at"));
        };
        if last.keys < 0.9 * keys {
            let said = format!("it was seen with {} of {keys} keys only: take more of them", last.keys);
            return Err(Error::part(case.name, said));
        }
        let per_key = (last.resident_bytes - first.resident_bytes) / (last.keys - first.keys);
        let (early, late) = (rate(&samples, 0.1 * keys, 0.4 * keys), rate(&samples, 0.6 * keys, 0.9 * keys));
        figures.add(format!("{}_keys", case.name), last.keys);
        figures.add(format!("{}_resident_mb", case.name), last.resident_bytes / MEGABYTE);
        figures.add(format!("{}_bytes_per_key_beside_data", case.name), per_key - case.data_bytes);
        figures.add(format!("{}_keys_per_second", case.name), last.keys / last.at.as_secs_f64());
        figures.add(format!("{}_late_to_early_rate", case.name), late / early);
    }
    Ok(figures)
}

/// Keys a second between two numbers of them.
fn rate(samples: &[Sample], from: f64, to: f64) -> f64 {
    let within: Vec<&Sample> = samples.iter().filter(|sample| (from..to).contains(&sample.keys)).collect();
    match (within.first(), within.last()) {
        (Some(first), Some(last)) => (last.keys - first.keys) / (last.at - first.at).as_secs_f64(),
        _ => 0.0,
    }
}

/// Runs a case in a process of its own and looks at it meanwhile.
fn sampled(bench: &Bench, case: &Case) -> Result<Vec<Sample>> {
    let keys = bench.options.keys.to_string();
    let table = |name: &str| TABLE.replace("NAME", name).replace("KEYS", &keys);
    let script = table("orders") + &table("payments") + SINK + case.insert;
    let folder = bench.scratch.path().join(case.name);
    let failed = |error| Error::io("making", &folder, error);
    std::fs::create_dir(&folder).map_err(failed)?;
    let (file, data) = (folder.join("state.sql"), folder.join("data"));
    std::fs::write(&file, script).map_err(failed)?;
    let mut process = Process::start(&bench.binary, &file, &data)?;
    let begun = Instant::now();
    let mut samples = Vec::new();
    while process.runs()? {
        if begun.elapsed() > RUN_MAX {
            return Err(Error::part(case.name, "it takes too long"));
        }
        // Neither can be asked while it starts or after it has ended.
        if let (Ok(described), Ok(resident_bytes)) = (describe(&data, "state"), resident_bytes(process.0.id())) {
            let operators = described.operators.as_array().into_iter().flatten();
            // All but these keep rows, and each of their rows has a key of its own.
            let keeps = |operator: &&Value| {
                let name = operator["operator"].as_str().unwrap_or_default();
                !["source", "calc", "sink"].iter().any(|other| name.starts_with(other))
            };
            let rows: f64 = operators.filter(keeps).filter_map(|operator| operator["rows_in"].as_f64()).sum();
            let keys = rows / case.rows;
            if keys > 0.0 {
                samples.push(Sample { at: begun.elapsed(), keys, resident_bytes: resident_bytes as f64 });
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(samples)
}

/// `tidemill run`; ended with this.
struct Process(Child);

impl Process {
    fn start(binary: &PathBuf, file: &PathBuf, data: &PathBuf) -> Result<Process> {
        let child = Command::new(binary).arg("run").arg(file).arg("--data").arg(data).spawn();
        child.map(Process).map_err(|error| Error::part("the process of a script", error))
    }

    /// False where it has ended well.
    fn runs(&mut self) -> Result<bool> {
        match self.0.try_wait().map_err(|error| Error::part("the process of a script", error))? {
            None => Ok(true),
            Some(status) if status.success() => Ok(false),
            Some(status) => Err(Error::part("the process of a script", format!("{status}; see its messages above"))),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, or is of no use any more.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
