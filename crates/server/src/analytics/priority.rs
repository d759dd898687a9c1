//! The pipeline gives way to the collector.
//!
//! Both want all cores while beacons come faster than they can be processed. A beacon that is late in the results is a
//! number that comes a second later; one that is not taken in time is lost with its visitor. So the threads of the pipeline
//! are *nicer* (`nice(2)`) than those that take beacons: they get what is left, and under full load a small share.

use crate::error::{Error, Result};

/// Runs `start` on a thread of this niceness and waits for it. What it starts is as nice: on Linux a thread begins with
/// that of the thread that made it. Elsewhere niceness belongs to the process, and nothing is changed.
pub(super) fn giving_way<T: Send>(nice: u8, start: impl FnOnce() -> T + Send) -> Result<T> {
    let run = || {
        set_nice(nice);
        start()
    };
    let ended = std::thread::scope(|scope| scope.spawn(run).join());
    ended.map_err(|_| Error::part("the web-analytics job", "its start panicked"))
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn set_nice(nice: u8) {
    // SAFETY: takes three numbers and touches no memory. On Linux, 0 is the calling thread.
    let failed = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, libc::c_int::from(nice)) } != 0;
    if failed {
        let error = std::io::Error::last_os_error();
        tracing::warn!(%error, "the pipeline can't give way to the collector");
    }
}

#[cfg(not(target_os = "linux"))]
fn set_nice(_: u8) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Field 19 of `/proc/thread-self/stat`; the second, the name, may hold spaces.
    fn nice_of_this_thread() -> Option<i32> {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
        let (_, after_name) = stat.rsplit_once(')')?;
        after_name.split_whitespace().nth(16)?.parse().ok()
    }

    #[test]
    fn what_is_started_is_as_nice_and_the_starter_stays_as_it_was() {
        let before = nice_of_this_thread().unwrap();
        let started = giving_way(17, || std::thread::spawn(nice_of_this_thread).join().unwrap()).unwrap();
        assert_eq!(started, Some(17));
        assert_eq!(nice_of_this_thread(), Some(before));
    }
}
