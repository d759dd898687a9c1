//! Two runtimes drive the same operators: [`local`] on one thread, deterministic; [`timely`] on worker threads.

pub mod local;
pub mod supervisor;
pub mod timely;
