//! The threads that requests run on.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};

/// Threads for all tables of the process: they wait for sockets, and decode nothing.
const THREADS: usize = 2;

/// The runtime, made when it is first needed.
pub(crate) fn runtime() -> Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let make = || {
        let built = Builder::new_multi_thread().worker_threads(THREADS).thread_name("requests").enable_all().build();
        built.map_err(|error| format!("no threads for requests: {error}"))
    };
    RUNTIME.get_or_init(make).as_ref().map_err(Clone::clone)
}

/// Runs a future there and waits for it, on whatever thread this is.
pub(crate) fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
    let (told, heard) = mpsc::sync_channel(1);
    runtime()?.spawn(async move { drop(told.send(future.await)) });
    heard.recv().map_err(|_| "a request was given up".into())
}
