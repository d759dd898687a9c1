//! What closed impressions and sessions become in the lake.

use super::Visits;
use super::dimensions::Resolved;
use super::segment::{Body, Open, Segment};
use super::sessions::Session;
use crate::beacon::{Issue, Issues, TIMERS, Tells};
use crate::error::Result;
use crate::summary::cell::{Dimensions, SiteId};
use crate::summary::dimension::Dimension;
use std::borrow::Cow;

/// Events, and error messages, that a row lists; the counts are of all.
const LISTED_MAX: usize = 100;

/// Takes what has closed, for the lake.
pub trait Rows {
    /// An impression.
    fn impression(&mut self, row: &ImpressionRow<'_>);
    /// A session.
    fn session(&mut self, row: &SessionRow<'_>);
}

/// A page impression that has closed.
#[derive(Clone, Debug)]
pub struct ImpressionRow<'a> {
    /// The site's number.
    pub site: u32,
    /// First beacon; with `session` it tells the impression's session.
    pub time_ms: i64,
    /// Last beacon.
    pub end_ms: i64,
    /// Page-impression id.
    pub impression: &'a str,
    /// Session id; none where the visitor tells the session.
    pub session: Option<&'a str>,
    /// When its session began.
    pub session_start_ms: i64,
    /// Visitor id.
    pub user: Option<&'a str>,
    /// Salted hash of address and user agent.
    pub visitor: [u8; 16],
    /// The browser's clock at the first beacon.
    pub client_time_ms: Option<i64>,
    /// Page address and referrer as they were sent.
    pub url: Option<&'a str>,
    /// See `url`.
    pub referrer: Option<&'a str>,
    /// The dimensions of its cell.
    pub dimensions: &'a Dimensions,
    /// Width and height of the viewport in px.
    pub viewport: (Option<u16>, Option<u16>),
    /// Effective connection type.
    pub connection: Option<&'a str>,
    /// The header.
    pub user_agent: &'a str,
    /// By [`crate::beacon::Timer`]; NaN where there is none.
    pub timers: [f32; TIMERS],
    /// Beacons, duplicates included.
    pub beacons: u32,
    /// User events, and the names of those that have one.
    pub events: u32,
    /// See `events`.
    pub event_names: Vec<&'a str>,
    /// Script errors, and their messages.
    pub errors: u32,
    /// See `errors`.
    pub error_messages: Vec<Cow<'a, str>>,
    /// Orders counted here for the first time.
    pub orders: u32,
    /// Their value.
    pub revenue_cents: i64,
    /// Currency of the first of them.
    pub currency: Option<[u8; 3]>,
    /// Whether the visitor did something.
    pub interactive: bool,
    /// Whether the page was seen to be left.
    pub left: bool,
    /// What is wrong with it.
    pub issues: Issues,
}

/// A session that has ended.
#[derive(Clone, Debug)]
pub struct SessionRow<'a> {
    /// The site's number.
    pub site: u32,
    /// First beacon.
    pub time_ms: i64,
    /// Last beacon.
    pub end_ms: i64,
    /// Session id; none where the visitor tells the session.
    pub session: Option<&'a str>,
    /// Visitor id.
    pub user: Option<&'a str>,
    /// Salted hash of address and user agent.
    pub visitor: [u8; 16],
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
    pub exit_page: &'a str,
    /// Those of the first impression.
    pub dimensions: &'a Dimensions,
    /// Issues of its impressions, and its own.
    pub issues: Issues,
}

impl Visits {
    /// The site.
    pub fn site(&self) -> SiteId {
        SiteId(self.who.site)
    }

    fn session_id(&self) -> Option<&str> {
        Some(&*self.session).filter(|id| !id.is_empty())
    }
}

/// The row of a segment about to close; none for orphans.
pub(super) fn impression<'a>(
    visits: &'a Visits,
    segment: &'a Segment,
    session_start_ms: i64,
) -> Result<Option<ImpressionRow<'a>>> {
    let Body::Open(open) = &segment.body else { return Ok(None) };
    let Some(key) = open.key.as_ref().filter(|_| segment.counted) else { return Ok(None) };
    let Resolved { fields, agent, .. } = Resolved::new(&open.blocks)?;
    let totals = &segment.totals;
    let mut row = ImpressionRow {
        site: visits.who.site,
        time_ms: segment.first_ms,
        end_ms: segment.last_ms,
        impression: &open.id,
        session: visits.session_id(),
        session_start_ms,
        user: fields.user,
        visitor: visits.who.visitor,
        client_time_ms: open.facts.iter().next().transpose()?.and_then(|first| first.client_time_ms),
        url: fields.url,
        referrer: fields.referrer,
        dimensions: &key.dimensions,
        viewport: fields.viewport,
        connection: fields.connection,
        user_agent: agent,
        timers: *open.fold.timers(),
        beacons: totals.beacons,
        events: totals.events,
        event_names: Vec::new(),
        errors: totals.errors,
        error_messages: Vec::new(),
        orders: totals.orders,
        revenue_cents: totals.revenue_cents,
        currency: None,
        interactive: totals.tells(Tells::INTERACTIVE),
        left: totals.tells(Tells::LEAVE),
        issues: open.issues(totals),
    };
    if totals.tells(Tells::EVENT) || totals.tells(Tells::ERROR) || totals.tells(Tells::ORDER) {
        row.list(open)?;
    }
    Ok(Some(row))
}

impl<'a> ImpressionRow<'a> {
    /// Lists what few beacons have: events, errors, orders.
    fn list(&mut self, open: &'a Open) -> Result<()> {
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
                self.event_names.push(name);
            }
            if let Some((message, source)) = detail.error
                && self.error_messages.len() < LISTED_MAX
            {
                self.error_messages.push(match source {
                    "" => message.into(),
                    source => format!("{message} ({source})").into(),
                });
            }
            if let (None, true, Some(order)) = (&self.currency, Tells(fact.tells).any(Tells::FIRST_ORDER), detail.order)
            {
                self.currency = order.currency;
            }
        }
        Ok(())
    }
}

/// The row of a session; none for beacons without any impression.
pub(super) fn session<'a>(visits: &'a Visits, session: &Session) -> Option<SessionRow<'a>> {
    let entry = visits.segments.get(session.entry?)?;
    let exit = visits.segments.get(session.exit?)?;
    let exit_page = match &exit.body {
        Body::Closed(closed) => &closed.page,
        Body::Open(open) => open.key.as_ref()?.dimensions.get(Dimension::Page),
        Body::Overflow(_) => return None,
    };
    let Body::Closed(entry) = &entry.body else { return None };
    let mut issues = Issues(session.totals.issues);
    if session.oversized {
        issues.add(Issue::OversizedSession);
    }
    Some(SessionRow {
        site: visits.who.site,
        time_ms: session.first_ms,
        end_ms: session.last_ms,
        session: visits.session_id(),
        user: entry.user.as_deref(),
        visitor: visits.who.visitor,
        impressions: session.impressions,
        beacons: session.totals.beacons,
        events: session.totals.events,
        errors: session.totals.errors,
        orders: session.totals.orders,
        revenue_cents: session.totals.revenue_cents,
        bounce: session.is_bounce(),
        exit_page,
        dimensions: &entry.key.as_ref()?.dimensions,
        issues,
    })
}
