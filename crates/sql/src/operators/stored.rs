//! Byte strings as state: rows of a [`PackedCodec`](super::packed::PackedCodec), one or many.

use std::ops::{Deref, DerefMut};

use tidemill_engine::{Result, state::StateValue};

/// Bytes that are written to snapshots as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored(pub(crate) Vec<u8>);

impl StateValue for Stored {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        Ok(Stored(bytes.to_vec()))
    }
}

impl Deref for Stored {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Stored {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

/// Reads a `u32`, and then goes on behind it.
pub(crate) fn read_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

/// Reads an `i64`, and then goes on behind it.
pub(crate) fn read_i64(bytes: &mut &[u8]) -> Option<i64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(i64::from_le_bytes(*number))
}
