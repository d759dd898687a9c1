//! `tidemill demo NAME`

use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tidemill_server::demo::web_analytics::{self, Demo as Settings, Event, Outcome, Status};
use tidemill_server::demo::{blocked_addresses, order_enrichment, word_count};
use tidemill_server::stop_signal;

use super::{block_on, block_on_all_cores, configuration, start_logs, start_logs_of_job};
use crate::args::{Args, Demo, DemoName, Output};
use crate::failure::Failure;
use crate::output;

/// Visitors of a run that nobody watches are always the same, unless a seed says otherwise.
const HEADLESS_SEED: u64 = 1;

pub(crate) fn run(demo: &Demo, args: &Args) -> Result<(), Failure> {
    if demo.headless && demo.duration.is_none() {
        return Err(Failure::Usage("--headless needs --duration: nobody is there to stop it".into()));
    }
    let wrong = |flag: &str| Failure::Usage(format!("{flag} must be a number above 0"));
    if !(demo.rate.is_finite() && demo.rate > 0.0) {
        return Err(wrong("--rate"));
    }
    let duration = demo.duration.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(|_| wrong("--duration")));
    let duration = duration.transpose()?;
    match demo.name {
        DemoName::WebAnalytics => web_analytics(demo, duration, args),
        DemoName::BlockedAddresses => blocked_addresses(demo, duration, args),
        DemoName::OrderEnrichment => order_enrichment(demo, duration, args),
        DemoName::WordCount => word_count(demo, duration, args),
    }
}

fn blocked_addresses(demo: &Demo, duration: Option<Duration>, args: &Args) -> Result<(), Failure> {
    let settings = blocked_addresses::Demo { rate: demo.rate, duration, seed: demo.seed.unwrap_or(HEADLESS_SEED) };
    start_logs_of_job(args)?;
    let quiet = demo.headless || args.output == Output::Json;
    let outcome = block_on(async {
        let show = |row: &blocked_addresses::Row| {
            if !quiet {
                eprintln!("{}  {:<15}  after {:.1} ms", row.minute, row.address, row.took_ms);
            }
        };
        Ok(blocked_addresses::run(settings, stop_signal()?, show).await?)
    })?;
    let blocked_addresses::Outcome { expected, rows, missing, unexpected, took_p50_ms, took_p99_ms, .. } = outcome;
    if args.output == Output::Json {
        output::json(&json!(outcome))?;
        return all_right((missing + unexpected) as u64);
    }
    output::line(&format!("{} requests, {} blocked", outcome.requests, outcome.blocked))?;
    output::line(&format!(
        "{rows} rows for {expected} addresses and minutes; {missing} missing, {unexpected} unexpected"
    ))?;
    output::line(&format!("from log record to output: p50 {took_p50_ms:.1} ms, p99 {took_p99_ms:.1} ms"))?;
    all_right((missing + unexpected) as u64)
}

fn order_enrichment(demo: &Demo, duration: Option<Duration>, args: &Args) -> Result<(), Failure> {
    let data = demo.configuration.data.as_ref().map(PathBuf::from);
    let settings = order_enrichment::Demo { rate: demo.rate, duration, data };
    start_logs_of_job(args)?;
    let quiet = demo.headless || args.output == Output::Json;
    let outcome = block_on(async {
        let show = |status: order_enrichment::Status| {
            if !quiet {
                let order_enrichment::Status { items, landed, took_mean_ms } = status;
                eprintln!("{items} items, {landed} landed, {took_mean_ms:.1} ms from record to row");
            }
        };
        Ok(order_enrichment::run(settings, stop_signal()?, show).await?)
    })?;
    let order_enrichment::Outcome { items, changes, rows, missing, wrong, .. } = outcome;
    if args.output == Output::Json {
        output::json(&json!(outcome))?;
        return all_right(missing + wrong);
    }
    output::line(&format!("{items} items of orders, {changes} changes"))?;
    output::line(&format!("{rows} rows in the table order_enriched; {missing} missing, {wrong} wrong"))?;
    let order_enrichment::Outcome { took_mean_ms, took_p50_ms, took_p99_ms, .. } = outcome;
    output::line(&format!(
        "from record to row: mean {took_mean_ms:.1} ms, p50 {took_p50_ms:.1} ms, p99 {took_p99_ms:.1} ms"
    ))?;
    all_right(missing + wrong)
}

