//! `/api/v1/sites`: create, list, show, change, delete.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, ApiResult, ErrorBody, Json, Path};
use crate::app::App;
use crate::sites::{NewSite, SitePatch, SiteView, View};

/// All sites.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SiteList {
    /// By name.
    sites: Vec<SiteView>,
}

/// List the sites.
#[utoipa::path(get, path = "/api/v1/sites", tag = "sites", responses((status = 200, body = SiteList)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> axum::Json<SiteList> {
    let sites = app.sites.snapshot().all().map(|view| SiteView::from(&view.site)).collect();
    axum::Json(SiteList { sites })
}

/// Create a site; the answer holds its key.
#[utoipa::path(post, path = "/api/v1/sites", tag = "sites", request_body = NewSite, responses(
    (status = 201, body = SiteView),
    (status = 400, body = ErrorBody, description = "a name or setting can't be used"),
    (status = 409, body = ErrorBody, description = "the name is taken"),
))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Json(new): Json<NewSite>,
) -> ApiResult<(StatusCode, axum::Json<SiteView>)> {
    let view = blocking(app, move |app| app.create_site(new)).await?;
    Ok((StatusCode::CREATED, axum::Json(SiteView::from(&view.site))))
}

/// Show one site.
#[utoipa::path(get, path = "/api/v1/sites/{site}", tag = "sites", params(("site" = String, Path, description = "its name")),
    responses((status = 200, body = SiteView), (status = 404, body = ErrorBody)))]
pub(crate) async fn show(State(app): State<Arc<App>>, Path(name): Path<String>) -> ApiResult<axum::Json<SiteView>> {
    Ok(axum::Json(SiteView::from(&app.sites.named(&name)?.site)))
}

/// Change a site's settings; what is left out stays.
#[utoipa::path(patch, path = "/api/v1/sites/{site}", tag = "sites", params(("site" = String, Path, description = "its name")),
    request_body = SitePatch,
    responses((status = 200, body = SiteView), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Json(patch): Json<SitePatch>,
) -> ApiResult<axum::Json<SiteView>> {
    let view = blocking(app, move |app| app.update_site(&name, patch)).await?;
    Ok(axum::Json(SiteView::from(&view.site)))
}

/// Delete a site and its data.
#[utoipa::path(delete, path = "/api/v1/sites/{site}", tag = "sites", params(("site" = String, Path, description = "its name")),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(crate) async fn delete(State(app): State<Arc<App>>, Path(name): Path<String>) -> ApiResult<StatusCode> {
    blocking(app, move |app| app.delete_site(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn blocking(
    app: Arc<App>,
    change: impl FnOnce(&App) -> ApiResult<Arc<View>> + Send + 'static,
) -> ApiResult<Arc<View>> {
    tokio::task::spawn_blocking(move || change(&app)).await.map_err(ApiError::internal)?
}
