//! `/api/v1/sites/{site}/…`: what the dashboard shows (docs/web-analytics/query-api.md).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tidemill_web_analytics::query::{Parameters, SiteQuery};
use utoipa::IntoParams;

use super::{ApiError, ApiResult, ErrorBody, Path, Query};
use crate::app::App;

/// The pairs of a query string; a name may come several times.
type Pairs = Query<Vec<(String, String)>>;

/// What all questions can be asked with.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
struct Common {
    /// Unix ms; default: 24 hours before `to`.
    from: Option<i64>,
    /// Unix ms, exclusive; default: now.
    to: Option<i64>,
    /// `dimension:value`; repeatable.
    filter: Option<Vec<String>>,
    /// `exclude` (default), `include`, `only`.
    bots: Option<String>,
    /// `minute`, `hour`, `day`, `auto` (default).
    interval: Option<String>,
}

macro_rules! questions {
    ($($(#[$about:meta])* $name:ident, $path:literal, ($($more:tt)*), $asked:expr;)*) => {$(
        $(#[$about])*
        #[utoipa::path(get, path = $path, tag = "web analytics",
            params(("site" = String, Path, description = "its name"), Common, $($more)*),
            responses((status = 200, body = serde_json::Value, description = "see docs/web-analytics/query-api.md"),
                (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
        pub(crate) async fn $name(State(app): State<Arc<App>>, Path(site): Path<String>, pairs: Pairs) -> ApiResult<Response> {
            ask(app, &site, pairs, $asked).await
        }
    )*};
}

questions! {
    /// Counts of a period and of the one before.
    overview, "/api/v1/sites/{site}/overview", (), |query, parameters, now_ms| query.overview(parameters, now_ms);
    /// Measures by time.
    timeseries, "/api/v1/sites/{site}/timeseries",
        (("metrics" = Option<String>, Query, description = "separated by commas")),
        |query, parameters, now_ms| query.timeseries(parameters, now_ms);
    /// Core Web Vitals.
    vitals, "/api/v1/sites/{site}/vitals", (), |query, parameters, now_ms| query.vitals(parameters, now_ms);
    /// A timer's histogram, by the values of a dimension.
    histogram, "/api/v1/sites/{site}/histogram",
        (("metric" = Option<String>, Query, description = "`lcp`, `inp`, …"), ("by" = Option<String>, Query, description = "a dimension")),
        |query, parameters, now_ms| query.histogram(parameters, now_ms);
    /// Measures by the values of a dimension.
    breakdown, "/api/v1/sites/{site}/breakdown",
        (("dimension" = Option<String>, Query, description = "`page`, `browser`, …"), ("limit" = Option<u32>, Query, description = "rows")),
        |query, parameters, now_ms| query.breakdown(parameters, now_ms);
    /// Issues, bots and quarantine.
    quality, "/api/v1/sites/{site}/quality", (), |query, parameters, now_ms| query.quality(parameters, now_ms);
}

/// What goes on right now.
#[utoipa::path(get, path = "/api/v1/sites/{site}/realtime", tag = "web analytics",
    params(("site" = String, Path, description = "its name"), Common),
    responses((status = 200, body = serde_json::Value), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn realtime(
    State(app): State<Arc<App>>,
    Path(site): Path<String>,
    pairs: Pairs,
) -> ApiResult<Response> {
    let behind = app.analytics.progress.behind(jiff::Timestamp::now().as_microsecond());
    ask(app, &site, pairs, move |query, parameters, now_ms| {
        query.realtime(parameters, now_ms, behind.lag_ms, behind.beacons)
    })
    .await
}

/// Values of a dimension, for pickers of filters.
#[utoipa::path(get, path = "/api/v1/sites/{site}/dimensions/{dimension}/values", tag = "web analytics",
    params(("site" = String, Path, description = "its name"), ("dimension" = String, Path, description = "its name"), Common,
        ("prefix" = Option<String>, Query, description = "what they begin with"), ("limit" = Option<u32>, Query, description = "how many")),
    responses((status = 200, body = serde_json::Value), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn values(
    State(app): State<Arc<App>>,
    Path((site, dimension)): Path<(String, String)>,
    pairs: Pairs,
) -> ApiResult<Response> {
    ask(app, &site, pairs, move |query, parameters, now_ms| query.values(&dimension, parameters, now_ms)).await
}

async fn ask<T: Serialize + Send + 'static>(
    app: Arc<App>,
    site: &str,
    Query(pairs): Pairs,
    question: impl FnOnce(&SiteQuery<'_>, &Parameters, i64) -> tidemill_web_analytics::Result<T> + Send + 'static,
) -> ApiResult<Response> {
    let site = app.sites.named(site)?;
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let parameters = Parameters::from_pairs(pairs).map_err(|error| ApiError::of_web_analytics(&error))?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let analytics = &app.analytics;
    let answer = analytics
        .questions
        .ask(analytics.summaries.clone(), site, move |query| question(query, &parameters, now_ms))
        .await?;
    let mut response = axum::Json(answer).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
