//! What those who watch a site hear: computed once a site and change, however many watch.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tidemill_web_analytics::query::Parameters;
use tokio::sync::Mutex as AsyncMutex;

use crate::api::ApiResult;
use crate::app::App;
use crate::sites::View;

/// Visitors of a site at a version of the summaries.
type Slot = Arc<AsyncMutex<Option<(u64, i64, u64)>>>;

/// Visitors now change with time even when nothing comes: they are counted anew after this, ms.
const FRESH_MS: i64 = 5_000;

/// Visitors now, by site.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<HashMap<u32, Slot>>);

impl Pulse {
    /// Visitors of a site now; asked of the summaries only when they have changed.
    pub(crate) async fn visitors(&self, app: &App, site: &Arc<View>, version: u64, now_ms: i64) -> ApiResult<u64> {
        let slot = self.0.lock().entry(site.site.id).or_default().clone();
        let mut known = slot.lock().await;
        if let Some((at_version, at_ms, visitors)) = *known
            && at_version >= version
            && now_ms - at_ms < FRESH_MS
        {
            return Ok(visitors);
        }
        let analytics = &app.analytics;
        let answer = analytics
            .questions
            .ask(analytics.summaries.clone(), site.clone(), move |query| {
                query.realtime(&Parameters::default(), now_ms, 0, 0)
            })
            .await?;
        *known = Some((version, now_ms, answer.visitors));
        Ok(answer.visitors)
    }

    /// Forgets a site that was deleted.
    pub(crate) fn forget(&self, site: u32) {
        self.0.lock().remove(&site);
    }
}
