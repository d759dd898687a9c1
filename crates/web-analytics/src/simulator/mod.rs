//! Simulated visitors of a shop, and the truth about them.
//!
//! ```text
//!  Settings ──► Simulator ──► Arrival (when due, user agent, address, body) ──► load generator, or straight into a log
//!                   └───────► Expected: what every correct pipeline must say about the arrivals so far
//! ```
//!
//! A simulator is a pure function of its [`Settings`]: the same seed gives the same arrivals byte for byte, on any
//! machine and at any speed, because it has no clock of its own. Time is virtual: each arrival says when it is due,
//! counted from the start.
//!
//! The traffic has the shape of a large deployment (figures in [`settings`]): 5.6 beacons a page impression, 3.6
//! impressions a session, 18 % of impressions missing their last beacon, order confirmations that are reloaded hours
//! later in another session, declared bots, two A/B groups of different speed. And it is dirty as real traffic is:
//! beacons out of order and twice, wrong clocks, absurd numbers, fields of a wrong type, garbage.
//!
//! The truth is counted as the beacons leave, by rules written here a second time and from the documentation
//! (`docs/web-analytics/beacons.md`), so that it can disagree with the pipeline.
//!
//! ```
//! use tidemill_web_analytics::simulator::{Population, Settings, Simulator};
//! use std::time::Duration;
//!
//! let settings = Settings { duration: Some(Duration::from_secs(5)), ..Settings::default() };
//! let mut simulator = Simulator::new(settings, Population::built_in());
//! let mut beacons = 0;
//! while let Some(arrival) = simulator.next_arrival() {
//!     beacons += u64::from(!arrival.malformed);
//! }
//! assert_eq!(beacons, simulator.expected().beacons);
//! ```

mod beacon;
mod draw;
mod population;
mod schedule;
pub mod settings;
mod shop;
mod truth;
mod visit;

#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::time::Duration;

pub use population::Population;
pub use settings::Settings;
pub use truth::Expected;

use schedule::{Schedule, What};
use truth::Truth;
use visit::Visits;

/// A beacon as it reaches the collector.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// When it is due, from the start of the simulation. Never decreases.
    pub at: Duration,
    /// Which of the simulated sites, from 0.
    pub site: u16,
    /// The header `User-Agent`.
    pub user_agent: &'a str,
    /// The visitor's address, for the header `X-Forwarded-For`.
    pub address: Ipv4Addr,
    /// The visitor's country, ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// The request's body.
    pub body: &'a [u8],
    /// The first beacon of a session.
    pub opens_session: bool,
    /// Not a beacon at all: the collector must put it into quarantine.
    pub malformed: bool,
}

/// The simulation; see the [module](self).
pub struct Simulator {
    settings: Settings,
    population: Population,
    schedule: Schedule,
    visits: Visits,
    truth: Truth,
    body: Vec<u8>,
}

impl Simulator {
    /// Starts a simulation.
    pub fn new(settings: Settings, population: Population) -> Self {
        let mut schedule = Schedule::default();
        let visits = Visits::new(&settings, &mut schedule);
        Self { settings, population, schedule, visits, truth: Truth::default(), body: Vec::with_capacity(1024) }
    }

    /// The next beacon, or `None` when the run is over and every session has ended.
    pub fn next_arrival(&mut self) -> Option<Arrival<'_>> {
        loop {
            let due = self.schedule.pop()?;
            match due.what {
                What::Session => self.visits.open_session(due.at, &self.settings, &self.population, &mut self.schedule),
                What::Impression { session } => {
                    self.visits.open_impression(due.at, session, &self.settings, &mut self.schedule);
                }
                What::Malformed => return Some(self.malformed(due.at)),
                What::Reload { reload } => {
                    self.visits.open_reload(due.at, reload, &self.settings, &mut self.schedule);
                }
                What::Beacon { impression, number } => {
                    return self.beacon(due.at, impression, number);
                }
            }
        }
    }

    /// What is true of the arrivals handed out so far.
    pub fn expected(&self) -> Expected {
        self.truth.expected()
    }

    /// How many of the arrivals so far belong into quarantine.
    pub fn quarantined(&self) -> u64 {
        self.truth.quarantined()
    }

    fn beacon(&mut self, at: u64, impression: u32, number: u8) -> Option<Arrival<'_>> {
        let mut scene = self.visits.scene(impression)?;
        beacon::write(&mut self.body, &scene, number, at, &self.settings);
        let opens_session = self.truth.saw(&mut scene, number);
        let (visitor, site) = (scene.session.visitor, scene.session.site);
        self.visits.close(impression);
        Some(Arrival {
            at: Duration::from_micros(at),
            site,
            user_agent: self.population.user_agent(visitor.agent),
            address: visitor.address,
            country: visitor.country,
            body: &self.body,
            opens_session,
            malformed: false,
        })
    }

    fn malformed(&mut self, at: u64) -> Arrival<'_> {
        let visitor = self.visits.passer_by(&self.population);
        self.visits.garbage(&mut self.body);
        self.visits.next_malformed(at, &self.settings, &mut self.schedule);
        self.truth.saw_garbage();
        Arrival {
            at: Duration::from_micros(at),
            site: 0,
            user_agent: self.population.user_agent(visitor.agent),
            address: visitor.address,
            country: visitor.country,
            body: &self.body,
            opens_session: false,
            malformed: true,
        }
    }
}
