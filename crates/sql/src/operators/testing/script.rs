//! Whole runs as text, played again and again with restarts at other places.
//!
//! ```text
//! +I | a | 1 | 00:10        rows; the lines up to the next empty or other one are one batch
//! 1> +I | b | 2 | 00:11     rows of input port 1
//! watermark 00:20
//! clock 01:00               processing time
//! ```

use tidemill_engine::{Batch, EventTime, Operator, OperatorContext, Result};

use super::{Operate, Table, time};

/// One thing that happens to an operator.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Rows(usize, Batch),
    Watermark(EventTime),
    Clock(String),
}

/// Events out of text, for the tables of input ports in their order.
pub(crate) fn script(inputs: &[Table], text: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let (mut port, mut rows) = (0, String::new());
    for line in text.lines().map(str::trim).chain([""]) {
        let (to, row) = line.split_once("> ").map_or((0, line), |(to, row)| (to.parse().unwrap(), row));
        let is_row = row.starts_with(['+', '-']);
        if (!is_row || port != to) && !rows.is_empty() {
            events.push(Event::Rows(port, inputs[port].rows(&std::mem::take(&mut rows))));
        }
        if is_row {
            port = to;
            rows.extend([row, "\n"]);
        } else if let Some(at) = line.strip_prefix("watermark ") {
            events.push(Event::Watermark(time(at)));
        } else if let Some(at) = line.strip_prefix("clock ") {
            events.push(Event::Clock(at.into()));
        } else {
            assert!(line.is_empty(), "'{line}' is no event");
        }
    }
    events
}

/// What came out of the main output and of the side output, and how many rows were late.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) main: Vec<String>,
    pub(crate) side: Vec<String>,
    pub(crate) late: u64,
}

/// Plays events to an operator. `runs` says with how many workers it starts, and how many events each run but the last sees
/// until it is restarted from a checkpoint.
pub(crate) fn play<O: Operator + 'static>(
    make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    inputs: usize,
    events: &[Event],
    runs: &[(usize, usize)],
) -> Outcome {
    let mut outcome = Outcome::default();
    let (workers, mut left) = runs[0];
    let mut restarts = runs[1..].iter();
    let mut test = Operate::new(inputs, workers, make);
    let mut watermark = None;
    for event in events {
        if left == 0
            && let Some((workers, events)) = restarts.next()
        {
            outcome.late += test.late();
            test.restart(*workers);
            // A checkpoint at which no state changed does not hold the watermark, but sources say it again.
            watermark.into_iter().for_each(|time| test.watermark_at(time));
            left = *events;
        }
        left = left.saturating_sub(1);
        match event {
            Event::Rows(port, batch) => test.rows(*port, batch.clone()),
            Event::Watermark(to) => {
                watermark = Some(*to);
                test.watermark_at(*to);
            }
            Event::Clock(now) => test.now(now),
        }
    }
    outcome.late += test.late();
    (outcome.main, outcome.side) = (test.take(), test.take_late());
    outcome
}
