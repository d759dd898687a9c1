//! What keeps a server from starting is said at once, with what to do, and changes nothing.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use tidemill_server::child::ChildServer;

use crate::{child, serve};

/// The message of a command that must fail with this exit code.
fn refusal(command: &mut Command, code: i32) -> String {
    let run = command.output().expect("the binary runs");
    let said = String::from_utf8(run.stderr).expect("text");
    assert_eq!(run.status.code(), Some(code), "{said}");
    assert!(run.stdout.is_empty(), "it said that it serves");
    said
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

#[test]
fn a_port_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port();
    let said = refusal(&mut serve(&folder.path().join("data"), port), 1);
    assert!(said.contains("TM-SERVER-0003") && said.contains("--port"), "{said}");
    assert!(names_in(folder.path()).is_empty(), "it made a data folder");
}

#[test]
fn a_data_folder_of_a_newer_version() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("VERSION"), "tidemill data format 999\n").expect("a file");
    let said = refusal(&mut serve(folder.path(), 0), 1);
    assert!(said.contains("TM-SERVER-0005") && said.contains("999") && said.contains("newer tidemill"), "{said}");
    assert_eq!(names_in(folder.path()), ["VERSION"]);
}

#[test]
fn somebody_elses_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("thesis.tex"), "years of work").expect("a file");
    let said = refusal(&mut serve(folder.path(), 0), 1);
    assert!(said.contains("TM-SERVER-0006") && said.contains("thesis.tex"), "{said}");
}

#[test]
fn a_key_that_does_not_exist() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = refusal(serve(&folder.path().join("data"), 0).args(["--set", "pipeline.wrokers=2"]), 2);
    assert!(said.contains("TM-SERVER-0001") && said.contains("wrokers"), "{said}");
}

#[tokio::test]
async fn a_second_server_on_the_same_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let first = ChildServer::start(&child(&data)).await.expect("a server");
    let said = refusal(&mut serve(&data, 0), 1);
    assert!(said.contains("TM-SERVER-0004") && said.contains("--data"), "{said}");

    // The first one goes on; after it the folder is free.
    first.ensure_site("shop").await.expect("a site");
    first.kill().expect("it is killed");
    let next = ChildServer::start(&child(&data)).await.expect("a server");
    next.client().get("/api/v1/sites/shop").await.expect("its site is there");
    next.stop().expect("it stops");
}
