//! What can go wrong in the kernel, with a code for each kind.

use std::fmt;

/// Result of the kernel.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// What went wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A batch could not be built or changed.
    #[error("TM-ENGINE-0001: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// An operator, source or sink failed.
    #[error("TM-ENGINE-0002: operator '{operator}': {message}")]
    Operator {
        /// Which one.
        operator: String,
        /// What it said.
        message: String,
    },
    /// Checkpoint storage could not be read or written.
    #[error("TM-ENGINE-0003: checkpoint storage: {0}; the job goes on from its last checkpoint once it can be reached")]
    Storage(String),
    /// A stored checkpoint is damaged.
    #[error("TM-ENGINE-0004: {object} is damaged ({reason}); restore from an older checkpoint or a savepoint")]
    Corrupt {
        /// The object's name.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another, newer run of this job owns its checkpoints.
    #[error("TM-ENGINE-0005: generation {mine} was fenced out by generation {newer}: another process runs this job")]
    Fenced {
        /// The generation that has to stop.
        mine: u64,
        /// The one that goes on.
        newer: u64,
    },
    /// The job can't be built or can't keep its promise.
    #[error("TM-ENGINE-0006: {0}")]
    Plan(String),
    /// A worker panicked.
    #[error("TM-ENGINE-0007: worker {worker} panicked: {message}")]
    Panic {
        /// Which worker.
        worker: usize,
        /// The panic's message.
        message: String,
    },
    /// A row can't be processed, today or tomorrow: it divides by zero, or is a text that is no number.
    #[error("TM-ENGINE-0009: a row can't be processed: {0}; the job would fail again at the same row")]
    Row(String),
    /// Stored state does not fit this job.
    #[error("TM-ENGINE-0008: {0}")]
    State(String),
}

impl EngineError {
    /// An error of a named operator.
    pub fn operator(operator: impl Into<String>, message: impl fmt::Display) -> Self {
        EngineError::Operator { operator: operator.into(), message: message.to_string() }
    }

    /// An error in a stored object.
    pub fn corrupt(object: impl Into<String>, reason: impl fmt::Display) -> Self {
        EngineError::Corrupt { object: object.into(), reason: reason.to_string() }
    }

    /// True where a restart can't help, so the supervisor gives up at once.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            EngineError::Fenced { .. }
                | EngineError::Plan(_)
                | EngineError::State(_)
                | EngineError::Corrupt { .. }
                | EngineError::Row(_)
        )
    }
}
