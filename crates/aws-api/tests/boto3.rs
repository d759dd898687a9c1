//! Real boto3 uses the service: every operation, its errors, its pages, its limits.

mod support;

use support::Running;
use tidemill_aws_api::access::Role;
use tidemill_aws_api::kinesis::Settings;

fn unlimited() -> Settings {
    Settings { unlimited: true, ..Settings::default() }
}

#[test]
fn streams_and_their_settings() {
    Running::start(unlimited()).python("settings.py", &[]);
}

#[test]
fn records_iterators_and_shards() {
    Running::start(unlimited()).python("records.py", &[]);
}

#[test]
fn consumers_and_subscriptions() {
    Running::start(unlimited()).python("consumers.py", &[]);
}

#[test]
fn rates_and_quotas() {
    let settings = Settings { shards_max: 6, on_demand_streams_max: 2, consumers_max: 3, ..Settings::default() };
    Running::start(settings).python("limits.py", &[]);
}

#[test]
fn what_was_told_is_kept_over_a_restart() {
    let running = Running::start(unlimited());
    running.python("kept.py", &["before"]);
    running.again(unlimited()).python("kept.py", &["after"]);
}

#[test]
fn signatures_and_roles() {
    let running = Running::start(unlimited());
    let mut keys = Vec::new();
    for (name, role) in [("admin", Role::Admin), ("producer", Role::Producer), ("consumer", Role::Consumer)] {
        let made = running.keys.create(name, role).unwrap();
        keys.extend([made.key.id, made.secret]);
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    running.python("access.py", &keys);
}

#[test]
fn hostile_requests() {
    Running::start(unlimited()).python("hostile.py", &[]);
}
