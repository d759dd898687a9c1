//! The description of everything that HTTP offers, as OpenAPI 3.1.

use utoipa::OpenApi;

use super::{access_keys, analytics, events, schemas, sites, statement, streams};
use crate::{collector, health};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tidemill",
        description = "Real-time analytics on event streams. Errors are `{\"error\":{\"code\",\"message\",\"hint\"}}` with a fitting status.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "beacons", description = "What visitors' browsers send"),
        (name = "sites", description = "Sites of web analytics and their settings"),
        (name = "web analytics", description = "What a site's dashboard shows; docs/web-analytics/query-api.md"),
        (name = "streams", description = "Durable, ordered, sharded logs of records"),
        (name = "schemas", description = "Named schemas in versions that read each other's records"),
        (name = "access keys", description = "Keys of the AWS protocols"),
        (name = "sql", description = "Read-only SQL"),
        (name = "operation", description = "For those who run the server")
    ),
    paths(
        collector::document::post,
        collector::document::get,
        sites::list,
        sites::create,
        sites::show,
        sites::update,
        sites::delete,
        analytics::overview,
        analytics::timeseries,
        analytics::vitals,
        analytics::histogram,
        analytics::breakdown,
        analytics::quality,
        analytics::realtime,
        analytics::values,
        events::events,
        streams::list,
        streams::create,
        streams::describe,
        streams::delete,
        streams::records::put,
        streams::tail::tail,
        streams::reshard::split,
        streams::reshard::merge,
        streams::reshard::reshard,
        streams::consumers::list,
        streams::consumers::register,
        streams::consumers::deregister,
        schemas::list,
        schemas::describe,
        schemas::register,
        schemas::check,
        schemas::diff,
        schemas::delete,
        access_keys::list,
        access_keys::create,
        access_keys::delete,
        statement::query,
        health::healthz,
        health::metrics,
        description,
    )
)]
struct Description;

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "operation", responses((status = 200, body = serde_json::Value)))]
pub(crate) async fn description() -> axum::Json<utoipa::openapi::OpenApi> {
    axum::Json(Description::openapi())
}
