//! How a command fails: its message and its exit code.

use std::process::ExitCode;

use serde_json::json;
use tidemill_server::client;

use crate::args::Output;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// It was tried, and failed.
    #[error("{0}")]
    Failed(String),
    /// The server can't be reached, or refused.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// Ctrl-C before it was done.
    #[error("interrupted")]
    Interrupted,
    /// Reading or printing failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl Failure {
    /// See the table at the top of `main.rs`.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            // A reader that has seen enough (`tidemill stream tail x | head`) is no failure.
            Failure::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
            Failure::Failed(_) | Failure::Io(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Client(error) => match error {
                client::Error::Url { .. } => 2,
                client::Error::Unreachable { .. } => 3,
                client::Error::Refused { status, .. } if (400..500).contains(status) => 4,
                _ => 1,
            },
            Failure::Interrupted => 130,
        })
    }

    /// To standard error, in the form asked for.
    pub(crate) fn print(&self, output: Output) {
        if matches!(self, Failure::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe) {
            return;
        }
        match output {
            Output::Human => eprintln!("tidemill: {self}"),
            Output::Json => eprintln!("{}", json!({ "error": { "message": self.to_string() } })),
        }
    }
}

impl From<tidemill_server::Error> for Failure {
    fn from(error: tidemill_server::Error) -> Self {
        match error {
            tidemill_server::Error::Config { .. } => Failure::Usage(error.to_string()),
            _ => Failure::Failed(error.to_string()),
        }
    }
}