fn word_count(demo: &Demo, duration: Option<Duration>, args: &Args) -> Result<(), Failure> {
    let settings = word_count::Demo { rate: demo.rate, duration, seed: demo.seed.unwrap_or(HEADLESS_SEED) };
    start_logs_of_job(args)?;
    let quiet = demo.headless || args.output == Output::Json;
    let outcome = block_on(async {
        let show = |status: word_count::Status| {
            if !quiet {
                eprintln!("{} lines, {} words counted", status.lines, status.counted);
            }
        };
        Ok(word_count::run(settings, stop_signal()?, show).await?)
    })?;
    if args.output == Output::Json {
        output::json(&json!(outcome))?;
        return all_right(outcome.wrong as u64);
    }
    let word_count::Outcome { lines, words, counted, rows, wrong, most } = outcome;
    output::line(&format!("{lines} lines, {words} words; the counter TotalWords says {counted}"))?;
    output::line(&format!("{rows} rows in the table words; {wrong} wrong"))?;
    if let Some((word, count)) = most {
        output::line(&format!("most often: {word}, {count} times"))?;
    }
    all_right(wrong as u64)
}

/// A demo whose rows are not as they must be has failed.
fn all_right(amiss: u64) -> Result<(), Failure> {
    match amiss {
        0 => Ok(()),
        rows => Err(Failure::Failed(format!("{rows} row(s) are missing or wrong"))),
    }
}

fn web_analytics(demo: &Demo, duration: Option<Duration>, args: &Args) -> Result<(), Failure> {
    let settings = Settings {
        config: configuration(&demo.configuration)?,
        server: args.server.clone(),
        rate: demo.rate,
        duration,
        seed: demo.seed.or(demo.headless.then_some(HEADLESS_SEED)),
    };
    start_logs(args)?;
    block_on_all_cores(async {
        let mut screen = Screen::new(demo.headless || args.output == Output::Json);
        let outcome = web_analytics::run(settings, stop_signal()?, |event| screen.show(&event)).await?;
        screen.close();
        print(&outcome, args.output)
    })
}

fn print(outcome: &Outcome, form: Output) -> Result<(), Failure> {
    if form == Output::Json {
        return Ok(output::json(&json!(outcome))?);
    }
    output::line(&format!("{} beacons sent, {} acknowledged", outcome.sent, outcome.acknowledged))?;
    let (expected, observed) = (json!(outcome.expected), json!(outcome.observed));
    let rows = expected.as_object().into_iter().flatten().map(|(name, value)| {
        let observed = output::plain(observed.get(name));
        vec![name.replace('_', " "), output::plain(Some(value)), observed]
    });
    output::table(&["", "simulated", "on the dashboard"], rows)?;
    Ok(())
}

/// The address, and a line that tells how it goes; on standard error, so that results can be piped.
struct Screen {
    quiet: bool,
    line: ProgressBar,
}

impl Screen {
    fn new(quiet: bool) -> Self {
        let line = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            line.set_style(style);
        }
        Self { quiet, line }
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::Ready { url } if !self.quiet => {
                eprintln!("Dashboard  {url}/sites/{}?range=1h", web_analytics::SITE);
                eprintln!("Demo shop  {url}/demo-shop   (open it and watch yourself appear)");
                eprintln!("Ctrl-C stops it.\n");
            }
            Event::Ready { .. } => {}
            Event::Progress(status) => self.progress(status),
            Event::CatchingUp => self.line.set_message("the last beacons are on their way…"),
        }
        self.line.tick();
    }

    fn progress(&self, status: &Status) {
        self.line.set_message(format!(
            "{:.0} beacons/s · {} sent · {} acknowledged · {} behind · {} impressions on the dashboard",
            status.beacons_per_second,
            status.sent,
            status.acknowledged,
            status.behind_beacons,
            status.observed_impressions,
        ));
    }

    fn close(&self) {
        self.line.finish_and_clear();
    }
}
