//! The numbers of the benchmark, and who is known when an event happens.

use std::ops::Range;

use crate::catalog::Settings;
use crate::error::{Error, Result};
use crate::generate::{below, mix, unit};

/// Ids begin here.
pub(super) const FIRST_ID: i64 = 1_000;
/// Of so many people one is the hot seller and the hot bidder, of so many auctions one is hot.
const HOT_EVERY: u64 = 100;
/// People who bought and sold lately.
const ACTIVE_PEOPLE: u64 = 1_000;
/// Auctions that run at the same time.
const AUCTIONS_IN_FLIGHT: u64 = 100;
/// Bids and auctions may name people and auctions that come so much later.
const ID_LEAD: u64 = 10;

/// The kinds of events, as `event_type` tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Person = 0,
    Auction = 1,
    Bid = 2,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Person, Kind::Auction, Kind::Bid];
}

#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) seed: u64,
    pub(super) events: Option<u64>,
    pub(super) rate: u64,
    pub(super) limited: bool,
    pub(super) base_ms: Option<i64>,
    pub(super) people: u64,
    pub(super) auctions: u64,
    pub(super) bids: u64,
    pub(super) person_bytes: u64,
    pub(super) auction_bytes: u64,
    pub(super) bid_bytes: u64,
    hot_auctions: u64,
    hot_bidders: u64,
    hot_sellers: u64,
}

impl Config {
    pub(super) fn new(settings: &Settings<'_>) -> Result<Self> {
        let positive = |name: &'static str| match settings.integer(name) {
            Some(number @ 1..=1_000_000_000) => Ok(number),
            other => {
                let given = other.map(|number| number.to_string()).unwrap_or_default();
                Err(Error::invalid(name, given, "say a number from 1 to 1000000000"))
            }
        };
        let rate = positive("first-event.rate")?;
        if let Some(next) = settings.integer("next-event.rate").filter(|next| *next != rate) {
            let rule = "rates that change are not made; say the same as `first-event.rate`";
            return Err(Error::invalid("next-event.rate", next.to_string(), rule));
        }
        let proportion = |name| settings.integer(name).unwrap_or(0).min(1_000_000);
        let config = Config {
            seed: settings.integer("seed").unwrap_or(0),
            events: settings.integer("events.num").filter(|events| *events > 0),
            rate,
            limited: settings.flag("rate.limited"),
            base_ms: settings.integer("base-time").map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
            people: proportion("person.proportion"),
            auctions: proportion("auction.proportion"),
            bids: proportion("bid.proportion"),
            person_bytes: settings.bytes("person.avg-size").unwrap_or(0),
            auction_bytes: settings.bytes("auction.avg-size").unwrap_or(0),
            bid_bytes: settings.bytes("bid.avg-size").unwrap_or(0),
            hot_auctions: positive("bid.hot-ratio.auctions")?,
            hot_bidders: positive("bid.hot-ratio.bidders")?,
            hot_sellers: positive("auction.hot-ratio.sellers")?,
        };
        if config.people == 0 || config.auctions == 0 {
            let rule = "there must be people to sell and bid, and auctions to bid on";
            return Err(Error::invalid("person.proportion", "0", rule));
        }
        Ok(config)
    }

    /// Events of a round.
    pub(super) fn round(&self) -> u64 {
        self.people + self.auctions + self.bids
    }

    /// When event `number` happens, milliseconds since 1970.
    pub(super) fn time_ms(&self, number: u64, base_ms: i64) -> i64 {
        base_ms.saturating_add_unsigned(self.after_ms(number))
    }

    /// When events happen whose numbers follow each other: a division for all.
    pub(super) fn times_ms(&self, numbers: Range<u64>, base_ms: i64, out: &mut Vec<i64>) {
        if numbers.end > u64::MAX / 1_000 {
            return out.extend(numbers.map(|number| self.time_ms(number, base_ms)));
        }
        let (mut after, mut rest) = (numbers.start * 1_000 / self.rate, numbers.start * 1_000 % self.rate);
        let (step, step_rest) = (1_000 / self.rate, 1_000 % self.rate);
        out.extend(numbers.map(|_| {
            let time = base_ms.saturating_add_unsigned(after);
            (after, rest) = (after + step, rest + step_rest);
            if rest >= self.rate {
                (after, rest) = (after + 1, rest - self.rate);
            }
            time
        }));
    }

    fn after_ms(&self, number: u64) -> u64 {
        match number.checked_mul(1_000) {
            Some(thousand) => thousand / self.rate,
            None => number / self.rate * 1_000,
        }
    }

    /// An independent random word of an event.
    pub(super) fn word(&self, salt: u64, number: u64) -> u64 {
        mix(self.seed ^ salt.wrapping_mul(0xA076_1D64_78BD_642F), number)
    }

    /// Someone who is active when the last of so many people has come.
    fn anyone(&self, last_person: u64, word: u64) -> u64 {
        let people = last_person + 1;
        let active = people.min(ACTIVE_PEOPLE);
        people - active + below(word, active + ID_LEAD)
    }

    pub(super) fn seller(&self, last_person: u64, number: u64) -> i64 {
        let person = match below(self.word(1, number), self.hot_sellers) {
            0 => self.anyone(last_person, self.word(2, number)),
            _ => last_person / HOT_EVERY * HOT_EVERY,
        };
        FIRST_ID + person as i64
    }

    pub(super) fn bidder(&self, last_person: u64, number: u64) -> i64 {
        // Both are made: a jump that goes either way at random costs more.
        let (anyone, hot) = (self.anyone(last_person, self.word(4, number)), last_person / HOT_EVERY * HOT_EVERY + 1);
        let is_hot = below(self.word(3, number), self.hot_bidders) > 0;
        FIRST_ID + std::hint::select_unpredictable(is_hot, hot, anyone) as i64
    }

    /// The auction of a bid.
    pub(super) fn auction(&self, last_auction: u64, number: u64) -> i64 {
        let oldest = last_auction.saturating_sub(AUCTIONS_IN_FLIGHT);
        let any = oldest + below(self.word(6, number), last_auction - oldest + 1 + ID_LEAD);
        let is_hot = below(self.word(5, number), self.hot_auctions) > 0;
        FIRST_ID + std::hint::select_unpredictable(is_hot, last_auction / HOT_EVERY * HOT_EVERY, any) as i64
    }

    /// How long an auction runs: on average as long as it takes until so many others have begun.
    pub(super) fn auction_length_ms(&self, number: u64) -> i64 {
        let events = AUCTIONS_IN_FLIGHT * self.round() / self.auctions;
        let horizon = self.after_ms(number.saturating_add(events)) - self.after_ms(number);
        1 + below(self.word(7, number), (horizon * 2).max(1)) as i64
    }

    /// Cents, from 1 to a million dollars, as many of each power of ten.
    pub(super) fn price(&self, salt: u64, number: u64) -> i64 {
        let power = unit(self.word(salt, number)) * 6.0 * std::f64::consts::LN_10;
        (power.exp() * 100.0).round() as i64
    }
}
