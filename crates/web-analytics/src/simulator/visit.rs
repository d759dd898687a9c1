//! What visitors do: sessions, their impressions, and which beacons of these arrive when.
//!
//! A session and its open impressions live in two slabs; the schedule refers to them by slot. Only open sessions take
//! memory, however long the simulation lasts.

mod impression;
mod slab;

use std::collections::VecDeque;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp1};

use impression::Plan;
pub(super) use impression::{Anomaly, Impression, Kind};
use slab::Slab;

use super::draw::Weighted;
use super::population::{Population, Visitor};
use super::schedule::{Schedule, What};
use super::settings::{self, Settings};
use super::shop::{Page, Referrer, Shop};
use super::truth::SeenSession;

/// How many of the last visitors may come back.
const REMEMBERED_VISITORS_MAX: usize = 1024;
const IMPRESSIONS_MAX: u32 = 60;
/// Share of sessions with one impression.
const SINGLE: f64 = 0.42;
/// Share of these whose visitor does something on the page.
const ENGAGED_SINGLE: f64 = 0.2;
/// Impressions of a session beyond two, so that all sessions together have the mean of the settings.
const MORE_IMPRESSIONS: f64 = (settings::IMPRESSIONS_PER_SESSION - SINGLE) / (1.0 - SINGLE) - 2.0;

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) number: u32,
    pub(super) cents: u32,
}

/// An order's confirmation page that will be opened again.
#[derive(Clone, Copy)]
struct Reload {
    visitor: Visitor,
    site: u16,
    order: Order,
}

/// A session that has begun and not ended.
pub(super) struct Session {
    pub(super) number: u64,
    pub(super) visitor: Visitor,
    pub(super) site: u16,
    /// The tracker could keep a session id.
    pub(super) has_id: bool,
    pub(super) seen: SeenSession,
    single: bool,
    impressions_left: u32,
    /// Planned and open impressions: the session ends with the last.
    alive: u32,
    dwell_us: f64,
    previous: Option<Page>,
    order: Option<Order>,
}

/// A beacon's surroundings.
pub(super) struct Scene<'a> {
    pub(super) session: &'a mut Session,
    pub(super) impression: &'a mut Impression,
}

/// All open visits.
pub(super) struct Visits {
    random: SmallRng,
    shop: Shop,
    sites: Weighted,
    sessions: Slab<Session>,
    impressions: Slab<Impression>,
    reloads: Slab<Reload>,
    known: VecDeque<Visitor>,
    extras: f64,
    dwell_median_us: f64,
    session_count: u64,
    impression_count: u64,
    visitor_count: u32,
    order_count: u32,
    /// Mean time between sessions, and when the last may begin and all must have ended.
    session_every_us: f64,
    begin_until_us: u64,
    end_us: u64,
}

impl Visits {
    pub(super) fn new(settings: &Settings, schedule: &mut Schedule) -> Self {
        let end_us = settings.duration.map_or(u64::MAX, |duration| duration.as_micros() as u64);
        let begin_share = if settings.duration.is_some() { 0.8 } else { 1.0 };
        let mut visits = Self {
            random: SmallRng::seed_from_u64(settings.seed),
            shop: Shop::new(),
            sites: Weighted::zipf(usize::from(settings.sites.max(1)), 1.0),
            sessions: Slab::default(),
            impressions: Slab::default(),
            reloads: Slab::default(),
            known: VecDeque::with_capacity(REMEMBERED_VISITORS_MAX),
            extras: impression::extras(settings),
            dwell_median_us: settings::DWELL_MEDIAN_SECONDS * 1e6 * settings.pace,
            session_count: 0,
            impression_count: 0,
            visitor_count: 0,
            order_count: 0,
            session_every_us: 1e6 * begin_share / settings.sessions_per_second(),
            begin_until_us: (end_us as f64 * begin_share) as u64,
            end_us,
        };
        schedule.push(0, What::Session);
        if settings.dirty {
            visits.next_malformed(0, settings, schedule);
        }
        visits
    }

