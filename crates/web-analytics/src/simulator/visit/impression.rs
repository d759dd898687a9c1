//! A page impression: what is measured in it, and when which of its beacons arrive.

use rand::Rng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, Exp1, StandardNormal};

use super::{Order, Page, Referrer};
use crate::simulator::population::Visitor;
use crate::simulator::schedule::{Schedule, What};
use crate::simulator::settings::{self, Settings};
use crate::simulator::truth::SeenImpression;

const NAV_LOST: f64 = 0.005;
const LOAD_LOST: f64 = 0.015;
const VITALS_LOST: f64 = 0.015;
/// Beacons of an impression at most.
const SCRIPT_MAX: usize = 16;
/// nav, load, vitals, order and the last.
const SCRIPT_FIXED: usize = 5;

/// What a beacon tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Kind {
    Nav,
    Load,
    Vitals,
    Interaction,
    Notice,
    Ping,
    Error,
    Order,
    Leave,
}

impl Kind {
    /// The beacon carries the timers known so far.
    pub(in crate::simulator) fn has_timers(self) -> bool {
        matches!(self, Self::Load | Self::Vitals | Self::Leave)
    }
}

/// What is wrong with an impression, if anything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Anomaly {
    None,
    /// The load took longer than anybody waits.
    MetricOutOfRange,
    /// The browser's clock is off by this many days.
    ClockSkew(i32),
    /// The load beacon names another page than the others.
    StaticConflict,
    /// The load beacon names another group than the others.
    GroupConflict,
    /// The navigation beacon's viewport is a word.
    MalformedField,
}

/// Timers in tenths of a millisecond, CLS in ten-thousandths.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Timers {
    pub(in crate::simulator) ttfb: u32,
    pub(in crate::simulator) fcp: u32,
    pub(in crate::simulator) dcl: u32,
    pub(in crate::simulator) load: u32,
    pub(in crate::simulator) lcp: u32,
    pub(in crate::simulator) inp: u32,
    pub(in crate::simulator) cls: u32,
}

/// What an impression is made from.
pub(super) struct Plan {
    pub(super) session: u32,
    pub(super) number: u64,
    pub(super) page: Page,
    pub(super) referrer: Referrer,
    pub(super) navigation: &'static str,
    pub(super) order: Option<Order>,
    /// Time on the page.
    pub(super) dwell_us: f64,
    /// Most that a beacon may be late.
    pub(super) late_us: f64,
    /// Mean number of beacons beside the fixed ones.
    pub(super) extras: f64,
    /// The visitor does something on the page.
    pub(super) engaged: bool,
}

/// An impression some of whose beacons are still to come.
pub(in crate::simulator) struct Impression {
    pub(in crate::simulator) number: u64,
    pub(in crate::simulator) page: Page,
    pub(in crate::simulator) referrer: Referrer,
    pub(in crate::simulator) navigation: &'static str,
    pub(in crate::simulator) order: Option<Order>,
    pub(in crate::simulator) anomaly: Anomaly,
    pub(in crate::simulator) timers: Timers,
    pub(in crate::simulator) seen: SeenImpression,
    pub(super) session: u32,
    /// Beacons that have not arrived yet.
    pub(super) to_come: u8,
    script: [Kind; SCRIPT_MAX],
    length: u8,
}

impl Impression {
    pub(super) fn new(plan: &Plan, visitor: &Visitor, settings: &Settings, random: &mut SmallRng) -> Self {
        let mut script = [Kind::Ping; SCRIPT_MAX];
        script[..3].copy_from_slice(&[Kind::Nav, Kind::Load, Kind::Vitals]);
        let extras = if visitor.bot { 0 } else { geometric(plan.extras, random) as usize };
        let mut length = 3;
        for _ in 0..extras.min(SCRIPT_MAX - SCRIPT_FIXED) {
            script[length] = extra(plan.engaged, random);
            length += 1;
        }
        if plan.order.is_some() {
            script[length] = Kind::Order;
            length += 1;
        }
        script[length] = Kind::Leave;
        Self {
            number: plan.number,
            page: plan.page,
            referrer: plan.referrer,
            navigation: plan.navigation,
            order: plan.order,
            anomaly: if settings.dirty { anomaly(random) } else { Anomaly::None },
            timers: timers(visitor, random),
            seen: SeenImpression::default(),
            session: plan.session,
            to_come: 0,
            script,
            length: length as u8 + 1,
        }
    }

    /// What the beacon with this number tells.
    pub(in crate::simulator) fn kind(&self, number: u8) -> Kind {
        self.script.get(usize::from(number)).copied().unwrap_or(Kind::Ping)
    }

    /// Whether a beacon of this kind tells other statics than the rest of the impression.
    pub(in crate::simulator) fn deviates(&self, kind: Kind) -> bool {
        matches!(self.anomaly, Anomaly::StaticConflict | Anomaly::GroupConflict) && kind == Kind::Load
    }

