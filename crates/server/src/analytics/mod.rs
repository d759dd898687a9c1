//! Web analytics put together: the summaries, the questions to them, and how far behind they are.

mod progress;
mod pulse;
mod questions;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tidemill_streams::Stream;
use tidemill_web_analytics::summary::cell::SiteId;
use tidemill_web_analytics::summary::store::{Maintenance, SitePolicy, SummaryStore};

use crate::error::{Error, Result};
use crate::sites::{Sites, View};

pub(crate) use progress::{Behind, Progress, SAMPLE_EVERY};
pub(crate) use pulse::Pulse;
pub(crate) use questions::Questions;

/// The opened parts of web analytics.
pub(crate) struct Analytics {
    pub(crate) summaries: Arc<SummaryStore>,
    pub(crate) questions: Questions,
    pub(crate) progress: Arc<Progress>,
    pub(crate) pulse: Pulse,
    // Stops, and waits for its round, when dropped.
    _maintenance: Maintenance,
}

impl std::fmt::Debug for Analytics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Analytics")
    }
}

impl Analytics {
    /// Opens the summaries and begins to fold them and to drop what is too old.
    pub(crate) fn open(folder: &Path, beacons: Stream, sites: &Arc<Sites>, limits: &crate::config::Config) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| Error::part("summaries", error);
        let summaries = Arc::new(SummaryStore::open(folder).map_err(|error| failed(&error))?);
        let every = Duration::from_secs(limits.retention.every_s);
        let known = sites.clone();
        let policies = move || known.snapshot().all().map(|view| (SiteId(view.site.id), policy(view))).collect();
        let maintenance = Maintenance::start(summaries.clone(), every, policies).map_err(|error| failed(&error))?;
        Ok(Analytics {
            questions: Questions::new(&limits.query),
            progress: Arc::new(Progress::new(beacons)),
            pulse: Pulse::default(),
            summaries,
            _maintenance: maintenance,
        })
    }
}

/// The site's own time zone; its name was checked when it was set.
pub(crate) fn zone(view: &View) -> TimeZone {
    TimeZone::get(&view.site.settings.timezone).unwrap_or(TimeZone::UTC)
}

fn policy(view: &View) -> SitePolicy {
    let kept = view.site.settings.retention;
    SitePolicy {
        time_zone: zone(view),
        minute_days: kept.minute_days,
        hour_days: kept.hour_days,
        day_days: kept.day_days,
    }
}
