//! What operators tell each other about a beacon: normalised, annotated, compact.
//!
//! A message is one byte for the verdict on its order, then a [`Message`] in postcard's encoding. What does not change
//! within an impression ([`Statics`]) is a block of its own, so that the join keeps it once.

use crate::beacon::{Beacon, Issue, Issues, TIMERS, Tells};
use crate::envelope::{Envelope, VisitorHash};
use crate::error::{Error, Result};
use crate::sites::Site;
use crate::summary::cell::{CUSTOM_DIMENSIONS, SiteId};
use crate::user_agent::Agent;
use serde::{Deserialize, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_128;

/// A browser's clock that is further off is flagged.
pub const CLOCK_SKEW_MS_MAX: u64 = 24 * 3_600_000;

/// What a message says about its order, in its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// There is none.
    NoOrder = 0,
    /// It is the first of its id.
    First = 1,
    /// It was counted before.
    Duplicate = 2,
}

/// One beacon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message<'a> {
    /// The site.
    pub site: u32,
    /// Who sent it.
    pub visitor: [u8; 16],
    /// Session id; empty where the visitor tells the session.
    pub session: &'a str,
    /// Page-impression id.
    pub impression: &'a str,
    /// Its number in the stream's shard.
    pub sequence: u64,
    /// Number of the beacon within its impression.
    pub number: u16,
    /// What it tells.
    pub tells: u16,
    /// Issues of the beacon itself.
    pub issues: u16,
    /// The browser's clock.
    pub client_time_ms: Option<i64>,
    /// Timers by [`crate::beacon::Timer`]; NaN where there is none.
    pub timers: [f32; TIMERS],
    /// The user agent's header: not one of the statics, since many visitors share it.
    pub agent: &'a str,
    /// Encoded [`Statics`].
    #[serde(serialize_with = "as_bytes")]
    pub statics: &'a [u8],
    /// What few beacons have.
    #[serde(borrow)]
    pub detail: Option<Detail<'a>>,
}

/// Fields that do not change within an impression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statics<'a> {
    /// Page address.
    pub url: Option<&'a str>,
    /// Referrer.
    pub referrer: Option<&'a str>,
    /// [`crate::beacon::Navigation`].
    pub navigation: Option<u8>,
    /// A/B group.
    pub group: Option<&'a str>,
    /// The site's own dimensions, in the order of its settings.
    pub custom: [Option<&'a str>; CUSTOM_DIMENSIONS],
    /// Visitor id.
    pub user: Option<&'a str>,
    /// Viewport in px.
    pub viewport: (Option<u16>, Option<u16>),
    /// Effective connection type.
    pub connection: Option<&'a str>,
    /// Country.
    pub country: Option<[u8; 2]>,
    /// Browser family.
    pub browser: &'a str,
    /// Operating system family.
    pub os: &'a str,
    /// Kind of device.
    pub device: &'a str,
    /// Kind of declared bot.
    pub bot: &'a str,
}

/// Event, error and order of a beacon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detail<'a> {
    /// Name of the event.
    pub event: Option<&'a str>,
    /// Message and source of the script error.
    pub error: Option<(&'a str, &'a str)>,
    /// The order: only its hash is kept.
    pub order: Option<OrderTold>,
}

/// An order as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTold {
    /// Keyed hash of its id.
    pub hash: [u8; 16],
    /// Its value.
    pub value_cents: i64,
    /// ISO 4217.
    pub currency: Option<[u8; 3]>,
}

