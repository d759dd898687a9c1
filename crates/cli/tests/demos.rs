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
