//! Variable-length integers (LEB128) and a reader that never reads past its end.

use crate::error::{Error, Result};

/// Appends an unsigned integer, 7 bits a byte, low bits first.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed integer; small magnitudes are short.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, zigzag(value));
}

/// Maps 0, -1, 1, -2, … to 0, 1, 2, 3, …
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Inverse of [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Appends a length and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends several texts: all lengths, then all letters, so that they are checked in one go.
pub(crate) fn put_texts<const N: usize>(out: &mut Vec<u8>, texts: [&str; N]) {
    texts.iter().for_each(|text| put(out, text.len() as u64));
    texts.iter().for_each(|text| out.extend_from_slice(text.as_bytes()));
}

/// Reads what the functions above wrote; anything else is an [`Error::Damaged`].
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; `what` names them in errors.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Reader { rest: bytes, what }
    }

    /// Bytes that are left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// An error at this place.
    pub(crate) fn error(&self, detail: &str) -> Error {
        Error::damaged(self.what, format!("{detail}, {} bytes before the end", self.rest.len()))
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or_else(|| self.error("ends early"))?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.error("ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64> {
        match self.rest.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.error("an integer of more than 10 bytes"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64> {
        self.varint().map(unzigzag)
    }

    /// An unsigned integer that fits `T`.
    pub(crate) fn int<T: TryFrom<u64>>(&mut self) -> Result<T> {
        let value = self.varint()?;
        T::try_from(value).map_err(|_| self.error("an integer out of range"))
    }

    /// A number of things of at least `bytes_each` bytes that follow: never more than can follow.
    pub(crate) fn count(&mut self, bytes_each: usize) -> Result<usize> {
        let count: usize = self.int()?;
        if count > self.rest.len() / bytes_each.max(1) {
            return Err(self.error("a count beyond the end"));
        }
        Ok(count)
    }

    /// What [`put_bytes`] wrote.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let len = self.count(1)?;
        self.take(len)
    }

    /// What [`put_texts`] wrote.
    pub(crate) fn texts<const N: usize>(&mut self) -> Result<[&'a str; N]> {
        let mut lengths = [0usize; N];
        for length in &mut lengths {
            *length = self.int()?;
        }
        let all = lengths.iter().try_fold(0usize, |all, length| all.checked_add(*length));
        let all = self.take(all.unwrap_or(usize::MAX))?;
        let mut rest = std::str::from_utf8(all).map_err(|_| self.error("a text that isn't UTF-8"))?;
        let mut texts = [""; N];
        for (text, length) in texts.iter_mut().zip(lengths) {
            (*text, rest) = rest.split_at_checked(length).ok_or_else(|| self.error("half a letter"))?;
        }
        Ok(texts)
    }

    /// What [`put_bytes`] wrote of a text.
    pub(crate) fn text(&mut self) -> Result<&'a str> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| self.error("a text that isn't UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_come_back(texts in prop::array::uniform4(".{0,9}"), at in any::<prop::sample::Index>(), byte: u8) {
            let texts = texts.each_ref().map(String::as_str);
            let mut out = Vec::new();
            put_texts(&mut out, texts);
            prop_assert_eq!(Reader::new(&out, "").texts::<4>().unwrap(), texts);
            prop_assert!(Reader::new(&out[..at.index(out.len())], "").texts::<4>().is_err());
            *at.get_mut(&mut out) = byte;
            let _ = Reader::new(&out, "").texts::<4>();
        }

        #[test]
        fn integers_come_back(values in prop::collection::vec(any::<i64>(), 0..20)) {
            let mut bytes = Vec::new();
            for value in &values {
                put_signed(&mut bytes, *value);
                put(&mut bytes, *value as u64);
            }
            let mut reader = Reader::new(&bytes, "test");
            for value in &values {
                prop_assert_eq!(reader.signed().unwrap(), *value);
                prop_assert_eq!(reader.varint().unwrap(), *value as u64);
            }
            prop_assert!(reader.byte().is_err());
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&bytes, "test");
            while reader.text().is_ok() || reader.varint().is_ok() {}
        }
    }
}
