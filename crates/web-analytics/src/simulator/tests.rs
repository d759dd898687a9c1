//! The simulation has the shape it claims, and its truth is that of its bytes.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::*;

fn simulator(seed: u64, seconds: u64, dirty: bool) -> Simulator {
    let settings =
        Settings { seed, rate: 2_000.0, duration: Some(Duration::from_secs(seconds)), dirty, ..Settings::default() };
    Simulator::new(settings, Population::built_in())
}

/// Everything known of an impression, from its beacons' bytes.
#[derive(Default)]
struct Joined {
    session: String,
    bot: bool,
    numbers: HashMap<u64, u64>,
    kinds: HashSet<String>,
    urls: HashSet<String>,
    groups: HashSet<String>,
    order: Option<String>,
    interactive: bool,
    flags: HashSet<&'static str>,
}

/// Counts again from nothing but the requests, all at once instead of beacon by beacon.
fn recount(simulator: &mut Simulator) -> Expected {
    let start_ms = simulator.settings.start_ms as i64;
    let bots: HashSet<String> = crawler_user_agents();
    let mut impressions: HashMap<String, Joined> = HashMap::new();
    let mut orders: HashMap<String, (String, u64)> = HashMap::new();
    let mut expected = Expected::default();
    while let Some(arrival) = simulator.next_arrival() {
        if arrival.malformed {
            continue;
        }
        expected.beacons += 1;
        let beacon: Value = serde_json::from_slice(arrival.body).expect("a beacon is JSON");
        let text = |name: &str| beacon[name].as_str().map(str::to_owned);
        let p = text("p").expect("every beacon names its impression");
        let joined = impressions.entry(p.clone()).or_default();
        joined.session = text("s").unwrap_or_else(|| {
            joined.flags.insert("generated_id");
            format!("{} {}", arrival.address, arrival.user_agent)
        });
        joined.bot = bots.contains(arrival.user_agent);
        *joined.numbers.entry(beacon["n"].as_u64().expect("numbered")).or_default() += 1;
        joined.kinds.insert(text("t").expect("typed"));
        joined.urls.insert(text("url").expect("placed"));
        joined.groups.insert(text("g").expect("grouped"));
        joined.interactive |= beacon["e"]["interactive"] == Value::Bool(true);
        if let Some(id) = beacon["o"]["id"].as_str() {
            let cents = beacon["o"]["value_cents"].as_u64().expect("orders have a value");
            let (first, _) = orders.entry(id.to_owned()).or_insert_with(|| (p.clone(), cents));
            if *first != p {
                joined.flags.insert("duplicate_order");
            }
            joined.order = Some(id.to_owned());
        }
        if beacon["vw"].is_string() {
            joined.flags.insert("malformed_field");
        }
        let skew = beacon["ts"].as_i64().expect("timed") - start_ms - arrival.at.as_millis() as i64;
        if skew.abs() > 86_400_000 {
            joined.flags.insert("clock_skew");
        }
        if beacon["m"].as_object().is_some_and(|m| m.values().any(|value| value.as_f64() > Some(60_000.0))) {
            joined.flags.insert("metric_out_of_range");
        }
    }
    let mut sessions: HashMap<String, (u64, bool)> = HashMap::new();
    for joined in impressions.values_mut() {
        let found = [
            (joined.numbers.values().any(|times| *times > 1), "duplicate_beacon"),
            (!joined.kinds.contains("nav"), "missing_nav"),
            (!joined.kinds.contains("load"), "missing_load"),
            (joined.urls.len() > 1, "static_conflict"),
            (joined.groups.len() > 1, "group_conflict"),
        ];
        joined.flags.extend(found.iter().filter(|(found, _)| *found).map(|(_, flag)| flag));
        let session = sessions.entry(joined.session.clone()).or_default();
        session.1 |= joined.interactive;
        if !joined.kinds.contains("nav") && !joined.kinds.contains("load") {
            // No impression: each of its beacons is an orphan.
            expected.issues += joined.numbers.len() as u64;
            continue;
        }
        session.0 += 1;
        expected.impressions += 1;
        expected.bots += u64::from(joined.bot);
        expected.issues += joined.flags.len() as u64;
    }
    expected.sessions = sessions.values().filter(|(impressions, _)| *impressions > 0).count() as u64;
    expected.bounces = sessions.values().filter(|(impressions, active)| *impressions == 1 && !active).count() as u64;
    expected.orders = orders.len() as u64;
    expected.revenue_cents = orders.values().map(|(_, cents)| cents).sum();
    expected
}

