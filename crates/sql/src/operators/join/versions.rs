//! The versions of a row: what it was from when on.

use tidemill_engine::state::StateValue;

use crate::operators::stored::{read_i64, read_u32};

/// Length of a version that says that there is no row.
const GONE: u32 = u32::MAX;

/// Versions of one key, ascending by time.
#[derive(Debug, Default)]
pub(super) struct Versions(Vec<(i64, Option<Box<[u8]>>)>);

impl Versions {
    /// From `time` on the row is this, or gone. A second version of one time replaces the first.
    pub(super) fn set(&mut self, time: i64, row: Option<&[u8]>) {
        let at = self.0.partition_point(|(other, _)| *other < time);
        match self.0.get_mut(at).filter(|(other, _)| *other == time) {
            Some((_, found)) => *found = row.map(Box::from),
            None => self.0.insert(at, (time, row.map(Box::from))),
        }
    }

    /// The row as it was at `time`.
    pub(super) fn at(&self, time: i64) -> Option<&[u8]> {
        let behind = self.0.partition_point(|(other, _)| *other <= time);
        self.0.get(behind.checked_sub(1)?)?.1.as_deref()
    }

    /// Forgets what nobody asks for who asks for `time` or later; false where nothing is left.
    pub(super) fn forget_before(&mut self, time: i64) -> bool {
        let behind = self.0.partition_point(|(other, _)| *other <= time);
        self.0.drain(..behind.saturating_sub(1));
        if self.0.first().is_some_and(|(first, row)| *first <= time && row.is_none()) {
            self.0.remove(0);
        }
        !self.0.is_empty()
    }

    /// The times from which on older versions, or gone ones, can be forgotten.
    pub(super) fn forgettable(&self) -> impl Iterator<Item = i64> {
        let oldest_stays = self.0.first().is_some_and(|(_, row)| row.is_some());
        self.0.iter().skip(usize::from(oldest_stays)).map(|(time, _)| *time)
    }
}

impl StateValue for Versions {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        for (time, row) in &self.0 {
            out.extend_from_slice(&time.to_le_bytes());
            out.extend_from_slice(&row.as_ref().map_or(GONE, |row| row.len() as u32).to_le_bytes());
            out.extend_from_slice(row.as_deref().unwrap_or_default());
        }
        Ok(())
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, String> {
        let short = || "it is too short".to_string();
        let mut versions = Vec::new();
        while !bytes.is_empty() {
            let time = read_i64(&mut bytes).ok_or_else(short)?;
            let row = match read_u32(&mut bytes).ok_or_else(short)? {
                GONE => None,
                length => {
                    let (row, rest) = bytes.split_at_checked(length as usize).ok_or_else(short)?;
                    bytes = rest;
                    Some(row.into())
                }
            };
            versions.push((time, row));
        }
        Ok(Versions(versions))
    }
}
