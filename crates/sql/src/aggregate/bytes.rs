//! State as bytes: variable-length integers and length-prefixed texts, read back with care.

/// Appends seven bits a byte, the lowest first.
pub(crate) fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, small ones of either sign in few bytes.
pub(crate) fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends bytes with their length before them.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u64(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// What is still to be read. Each read is none where too little is left.
#[derive(Debug)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.u64().map(|value| (value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u64()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_and_texts_come_back(values in prop::collection::vec((any::<i64>(), any::<u64>(), ".{0,9}"), 0..9)) {
            let mut out = Vec::new();
            for (a, b, c) in &values {
                put_i64(&mut out, *a);
                put_u64(&mut out, *b);
                put_bytes(&mut out, c.as_bytes());
            }
            let mut bytes = Bytes(&out);
            for (a, b, c) in &values {
                prop_assert_eq!(bytes.i64(), Some(*a));
                prop_assert_eq!(bytes.u64(), Some(*b));
                prop_assert_eq!(bytes.bytes(), Some(c.as_bytes()));
            }
            prop_assert!(bytes.0.is_empty());
        }

        #[test]
        fn damaged_bytes_are_no_values_and_no_panic(damaged in prop::collection::vec(any::<u8>(), 0..30)) {
            let mut bytes = Bytes(&damaged);
            while bytes.u64().is_some() && bytes.bytes().is_some() {}
        }
    }
}
