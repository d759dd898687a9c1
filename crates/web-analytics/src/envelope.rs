//! The record that the collector appends to the stream `web-beacons`: one beacon as it came, with what only the
//! collector knows about its sender.
//!
//! ```text
//! version 1 | site u32 | visitor 16 B | body kind u8 | country 2 B | user agent: length u16, UTF-8 | body to the end
//! ```
//!
//! Integers are little-endian. The sender's address is never stored: [`VisitorSecret::hash`] makes a visitor out of it.

use crate::error::{Error, Result};
use crate::summary::cell::SiteId;

mod session_key;
mod visitor;

pub use session_key::partition_key;
pub use visitor::{VisitorHash, VisitorSecret};

const VERSION: u8 = 1;
const HEADER_LEN: usize = 1 + 4 + 16 + 1 + 2 + 2;

/// Longest user agent kept, in bytes; a longer one is cut.
pub const USER_AGENT_BYTES_MAX: usize = 1024;

/// How a beacon's body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BodyKind {
    /// One JSON beacon.
    Json = 0,
    /// A boomerang beacon as a form (`POST`).
    Form = 1,
    /// A boomerang beacon as the query of a URL (`GET`), without the `?`.
    Query = 2,
}

/// One beacon on its way into the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The site whose key was addressed.
    pub site: SiteId,
    /// Who sent it, as far as can be told without an id.
    pub visitor: VisitorHash,
    /// How to read the body.
    pub kind: BodyKind,
    /// ISO 3166-1 alpha-2 in capitals, when a proxy said so.
    pub country: Option<[u8; 2]>,
    /// The `User-Agent` header.
    pub user_agent: &'a str,
    /// The beacon itself.
    pub body: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Appends the record to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let user_agent = cut(self.user_agent, USER_AGENT_BYTES_MAX);
        out.reserve(HEADER_LEN + user_agent.len() + self.body.len());
        out.push(VERSION);
        out.extend_from_slice(&self.site.0.to_le_bytes());
        out.extend_from_slice(&self.visitor.0);
        out.push(self.kind as u8);
        out.extend_from_slice(&self.country.unwrap_or_default());
        out.extend_from_slice(&(user_agent.len() as u16).to_le_bytes());
        out.extend_from_slice(user_agent.as_bytes());
        out.extend_from_slice(self.body);
    }

    /// Reads a record without copying.
    pub fn decode(record: &'a [u8]) -> Result<Self> {
        let fail = |reason| Error::Envelope { reason };
        let (header, rest) = record.split_first_chunk::<HEADER_LEN>().ok_or(fail("too short"))?;
        let [version, s0, s1, s2, s3, visitor @ .., kind, c0, c1, l0, l1] = *header;
        if version != VERSION {
            return Err(fail("unknown version"));
        }
        let kind = match kind {
            0 => BodyKind::Json,
            1 => BodyKind::Form,
            2 => BodyKind::Query,
            _ => return Err(fail("unknown kind of body")),
        };
        let (user_agent, body) =
            rest.split_at_checked(usize::from(u16::from_le_bytes([l0, l1]))).ok_or(fail("user agent is cut off"))?;
        Ok(Self {
            site: SiteId(u32::from_le_bytes([s0, s1, s2, s3])),
            visitor: VisitorHash(visitor),
            kind,
            country: Some([c0, c1]).filter(|code| *code != [0; 2]),
            user_agent: std::str::from_utf8(user_agent).map_err(|_| fail("user agent is not UTF-8"))?,
            body,
        })
    }
}

/// The longest prefix of `text` of at most `max` bytes that ends between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            site: u32,
            visitor: [u8; 16],
            user_agent in ".{0,40}",
            country in proptest::option::of("[A-Z]{2}"),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let country = country.map(|c| [c.as_bytes()[0], c.as_bytes()[1]]);
            for kind in [BodyKind::Json, BodyKind::Form, BodyKind::Query] {
                let (site, visitor) = (SiteId(site), VisitorHash(visitor));
                let envelope = Envelope { site, visitor, kind, country, user_agent: &user_agent, body: &body };
                let mut record = Vec::new();
                envelope.encode(&mut record);
                prop_assert_eq!(Envelope::decode(&record).unwrap(), envelope);
            }
        }

        #[test]
        fn garbage_is_refused_without_a_panic(record in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(envelope) = Envelope::decode(&record) {
                let mut again = Vec::new();
                envelope.encode(&mut again);
                prop_assert_eq!(again, record);
            }
        }
    }

    #[test]
    fn a_huge_user_agent_is_cut_between_characters() {
        let user_agent = "é".repeat(600) + "x";
        let (site, visitor) = (SiteId(1), VisitorHash([7; 16]));
        let mut record = Vec::new();
        Envelope { site, visitor, kind: BodyKind::Json, country: None, user_agent: &user_agent[..], body: b"{}" }
            .encode(&mut record);
        let read = Envelope::decode(&record).unwrap();
        assert_eq!((read.user_agent.len(), read.body), (USER_AGENT_BYTES_MAX, &b"{}"[..]));
    }
}
