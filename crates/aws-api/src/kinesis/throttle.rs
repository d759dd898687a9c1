//! Rates: token buckets that hold one second's worth.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

use parking_lot::Mutex;

/// Buckets that were not used for a while are forgotten when there are so many.
const BUCKETS_MAX: usize = 65_536;

/// A bucket for each key.
#[derive(Debug)]
pub(super) struct Throttle<K> {
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Eq + Hash> Default for Throttle<K> {
    fn default() -> Self {
        Self { buckets: Mutex::default() }
    }
}

impl<K: Eq + Hash> Throttle<K> {
    /// Takes `cost` from the key's bucket, if there is so much in it. What costs more than a full bucket holds takes a
    /// full one, and the next have to wait for the rest.
    pub(super) fn take(&self, key: K, cost: f64, per_second: f64, now: Instant) -> bool {
        self.with(key, per_second, now, |bucket| {
            let enough = bucket.tokens >= cost.min(per_second);
            if enough {
                bucket.tokens -= cost;
            }
            enough
        })
    }

    /// Takes `cost` afterwards: of what is only known when it is done.
    pub(super) fn charge(&self, key: K, cost: f64, per_second: f64, now: Instant) {
        self.with(key, per_second, now, |bucket| bucket.tokens -= cost);
    }

    fn with<T>(&self, key: K, per_second: f64, now: Instant, use_it: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= BUCKETS_MAX {
            // A bucket of a minute ago is full again, unless it has a debt.
            buckets.retain(|_, bucket| now.duration_since(bucket.at).as_secs() < 60 || bucket.tokens < 0.0);
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: per_second, at: now });
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * per_second;
        bucket.tokens = (bucket.tokens + gained).min(per_second);
        bucket.at = now.max(bucket.at);
        use_it(bucket)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_holds_a_second_and_fills_with_time() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let take = |cost, ms| throttle.take("shard", cost, 10.0, start + Duration::from_millis(ms));
        assert!((0..10).all(|_| take(1.0, 0)));
        assert!(!take(1.0, 50));
        assert!(take(1.0, 100));
        assert!(!throttle.take("shard", 1.0, 10.0, start + Duration::from_millis(100)));
        assert!(throttle.take("another", 1.0, 10.0, start));
    }

    #[test]
    fn what_is_larger_than_the_bucket_leaves_a_debt() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let take = |cost, ms| throttle.take("shard", cost, 10.0, start + Duration::from_millis(ms));
        assert!(take(25.0, 0));
        assert!(!take(1.0, 1_500));
        assert!(take(1.0, 1_700));
    }
}
