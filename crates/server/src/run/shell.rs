//! Statements one at a time, as they are typed: `tidemill sql`.
//!
//! Rows of a SELECT come to who typed it. An INSERT runs on in the background as a job that `SHOW JOBS` shows and `STOP JOB` stops, so
//! that one can look at what it writes; with `table.dml-sync` it is waited for. A job with a name (`pipeline.name`) goes on where it
//! stopped when it was run last, here or by `tidemill run`; one without begins anew. The data folder is opened, and locked, only when a
//! statement needs it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tempfile::TempDir;
pub use tidemill_connectors::Printer;
use tidemill_connectors::catalog;
use tidemill_engine::runtime::supervisor::JobState;
use tidemill_sql::parse::statement::{Dialect, Jobs, Located, Statement};
pub use tidemill_sql::parse::{KEYWORDS, is_complete};
use tidemill_sql::settings::SETTINGS;
use tidemill_sql::{Outcome, Session, SqlError, Task};

use super::parts::{Parts, outlives};
use super::{RunError, Running, StartFrom};
use crate::error::{Error, Result};

/// How a shell works.
#[derive(Clone)]
pub struct ShellOptions {
    /// The data folder.
    pub data: PathBuf,
    /// Settings to begin with.
    pub settings: Vec<(String, String)>,
    /// The dialect, where it is not to be found from the statements.
    pub dialect: Option<Dialect>,
    /// Takes what tables of the connector `print` print.
    pub printer: Option<Printer>,
}

/// What was declared so far, and what runs.
pub struct Shell {
    session: Session,
    jobs: Vec<Job>,
    /// Jobs so far.
    started: u32,
    options: ShellOptions,
    /// Checkpoints of jobs without a name.
    passing: TempDir,
    parts: Arc<Parts>,
}

/// A job in the background.
struct Job {
    running: Running,
    targets: Vec<String>,
    since: Instant,
}

/// What comes of a statement.
pub enum Answer {
    /// Something to show, or nothing.
    Shown(Outcome),
    /// A job to be followed to its end.
    Followed(Running),
    /// A job to be followed to its end, and told about.
    Analyzed(Running),
    /// A job that runs on in the background: its name.
    Started(String),
}

impl Shell {
    /// A shell that nothing was typed into.
    ///
    /// # Errors
    /// For a setting that is not known.
    pub fn new(options: ShellOptions) -> Result<Shell, RunError> {
        let parts = Arc::new(Parts::passing(Path::new("."), options.printer.clone())?);
        let mut session = Session::new(parts.environment().clone());
        for (key, value) in &options.settings {
            session.set(key, value)?;
        }
        let passing = TempDir::new().map_err(|error| Error::part("a passing folder", error))?;
        Ok(Shell { session, jobs: Vec::new(), started: 0, options, passing, parts })
    }

    /// Reads what was typed.
    ///
    /// # Errors
    /// Where it is no SQL, with the place.
    pub fn read(&self, text: &str) -> Result<Vec<Located>, SqlError> {
        tidemill_sql::parse::parse_as(text, self.options.dialect)
    }

    /// Does a statement.
    ///
    /// # Errors
    /// With the place in the text where the statement is wrong; otherwise where a part can't be opened.
    pub fn execute(&mut self, located: Located) -> Result<Answer, RunError> {
        if let Statement::Jobs(jobs) = &located.statement {
            return self.about_jobs(jobs).map(Answer::Shown).map_err(|error| error.at(located.place).into());
        }
        if outlives(&located.statement) && !self.parts.are_kept() {
            let parts = Parts::kept(&self.options.data, Path::new("."), self.options.printer.clone())?;
            self.parts = Arc::new(parts);
            self.session.set_environment(self.parts.environment().clone());
        }
        let place = located.place;
        match self.session.execute(located)? {
            Outcome::Work(tasks) => {
                let running = self.start(&tasks).map_err(|error| error.at(place))?;
                if tasks.iter().any(Task::is_query) || self.session.settings().waits_for_inserts() {
                    return Ok(Answer::Followed(running));
                }
                let name = running.name().to_owned();
                let targets = tasks.iter().filter_map(Task::target).map(str::to_owned).collect();
                self.jobs.push(Job { running, targets, since: Instant::now() });
                Ok(Answer::Started(name))
            }
            Outcome::Analyze(tasks) => self.start(&tasks).map(Answer::Analyzed).map_err(|error| error.at(place)),
            shown => Ok(Answer::Shown(shown)),
        }
    }

