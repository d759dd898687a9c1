//! What operators tell each other about a beacon: normalised, annotated, compact.
//!
//! A message is one byte for the verdict on its order, then a [`Message`]: LEB128 integers, timers as far as there are
//! any, texts with their lengths. What does not change within an impression ([`Statics`]) is a block of
//! its own, so that the join keeps it once.

use crate::beacon::{Beacon, Issue, Issues, TIMERS, Tells};
use crate::envelope::{Envelope, VisitorHash};
use crate::error::{Error, Result};
use crate::sites::Site;
use crate::summary::cell::{CUSTOM_DIMENSIONS, SiteId};
use crate::summary::varint::{Reader, put, put_bytes, put_signed, put_texts};
use crate::user_agent::Agent;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// A browser's clock that is further off is flagged.
pub const CLOCK_SKEW_MS_MAX: u64 = 24 * 3_600_000;

const NAME: &str = "beacon message";

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
#[derive(Clone, Debug, PartialEq)]
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
    pub statics: &'a [u8],
    /// What few beacons have.
    pub detail: Option<Detail<'a>>,
}

/// Fields that do not change within an impression.
#[derive(Clone, Debug, Default, PartialEq)]
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
    ) -> Self {
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
        constant.encode(statics);
        Self {
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
        }
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
        put(out, u64::from(self.site));
        out.extend_from_slice(&self.visitor);
        put_texts(out, [self.session, self.impression, self.agent]);
        put(out, self.sequence);
        for value in [self.number, self.tells, self.issues] {
            put(out, u64::from(value));
        }
        put_timers(out, &self.timers, [self.client_time_ms.is_some(), self.detail.is_some()]);
        self.client_time_ms.iter().for_each(|client| put_signed(out, *client));
        put_bytes(out, self.statics);
        match &self.detail {
            Some(detail) => append(detail, out),
            None => Ok(()),
        }
    }

    /// Reads a message; the verdict on its order becomes part of what it tells.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, NAME);
        let verdict = reader.byte()?;
        let site = reader.int()?;
        let visitor = reader.take(16)?.first_chunk().copied().unwrap_or_default();
        let [session, impression, agent] = reader.texts()?;
        let sequence = reader.varint()?;
        let (number, mut tells, mut issues) = (reader.int()?, reader.int()?, reader.int()?);
        let (timers, [has_client_time, has_detail]) = read_timers(&mut reader)?;
        let client_time_ms = if has_client_time { Some(reader.signed()?) } else { None };
        let statics = reader.bytes()?;
        let detail = if has_detail { Some(read(reader.take(reader.remaining())?, NAME)?) } else { None };
        if verdict == Verdict::First as u8 {
            tells |= Tells::FIRST_ORDER.0;
        } else if verdict == Verdict::Duplicate as u8 {
            let mut all = Issues(issues);
            all.add(Issue::DuplicateOrder);
            issues = all.0;
        }
        Ok(Self {
            site,
            visitor,
            session,
            impression,
            sequence,
            number,
            tells,
            issues,
            client_time_ms,
            timers,
            agent,
            statics,
            detail,
        })
    }
}

/// Writes the verdict on a message's order.
pub fn set_verdict(message: &mut [u8], verdict: Verdict) {
    if let Some(first) = message.first_mut() {
        *first = verdict as u8;
    }
}

/// How many of [`Statics`] may be absent: four numbers, five texts, the site's own.
const OPTIONAL: usize = 9 + CUSTOM_DIMENSIONS;
/// How many of them are texts: those, and four that are always there.
const TEXTS: usize = 9 + CUSTOM_DIMENSIONS;

impl<'a> Statics<'a> {
    /// Appends the block that [`Message::statics`] is: which fields there are, then those.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let [a, b, c, d] = self.custom;
        let (width, height) = self.viewport;
        let there: [bool; OPTIONAL] = [
            self.navigation.is_some(),
            width.is_some(),
            height.is_some(),
            self.country.is_some(),
            self.url.is_some(),
            self.referrer.is_some(),
            self.group.is_some(),
            self.user.is_some(),
            self.connection.is_some(),
            a.is_some(),
            b.is_some(),
            c.is_some(),
            d.is_some(),
        ];
        put(out, there.into_iter().rev().fold(0, |mask, bit| mask << 1 | u64::from(bit)));
        out.extend(self.navigation);
        width.into_iter().chain(height).for_each(|px| put(out, u64::from(px)));
        out.extend(self.country.into_iter().flatten());
        let told = [self.url, self.referrer, self.group, self.user, self.connection, a, b, c, d];
        let [url, referrer, group, user, connection, a, b, c, d] = told.map(Option::unwrap_or_default);
        let agent = [self.browser, self.os, self.device, self.bot];
        let [browser, os, device, bot] = agent;
        put_texts(out, [url, referrer, group, user, connection, a, b, c, d, browser, os, device, bot]);
    }

    /// Reads what [`Message::statics`] holds.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, NAME);
        let mask = reader.varint()?;
        let there: [bool; OPTIONAL] = std::array::from_fn(|bit| mask >> bit & 1 == 1);
        let [navigation, width, height, country, texts @ ..] = there;
        let navigation = if navigation { Some(reader.byte()?) } else { None };
        let width = if width { Some(reader.int()?) } else { None };
        let height = if height { Some(reader.int()?) } else { None };
        let country = if country { reader.take(2)?.first_chunk().copied() } else { None };
        let [told @ .., browser, os, device, bot] = reader.texts::<TEXTS>()?;
        let told: [Option<&str>; 9] =
            std::array::from_fn(|i| told.get(i).filter(|_| texts.get(i) == Some(&true)).copied());
        let [url, referrer, group, user, connection, custom @ ..] = told;
        let viewport = (width, height);
        Ok(Self {
            url,
            referrer,
            navigation,
            group,
            custom,
            user,
            viewport,
            connection,
            country,
            browser,
            os,
            device,
            bot,
        })
    }
}

