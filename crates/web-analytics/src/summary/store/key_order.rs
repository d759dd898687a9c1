//! A row's dimensions and slot as one number that sorts as they do.

/// Numbers of few bits each, packed into one; the first is the most significant.
pub(super) trait Key: Copy + Ord + Default {
    /// With one more number, which is below `1 << bits`.
    fn push(self, bits: u32, number: u32) -> Self;
    /// Takes the last number away.
    fn pop(&mut self, bits: u32) -> u32;
}

/// How many bits tell so many numbers apart.
pub(super) fn key_bits(numbers: u64) -> u32 {
    u64::BITS - numbers.saturating_sub(1).leading_zeros()
}

impl Key for u64 {
    #[inline]
    fn push(self, bits: u32, number: u32) -> Self {
        self << bits | u64::from(number)
    }

    #[inline]
    fn pop(&mut self, bits: u32) -> u32 {
        let number = *self & ((1 << bits) - 1);
        *self >>= bits;
        number as u32
    }
}

/// Holds any key: 13 dimensions within their limit of values, and a slot, are below 192 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WideKey {
    high: u128,
    low: u128,
}

impl WideKey {
    pub(super) const BITS: u32 = 2 * u128::BITS;
}

impl Key for WideKey {
    fn push(self, bits: u32, number: u32) -> Self {
        let carried = self.low.checked_shr(u128::BITS - bits).unwrap_or(0);
        WideKey { high: self.high << bits | carried, low: self.low << bits | u128::from(number) }
    }

    fn pop(&mut self, bits: u32) -> u32 {
        let number = self.low & ((1 << bits) - 1);
        self.low = self.low >> bits | self.high.checked_shl(u128::BITS - bits).unwrap_or(0);
        self.high >>= bits;
        number as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pack<K: Key>(numbers: &[(u32, u32)]) -> K {
        numbers.iter().fold(K::default(), |key, (bits, number)| key.push(*bits, *number))
    }

    fn unpack<K: Key>(mut key: K, numbers: &[(u32, u32)]) -> Vec<(u32, u32)> {
        let mut unpacked: Vec<(u32, u32)> = numbers.iter().rev().map(|(bits, _)| (*bits, key.pop(*bits))).collect();
        unpacked.reverse();
        unpacked
    }

    proptest! {
        #[test]
        fn numbers_come_back_and_keys_sort_as_they_do(
            numbers in prop::collection::vec((0u32..14, any::<u32>(), any::<u32>()), 1..14),
        ) {
            let part = |of: fn(&(u32, u32, u32)) -> u32| -> Vec<(u32, u32)> {
                numbers.iter().map(|number| (number.0, of(number) & ((1 << number.0) - 1))).collect()
            };
            let (a, b) = (part(|number| number.1), part(|number| number.2));
            let [wide_a, wide_b] = [&a, &b].map(|numbers| pack::<WideKey>(numbers));
            prop_assert_eq!(&unpack(wide_a, &a), &a);
            prop_assert_eq!(wide_a.cmp(&wide_b), a.cmp(&b));
            if a.iter().map(|(bits, _)| bits).sum::<u32>() <= 64 {
                let [narrow_a, narrow_b] = [&a, &b].map(|numbers| pack::<u64>(numbers));
                prop_assert_eq!(&unpack(narrow_a, &a), &a);
                prop_assert_eq!(narrow_a.cmp(&narrow_b), a.cmp(&b));
            }
        }
    }
}
