//! What is true of the beacons that have left so far: the documented rules, applied one beacon at a time.

use serde::Serialize;

use super::visit::{Anomaly, Kind, Scene};

/// What every correct pipeline must answer, all bots included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Expected {
    /// Beacons, duplicates included, garbage not.
    pub beacons: u64,
    /// Page impressions.
    pub impressions: u64,
    /// Sessions.
    pub sessions: u64,
    /// Sessions with one impression and no interactive event.
    pub bounces: u64,
    /// Orders, each counted once.
    pub orders: u64,
    /// Their value.
    pub revenue_cents: u64,
    /// Impressions by declared bots.
    pub bots: u64,
    /// Issues flagged: each kind once an impression.
    pub issues: u64,
}

/// An issue that stays once it was found, as `docs/web-analytics/beacons.md` names them; the bit in
/// [`SeenImpression::issues`].
#[derive(Clone, Copy)]
enum Issue {
    DuplicateBeacon,
    MetricOutOfRange,
    ClockSkew,
    StaticConflict,
    GroupConflict,
    DuplicateOrder,
    MalformedField,
    GeneratedId,
}

/// What has been seen of an impression.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SeenImpression {
    /// By beacon number.
    numbers: u32,
    issues: u16,
    /// Some beacon told the usual statics, some told the deviating ones.
    usual: bool,
    deviating: bool,
    navigated: bool,
    loaded: bool,
}

impl SeenImpression {
    /// Until its navigation or its load is known it is no impression.
    fn counts(self) -> bool {
        self.navigated || self.loaded
    }

    fn issue_count(self) -> u64 {
        if !self.counts() {
            // Each of its beacons is an event without its impression.
            return u64::from(self.numbers.count_ones());
        }
        u64::from(self.issues.count_ones()) + u64::from(!self.navigated) + u64::from(!self.loaded)
    }
}

/// What has been seen of a session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SeenSession {
    begun: bool,
    impressions: u32,
    interactive: bool,
}

impl SeenSession {
    fn bounced(self) -> bool {
        self.impressions == 1 && !self.interactive
    }
}

/// The counts.
#[derive(Default)]
pub(super) struct Truth {
    expected: Expected,
    quarantined: u64,
    /// Orders seen, a bit each: they are numbered from 1.
    orders: Vec<u64>,
}

impl Truth {
    pub(super) fn expected(&self) -> Expected {
        self.expected
    }

    pub(super) fn quarantined(&self) -> u64 {
        self.quarantined
    }

    pub(super) fn saw_garbage(&mut self) {
        self.quarantined += 1;
    }

    /// A beacon has left; says whether it is the first of its session.
    pub(super) fn saw(&mut self, scene: &mut Scene<'_>, number: u8) -> bool {
        let kind = scene.impression.kind(number);
        let session_before = scene.session.seen;
        let impression_before = scene.impression.seen;
        let new_order = self.order(scene, kind);
        let seen = see(scene, kind, number, new_order);
        let new_impression = seen.counts() && !impression_before.counts();
        let session = &mut scene.session.seen;
        session.begun = true;
        session.impressions += u32::from(new_impression);
        session.interactive |= kind == Kind::Interaction;

        let expected = &mut self.expected;
        expected.beacons += 1;
        expected.impressions += u64::from(new_impression);
        expected.bots += u64::from(new_impression && scene.session.visitor.bot);
        expected.sessions += u64::from(session_before.impressions == 0 && session.impressions > 0);
        expected.bounces += u64::from(session.bounced());
        expected.bounces -= u64::from(session_before.bounced());
        expected.issues += seen.issue_count();
        expected.issues -= impression_before.issue_count();
        scene.impression.seen = seen;
        !session_before.begun
    }

    /// Counts the order of a beacon, and says of an order whether it is new.
    fn order(&mut self, scene: &Scene<'_>, kind: Kind) -> Option<bool> {
        let order = scene.impression.order.filter(|_| kind == Kind::Order)?;
        let (word, bit) = (order.number as usize / 64, 1_u64 << (order.number % 64));
        if self.orders.len() <= word {
            self.orders.resize(word + 1, 0);
        }
        let known = self.orders.get_mut(word)?;
        let new = *known & bit == 0;
        *known |= bit;
        if new {
            self.expected.orders += 1;
            self.expected.revenue_cents += u64::from(order.cents);
        }
        Some(new)
    }
}

/// The impression after one more of its beacons.
fn see(scene: &Scene<'_>, kind: Kind, number: u8, new_order: Option<bool>) -> SeenImpression {
    let impression = &scene.impression;
    let mut seen = impression.seen;
    let mut flag = |issue: Issue, found: bool| seen.issues |= u16::from(found) << issue as u16;
    if seen.numbers == 0 {
        flag(Issue::GeneratedId, !scene.session.has_id);
        flag(Issue::ClockSkew, matches!(impression.anomaly, Anomaly::ClockSkew(_)));
    }
    let again = seen.numbers & (1 << number) != 0;
    flag(Issue::DuplicateBeacon, again);
    // A beacon that comes twice does not make its order a duplicate.
    flag(Issue::DuplicateOrder, !again && new_order == Some(false));
    flag(Issue::MetricOutOfRange, impression.anomaly == Anomaly::MetricOutOfRange && kind.has_timers());
    flag(Issue::MalformedField, impression.anomaly == Anomaly::MalformedField && kind == Kind::Nav);
    let deviates = impression.deviates(kind);
    seen.usual |= !deviates;
    seen.deviating |= deviates;
    let conflict = seen.usual && seen.deviating;
    flag(Issue::StaticConflict, conflict && impression.anomaly == Anomaly::StaticConflict);
    flag(Issue::GroupConflict, conflict && impression.anomaly == Anomaly::GroupConflict);
    seen.navigated |= kind == Kind::Nav;
    seen.loaded |= kind == Kind::Load;
    seen.numbers |= 1 << number;
    seen
}
