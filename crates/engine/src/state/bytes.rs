//! Bytes in state: keys, rows.

use std::ops::{Deref, DerefMut};

/// So many bytes lie where the value itself does.
const INLINE: usize = 22;

/// Bytes that stay as long as they are. A few of them, as most keys have, need no memory elsewhere: to read them is to read the
/// value that they are part of.
#[derive(Clone, Debug)]
pub struct SmallBytes(Held);

#[derive(Clone, Debug)]
enum Held {
    Inline(u8, [u8; INLINE]),
    Boxed(Box<[u8]>),
}

impl Default for SmallBytes {
    fn default() -> Self {
        SmallBytes(Held::Inline(0, [0; INLINE]))
    }
}

impl From<&[u8]> for SmallBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut inline = [0; INLINE];
        match inline.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                SmallBytes(Held::Inline(bytes.len() as u8, inline))
            }
            None => SmallBytes(Held::Boxed(bytes.into())),
        }
    }
}

impl Deref for SmallBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Held::Boxed(bytes) => bytes,
        }
    }
}

impl DerefMut for SmallBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Held::Inline(len, bytes) => &mut bytes[..usize::from(*len)],
            Held::Boxed(bytes) => bytes,
        }
    }
}

impl PartialEq for SmallBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SmallBytes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_every_length_come_back_and_can_be_changed() {
        assert_eq!(size_of::<SmallBytes>(), 24);
        assert!(SmallBytes::default().is_empty());
        for length in 0..100u8 {
            let bytes: Vec<u8> = (0..length).collect();
            let mut small = SmallBytes::from(bytes.as_slice());
            assert_eq!((&*small, &small), (bytes.as_slice(), &SmallBytes::from(bytes.as_slice())));
            if let Some(last) = small.last_mut() {
                *last = 200;
                assert_ne!(*small, *bytes);
            }
        }
    }
}