impl<'a> Message<'a> {
    /// Says of a parsed beacon what the join needs. `statics` is a buffer that is used again.
    pub fn new(
        site: &Site,
        envelope: &Envelope<'a>,
        beacon: &'a Beacon<'a>,
        agent: &'a Agent,
        (time_ms, sequence): (i64, u64),
        statics: &'a mut Vec<u8>,
    ) -> Result<Self> {
        let mut issues = beacon.issues;
        if beacon.client_time_ms.is_some_and(|client| client.abs_diff(time_ms) > CLOCK_SKEW_MS_MAX) {
            issues.add(Issue::ClockSkew);
        }
        if !site.knows_group(beacon.group.as_deref().unwrap_or_default()) {
            issues.add(Issue::UnknownGroup);
        }
        let order = beacon.order.as_ref().map(|order| OrderTold {
            hash: site.order_hash(&order.id),
            value_cents: order.value_cents,
            currency: order.currency,
        });
        let error = beacon.error.as_ref().map(|error| (&*error.message, &*error.source));
        let detail = Detail { event: beacon.event.as_deref(), error, order };
        let custom = std::array::from_fn(|place| {
            let name = site.dimensions.get(place)?;
            beacon.dimensions.iter().find(|(known, _)| **known == **name).map(|(_, value)| &**value)
        });
        let constant = Statics {
            url: beacon.url.as_deref(),
            referrer: beacon.referrer.as_deref(),
            navigation: beacon.navigation.map(|kind| kind as u8),
            group: beacon.group.as_deref(),
            custom,
            user: beacon.user.as_deref(),
            viewport: beacon.viewport,
            connection: beacon.connection.as_deref(),
            country: envelope.country,
            browser: &agent.browser,
            os: &agent.os,
            device: agent.device,
            bot: &agent.bot,
        };
        statics.clear();
        append(&constant, statics)?;
        Ok(Self {
            site: envelope.site.0,
            visitor: envelope.visitor.0,
            session: beacon.session.as_deref().unwrap_or_default(),
            impression: &beacon.impression,
            sequence,
            number: beacon.number,
            tells: beacon.tells.0,
            issues: issues.0,
            client_time_ms: beacon.client_time_ms,
            timers: beacon.timers.map(|timer| timer.map_or(f32::NAN, |value| value as f32)),
            agent: envelope.user_agent,
            statics,
            detail: Some(detail).filter(|detail| *detail != Detail::default()),
        })
    }

    /// The key by which a session's beacons meet.
    pub fn session_key(&self) -> [u8; 16] {
        if self.session.is_empty() {
            return xxh3_128(&[&self.site.to_le_bytes()[..], &self.visitor].concat()).to_be_bytes();
        }
        let mut id = [0; 5 + crate::beacon::ID_BYTES_MAX];
        let [a, b, c, d] = self.site.to_le_bytes();
        let head = [b's', a, b, c, d];
        let bytes = head.iter().chain(self.session.as_bytes());
        let len = id.iter_mut().zip(bytes).map(|(to, from)| *to = *from).count();
        xxh3_128(id.get(..len).unwrap_or_default()).to_be_bytes()
    }

    /// The key by which beacons of one order meet, where there is an order.
    pub fn order_key(&self) -> Option<[u8; 20]> {
        let order = self.detail.as_ref()?.order?;
        let mut key = [0; 20];
        let (site, hash) = key.split_at_mut(4);
        site.copy_from_slice(&self.site.to_be_bytes());
        hash.copy_from_slice(&order.hash);
        Some(key)
    }

    /// The site.
    pub fn site(&self) -> SiteId {
        SiteId(self.site)
    }

    /// The visitor.
    pub fn visitor(&self) -> VisitorHash {
        VisitorHash(self.visitor)
    }

    /// Appends the message to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<()> {
        out.push(Verdict::NoOrder as u8);
        append(self, out)
    }

    /// Reads a message; the verdict on its order becomes part of what it tells.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let (verdict, rest) = bytes.split_first().ok_or_else(|| Error::damaged("beacon message", "it is empty"))?;
        let mut message: Self = read(rest, "beacon message")?;
        if *verdict == Verdict::First as u8 {
            message.tells |= Tells::FIRST_ORDER.0;
        } else if *verdict == Verdict::Duplicate as u8 {
            let mut issues = Issues(message.issues);
            issues.add(Issue::DuplicateOrder);
            message.issues = issues.0;
        }
        Ok(message)
    }
}

/// Writes the verdict on a message's order.
pub fn set_verdict(message: &mut [u8], verdict: Verdict) {
    if let Some(first) = message.first_mut() {
        *first = verdict as u8;
    }
}

impl<'a> Statics<'a> {
    /// Reads what [`Message::statics`] holds.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        read(bytes, "beacon message")
    }
}

/// In one piece; serde would write them one by one.
fn as_bytes<S: Serializer>(bytes: &[u8], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

pub(crate) fn append<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    let written = postcard::to_extend(value, std::mem::take(out));
    *out = written.map_err(|error| Error::damaged("beacon message", error.to_string()))?;
    Ok(())
}

pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &'static str) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|error| Error::damaged(what, error.to_string()))
}
