//! The lake: what the job writes is found by SQL, and goes with its site.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::Running;

async fn ask(running: &Running, sql: &str) -> Value {
    running.client.post("/api/v1/query", &json!({ "sql": sql })).await.unwrap()["rows"].clone()
}

/// Asks until the answer is the wanted one; gives the last answer.
async fn ask_for(running: &Running, sql: &str, wanted: &Value) -> Value {
    for _ in 0..200 {
        if ask(running, sql).await == *wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ask(running, sql).await
}

/// Names of the folders in a folder of the lake.
fn tenants(data: &Path, kind: &str) -> Vec<String> {
    let entries = std::fs::read_dir(data.join("data/lake").join(kind)).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_lies_in_quarantine_with_its_reason_and_goes_with_its_site() {
    let running = Running::with(|config| config.pipeline.lake_file_age_ms = 100).await;
    let (shop, blog) = (running.site("shop").await, running.site("blog").await);
    assert_eq!(ask(&running, "SELECT count(*) AS n FROM lake.sessions").await, json!([{ "n": 0 }]));
    for key in [&shop, &shop, &blog] {
        assert_eq!(running.beacon(key, "text/plain", "no JSON at all").await.status, 204);
    }

    let by_site = "SELECT tenant, reason, count(*) AS n FROM lake.quarantine WHERE date >= '2020-01-01' GROUP BY tenant, reason ORDER BY tenant";
    let blogs = json!({ "tenant": "blog", "reason": "not_json", "n": 1 });
    let wanted = json!([blogs, { "tenant": "shop", "reason": "not_json", "n": 2 }]);
    assert_eq!(ask_for(&running, by_site, &wanted).await, wanted);

    running.client.delete("/api/v1/sites/shop").await.unwrap();
    assert_eq!(tenants(running.folder.path(), "quarantine"), ["tenant=blog"]);
    assert_eq!(ask(&running, by_site).await, json!([blogs]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_file_that_is_not_closed_yet_survive_a_restart() {
    let mut running = Running::start().await;
    let key = running.site("shop").await;
    assert_eq!(running.beacon(&key, "text/plain", "no JSON at all").await.status, 204);
    while running.client.get("/api/v1/sites/shop/realtime").await.unwrap()["behind_beacons"] != 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let count = "SELECT count(*) AS n FROM lake.quarantine";
    assert_eq!(ask(&running, count).await, json!([{ "n": 0 }]), "its file is still open");

    running = running.again(|config| config.pipeline.lake_file_age_ms = 100).await;
    assert_eq!(ask_for(&running, count, &json!([{ "n": 1 }])).await, json!([{ "n": 1 }]));
}
