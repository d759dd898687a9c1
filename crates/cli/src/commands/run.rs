//! `tidemill run FILE.sql`

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use serde_json::{Value, json};
use tidemill_server::run::{
    Dialect, JobState, JsonLines, Outcome, Rows, RunError, RunOptions, Running, Script, StartFrom, text_rows,
};

use super::{block_on, start_logs_of_job};
use crate::args::{Args, Output, Run, SqlDialect};
use crate::failure::Failure;
use crate::output;

/// How often it is looked whether the job has ended.
const LOOK: Duration = Duration::from_millis(20);
/// Columns of the terminal are at least and at most so wide.
const WIDTHS: std::ops::RangeInclusive<usize> = 6..=32;

pub(crate) fn run(run: &Run, args: &Args) -> Result<(), Failure> {
    start_logs_of_job(args)?;
    let (text, file) = read(&run.file)?;
    let is_application = run.file.extension().is_some_and(|extension| extension == "toml");
    let script = match is_application {
        true => Script::read_application(&text, options(run)),
        false => Script::read(&text, options(run)),
    };
    let mut script = script.map_err(|error| explained(error, &file, &text))?;
    for outcome in script.shown() {
        show(&outcome, args.output)?;
    }
    if run.check {
        match args.output {
            Output::Human => output::line(&format!("{file}: it can run"))?,
            Output::Json => output::json(&json!({ "file": file, "ok": true }))?,
        }
        return Ok(());
    }
    if !script.has_work() {
        return Ok(());
    }
    let analyzed = script.is_analyzed();
    let mut running = script.start().map_err(|error| explained(error, &file, &text))?;
    let state = follow(&mut running, args)?;
    if analyzed {
        output::line(running.analysis().trim_end())?;
    }
    match state {
        JobState::Failed(error) => Err(Failure::Failed(error)),
        _ => Ok(()),
    }
}

fn read(file: &Path) -> Result<(String, String), Failure> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok((text, "standard input".to_owned()));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("{} can't be read: {error}", file.display())))?;
    Ok((text, file.display().to_string()))
}

fn options(run: &Run) -> RunOptions {
    let stem = run.file.file_stem().and_then(|stem| stem.to_str()).filter(|stem| *stem != "-").unwrap_or("app");
    let parallelism = run.parallelism.map(|n| ("parallelism.default".to_owned(), n.to_string()));
    RunOptions {
        data: run.data.clone(),
        folder: run
            .file
            .parent()
            .map(Path::to_path_buf)
            .filter(|path| path.is_dir())
            .unwrap_or_else(|| PathBuf::from(".")),
        name: run.name.clone().unwrap_or_else(|| stem.to_owned()),
        from: match run.from.as_str() {
            "latest" => StartFrom::Latest,
            "none" => StartFrom::Nothing,
            snapshot => StartFrom::Snapshot(snapshot.to_owned()),
        },
        settings: run.set.iter().cloned().chain(parallelism).collect(),
        dialect: run.dialect.map(|dialect| match dialect {
            SqlDialect::Streaming => Dialect::Streaming,
            SqlDialect::Kinesis => Dialect::Kinesis,
        }),
    }
}

/// A mistake in the text is shown with its line.
fn explained(error: RunError, file: &str, text: &str) -> Failure {
    match error {
        RunError::Sql(error) => Failure::Usage(error.show(file, text)),
        RunError::SqlOf(wrong) => Failure::Usage(wrong.error.show(&wrong.file, &wrong.text)),
        RunError::Server(error) => error.into(),
    }
}

fn show(outcome: &Outcome, form: Output) -> Result<(), Failure> {
    match (outcome, form) {
        (Outcome::Text(text), Output::Human) => output::line(text.trim_end())?,
        (Outcome::Text(text), Output::Json) => output::json(&json!({ "text": text }))?,
        (Outcome::Table(head, rows), Output::Human) => output::table(head, rows.iter().cloned())?,
        (Outcome::Table(head, rows), Output::Json) => {
            for row in rows {
                let cells = head.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), Value::from(cell.as_str())));
                output::json(&Value::Object(cells.collect()))?;
            }
        }
        (Outcome::Done | Outcome::Work(_) | Outcome::Analyze(_), _) => {}
    }
    Ok(())
}

