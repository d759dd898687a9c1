//! What closed impressions and sessions become in the lake.

use super::Visits;
use super::dimensions::Resolved;
use super::segment::{Body, Open, Segment};
use super::sessions::Session;
use crate::beacon::{Issue, Issues, TIMERS, Tells};
use crate::error::Result;
use crate::summary::cell::{Dimensions, SiteId};
use crate::summary::dimension::Dimension;
use std::fmt::Write;

/// Events, and error messages, that a row lists; the counts are of all.
const LISTED_MAX: usize = 100;

/// A page impression that has closed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImpressionRow {
    /// The site's number.
    pub site: u32,
    /// First beacon; with `session` it tells the impression's session.
    pub time_ms: i64,
    /// Last beacon.
    pub end_ms: i64,
    /// Page-impression id.
    pub impression: String,
    /// Session id, or the visitor hash in hexadecimal.
    pub session: String,
    /// When its session began.
    pub session_start_ms: i64,
    /// Visitor id.
    pub user: Option<String>,
    /// Salted hash of address and user agent, in hexadecimal.
    pub visitor: String,
    /// The browser's clock at the first beacon.
    pub client_time_ms: Option<i64>,
    /// Page address and referrer as they were sent.
    pub url: Option<String>,
    /// See `url`.
    pub referrer: Option<String>,
    /// The dimensions of its cell.
    pub dimensions: Dimensions,
    /// Width and height of the viewport in px.
    pub viewport: (Option<u16>, Option<u16>),
    /// Effective connection type.
    pub connection: Option<String>,
    /// The header.
    pub user_agent: String,
    /// By [`crate::beacon::Timer`].
    pub timers: [Option<f32>; TIMERS],
    /// Beacons, duplicates included.
    pub beacons: u32,
    /// User events, and the names of those that have one.
    pub events: u32,
    /// See `events`.
    pub event_names: Vec<String>,
    /// Script errors, and their messages.
    pub errors: u32,
    /// See `errors`.
    pub error_messages: Vec<String>,
    /// Orders counted here for the first time.
    pub orders: u32,
    /// Their value.
    pub revenue_cents: i64,
    /// Currency of the first of them.
    pub currency: Option<String>,
    /// Whether the visitor did something.
    pub interactive: bool,
    /// Whether the page was seen to be left.
    pub left: bool,
    /// What is wrong with it.
    pub issues: Vec<&'static str>,
}

/// A session that has ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionRow {
    /// The site's number.
    pub site: u32,
    /// First beacon.
    pub time_ms: i64,
    /// Last beacon.
    pub end_ms: i64,
    /// Session id, or the visitor hash in hexadecimal.
    pub session: String,
    /// Visitor id.
    pub user: Option<String>,
    /// Salted hash of address and user agent, in hexadecimal.
    pub visitor: String,
    /// Page impressions.
    pub impressions: u32,
    /// Beacons.
    pub beacons: u32,
    /// User events.
    pub events: u32,
    /// Script errors.
    pub errors: u32,
    /// Orders.
    pub orders: u32,
    /// Their value.
    pub revenue_cents: i64,
    /// One impression, and nothing done on it.
    pub bounce: bool,
    /// Page of the last impression.
    pub exit_page: String,
    /// Those of the first impression.
    pub dimensions: Dimensions,
    /// Issues of its impressions, and its own.
    pub issues: Vec<&'static str>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn names(issues: Issues) -> Vec<&'static str> {
    issues.iter().map(Issue::name).collect()
}

impl Visits {
    /// The site.
    pub fn site(&self) -> SiteId {
        SiteId(self.who.site)
    }

    fn session_id(&self) -> String {
        if self.session.is_empty() { hex(&self.who.visitor) } else { self.session.to_string() }
    }
}

