//! Asks the summaries: on threads of their own, a few at a time, within a limit of time.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tidemill_web_analytics::query::SiteQuery;
use tidemill_web_analytics::summary::cell::SiteId;
use tidemill_web_analytics::summary::store::SummaryStore;
use tokio::sync::Semaphore;

use super::zone;
use crate::api::{ApiError, ApiResult};
use crate::config;
use crate::sites::View;

/// The gate before all questions.
#[derive(Debug)]
pub(crate) struct Questions {
    places: Arc<Semaphore>,
    timeout_ms: u64,
}

impl Questions {
    pub(super) fn new(limits: &config::Query) -> Self {
        Questions { places: Arc::new(Semaphore::new(limits.running_max)), timeout_ms: limits.timeout_ms }
    }

    /// The answer to one question to one site, as JSON.
    ///
    /// A question that takes too long is told so; its place is free only when it has really ended.
    pub(crate) async fn ask<T: Serialize + Send + 'static>(
        &self,
        summaries: Arc<SummaryStore>,
        site: Arc<View>,
        question: impl FnOnce(&SiteQuery<'_>) -> tidemill_web_analytics::Result<T> + Send + 'static,
    ) -> ApiResult<T> {
        let answer = async {
            let place = self.places.clone().acquire_owned().await.map_err(ApiError::internal)?;
            let asked = tokio::task::spawn_blocking(move || {
                let reader = summaries.site(SiteId(site.site.id));
                let query = SiteQuery::new(reader, zone(&site), site.site.settings.dimensions.clone());
                let answer = question(&query);
                drop(place);
                answer
            });
            asked.await.map_err(ApiError::internal)?.map_err(|error| ApiError::of_web_analytics(&error))
        };
        tokio::time::timeout(Duration::from_millis(self.timeout_ms), answer)
            .await
            .unwrap_or_else(|_| Err(ApiError::timed_out(self.timeout_ms)))
    }
}
