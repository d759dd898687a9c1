//! JSON in, JSON out: files of orders to a file of sums a minute and item.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use super::compared::Compared;
use super::{Bench, Figures};
use crate::error::{Error, Result};

/// As many files as there are workers, each with every other order, in the order of their times.
const FILES: u64 = 2;
const ITEMS: u64 = 1_000;
/// Orders a second, by their own times.
const RATE: u64 = 10_000;
const BEGIN_S: i64 = 1_767_258_000;
const WARM_UP_SHARE: u64 = 10;

pub(super) fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("json");
    let (orders, few) = (bench.options.events, bench.options.events / WARM_UP_SHARE);
    let (input, few_input) = (bench.scratch.path().join("orders"), bench.scratch.path().join("few-orders"));
    let (output, few_output) = (bench.scratch.path().join("minutes"), bench.scratch.path().join("few-minutes"));
    write(&input, orders)?;
    write(&few_input, few)?;
    let mut compared = Compared::new(bench)?;
    compared.run(&mut figures, "", orders, &script(&input, &output), &script(&few_input, &few_output))?;
    compared.finish(&mut figures);
    let runs = 1 + u64::from(bench.options.peer.is_some());
    let counted = counted(&output)?;
    if counted != orders * runs {
        return Err(Error::part("the sums", format!("{runs} run(s) of {orders} orders counted {counted}")));
    }
    Ok(figures)
}

fn script(input: &Path, output: &Path) -> String {
    let (input, output) = (input.display(), output.display());
    format!(
        "SET 'parallelism.default' = '{FILES}';
SET 'execution.checkpointing.interval' = '1 s';
CREATE TABLE orders (id BIGINT, item STRING, customer STRING, amount INT, price DOUBLE, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '10' MINUTE)
  WITH ('connector' = 'filesystem', 'path' = '{input}', 'format' = 'json');
CREATE TABLE minutes (minute_start TIMESTAMP(3), item STRING, n BIGINT, amount INT, highest DOUBLE)
  WITH ('connector' = 'filesystem', 'path' = '{output}', 'format' = 'json');
INSERT INTO minutes
SELECT window_start, item, COUNT(*), SUM(amount), MAX(price) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, item;
"
    )
}

fn write(folder: &Path, orders: u64) -> Result<()> {
    let failed = |error| Error::io("writing", folder, error);
    fs::create_dir(folder).map_err(failed)?;
    for part in 0..FILES {
        let mut out = BufWriter::new(File::create(folder.join(format!("{part}.json"))).map_err(failed)?);
        for id in (part..orders).step_by(FILES as usize) {
            // Any sequence that spreads: Knuth's multiplicative hash.
            let spread = id.wrapping_mul(2_654_435_769) >> 7;
            let at =
                jiff::Timestamp::from_second(BEGIN_S + (id / RATE) as i64).map_err(|e| Error::part("a time", e))?;
            let (item, customer, amount) = (spread % ITEMS, spread % 100_003, spread % 9 + 1);
            let (cents, ms) = (spread % 99_991, id % RATE * 1_000 / RATE);
            writeln!(
                out,
                r#"{{"id":{id},"item":"item-{item}","customer":"customer-{customer}","amount":{amount},"price":{}.{:02},"ts":"{}.{ms:03}"}}"#,
                cents / 100,
                cents % 100,
                at.strftime("%F %T"),
            )
            .map_err(failed)?;
        }
        out.flush().map_err(failed)?;
    }
    Ok(())
}

/// How many orders all sums of a folder are of.
fn counted(folder: &Path) -> Result<u64> {
    let failed = |error| Error::io("reading", folder, error);
    let mut counted = 0;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !path.is_file() {
            continue;
        }
        for line in fs::read_to_string(&path).map_err(failed)?.lines() {
            let row: serde_json::Value = serde_json::from_str(line).map_err(|error| Error::part("a row", error))?;
            counted += row["n"].as_u64().unwrap_or(0);
        }
    }
    Ok(counted)
}
