//! Wakes workers later, for sources that wait for a time and not for data.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tidemill_engine::Waker;

/// Wakes a worker later. One thread of the process does so for all.
pub(crate) fn wake_in(duration: Duration, waker: &Waker) {
    static ALARMS: OnceLock<Arc<Alarms>> = OnceLock::new();
    let alarms = ALARMS.get_or_init(|| {
        let alarms = Arc::new(Alarms::default());
        let ringing = Arc::clone(&alarms);
        // Without the thread sources wait for the next epoch, which polls them, too.
        let started = std::thread::Builder::new().name("alarms".into()).spawn(move || ringing.ring());
        if let Err(error) = started {
            tracing::warn!(%error, "sources that keep a pace can't be woken between epochs");
        }
        alarms
    });
    alarms.set(Instant::now() + duration, Arc::clone(waker));
}

#[derive(Default)]
struct Alarms {
    set: Mutex<BinaryHeap<Reverse<Alarm>>>,
    changed: Condvar,
}

struct Alarm {
    at: Instant,
    waker: Waker,
}

impl Alarms {
    fn set(&self, at: Instant, waker: Waker) {
        self.set.lock().push(Reverse(Alarm { at, waker }));
        self.changed.notify_one();
    }

    fn ring(&self) {
        let mut set = self.set.lock();
        loop {
            let now = Instant::now();
            let next = set.peek().map(|Reverse(alarm)| alarm.at);
            match next {
                Some(at) if at <= now => {
                    let due = set.pop();
                    parking_lot::MutexGuard::unlocked(&mut set, || {
                        if let Some(Reverse(alarm)) = due {
                            (alarm.waker)();
                        }
                    });
                }
                Some(at) => drop(self.changed.wait_until(&mut set, at)),
                None => self.changed.wait(&mut set),
            }
        }
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}
