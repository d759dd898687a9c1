//! Real requests on loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tidemill_engine::metrics::OperatorMetrics;
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_engine::{Batch, EventTime, Guarantee, OperatorContext, Replay};

use super::client::{Answer, Client};
use crate::catalog::Settings;
use crate::connector::TableDeclaration;
use crate::runtime::{runtime, wait};
use crate::testing::{Seen, declare, reading, rows, write};
use crate::{Environment, lookup, sink, source};

/// Method, path and body of each request that a server got.
type Got = Arc<Mutex<Vec<(String, String, String)>>>;

/// A server whose answers are a function of path and body.
fn serve(answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> (SocketAddr, Got) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let (got, answer) = (Got::default(), Arc::new(answer));
    let seen = Arc::clone(&got);
    runtime().unwrap().spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                    async move {
                        let (method, path) = (request.method().to_string(), request.uri().to_string());
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let body = String::from_utf8(body.to_vec()).unwrap();
                        let (status, said) = answer(&path, &body);
                        seen.lock().push((method, path, body));
                        let response = Response::builder().status(status).body(Full::new(Bytes::from(said)));
                        Ok::<_, Infallible>(response.unwrap())
                    }
                });
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, got)
}

fn table(options: &[(&str, &str)]) -> TableDeclaration {
    let mut declaration = declare(&[("n", DataType::Int64), ("s", DataType::Utf8)], options);
    declaration.options = declaration.options.with("connector", "http").with("format", "json");
    declaration
}

fn post(url: &str, body: &'static str) -> Answer {
    let declaration = declare(&[], &[("connector", "http"), ("format", "json"), ("url", url)]);
    let client = Client::new(&Settings::new(&declaration).unwrap()).unwrap();
    let body = Some(("text/plain", Bytes::from_static(body.as_bytes())));
    let path = client.path().to_owned();
    wait(async move { client.persist(&Method::POST, &path, body).await }).unwrap().unwrap()
}

