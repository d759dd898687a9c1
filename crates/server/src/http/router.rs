//! Who answers which path.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::response::Redirect;
use axum::routing::get;
use axum::{Router, middleware};
use hyper::body::Incoming;
use tower::ServiceExt;

use super::security::guard;
use super::{Answer, Handler};
use crate::api::{self, ApiError};
use crate::app::App;
use crate::{assets, collector, health};

/// Tells beacons from all other requests.
pub(crate) struct Front {
    app: Arc<App>,
    router: Router,
}

impl Front {
    pub(crate) fn new(app: Arc<App>) -> Front {
        Front { router: router(app.clone()), app }
    }
}

impl Handler for Front {
    fn handle(&self, request: hyper::Request<Incoming>, peer: IpAddr) -> Answer {
        if request.uri().path().starts_with(collector::PATH) {
            let app = self.app.clone();
            return Box::pin(async move { collector::answer(&app, request, peer).await });
        }
        if crate::aws::is_aws(&request) {
            let app = self.app.clone();
            return Box::pin(async move { crate::aws::answer(&app, request).await });
        }
        if crate::schemas::is_confluent(&request) {
            let app = self.app.clone();
            return Box::pin(async move { crate::schemas::answer(&app, request).await });
        }
        let router = self.router.clone();
        let patience = Duration::from_millis(self.app.config.http.body_timeout_ms);
        Box::pin(async move {
            let request = request.map(|body| Body::new(super::body::Timed::new(body, patience)));
            match router.oneshot(request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            }
        })
    }
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(api::router())
        .route("/t.js", get(assets::tracker))
        .route("/demo-shop", get(async || Redirect::permanent("/demo-shop/")))
        .route("/demo-shop/", get(assets::demo_shop_home))
        .route("/demo-shop/{*path}", get(assets::demo_shop))
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::metrics))
        .fallback(get(assets::console))
        .method_not_allowed_fallback(async || ApiError::method())
        .layer(DefaultBodyLimit::max(app.config.http.body_bytes_max))
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app)
}
