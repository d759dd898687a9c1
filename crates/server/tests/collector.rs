//! `/b/{key}` as browsers, and worse senders, use it.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Connection, Running, get, post};
use tidemill_streams::{Options, Position, Streams};
use tidemill_web_analytics::envelope::{BodyKind, Envelope};
use tokio::io::AsyncWriteExt;

const BEACON: &str = r#"{"v":1,"s":"session-1","p":"page-1","n":0,"t":"nav","url":"https://shop.example/"}"#;

/// What lies in the beacon stream of a server that has stopped: site, kind, body.
async fn stored(running: Running) -> Vec<(u32, BodyKind, String)> {
    running.server.stop().await.unwrap();
    let streams = Streams::open(running.folder.path().join("data/streams"), Options::default()).unwrap();
    let mut beacons = Vec::new();
    for shard in streams.get("web-beacons").unwrap().shards() {
        let mut reader = shard.reader(Position::Oldest).unwrap();
        let mut records = Vec::new();
        reader.read(1 << 30, &mut records).unwrap();
        for record in records {
            let envelope = Envelope::decode(&record.data).unwrap();
            beacons.push((envelope.site.0, envelope.kind, String::from_utf8_lossy(envelope.body).into_owned()));
        }
    }
    beacons.sort_by(|a, b| (a.0, &a.2).cmp(&(b.0, &b.2)));
    beacons
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_of_every_kind_is_on_disk_when_it_is_acknowledged() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    assert_eq!(running.beacon(&key, "text/plain;charset=UTF-8", BEACON).await.status, 204);
    assert_eq!(running.beacon(&key, "application/x-ndjson", "{\"n\":1}\n{\"n\":2}\n").await.status, 204);
    assert_eq!(running.beacon(&key, "application/x-www-form-urlencoded", "rt.si=x&n=3").await.status, 204);
    assert_eq!(running.send(get(&format!("/b/{key}?rt.si=x&n=4"), &[])).await.status, 204);
    assert_eq!(
        stored(running).await,
        [
            (1, BodyKind::Form, "rt.si=x&n=3".to_owned()),
            (1, BodyKind::Query, "rt.si=x&n=4".to_owned()),
            (1, BodyKind::Json, "{\"n\":1}".to_owned()),
            (1, BodyKind::Json, "{\"n\":2}".to_owned()),
            (1, BodyKind::Json, BEACON.to_owned()),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_chunks_is_put_together() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    let request = format!(
        "POST /b/{key} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{{\"v\r\n4\r\n\":1}}\r\n0\r\n\r\n"
    );
    assert_eq!(running.send(request).await.status, 204);
    assert_eq!(stored(running).await, [(1, BodyKind::Json, "{\"v\":1}".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_acknowledged_and_kept_for_the_quarantine() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    assert_eq!(running.beacon(&key, "application/json", b"\xff\x00 not JSON").await.status, 204);
    assert_eq!(running.beacon(&key, "application/json", b"").await.status, 204);
    assert_eq!(stored(running).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_beacons_go_over_one_connection() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    let mut connection = Connection::open(running.server.address()).await;
    let request = post(&format!("/b/{key}"), "application/json", BEACON);
    for _ in 0..100 {
        assert_eq!(connection.send(&request).await.status, 204);
    }
    // Pipelined: all requests first, then all answers.
    connection.0.write_all(&request.repeat(100)).await.unwrap();
    for _ in 0..100 {
        assert_eq!(connection.answer().await.status, 204);
    }
    assert_eq!(stored(running).await.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_may_send() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    let preflight = format!(
        "OPTIONS /b/{key} HTTP/1.1\r\nhost: t.example\r\norigin: https://shop.example\r\naccess-control-request-method: POST\r\n\r\n"
    );
    let answer = running.send(preflight).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type"));
    let answer = running.beacon("unknown", "text/plain", "{}").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "errors are told across origins too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_refused_with_its_reason_and_not_stored() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    let path = format!("/b/{key}");

    let unknown = running.beacon("no-such-key", "text/plain", BEACON).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "TM-BEACON-0001"));
    assert_eq!(running.beacon("", "text/plain", BEACON).await.status, 404);

    let method = running.send(format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")).await;
    assert_eq!((method.status, method.header("allow")), (405, Some("GET, POST, OPTIONS")));

    let fits = running.beacon(&key, "text/plain", vec![b' '; 64 << 10]).await;
    assert_eq!(fits.status, 204);
    let declared =
        running.send(format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 65537\r\n\r\n")).await;
    assert_eq!((declared.status, declared.code().as_str()), (413, "TM-BEACON-0003"));
    let chunk = format!("{:x}\r\n{}\r\n", 40_000, "x".repeat(40_000));
    let chunked =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    assert_eq!(running.send(chunked).await.status, 413);
    assert_eq!(running.beacon(&key, "application/x-ndjson", "{}\n".repeat(1_001)).await.status, 413);

    let broken = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
    assert!(matches!(running.send(broken).await.status, 0 | 400));

    assert_eq!(stored(running).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_sends_too_much_is_slowed_and_others_are_not() {
    let running = Running::start().await;
    let key = running.site_with(json!({ "name": "loud", "rate_per_second": 5 })).await;
    let other = running.site("calm").await;
    let mut connection = Connection::open(running.server.address()).await;
    let mut refused = 0;
    for _ in 0..50 {
        let answer = connection.send(post(&format!("/b/{key}"), "text/plain", BEACON)).await;
        match answer.status {
            204 => {}
            429 => {
                refused += 1;
                assert_eq!((answer.code().as_str(), answer.header("retry-after")), ("TM-BEACON-0006", Some("1")));
            }
            status => panic!("status {status}"),
        }
        assert_eq!(connection.send(post(&format!("/b/{other}"), "text/plain", BEACON)).await.status, 204);
    }
    assert!(refused >= 20, "only {refused} of 50 were refused at 5/s");
    assert_eq!(stored(running).await.iter().filter(|beacon| beacon.0 == 1).count(), 50 - refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_never_ends_is_let_go() {
    let running = Running::with(|config| {
        config.http.head_timeout_ms = 200;
        config.http.body_timeout_ms = 200;
    })
    .await;
    let key = running.site("shop").await;

    let mut slow_head = Connection::open(running.server.address()).await;
    slow_head.0.write_all(b"POST /b/x HTTP/1.1\r\nhost: loc").await.unwrap();
    assert!(matches!(slow_head.answer().await.status, 0 | 408), "the head's time is up");

    let mut slow_body = Connection::open(running.server.address()).await;
    let answer =
        slow_body.send(format!("POST /b/{key} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{{")).await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "TM-BEACON-0004"));

    let mut idle = Connection::open(running.server.address()).await;
    assert_eq!(idle.send(post(&format!("/b/{key}"), "text/plain", BEACON)).await.status, 204);
    assert_eq!(idle.answer().await.status, 0, "an idle connection is closed");
    assert_eq!(stored(running).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_larger_than_allowed_is_refused() {
    let running = Running::start().await;
    let cookie = "x".repeat(200 << 10);
    let mut connection = Connection::open(running.server.address()).await;
    // The server may hang up before all of it is written.
    let _ = connection.0.write_all(get("/healthz", &[("cookie", &cookie)]).as_bytes()).await;
    assert!(matches!(connection.answer().await.status, 0 | 431));
    assert_eq!(running.send(get("/healthz", &[])).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_told_so_and_a_place_is_free_again_later() {
    let running = Running::with(|config| config.http.connections_max = 2).await;
    let mut first = Connection::open(running.server.address()).await;
    let mut second = Connection::open(running.server.address()).await;
    assert_eq!(first.send(get("/healthz", &[])).await.status, 200);
    assert_eq!(second.send(get("/healthz", &[])).await.status, 200);
    assert_eq!(Connection::open(running.server.address()).await.answer().await.status, 503);
    drop(first);
    for _ in 0..100 {
        if running.send(get("/healthz", &[])).await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the place of a closed connection is not given back");
}
