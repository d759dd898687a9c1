//! Every case of `tests/cases`, run in several ways that must agree: with one worker, with three, with a crash and a restart in the
//! middle, with a restart on another number of workers, and by plain DataFusion over the rows of the whole inputs.
//!
//! `BLESS=1 cargo test -p tidemill-sql --test cases` writes what came out into the files: read the difference before it is committed.
//!
//! Apache Flink is the judge: `make flink` runs the cases that give rows on it, too. Where it or DataFusion gives other rows, the case
//! says why: `--! flink differs: why`, `--! datafusion differs: why`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure to run a case fails it")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::case::{Case, cases, with_rows};
use support::datafusion::{self, Answer};
use support::flink;
use support::run::{Way, run};

#[test]
fn every_case_gives_its_rows_in_every_way() {
    let only = std::env::var("CASE").ok();
    let (mut failures, mut count) = (Vec::new(), 0);
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        let mut blessed = text.clone();
        for case in cases(&text) {
            if only.as_ref().is_some_and(|only| !case.name.contains(only.as_str())) {
                continue;
            }
            count += 1;
            match check(&case) {
                Ok(()) => {}
                Err(_) if std::env::var_os("BLESS").is_some() => {
                    let found = run(&case, Way::plain(1)).unwrap_or_else(|error| vec![format!("error: {error}")]);
                    blessed = with_rows(&blessed, &case, &found);
                }
                Err(failure) => failures.push(format!("{} in {}:\n{failure}", case.name, name(&file))),
            }
        }
        if blessed != text {
            fs::write(&file, blessed).unwrap();
        }
    }
    println!("{count} cases");
    assert!(failures.is_empty(), "{} of {count} failed\n\n{}", failures.len(), failures.join("\n\n"));
    assert!(only.is_some() || count > 50, "only {count} cases were found");
}

#[test]
fn datafusion_gives_the_same_rows_where_it_understands() {
    let only = std::env::var("CASE").ok();
    let chosen = |case: &Case| !case.is_error() && only.as_ref().is_none_or(|only| case.name.contains(only.as_str()));
    let all = files().into_iter().flat_map(|file| cases(&fs::read_to_string(file).unwrap()));
    let (mut failures, mut agree, mut differ) = (Vec::new(), 0, 0);
    for case in all.filter(chosen) {
        let found = match datafusion::run(&case) {
            Answer::Rows(found) => found.and_then(|rows| compare(&case, "DataFusion", &rows)),
            Answer::None(why) => {
                println!("{} is not for DataFusion: {why}", case.name);
                if case.datafusion_differs.is_some() {
                    failures.push(format!("{}: DataFusion is not asked, {why}", case.name));
                }
                continue;
            }
        };
        match (&case.datafusion_differs, found) {
            (None, Ok(())) => agree += 1,
            (None, Err(difference)) => failures.push(format!("{}:\n{difference}", case.name)),
            (Some(_), Err(_)) => differ += 1,
            (Some(why), Ok(())) => failures.push(format!("{}: DataFusion agrees, though {why}", case.name)),
        }
    }
    println!("{agree} agree, {differ} differ for a reason");
    assert!(failures.is_empty(), "{} failed\n\n{}", failures.len(), failures.join("\n\n"));
    assert!(only.is_some() || agree > 100, "DataFusion was asked for only {agree} cases");
}

#[test]
#[ignore = "installs Apache Flink: make flink"]
fn flink_gives_the_same_rows() {
    let only = std::env::var("CASE").ok();
    let chosen = |case: &Case| {
        !case.is_error() && case.is_streaming() && only.as_ref().is_none_or(|only| case.name.contains(only.as_str()))
    };
    let all = files().into_iter().flat_map(|file| cases(&fs::read_to_string(file).unwrap())).chain(benchmark());
    let mut cases: Vec<Case> = all.filter(chosen).collect();
    for case in cases.iter_mut().filter(|case| !case.told) {
        (case.rows, case.told) = (run(case, Way::plain(1)).unwrap(), true);
    }
    let (mut failures, mut differ) = (Vec::new(), 0);
    for (case, found) in cases.iter().zip(flink::run(&cases)) {
        let agreed = found.and_then(|rows| compare(case, "Flink", &rows));
        match (&case.flink_differs, agreed) {
            (None, Ok(())) => {}
            (None, Err(difference)) => failures.push(format!("{}:\n{difference}", case.name)),
            (Some(_), Err(_)) => differ += 1,
            (Some(why), Ok(())) => failures.push(format!("{}: Flink agrees, though {why}", case.name)),
        }
    }
    println!("{} cases, {differ} differ for a reason", cases.len());
    assert!(failures.is_empty(), "{} of {} failed\n\n{}", failures.len(), cases.len(), failures.join("\n\n"));
    assert!(only.is_some() || cases.len() > 50, "only {} cases were found", cases.len());
}

fn manifest() -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap())
}

/// The files of cases.
fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(manifest().join("tests/cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The queries of the benchmark, over fewer events; what they give is not told: our rows are to be Flink's.
fn benchmark() -> Vec<Case> {
    let read = |name: &str| fs::read_to_string(manifest().join("../../bench/nexmark").join(name)).unwrap();
    let few = "'events.num' = '3000', 'first-event.rate' = '100', 'next-event.rate' = '100'";
    let tables = read("tables.sql").replace("'events.num' = '5000000'", few);
    let setup: Vec<&str> = tables.lines().filter(|line| !line.starts_with("SET ")).collect();
    let query = |number: u32| {
        let text = read(&format!("q{number}.sql"));
        let (head, query) = text.split_once(&format!("INSERT INTO nexmark_q{number}\n")).unwrap();
        let script = format!("--! case benchmark q{number}\n{}\n{head}{query}", setup.join("\n"));
        cases(&script).remove(0)
    };
    // Not 12: its windows are those of the clock.
    [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 14, 15, 16, 17, 18, 19, 20, 22].map(query).to_vec()
}

fn check(case: &Case) -> Result<(), String> {
    if case.is_error() {
        return match run(case, Way::plain(1)) {
            Ok(rows) => Err(format!("expected an error, got rows\n{}", rows.join("\n"))),
            Err(error) => compare(case, "error", &[format!("error: {error}")]),
        };
    }
    for way in Way::all() {
        let rows = run(case, way).map_err(|error| format!("{way}: {error}"))?;
        compare(case, &way.to_string(), &rows)?;
    }
    Ok(())
}

fn compare(case: &Case, way: &str, rows: &[String]) -> Result<(), String> {
    if case.told && rows == case.rows {
        return Ok(());
    }
    Err(format!("{way}: expected\n  {}\ngot\n  {}", case.rows.join("\n  "), rows.join("\n  ")))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
