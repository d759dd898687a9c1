//! What all requests share: the opened parts of the server.

use std::sync::Arc;
use std::time::Instant;

use crate::api::ApiResult;
use crate::assets::Shop;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::error::Result;
use crate::http::OpenConnections;
use crate::sites::{NewSite, SitePatch, Sites, View};

/// The opened parts.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) sites: Sites,
    pub(crate) shop: Shop,
    pub(crate) connections: OpenConnections,
    pub(crate) started: Instant,
    // Last: the lock is given back when all else is closed.
    _folder: DataFolder,
}

impl App {
    /// Opens everything in the data folder.
    pub(crate) fn open(config: Config, folder: DataFolder) -> Result<App> {
        Ok(App {
            sites: Sites::open(folder.join("sites.json"))?,
            shop: Shop::default(),
            connections: OpenConnections::default(),
            started: Instant::now(),
            config,
            _folder: folder,
        })
    }

    /// Creates a site and tells the pipeline.
    pub(crate) fn create_site(&self, new: NewSite) -> ApiResult<Arc<View>> {
        self.sites.create(new)
    }

    /// Changes a site's settings and tells the pipeline.
    pub(crate) fn update_site(&self, name: &str, patch: SitePatch) -> ApiResult<Arc<View>> {
        self.sites.update(name, patch)
    }

    /// Deletes a site and its data.
    pub(crate) fn delete_site(&self, name: &str) -> ApiResult<Arc<View>> {
        self.sites.delete(name)
    }
}
