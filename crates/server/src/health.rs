//! `/healthz` for supervisors, `/metrics` for Prometheus.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

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
    text.gauge("tidemill_uptime_seconds", "Time since the server was started.", app.started.elapsed().as_secs());
    text.gauge("tidemill_http_connections", "Connections open.", app.connections.count() as u64);
    text.gauge("tidemill_sites", "Sites.", app.sites.snapshot().all().len() as u64);
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"))], text.0)
}

/// Metrics being written.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        // Writing to a text can't fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
}
