//! `kill -9` in the middle of registrations: what was answered is there, with its numbers, and what is there is whole.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tidemill_schemas::{DataFormat, Mode, Registration, Registries, SchemaName};

const FOLDER: &str = "TIDEMILL_TEST_CRASH_FOLDER";
const ROUNDS: u64 = 12;

fn definition(process: u32, number: usize) -> String {
    format!(r#"{{"type":"record","name":"R","doc":"{process} {number}","fields":[{{"name":"a","type":"int"}}]}}"#)
}

/// Not a test of its own: what the killed process does. Without the variable it does nothing.
#[test]
fn registers_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let registries = Registries::open(Path::new(&folder)).unwrap();
    let process = std::process::id();
    std::thread::scope(|threads| {
        for worker in 0..3 {
            let registries = &registries;
            threads.spawn(move || {
                let name = SchemaName::new("default-registry", &format!("schema-{worker}")).unwrap();
                for number in 0.. {
                    let text = definition(process, number);
                    let new = Registration::new(DataFormat::Avro, text.clone()).creating(Mode::Backward);
                    let made = registries.register(&name, new).unwrap().version;
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "done\t{name}\t{}\t{}\t{}\t{text}", made.number, made.content.id, made.uuid).unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

#[test]
fn what_was_registered_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut told: BTreeMap<(String, u32), (u32, u128, String)> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "registers_until_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // The first answer shows that it runs; then any moment will do.
        let first = lines.by_ref().find(|line| line.starts_with("done"));
        let reader = std::thread::spawn(move || lines.collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(round * 13));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut lines = reader.join().unwrap();
        lines.extend(first);
        for line in lines {
            let parts: Vec<&str> = line.split('\t').collect();
            let ["done", name, number, id, uuid, text] = parts.as_slice() else { continue };
            let key = ((*name).to_owned(), number.parse().unwrap());
            let before = told.insert(key, (id.parse().unwrap(), uuid.parse().unwrap(), (*text).to_owned()));
            assert!(before.is_none(), "a number was given twice: {line}");
        }

        let registries = Registries::open(folder.path()).unwrap();
        for ((name, number), (id, uuid, text)) in &told {
            let name = SchemaName::new("default-registry", name).unwrap();
            let version = registries.version(&name, Some(*number)).unwrap();
            assert_eq!((version.content.id, version.uuid, &*version.content.text), (*id, *uuid, text.as_str()));
            assert_eq!(registries.version_by_uuid(*uuid).unwrap().number, *number);
        }
        for schema in registries.schemas(None).unwrap() {
            let versions = registries.versions(&schema.name).unwrap();
            assert!(versions.iter().all(|version| version.number < schema.next_version));
        }
    }
    assert!(told.len() > 50, "only {} versions were registered", told.len());
}
