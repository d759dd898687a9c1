//! A disk that fills up: beacons are refused with 503, what was accepted stays, and all goes on when there is room.
//!
//! The disk is a tmpfs in a mount namespace of the test's own, which goes with the process that holds it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tidemill_server::child::{ChildServer, ChildSettings};
use tidemill_server::client::Error;

use crate::child;

const SIZE: &str = "size=192m";
/// Leaves less than the room that summaries ask for, and some for beacons.
const MOST: u64 = 150 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// A small disk of its own. It is gone when this is dropped.
struct Disk {
    holder: Child,
    /// Where it is mounted, as those in its namespace see it.
    mounted: PathBuf,
}

impl Disk {
    /// Mounts it; says why where that isn't permitted.
    fn mount(at: &Path) -> Result<Disk, String> {
        fs::create_dir_all(at).expect("a folder");
        let script = r#"mount -t tmpfs -o "$1" tidemill-test "$0" && echo mounted && exec cat"#;
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(at).arg(SIZE);
        let mut holder = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        if line.trim_end() != "mounted" {
            let said = holder.wait_with_output().expect("it ends");
            return Err(String::from_utf8_lossy(&said.stderr).trim_end().to_owned());
        }
        Ok(Disk { holder, mounted: at.to_owned() })
    }

    /// A program that runs the real binary where the disk can be seen.
    fn binary(&self, at: &Path) -> PathBuf {
        let (holder, binary) = (self.holder.id(), env!("CARGO_BIN_EXE_tidemill"));
        let script = format!(
            "#!/bin/sh\nexec nsenter --target {holder} --user --mount --preserve-credentials '{binary}' \"$@\"\n"
        );
        fs::write(at, script).expect("a script");
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).expect("it can be run");
        at.to_owned()
    }

    fn filler(&self) -> PathBuf {
        let inside = self.mounted.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(inside).join("filler")
    }

    /// Takes so many bytes, or all that are left.
    fn take(&self, bytes: u64) {
        let mut filler = File::options().create(true).append(true).open(self.filler()).expect("a file");
        let block = [0; 4 << 10];
        for _ in 0..bytes / block.len() as u64 {
            if let Err(error) = filler.write_all(&block) {
                assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
                return;
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).expect("the filler");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Sends beacons one after the other, each a page impression of its own.
struct Sender<'a> {
    server: &'a ChildServer,
    key: String,
    accepted: u64,
    sent: u64,
}

impl Sender<'_> {
    /// The refusal's status, if it was refused.
    async fn send(&mut self) -> Option<u16> {
        self.sent += 1;
        let beacon = json!({
            "v": 1, "s": format!("session-{}", self.sent), "p": format!("page-{}", self.sent), "n": 0, "t": "nav",
            "url": format!("https://shop.example/{}", "x".repeat(1_000)),
        });
        match self.server.client().post(&format!("/b/{}", self.key), &beacon).await {
            Ok(_) => {
                self.accepted += 1;
                None
            }
            Err(Error::Refused { status, .. }) => Some(status),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until the query API counts so many beacons, and not one more.
async fn counted(server: &ChildServer, wanted: u64) {
    let begun = Instant::now();
    loop {
        let answer = server.client().get("/api/v1/sites/shop/overview").await;
        let count = answer.as_ref().ok().and_then(|answer| answer["current"]["beacons"].as_u64());
        if count == Some(wanted) {
            return;
        }
        assert!(count <= Some(wanted), "{count:?} of {wanted} beacons");
        assert!(begun.elapsed() < PATIENCE, "{answer:?}, and {wanted} beacons were accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_loses_nothing_and_is_forgotten_when_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = match Disk::mount(&folder.path().join("disk")) {
        Ok(disk) => disk,
        Err(reason) => return eprintln!("skipped: no file system can be mounted here: {reason}"),
    };
    let settings =
        ChildSettings { binary: disk.binary(&folder.path().join("tidemill")), ..child(&disk.mounted.join("data")) };
    let server = ChildServer::start(&settings).await.expect("a server");
    let key = server.ensure_site("shop").await.expect("a site");
    let mut sender = Sender { server: &server, key, accepted: 0, sent: 0 };
    for _ in 0..100 {
        assert_eq!(sender.send().await, None);
    }

    // The disk fills up under a server that is visited: first results wait, then beacons are refused.
    disk.take(MOST);
    for _ in 0..100 {
        assert_eq!(sender.send().await, None);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    disk.take(u64::MAX);
    let mut refused = 0;
    while refused < 100 {
        match sender.send().await {
            None => assert!(sender.sent < 100_000, "the disk is never full"),
            Some(status) => {
                assert_eq!(status, 503);
                refused += 1;
            }
        }
    }
    // Long enough for several checkpoints to fail.
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.client().get("/api/v1/sites/shop").await.expect("it still answers");

    // With room again it takes beacons, and every accepted one is counted.
    disk.make_room();
    let begun = Instant::now();
    while let Some(status) = sender.send().await {
        assert_eq!(status, 503);
        assert!(begun.elapsed() < PATIENCE, "it still refuses");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let accepted = sender.accepted;
    counted(&server, accepted).await;

    // What is on disk is whole, too.
    server.kill().expect("it is killed");
    let server = ChildServer::start(&settings).await.expect("a server");
    counted(&server, accepted).await;
    server.stop().expect("it stops");
}