    fn start(&mut self, tasks: &[Task]) -> Result<Running, RunError> {
        self.started += 1;
        // A query goes on nowhere.
        let named = self.session.settings().name().filter(|_| !tasks.iter().any(Task::is_query)).map(str::to_owned);
        let (name, checkpoints) = match named {
            Some(name) => (name, self.parts.path("checkpoints")),
            None => (format!("job-{}", self.started), self.passing.path().to_owned()),
        };
        if self.jobs.iter().any(|job| job.running.name() == name) {
            let error = SqlError::declaration(format!("a job '{name}' runs already"));
            return Err(error.hint("STOP JOB it, or SET 'pipeline.name' to another name").into());
        }
        let prepared = self.session.prepare(&name, tasks)?;
        Running::start(prepared, &name, &StartFrom::Latest, &checkpoints, self.parts.clone())
    }

    fn about_jobs(&mut self, jobs: &Jobs) -> Result<Outcome, SqlError> {
        Ok(match jobs {
            Jobs::Show => {
                let row = |job: &Job| {
                    let state = match job.running.state() {
                        JobState::Restarting { error, .. } => format!("restarting: {error}"),
                        state => format!("{state:?}").to_lowercase(),
                    };
                    let seconds = job.since.elapsed().as_secs();
                    vec![job.running.name().to_owned(), job.targets.join(", "), format!("{seconds} s"), state]
                };
                Outcome::Table(vec!["job", "writes to", "for", "state"], self.jobs.iter().map(row).collect())
            }
            Jobs::Describe(name) => Outcome::Text(self.jobs[self.job(name)?].running.analysis()),
            Jobs::Stop(name) => {
                let job = self.job(name)?;
                let state = self.jobs.remove(job).running.handle().stop();
                Outcome::Text(how_it_ended(name, &state))
            }
        })
    }

    /// Which job has this name.
    fn job(&self, name: &str) -> Result<usize, SqlError> {
        self.jobs
            .iter()
            .position(|job| job.running.name() == name)
            .ok_or_else(|| SqlError::declaration(format!("no job '{name}' runs")).hint("SHOW JOBS shows those that do"))
    }

    /// How jobs ended that ran in the background, each once.
    pub fn ended(&mut self) -> Vec<String> {
        let ended = self.jobs.extract_if(.., |job| job.running.state().is_final());
        ended.map(|job| how_it_ended(job.running.name(), &job.running.state())).collect()
    }

    /// Stops all jobs, each with a checkpoint.
    pub fn stop(&mut self) -> Vec<String> {
        let stopped = self.jobs.drain(..);
        stopped.map(|job| how_it_ended(job.running.name(), &job.running.handle().stop())).collect()
    }

    /// Names that what is typed can be completed to: of tables, columns and functions.
    pub fn names(&self) -> Vec<String> {
        self.session.known_names().into_iter().collect()
    }
}

/// What can stand in quotes: settings, connectors and their options.
pub fn quoted_words() -> Vec<&'static str> {
    let settings = SETTINGS.iter().map(|setting| setting.key);
    let connectors = catalog::CONNECTORS.iter();
    let options = connectors.flat_map(|spec| spec.options.iter().map(|option| option.name).chain([spec.name]));
    let mut words: Vec<_> = settings.chain(["connector", "format"]).chain(options).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn how_it_ended(job: &str, state: &JobState) -> String {
    match state {
        JobState::Finished => format!("{job} has ended: all its input is done"),
        JobState::Failed(error) => format!("{job} failed: {error}"),
        _ => format!("{job} is stopped"),
    }
}
