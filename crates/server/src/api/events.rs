//! `/api/v1/sites/{site}/events`: server-sent events that tell a dashboard when to ask again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Interval, MissedTickBehavior};

use super::{ApiResult, ErrorBody, Path};
use crate::analytics::Behind;
use crate::app::App;

/// At most twice a second.
const EVERY: Duration = Duration::from_millis(500);
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// Hear when results change.
#[utoipa::path(get, path = "/api/v1/sites/{site}/events", tag = "web analytics",
    params(("site" = String, Path, description = "its name")),
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "`event: update`, `data: {\"version\",\"time\",\"lag_ms\",\"behind_beacons\",\"visitors\"}`, at most twice a second"),
        (status = 404, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Path(site): Path<String>,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    app.sites.named(&site)?;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watcher = Watcher { _place: app.follower()?, stopping: app.stopping(), app, site, ticks, told: None };
    let events = futures::stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok(event), watcher))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(COMMENT_EVERY)))
}

struct Watcher {
    app: Arc<App>,
    site: String,
    ticks: Interval,
    stopping: watch::Receiver<bool>,
    /// Version and distance of the last event.
    told: Option<(u64, Behind)>,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    /// The next event; none when the server stops or the site is gone.
    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                _ = self.ticks.tick() => {}
                _ = self.stopping.wait_for(|stop| *stop) => return None,
            }
            let analytics = &self.app.analytics;
            let now = jiff::Timestamp::now();
            let state = (analytics.summaries.version(), analytics.progress.behind(now.as_microsecond()));
            // A pipeline that stands still is news too: the distance grows.
            if self.told == Some(state) {
                continue;
            }
            let site = self.app.sites.named(&self.site).ok()?;
            let visitors = analytics.pulse.visitors(&self.app, &site, state.0, now.as_millisecond()).await;
            let Ok(visitors) = visitors else { continue };
            self.told = Some(state);
            let (version, behind) = state;
            let data = json!({
                "version": version,
                "time": now.as_millisecond(),
                "lag_ms": behind.lag_ms,
                "behind_beacons": behind.beacons,
                "visitors": visitors,
            });
            return Some(Event::default().event("update").data(data.to_string()));
        }
    }
}
