//! Files in, rows out, each once.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tidemill_engine::runtime::local::LocalRuntime;

use crate::connector::{SourceTable, TableDeclaration};
use crate::testing::{Seen, column, declare, metadata, read, read_with_crash, reading, write};
use crate::{Environment, sink, source};

fn files(folder: &Path, columns: &[(&str, DataType)], options: &[(&str, &str)]) -> TableDeclaration {
    let mut declaration = declare(columns, options);
    let path = folder.to_str().unwrap();
    declaration.options = declaration.options.with("connector", "filesystem").with("path", path);
    declaration
}

fn open(declaration: &TableDeclaration) -> Arc<dyn SourceTable> {
    source(declaration, &Environment::default()).unwrap()
}

const N_S: [(&str, DataType); 2] = [("n", DataType::Int64), ("s", DataType::Utf8)];

#[test]
fn every_file_of_the_folder_is_read_and_bad_records_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), "{\"n\":1,\"s\":\"x\"}\n{\"n\":2}\n{\"n\":\"two\"}\n").unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("deep/b.json"), "{\"s\":\"no end\"}").unwrap();
    fs::write(folder.path().join(".hidden"), "{\"n\":3}\n").unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(b"{\"n\":4}\n").unwrap();
    fs::write(folder.path().join("c.json.gz"), packed.finish().unwrap()).unwrap();
    fs::write(folder.path().join("d.json.gz"), b"not packed").unwrap();

    let table = open(&files(folder.path(), &N_S, &[("format", "json")]));
    assert!(table.is_bounded());
    let (seen, rejects) = read(&table, &[0, 1], 2);
    assert_eq!(seen.sorted(), ["1 | x", "2 | NULL", "4 | NULL", "NULL | no end"]);
    let reasons = rejects.reasons();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons.iter().any(|r| r.starts_with("$.n: expected")), "{reasons:?}");
    assert!(reasons.iter().any(|r| r.contains("d.json.gz")), "{reasons:?}");
}

#[test]
fn records_that_are_passed_over_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), "{\"n\":1}\n{\n{\"n\":\"x\"}\n").unwrap();
    let options = [("format", "json"), ("json.ignore-parse-errors", "true")];
    let (seen, rejects) = (Seen::default(), Seen::default());
    let table = open(&files(folder.path(), &N_S, &options));
    let mut run = LocalRuntime::start(reading(&table, &[0], &seen, &rejects), 1).unwrap();
    run.run().unwrap();
    assert_eq!((seen.rows(), rejects.rows()), (vec!["1".to_owned(), "NULL".to_owned()], vec![]));
    assert_eq!(run.metrics().read().iter().map(|operator| operator.errors).sum::<u64>(), 1);
}

#[test]
fn only_the_columns_that_are_asked_for_are_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), "{\"n\":\"no number\",\"s\":\"x\"}\n{\"n\":2}\n").unwrap();
    let table = open(&files(folder.path(), &N_S, &[("format", "json")]));
    assert_eq!(read(&table, &[1], 1).0.rows(), ["x", "NULL"]);
    assert_eq!(read(&table, &[1, 0], 1).0.rows(), ["NULL | 2"]);
    assert_eq!(read(&table, &[], 1).0.times().len(), 2, "rows without columns are counted");
    fs::write(folder.path().join("a.json"), "1,x\n2,\"y\nz\"\n").unwrap();
    let table = open(&files(folder.path(), &N_S, &[("format", "csv")]));
    assert_eq!(read(&table, &[1], 1).0.rows(), ["x", "y\nz"]);
}

