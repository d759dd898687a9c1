//! What is timed: names, units and the thresholds between good, needs improvement and poor.

use super::cell::{Counter, Metric};

/// Number of metrics.
pub const METRICS: usize = 6;

/// Number of counters.
pub const COUNTERS: usize = 11;

impl Metric {
    /// All metrics, in the order of their discriminants.
    pub const ALL: [Metric; METRICS] = [Metric::Lcp, Metric::Inp, Metric::Cls, Metric::Fcp, Metric::Ttfb, Metric::Load];

    /// Name in beacons and in the query API.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Lcp => "lcp",
            Metric::Inp => "inp",
            Metric::Cls => "cls",
            Metric::Fcp => "fcp",
            Metric::Ttfb => "ttfb",
            Metric::Load => "load",
        }
    }

    /// The metric of a name.
    pub fn from_name(name: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// The metric of a stored discriminant.
    pub fn from_index(index: u8) -> Option<Metric> {
        Metric::ALL.get(usize::from(index)).copied()
    }

    /// Unit of its values.
    pub fn unit(self) -> &'static str {
        match self {
            Metric::Cls => "score",
            _ => "ms",
        }
    }

    /// Largest value that counts; anything above is an error of measurement.
    pub fn limit(self) -> f64 {
        match self {
            Metric::Cls => 100.0,
            _ => 60_000.0,
        }
    }

    /// A value up to the first is good, above the second poor: <https://web.dev/articles/vitals>. The load event has no
    /// official ones; it gets those of the largest contentful paint, which it usually follows.
    pub fn thresholds(self) -> [f64; 2] {
        match self {
            Metric::Lcp | Metric::Load => [2_500.0, 4_000.0],
            Metric::Inp => [200.0, 500.0],
            Metric::Cls => [0.1, 0.25],
            Metric::Fcp => [1_800.0, 3_000.0],
            Metric::Ttfb => [800.0, 1_800.0],
        }
    }

    /// 0 good, 1 needs improvement, 2 poor.
    pub fn rating(self, value: f64) -> u8 {
        let [good, poor] = self.thresholds();
        u8::from(value > good) + u8::from(value > poor)
    }
}

impl Counter {
    /// All counters, in the order of their discriminants.
    pub const ALL: [Counter; COUNTERS] = [
        Counter::Beacons,
        Counter::Impressions,
        Counter::Sessions,
        Counter::Bounces,
        Counter::SessionImpressions,
        Counter::SessionSeconds,
        Counter::Orders,
        Counter::RevenueCents,
        Counter::Errors,
        Counter::Events,
        Counter::Quarantined,
    ];

    /// The counter of a stored discriminant.
    pub fn from_index(index: u8) -> Option<Counter> {
        Counter::ALL.get(usize::from(index)).copied()
    }

    /// Whether it differs from one impression to the next even if these are alike, so that its sums don't repeat.
    pub(crate) fn varies(self) -> bool {
        matches!(self, Counter::Beacons | Counter::Events)
    }

    /// Name in the query API.
    pub fn name(self) -> &'static str {
        match self {
            Counter::Beacons => "beacons",
            Counter::Impressions => "impressions",
            Counter::Sessions => "sessions",
            Counter::Bounces => "bounces",
            Counter::SessionImpressions => "session_impressions",
            Counter::SessionSeconds => "session_seconds",
            Counter::Orders => "orders",
            Counter::RevenueCents => "revenue_cents",
            Counter::Errors => "errors",
            Counter::Events => "events",
            Counter::Quarantined => "quarantined",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_discriminants() {
        for (index, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, index);
            assert_eq!(Metric::from_name(metric.name()), Some(metric));
        }
        for (index, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, index);
        }
    }

    #[test]
    fn a_value_on_a_threshold_gets_the_better_rating() {
        assert_eq!(Metric::Lcp.rating(2_500.0), 0);
        assert_eq!(Metric::Lcp.rating(2_500.1), 1);
        assert_eq!(Metric::Lcp.rating(4_000.0), 1);
        assert_eq!(Metric::Lcp.rating(4_001.0), 2);
        assert_eq!(Metric::Cls.rating(0.1), 0);
        assert_eq!(Metric::Cls.rating(0.26), 2);
    }
}
