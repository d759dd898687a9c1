//! Drawing from weighted choices and making ids that never repeat.

use rand::Rng;
use rand::rngs::SmallRng;

/// A choice of indices by weight, in constant time: Walker's alias method, in Vose's form
/// (M. D. Vose, "A linear algorithm for generating random numbers with a given distribution", 1991).
pub(super) struct Weighted {
    /// For each column the share that stays in it and where the rest goes.
    columns: Vec<(f32, u32)>,
}

impl Weighted {
    /// Weights need not sum to one. No weights: always 0.
    pub(super) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let weights: Vec<f64> = weights.into_iter().collect();
        let total: f64 = weights.iter().sum();
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / total * weights.len() as f64).collect();
        let mut columns: Vec<(f32, u32)> = (0..shares.len()).map(|at| (1.0, at as u32)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..shares.len()).partition(|&at| shares[at] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            columns[poor] = (shares[poor] as f32, rich as u32);
            shares[rich] -= 1.0 - shares[poor];
            if shares[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Self { columns }
    }

    /// `n` ranks by Zipf's law: the weight of rank r is 1/r^`exponent`.
    pub(super) fn zipf(n: usize, exponent: f64) -> Self {
        Self::new((1..=n).map(|rank| (rank as f64).powf(-exponent)))
    }

    pub(super) fn draw(&self, random: &mut SmallRng) -> usize {
        if self.columns.is_empty() {
            return 0;
        }
        let column = random.random_range(0..self.columns.len());
        let (stays, other) = self.columns[column];
        if random.random::<f32>() < stays { column } else { other as usize }
    }
}

/// The n-th id of a kind: a bijection of n (splitmix64's finalizer), so that ids of one seed never collide.
pub(super) fn id(seed: u64, kind: u64, n: u64) -> u64 {
    let key = mix(mix(seed) ^ kind);
    mix(n ^ key)
}

fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