/// Steps until so many rows are there.
fn run_until(run: &mut LocalRuntime, seen: &Seen, rows: usize) {
    let given_up = Instant::now() + Duration::from_secs(30);
    while seen.times().len() < rows {
        assert!(Instant::now() < given_up, "{:?}", seen.rows());
        run.run().unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_is_posted_is_rows() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = format!("{free}/in");
    let table = source(&table(&[("listen", &listen), ("listen.max-body", "1 kb")]), &Environment::default()).unwrap();
    assert_eq!(table.replay(), Replay::None);
    let (seen, rejects) = (Seen::default(), Seen::default());
    let job = || reading(&table, &[1, 0], &seen, &rejects).with_guarantee(Guarantee::AtLeastOnce);
    let mut run = LocalRuntime::start(job(), 2).unwrap();
    let url = format!("http://{listen}");
    assert_eq!(post(&url, "{\"n\":1,\"s\":\"a\"}\n{\"n\":2}").status, 202);
    assert_eq!(post(&url, "nothing\n{\"n\":3}\n").status, 202);
    run_until(&mut run, &seen, 3);
    assert_eq!(seen.rows(), ["a | 1", "NULL | 2", "NULL | 3"]);
    assert_eq!(rejects.reasons().len(), 1);
    let long: &'static str = Box::leak(" ".repeat(2_000).into_boxed_str());
    assert_eq!(post(&url, long).status, 413);
    assert_eq!(post(&format!("http://{free}/other"), "").status, 404);
    // A restart listens at the same port.
    drop(run);
    let mut run = LocalRuntime::start(job(), 1).unwrap();
    assert_eq!(post(&url, "{\"n\":4}").status, 202);
    run_until(&mut run, &seen, 4);
}

#[test]
fn only_this_machine_may_post() {
    for listen in ["0.0.0.0:80", "10.0.0.1:80/x", "nowhere"] {
        let said = source(&table(&[("listen", listen)]), &Environment::default()).err().unwrap().to_string();
        assert!(said.starts_with("TM-CONNECTOR-0004"), "{said}");
    }
    let said = source(&table(&[]), &Environment::default()).err().unwrap().to_string();
    assert!(said.contains("give one of the options `listen` and `url`"), "{said}");
    let said = sink(&table(&[("url", "https://h/")]), &Environment::default()).err().unwrap().to_string();
    assert!(said.contains("not encrypted yet"), "{said}");
}

#[test]
fn a_url_is_fetched_again_and_again() {
    let count = Mutex::new(0);
    let (address, got) = serve(move |_, _| {
        *count.lock() += 1;
        let n = *count.lock();
        if n == 2 { (500, "down".into()) } else { (200, format!("{{\"n\":{n}}}\n")) }
    });
    let url = format!("http://{address}/data?x=1");
    let options = [("url", url.as_str()), ("poll.interval", "1 ms"), ("header.authorization", "Bearer token")];
    let table = source(&table(&options), &Environment::default()).unwrap();
    let (seen, none) = (Seen::default(), Seen::default());
    let job = reading(&table, &[0], &seen, &none).with_guarantee(Guarantee::AtLeastOnce);
    let mut run = LocalRuntime::start(job, 1).unwrap();
    run_until(&mut run, &seen, 3);
    assert_eq!(seen.rows().get(..3), Some(&["1".to_owned(), "3".to_owned(), "4".to_owned()][..]));
    assert_eq!(got.lock()[0].1, "/data?x=1");
    let errors: u64 = run.metrics().read().iter().map(|operator| operator.errors).sum();
    assert_eq!(errors, 1);
}

fn numbers(count: i64) -> Batch {
    let columns: [(&str, ArrayRef); 2] = [
        ("n", Arc::new(Int64Array::from_iter_values(0..count))),
        ("s", Arc::new(StringArray::from_iter_values((0..count).map(|n| format!("text {n}"))))),
    ];
    Batch::at(RecordBatch::try_from_iter(columns).unwrap(), EventTime(0))
}

#[test]
fn rows_are_posted_in_batches_and_again_after_a_failure() {
    let first = Mutex::new(true);
    let (address, got) =
        serve(
            move |_, _| if std::mem::take(&mut *first.lock()) { (503, "later".into()) } else { (200, String::new()) },
        );
    let url = format!("http://{address}/rows");
    let table = sink(&table(&[("url", &url), ("sink.batch.max-rows", "3")]), &Environment::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&table, vec![numbers(7)], folder.path());
    let got = got.lock().clone();
    assert_eq!(got.len(), 4, "three batches, the first of them twice");
    assert_eq!(got[0], got[1]);
    assert_eq!((got[0].0.as_str(), got[0].1.as_str()), ("POST", "/rows"));
    let all: String = got[1..].iter().map(|request| request.2.as_str()).collect();
    let expected: String = (0..7).map(|n| format!("{{\"n\":{n},\"s\":\"text {n}\"}}\n")).collect();
    assert_eq!(all, expected);
}

#[test]
fn a_refusal_is_told() {
    let (address, _) = serve(|_, _| (422, "no such column".into()));
    let url = format!("http://{address}/");
    let table = sink(&table(&[("url", &url)]), &Environment::default()).unwrap();
    let mut instance = table.open(&context()).unwrap();
    instance.write(numbers(2)).unwrap();
    let said = instance.prepare(tidemill_engine::Epoch(1), &mut Default::default()).unwrap_err().to_string();
    assert!(said.contains("2 rows were refused with status 422: no such column"), "{said}");
}

fn context() -> OperatorContext {
    OperatorContext {
        job: "j".into(),
        operator: "o".into(),
        worker: 0,
        workers: 1,
        key_groups: 0..256,
        generation: 1,
        metrics: OperatorMetrics::new("o", 0),
    }
}

#[test]
fn a_key_is_a_request() {
    let (address, got) = serve(|path, _| match path {
        "/users/a%2Fb?n=1" => (200, "{\"n\":1,\"s\":\"found\"}".into()),
        "/users/c?n=2" => (200, "[{\"n\":2,\"s\":\"x\"},{\"n\":2,\"s\":\"y\"}]".into()),
        _ => (404, "no".into()),
    });
    let url = format!("http://{address}/users/{{s}}");
    let declaration = table(&[("url", &url), ("lookup.cache", "PARTIAL")]);
    let table = lookup(&declaration, &Environment::default()).unwrap();
    let mut by = table.open(&[1, 0], &[1], &context()).unwrap();
    let keys: [(&str, ArrayRef); 2] = [
        ("s", Arc::new(StringArray::from(vec![Some("c"), Some("a/b"), None, Some("z"), Some("c")]))),
        ("n", Arc::new(Int64Array::from(vec![2, 1, 1, 5, 2]))),
    ];
    let keys = RecordBatch::try_from_iter_with_nullable(keys.map(|(name, array)| (name, array, true))).unwrap();
    for _ in 0..2 {
        let found = by.lookup(&keys).unwrap();
        assert_eq!(found.origins.values().to_vec(), [0, 0, 1, 4, 4]);
        assert_eq!(rows(&Batch::at(found.rows, EventTime(0))), ["x", "y", "found", "x", "y"]);
    }
    assert_eq!(got.lock().len(), 3, "each key once");
    let said = table.open(&[0], &[1], &context()).err().unwrap().to_string();
    assert!(said.contains("the URL asks for `s`"), "{said}");
}
