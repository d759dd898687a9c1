//! `tidemill serve` as its operator meets it: the real binary, started where it can't run, on a disk that fills up.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod disk;
mod kinesis;
mod refusals;
mod registries;
mod schema;
mod stream;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tidemill_server::child::{ChildServer, ChildSettings};

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

/// The command line against a server, as its user types it.
struct Cli {
    server: ChildServer,
    folder: tempfile::TempDir,
}

/// What a command came to.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Cli {
    async fn start() -> Cli {
        let folder = tempfile::tempdir().expect("a folder");
        let server = ChildServer::start(&child(&folder.path().join("data"))).await.expect("a server");
        Cli { server, folder }
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        if !arguments.contains(&"--server") {
            command.args(["--server", &format!("http://{}", self.server.address())]);
        }
        command.args(arguments);
        let run = command.current_dir(self.folder.path()).stdin(Stdio::null()).output().expect("the binary runs");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        Said { code: run.status.code(), out: text(&run.stdout), err: text(&run.stderr) }
    }

    /// What a command prints that must succeed.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {said:?}");
        said.out
    }

    /// The same, as JSON.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.ok(&[&["--output", "json"], arguments].concat());
        serde_json::from_str(&said).expect("one JSON document")
    }

    /// The message of a command that must fail with this exit code, and print nothing else.
    #[track_caller]
    fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        assert_eq!(said.out, "", "{arguments:?}");
        said.err
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
    }

    fn stop(self) {
        self.server.stop().expect("it stops");
    }
}