#[test]
fn metadata_and_folders_are_columns() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("day=2026-11-22/tenant=a%2Fb");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("f.json"), "{\"n\":1}\n").unwrap();
    let mut declaration = files(folder.path(), &[("n", DataType::Int64)], &[("format", "json")]);
    declaration.columns.push(metadata("name", DataType::Utf8, "file.name"));
    declaration.columns.push(metadata("size", DataType::Int32, "file.size"));
    let at = DataType::Timestamp(TimeUnit::Microsecond, None);
    declaration.columns.push(metadata("at", at, "file.modification-time"));
    declaration.columns.push(column("day", DataType::Date32));
    declaration.columns.push(column("tenant", DataType::Utf8));
    declaration.partitioned_by = vec!["day".into(), "tenant".into()];
    let rows = read(&open(&declaration), &[5, 4, 2, 1, 0, 3], 1).0.rows();
    assert!(rows[0].starts_with("a/b | 2026-11-22 | 8 | f.json | 1 | 20"), "{rows:?}");
}

#[test]
fn new_files_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("later");
    let options = [("format", "csv"), ("source.monitor-interval", "0 s")];
    let table = open(&files(&below, &N_S, &options));
    assert!(!table.is_bounded());
    let (seen, none) = (Seen::default(), Seen::default());
    let checkpoints = tempfile::tempdir().unwrap();
    let store = tidemill_engine::CheckpointStore::local(checkpoints.path(), "test").unwrap();
    let mut run = LocalRuntime::restore(reading(&table, &[0], &seen, &none), 2, &store, None).unwrap();
    run.run().unwrap();
    fs::create_dir(&below).unwrap();
    fs::write(below.join("1.csv"), "1,a\n").unwrap();
    run.run().unwrap();
    run.checkpoint().unwrap();
    drop(run);
    fs::write(below.join("2.csv"), "2,a\n").unwrap();
    let mut run = LocalRuntime::restore(reading(&table, &[0], &seen, &none), 1, &store, None).unwrap();
    run.run().unwrap();
    assert_eq!(seen.rows(), ["1", "2"]);
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let table = open(&files(Path::new("/nowhere/at/all"), &N_S, &[("format", "json")]));
    let none = Seen::default();
    let error = LocalRuntime::start(reading(&table, &[0], &none, &none), 1).unwrap().run().unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn every_record_is_read_once_whatever_crashes(
        sizes in prop::collection::vec(0_usize..9_000, 1..5), before in 0_usize..4, lost in 0_usize..3,
        workers in (1_usize..4, 1_usize..4), csv: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut expected = Vec::new();
        for (file, rows) in sizes.iter().enumerate() {
            let lines: String = (0..*rows)
                .map(|row| match csv {
                    true => format!("{row},file {file}\n"),
                    false => format!("{{\"s\":\"file {file}\", \"n\": {row}}}\n"),
                })
                .collect();
            fs::write(folder.path().join(format!("{file}.txt")), lines).unwrap();
            expected.extend((0..*rows).map(|row| format!("{row} | file {file}")));
        }
        let format = if csv { "csv" } else { "json" };
        let table = open(&files(folder.path(), &N_S, &[("format", format)]));
        let mut rows = read_with_crash(&table, &[0, 1], (before, lost), workers);
        rows.sort();
        expected.sort();
        prop_assert_eq!(rows, expected);
    }
}

