//! The demo shop, there as long as the site `demo` is.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use parking_lot::Mutex;
use rust_embed::RustEmbed;

use super::Library;
use crate::api::ApiError;
use crate::app::App;

/// The site that the shop's pages report to.
const SITE: &str = "demo";
const PLACEHOLDER: &str = "{{site_key}}";

#[derive(RustEmbed)]
#[folder = "../../demos/web-analytics/shop"]
struct ShopFiles;

/// The shop's files with the key of the site in them; made anew when the key changes.
#[derive(Debug, Default)]
pub(crate) struct Shop(Mutex<Option<(String, Arc<Library>)>>);

impl Shop {
    fn for_key(&self, key: &str) -> Arc<Library> {
        let mut made = self.0.lock();
        match made.as_ref() {
            Some((for_key, library)) if for_key == key => library.clone(),
            _ => {
                let library = Arc::new(Library::of::<ShopFiles>(|name, content| with_key(name, content, key)));
                *made = Some((key.to_owned(), library.clone()));
                library
            }
        }
    }
}

fn with_key(name: &str, content: Bytes, key: &str) -> Bytes {
    match std::str::from_utf8(&content) {
        Ok(page) if name.ends_with(".html") => page.replace(PLACEHOLDER, key).into(),
        _ => content,
    }
}

/// The shop's first page.
pub(crate) async fn demo_shop_home(State(app): State<Arc<App>>, request: HeaderMap) -> Response {
    page(&app, "index.html", &request)
}

/// A file of the shop.
pub(crate) async fn demo_shop(State(app): State<Arc<App>>, Path(path): Path<String>, request: HeaderMap) -> Response {
    page(&app, &path, &request)
}

fn page(app: &App, name: &str, request: &HeaderMap) -> Response {
    let Some(site) = app.sites.snapshot().by_name(SITE).cloned() else {
        return ApiError::missing("site", SITE).into_response();
    };
    match app.shop.for_key(&site.site.key).get(name) {
        Some(file) => file.answer(request, "no-cache"),
        None => ApiError::no_path(&format!("/demo-shop/{name}")).into_response(),
    }
}
