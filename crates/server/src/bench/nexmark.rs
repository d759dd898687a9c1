//! Nexmark's queries as SQL, from the generator to nowhere: `bench/nexmark`.

use super::compared::Compared;
use super::{Bench, Figures};
use crate::error::{Error, Result};

const TABLES: &str = include_str!("../../../../bench/nexmark/tables.sql");
/// How many events the tables have, as they are written.
const EVENTS: &str = "'events.num' = '5000000'";

/// Rows of the file that query 13 looks up.
const SIDE_INPUT: &str = "side_input.csv";
const SIDE_INPUT_ROWS: u32 = 10_000;

/// Nexmark's numbers; 6, 10 and 21 are not here (`bench/README.md` says why).
const QUERIES: [(u32, &str); 20] = [
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
    (13, include_str!("../../../../bench/nexmark/q13.sql")),
    (14, include_str!("../../../../bench/nexmark/q14.sql")),
    (15, include_str!("../../../../bench/nexmark/q15.sql")),
    (16, include_str!("../../../../bench/nexmark/q16.sql")),
    (17, include_str!("../../../../bench/nexmark/q17.sql")),
    (18, include_str!("../../../../bench/nexmark/q18.sql")),
    (19, include_str!("../../../../bench/nexmark/q19.sql")),
    (20, include_str!("../../../../bench/nexmark/q20.sql")),
    (22, include_str!("../../../../bench/nexmark/q22.sql")),
];

/// The peer's compiler warms up on so much of the events first.
const WARM_UP_SHARE: u64 = 10;

pub(super) fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("nexmark");
    let (queries, events) = (&bench.options.queries, bench.options.events);
    if let Some(unknown) = queries.iter().find(|query| !QUERIES.iter().any(|(number, _)| number == *query)) {
        return Err(Error::Config { said: format!("there is no query {unknown} here; see bench/README.md") });
    }
    let side_input: String = (0..SIDE_INPUT_ROWS).map(|key| format!("{key},side input {key}\n")).collect();
    let file = bench.scratch.path().join(SIDE_INPUT);
    std::fs::write(&file, side_input).map_err(|error| Error::io("writing", &file, error))?;
    let mut compared = Compared::new(bench)?;
    for (number, query) in QUERIES.iter().filter(|(number, _)| queries.is_empty() || queries.contains(number)) {
        // The peer finds files by absolute paths only.
        let query = query.replace(SIDE_INPUT, &file.display().to_string());
        let (script, warm_up) = (script(&query, events), script(&query, events / WARM_UP_SHARE));
        compared.run(&mut figures, &format!("q{number}_"), events, &script, &warm_up)?;
    }
    compared.finish(&mut figures);
    Ok(figures)
}

/// Tables with so many events, and a query.
fn script(query: &str, events: u64) -> String {
    TABLES.replace(EVENTS, &format!("'events.num' = '{events}'")) + query
}

#[cfg(test)]
mod tests {
    use super::{EVENTS, QUERIES, TABLES};

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
}
