//! Who visits: real browsers by their share of the web's traffic, and declared bots.

use std::net::Ipv4Addr;

use rand::Rng;
use rand::rngs::SmallRng;
use serde::Deserialize;

use super::draw::Weighted;

const BROWSERS: &str = include_str!("../../tracker/dist/user-agents.json");
const CRAWLERS: &str = include_str!("../../tracker/dist/crawlers.json");

/// Where visitors live, with weights.
const COUNTRIES: [(&str, f64); 12] = [
    ("DE", 38.0),
    ("US", 16.0),
    ("AT", 8.0),
    ("CH", 7.0),
    ("GB", 7.0),
    ("FR", 6.0),
    ("NL", 5.0),
    ("PL", 4.0),
    ("ES", 3.0),
    ("IT", 3.0),
    ("SE", 2.0),
    ("JP", 1.0),
];

/// A browser as `user-agents.json` lists it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    user_agent: String,
    weight: f64,
    device_category: String,
    viewport: [u16; 2],
}

/// A declared bot as `crawlers.json` lists it.
#[derive(Deserialize)]
struct Crawler {
    instances: Vec<String>,
}

/// What a visitor brings along.
pub(super) struct Agent {
    user_agent: String,
    pub(super) viewport: [u16; 2],
    pub(super) mobile: bool,
    pub(super) bot: bool,
}

/// All that may visit.
pub struct Population {
    agents: Vec<Agent>,
    browsers: Weighted,
    bots: usize,
    countries: Weighted,
}

/// Somebody who visits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitor {
    /// Index into the population's agents.
    pub(super) agent: u32,
    pub(super) number: u32,
    pub(super) address: Ipv4Addr,
    pub(super) country: &'static str,
    pub(super) group_b: bool,
    pub(super) mobile: bool,
    pub(super) bot: bool,
    pub(super) viewport: [u16; 2],
}

impl Population {
    /// The lists that the tracker's build brings: 952 user agents with real weights, 2,118 declared bots.
    #[allow(clippy::expect_used, reason = "built into the binary, and a test reads them")]
    pub fn built_in() -> Self {
        let profiles: Vec<Profile> = serde_json::from_str(BROWSERS).expect("user-agents.json is well-formed");
        let crawlers: Vec<Crawler> = serde_json::from_str(CRAWLERS).expect("crawlers.json is well-formed");
        Self::new(profiles, crawlers)
    }

    fn new(profiles: Vec<Profile>, crawlers: Vec<Crawler>) -> Self {
        let browsers = Weighted::new(profiles.iter().map(|profile| profile.weight));
        let mut agents: Vec<Agent> = profiles
            .into_iter()
            .map(|profile| Agent {
                user_agent: profile.user_agent,
                viewport: profile.viewport,
                mobile: profile.device_category != "desktop",
                bot: false,
            })
            .collect();
        let bots = agents.len();
        agents.extend(crawlers.into_iter().flat_map(|crawler| crawler.instances).map(|user_agent| Agent {
            user_agent,
            viewport: [1024, 768],
            mobile: false,
            bot: true,
        }));
        Self { agents, browsers, bots, countries: Weighted::new(COUNTRIES.iter().map(|(_, weight)| *weight)) }
    }

    /// The header `User-Agent` of an agent.
    pub(super) fn user_agent(&self, agent: u32) -> &str {
        self.agents.get(agent as usize).map_or("", |agent| &agent.user_agent)
    }

    /// A new visitor, the `number`-th.
    pub(super) fn visitor(&self, number: u32, bot: bool, random: &mut SmallRng) -> Visitor {
        let agent = if bot { random.random_range(self.bots..self.agents.len()) } else { self.browsers.draw(random) };
        let profile = &self.agents[agent];
        Visitor {
            agent: agent as u32,
            number,
            // An address of its own for everybody, from 11.0.0.0 on: who has no session id is told by it.
            address: Ipv4Addr::from(0x0b00_0000_u32.wrapping_add(number)),
            country: COUNTRIES[self.countries.draw(random)].0,
            group_b: random.random(),
            mobile: profile.mobile,
            bot: profile.bot,
            viewport: profile.viewport,
        }
    }
}
