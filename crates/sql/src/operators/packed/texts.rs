//! Texts in few bits a character: those of ids, times, words and URLs are of small alphabets.
//!
//! | a text | |
//! |---|---|
//! | head | number of characters × 8 + number of its alphabet, in base 128 |
//! | characters | bytes, or in an alphabet 4, 5 or 6 bits each, the lowest first |
//!
//! Alphabet 0 is of all bytes. A text is of the first of the others that has all its characters, so equal texts have equal
//! bytes, and texts of one alphabet that begin with the same characters begin with the same bytes.

use super::{put, unsigned};

/// Shorter texts are left as they are.
const SHORTEST: usize = 8;
/// Characters that are packed together: into as many bytes as each has bits.
const GROUP: usize = 8;

/// Bits a character, and the characters by their codes.
const ALPHABETS: [(usize, &[u8]); 7] = [
    // Hashes; numbers.
    (4, b"0123456789abcdef"),
    // Times.
    (4, b"0123456789-:. TZ"),
    // Words.
    (5, b"abcdefghijklmnopqrstuvwxyz -_./:"),
    // UUIDs, addresses.
    (5, b"0123456789abcdefABCDEF-:._/xTZ ,"),
    // Base 64, names in code.
    (6, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
    // URLs.
    (6, b"abcdefghijklmnopqrstuvwxyz0123456789 !\"#$%&'()*+,-./:;=?@[]_{|}~"),
    // Names of people and things.
    (6, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ."),
];

/// Two characters by their two codes, for each alphabet of so many bits.
static PAIRS_OF_4: [[u16; 1 << 8]; 2] = [pairs(ALPHABETS[0].1), pairs(ALPHABETS[1].1)];
static PAIRS_OF_5: [[u16; 1 << 10]; 2] = [pairs(ALPHABETS[2].1), pairs(ALPHABETS[3].1)];
static PAIRS_OF_6: [[u16; 1 << 12]; 3] = [pairs(ALPHABETS[4].1), pairs(ALPHABETS[5].1), pairs(ALPHABETS[6].1)];

const fn pairs<const PAIRS: usize>(characters: &[u8]) -> [u16; PAIRS] {
    let mut pairs = [0; PAIRS];
    let mut pair = 0;
    while pair < PAIRS {
        let codes = [pair % characters.len(), pair / characters.len()];
        pairs[pair] = u16::from_le_bytes([characters[codes[0]], characters[codes[1]]]);
        pair += 1;
    }
    pairs
}

/// Of each byte a bit for each alphabet that has it.
static HAVE: [u8; 256] = {
    let mut have = [0; 256];
    let mut alphabet = 0;
    while alphabet < ALPHABETS.len() {
        let (bits, characters) = ALPHABETS[alphabet];
        assert!(characters.len() == 1 << bits);
        let mut code = 0;
        while code < characters.len() {
            let bit = 1 << alphabet;
            assert!(have[characters[code] as usize] & bit == 0, "a character is there once");
            have[characters[code] as usize] |= bit;
            code += 1;
        }
        alphabet += 1;
    }
    have
};

/// Each alphabet's codes by character.
static CODES: [[u8; 256]; ALPHABETS.len()] = {
    let mut codes = [[0; 256]; ALPHABETS.len()];
    let mut alphabet = 0;
    while alphabet < ALPHABETS.len() {
        let mut code = 0;
        while code < ALPHABETS[alphabet].1.len() {
            codes[alphabet][ALPHABETS[alphabet].1[code] as usize] = code as u8;
            code += 1;
        }
        alphabet += 1;
    }
    codes
};

/// A stored text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text<'a> {
    pub(super) head: u64,
    pub(super) bytes: &'a [u8],
}

impl<'a> Text<'a> {
    /// Takes a text from the front; none where the bytes are torn.
    pub(super) fn take(from: &mut &'a [u8]) -> Option<Self> {
        let head = unsigned(from)?;
        let (bytes, rest) = from.split_at_checked(size(head)?)?;
        *from = rest;
        Some(Text { head, bytes })
    }

    /// Appends the characters.
    pub(super) fn read(self, out: &mut Vec<u8>) -> Option<()> {
        let length = usize::try_from(self.head >> 3).ok()?;
        match self.head as usize & 7 {
            0 => out.extend_from_slice(self.bytes),
            alphabet @ 1..=2 => unpack::<4, _>(self.bytes, &PAIRS_OF_4[alphabet - 1], length, out),
            alphabet @ 3..=4 => unpack::<5, _>(self.bytes, &PAIRS_OF_5[alphabet - 3], length, out),
            alphabet => unpack::<6, _>(self.bytes, &PAIRS_OF_6[alphabet - 5], length, out),
        }
        Some(())
    }
}

/// How many bytes follow a head.
pub(super) fn size(head: u64) -> Option<usize> {
    let length = usize::try_from(head >> 3).ok()?;
    match (head as usize & 7).checked_sub(1) {
        None => Some(length),
        Some(alphabet) => Some(length.checked_mul(ALPHABETS[alphabet].0)?.div_ceil(8)),
    }
}

/// Appends a text.
pub(super) fn put_text(text: &[u8], out: &mut Vec<u8>) {
    let alphabet = alphabet(text);
    put((text.len() as u64) << 3 | alphabet as u64, out);
    let Some(alphabet) = alphabet.checked_sub(1) else {
        out.extend_from_slice(text);
        return;
    };
    let codes = &CODES[alphabet];
    match ALPHABETS[alphabet].0 {
        4 => pack::<4>(text, codes, out),
        5 => pack::<5>(text, codes, out),
        _ => pack::<6>(text, codes, out),
    }
}

/// The number of a text's alphabet.
fn alphabet(text: &[u8]) -> usize {
    if text.len() < SHORTEST {
        return 0;
    }
    let of = |have: u8, part: &[u8]| part.iter().fold(have, |have, byte| have & HAVE[usize::from(*byte)]);
    let (groups, rest) = text.as_chunks::<GROUP>();
    let mut have = of(u8::MAX >> 1, rest);
    for group in groups {
        have = of(have, group);
        if have == 0 {
            return 0;
        }
    }
    if have == 0 { 0 } else { have.trailing_zeros() as usize + 1 }
}

#[inline]
fn pack<const BITS: usize>(text: &[u8], codes: &[u8; 256], out: &mut Vec<u8>) {
    let packed = |group: &[u8]| {
        let all = group.iter().rev().fold(0, |all, byte| all << BITS | u64::from(codes[usize::from(*byte)]));
        all.to_le_bytes()
    };
    let begin = out.len();
    out.resize(begin + (text.len() * BITS).div_ceil(8), 0);
    let (groups, rest) = text.as_chunks::<GROUP>();
    let (of_groups, of_rest) = out[begin..].split_at_mut(groups.len() * BITS);
    for (group, to) in groups.iter().zip(of_groups.as_chunks_mut::<BITS>().0) {
        to.copy_from_slice(&packed(group)[..BITS]);
    }
    of_rest.copy_from_slice(&packed(rest)[..of_rest.len()]);
}

#[inline]
fn unpack<const BITS: usize, const PAIRS: usize>(bytes: &[u8], pairs: &[u16; PAIRS], length: usize, out: &mut Vec<u8>) {
    let characters = |packed: u64| {
        let pair = |nth: usize| u64::from(pairs[(packed >> (nth * 2 * BITS)) as usize % PAIRS]) << (nth * 16);
        (pair(0) | pair(1) | pair(2) | pair(3)).to_le_bytes()
    };
    let begin = out.len();
    out.resize(begin + length, 0);
    let (groups, rest) = out[begin..].as_chunks_mut::<GROUP>();
    let mut from = bytes;
    for group in groups {
        // The bytes behind this group are read with it where there are enough, which is quicker, and count for nothing.
        let packed = match from.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => read(&from[..BITS]),
        };
        *group = characters(packed);
        from = &from[BITS..];
    }
    rest.copy_from_slice(&characters(read(from))[..rest.len()]);
}

