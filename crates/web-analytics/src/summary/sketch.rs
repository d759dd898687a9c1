//! Distinct visitors: HyperLogLog with 4,096 registers, a standard error of 1.6 %.
//!
//! Flajolet et al., "HyperLogLog" (2007); the estimator without bias tables is Ertl's, "New cardinality estimation
//! algorithms for HyperLogLog sketches" (2017), algorithm 6.

/// Number of registers.
pub const REGISTERS: usize = 1 << PRECISION;

const PRECISION: u32 = 12;
/// Bits of a hash that are left for the rank.
const RANK_BITS: u32 = 64 - PRECISION;

/// Register and rank of a visitor's hash.
pub fn register(hash: u64) -> (u16, u8) {
    // Callers' hashes may be weak in some bits: finish as SplitMix64 does.
    let mut mixed = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let rank = (mixed << PRECISION | 1 << (PRECISION - 1)).leading_zeros() + 1;
    ((mixed >> RANK_BITS) as u16, rank as u8)
}

/// A set of visitors of which only the size can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// By register; empty while nothing was added.
    ranks: Vec<u8>,
}

impl Default for Sketch {
    fn default() -> Self {
        Sketch::new()
    }
}

impl Sketch {
    /// The empty set.
    pub const fn new() -> Self {
        Sketch { ranks: Vec::new() }
    }

    /// Adds a register's rank, as [`register`] gives it.
    pub fn add(&mut self, register: u16, rank: u8) {
        if self.ranks.is_empty() {
            self.ranks.resize(REGISTERS, 0);
        }
        if let Some(known) = self.ranks.get_mut(usize::from(register)) {
            *known = rank.max(*known);
        }
    }

    /// Adds all of another set.
    pub fn merge(&mut self, other: &Sketch) {
        for (register, rank) in (0u16..).zip(&other.ranks).filter(|(_, rank)| **rank > 0) {
            self.add(register, *rank);
        }
    }

    /// Estimated size.
    pub fn estimate(&self) -> u64 {
        if self.ranks.is_empty() {
            return 0;
        }
        let mut with_rank = [0u32; RANK_BITS as usize + 2];
        for rank in &self.ranks {
            if let Some(count) = with_rank.get_mut(usize::from(*rank)) {
                *count += 1;
            }
        }
        let m = REGISTERS as f64;
        let [zeros, ranks @ .., saturated] = &with_rank;
        let mut z = m * tau(1.0 - f64::from(*saturated) / m);
        for count in ranks.iter().rev() {
            z = 0.5 * (z + f64::from(*count));
        }
        z += m * sigma(f64::from(*zeros) / m);
        (m * m / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch_of(visitors: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::new();
        for visitor in visitors {
            let (register, rank) = register(visitor);
            sketch.add(register, rank);
        }
        sketch
    }

    #[test]
    fn small_sets_are_counted_exactly() {
        for size in 0..20 {
            assert_eq!(sketch_of(0..size).estimate(), size);
        }
    }

    #[test]
    fn large_sets_are_within_three_standard_errors() {
        for size in [100u64, 3_000, 10_000, 113_000, 1_000_000] {
            let error = sketch_of(0..size).estimate() as f64 / size as f64 - 1.0;
            assert!(error.abs() < 0.05, "{size} visitors are off by {error}");
        }
    }

    #[test]
    fn a_union_counts_everyone_once() {
        let mut both = sketch_of(0..5_000);
        both.merge(&sketch_of(2_500..7_500));
        assert_eq!(both, sketch_of(0..7_500));
    }
}
