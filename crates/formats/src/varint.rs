//! Numbers in groups of seven bits, the lowest first, as Protobuf writes them.

/// The number at the beginning, and what follows; `None` where it does not end, or is longer than 64 bits.
#[inline]
pub(crate) fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value: u64 = 0;
    for (nth, &byte) in bytes.iter().take(10).enumerate() {
        if nth == 9 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << (7 * nth);
        if byte < 0x80 {
            return Some((value, bytes.get(nth + 1..).unwrap_or_default()));
        }
    }
    None
}

/// Appends a number.
#[inline]
pub(crate) fn write(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
