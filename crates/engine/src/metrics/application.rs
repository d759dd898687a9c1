//! An application's own metrics: counters and gauges in groups, as Flink's metric groups.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;
use serde::Serialize;

/// A group of metrics. Groups lie in each other, and tell metrics of the same name apart.
///
/// ```
/// use tidemill_engine::api::Environment;
///
/// let env = Environment::new("word-count");
/// let words = env.metrics().labelled("Service", "WordCountApplication").group("Tokenizer").counter("TotalWords");
/// words.add(3);
/// let figures = env.metrics().read();
/// assert_eq!(figures[0].to_string(), "Service=WordCountApplication.Tokenizer.TotalWords 3");
/// ```
#[derive(Clone, Debug, Default)]
pub struct MetricGroup {
    path: Vec<GroupName>,
    /// All metrics of the application, whichever group this is.
    metrics: Arc<Mutex<Vec<Metric>>>,
}

/// The name of a group, and its value where it is a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupName {
    /// The name.
    pub name: Arc<str>,
    /// The label's value.
    pub value: Option<Arc<str>>,
}

#[derive(Debug)]
struct Metric {
    group: Vec<GroupName>,
    name: Arc<str>,
    kind: MetricKind,
    bits: Arc<AtomicU64>,
}

/// What a metric tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// How often something happened since the process began.
    Counter,
    /// What something is now.
    Gauge,
}

/// Counts. All that ask for the same name in the same group count together, on whichever worker they are.
///
/// Rows that are processed again after a failure are counted again.
#[derive(Clone, Debug)]
pub struct Counter(Arc<AtomicU64>);

/// Tells a value: that which was set last.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<AtomicU64>);

/// A metric at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricFigure {
    /// The groups in which it is, the outermost first.
    pub group: Vec<GroupName>,
    /// Its name.
    pub name: Arc<str>,
    /// What it tells.
    pub kind: MetricKind,
    /// Its value.
    pub value: f64,
}

impl MetricGroup {
    /// A group in this one.
    pub fn group(&self, name: &str) -> MetricGroup {
        self.with(GroupName { name: name.into(), value: None })
    }

    /// A group in this one that is a label with a value: a dimension, where metrics go to systems that know them.
    pub fn labelled(&self, name: &str, value: &str) -> MetricGroup {
        self.with(GroupName { name: name.into(), value: Some(value.into()) })
    }

    fn with(&self, name: GroupName) -> MetricGroup {
        let mut group = self.clone();
        group.path.push(name);
        group
    }

    /// A counter of this group.
    pub fn counter(&self, name: &str) -> Counter {
        Counter(self.metric(name, MetricKind::Counter))
    }

    /// A gauge of this group.
    pub fn gauge(&self, name: &str) -> Gauge {
        Gauge(self.metric(name, MetricKind::Gauge))
    }

    fn metric(&self, name: &str, kind: MetricKind) -> Arc<AtomicU64> {
        let mut metrics = self.metrics.lock();
        let known = metrics.iter().find(|known| *known.name == *name && known.kind == kind && known.group == self.path);
        if let Some(known) = known {
            return known.bits.clone();
        }
        let bits = Arc::new(AtomicU64::new(0));
        metrics.push(Metric { group: self.path.clone(), name: name.into(), kind, bits: bits.clone() });
        bits
    }

    /// Every metric of this group and of those in it.
    pub fn read(&self) -> Vec<MetricFigure> {
        let metrics = self.metrics.lock();
        let inside = metrics.iter().filter(|metric| metric.group.starts_with(&self.path));
        inside.map(Metric::read).collect()
    }
}

impl Metric {
    fn read(&self) -> MetricFigure {
        let bits = self.bits.load(Relaxed);
        let value = match self.kind {
            MetricKind::Counter => bits as f64,
            MetricKind::Gauge => f64::from_bits(bits),
        };
        MetricFigure { group: self.group.clone(), name: self.name.clone(), kind: self.kind, value }
    }
}

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Gauge {
    /// The value is this now.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    /// The value that was set last; 0 before.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

impl std::fmt::Display for MetricFigure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for GroupName { name, value } in &self.group {
            match value {
                Some(value) => write!(f, "{name}={value}.")?,
                None => write!(f, "{name}.")?,
            }
        }
        write!(f, "{} {}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_group_is_one_metric() {
        let all = MetricGroup::default();
        let group = all.labelled("service", "shop").group("checkout");
        group.counter("orders").add(2);
        all.labelled("service", "shop").group("checkout").counter("orders").increment();
        all.group("checkout").counter("orders").increment();
        group.gauge("basket").set(12.5);
        let said = |figures: Vec<MetricFigure>| figures.iter().map(ToString::to_string).collect::<Vec<_>>();
        let in_group = ["service=shop.checkout.orders 3", "service=shop.checkout.basket 12.5"];
        assert_eq!(said(group.read()), in_group);
        assert_eq!(said(all.read()), [in_group[0], "checkout.orders 1", in_group[1]]);
        assert_eq!((group.counter("orders").get(), group.gauge("basket").get()), (3, 12.5));
    }
}
