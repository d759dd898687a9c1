//! Telling visitors apart without storing who they are.

use crate::summary::cell::SiteId;
use std::net::IpAddr;

/// A visitor of one site on one day, told by address and user agent. Nothing leads back from it to the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VisitorHash(pub [u8; 16]);

/// How long a visitor may be quiet around midnight and still be known. Session gaps that are longer split there.
const CARRY_MS: i64 = 60 * 60 * 1_000;
/// Visitors of the hour before midnight that are remembered; a session of further ones splits at midnight.
const CARRIED_MAX: usize = 1 << 18;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The secret of a data folder. The key of each UTC day is derived from it, so hashes of different days cannot be compared. Whoever is
/// there at midnight keeps the hash of the day that ended until nothing came of them for an hour, so that the session of a visitor
/// without a session id does not split; at the latest until the next midnight. That is remembered in memory only, for as long.
#[derive(Clone)]
pub struct VisitorSecret {
    secret: [u8; 32],
    day: i64,
    key: [u8; 32],
    key_before: [u8; 32],
    /// Visitors of the hour before the coming midnight, and when they were seen last.
    leaving: Seen,
    /// The same of the midnight that was, with hashes of the day before.
    carried: Seen,
    forget_ms: i64,
}

/// When visitors were seen last, Unix ms; by a part of their hash.
type Seen = hashbrown::HashMap<u64, i64, ahash::RandomState>;

impl VisitorSecret {
    /// From 32 random bytes, made once per data folder.
    pub fn new(secret: [u8; 32]) -> Self {
        let mut new = Self {
            secret,
            day: 0,
            key: secret,
            key_before: secret,
            leaving: Seen::default(),
            carried: Seen::default(),
            forget_ms: 0,
        };
        new.begin(0);
        new
    }

    /// The visitor behind `address` and `user_agent` at `time_ms` (Unix, of ingestion). About 0.2 µs, twice that after midnight.
    pub fn hash(&mut self, time_ms: i64, site: SiteId, address: IpAddr, user_agent: &str) -> VisitorHash {
        let day = time_ms.div_euclid(DAY_MS);
        // A clock that is set back a little at midnight doesn't bring the old day back.
        if day != self.day && day != self.day - 1 {
            self.begin(day);
        }
        let address = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            // Privacy extensions change the lower half within one visit.
            IpAddr::V6(v6) => (v6.to_bits() >> 64 << 64).into(),
        };
        let of_key = |key: &[u8; 32]| {
            let mut hasher = blake3::Hasher::new_keyed(key);
            hasher.update(&site.0.to_le_bytes()).update(&address.octets()).update(user_agent.as_bytes());
            let mut hash = [0; 16];
            hasher.finalize_xof().fill(&mut hash);
            VisitorHash(hash)
        };
        if !self.carried.is_empty() {
            let before = of_key(&self.key_before);
            match self.carried.get_mut(&before.part()) {
                Some(seen_ms) if time_ms - *seen_ms < CARRY_MS => {
                    *seen_ms = time_ms.max(*seen_ms);
                    return before;
                }
                _ => {}
            }
            // Now and then those who have left are forgotten; when all have, midnight is over.
            if time_ms >= self.forget_ms {
                self.carried.retain(|_, seen_ms| time_ms - *seen_ms < CARRY_MS);
                self.forget_ms = time_ms + CARRY_MS / 4;
            }
        }
        let visitor = of_key(&self.key);
        if time_ms.rem_euclid(DAY_MS) >= DAY_MS - CARRY_MS {
            let known = self.leaving.contains_key(&visitor.part());
            if known || self.leaving.len() < CARRIED_MAX {
                self.leaving.insert(visitor.part(), time_ms);
            }
        }
        visitor
    }

    fn begin(&mut self, day: i64) {
        let leaving = std::mem::take(&mut self.leaving);
        self.carried = if day == self.day + 1 { leaving } else { Seen::default() };
        (self.key, self.key_before) = (day_key(&self.secret, day), day_key(&self.secret, day - 1));
        (self.day, self.forget_ms) = (day, 0);
    }
}