    /// Decides which beacons arrive and when, and schedules them as those of the impression in `slot`.
    pub(super) fn schedule(
        &mut self,
        slot: u32,
        at: u64,
        plan: &Plan,
        settings: &Settings,
        random: &mut SmallRng,
        schedule: &mut Schedule,
    ) {
        let load_us = f64::from(self.timers.load) * 100.0;
        for number in 0..self.length {
            let kind = self.kind(number);
            if random.random_bool(lost(kind)) {
                continue;
            }
            // Fast visitors leave before slow pages are there: then the load takes its share of the time.
            let after = match kind {
                Kind::Nav => 0.0,
                Kind::Load => load_us.min(0.25 * plan.dwell_us),
                Kind::Order => (load_us + 1e5).min(0.3 * plan.dwell_us),
                Kind::Vitals => (load_us + 1e6).min(0.4 * plan.dwell_us),
                Kind::Leave => plan.dwell_us,
                _ => plan.dwell_us * random.random_range(0.3..0.98),
            };
            let late =
                if random.random_bool(settings::BEACONS_LATE) { plan.late_us * random.random::<f64>() } else { 0.0 };
            let due = at + (after + late) as u64;
            schedule.push(due, What::Beacon { impression: slot, number });
            self.to_come += 1;
            if settings.dirty && random.random_bool(settings::BEACONS_TWICE) {
                let again = due + (0.3 * plan.late_us * random.random::<f64>()) as u64;
                schedule.push(again, What::Beacon { impression: slot, number });
                self.to_come += 1;
            }
        }
    }
}

/// Mean number of extra beacons of a human's impression, so that all impressions together have the settings' mean.
pub(super) fn extras(settings: &Settings) -> f64 {
    let twice = if settings.dirty { settings::BEACONS_TWICE } else { 0.0 };
    let orders = settings::ORDERS / settings::IMPRESSIONS_PER_SESSION;
    let fixed = 4.0 - NAV_LOST - LOAD_LOST - VITALS_LOST - settings::LAST_BEACON_LOST + orders;
    (settings::BEACONS_PER_IMPRESSION / (1.0 + twice) - fixed) / (1.0 - settings.bots).max(0.01)
}

/// How an impression began.
pub(super) fn navigation(reload: bool, random: &mut SmallRng) -> &'static str {
    match random.random_range(0..100_u8) {
        _ if reload => "reload",
        0..=5 => "back_forward",
        6..=7 => "prerender",
        _ => "navigate",
    }
}

/// Failures before a success, `mean` on average.
pub(super) fn geometric(mean: f64, random: &mut SmallRng) -> u32 {
    let success = 1.0 / (1.0 + mean);
    let draw: f64 = Exp1.sample(random);
    (draw / -(1.0 - success).ln()) as u32
}

fn lost(kind: Kind) -> f64 {
    match kind {
        Kind::Nav => NAV_LOST,
        Kind::Load => LOAD_LOST,
        Kind::Vitals => VITALS_LOST,
        Kind::Leave => settings::LAST_BEACON_LOST,
        _ => 0.0,
    }
}

fn extra(engaged: bool, random: &mut SmallRng) -> Kind {
    match random.random_range(0..100_u8) {
        0..=44 if engaged => Kind::Interaction,
        0..=59 => Kind::Notice,
        60..=95 => Kind::Ping,
        _ => Kind::Error,
    }
}

fn anomaly(random: &mut SmallRng) -> Anomaly {
    if !random.random_bool(settings::ANOMALIES) {
        return Anomaly::None;
    }
    match random.random_range(0..5_u8) {
        0 => Anomaly::MetricOutOfRange,
        1 => Anomaly::ClockSkew(if random.random() { -3650 } else { random.random_range(2..400) }),
        2 => Anomaly::StaticConflict,
        3 => Anomaly::GroupConflict,
        _ => Anomaly::MalformedField,
    }
}

/// Lognormal around 1.3 s (LCP of group A) and 2.1 s (group B), phones a little slower.
fn timers(visitor: &Visitor, random: &mut SmallRng) -> Timers {
    let slow = if visitor.mobile { 1.15 } else { 0.95 };
    let (lcp_ms, inp_ms) = if visitor.group_b { (2100.0, 110.0) } else { (1300.0, 75.0) };
    let lcp = lognormal(lcp_ms * slow, 0.45, random).min(45_000.0);
    let fcp = lcp * random.random_range(0.45..0.9);
    let ttfb = fcp * random.random_range(0.15..0.55);
    let load = lcp * random.random_range(1.05..1.6) + 80.0;
    let dcl = fcp + (load - fcp) * random.random_range(0.2..0.7);
    let tenths = |ms: f64| (ms.min(59_000.0) * 10.0) as u32;
    let shifts = random.random::<f64>();
    Timers {
        ttfb: tenths(ttfb),
        fcp: tenths(fcp),
        dcl: tenths(dcl),
        load: tenths(load),
        lcp: tenths(lcp),
        inp: tenths(lognormal(inp_ms * slow, 0.7, random)),
        // A third of all pages never shift; few shift much.
        cls: if shifts < 0.33 { 0 } else { (lognormal(0.03, 1.0, random).min(2.0) * 1e4) as u32 },
    }
}

pub(super) fn lognormal(median: f64, spread: f64, random: &mut SmallRng) -> f64 {
    let normal: f64 = StandardNormal.sample(random);
    median * (spread * normal).exp()
}
