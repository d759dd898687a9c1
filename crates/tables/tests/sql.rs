//! SQL over tables answers what DataFusion answers over the same rows in memory, and nothing can be changed by it.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tidemill_tables::sql::{SqlContext, SqlLimits};
use tidemill_tables::{Error, Table, TableDefinition, Tables};

/// The rows of one table: in the folder, and in memory for the oracle.
struct Both {
    _folder: tempfile::TempDir,
    tables: Tables,
    sql: SqlContext,
    oracle: SessionContext,
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("site", DataType::Utf8, false),
        Field::new("at", DataType::Timestamp(TimeUnit::Millisecond, None), false),
        Field::new("page", DataType::Int32, false),
        Field::new("ms", DataType::Float64, true),
        Field::new("bot", DataType::Boolean, true),
        Field::new("browser", DataType::Utf8, true),
    ]))
}

fn both(rows: usize, limits: SqlLimits) -> Both {
    let folder = tempfile::tempdir().unwrap();
    let tables = Tables::open(folder.path()).unwrap();
    let visits = tables.create(TableDefinition::new("visits", schema(), ["site", "at", "page"])).unwrap();
    let mut random = StdRng::seed_from_u64(1);
    let sites = ["a", "b", "c", "shop", ""];
    // Distinct keys, in no order: the page counts up.
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..rows).map(|_| Some(*sites.choose(&mut random).unwrap())).collect::<StringArray>()),
        Arc::new((0..rows).map(|_| Some(random.random_range(-50..50i64))).collect::<TimestampMillisecondArray>()),
        Arc::new((0..rows).map(|i| Some(i as i32 - 100)).collect::<Int32Array>()),
        Arc::new(
            (0..rows)
                .map(|_| random.random_bool(0.8).then(|| f64::from(random.random_range(0..1000))))
                .collect::<Float64Array>(),
        ),
        Arc::new((0..rows).map(|_| random.random_bool(0.9).then(|| random.random_bool(0.1))).collect::<BooleanArray>()),
        Arc::new(
            (0..rows)
                .map(|_| *[Some("Firefox"), Some("Chrome"), None].choose(&mut random).unwrap())
                .collect::<StringArray>(),
        ),
    ];
    let batch = RecordBatch::try_new(schema(), columns).unwrap();
    visits.upsert_batch(&batch).unwrap();
    let oracle = SessionContext::new();
    oracle.register_table("visits", Arc::new(MemTable::try_new(schema(), vec![vec![batch]]).unwrap())).unwrap();
    let sql = SqlContext::new(limits).unwrap().with_tables(tables.clone());
    Both { _folder: folder, tables, sql, oracle }
}

impl Both {
    async fn text(&self, query: &str) -> String {
        let stream = self.sql.query(query).await.unwrap_or_else(|e| panic!("{query}: {e}"));
        pretty_format_batches(&stream.collect().await.unwrap()).unwrap().to_string()
    }

    /// Both answers, as sorted lines unless the query orders them.
    async fn agree(&self, query: &str) -> usize {
        let expected = self.oracle.sql(query).await.unwrap_or_else(|e| panic!("{query}: {e}")).collect().await.unwrap();
        let rows = expected.iter().map(RecordBatch::num_rows).sum();
        let lines = |text: String| {
            let mut lines: Vec<String> =
                text.lines().map(str::to_owned).filter(|line| !line.starts_with('+')).collect();
            if !query.contains("ORDER BY") {
                lines.sort();
            }
            // An empty answer has no header when it has no batch.
            if rows == 0 { Vec::new() } else { lines }
        };
        let (ours, theirs) = (self.text(query).await, pretty_format_batches(&expected).unwrap().to_string());
        let ours = lines(ours);
        assert_eq!(ours, lines(theirs), "{query}\n{}", self.text(&format!("EXPLAIN {query}")).await);
        rows
    }
}