#[test]
fn what_is_written_is_read_back() {
    for format in ["json", "csv", "parquet"] {
        let (folder, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let input = tempfile::tempdir().unwrap();
        fs::write(input.path().join("in.json"), "{\"n\":1,\"s\":\"a,\\n\\\"b\"}\n{\"n\":2}\n{\"n\":3,\"s\":\"ü\"}\n")
            .unwrap();
        let rows = read(&open(&files(input.path(), &N_S, &[("format", "json")])), &[0, 1], 1).0;

        let mut options = vec![("format", format)];
        options.extend((format == "csv").then_some(("csv.null-literal", "NULL")));
        let mut declaration = files(folder.path(), &N_S, &options);
        declaration.partitioned_by = vec!["n".into()];
        let table = sink(&declaration, &Environment::default()).unwrap();
        write(&table, rows.batches.lock().clone(), checkpoints.path());
        assert!(folder.path().join("n=2").is_dir());
        let back = read(&open(&declaration), &[0, 1], 1).0;
        assert_eq!(back.sorted(), rows.sorted(), "{format}");
    }
}

/// Rows of numbers and texts, as a Parquet file.
fn parquet_file(path: &Path, rows: std::ops::Range<i64>) {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    let columns: [(&str, ArrayRef); 3] = [
        ("s", Arc::new(StringArray::from_iter_values(rows.clone().map(|n| format!("text {n}"))))),
        ("unused", Arc::new(Int64Array::from_iter_values(rows.clone()))),
        ("n", Arc::new(Int64Array::from_iter_values(rows))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ::parquet::arrow::ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_is_read_once_whatever_crashes() {
    let folder = tempfile::tempdir().unwrap();
    parquet_file(&folder.path().join("a.parquet"), 0..9_000);
    parquet_file(&folder.path().join("b.parquet"), 9_000..9_010);
    parquet_file(&folder.path().join("c.parquet"), 9_010..30_000);
    let columns = [("n", DataType::Int32), ("more", DataType::Utf8), ("s", DataType::Utf8)];
    let table = open(&files(folder.path(), &columns, &[("format", "parquet")]));
    for (steps, workers) in [((0, 1), (1, 1)), ((1, 1), (1, 2)), ((2, 0), (2, 1)), ((1, 0), (3, 2))] {
        let mut rows = read_with_crash(&table, &[2, 0, 1], steps, workers);
        let number = |row: &String| row.split(" | ").nth(1).unwrap().parse::<i32>().unwrap();
        rows.sort_by_key(number);
        let expected: Vec<String> = (0..30_000).map(|n| format!("text {n} | {n} | NULL")).collect();
        assert_eq!(rows, expected, "{steps:?}");
    }
    assert_eq!(read(&table, &[], 1).0.times().len(), 30_000);
}

#[test]
fn what_is_no_parquet_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    parquet_file(&folder.path().join("a.parquet"), 0..3);
    fs::write(folder.path().join("b.parquet"), b"not at all").unwrap();
    let (seen, rejects) = read(&open(&files(folder.path(), &N_S, &[("format", "parquet")])), &[0], 1);
    assert_eq!(seen.rows(), ["0", "1", "2"]);
    assert!(rejects.reasons().iter().any(|reason| reason.contains("b.parquet")), "{:?}", rejects.reasons());
    // A text that is no number ends its file.
    let (seen, rejects) =
        read(&open(&files(folder.path(), &[("s", DataType::Int64)], &[("format", "parquet")])), &[0], 1);
    assert_eq!(seen.rows(), [""; 0]);
    assert!(rejects.reasons().iter().any(|reason| reason.contains("text 0")), "{:?}", rejects.reasons());
}

proptest! {
    #[test]
    fn ranges_of_a_file_have_each_record_once(lines in prop::collection::vec("[a-z]{0,6}", 0..40), cuts in prop::collection::vec(0_u64..300, 0..5), end: bool) {
        use super::board::Split;
        use super::discovery;
        use super::reader::{Next, Records};
        use tidemill_formats::Framing;
        let folder = tempfile::tempdir().unwrap();
        let mut text = lines.join("\n");
        text.push_str(if end && !lines.is_empty() { "\n" } else { "" });
        fs::write(folder.path().join("f"), &text).unwrap();
        let file = Arc::new(discovery::files(folder.path(), None).unwrap().remove(0));
        let mut cuts: Vec<u64> = cuts.into_iter().filter(|cut| *cut > 0 && *cut < text.len() as u64).collect();
        cuts.extend([0, u64::MAX]);
        cuts.sort_unstable();
        cuts.dedup();
        let mut read: Vec<String> = Vec::new();
        for range in cuts.windows(2) {
            let split = Split { file: file.clone(), start: range[0], end: range[1], at: None };
            let mut records = Records::open(&split, Framing::Delimited { delimiter: b'\n', quoting: None }).unwrap();
            while let Next::Records(places) = records.next(3).unwrap() {
                read.extend(places.into_iter().map(|place| String::from_utf8(records.bytes()[place].to_vec()).unwrap()));
            }
        }
        let expected: Vec<&str> = text.split_terminator('\n').collect();
        prop_assert_eq!(read, expected);
    }
}
