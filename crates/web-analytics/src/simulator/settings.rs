//! What a simulation looks like. The shares are those of a large deployment with 2.8 billion beacons, 500 million
//! impressions and 140 million sessions a month.

use std::time::Duration;

/// Beacons of an impression, on average, that arrive.
pub const BEACONS_PER_IMPRESSION: f64 = 5.6;
/// Impressions of a session, on average.
pub const IMPRESSIONS_PER_SESSION: f64 = 3.6;
/// Share of impressions whose last beacon never arrives.
pub const LAST_BEACON_LOST: f64 = 0.18;
/// Share of sessions that end in an order.
pub const ORDERS: f64 = 0.03;
/// Share of orders whose confirmation page is reloaded in a later session.
pub const CONFIRMATIONS_RELOADED: f64 = 0.15;
/// Share of sessions by visitors that have been here before.
pub const RETURNING: f64 = 0.28;
/// Share of sessions without a session id: the tracker had no storage.
pub const WITHOUT_SESSION_ID: f64 = 0.01;
/// Share of beacons that arrive twice.
pub const BEACONS_TWICE: f64 = 0.004;
/// Share of beacons that arrive late, after some that were sent later.
pub const BEACONS_LATE: f64 = 0.03;
/// Share of impressions with one of the anomalies of [`super::visit::Anomaly`].
pub const ANOMALIES: f64 = 0.02;
/// Garbage sent to the collector, per beacon.
pub const GARBAGE: f64 = 0.001;
/// Median time on a page at a pace of 1.
pub const DWELL_MEDIAN_SECONDS: f64 = 25.0;
/// Longest time on a page at a pace of 1: two beacons of a session are never half an hour apart.
pub const DWELL_SECONDS_MAX: f64 = 400.0;

/// Latest that a beacon arrives: an impression is closed a minute after its page was left.
pub const LATE_SECONDS_MAX: f64 = 25.0;

/// The settings of a simulation: all of its input.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Everything random follows from it. All ids do, too: two runs into the same site need two seeds.
    pub seed: u64,
    /// Beacons a second, on average.
    pub rate: f64,
    /// How long the simulation lasts: sessions begin in its first four fifths, and all have ended when it is over.
    /// `None`: for ever.
    pub duration: Option<Duration>,
    /// How fast visitors move: 1 as people do, 0.1 ten times faster. Where a session would outlast the simulation it
    /// moves as much faster as it must.
    pub pace: f64,
    /// Share of sessions by declared bots.
    pub bots: f64,
    /// How many sites are visited; the first gets the most, by Zipf's law. At least 1.
    pub sites: u16,
    /// What the browsers' clocks say at the start, in Unix ms.
    pub start_ms: u64,
    /// Whether the traffic is dirty: anomalies, duplicates, garbage. Late and lost beacons are always there.
    pub dirty: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            rate: 200.0,
            duration: None,
            pace: 0.1,
            bots: 0.08,
            sites: 1,
            start_ms: 1_767_225_600_000,
            dirty: true,
        }
    }
}

impl Settings {
    /// Sessions that begin in a second, over the whole simulation.
    pub fn sessions_per_second(&self) -> f64 {
        self.rate / (BEACONS_PER_IMPRESSION * IMPRESSIONS_PER_SESSION)
    }
}
