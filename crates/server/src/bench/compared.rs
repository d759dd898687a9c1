//! A script of SQL as a process of its own, and the same script on Apache Flink: how long each took, and how much memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Bench, Figures, Peer};
use crate::child::peak_bytes;
use crate::error::{Error, Result};

/// Installs Flink and prints the program that runs it; a path in the checkout.
const INSTALL_FLINK: &str = "tests/services/flink.sh";
/// As much as the state of every script wants.
const FLINK_HEAP: &str = "6g";
const SCRIPT_MAX: Duration = Duration::from_secs(900);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const MEGABYTE: f64 = 1e6;

/// Runs scripts, and has the peer run them.
pub(super) struct Compared<'a> {
    bench: &'a Bench,
    /// The program that runs Flink.
    flink: Option<PathBuf>,
    /// How often we were as fast, and how much of its memory we took, a script each.
    ratios: Vec<f64>,
    memory_ratios: Vec<f64>,
}

impl<'a> Compared<'a> {
    pub(super) fn new(bench: &'a Bench) -> Result<Self> {
        let flink = bench.options.peer.map(|Peer::Flink| install_flink()).transpose()?;
        Ok(Compared { bench, flink, ratios: Vec::new(), memory_ratios: Vec::new() })
    }

    /// Runs a script, whose figures get a prefix; the peer runs another first, to warm up.
    pub(super) fn run(
        &mut self,
        figures: &mut Figures,
        prefix: &str,
        rows: u64,
        script: &str,
        warm_up: &str,
    ) -> Result<()> {
        let per_second = |took: Duration| rows as f64 / took.as_secs_f64();
        let file = self.write("script.sql", script)?;
        let data = self.bench.scratch.path().join("data");
        let ours = measure(
            Command::new(&self.bench.binary).arg("run").arg(&file).args(["--from", "none"]).arg("--data").arg(&data),
        )?;
        figures.add(format!("{prefix}events_per_second"), per_second(ours.took));
        figures.add(format!("{prefix}peak_mb"), ours.peak_bytes as f64 / MEGABYTE);
        let Some(flink) = &self.flink else { return Ok(()) };
        let warm_up = self.write("warm_up.sql", warm_up)?;
        let peers = measure(
            Command::new(flink)
                .args([Path::new("time"), &warm_up, &file])
                .envs([("FLINK_HEAP", Path::new(FLINK_HEAP)), ("TMPDIR", self.bench.scratch.path())]),
        )?;
        let took = job_time(&peers.said)?;
        let ratio = took.as_secs_f64() / ours.took.as_secs_f64();
        figures.add(format!("{prefix}peer_events_per_second"), per_second(took));
        figures.add(format!("{prefix}peer_peak_mb"), peers.peak_bytes as f64 / MEGABYTE);
        figures.add(format!("{prefix}ratio"), ratio);
        self.ratios.push(ratio);
        self.memory_ratios.push(ours.peak_bytes as f64 / peers.peak_bytes.max(1) as f64);
        Ok(())
    }

    /// The ratios of all scripts together.
    pub(super) fn finish(self, figures: &mut Figures) {
        if self.ratios.is_empty() {
            return;
        }
        let mean = self.ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / self.ratios.len() as f64;
        figures.add("geomean_ratio", mean.exp());
        figures.add("worst_ratio", self.ratios.iter().copied().fold(f64::INFINITY, f64::min));
        figures.add("worst_memory_ratio", self.memory_ratios.iter().copied().fold(0.0, f64::max));
    }

    fn write(&self, name: &str, script: &str) -> Result<PathBuf> {
        let file = self.bench.scratch.path().join(name);
        std::fs::write(&file, script).map_err(|error| Error::io("writing", &file, error))?;
        Ok(file)
    }
}

fn install_flink() -> Result<PathBuf> {
    let installed = Command::new(INSTALL_FLINK).stderr(Stdio::inherit()).output();
    let installed =
        installed.map_err(|error| Error::io("running, in a checkout of Tidemill,", Path::new(INSTALL_FLINK), error))?;
    if !installed.status.success() {
        return Err(Error::part("Flink's installation", installed.status));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&installed.stdout).trim()))
}

/// How long the peer's job ran, without the start of its process.
fn job_time(said: &str) -> Result<Duration> {
    let said = serde_json::from_str::<serde_json::Value>(said.trim()).ok();
    let ms = said.and_then(|said| said["milliseconds"].as_u64()).filter(|ms| *ms > 0);
    ms.map(Duration::from_millis).ok_or_else(|| Error::part("the peer", "it did not say how long its job ran"))
}

/// A process that ran to its end.
struct Ran {
    took: Duration,
    peak_bytes: u64,
    said: String,
}

fn measure(command: &mut Command) -> Result<Ran> {
    let failed = |error: std::io::Error| Error::part("the process of a script", error);
    let begun = Instant::now();
    let mut process = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut most = 0;
    let status = loop {
        // It may have ended meanwhile.
        most = most.max(peak_bytes(process.id()).unwrap_or(0));
        if let Some(status) = process.try_wait().map_err(failed)? {
            break status;
        }
        if begun.elapsed() > SCRIPT_MAX {
            process.kill().map_err(failed)?;
        }
        std::thread::sleep(LOOK_EVERY);
    };
    let took = begun.elapsed();
    let output = process.wait_with_output().map_err(failed)?;
    if !status.success() {
        return Err(Error::part("the process of a script", format!("{status}; see its messages above")));
    }
    Ok(Ran { took, peak_bytes: most, said: String::from_utf8_lossy(&output.stdout).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::job_time;

    #[test]
    fn the_time_of_a_job_is_what_the_peer_says() {
        assert_eq!(job_time("{\"milliseconds\":1500}\n").unwrap().as_millis(), 1_500);
        assert!(job_time("").is_err());
    }
}
