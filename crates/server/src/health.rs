//! `/healthz` for supervisors, `/metrics` for Prometheus.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use tidemill_engine::metrics::OperatorFigures;
use tidemill_engine::runtime::supervisor::JobState;
use tidemill_streams::StreamDescription;

use crate::app::App;

/// Is the server up?
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = String, description = "`ok`")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Metrics in Prometheus' text format, version 0.0.4.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses((status = 200, body = String)))]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let mut text = Exposition::default();
    text.family("tidemill_uptime_seconds", Kind::Gauge, "Time since the server was started.")
        .value("", app.started.elapsed().as_secs());
    text.family("tidemill_http_connections", Kind::Gauge, "Connections open.")
        .value("", app.connections.count() as u64);
    text.family("tidemill_sites", Kind::Gauge, "Sites.").value("", app.sites.snapshot().all().len() as u64);
    collector(&app, &mut text);
    streams(&app, &mut text);
    job(&app, &mut text);
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"))], text.0)
}

fn collector(app: &App, text: &mut Exposition) {
    let tally = &app.collector.tally;
    text.family("tidemill_beacons_accepted_total", Kind::Counter, "Beacons on disk.")
        .value("", tally.accepted.load(Ordering::Relaxed));
    text.family("tidemill_beacon_requests_waiting", Kind::Gauge, "Requests that wait for the disk.")
        .value("", tally.waiting() as u64);
    text.family("tidemill_beacon_requests_refused_total", Kind::Counter, "Requests refused, by reason.");
    for (reason, count) in tally.refusals() {
        text.value(&format!("{{reason=\"{reason}\"}}"), count);
    }
}

// Names of streams hold no character that would need escaping in a label.
fn streams(app: &App, text: &mut Exposition) {
    let streams: Vec<_> = app.streams.list().iter().map(tidemill_streams::Stream::describe).collect();
    type Figure = fn(&StreamDescription) -> u64;
    let families: [(&str, &str, Figure); 4] = [
        ("tidemill_stream_records", "Records kept.", |stream| stream.records),
        ("tidemill_stream_bytes", "Bytes on disk.", |stream| stream.bytes),
        ("tidemill_stream_queue_bytes", "Bytes that wait to be written.", |stream| stream.queue_bytes as u64),
        ("tidemill_stream_open_shards", "Shards that take records.", |stream| {
            stream.shards.iter().filter(|shard| !shard.closed).count() as u64
        }),
    ];
    for (name, help, figure) in families {
        text.family(name, Kind::Gauge, help);
        for stream in &streams {
            text.value(&format!("{{stream=\"{}\"}}", stream.name), figure(stream));
        }
    }
}

fn job(app: &App, text: &mut Exposition) {
    let behind = app.analytics.progress.behind(jiff::Timestamp::now().as_microsecond());
    text.family("tidemill_results_lag_ms", Kind::Gauge, "Age of the oldest beacon that no result shows yet.")
        .value("", behind.lag_ms);
    text.family("tidemill_results_behind_beacons", Kind::Gauge, "Beacons that no result shows yet.")
        .value("", behind.beacons);
    let Some((state, figures)) = app.analytics.figures() else { return };
    let job = "{job=\"web-analytics\"}";
    text.family(
        "tidemill_job_running",
        Kind::Gauge,
        "1 while the job runs, 0 while it waits for a restart or has ended.",
    )
    .value(job, u64::from(state == JobState::Running));
    text.family("tidemill_job_restarts_total", Kind::Counter, "Restarts after a failure.")
        .value(job, figures.restarts.load(Ordering::Relaxed));
    text.family("tidemill_job_checkpoints_total", Kind::Counter, "Checkpoints that became durable.")
        .value(job, figures.checkpoints.load(Ordering::Relaxed));
    text.family("tidemill_job_checkpoint_us", Kind::Gauge, "From cut to durable, of the last checkpoint.")
        .value(job, figures.checkpoint_us.load(Ordering::Relaxed));
    let operators = figures.read();
    type Figure = fn(&OperatorFigures) -> u64;
    let families: [(&str, Kind, &str, Figure); 7] = [
        ("tidemill_operator_rows_in_total", Kind::Counter, "Rows that came in.", |operator| operator.rows_in),
        ("tidemill_operator_rows_out_total", Kind::Counter, "Rows that went out.", |operator| operator.rows_out),
        ("tidemill_operator_late_rows_total", Kind::Counter, "Rows behind the watermark.", |operator| {
            operator.late_rows
        }),
        ("tidemill_operator_errors_total", Kind::Counter, "Rows that could not be processed.", |operator| {
            operator.errors
        }),
        ("tidemill_operator_busy_ns_total", Kind::Counter, "Time spent inside.", |operator| operator.busy_ns),
        ("tidemill_operator_state_keys", Kind::Gauge, "Keys held in state.", |operator| operator.state_keys),
        ("tidemill_operator_lag_records", Kind::Gauge, "Records a source is behind.", |operator| operator.lag_records),
    ];
    for (name, kind, help, figure) in families {
        text.family(name, kind, help);
        for operator in &operators {
            text.value(
                &format!("{{operator=\"{}\",worker=\"{}\"}}", operator.operator, operator.worker),
                figure(operator),
            );
        }
    }
}

/// Kind of a metric.
#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

/// Metrics being written. Writing to a text can't fail.
#[derive(Default)]
struct Exposition(String, &'static str);

impl Exposition {
    /// Begins a metric.
    fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> &mut Self {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self.1 = name;
        self
    }

    /// A value of the metric begun last.
    fn value(&mut self, labels: &str, value: u64) {
        let _ = writeln!(self.0, "{}{labels} {value}", self.1);
    }
}