/// The row of a segment about to close; none for orphans.
pub(super) fn impression(visits: &Visits, segment: &Segment, session_start_ms: i64) -> Result<Option<ImpressionRow>> {
    let Body::Open(open) = &segment.body else { return Ok(None) };
    let Some(key) = open.key.as_ref().filter(|_| segment.counted) else { return Ok(None) };
    let resolved = Resolved::new(&open.blocks)?;
    let fields = &resolved.fields;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let mut row = ImpressionRow {
        site: visits.who.site,
        time_ms: segment.first_ms,
        end_ms: segment.last_ms,
        impression: open.id.to_string(),
        session: visits.session_id(),
        session_start_ms,
        user: owned(fields.user),
        visitor: hex(&visits.who.visitor),
        client_time_ms: open.facts.iter().next().transpose()?.and_then(|first| first.client_time_ms),
        url: owned(fields.url),
        referrer: owned(fields.referrer),
        dimensions: key.dimensions.clone(),
        viewport: fields.viewport,
        connection: owned(fields.connection),
        user_agent: resolved.agent.to_owned(),
        timers: open.fold.timers().map(|value| Some(value).filter(|value| !value.is_nan())),
        beacons: segment.totals.beacons,
        events: segment.totals.events,
        errors: segment.totals.errors,
        orders: segment.totals.orders,
        revenue_cents: segment.totals.revenue_cents,
        interactive: segment.totals.tells(Tells::INTERACTIVE),
        left: segment.totals.tells(Tells::LEAVE),
        issues: names(open.issues(&segment.totals)),
        ..ImpressionRow::default()
    };
    if segment.totals.tells(Tells::EVENT) || segment.totals.tells(Tells::ERROR) || segment.totals.tells(Tells::ORDER) {
        row.list(open)?;
    }
    Ok(Some(row))
}

impl ImpressionRow {
    /// Lists what few beacons have: events, errors, orders.
    fn list(&mut self, open: &Open) -> Result<()> {
        let mut seen = hashbrown::HashSet::<u16, ahash::RandomState>::default();
        for fact in open.facts.iter() {
            let fact = fact?;
            if !seen.insert(fact.number) {
                continue;
            }
            let Some(detail) = fact.detail else { continue };
            if let Some(name) = detail.event.filter(|name| !name.is_empty())
                && self.event_names.len() < LISTED_MAX
            {
                self.event_names.push(name.to_owned());
            }
            if let Some((message, source)) = detail.error
                && self.error_messages.len() < LISTED_MAX
            {
                self.error_messages.push(match source {
                    "" => message.to_owned(),
                    source => format!("{message} ({source})"),
                });
            }
            if let (None, true, Some(order)) = (&self.currency, Tells(fact.tells).any(Tells::FIRST_ORDER), detail.order)
            {
                self.currency = order.currency.and_then(|code| String::from_utf8(code.to_vec()).ok());
            }
        }
        Ok(())
    }
}

/// The row of a session; none for beacons without any impression.
pub(super) fn session(visits: &Visits, session: &Session) -> Option<SessionRow> {
    let entry = visits.segments.get(session.entry?)?;
    let exit = visits.segments.get(session.exit?)?;
    let exit_page = match &exit.body {
        Body::Closed(closed) => closed.page.to_string(),
        Body::Open(open) => open.key.as_ref()?.dimensions.get(Dimension::Page).to_owned(),
        Body::Overflow(_) => return None,
    };
    let (key, user) = match &entry.body {
        Body::Closed(closed) => (closed.key.clone()?, closed.user.as_deref().map(str::to_owned)),
        Body::Open(_) | Body::Overflow(_) => return None,
    };
    let mut issues = Issues(session.totals.issues);
    if session.oversized {
        issues.add(Issue::OversizedSession);
    }
    Some(SessionRow {
        site: visits.who.site,
        time_ms: session.first_ms,
        end_ms: session.last_ms,
        session: visits.session_id(),
        user,
        visitor: hex(&visits.who.visitor),
        impressions: session.impressions,
        beacons: session.totals.beacons,
        events: session.totals.events,
        errors: session.totals.errors,
        orders: session.totals.orders,
        revenue_cents: session.totals.revenue_cents,
        bounce: session.is_bounce(),
        exit_page,
        dimensions: key.dimensions.clone(),
        issues: names(issues),
    })
}
