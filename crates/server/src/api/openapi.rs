//! The description of everything that HTTP offers, as OpenAPI 3.1.

use utoipa::OpenApi;

use super::{sites, streams};
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
        (name = "streams", description = "Durable, ordered, sharded logs of records"),
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
        streams::list,
        streams::create,
        streams::describe,
        streams::delete,
        streams::records::put,
        streams::tail::tail,
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
