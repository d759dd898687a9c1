//! A run of bytes, compressed when that pays.
//!
//! `varint(length << 1 | compressed)`, then the bytes, or the compressed length and a zstd frame. What summaries hold is
//! mostly noise with a skewed distribution: entropy coding is what saves, so each kind of number gets its own stream.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use crate::error::{Error, Result};
use crate::summary::varint::{Reader, put};

/// Streams shorter than this are never worth a frame.
const COMPRESS_LEN_MIN: usize = 24;
/// No stream of a block may be longer, bytes.
const STREAM_LEN_MAX: usize = 1 << 30;
/// How much time to spend on getting small. The same bytes come back either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// For what is soon written again.
    Quick,
    /// For what stays.
    Thorough,
}

impl Effort {
    fn level(self) -> i32 {
        match self {
            Effort::Quick => 1,
            // Optimal parsing finds the short matches that numbers of few values have.
            Effort::Thorough => 15,
        }
    }
}

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Appends a stream.
pub(super) fn put_stream(out: &mut Vec<u8>, bytes: &[u8], effort: Effort) {
    let compressed = if bytes.len() < COMPRESS_LEN_MIN { None } else { compress(bytes, effort) };
    match compressed {
        Some(frame) if frame.len() + 2 < bytes.len() => {
            put(out, (bytes.len() as u64) << 1 | 1);
            put(out, frame.len() as u64);
            out.extend_from_slice(&frame);
        }
        _ => {
            put(out, (bytes.len() as u64) << 1);
            out.extend_from_slice(bytes);
        }
    }
}

/// A frame, or nothing if zstd refuses (then the bytes are stored as they are).
fn compress(bytes: &[u8], effort: Effort) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        if compressor.is_none() {
            let mut fresh = Compressor::new(effort.level()).ok()?;
            fresh.set_parameter(zstd::zstd_safe::CParameter::ContentSizeFlag(false)).ok()?;
            *compressor = Some(fresh);
        }
        compressor.as_mut()?.set_parameter(zstd::zstd_safe::CParameter::CompressionLevel(effort.level())).ok()?;
        compressor.as_mut()?.compress(bytes).ok()
    })
}

/// Reads a stream.
pub(super) fn read_stream(reader: &mut Reader<'_>) -> Result<Vec<u8>> {
    let head: usize = reader.int()?;
    let len = head >> 1;
    if head & 1 == 0 {
        return reader.take(len).map(<[u8]>::to_vec);
    }
    if len > STREAM_LEN_MAX {
        return Err(reader.error("a stream longer than any"));
    }
    let frame = reader.bytes()?;
    let bytes = DECOMPRESSOR.with_borrow_mut(|decompressor| {
        let fresh = match decompressor.take() {
            Some(known) => known,
            None => Decompressor::new()?,
        };
        decompressor.insert(fresh).decompress(frame, len)
    });
    match bytes {
        Ok(bytes) if bytes.len() == len => Ok(bytes),
        Ok(_) => Err(reader.error("a stream of another length")),
        Err(error) => Err(Error::damaged("summary block", error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn streams_come_back(noise in prop::collection::vec(any::<u8>(), 0..80), zeros in 0usize..500) {
            let mut bytes = noise;
            bytes.resize(bytes.len() + zeros, 0);
            let mut out = Vec::new();
            put_stream(&mut out, &bytes, Effort::Thorough);
            prop_assert!(out.len() <= bytes.len() + 3);
            prop_assert_eq!(read_stream(&mut Reader::new(&out, "test")).unwrap(), bytes);
        }
    }
}
