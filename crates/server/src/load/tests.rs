//! The load generator against servers that misbehave in known ways.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::*;

/// Numbered requests, one every millisecond.
struct Numbered(u32, u32);

impl Source for Numbered {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<Duration> {
        if self.0 == self.1 {
            return None;
        }
        self.0 += 1;
        *request = format!("POST /{} HTTP/1.1\r\ncontent-length: 0\r\n\r\n", self.0).into_bytes();
        Some(Duration::from_millis(u64::from(self.0)))
    }
}

/// Serves each connection on a thread: the behaviour is told the number of the request (over all connections, from 0)
/// and answers, or closes the connection by `None`.
fn server(behave: impl Fn(u64, &str) -> Option<&'static str> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (behave, count) = (Arc::new(behave), Arc::new(AtomicU64::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (behave, count) = (behave.clone(), count.clone());
            thread::spawn(move || answer_all(stream, &*behave, &count));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream, behave: &dyn Fn(u64, &str) -> Option<&'static str>, count: &AtomicU64) {
    let mut buffer = [0; 1024];
    while let Ok(read) = stream.read(&mut buffer)
        && read > 0
    {
        let request = String::from_utf8_lossy(&buffer[..read]);
        let path = request.split(' ').nth(1).unwrap_or_default();
        let Some(answer) = behave(count.fetch_add(1, Ordering::SeqCst), path) else { return };
        let _ = stream.write_all(answer.as_bytes());
        if answer.contains("connection: close") {
            let _ = stream.shutdown(std::net::Shutdown::Write);
            while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
        }
    }
}

const DONE: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const FULL: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nfull";

fn load(target: SocketAddr) -> Load {
    Load { target, connections: 4, pacing: Pacing::Natural, retry: false, limit: None }
}

#[test]
fn everything_sent_is_acknowledged_and_timed() {
    let target = server(|_, _| Some(DONE));
    for pacing in [Pacing::Natural, Pacing::Constant(2_000.0), Pacing::Closed] {
        let report =
            run(&Load { pacing, ..load(target) }, &mut Numbered(0, 100), &Progress::default()).expect("sockets");
        assert_eq!((report.sent, report.acknowledged, report.failed), (100, 100, 0));
        assert_eq!(report.latencies.total(), 100);
        assert!(pacing == Pacing::Closed || report.elapsed >= Duration::from_millis(45));
    }
}

#[test]
fn a_stall_is_charged_to_all_who_would_have_come_meanwhile() {
    // One request in a hundred stalls for 200 ms, on the only connection.
    let target = server(|number, _| {
        if number == 10 {
            thread::sleep(Duration::from_millis(200));
        }
        Some(DONE)
    });
    let report =
        run(&Load { connections: 1, ..load(target) }, &mut Numbered(0, 100), &Progress::default()).expect("sockets");
    assert!(report.latencies.quantile_ms(0.5) > 50.0, "median {} ms", report.latencies.quantile_ms(0.5));
}

#[test]
fn what_was_refused_or_lost_is_sent_again_until_acknowledged() {
    let seen = Arc::new(parking_lot::Mutex::new(std::collections::HashSet::new()));
    let accepted = seen.clone();
    let target = server(move |number, path| match number % 3 {
        0 => Some(FULL),
        1 => None,
        _ => {
            accepted.lock().insert(path.to_owned());
            Some(DONE)
        }
    });
    let report =
        run(&Load { retry: true, ..load(target) }, &mut Numbered(0, 20), &Progress::default()).expect("sockets");
    assert_eq!((report.sent, report.acknowledged, report.failed), (20, 20, 0));
    assert!(report.retried >= 20, "{} retries", report.retried);
    assert_eq!(seen.lock().len(), 20);
}

#[test]
fn a_connection_that_the_server_closes_is_opened_again_and_nothing_is_lost() {
    const LAST: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    // The server says so and goes on reading: what is sent after that is never answered.
    let target = server(|number, _| Some(if number % 3 == 0 { LAST } else { DONE }));
    let report = run(&load(target), &mut Numbered(0, 100), &Progress::default()).expect("sockets");
    assert_eq!((report.sent, report.acknowledged, report.failed), (100, 100, 0));
}

#[test]
fn without_retries_a_refusal_is_counted() {
    let target = server(|number, _| Some(if number % 2 == 0 { DONE } else { FULL }));
    let report = run(&load(target), &mut Numbered(0, 50), &Progress::default()).expect("sockets");
    assert_eq!((report.sent, report.acknowledged, report.failed, report.retried), (50, 25, 25, 0));
}

#[test]
fn a_stop_ends_the_run() {
    let target = server(|_, _| Some(DONE));
    let progress = Progress::default();
    progress.stop.store(true, Ordering::Relaxed);
    let report = run(&load(target), &mut Numbered(0, 1_000_000), &progress).expect("sockets");
    assert_eq!(report.sent, 0);
}
