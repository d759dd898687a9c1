//! The demos, as their users run them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure to run the program fails the test"
)]

use std::process::Command;

use serde_json::Value;

/// What a demo says in the end that it found.
fn outcome(arguments: &[&str]) -> Value {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tidemill")).arg("demo").args(arguments).output().expect("the demo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the outcome is JSON")
}

#[test]
fn each_blocked_address_comes_out_once_a_minute() {
    let arguments = ["blocked-addresses", "--rate", "2000", "--duration", "3", "--headless", "--output", "json"];
    let outcome = outcome(&arguments);
    assert!(outcome["blocked"].as_u64().unwrap() > 100, "{outcome}");
    assert!(outcome["rows"].as_u64().unwrap() >= 40, "nearly all of fifty attackers: {outcome}");
    assert_eq!(outcome["rows"], outcome["expected"], "{outcome}");
    assert_eq!((&outcome["missing"], &outcome["unexpected"]), (&Value::from(0), &Value::from(0)), "{outcome}");
}

#[test]
fn words_and_their_counter_agree_with_the_lines() {
    let arguments = ["word-count", "--rate", "2000", "--duration", "2", "--headless", "--output", "json"];
    let outcome = outcome(&arguments);
    assert_eq!(outcome["lines"], 4_000, "{outcome}");
    // `The` and `the` are one word.
    assert_eq!((&outcome["rows"], &outcome["wrong"]), (&Value::from(15), &Value::from(0)), "{outcome}");
    assert_eq!(outcome["counted"], outcome["words"], "{outcome}");
    assert_eq!(outcome["most"][0], "the", "{outcome}");
}

const ORDERS: [&str; 6] = ["order-enrichment", "--rate", "1000", "--headless", "--output", "json"];

fn assert_all_landed(outcome: &Value, items: u64) {
    assert_eq!((&outcome["items"], &outcome["rows"]), (&Value::from(items), &Value::from(items)), "{outcome}");
    assert_eq!((&outcome["missing"], &outcome["wrong"]), (&Value::from(0), &Value::from(0)), "{outcome}");
}

#[test]
fn each_item_lands_with_its_order_and_its_product() {
    let outcome = outcome(&[&ORDERS[..], &["--duration", "3"]].concat());
    assert_all_landed(&outcome, 3_000);
    // Three changes of an order with two items, and as many updates.
    assert_eq!(outcome["changes"], 9_000, "{outcome}");
}

#[test]
fn crashes_of_the_order_demo_change_no_row() {
    let rounds: u64 = std::env::var("CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6);
    let folder = tempfile::tempdir().unwrap();
    // More items than the rounds can send before they are killed.
    let seconds = (rounds.div_ceil(2) + 3).to_string();
    let data = folder.path().join("data").to_str().unwrap().to_owned();
    let arguments = [&ORDERS[..], &["--duration", &seconds, "--data", &data]].concat();
    let mut random = 0x2545_f491_u64;
    for _ in 0..rounds {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_tidemill"))
            .arg("demo")
            .args(&arguments)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(std::time::Duration::from_millis(200 + (random >> 33) % 500));
        // As `kill -9` does.
        demo.kill().unwrap();
        demo.wait().unwrap();
    }
    let outcome = outcome(&arguments);
    assert_all_landed(&outcome, 1_000 * seconds.parse::<u64>().unwrap());
}
