//! `tidemill demo web-analytics`: what the dashboard shows is what the visitors did.

use std::process::Command;

use serde_json::Value;

use crate::ONE_AT_A_TIME;

fn demo(flags: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    command.args(["--output", "json", "demo", "web-analytics", "--port", "0"]).args(flags);
    let run = command.output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (run.status.success(), text(run.stdout), text(run.stderr))
}

#[tokio::test]
async fn what_the_query_api_tells_is_what_the_simulated_visitors_did() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let (success, printed, said) = demo(&["--headless", "--duration", "15", "--rate", "400", "--seed", "7"]);
    assert!(success, "{said}");
    let outcome: Value = serde_json::from_str(&printed).expect("one JSON object");

    assert_eq!(outcome["observed"], outcome["expected"]);
    assert_eq!(outcome["sent"], outcome["acknowledged"]);
    let counts = outcome["expected"].as_object().expect("counts");
    let names: Vec<&str> = counts.keys().map(String::as_str).collect();
    let mut wanted = ["beacons", "impressions", "sessions", "bounces", "orders", "revenue_cents", "bots", "issues"];
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    for (name, count) in counts {
        assert!(count.as_u64() > Some(0), "a run without {name} shows nothing");
    }
}

#[tokio::test]
async fn a_run_that_nobody_could_stop_is_refused() {
    let (success, _, said) = demo(&["--headless"]);
    assert!(!success && said.contains("--duration"), "{said}");
}
