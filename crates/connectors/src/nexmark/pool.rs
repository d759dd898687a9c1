//! Text that is made once: random texts are cut out of it.

use std::sync::LazyLock;

use crate::generate::{below, mix};

/// Fits the nearest caches; there are as many texts as it has places times lengths.
const POOL_BYTES: usize = 1 << 16;
/// The longest text that is cut out in one piece.
const PIECE_BYTES: usize = 1 << 10;
/// What is copied at once of short texts.
pub(super) const CHUNK: usize = 96;
/// Beam's shortest random text.
const SHORTEST: u64 = 3;

/// Letters; one of 13 is a blank.
static WORDS: LazyLock<Vec<u8>> = LazyLock::new(|| letters(1, true));
/// Letters only.
static LETTERS: LazyLock<Vec<u8>> = LazyLock::new(|| letters(2, false));

fn letters(seed: u64, blanks: bool) -> Vec<u8> {
    let letter = |place: u64| match below(mix(seed, place * 2), 13) {
        0 if blanks => b' ',
        _ => b'a' + below(mix(seed, place * 2 + 1), 26) as u8,
    };
    (0..(POOL_BYTES + PIECE_BYTES) as u64).map(letter).collect()
}

fn cut(pool: &'static [u8], word: u64, length: usize) -> &'static [u8] {
    let at = word as usize % POOL_BYTES;
    pool.get(at..at + length.min(PIECE_BYTES)).unwrap_or_default()
}

/// Words of 3 to less than `most` letters, without blanks around them.
pub(super) fn words(word: u64, most: u64) -> &'static [u8] {
    let length = SHORTEST + below(word.rotate_left(32), most - SHORTEST);
    cut(&WORDS, word, length as usize).trim_ascii()
}

/// Appends letters that make an event of `so_far` bytes one of `average` bytes, give or take a fifth of what is missing.
pub(super) fn extra(word: u64, so_far: usize, average: u64, out: &mut Vec<u8>) {
    let Some(missing) = average.checked_sub(so_far as u64) else { return };
    let delta = (missing + 2) / 5;
    let mut length = (missing - delta + below(word.rotate_left(32), (2 * delta).max(1))) as usize;
    if length <= CHUNK {
        return append(LETTERS.get(word as usize % POOL_BYTES..).unwrap_or_default(), length, out);
    }
    let mut place = word;
    while length > 0 {
        let piece = cut(&LETTERS, place, length);
        out.extend_from_slice(piece);
        length -= piece.len();
        place = mix(place, 1);
    }
}

/// Appends the first bytes of a piece, at the most [`CHUNK`]. Copying a whole chunk, whose length is known, is faster than asking how
/// much there is to copy.
pub(super) fn append(piece: &[u8], length: usize, out: &mut Vec<u8>) {
    match piece.first_chunk::<CHUNK>() {
        Some(chunk) if length <= CHUNK => {
            let end = out.len() + length;
            out.extend_from_slice(chunk);
            out.truncate(end);
        }
        _ => out.extend_from_slice(piece.get(..length).unwrap_or(piece)),
    }
}

/// One of some texts.
pub(super) fn one_of<'a>(texts: &'a [&'a str], word: u64) -> &'a str {
    texts.get(below(word, texts.len() as u64) as usize).copied().unwrap_or_default()
}
