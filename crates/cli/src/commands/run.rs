//! `tidemill run FILE.sql`

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use serde_json::json;
use tidemill_server::run::{Dialect, JobState, RunOptions, Script, StartFrom};

use super::job::{explained, follow, show};
use super::{block_on, start_logs_of_job};
use crate::args::{Args, Output, Run};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(run: &Run, args: &Args) -> Result<(), Failure> {
    start_logs_of_job(args)?;
    let (text, file) = read(&run.file)?;
    let is_application = run.file.extension().is_some_and(|extension| extension == "toml");
    let script = match is_application {
        true => Script::read_application(&text, options(run)),
        false => Script::read(&text, options(run)),
    };
    let mut script = script.map_err(|error| explained(error, &file, &text))?;
    for outcome in script.shown() {
        show(&outcome, args.output)?;
    }
    if run.check {
        match args.output {
            Output::Human => output::line(&format!("{file}: it can run"))?,
            Output::Json => output::json(&json!({ "file": file, "ok": true }))?,
        }
        return Ok(());
    }
    if !script.has_work() {
        return Ok(());
    }
    let analyzed = script.is_analyzed();
    let mut running = script.start().map_err(|error| explained(error, &file, &text))?;
    let state = follow(&mut running, &stop_signal(), args.output)?;
    if analyzed {
        output::line(running.analysis().trim_end())?;
    }
    match state {
        JobState::Failed(error) => Err(Failure::Failed(error)),
        _ => Ok(()),
    }
}

fn read(file: &Path) -> Result<(String, String), Failure> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok((text, "standard input".to_owned()));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("{} can't be read: {error}", file.display())))?;
    Ok((text, file.display().to_string()))
}

fn options(run: &Run) -> RunOptions {
    let stem = run.file.file_stem().and_then(|stem| stem.to_str()).filter(|stem| *stem != "-").unwrap_or("app");
    let parallelism = run.parallelism.map(|n| ("parallelism.default".to_owned(), n.to_string()));
    RunOptions {
        data: run.data.clone(),
        folder: run
            .file
            .parent()
            .map(Path::to_path_buf)
            .filter(|path| path.is_dir())
            .unwrap_or_else(|| PathBuf::from(".")),
        name: run.name.clone().unwrap_or_else(|| stem.to_owned()),
        from: match run.from.as_str() {
            "latest" => StartFrom::Latest,
            "none" => StartFrom::Nothing,
            snapshot => StartFrom::Snapshot(snapshot.to_owned()),
        },
        settings: run.set.iter().cloned().chain(parallelism).collect(),
        dialect: run.dialect.map(Dialect::from),
    }
}

/// Told once, by Ctrl-C or SIGTERM.
fn stop_signal() -> Receiver<()> {
    let (told, stop) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let wait = async {
            if let Ok(signal) = tidemill_server::stop_signal() {
                signal.await;
            }
            Ok(())
        };
        drop(block_on(wait));
        // Nobody listens any more where the job has ended.
        let _ = told.send(());
    });
    stop
}
