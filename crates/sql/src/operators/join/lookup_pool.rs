//! Threads that look rows up, so that the operator does not wait.
//!
//! Requests are taken in order by whichever thread is free; answers come back in any order. A request that takes too long is
//! abandoned: its answer is ignored, the thread that waits for it ends when it has it, and another thread takes its place.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use arrow::array::RecordBatch;
use parking_lot::{Condvar, Mutex};
use tidemill_connectors::connector::{LookedUp, Lookup};
use tidemill_engine::{EngineError, Result};

/// Makes what a thread looks rows up with.
pub(super) type MakeLookup = Arc<dyn Fn() -> Result<Box<dyn Lookup>> + Send + Sync>;

/// How patient the pool is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) backoff: Duration,
}

/// The threads, and what they have been asked.
pub(super) struct LookupPool {
    make: MakeLookup,
    shared: Arc<Shared>,
    answers: mpsc::Receiver<(u64, Result<LookedUp, String>)>,
    answer: mpsc::Sender<(u64, Result<LookedUp, String>)>,
    patience: Patience,
    next: u64,
    asked: Vec<Asked>,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    wake: Condvar,
}

#[derive(Default)]
struct Work {
    waiting: VecDeque<(u64, RecordBatch)>,
    running: HashSet<u64>,
    abandoned: HashSet<u64>,
    closed: bool,
}

/// A request, through all its attempts.
struct Asked {
    request: u64,
    /// The number of this attempt among all attempts; none while it waits to be tried again.
    attempt: Option<u64>,
    /// When this attempt is given up, or the next one begins.
    until: Instant,
    failures: u32,
    keys: RecordBatch,
}

impl LookupPool {
    pub(super) fn start(threads: usize, make: MakeLookup, patience: Patience) -> Result<Self> {
        let (answer, answers) = mpsc::channel();
        let pool = LookupPool { make, shared: Arc::default(), answers, answer, patience, next: 0, asked: Vec::new() };
        (0..threads.max(1)).try_for_each(|_| pool.spawn())?;
        Ok(pool)
    }

    fn spawn(&self) -> Result<()> {
        let mut lookup = (self.make)()?;
        let (shared, answer) = (self.shared.clone(), self.answer.clone());
        let work = move || {
            while let Some((attempt, keys)) = shared.take() {
                let found = lookup.lookup(&keys).map_err(|e| e.to_string());
                if shared.done(attempt) || answer.send((attempt, found)).is_err() {
                    return;
                }
            }
        };
        let spawned = std::thread::Builder::new().name("lookup".into()).spawn(work);
        spawned.map(drop).map_err(|e| EngineError::operator("lookup", format!("no thread could be started: {e}")))
    }

    /// Asks for the rows of some keys; gives the request's number.
    pub(super) fn ask(&mut self, keys: RecordBatch) -> u64 {
        let request = self.next;
        self.next += 1;
        self.asked.push(Asked { request, attempt: None, until: Instant::now(), failures: 0, keys });
        self.retry();
        request
    }

    /// Begins attempts that are due.
    fn retry(&mut self) {
        let now = Instant::now();
        for asked in self.asked.iter_mut().filter(|asked| asked.attempt.is_none() && asked.until <= now) {
            let attempt = self.next;
            self.next += 1;
            asked.attempt = Some(attempt);
            asked.until = now + self.patience.timeout;
            self.shared.work.lock().waiting.push_back((attempt, asked.keys.clone()));
            self.shared.wake.notify_one();
        }
    }

    /// An answer, if there is one within `wait`. Counts what is tried again in `retries`; an error once that did not help.
    pub(super) fn answer(&mut self, wait: Duration, retries: &mut u64) -> Result<Option<(u64, LookedUp)>> {
        let answer = if wait.is_zero() { self.answers.try_recv().ok() } else { self.answers.recv_timeout(wait).ok() };
        if let Some((attempt, found)) = answer
            && let Some(at) = self.asked.iter().position(|asked| asked.attempt == Some(attempt))
        {
            match found {
                Ok(found) => {
                    let asked = self.asked.swap_remove(at);
                    return Ok(Some((asked.request, found)));
                }
                Err(reason) => self.failed(at, &reason, retries)?,
            }
        }
        let now = Instant::now();
        while let Some(at) = self.asked.iter().position(|asked| asked.attempt.is_some() && asked.until <= now) {
            if self.asked.get(at).and_then(|asked| asked.attempt).is_some_and(|attempt| self.shared.abandon(attempt)) {
                self.spawn()?;
            }
            let reason = format!("no answer within {:?}", self.patience.timeout);
            self.failed(at, &reason, retries)?;
        }
        self.retry();
        Ok(None)
    }

    fn failed(&mut self, at: usize, reason: &str, retries: &mut u64) -> Result<()> {
        let Some(asked) = self.asked.get_mut(at) else { return Ok(()) };
        asked.failures += 1;
        if asked.failures > self.patience.retries {
            return Err(EngineError::operator(
                "lookup",
                format!(
                    "looking up {} keys failed {} times, at last with: {reason}",
                    asked.keys.num_rows(),
                    asked.failures
                ),
            ));
        }
        *retries += 1;
        asked.attempt = None;
        asked.until = Instant::now() + self.patience.backoff.saturating_mul(1 << (asked.failures - 1).min(16));
        Ok(())
    }
}

impl Shared {
    /// The next request, when there is one; none at the end.
    fn take(&self) -> Option<(u64, RecordBatch)> {
        let mut work = self.work.lock();
        loop {
            if work.closed {
                return None;
            }
            if let Some((attempt, keys)) = work.waiting.pop_front() {
                work.running.insert(attempt);
                return Some((attempt, keys));
            }
            self.wake.wait(&mut work);
        }
    }

    /// True where nobody waits for this answer any more, and another thread has taken this one's place.
    fn done(&self, attempt: u64) -> bool {
        let mut work = self.work.lock();
        work.running.remove(&attempt);
        work.abandoned.remove(&attempt)
    }

    /// Gives an attempt up. True where a thread is at it.
    fn abandon(&self, attempt: u64) -> bool {
        let mut work = self.work.lock();
        work.waiting.retain(|(waiting, _)| *waiting != attempt);
        work.running.contains(&attempt) && work.abandoned.insert(attempt)
    }
}

impl Drop for LookupPool {
    fn drop(&mut self) {
        self.shared.work.lock().closed = true;
        self.shared.wake.notify_all();
    }
}