fn crawler_user_agents() -> HashSet<String> {
    let crawlers: Value = serde_json::from_str(include_str!("../../tracker/dist/crawlers.json")).expect("JSON");
    let instances = crawlers.as_array().expect("a list").iter().flat_map(|crawler| crawler["instances"].as_array());
    instances.flatten().map(|instance| instance.as_str().expect("text").to_owned()).collect()
}

#[test]
fn the_truth_is_what_a_recount_of_the_bytes_gives() {
    for seed in 1..6 {
        let mut simulator = simulator(seed, 20, true);
        let recounted = recount(&mut simulator);
        assert_eq!(simulator.expected(), recounted, "seed {seed}");
        assert!(recounted.orders > 0 && recounted.bots > 0 && recounted.issues > 0 && recounted.bounces > 0);
    }
}

#[test]
fn traffic_has_the_shape_of_the_settings() {
    let mut simulator = simulator(7, 200, true);
    let (mut leaves, mut malformed) = (0_u64, 0_u64);
    let leave = b"\"x\":true";
    while let Some(arrival) = simulator.next_arrival() {
        leaves += u64::from(arrival.body.windows(leave.len()).any(|window| window == leave));
        malformed += u64::from(arrival.malformed);
    }
    let expected = simulator.expected();
    let ratio = |part: u64, whole: u64| part as f64 / whole as f64;
    let close = |what: &str, is: f64, should: f64, within: f64| {
        assert!((is - should).abs() <= within * should, "{what}: {is}, should be {should}");
    };
    close("beacons a second", ratio(expected.beacons, 200), 2_000.0, 0.05);
    close("beacons an impression", ratio(expected.beacons, expected.impressions), 5.6, 0.01);
    close("impressions a session", ratio(expected.impressions, expected.sessions), 3.6, 0.03);
    close("impressions with their last beacon", ratio(leaves, expected.impressions), 0.82, 0.02);
    close("orders a session", ratio(expected.orders, expected.sessions), 0.03, 0.1);
    close("bots", ratio(expected.bots, expected.impressions), 0.08, 0.1);
    close("garbage", ratio(malformed, expected.beacons), 0.001, 0.25);
    assert_eq!(malformed, simulator.quarantined());
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_other_ids() {
    let bytes = |seed| {
        let mut simulator = simulator(seed, 5, true);
        let mut all = Vec::new();
        while let Some(arrival) = simulator.next_arrival() {
            all.push((arrival.at, arrival.user_agent.to_owned(), arrival.address, arrival.body.to_vec()));
        }
        all
    };
    assert!(bytes(3) == bytes(3));
    assert!(bytes(3) != bytes(4));
}

#[test]
fn a_simulation_ends_in_time_and_in_order_however_slow_its_visitors() {
    let settings = Settings { duration: Some(Duration::from_secs(8)), pace: 1.0, ..Settings::default() };
    let mut simulator = Simulator::new(settings, Population::built_in());
    let mut last = Duration::ZERO;
    while let Some(arrival) = simulator.next_arrival() {
        assert!(arrival.at >= last);
        last = arrival.at;
    }
    assert!(last <= Duration::from_secs(8) && last > Duration::from_secs(4), "{last:?}");
    assert!(simulator.visits.is_over(), "every session has ended");
}

#[test]
fn clean_traffic_has_no_issues_but_what_was_lost_or_ordered_twice() {
    let mut simulator = simulator(11, 20, false);
    while let Some(arrival) = simulator.next_arrival() {
        assert!(!arrival.malformed);
        let beacon: Value = serde_json::from_slice(arrival.body).expect("a beacon is JSON");
        assert!(beacon["s"].is_string() && beacon["vw"].is_u64());
    }
    assert!(simulator.expected().issues * 20 < simulator.expected().impressions);
}

#[test]
fn visitors_of_group_a_are_served_faster() {
    let mut simulator = simulator(13, 60, false);
    let mut lcp: HashMap<String, Vec<f64>> = HashMap::new();
    while let Some(arrival) = simulator.next_arrival() {
        let beacon: Value = serde_json::from_slice(arrival.body).expect("a beacon is JSON");
        if let (Some(group), Some(value)) = (beacon["g"].as_str(), beacon["m"]["lcp"].as_f64()) {
            lcp.entry(group.to_owned()).or_default().push(value);
        }
    }
    let median = |group: &str| {
        let mut values = lcp[group].clone();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    assert!((1_200.0..1_500.0).contains(&median("A")), "{}", median("A"));
    assert!((1_900.0..2_400.0).contains(&median("B")), "{}", median("B"));
}
