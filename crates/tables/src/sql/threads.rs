//! The threads on which queries are planned and run.
//!
//! They are not the caller's: a plan that yields late holds up other queries and nobody else. Their stacks are deep, as
//! DataFusion walks expressions by recursion; the kernel gives of them what is touched.

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};

const STACK_BYTES: usize = 256 << 20;

pub(super) struct Threads {
    /// There until dropped.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Threads {
    pub(super) fn start(threads: usize) -> Result<Threads> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("sql")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|e| Error::Execution(format!("the threads of queries can't be started: {e}")))?;
        Ok(Threads { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Threads {
    /// Does not wait for what still runs: the last context may be dropped on a thread that must not block.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
