//! What a job of SQL shows in the terminal, to its end.

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::{Value, json};
use tidemill_server::run::{JobState, JsonLines, Outcome, Rows, RunError, Running, text_rows};

use crate::args::Output;
use crate::failure::Failure;
use crate::output;

/// How often it is looked whether the job has ended.
const LOOK: Duration = Duration::from_millis(20);
/// Columns of the terminal are at least and at most so wide.
const WIDTHS: std::ops::RangeInclusive<usize> = 6..=32;

/// A mistake in the text is shown with its line.
pub(super) fn explained(error: RunError, file: &str, text: &str) -> Failure {
    match error {
        RunError::Sql(error) => Failure::Usage(error.show(file, text)),
        RunError::SqlOf(wrong) => Failure::Usage(wrong.error.show(&wrong.file, &wrong.text)),
        RunError::Server(error) => error.into(),
    }
}

/// What a statement has to show.
pub(super) fn show(outcome: &Outcome, form: Output) -> Result<(), Failure> {
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
        (Outcome::Note(note), _) => tracing::warn!("{note}"),
        (Outcome::Done | Outcome::Work(_) | Outcome::Analyze(_), _) => {}
    }
    Ok(())
}

/// Follows a job to its end, or until it is told to stop it, with a checkpoint.
pub(super) fn follow(running: &mut Running, stop: &Receiver<()>, form: Output) -> Result<JobState, Failure> {
    let mut printer = match running.rows() {
        Some(rows) => Some(Printer::new(rows, form)?),
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
        if stop.try_recv().is_ok() {
            break true;
        }
        if !printed && running.state().is_final() {
            break false;
        }
    };
    let state = match stopped {
        true => {
            // Rows that still come are not waited for.
            if let Some(printer) = printer.take() {
                printer.end()?;
            }
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