/// Follows a job to its end, or to Ctrl-C, which stops it with a checkpoint.
fn follow(running: &mut Running, args: &Args) -> Result<JobState, Failure> {
    let (told, interrupted) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let wait = async {
            if let Ok(signal) = tidemill_server::stop_signal() {
                signal.await;
            }
            Ok(())
        };
        drop(block_on(wait));
        // Nobody listens any more where the job has ended.
        let _ = told.send(());
    });
    let mut printer = match running.rows() {
        Some(rows) => Some(Printer::new(rows, args.output)?),
        None => {
            tracing::info!(application = running.name(), "running; Ctrl-C stops it with a snapshot");
            None
        }
    };
    let stopped = loop {
        let printed = match &mut printer {
            Some(printer) => printer.print()?,
            None => {
                std::thread::sleep(LOOK);
                false
            }
        };
        if interrupted.try_recv().is_ok() {
            break true;
        }
        if !printed && running.state().is_final() {
            break false;
        }
    };
    let state = match stopped {
        true => {
            // Rows that still come are not waited for.
            drop(printer.take());
            running.handle().stop()
        }
        false => running.state(),
    };
    if let Some(printer) = &mut printer {
        while printer.print()? {}
        printer.end()?;
    }
    Ok(state)
}

/// Prints rows as they come.
struct Printer {
    rows: Rows,
    json: Option<JsonLines>,
    widths: Vec<usize>,
    printed: u64,
}

impl Printer {
    fn new(rows: Rows, form: Output) -> Result<Self, Failure> {
        let json = match form {
            Output::Json => Some(JsonLines::new(&rows.schema, rows.changes)?),
            Output::Human => None,
        };
        Ok(Printer { rows, json, widths: Vec::new(), printed: 0 })
    }

    /// Prints what has come; false where nothing did for a moment.
    fn print(&mut self) -> Result<bool, Failure> {
        let batch = match self.rows.batches.recv_timeout(LOOK) {
            Ok(batch) => batch,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(false),
        };
        let mut out = std::io::stdout().lock();
        if let Some(json) = &mut self.json {
            out.write_all(json.lines(&batch)?.as_bytes())?;
            out.flush()?;
            return Ok(true);
        }
        let rows = text_rows(&batch)?;
        if self.widths.is_empty() {
            let names: Vec<&str> = self.rows.schema.fields().iter().map(|field| field.name().as_str()).collect();
            let width = |(column, name): (usize, &&str)| {
                let longest =
                    rows.iter().filter_map(|row| row.cells.get(column)).map(|cell| cell.chars().count()).max();
                longest.unwrap_or(0).max(name.chars().count()).clamp(*WIDTHS.start(), *WIDTHS.end())
            };
            self.widths = names.iter().enumerate().map(width).collect();
            let head = self.line("op", &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            writeln!(out, "{head}\n{}", "─".repeat(head.chars().count()))?;
        }
        for row in &rows {
            writeln!(out, "{}", self.line(row.kind, &row.cells))?;
        }
        self.printed += rows.len() as u64;
        Ok(true)
    }

    fn line(&self, kind: &str, cells: &[String]) -> String {
        let mut line = if self.rows.changes { format!("{kind:2}  ") } else { String::new() };
        for (n, (cell, width)) in cells.iter().zip(&self.widths).enumerate() {
            if n > 0 {
                line.push_str("  ");
            }
            line.push_str(&format!("{cell:width$}"));
        }
        line.trim_end().to_owned()
    }

    fn end(&self) -> Result<(), Failure> {
        if self.json.is_none() {
            output::line(&format!("{} row(s)", self.printed))?;
        }
        Ok(())
    }
}
