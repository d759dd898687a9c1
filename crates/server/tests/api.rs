//! Sites, streams, console, tracker and metrics over HTTP, and what is said when something can't be done.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::{Running, get, post};
use tidemill_server::client::{Client, Error};
use tidemill_server::{Config, Server};

/// The status and the message of a refusal.
fn refused(outcome: Result<Value, Error>) -> (u16, String) {
    match outcome {
        Err(Error::Refused { status, message }) => (status, message),
        other => (0, format!("{other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_lives_from_its_creation_to_its_deletion() {
    let running = Running::start().await;
    let client = &running.client;
    let made = client
        .post("/api/v1/sites", &json!({ "name": "shop", "timezone": "Europe/Berlin", "retention": { "lake_days": 7 } }))
        .await
        .unwrap();
    assert_eq!(made["timezone"], "Europe/Berlin");
    assert_eq!((&made["session_gap_minutes"], &made["retention"]["lake_days"]), (&json!(30), &json!(7)));
    assert!(made.get("salt").is_none(), "the secret stays inside");

    let changed = client.patch("/api/v1/sites/shop", &json!({ "session_gap_minutes": 15 })).await.unwrap();
    assert_eq!((&changed["session_gap_minutes"], &changed["timezone"]), (&json!(15), &json!("Europe/Berlin")));
    assert_eq!(client.get("/api/v1/sites/shop").await.unwrap(), changed);
    assert_eq!(client.get("/api/v1/sites").await.unwrap(), json!({ "sites": [changed] }));

    client.delete("/api/v1/sites/shop").await.unwrap();
    assert_eq!(refused(client.get("/api/v1/sites/shop").await).0, 404);
    let key = made["key"].as_str().unwrap();
    assert_eq!(running.beacon(key, "text/plain", "{}").await.status, 404, "its key is dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_a_code_and_a_hint() {
    let running = Running::start().await;
    running.site("shop").await;
    let sites = "/api/v1/sites";
    for (body, status, part) in [
        (json!({ "name": "shop" }), 409, "already"),
        (json!({ "name": "../etc" }), 400, "lower-case"),
        (json!({ "name": "x", "timezone": "Nowhere" }), 400, "IANA"),
        (json!({ "name": "x", "surprise": 1 }), 400, "surprise"),
        (json!({ "name": "x", "currency": "euro" }), 400, "ISO 4217"),
        (json!([1, 2]), 400, "TM-API-0001"),
    ] {
        let (found, message) = refused(running.client.post(sites, &body).await);
        assert_eq!(found, status, "{body}: {message}");
        assert!(message.starts_with("TM-API-") && message.contains(part), "{body}: {message}");
    }
    let typed = running.send(post(sites, "text/plain", "{\"name\":\"x\"}")).await;
    assert_eq!(typed.status, 400, "only declared JSON, which other origins can't send unasked");
    let garbage = running.send(post(sites, "application/json", "{")).await;
    assert_eq!((garbage.status, garbage.code().as_str()), (400, "TM-API-0001"));
    let huge = running.send(post(sites, "application/json", vec![b' '; (1 << 20) + 1])).await;
    assert_eq!((huge.status, huge.code().as_str()), (413, "TM-API-0005"));
    let path = running.send(get("/api/v1/nothing", &[])).await;
    assert_eq!((path.status, path.code().as_str()), (404, "TM-API-0009"));
    let method = running.send("PUT /api/v1/sites HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!((method.status, method.code().as_str()), (405, "TM-API-0010"));
    assert_eq!(running.client.get(sites).await.unwrap()["sites"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_put_and_tailed() {
    let running = Running::start().await;
    let client = &running.client;
    let made = client.post("/api/v1/streams", &json!({ "name": "clicks", "shards": 2 })).await.unwrap();
    assert_eq!((&made["open_shards"], made["shards"].as_array().unwrap().len()), (&json!(2), 2));
    let records = "/api/v1/streams/clicks/records";
    let one = json!({ "records": [{ "data": "one", "partition_key": "k" }, { "data": "two", "partition_key": "k" }] });
    let placed = client.post(records, &one).await.unwrap();
    assert_eq!(placed["records"][0]["shard"], placed["records"][1]["shard"], "one key, one shard");

    let mut tail = client.lines(&format!("{records}?from=oldest")).await.unwrap();
    let mut next = async || -> Value { serde_json::from_str(&tail.next().await.unwrap().unwrap()).unwrap() };
    assert_eq!(next().await["data"], "one");
    assert_eq!(next().await["data"], "two");
    client.post(records, &json!({ "records": [{ "data_base64": "/wA=" }] })).await.unwrap();
    let late = next().await;
    assert_eq!((&late["data_base64"], late.get("data")), (&json!("/wA="), None), "it waits for what comes later");

    let mut all = client.lines(&format!("{records}?from=oldest&follow=false")).await.unwrap();
    let mut count = 0;
    while all.next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 3);
    let mut limited = client.lines(&format!("{records}?from=0&limit=1")).await.unwrap();
    assert!(limited.next().await.unwrap().is_some() && limited.next().await.unwrap().is_none());

    client.delete("/api/v1/streams/clicks").await.unwrap();
    assert_eq!(refused(client.get("/api/v1/streams/clicks").await).0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_is_refused() {
    let running = Running::start().await;
    let client = &running.client;
    client.post("/api/v1/streams", &json!({ "name": "a" })).await.unwrap();
    for (path, body, status) in [
        ("/api/v1/streams", json!({ "name": "a" }), 409),
        ("/api/v1/streams", json!({ "name": "a/b" }), 400),
        ("/api/v1/streams", json!({ "name": "b", "shards": 0 }), 400),
        ("/api/v1/streams/a/records", json!({ "records": [] }), 400),
        ("/api/v1/streams/a/records", json!({ "records": [{}] }), 400),
        ("/api/v1/streams/a/records", json!({ "records": [{ "data_base64": "?" }] }), 400),
        ("/api/v1/streams/none/records", json!({ "records": [{ "data": "x" }] }), 404),
        ("/api/v1/streams/web-beacons/records", json!({ "records": [{ "data": "x" }] }), 409),
    ] {
        let (found, message) = refused(client.post(path, &body).await);
        assert_eq!(found, status, "{path} {body}: {message}");
    }
    assert_eq!(refused(client.delete("/api/v1/streams/web-beacons").await).0, 409);
    assert_eq!(refused(client.get("/api/v1/streams/a/records?from=tomorrow").await).0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_follow_without_end_are_limited_and_do_not_hold_up_a_stop() {
    let running = Running::with(|config| config.http.followers_max = 1).await;
    running.client.post("/api/v1/streams", &json!({ "name": "a" })).await.unwrap();
    let _first = running.client.lines("/api/v1/streams/a/records").await.unwrap();
    assert_eq!(refused(running.client.get("/api/v1/streams/a/records").await).0, 429);
    let stopping = std::time::Instant::now();
    running.server.stop().await.unwrap();
    assert!(stopping.elapsed().as_secs() < 3, "the stop took {:?}", stopping.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_a_page_at_every_path_and_a_missing_file_is_missing() {
    let running = Running::start().await;
    for path in ["/", "/sites/shop?range=7d", "/streams"] {
        let page = running.send(get(path, &[])).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-cache"));
        assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    }
    assert_eq!(running.send(get("/assets/gone-1234.js", &[])).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tracker_may_be_loaded_by_every_origin_and_is_cached() {
    let running = Running::start().await;
    let script = running.send(get("/t.js", &[("accept-encoding", "gzip"), ("host", "stats.example")])).await;
    assert_eq!((script.status, script.header("content-encoding")), (200, Some("gzip")));
    assert!(script.body.len() <= 5_000, "{} bytes", script.body.len());
    assert_eq!(script.header("cross-origin-resource-policy"), Some("cross-origin"));
    let tag = script.header("etag").unwrap();
    assert_eq!(running.send(get("/t.js", &[("if-none-match", tag)])).await.status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shop_is_there_when_the_demo_site_is() {
    let running = Running::start().await;
    assert_eq!(running.send(get("/demo-shop/", &[])).await.status, 404);
    let key = running.server.ensure_site("demo").await.unwrap();
    assert_eq!(running.server.ensure_site("demo").await.unwrap(), key, "it is made once");
    let page = running.send(get("/demo-shop/", &[])).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains(&format!("data-site=\"{key}\"")) && !page.text().contains("{{"));
    assert_eq!(running.send(get("/demo-shop/shop.css", &[])).await.status, 200);
    assert_eq!(running.send(get("/demo-shop", &[])).await.header("location"), Some("/demo-shop/"));
    assert_eq!(running.send(get("/demo-shop/../Cargo.toml", &[])).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_ours_reaches_neither_api_nor_console() {
    let running = Running::with(|config| config.http.hosts = "stats.example".into()).await;
    let key = running.site("shop").await;
    let asked = |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let evil = running.send(asked("/api/v1/sites", "evil.example")).await;
    assert_eq!((evil.status, evil.code().as_str()), (421, "TM-API-0012"));
    assert_eq!(running.send(asked("/", "evil.example")).await.status, 421);
    assert_eq!(running.send(asked("/api/v1/sites", "stats.example:80")).await.status, 200);
    assert_eq!(
        running.send(asked(&format!("/b/{key}?n=1"), "any.example")).await.status,
        204,
        "beacons come by any name"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_was_taken_and_what_was_refused() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    running.beacon(&key, "application/x-ndjson", "{}\n{}").await;
    running.beacon("wrong", "text/plain", "{}").await;
    let metrics = running.send(get("/metrics", &[])).await;
    for line in [
        "tidemill_beacons_accepted_total 2",
        "tidemill_beacon_requests_refused_total{reason=\"unknown_site\"} 1",
        "tidemill_stream_records{stream=\"web-beacons\"} 2",
        "# TYPE tidemill_sites gauge",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line} is not in\n{}", metrics.text());
    }
    assert_eq!(running.send(get("/healthz", &[])).await.text(), "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_names_every_path() {
    let running = Running::start().await;
    let description = running.client.get("/api/v1/openapi.json").await.unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in ["/b/{key}", "/api/v1/sites/{site}", "/api/v1/streams/{stream}/records", "/metrics"] {
        assert!(description["paths"].get(path).is_some(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_and_a_folder_in_use_are_said_at_once() {
    let running = Running::start().await;
    let mut config = Config { data: running.folder.path().join("other"), ..Config::default() };
    config.http.port = running.server.address().port();
    let said = Server::start(config.clone()).await.unwrap_err().to_string();
    assert!(said.contains("TM-SERVER-0003") && said.contains("--port"), "{said}");
    assert!(!config.data.exists(), "nothing was made");

    config.data = running.folder.path().join("data");
    config.http.port = 0;
    let said = Server::start(config).await.unwrap_err().to_string();
    assert!(said.contains("TM-SERVER-0004") && said.contains("in use"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let running = Running::start().await;
    let key = running.site("shop").await;
    assert_eq!(running.beacon(&key, "text/plain", "{}").await.status, 204);
    let Running { server, folder, .. } = running;
    server.stop().await.unwrap();

    let server = Server::start(support::config(&folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    assert_eq!(client.get("/api/v1/sites/shop").await.unwrap()["key"], key.as_str());
    assert_eq!(client.get("/api/v1/streams/web-beacons").await.unwrap()["records"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_reads_what_is_there_and_changes_nothing() {
    let running = Running::with(|config| config.query.rows_max = 3).await;
    running.site("shop").await;
    let query = async |sql: &str| running.client.post("/api/v1/query", &json!({ "sql": sql })).await;
    let answer = query("SELECT name, id FROM sites").await.unwrap();
    assert_eq!(answer["rows"], json!([{ "name": "shop", "id": 1 }]));
    assert_eq!((&answer["columns"][0]["name"], &answer["truncated"]), (&json!("name"), &json!(false)));
    assert_eq!(query("SELECT sum(records) AS n FROM streams").await.unwrap()["rows"], json!([{ "n": 0 }]));

    let many = query("SELECT * FROM generate_series(1, 1000)").await.unwrap();
    assert_eq!((&many["row_count"], &many["truncated"]), (&json!(3), &json!(true)));

    for (sql, part) in [
        ("SELEC 1", "TM-TABLE-0021"),
        ("SELECT nothing FROM sites", "nothing"),
        ("CREATE TABLE x AS SELECT 1", "TM-TABLE-0020"),
        ("COPY (SELECT 1) TO '/tmp/tidemill-test.csv'", "TM-TABLE-0020"),
        ("SELECT '/etc/passwd' FROM '/etc/passwd'", "TM-TABLE-0021"),
    ] {
        let (status, message) = refused(query(sql).await);
        assert!(status == 400 && message.contains(part), "{sql}: {status} {message}");
    }
    let deep = format!("SELECT {}1", "1+".repeat(30_000));
    let (status, message) = refused(query(&deep).await);
    assert!(status == 400 && message.contains("nesting"), "a deep query is refused: {status} {message}");
    assert_eq!(running.send(get("/healthz", &[])).await.status, 200, "and the server is still there");
}
