//! Telling visitors apart without storing who they are.

use crate::summary::cell::SiteId;
use std::net::IpAddr;

/// A visitor of one site on one day, told by address and user agent. Nothing leads back from it to the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VisitorHash(pub [u8; 16]);

/// The secret of a data folder. The key of each UTC day is derived from it, so hashes of different days cannot be
/// compared, and a visitor without a session id who stays past midnight begins a new session.
#[derive(Clone)]
pub struct VisitorSecret {
    secret: [u8; 32],
    day: u32,
    key: [u8; 32],
}

impl VisitorSecret {
    /// From 32 random bytes, made once per data folder.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret, day: 0, key: day_key(&secret, 0) }
    }

    /// The visitor behind `address` and `user_agent` at `time_ms` (Unix, of ingestion). About 0.2 µs.
    pub fn hash(&mut self, time_ms: i64, site: SiteId, address: IpAddr, user_agent: &str) -> VisitorHash {
        let day = u32::try_from(time_ms.div_euclid(86_400_000)).unwrap_or(0);
        if day != self.day {
            (self.day, self.key) = (day, day_key(&self.secret, day));
        }
        let address = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            // Privacy extensions change the lower half within one visit.
            IpAddr::V6(v6) => (v6.to_bits() >> 64 << 64).into(),
        };
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&site.0.to_le_bytes()).update(&address.octets()).update(user_agent.as_bytes());
        let mut hash = [0; 16];
        hasher.finalize_xof().fill(&mut hash);
        VisitorHash(hash)
    }
}

fn day_key(secret: &[u8; 32], day: u32) -> [u8; 32] {
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
}