/// A random condition over key columns and others.
fn condition(random: &mut StdRng, depth: u32) -> String {
    let text = |random: &mut StdRng| ["'a'", "'b'", "'shop'", "''", "'z'"].choose(random).unwrap().to_string();
    let op = |random: &mut StdRng| *["=", "<", "<=", ">", ">=", "<>"].choose(random).unwrap();
    let time = |random: &mut StdRng| format!("to_timestamp_millis({})", random.random_range(-60..60));
    match random.random_range(0..if depth == 0 { 10 } else { 13 }) {
        0 | 1 => format!("site = {}", text(random)),
        2 => format!("site {} {}", op(random), text(random)),
        3 => format!("site IN ({}, {}, {}, {})", text(random), text(random), text(random), text(random)),
        4 | 5 => format!("at {} {}", op(random), time(random)),
        6 => format!("at BETWEEN {} AND {}", time(random), time(random)),
        7 => format!("page {} {}", op(random), random.random_range(-120..500)),
        8 => format!("{} {} page", random.random_range(-120..500), op(random)),
        9 => (*["bot", "ms > 500", "browser IS NULL", "site LIKE 's%'", "page % 7 = 3"].choose(random).unwrap())
            .to_owned(),
        10 => format!("({} OR {})", condition(random, depth - 1), condition(random, depth - 1)),
        11 => format!("NOT ({})", condition(random, depth - 1)),
        _ => format!("({} AND {})", condition(random, depth - 1), condition(random, depth - 1)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_queries_agree_with_memory() {
    let both = both(2_000, SqlLimits::default());
    let mut random = StdRng::seed_from_u64(42);
    let mut answered = 0;
    for _ in 0..300 {
        let terms: Vec<String> = (0..random.random_range(1..4)).map(|_| condition(&mut random, 2)).collect();
        let filter = terms.join(" AND ");
        let direction = if random.random_bool(0.5) { "DESC" } else { "ASC" };
        let limit = random.random_range(0..30);
        let query = match random.random_range(0..5) {
            0 => format!("SELECT * FROM visits WHERE {filter}"),
            1 => format!("SELECT count(*), min(page), max(at), sum(ms) FROM visits WHERE {filter}"),
            2 => format!(
                "SELECT page, ms FROM visits WHERE {filter} ORDER BY site {direction}, at {direction}, page {direction} LIMIT {limit}"
            ),
            3 => format!("SELECT browser, count(*) FROM visits WHERE {filter} GROUP BY browser"),
            _ => format!(
                "SELECT at, page FROM visits WHERE site = 'shop' AND {filter} ORDER BY at {direction}, page {direction} LIMIT {limit}"
            ),
        };
        answered += usize::from(both.agree(&query).await > 0);
    }
    assert!(answered > 100, "only {answered} queries had an answer");
}

#[tokio::test]
async fn joins_windows_and_subqueries_agree_with_memory() {
    let both = both(500, SqlLimits::default());
    for query in [
        "SELECT a.page, b.page FROM visits a JOIN visits b ON a.site = b.site AND a.at = b.at AND a.page < b.page",
        "SELECT site, at, count(*) OVER (PARTITION BY site ORDER BY at, page) FROM visits ORDER BY site, at, page",
        "SELECT page FROM visits WHERE site = (SELECT max(site) FROM visits) ORDER BY page",
        "SELECT page FROM visits WHERE page IN (SELECT page + 1 FROM visits WHERE bot) ORDER BY page",
        "SELECT * FROM (SELECT page FROM visits WHERE site = 'a' ORDER BY at, page LIMIT 10) ORDER BY page DESC",
        "SELECT count(*) FROM (SELECT site FROM visits LIMIT 7)",
        "SELECT site, count(DISTINCT page) FROM visits GROUP BY site HAVING count(*) > 3 ORDER BY site",
    ] {
        assert!(both.agree(query).await > 0, "{query}");
    }
}

#[tokio::test]
async fn keys_narrow_the_scan_and_its_order_is_used() {
    let both = both(100, SqlLimits::default());
    for (query, plan) in [
        ("SELECT * FROM visits WHERE site = 'a'", "key ranges=1"),
        ("SELECT * FROM visits WHERE site IN ('a', 'b', 'c', 'd') AND at > to_timestamp_millis(3)", "key ranges=4"),
        ("SELECT * FROM visits WHERE ms > 3", "whole table"),
        ("SELECT * FROM visits LIMIT 3", "limit=3"),
        ("SELECT * FROM visits WHERE site = 'a' LIMIT 3", "limit=3"),
        ("SELECT * FROM visits ORDER BY site DESC, at DESC LIMIT 3", "descending, limit=3"),
        ("SELECT * FROM visits WHERE site = 'a' ORDER BY at DESC LIMIT 3", "descending, limit=3"),
    ] {
        let explained = both.text(&format!("EXPLAIN {query}")).await;
        assert!(explained.contains(plan), "{query}\n{explained}");
        assert!(!explained.contains("SortExec"), "{query}\n{explained}");
    }
}

#[tokio::test]
async fn statements_that_change_something_are_refused() {
    let both = both(10, SqlLimits::default());
    for statement in [
        "INSERT INTO visits (site, at, page) VALUES ('x', now(), 1)",
        "DELETE FROM visits",
        "UPDATE visits SET page = 1",
        "DROP TABLE visits",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/tmp/t'",
        "COPY visits TO '/tmp/visits.parquet'",
        "EXPLAIN ANALYZE DELETE FROM visits",
        "SET datafusion.execution.batch_size = 1",
    ] {
        let error = both.sql.query(statement).await.err().unwrap_or_else(|| panic!("{statement} was accepted"));
        assert!(matches!(error, Error::ReadOnly(_)), "{statement}: {error}");
    }
    for (nonsense, says) in [
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT nothing FROM visits", "nothing"),
        ("SELEC 1", "SELEC"),
        ("SELECT 1; SELECT 2", "single"),
        ("SELECT * FROM '/etc/passwd'", "passwd"),
    ] {
        let error = both.sql.query(nonsense).await.err().unwrap();
        assert!(matches!(error, Error::Query(_)) && error.to_string().contains(says), "{nonsense}: {error}");
    }
    assert_eq!(both.tables.table("visits").unwrap().row_count().unwrap(), 10);
    assert!(both.text("SHOW TABLES").await.contains("visits"));
    assert!(both.text("DESCRIBE visits").await.contains("Timestamp"));
}

#[tokio::test]
async fn memory_and_time_are_limited() {
    let small = both(2_000, SqlLimits { memory_bytes: 64 * 1024, spill_bytes: 0, ..SqlLimits::default() });
    let query = "SELECT a.page, b.page FROM visits a CROSS JOIN visits b ORDER BY a.ms + b.ms, b.page";
    let outcome = small.sql.query(query).await.unwrap().collect().await;
    assert!(matches!(outcome, Err(Error::QueryMemory { .. })), "{:?}", outcome.map(|_| ()));
    assert!(small.text("SELECT count(*) FROM visits").await.contains("2000"), "the next query has its memory again");
}

/// Plans that give no row for hours, each in a way of its own. All share one place: the next query gets it only when the one
/// before has really ended.
#[tokio::test]
async fn whatever_a_query_does_its_answer_comes_at_the_limit_and_it_ends() {
    let limits = SqlLimits { query_time: Duration::from_millis(300), queries_max: 1, ..SqlLimits::default() };
    let hasty = both(10, limits);
    let equal_keys = |rows: u64| format!("(SELECT value % 2 AS k, value FROM generate_series(1, {rows}))");
    let (few, many) = (equal_keys(200_000), equal_keys(100_000_000));
    for endless in [
        "SELECT sum(value % 7) FROM generate_series(1, 1000000000000)".to_owned(),
        "SELECT sum(a.value * b.value) FROM generate_series(1, 10000000) a CROSS JOIN generate_series(1, 10000000) b".into(),
        "SELECT a.value FROM generate_series(1, 1000000) a JOIN generate_series(1, 10000000) b ON a.value * b.value < 0".into(),
        "SELECT a.value FROM generate_series(1, 1000000) a LEFT JOIN generate_series(1, 10000000) b ON a.value + b.value < 0".into(),
        format!("SELECT count(*) FROM {few} a JOIN {many} b ON a.k = b.k AND a.value + b.value < 0"),
        format!("SELECT count(*) FROM {few} a WHERE EXISTS (SELECT 1 FROM {many} b WHERE b.k = a.k)"),
        format!("SELECT count(*) FROM {many} a WHERE NOT EXISTS (SELECT 1 FROM {few} b WHERE b.k = a.k)"),
        format!("SELECT count(*) FROM {few} a WHERE a.k NOT IN (SELECT b.k FROM {many} b)"),
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n".into(),
        "SELECT value, count(*) FROM generate_series(1, 1000000000000) GROUP BY value % 3, value % 5, value HAVING count(*) > 2".into(),
    ] {
        let outcome = match hasty.sql.query(&endless).await {
            Ok(rows) => rows.collect().await.map(|_| ()),
            Err(error) => Err(error),
        };
        let ended = matches!(outcome, Err(Error::QueryTimeout { limit_ms: 300 } | Error::QueryMemory { .. }));
        assert!(ended, "{endless}: {outcome:?}");
        let next = hasty.sql.query("SELECT 1").await;
        assert!(next.is_ok(), "{endless} still has its place: {:?}", next.err());
    }
}

#[tokio::test]
async fn a_query_that_nobody_reads_ends() {
    let both = both(10, SqlLimits { queries_max: 1, ..SqlLimits::default() });
    let endless = "SELECT a.value FROM generate_series(1, 1000000) a, generate_series(1, 10000000) b";
    drop(both.sql.query(endless).await.unwrap());
    assert!(both.text("SELECT count(*) FROM visits").await.contains("10"), "its place is free again");
}

#[tokio::test]
async fn what_would_take_long_to_plan_is_refused_or_ends_in_time() {
    let both = both(10, SqlLimits { query_time: Duration::from_secs(5), queries_max: 1, ..SqlLimits::default() });
    for (part, times, end) in [
        ("1+", 30_000, "1"),
        ("1+", 500_000, "1"),
        ("1 OR ", 100_000, "1"),
        ("1 UNION ALL SELECT ", 30_000, "1"),
        ("1 UNION SELECT ", 30_000, "1"),
        ("(", 100_000, "1"),
        ("- ", 100_000, "1"),
        ("1 FROM visits WHERE page IN (SELECT ", 5_000, "1"),
    ] {
        let error = both.sql.query(&format!("SELECT {}{end}", part.repeat(times))).await.err();
        assert!(matches!(error, Some(Error::Limit { .. } | Error::Query(_))), "{part}: {error:?}");
    }
    let wide = format!("SELECT 1 FROM visits{}", ", visits".repeat(1_000));
    assert!(matches!(both.sql.query(&wide).await.err(), Some(Error::Limit { .. })));

    let terms = format!("SELECT {}1 AS s", "page+".repeat(400));
    assert_eq!(
        both.sql.query(&format!("{terms} FROM visits")).await.unwrap().collect().await.unwrap()[0].num_rows(),
        10
    );
    let list = format!("SELECT count(*) FROM visits WHERE page IN ({}0)", "7,".repeat(50_000));
    assert!(both.text(&list).await.contains('0'));
    // Within the limits, and yet too much for the planner.
    let joins = (1..100).map(|n| format!(" JOIN visits v{n} ON v{n}.page = v0.page")).collect::<String>();
    let outcome = both.sql.query(&format!("SELECT count(*) FROM visits v0{joins}")).await.map(|_| ());
    assert!(matches!(outcome, Ok(()) | Err(Error::QueryTimeout { .. })), "{outcome:?}");
    assert!(both.text("SELECT count(*) FROM visits").await.contains("10"), "and planning has stopped");
}

#[tokio::test]
async fn no_function_makes_gigabytes_of_a_number() {
    let both = both(1_000, SqlLimits::default());
    for expression in [
        "length(repeat('x', 2000000000))",
        "length(repeat(repeat('x', 1000000), 1000000))",
        "length(lpad('x', 2000000000))",
        "length(rpad(browser, 1000000 + page))",
        "array_length(array_repeat(1, 2000000000))",
        "array_length(array_repeat(site, 10000000 + page))",
        "array_length(array_resize([1], 1000000000))",
        "array_length(range(1, 10000000000))",
        "array_length(range(10000000000, 0, -1))",
        "array_length(generate_series(10000000000))",
    ] {
        let outcome = match both.sql.query(&format!("SELECT {expression} FROM visits")).await {
            Ok(rows) => rows.collect().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(outcome.as_ref().is_err_and(|e| e.to_string().contains("limit")), "{expression}: {outcome:?}");
    }
    for query in [
        "SELECT repeat(site, 3), lpad(site, 5), rpad(site, abs(page) % 7, '-') FROM visits ORDER BY site, at, page",
        "SELECT array_repeat(page, 2), range(page % 5, 10, 2), generate_series(3), range(5, 0, -1) FROM visits ORDER BY site, at, page",
        "SELECT array_length(range(1, 1000000)), range(5, 0), repeat('x', -1), array_resize([1, 2], 4) FROM visits LIMIT 1",
    ] {
        assert!(both.agree(query).await > 0, "{query}");
    }
}

/// DataFusion panics in its `rpad` when all lengths together are below zero. Whatever panics, half an answer is none.
#[tokio::test]
async fn a_query_that_breaks_off_says_so() {
    let both = both(1_000, SqlLimits { queries_max: 1, ..SqlLimits::default() });
    let rows = both.sql.query("SELECT rpad(site, -1 - abs(page)) FROM visits").await.unwrap();
    let outcome = rows.collect().await.map(|_| ());
    assert!(outcome.as_ref().is_err_and(|e| e.to_string().contains("broke off")), "{outcome:?}");
    assert!(both.text("SELECT count(*) FROM visits").await.contains("1000"), "the next query answers");
}

#[tokio::test]
async fn other_providers_and_new_tables_are_found() {
    let both = both(10, SqlLimits::default());
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    both.sql.register("numbers", Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap()));
    assert!(both.text("SELECT sum(n) FROM numbers").await.contains('6'));
    assert!(both.sql.deregister("numbers"));
    assert!(both.sql.query("SELECT * FROM numbers").await.is_err());

    let schema = Arc::new(Schema::new(vec![Field::new("k", DataType::Utf8, false)]));
    let late: Table = both.tables.create(TableDefinition::new("late", schema, ["k"])).unwrap();
    late.upsert(&["x".into()]).unwrap();
    assert!(both.text("SELECT count(*) FROM late").await.contains('1'));
    assert!(both.text("SELECT * FROM public.late").await.contains('x'));
}

#[tokio::test]
async fn a_query_reads_all_tables_at_one_moment() {
    let both = both(10, SqlLimits::default());
    let stream = both.sql.query("SELECT count(*) FROM visits").await.unwrap();
    both.tables
        .table("visits")
        .unwrap()
        .upsert(&["new".into(), 0.into(), 9_999.into(), 1.0.into(), true.into(), "x".into()])
        .unwrap();
    let before = pretty_format_batches(&stream.collect().await.unwrap()).unwrap().to_string();
    assert!(before.contains("10"), "{before}");
    assert!(both.text("SELECT count(*) FROM visits").await.contains("11"));
}
