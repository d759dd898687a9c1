//! A histogram of latencies with 64 buckets an octave: quantiles within 1.6 % at any size, in 14 KB.

use std::time::Duration;

const BITS: u32 = 6;
const BUCKETS: usize = (33 - BITS as usize) << BITS;

/// Latencies in µs, up to 71 minutes.
#[derive(Clone, Debug)]
pub struct Latencies {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, latency: Duration) {
        if let Some(count) = self.counts.get_mut(bucket(latency.as_micros().min(u128::from(u32::MAX)) as u32)) {
            *count += 1;
            self.total += 1;
        }
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The latency in ms that a share `q` of all did not exceed; 0 when there are none.
    pub fn quantile_ms(&self, q: f64) -> f64 {
        let rank = (q * self.total as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        for (at, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank {
                return upper(at) / 1000.0;
            }
        }
        0.0
    }
}

/// Exact below 128 µs; above, by the leading seven bits.
fn bucket(micros: u32) -> usize {
    let shift = (31 - BITS).saturating_sub(micros.leading_zeros());
    ((shift as usize) << BITS) + (micros >> shift) as usize
}

/// The bucket's greatest value.
fn upper(bucket: usize) -> f64 {
    if bucket < 2 << BITS {
        return bucket as f64;
    }
    let shift = (bucket >> BITS) - 1;
    let leading = (bucket & ((1 << BITS) - 1)) + (1 << BITS);
    (((leading + 1) << shift) - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_two_percent() {
        let mut latencies = Latencies::default();
        for micros in 1..=200_000_u64 {
            latencies.record(Duration::from_micros(micros));
        }
        for q in [0.01, 0.5, 0.9, 0.99, 1.0] {
            let exact = q * 200.0;
            let found = latencies.quantile_ms(q);
            assert!((found - exact).abs() <= 0.016 * exact, "{q}: {found} for {exact}");
        }
    }

    #[test]
    fn no_latency_is_too_short_or_too_long() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::ZERO);
        latencies.record(Duration::from_secs(1_000_000));
        assert_eq!(latencies.total(), 2);
        assert_eq!(latencies.quantile_ms(0.5), 0.0);
        assert!(latencies.quantile_ms(1.0) >= 4_294_967.0);
    }
}