    /// A visitor comes, and the time of the next one is drawn.
    pub(super) fn open_session(
        &mut self,
        at: u64,
        settings: &Settings,
        population: &Population,
        schedule: &mut Schedule,
    ) {
        let pause: f64 = Exp1.sample(&mut self.random);
        let next = at + (pause * self.session_every_us) as u64;
        if next < self.begin_until_us {
            schedule.push(next, What::Session);
        }
        let site = self.sites.draw(&mut self.random) as u16;
        let bot = self.random.random_bool(settings.bots);
        let visitor = self.visitor(bot, population);
        let has_id = !(settings.dirty && self.random.random_bool(settings::WITHOUT_SESSION_ID));
        // Who has no session id is told by the address: it must not come back within the session's gap.
        let visitor = if has_id { visitor } else { self.new_visitor(bot, population) };
        let single = self.random.random_bool(SINGLE);
        let mut impressions = if single {
            1
        } else {
            2 + impression::geometric(MORE_IMPRESSIONS, &mut self.random).min(IMPRESSIONS_MAX - 2)
        };
        let order =
            (!bot && !single && self.random.random_bool(settings::ORDERS / (1.0 - SINGLE) / (1.0 - settings.bots)))
                .then(|| self.order());
        if order.is_some() {
            impressions = impressions.max(3);
        }
        let session = self.begin(at, visitor, site, has_id, impressions, order);
        self.open_impression(at, session, settings, schedule);
    }

    /// A visitor opens an order's confirmation page again, hours later.
    pub(super) fn open_reload(&mut self, at: u64, reload: u32, settings: &Settings, schedule: &mut Schedule) {
        let Some(Reload { visitor, site, order }) = self.reloads.remove(reload) else {
            return;
        };
        let impressions = 1 + impression::geometric(1.0, &mut self.random).min(3);
        let session = self.begin(at, visitor, site, true, impressions, None);
        self.plan_impression(at, session, Page::ThankYou, Some(order), settings, schedule);
    }

    /// A visitor of an open session opens the next page.
    pub(super) fn open_impression(&mut self, at: u64, session: u32, settings: &Settings, schedule: &mut Schedule) {
        let Some(open) = self.sessions.get(session) else {
            return;
        };
        let (left, order) = (open.impressions_left, open.order);
        let page = match (order, left) {
            (Some(_), 1) => Page::ThankYou,
            (Some(_), 2) => Page::Checkout,
            _ => self.shop.page(&mut self.random),
        };
        let order = order.filter(|_| left == 1);
        if let Some(order) = order {
            self.plan_reload(at, session, order, schedule);
        }
        self.plan_impression(at, session, page, order, settings, schedule);
    }

