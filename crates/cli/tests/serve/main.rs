//! `tidemill serve` as its operator meets it: the real binary, started where it can't run, on a disk that fills up.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod disk;
mod kinesis;
mod refusals;

use std::path::Path;
use std::process::{Command, Stdio};

use tidemill_server::child::ChildSettings;

/// The command that serves a data folder on a port; 0 takes a free one.
fn serve(data: &Path, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    command.args(["--output", "json", "--log", "error", "serve", "--port", &port.to_string(), "--data"]).arg(data);
    command.stdin(Stdio::null());
    command
}

/// A server over a data folder, on a free port, in a process of its own.
fn child(data: &Path) -> ChildSettings {
    ChildSettings { binary: env!("CARGO_BIN_EXE_tidemill").into(), data: data.to_owned(), port: 0, set: Vec::new() }
}
