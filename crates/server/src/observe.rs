//! What a server's query API says about a site, in the simulator's terms.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidemill_web_analytics::simulator::Expected;

use crate::client::{Client, Error};

/// How long the counts must stand still, with nothing left to process, to be final.
const STILL: Duration = Duration::from_millis(1_500);
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A site on a server, from some moment on.
#[derive(Clone, Debug)]
pub struct Observer {
    client: Client,
    site: String,
    from_ms: u64,
    /// What was there before.
    before: Expected,
}

impl Observer {
    /// Observes a site from now on: what it tells of the past is left out.
    pub async fn from_now(client: Client, site: &str) -> Result<Self, Error> {
        let from_ms = now_ms() - now_ms() % 60_000;
        let mut observer = Self { client, site: site.to_owned(), from_ms, before: Expected::default() };
        observer.before = observer.counts().await?;
        Ok(observer)
    }

    /// Observes a site as if nothing had been there before that moment.
    pub fn since(client: Client, site: &str, from_ms: u64) -> Self {
        Self { client, site: site.to_owned(), from_ms: from_ms - from_ms % 60_000, before: Expected::default() }
    }

    /// What the query API says now.
    pub async fn observed(&self) -> Result<Expected, Error> {
        let (now, before) = (self.counts().await?, &self.before);
        // A count may have been lowered meanwhile, as bounces are.
        Ok(Expected {
            beacons: now.beacons.saturating_sub(before.beacons),
            impressions: now.impressions.saturating_sub(before.impressions),
            sessions: now.sessions.saturating_sub(before.sessions),
            bounces: now.bounces.saturating_sub(before.bounces),
            orders: now.orders.saturating_sub(before.orders),
            revenue_cents: now.revenue_cents.saturating_sub(before.revenue_cents),
            bots: now.bots.saturating_sub(before.bots),
            issues: now.issues.saturating_sub(before.issues),
        })
    }

    /// How many accepted beacons are not in the answers yet.
    pub async fn behind_beacons(&self) -> Result<u64, Error> {
        let realtime = self.client.get(&format!("/api/v1/sites/{}/realtime", self.site)).await?;
        Ok(realtime["behind_beacons"].as_u64().unwrap_or(0))
    }

    /// Waits until the pipeline has caught up and its answers stand still; gives the last answer at the deadline.
    pub async fn settled(&self, patience: Duration) -> Result<Expected, Error> {
        let begun = Instant::now();
        let mut last = self.observed().await?;
        let mut since = Instant::now();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let behind = self.behind_beacons().await?;
            let observed = self.observed().await?;
            if observed != last || behind > 0 {
                last = observed;
                since = Instant::now();
            }
            if since.elapsed() >= STILL || begun.elapsed() >= patience {
                return Ok(last);
            }
        }
    }

    async fn counts(&self) -> Result<Expected, Error> {
        // Minutes are closed at the end: one more than now.
        let (site, from_ms, to_ms) = (&self.site, self.from_ms, now_ms() + 120_000);
        let path = format!("/api/v1/sites/{site}/overview?bots=include&from={from_ms}&to={to_ms}");
        let answer = self.client.get(&path).await?;
        let current = &answer["current"];
        let count = |name: &str| current[name].as_u64().unwrap_or(0);
        Ok(Expected {
            beacons: count("beacons"),
            impressions: count("impressions"),
            sessions: count("sessions"),
            bounces: count("bounces"),
            orders: count("orders"),
            revenue_cents: count("revenue_cents"),
            bots: count("bots"),
            issues: count("issues"),
        })
    }
}

/// Unix time in ms.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}
