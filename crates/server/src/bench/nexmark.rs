//! Nexmark's queries as SQL, from the generator to nowhere, each in a process of its own: `bench/nexmark`. With a peer, it runs the
//! same texts over the same events, one query after the other in the same minutes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Bench, Figures};
use crate::child::peak_bytes;
use crate::error::{Error, Result};

const TABLES: &str = include_str!("../../../../bench/nexmark/tables.sql");
/// How many events the tables have, as they are written.
const EVENTS: &str = "'events.num' = '5000000'";

/// Nexmark's numbers; 6, 10, 13 and 21 are not here (`bench/README.md` says why).
const QUERIES: [(u32, &str); 19] = [
    (0, include_str!("../../../../bench/nexmark/q0.sql")),
    (1, include_str!("../../../../bench/nexmark/q1.sql")),
    (2, include_str!("../../../../bench/nexmark/q2.sql")),
    (3, include_str!("../../../../bench/nexmark/q3.sql")),
    (4, include_str!("../../../../bench/nexmark/q4.sql")),
    (5, include_str!("../../../../bench/nexmark/q5.sql")),
    (7, include_str!("../../../../bench/nexmark/q7.sql")),
    (8, include_str!("../../../../bench/nexmark/q8.sql")),
    (9, include_str!("../../../../bench/nexmark/q9.sql")),
    (11, include_str!("../../../../bench/nexmark/q11.sql")),
    (12, include_str!("../../../../bench/nexmark/q12.sql")),
    (14, include_str!("../../../../bench/nexmark/q14.sql")),
    (15, include_str!("../../../../bench/nexmark/q15.sql")),
    (16, include_str!("../../../../bench/nexmark/q16.sql")),
    (17, include_str!("../../../../bench/nexmark/q17.sql")),
    (18, include_str!("../../../../bench/nexmark/q18.sql")),
    (19, include_str!("../../../../bench/nexmark/q19.sql")),
    (20, include_str!("../../../../bench/nexmark/q20.sql")),
    (22, include_str!("../../../../bench/nexmark/q22.sql")),
];

/// Installs Flink and prints the program that runs it; a path in the checkout.
const INSTALL_FLINK: &str = "tests/services/flink.sh";
/// As much as the state of every query wants.
const FLINK_HEAP: &str = "6g";
/// The peer's compiler warms up on so much of the events first.
const WARM_UP_SHARE: u64 = 10;
const QUERY_MAX: Duration = Duration::from_secs(900);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const MEGABYTE: f64 = 1e6;

pub(super) fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("nexmark");
    let options = &bench.options;
    if let Some(unknown) = options.queries.iter().find(|query| !QUERIES.iter().any(|(number, _)| number == *query)) {
        return Err(Error::Config { said: format!("there is no query {unknown} here; see bench/README.md") });
    }
    let flink = options.peer.map(|super::Peer::Flink| install_flink()).transpose()?;
    let chosen = |(number, _): &&(u32, &str)| options.queries.is_empty() || options.queries.contains(number);
    let (mut ratios, mut memory_ratios) = (Vec::new(), Vec::new());
    for (number, query) in QUERIES.iter().filter(chosen) {
        let per_second = |took: Duration| options.events as f64 / took.as_secs_f64();
        let file = write(bench, query, "query.sql", options.events)?;
        let data = bench.scratch.path().join(format!("q{number}"));
        let ours = measure(Command::new(&bench.binary).arg("run").arg(&file).arg("--data").arg(&data))?;
        figures.add(format!("q{number}_events_per_second"), per_second(ours.took));
        figures.add(format!("q{number}_peak_mb"), ours.peak_bytes as f64 / MEGABYTE);
        let Some(flink) = &flink else { continue };
        let warm_up = write(bench, query, "warm_up.sql", options.events / WARM_UP_SHARE)?;
        let peers = measure(
            Command::new(flink)
                .args([Path::new("time"), &warm_up, &file])
                .envs([("FLINK_HEAP", Path::new(FLINK_HEAP)), ("TMPDIR", bench.scratch.path())]),
        )?;
        let took = job_time(&peers.said)?;
        figures.add(format!("q{number}_peer_events_per_second"), per_second(took));
        figures.add(format!("q{number}_peer_peak_mb"), peers.peak_bytes as f64 / MEGABYTE);
        figures.add(format!("q{number}_ratio"), took.as_secs_f64() / ours.took.as_secs_f64());
        ratios.push(took.as_secs_f64() / ours.took.as_secs_f64());
        memory_ratios.push(ours.peak_bytes as f64 / peers.peak_bytes.max(1) as f64);
    }
    if flink.is_some() {
        let mean = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
        figures.add("geomean_ratio", mean.exp());
        figures.add("worst_ratio", ratios.iter().copied().fold(f64::INFINITY, f64::min));
        figures.add("worst_memory_ratio", memory_ratios.iter().copied().fold(0.0, f64::max));
    }
    Ok(figures)
}

