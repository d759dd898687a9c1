//! The query API: parameters, errors, events. What the answers hold is tested with the pipeline.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Running, get};

#[tokio::test(flavor = "multi_thread")]
async fn every_question_has_an_answer_and_a_new_site_has_nothing() {
    let running = Running::start().await;
    running.site_with(json!({ "name": "shop", "dimensions": ["plan"] })).await;
    for question in [
        "overview",
        "timeseries?metrics=impressions,p75_lcp&interval=hour",
        "vitals?filter=device:mobile&filter=plan:pro",
        "histogram?metric=lcp&by=group",
        "breakdown?dimension=page&limit=5",
        "quality?bots=include",
        "realtime",
        "dimensions/plan/values?prefix=p",
    ] {
        let answer = running.client.get(&format!("/api/v1/sites/shop/{question}")).await.unwrap();
        assert!(answer.is_object(), "{question}: {answer}");
    }
    let overview = running.client.get("/api/v1/sites/shop/overview?from=60000&to=120000").await.unwrap();
    assert_eq!(overview["range"], json!({ "from": 60_000, "to": 120_000 }));
    assert_eq!(overview["current"]["impressions"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_makes_no_sense_is_refused_with_a_hint() {
    let running = Running::start().await;
    running.site("shop").await;
    for (question, status, code) in [
        ("shop/overview?from=yesterday", 400, "TM-WEB-0201"),
        ("shop/overview?from=5&to=1", 400, "TM-WEB-0201"),
        ("shop/overview?from=0", 400, "TM-WEB-0203"),
        ("shop/overview?surprise=1", 404, "TM-WEB-0202"),
        ("shop/overview?filter=plan:pro", 404, "TM-WEB-0202"),
        ("shop/breakdown?dimension=shoe-size", 404, "TM-WEB-0202"),
        ("shop/dimensions/none/values", 404, "TM-WEB-0202"),
        ("other/overview", 404, "TM-API-0002"),
        ("other/events", 404, "TM-API-0002"),
        ("shop/nothing", 404, "TM-API-0009"),
    ] {
        let answer = running.send(get(&format!("/api/v1/sites/{question}"), &[])).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{question}: {}", answer.text());
        assert!(!answer.json()["error"]["hint"].as_str().unwrap().is_empty(), "{question}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_hears_at_once_how_things_stand_and_again_when_they_change() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    let mut events = running.client.lines("/api/v1/sites/shop/events").await.unwrap();
    let mut next = async || -> Value {
        loop {
            let line = tokio::time::timeout(Duration::from_secs(10), events.next()).await.unwrap().unwrap().unwrap();
            if let Some(data) = line.strip_prefix("data: ").or_else(|| line.strip_prefix("data:")) {
                return serde_json::from_str(data).unwrap();
            }
        }
    };
    let first = next().await;
    assert_eq!((&first["visitors"], &first["behind_beacons"]), (&json!(0), &json!(0)));
    assert_eq!(running.beacon(&key, "text/plain", "{}").await.status, 204);
    let second = next().await;
    assert!(second["time"].as_i64() > first["time"].as_i64(), "{second}");
    let stopping = std::time::Instant::now();
    running.server.stop().await.unwrap();
    assert!(stopping.elapsed() < Duration::from_secs(3), "watchers hold up a stop for {:?}", stopping.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_reaches_its_site_and_no_other() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    running.site("other").await;
    for (page, number) in [("p1", 0), ("p1", 1), ("p2", 0)] {
        let beacon = json!({ "v": 1, "s": "s1", "p": page, "n": number, "t": "nav", "url": "https://shop.example/x" });
        assert_eq!(running.beacon(&key, "text/plain", beacon.to_string()).await.status, 204);
    }
    let count = async |site: &str, what: &str| -> i64 {
        let overview = running.client.get(&format!("/api/v1/sites/{site}/overview?bots=include")).await.unwrap();
        overview["current"][what].as_i64().unwrap()
    };
    for _ in 0..200 {
        if count("shop", "beacons").await == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((count("shop", "impressions").await, count("shop", "sessions").await), (2, 1));
    assert_eq!((count("other", "beacons").await, count("other", "sessions").await), (0, 0));

    // After a stop and a start nothing is counted twice.
    let Running { server, folder, .. } = running;
    server.stop().await.unwrap();
    let server = tidemill_server::Server::start(support::config(&folder)).await.unwrap();
    let client = tidemill_server::client::Client::new(&server.url()).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let overview = client.get("/api/v1/sites/shop/overview?bots=include").await.unwrap();
    assert_eq!((&overview["current"]["beacons"], &overview["current"]["sessions"]), (&json!(3), &json!(1)));
}
