//! Keys of blocks: site, cube, first minute, and a number that is never used twice.
//!
//! The site comes first and every read builds its range here, so a reader bound to a site can't name another's key; the number
//! makes keys immutable, so what is cached under one never changes.

use std::ops::RangeInclusive;

use crate::error::{Error, Result};
use crate::summary::cell::SiteId;

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 17;

/// Key of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct BlockKey {
    pub(super) site: SiteId,
    pub(super) cube: u8,
    pub(super) start: u32,
    pub(super) number: u64,
}

impl BlockKey {
    pub(super) fn to_bytes(self) -> [u8; KEY_LEN] {
        let mut bytes = [0; KEY_LEN];
        let parts = self.site.0.to_be_bytes().into_iter().chain([self.cube]);
        let parts = parts.chain(self.start.to_be_bytes()).chain(self.number.to_be_bytes());
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let parse = || {
            let (site, rest) = bytes.split_first_chunk::<4>()?;
            let (cube, rest) = rest.split_first()?;
            let (start, number) = rest.split_first_chunk::<4>()?;
            let number = u64::from_be_bytes(number.try_into().ok()?);
            let (site, start) = (SiteId(u32::from_be_bytes(*site)), u32::from_be_bytes(*start));
            Some(BlockKey { site, cube: *cube, start, number })
        };
        parse().ok_or_else(|| Error::damaged("key of a summary block", format!("{bytes:02x?}")))
    }

    /// All keys of a site.
    pub(super) fn of_site(site: SiteId) -> [u8; 4] {
        site.0.to_be_bytes()
    }

    /// All keys of a cube whose first minute is in `starts`.
    pub(super) fn range(site: SiteId, cube: u8, starts: RangeInclusive<u32>) -> RangeInclusive<[u8; KEY_LEN]> {
        let low = BlockKey { site, cube, start: *starts.start(), number: 0 };
        let high = BlockKey { site, cube, start: *starts.end(), number: u64::MAX };
        low.to_bytes()..=high.to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_come_back_and_sort_as_they_should(
            a in (any::<u32>(), any::<u8>(), any::<u32>(), any::<u64>()),
            b in (any::<u32>(), any::<u8>(), any::<u32>(), any::<u64>()),
        ) {
            let [a, b] = [a, b].map(|(site, cube, start, number)| BlockKey { site: SiteId(site), cube, start, number });
            prop_assert_eq!(BlockKey::from_bytes(&a.to_bytes()).unwrap(), a);
            prop_assert_eq!(a.to_bytes().cmp(&b.to_bytes()), a.cmp(&b));
        }
    }
}