/// A script of tables with so many events and a query.
fn write(bench: &Bench, query: &str, name: &str, events: u64) -> Result<PathBuf> {
    let tables = TABLES.replace(EVENTS, &format!("'events.num' = '{}'", events.max(1)));
    let file = bench.scratch.path().join(name);
    std::fs::write(&file, tables + query).map_err(|error| Error::io("writing", &file, error))?;
    Ok(file)
}

fn install_flink() -> Result<PathBuf> {
    let installed = Command::new(INSTALL_FLINK).stderr(Stdio::inherit()).output();
    let installed =
        installed.map_err(|error| Error::io("running, in a checkout of Tidemill,", Path::new(INSTALL_FLINK), error))?;
    if !installed.status.success() {
        return Err(Error::part("Flink's installation", installed.status));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&installed.stdout).trim()))
}

/// How long the peer's job ran, without the start of its process.
fn job_time(said: &str) -> Result<Duration> {
    let said = serde_json::from_str::<serde_json::Value>(said.trim()).ok();
    let ms = said.and_then(|said| said["milliseconds"].as_u64()).filter(|ms| *ms > 0);
    ms.map(Duration::from_millis).ok_or_else(|| Error::part("the peer", "it did not say how long its job ran"))
}

/// A process that ran to its end.
struct Ran {
    took: Duration,
    peak_bytes: u64,
    said: String,
}

fn measure(command: &mut Command) -> Result<Ran> {
    let failed = |error: std::io::Error| Error::part("the process of a query", error);
    let begun = Instant::now();
    let mut process = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut most = 0;
    let status = loop {
        // It may have ended meanwhile.
        most = most.max(peak_bytes(process.id()).unwrap_or(0));
        if let Some(status) = process.try_wait().map_err(failed)? {
            break status;
        }
        if begun.elapsed() > QUERY_MAX {
            process.kill().map_err(failed)?;
        }
        std::thread::sleep(LOOK_EVERY);
    };
    let took = begun.elapsed();
    let output = process.wait_with_output().map_err(failed)?;
    if !status.success() {
        return Err(Error::part("the process of a query", format!("{status}; see its messages above")));
    }
    Ok(Ran { took, peak_bytes: most, said: String::from_utf8_lossy(&output.stdout).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::{EVENTS, QUERIES, TABLES, job_time};

    #[test]
    fn the_tables_say_how_many_events_there_are() {
        assert_eq!(TABLES.matches(EVENTS).count(), 1);
    }

    #[test]
    fn each_query_fills_its_own_table() {
        for (number, query) in QUERIES {
            assert!(query.contains(&format!("INSERT INTO nexmark_q{number}\n")), "{number}");
        }
    }

    #[test]
    fn the_time_of_a_job_is_what_the_peer_says() {
        assert_eq!(job_time("{\"milliseconds\":1500}\n").unwrap().as_millis(), 1_500);
        assert!(job_time("").is_err());
    }
}
