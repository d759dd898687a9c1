//! Which shards of a stream a table reads.

use std::str::FromStr;

use tidemill_streams::ShardId;

/// A share of a stream's shards, by their numbers: the same ones after a restart, and each shard in one share.
///
/// A child of a split or merge may be in another share than its parents: it is read without waiting for those.
///
/// ```
/// # use tidemill_connectors::stream::Share;
/// # use tidemill_streams::ShardId;
/// let second: Share = "2/3".parse().unwrap();
/// assert!(second.has(ShardId(1)) && second.has(ShardId(4)) && !second.has(ShardId(3)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    number: u32,
    of: u32,
}

impl Default for Share {
    fn default() -> Self {
        Share { number: 0, of: 1 }
    }
}

impl Share {
    /// Whether there are others.
    pub fn is_part(self) -> bool {
        self.of > 1
    }

    /// Whether the shard is in it.
    pub fn has(self, shard: ShardId) -> bool {
        shard.0 % self.of == self.number
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = || "say `1/2` for the first of two shares".to_owned();
        let (number, of) = text.split_once('/').ok_or_else(rule)?;
        let number: u32 = number.trim().parse().map_err(|_| rule())?;
        let of: u32 = of.trim().parse().map_err(|_| rule())?;
        match number.checked_sub(1) {
            Some(number) if number < of => Ok(Share { number, of }),
            _ => Err(rule()),
        }
    }
}