    /// The impression of a slot, with its session.
    pub(super) fn scene(&mut self, impression: u32) -> Option<Scene<'_>> {
        let impression = self.impressions.get_mut(impression)?;
        let session = self.sessions.get_mut(impression.session)?;
        Some(Scene { session, impression })
    }

    /// A beacon of the impression has arrived: gives the slots back once nothing more will come.
    pub(super) fn close(&mut self, impression: u32) {
        let Some(open) = self.impressions.get_mut(impression) else {
            return;
        };
        open.to_come -= 1;
        if open.to_come > 0 {
            return;
        }
        let slot = open.session;
        self.impressions.remove(impression);
        self.release(slot);
    }

    /// No session is open and no reload to come.
    #[cfg(test)]
    pub(super) fn is_over(&self) -> bool {
        self.sessions.is_empty() && self.impressions.is_empty() && self.reloads.is_empty()
    }

    /// Somebody who only passes by, and sends garbage.
    pub(super) fn passer_by(&mut self, population: &Population) -> Visitor {
        self.new_visitor(false, population)
    }

    /// Something that is not a beacon.
    pub(super) fn garbage(&mut self, body: &mut Vec<u8>) {
        body.clear();
        body.extend_from_slice(match self.random.random_range(0..5_u8) {
            0 => br#"{"v":1,"s":"5f0c","p":"a81b","n":0,"t":"na"#,
            1 => br#"{"v":1,"s":"5f0c","n":0,"t":"nav"}"#,
            2 => b"<script>alert(1)</script>",
            3 => br#"["not","a","beacon"]"#,
            _ => b"\x00\xff\xfe\x01",
        });
    }

    pub(super) fn next_malformed(&mut self, at: u64, settings: &Settings, schedule: &mut Schedule) {
        let pause: f64 = Exp1.sample(&mut self.random);
        let next = at + (pause * 1e6 / (settings.rate * settings::GARBAGE)) as u64;
        if next < self.end_us {
            schedule.push(next, What::Malformed);
        }
    }

    fn begin(
        &mut self,
        at: u64,
        visitor: Visitor,
        site: u16,
        has_id: bool,
        impressions: u32,
        order: Option<Order>,
    ) -> u32 {
        self.session_count += 1;
        // A session that would outlast the simulation moves faster: dwell times reach 1.5 of the session's own, and
        // late beacons need a little more.
        let budget = (self.end_us - at) as f64 / (1.5 * f64::from(impressions) + 1.0);
        // A wide spread, as real reading times have.
        let dwell_us = impression::lognormal(self.dwell_median_us, 0.8, &mut self.random);
        let dwell_us = dwell_us.min(settings::DWELL_SECONDS_MAX * 1e6).min(budget);
        self.sessions.insert(Session {
            number: self.session_count,
            visitor,
            site,
            has_id,
            seen: SeenSession::default(),
            single: impressions == 1,
            impressions_left: impressions,
            alive: 1,
            dwell_us,
            previous: None,
            order,
        })
    }

    fn plan_impression(
        &mut self,
        at: u64,
        slot: u32,
        page: Page,
        order: Option<Order>,
        settings: &Settings,
        schedule: &mut Schedule,
    ) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        self.impression_count += 1;
        session.impressions_left -= 1;
        let random = &mut self.random;
        let dwell_us = session.dwell_us * random.random_range(0.5..1.5);
        let reload = session.previous == Some(page) || (session.previous.is_none() && page == Page::ThankYou);
        let plan = Plan {
            session: slot,
            number: self.impression_count,
            page,
            referrer: session.previous.map_or_else(|| self.shop.referrer(random), Referrer::Own),
            navigation: impression::navigation(reload, random),
            order,
            dwell_us,
            late_us: (0.6 * session.dwell_us).min(settings::LATE_SECONDS_MAX * 1e6),
            extras: self.extras,
            engaged: !session.single || random.random_bool(ENGAGED_SINGLE),
        };
        session.previous = Some(page);
        if session.impressions_left > 0 {
            session.alive += 1;
            schedule.push(at + dwell_us as u64, What::Impression { session: slot });
        }
        let mut impression = Impression::new(&plan, &session.visitor, settings, random);
        let place = self.impressions.vacant();
        impression.schedule(place, at, &plan, settings, random, schedule);
        if impression.to_come > 0 {
            self.impressions.insert(impression);
        } else {
            self.release(slot);
        }
    }

    fn plan_reload(&mut self, at: u64, session: u32, order: Order, schedule: &mut Schedule) {
        let Some(open) = self.sessions.get(session) else {
            return;
        };
        let (visitor, site, dwell_us) = (open.visitor, open.site, open.dwell_us);
        if !open.has_id || !self.random.random_bool(settings::CONFIRMATIONS_RELOADED) {
            return;
        }
        // Hours at the pace of a person: hundreds of dwell times. A short simulation has to be content with less.
        let soonest = at + (4.0 * dwell_us) as u64;
        let latest = self.begin_until_us.min(at + (900.0 * dwell_us) as u64);
        if soonest < latest {
            let due = self.random.random_range(soonest..latest);
            let reload = self.reloads.insert(Reload { visitor, site, order });
            schedule.push(due, What::Reload { reload });
        }
    }

    /// One of a session's impressions is over.
    fn release(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        session.alive -= 1;
        if session.alive > 0 {
            return;
        }
        if let Some(session) = self.sessions.remove(slot)
            && session.has_id
            && !session.visitor.bot
        {
            if self.known.len() == REMEMBERED_VISITORS_MAX {
                self.known.pop_front();
            }
            self.known.push_back(session.visitor);
        }
    }

    fn visitor(&mut self, bot: bool, population: &Population) -> Visitor {
        if !bot && !self.known.is_empty() && self.random.random_bool(settings::RETURNING) {
            let at = self.random.random_range(0..self.known.len());
            if let Some(visitor) = self.known.remove(at) {
                return visitor;
            }
        }
        self.new_visitor(bot, population)
    }

    fn new_visitor(&mut self, bot: bool, population: &Population) -> Visitor {
        self.visitor_count += 1;
        population.visitor(self.visitor_count, bot, &mut self.random)
    }

    fn order(&mut self) -> Order {
        self.order_count += 1;
        Order { number: self.order_count, cents: Shop::order_cents(&mut self.random) }
    }
}
