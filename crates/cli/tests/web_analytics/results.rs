//! Everything that a data folder tells of its sites, as text: to compare two folders byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tidemill_server::child::ChildServer;
use tidemill_web_analytics::summary::cell::SiteId;
use tidemill_web_analytics::summary::store::SummaryStore;

use crate::visited::{lake_at_rest, server_over, settled};

/// What was computed.
#[derive(PartialEq, Eq)]
pub(crate) struct Results {
    summaries: String,
    lake: Vec<String>,
}

impl Results {
    /// Reads a folder that no server has open.
    pub(crate) fn of(data: &Path) -> Self {
        let store = SummaryStore::open(data.join("summaries")).expect("summaries");
        let summaries = store.site(SiteId(1)).dump().expect("a dump");
        assert!(!summaries.is_empty(), "there are no summaries of the first site");
        let lake = lake_rows(&data.join("lake"));
        assert!(!lake.is_empty(), "there are no rows in the lake");
        Self { summaries, lake }
    }

    pub(crate) fn assert_equal(&self, other: &Self) {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_same_lines("summaries", &lines(&self.summaries), &lines(&other.summaries));
        assert_same_lines("lake", &self.lake, &other.lake);
    }
}

/// Computes everything again, undisturbed: a folder that has nothing but the other's log, sites and secret.
pub(crate) async fn undisturbed(data: &Path, again: &Path) -> Results {
    for name in ["VERSION", "SECRET", "sites.json", "streams"] {
        copy(&data.join(name), &again.join(name));
    }
    let server = ChildServer::start(&server_over(again)).await.expect("a server over the copied log");
    settled(&server).await;
    lake_at_rest(again).await;
    server.stop().expect("it stops");
    Results::of(again)
}

fn assert_same_lines(what: &str, left: &[String], right: &[String]) {
    let differs = left.iter().zip(right).position(|(left, right)| left != right);
    if let Some(at) = differs {
        panic!("{what} differ in line {at}:\n  {}\n  {}", left[at], right[at]);
    }
    assert_eq!(left.len(), right.len(), "{what}: one has more lines than the other");
}

/// All rows below the folder, each with its table and partition, sorted.
fn lake_rows(folder: &Path) -> Vec<String> {
    let mut rows = Vec::new();
    for file in files_below(folder).into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet")) {
        let place = file.parent().and_then(|parent| parent.strip_prefix(folder).ok()).expect("below the lake");
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&file).expect("a file")).expect("Parquet");
        for batch in reader.build().expect("Parquet") {
            let batch = batch.expect("rows");
            let options = FormatOptions::default().with_null("null");
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options).expect("a column that can be shown"))
                .collect();
            rows.extend((0..batch.num_rows()).map(|row| {
                let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
                format!("{} {}", place.display(), values.join(" | "))
            }));
        }
    }
    rows.sort();
    rows
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).expect("a copy");
    }
}
