//! Rows that come behind the watermark, in all the ways in which cases are run. Sources read batches of some thousand rows, and a row
//! can only be late in a later one: so the file is made here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure to run a case fails it")]

#[allow(dead_code, reason = "a part of what cases need")]
mod support {
    pub(crate) mod case;
    pub(crate) mod run;
}

use support::case::cases;
use support::run::{Way, run};

#[test]
fn late_rows_go_where_the_query_says() {
    // A row each second, in order, but for one of the first window that comes when that has ended.
    let row = |n: u32| {
        let (item, second) = if n == 9_000 { ("late", 5) } else { ("x", n) };
        format!("--| {item},{n},2026-01-01 {:02}:{:02}:{:02}\n", second / 3_600, second / 60 % 60, second % 60)
    };
    let rows: String = (0..10_000).map(row).collect();
    for case in cases(&format!("--! file bids.csv\n{rows}{}", include_str!("support/late_rows.sql"))) {
        for way in Way::all() {
            assert_eq!(run(&case, way), Ok(case.rows.clone()), "{}: {way}", case.name);
        }
    }
}
