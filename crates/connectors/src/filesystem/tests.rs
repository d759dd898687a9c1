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
    for format in ["json", "csv"] {
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