/// A number of up to eight bytes.
fn read(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_text(text.as_bytes(), &mut out);
        out
    }

    #[test]
    fn what_events_carry_is_short() {
        for (text, bytes) in [
            ("1234567890123456", 2 + 8),
            ("d41d8cd98f00b204e9800998ecf8427e", 2 + 16),
            ("2026-11-24T03:44:58.123Z", 2 + 12),
            ("123e4567-e89b-12d3-a456-426614174000", 2 + 23),
            ("checkout/payment", 2 + 10),
            ("https://example.com/shop?item=12&size=xl", 2 + 30),
            ("Mozilla 5.0 Firefox", 2 + 15),
            ("arn:aws:kinesis:eu-west-1:123456789012:stream/Orders", 2 + 52),
            ("short", 1 + 5),
            ("größer als sieben", 2 + 19),
        ] {
            assert_eq!(stored(text).len(), bytes, "{text}");
        }
    }

    #[test]
    fn texts_that_begin_alike_do_so_when_stored() {
        let [a, b] = ["https://example.com/shop/12", "https://example.com/help/1"].map(stored);
        assert_eq!(a[2..2 + 15], b[2..2 + 15]);
    }

    proptest! {
        #[test]
        fn texts_come_back(texts in prop::collection::vec("[a-z ]{0,40}|[0-9a-f-]{0,40}|[a-zA-Z0-9_]{0,40}|[ -~]{0,40}|.{0,20}", 1..10)) {
            let mut all = Vec::new();
            texts.iter().for_each(|text| put_text(text.as_bytes(), &mut all));
            let mut from = all.as_slice();
            for text in &texts {
                let mut back = vec![b'x'];
                Text::take(&mut from).unwrap().read(&mut back).unwrap();
                prop_assert_eq!(&back[1..], text.as_bytes());
            }
            prop_assert!(from.is_empty());
        }

        #[test]
        fn torn_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut from = bytes.as_slice();
            while let Some(text) = Text::take(&mut from) {
                text.read(&mut Vec::new()).unwrap();
            }
        }
    }
}
