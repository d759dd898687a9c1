//! `tidemill sql`, as its user types it: from a pipe, and at a terminal, which `script` of util-linux makes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure to run the program fails the test"
)]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ORDERS: &str = "CREATE TABLE orders (item STRING, price INT) \
    WITH ('connector' = 'filesystem', 'path' = 'orders.csv', 'format' = 'csv');\n";

fn with_orders() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("orders.csv"), "shoe,5\nhat,7\nshoe,3\n").unwrap();
    folder
}

fn piped(folder: &Path, arguments: &[&str], typed: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidemill"))
        .current_dir(folder)
        .arg("sql")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

#[test]
fn statements_from_a_pipe_run_one_after_the_other() {
    let folder = with_orders();
    fs::write(folder.path().join("tables.sql"), ORDERS).unwrap();
    let typed = "CREATE TABLE dear (item STRING PRIMARY KEY NOT ENFORCED, price INT) WITH ('connector' = 'table');
        INSERT INTO dear SELECT item, MAX(price) FROM orders GROUP BY item;
        SELECT item FROM dear WHERE price > 6";
    let output = piped(folder.path(), &["--init", "tables.sql", "--output", "json"], &format!("{typed} LIMIT 1;"));
    assert!(output.status.success(), "{}", said(&output.stderr));
    assert!(said(&output.stdout).contains(r#""item":"hat""#), "{}", said(&output.stdout));
}

#[test]
fn the_first_mistake_ends_a_pipe() {
    let folder = with_orders();
    let output = piped(folder.path(), &[], &format!("{ORDERS}SELECT itme FROM orders;\nSELECT item FROM orders;"));
    assert_eq!(output.status.code(), Some(2));
    let error = said(&output.stderr);
    assert!(error.contains("there is no column 'itme'; did you mean 'item'?"), "{error}");
    assert!(said(&output.stdout).is_empty());
    assert!(!folder.path().join("tidemill-data").exists(), "nothing was kept");
}

/// A shell at a terminal.
struct Terminal {
    child: Child,
    input: ChildStdin,
    shown: Arc<Mutex<String>>,
    read: usize,
}

impl Terminal {
    fn open(folder: &Path) -> Terminal {
        // In place of the shell that runs it, which a Ctrl-C would end as well.
        let shell =
            format!("exec {} sql --history {}", env!("CARGO_BIN_EXE_tidemill"), folder.join("history").display());
        let mut child = Command::new("script")
            .current_dir(folder)
            .env("TERM", "xterm")
            .args(["-qec", &shell, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script of util-linux runs");
        let (input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(String::new()));
        std::thread::spawn({
            let shown = shown.clone();
            move || {
                let mut bytes = [0; 4096];
                while let Ok(n @ 1..) = output.read(&mut bytes) {
                    shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..n]));
                }
            }
        });
        let mut terminal = Terminal { child, input, shown, read: 0 };
        terminal.see("quit; leaves");
        terminal
    }

    fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits until a text is shown, behind what was seen last.
    fn see(&mut self, text: &str) {
        let begin = Instant::now();
        loop {
            let shown = self.shown.lock().unwrap().clone();
            if let Some(at) = shown[self.read..].find(text) {
                self.read += at + text.len();
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "{text:?} is not in {:?}", &shown[self.read..]);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_shell_completes_runs_jobs_and_survives_mistakes() {
    let folder = with_orders();
    let mut terminal = Terminal::open(folder.path());
    terminal.press("CREATE TABLE ticks (n INT) WITH ('connector' = 'datagen',\r 'rows-per-second' = '50');\r");
    terminal.press("CREATE TABLE kept (n INT) WITH ('connector' = 'stream', 'stream' = 'kept', 'stream.shards' = '1', 'format' = 'json');\r");
    terminal.press("SELECT m FROM ticks;\r");
    terminal.see("there is no column 'm'");
    terminal.press("INSERT INTO kept SELECT n FROM ticks;\r");
    terminal.see("job-1 runs in the background");
    terminal.press("SHOW JOBS;\r");
    terminal.see("kept");
    terminal.see("running");
    // Completed to the table's name; the rows come while the job goes on.
    terminal.press("SELECT 'row', n FROM kep\t;\r");
    terminal.see("row     ");
    terminal.press("\x03");
    terminal.see("row(s)");
    terminal.press("STOP JOB 'job-1';\r");
    terminal.see("job-1 is stopped");
    terminal.press("quit\r");
    let status = terminal.child.wait().unwrap();
    assert!(status.success(), "{status}: {}", terminal.shown.lock().unwrap());
    let history = fs::read_to_string(folder.path().join("history")).unwrap();
    assert!(history.contains("SELECT 'row', n FROM kept") && history.contains("datagen"), "{history}");
}
