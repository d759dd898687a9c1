//! A load generator: many keep-alive connections, one thread, honest latencies.
//!
//! ```text
//!  Source ──► next request, when due ──► an idle connection ──► socket
//!                                           ▲                     │
//!            Latencies ◄── now − due ───────┴───── 204 ◄──────────┘
//! ```
//!
//! In *open loop* ([`Pacing::Natural`], [`Pacing::Constant`]) requests are due at times that do not depend on the
//! answers, and a latency counts from when the request was due, not from when a connection was free for it: a server
//! that stalls is charged for everybody who would have come meanwhile (no coordinated omission). In *closed loop*
//! every connection asks again as soon as it is answered, which finds the most that a server can take.
//!
//! Requests are not pipelined: each connection carries one at a time, as a browser's or a proxy's does.

mod connection;
mod latency;
mod source;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Poll};

pub use latency::Latencies;
pub use source::{Simulated, Source, write_beacon};

use connection::{Connection, Outcome};

/// How long a refused request waits before it is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// How long the last answers are awaited, once the source has no more requests.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// The longest sleep: how fast a stop is noticed.
const POLL_MAX: Duration = Duration::from_millis(50);

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pacing {
    /// When their source says.
    Natural,
    /// In the source's order, so many a second.
    Constant(f64),
    /// As soon as a connection is free.
    Closed,
}

/// The settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Where the server listens.
    pub target: SocketAddr,
    /// Requests that can be under way at once.
    pub connections: usize,
    /// When requests are sent.
    pub pacing: Pacing,
    /// Send again what was refused with 429 or 503 or whose connection was lost; else it is only counted.
    pub retry: bool,
    /// Send no more after this long, whatever the source still has.
    pub limit: Option<Duration>,
}

/// What a run is doing, for those who watch it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Requests written for the first time.
    pub sent: AtomicU64,
    /// Requests answered with success.
    pub acknowledged: AtomicU64,
    /// Sets an end to the run: nothing new is sent.
    pub stop: AtomicBool,
}

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Requests sent, each counted once however often it was tried.
    pub sent: u64,
    /// Requests answered with success.
    pub acknowledged: u64,
    /// Requests sent again.
    pub retried: u64,
    /// Requests given up: refused, or their connection lost.
    pub failed: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// From when each request was due to its acknowledgement.
    pub latencies: Latencies,
}

/// Sends what the source has, and returns when all of it is answered or given up.
pub fn run(load: &Load, source: &mut dyn Source, progress: &Progress) -> io::Result<Report> {
    Run::start(load, progress)?.drive(source)
}

struct Run<'a> {
    load: &'a Load,
    progress: &'a Progress,
    poll: Poll,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    /// Connections that try again, the soonest first.
    waiting: BinaryHeap<Reverse<(Instant, usize)>>,
    started: Instant,
    report: Report,
}

impl<'a> Run<'a> {
    fn start(load: &'a Load, progress: &'a Progress) -> io::Result<Self> {
        let poll = Poll::new()?;
        let connections = (0..load.connections.max(1))
            .map(|at| Connection::open(load.target, at, poll.registry()))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            idle: (0..connections.len()).rev().collect(),
            connections,
            load,
            progress,
            poll,
            waiting: BinaryHeap::new(),
            started: Instant::now(),
            report: Report::default(),
        })
    }

    fn drive(mut self, source: &mut dyn Source) -> io::Result<Report> {
        let mut events = Events::with_capacity(1024);
        let mut next: Option<Instant> = None;
        let mut request = Vec::with_capacity(1024);
        let mut over: Option<Instant> = None;
        loop {
            if over.is_none() && self.is_over() {
                over = Some(Instant::now());
                // The source has counted it already.
                if next.take().is_some() {
                    self.send(Instant::now(), &mut request)?;
                }
            }
            self.resend()?;
            // Hand out what is due, as long as a connection is free for it.
            while over.is_none() && !self.idle.is_empty() {
                if next.is_none() {
                    next = source.next(&mut request).map(|at| self.due(at));
                }
                let Some(due) = next else {
                    over = Some(Instant::now());
                    break;
                };
                if due > Instant::now() {
                    break;
                }
                next = None;
                self.send(due, &mut request)?;
            }
            if let Some(over) = over
                && (self.idle.len() == self.connections.len() || over.elapsed() > DRAIN_MAX)
            {
                return Ok(self.finish());
            }
            let wake = next.filter(|_| over.is_none() && !self.idle.is_empty());
            self.poll.poll(&mut events, Some(self.sleep(wake)))?;
            for event in &events {
                let outcome = self.connections.get_mut(event.token().0).map(|connection| connection.ready(event));
                if let Some(outcome) = outcome {
                    self.settle(event.token().0, outcome);
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
            || self.load.limit.is_some_and(|limit| self.started.elapsed() >= limit)
    }

    fn due(&self, at: Duration) -> Instant {
        match self.load.pacing {
            Pacing::Natural => self.started + at,
            Pacing::Constant(per_second) => {
                self.started + Duration::from_secs_f64(self.report.sent as f64 / per_second)
            }
            Pacing::Closed => Instant::now(),
        }
    }

    fn sleep(&self, next: Option<Instant>) -> Duration {
        let retry = self.waiting.peek().map(|Reverse((at, _))| *at);
        let soonest = next.into_iter().chain(retry).min();
        soonest.map_or(POLL_MAX, |at| at.saturating_duration_since(Instant::now())).min(POLL_MAX)
    }

    fn send(&mut self, due: Instant, request: &mut Vec<u8>) -> io::Result<()> {
        let Some(at) = self.idle.pop() else { return Ok(()) };
        self.report.sent += 1;
        self.progress.sent.store(self.report.sent, Ordering::Relaxed);
        if let Some(connection) = self.connections.get_mut(at) {
            let outcome = connection.send(due, request, self.load.target, self.poll.registry())?;
            self.settle(at, outcome);
        }
        Ok(())
    }

    /// Tries again what has waited long enough.
    fn resend(&mut self) -> io::Result<()> {
        while let Some(Reverse((at, _))) = self.waiting.peek()
            && *at <= Instant::now()
            && let Some(Reverse((_, connection))) = self.waiting.pop()
        {
            self.report.retried += 1;
            if let Some(waiting) = self.connections.get_mut(connection) {
                let outcome = waiting.resend(self.load.target, self.poll.registry())?;
                self.settle(connection, outcome);
            }
        }
        Ok(())
    }

    fn settle(&mut self, at: usize, outcome: Outcome) {
        match outcome {
            Outcome::Pending => {}
            Outcome::Acknowledged(due) => {
                self.report.acknowledged += 1;
                self.progress.acknowledged.store(self.report.acknowledged, Ordering::Relaxed);
                self.report.latencies.record(due.elapsed());
                self.idle.push(at);
            }
            Outcome::Refused | Outcome::Lost if self.load.retry => {
                self.waiting.push(Reverse((Instant::now() + RETRY_AFTER, at)));
            }
            Outcome::Refused | Outcome::Lost => self.idle.push(at),
        }
    }

    fn finish(mut self) -> Report {
        self.report.elapsed = self.started.elapsed();
        self.report.failed = self.report.sent - self.report.acknowledged;
        self.report
    }
}