impl VisitorHash {
    /// Enough of it to tell visitors of an hour apart.
    fn part(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

fn day_key(secret: &[u8; 32], day: i64) -> [u8; 32] {
    let day = u32::try_from(day).unwrap_or(0);
    *blake3::keyed_hash(secret, &[b"visitor of day ".as_slice(), &day.to_le_bytes()].concat()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_760_011_200_000;

    #[test]
    fn a_visitor_is_the_same_all_day_on_one_site_and_another_elsewhere() {
        let mut secret = VisitorSecret::new([1; 32]);
        let (home, office) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let visitor = secret.hash(NOON, SiteId(1), home, "Firefox");
        assert_eq!(visitor, secret.hash(NOON + 3_600_000, SiteId(1), home, "Firefox"));
        assert_ne!(visitor, secret.hash(NOON, SiteId(2), home, "Firefox"));
        assert_ne!(visitor, secret.hash(NOON, SiteId(1), office, "Firefox"));
        assert_ne!(visitor, secret.hash(NOON, SiteId(1), home, "Chrome"));
        assert_ne!(visitor, secret.hash(NOON + 86_400_000, SiteId(1), home, "Firefox"));
        assert_ne!(visitor, VisitorSecret::new([2; 32]).hash(NOON, SiteId(1), home, "Firefox"));
    }

    #[test]
    fn a_changing_lower_half_of_an_ipv6_address_is_one_visitor() {
        let mut secret = VisitorSecret::new([1; 32]);
        let mut of = |address: &str| secret.hash(NOON, SiteId(1), address.parse().unwrap(), "Firefox");
        assert_eq!(of("2001:db8::1"), of("2001:db8::abcd:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }

    const MIDNIGHT: i64 = NOON - NOON % DAY_MS + DAY_MS;
    const MINUTE: i64 = 60_000;

    #[test]
    fn who_is_there_at_midnight_stays_the_same_until_quiet_for_an_hour() {
        let mut secret = VisitorSecret::new([1; 32]);
        let mut at = |minute: i64, agent: &str| {
            secret.hash(MIDNIGHT + minute * MINUTE, SiteId(1), "192.0.2.1".parse().unwrap(), agent)
        };
        let (stays, early) = (at(-20, "stays"), at(-90, "early"));
        let minutes = [-1, 0, 10, 65, 120, 170];
        assert!(minutes.iter().all(|minute| at(*minute, "stays") == stays), "as long as something comes of them");
        assert_ne!(at(5, "early"), early, "who had left before is somebody else");
        let new = at(171, "new");
        assert_eq!(at(172, "new"), new);
        let again = at(170 + 60, "stays");
        assert_ne!(again, stays);
        assert_eq!(at(24 * 60 - 1, "stays"), again);
        assert_eq!(at(24 * 60 + 1, "stays"), again, "and so at the next midnight");
        assert_ne!(at(2 * 24 * 60 + 1, "stays"), again);
    }

    #[test]
    fn nobody_is_carried_past_two_midnights() {
        let mut secret = VisitorSecret::new([1; 32]);
        let mut at =
            |minute: i64| secret.hash(MIDNIGHT + minute * MINUTE, SiteId(1), "192.0.2.1".parse().unwrap(), "busy");
        let first = at(-1);
        assert!((0..24 * 60).step_by(30).all(|minute| at(minute) == first));
        assert_ne!(at(24 * 60 + 1), first);
    }

    #[test]
    fn a_clock_that_goes_back_at_midnight_splits_nobody() {
        let mut secret = VisitorSecret::new([1; 32]);
        let mut at =
            |seconds: i64| secret.hash(MIDNIGHT + seconds * 1_000, SiteId(1), "192.0.2.1".parse().unwrap(), "UA");
        let visitor = at(-5);
        assert!([1, -1, 2].into_iter().all(|seconds| at(seconds) == visitor));
    }

    #[test]
    fn what_is_remembered_for_midnight_is_bounded_and_forgotten() {
        let mut secret = VisitorSecret::new([1; 32]);
        let at = |secret: &mut VisitorSecret, minute: i64, number: usize| {
            secret.hash(MIDNIGHT + minute * MINUTE, SiteId(1), "192.0.2.1".parse().unwrap(), &number.to_string())
        };
        for number in 0..CARRIED_MAX + 10 {
            at(&mut secret, -1, number);
        }
        assert_eq!(secret.leaving.len(), CARRIED_MAX);
        at(&mut secret, 1, 0);
        assert_eq!((secret.leaving.len(), secret.carried.len()), (0, CARRIED_MAX));
        at(&mut secret, 90, 0);
        assert_eq!((secret.carried.len(), secret.carried.capacity() > 0), (0, true));
    }
}