/// Appends those timers that there are, and two flags.
pub(crate) fn put_timers(out: &mut Vec<u8>, timers: &[f32; TIMERS], flags: [bool; 2]) {
    let told = |timer: &f32| !timer.is_nan();
    let bits = timers.iter().map(told).chain(flags);
    put(out, bits.rev().fold(0, |mask, bit| mask << 1 | u64::from(bit)));
    timers.iter().filter(|timer| told(timer)).for_each(|timer| out.extend_from_slice(&timer.to_le_bytes()));
}

/// Reads what [`put_timers`] wrote.
pub(crate) fn read_timers(reader: &mut Reader<'_>) -> Result<([f32; TIMERS], [bool; 2])> {
    let mask = reader.varint()?;
    let mut timers = [f32::NAN; TIMERS];
    for (_, timer) in timers.iter_mut().enumerate().filter(|(i, _)| mask >> i & 1 == 1) {
        *timer = reader.take(4)?.first_chunk().copied().map_or(f32::NAN, f32::from_le_bytes);
    }
    Ok((timers, [0, 1].map(|i| mask >> (TIMERS + i) & 1 == 1)))
}

pub(crate) fn append<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    let written = postcard::to_extend(value, std::mem::take(out));
    *out = written.map_err(|error| Error::damaged(NAME, error.to_string()))?;
    Ok(())
}

pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &'static str) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|error| Error::damaged(what, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn messages_come_back(
            numbers in any::<(u32, [u8; 16], u64, u16, u16, u16, Option<i64>)>(),
            texts in (".{0,9}", ".{0,9}", ".{0,9}", prop::option::of(".{0,9}")),
            statics in prop::collection::vec(any::<u8>(), 0..20),
            timers in prop::collection::vec(prop::option::of(any::<f32>()), TIMERS),
        ) {
            let (site, visitor, sequence, number, tells, issues, client_time_ms) = numbers;
            let (session, impression, agent, event) = &texts;
            let detail = event.as_ref().map(|event| Detail { event: Some(event), error: None, order: None });
            let timers = std::array::from_fn(|i| timers[i].unwrap_or(f32::NAN));
            let statics = &*statics;
            let message = Message {
                site, visitor, session, impression, sequence, number, tells, issues, client_time_ms, timers, agent, statics, detail,
            };
            let mut bytes = Vec::new();
            message.encode(&mut bytes).unwrap();
            let back = Message::decode(&bytes).unwrap();
            prop_assert_eq!(back.timers.map(f32::is_nan), timers.map(f32::is_nan));
            let told = |message: &Message<'_>| format!("{message:?}");
            prop_assert_eq!(told(&back), told(&message));
            set_verdict(&mut bytes, Verdict::First);
            prop_assert_eq!(Message::decode(&bytes).unwrap().tells, tells | Tells::FIRST_ORDER.0);
        }

        #[test]
        fn statics_come_back(
            texts in prop::array::uniform9(prop::option::of(".{0,9}")),
            agent in prop::array::uniform4(".{0,9}"),
            numbers in any::<(Option<u8>, (Option<u16>, Option<u16>), Option<[u8; 2]>)>(),
        ) {
            let [url, referrer, group, user, connection, custom @ ..] = texts.each_ref().map(Option::as_deref);
            let [browser, os, device, bot] = agent.each_ref().map(String::as_str);
            let (navigation, viewport, country) = numbers;
            let statics = Statics {
                url, referrer, navigation, group, custom, user, viewport, connection, country, browser, os, device, bot,
            };
            let mut bytes = Vec::new();
            statics.encode(&mut bytes);
            prop_assert_eq!(Statics::decode(&bytes).unwrap(), statics);
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
            let _ = Statics::decode(&bytes);
        }
    }
}
