//! SQL files as applications of their own process: `tidemill run`.
//!
//! A script is read as a whole first, so that a mistake in its last statement starts nothing. All its INSERTs run as one job, under
//! the application's name, with the embedded streams and tables of a data folder. A script that only shows rows leaves nothing behind.
//! An application for Kinesis Data Analytics has its inputs and outputs in a file beside its SQL: [`manifest`].

mod manifest;
mod rows;
pub mod running;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tidemill_connectors::Environment;
pub use tidemill_connectors::catalog::{self, ConnectorSpec};
use tidemill_engine::CheckpointStore;
pub use tidemill_engine::runtime::supervisor::JobState;
use tidemill_engine::runtime::supervisor::{JobHandle, RestartPolicy};
use tidemill_engine::runtime::timely::{TimelyOptions, TimelyRuntime};
use tidemill_schemas::Registries;
pub use tidemill_sql::parse::statement::Dialect;
use tidemill_sql::parse::statement::{Located, Statement};
use tidemill_sql::settings::is_application_name;
use tidemill_sql::{Node, Prepared, Session, Task};
pub use tidemill_sql::{Outcome, Rows, SqlError};
use tidemill_streams::{Options, Streams};
use tidemill_tables::Tables;

use self::manifest::{Manifest, Output, quoted};
pub use self::rows::{JsonLines, TextRow, text_rows};
use self::running::{Answering, Described};
use crate::data_folder::DataFolder;
use crate::error::{Error, Result};

/// Epochs from checkpoint to checkpoint.
const EPOCHS: u32 = 8;
/// Failures in a row after which a finite job is given up.
const FAILURES_MAX: u32 = 5;

/// Where an application goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StartFrom {
    /// Where it stopped.
    #[default]
    Latest,
    /// At a snapshot with a name.
    Snapshot(String),
    /// At the beginning; what it had is put aside.
    Nothing,
}

/// How a script is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The data folder.
    pub data: PathBuf,
    /// Relative paths in the script begin here.
    pub folder: PathBuf,
    /// The application's name, unless the script sets one.
    pub name: String,
    /// Where it goes on.
    pub from: StartFrom,
    /// Settings that win over the script's.
    pub settings: Vec<(String, String)>,
    /// The dialect of its SQL, where it is not to be found from the statements.
    pub dialect: Option<Dialect>,
}

/// A script that was read: what it wants is known, nothing runs yet.
pub struct Script {
    session: Session,
    environment: Arc<Environment>,
    tasks: Vec<Task>,
    analyze: bool,
    shown: Vec<Outcome>,
    options: RunOptions,
    folder: Folder,
}

/// Where an application's parts are.
enum Folder {
    Kept(DataFolder),
    /// Nothing of the script outlives it.
    Passing(TempDir),
}

impl Folder {
    fn join(&self, name: &str) -> PathBuf {
        match self {
            Folder::Kept(folder) => folder.join(name),
            Folder::Passing(folder) => folder.path().join(name),
        }
    }
}

/// The text of a file that the application names is wrong.
#[derive(Debug)]
pub struct SqlOf {
    /// The file.
    pub file: String,
    /// Its text.
    pub text: String,
    /// What is wrong with it.
    pub error: SqlError,
}

/// Why a script can't run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The text is wrong.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The text of a file that the application names is wrong.
    #[error("{}: {}", .0.file, .0.error)]
    SqlOf(Box<SqlOf>),
    /// A part can't be opened, or the job failed.
    #[error(transparent)]
    Server(#[from] Error),
}

impl Script {
    /// Reads a script: declarations are done, queries and INSERTs are planned.
    ///
    /// # Errors
    /// [`RunError::Sql`] with the place in the text; [`RunError::Server`] where the data folder can't be opened.
    pub fn read(text: &str, options: RunOptions) -> Result<Script, RunError> {
        let statements = tidemill_sql::parse::parse_as(text, options.dialect)?;
        Self::of(statements, &[], options).map_err(|(error, _)| error)
    }

    /// Reads an `app.toml`, and the SQL that it names.
    ///
    /// # Errors
    /// [`RunError::SqlOf`] with the place in the SQL; [`RunError::Server`] where something else is wrong.
    pub fn read_application(text: &str, mut options: RunOptions) -> Result<Script, RunError> {
        let manifest = Manifest::read(text)?;
        let file = options.folder.join(&manifest.sql);
        let sql = std::fs::read_to_string(&file).map_err(|error| Error::io("reading", &file, error))?;
        let wrong = |error: SqlError| {
            RunError::SqlOf(Box::new(SqlOf { file: file.display().to_string(), text: sql.clone(), error }))
        };
        if let Some(name) = &manifest.name {
            options.name.clone_from(name);
        }
        // What is wrong with these has no place in a file that anybody wrote.
        let mut statements = tidemill_sql::parse::parse_as(&manifest.declarations()?, Some(Dialect::Streaming))
            .map_err(|error| Error::Config { said: format!("app.toml: {error}") })?;
        statements.iter_mut().for_each(|located| located.place = None);
        let declared = statements.len();
        statements.extend(tidemill_sql::parse::parse_as(&sql, options.dialect).map_err(wrong)?);
        Self::of(statements, &manifest.outputs, options).map_err(|(error, statement)| match error {
            RunError::Sql(error) if statement.is_some_and(|statement| statement >= declared) => wrong(error),
            RunError::Sql(error) => Error::Config { said: format!("app.toml: {error}") }.into(),
            other => other,
        })
    }

    /// The error's second part is the number of the statement that it is about.
    fn of(
        statements: Vec<Located>,
        outputs: &[Output],
        options: RunOptions,
    ) -> Result<Script, (RunError, Option<usize>)> {
        let about = |error: RunError| (error, None);
        // Tables of the embedded parts are there for other runs, too.
        let keeps = statements.iter().any(|located| outlives(&located.statement));
        let folder = match keeps {
            true => Folder::Kept(DataFolder::open(&options.data).map_err(|error| about(error.into()))?),
            false => {
                let made = TempDir::new().map_err(|error| Error::part("a passing folder", error));
                Folder::Passing(made.map_err(|error| about(error.into()))?)
            }
        };
        let mut environment = environment(&folder, keeps, &options.folder).map_err(|error| about(error.into()))?;
        if statements.iter().any(|located| names_registry(&located.statement)) {
            let registries = Registries::open(folder.join("schemas"));
            let registries = registries.map_err(|error| about(Error::part("schemas", error).into()))?;
            environment.registries = Some(Arc::new(registries));
        }
        let environment = Arc::new(environment);
        let mut session = Session::new(environment.clone());
        let (mut tasks, mut shown, mut analyze) = (Vec::new(), Vec::new(), false);
        for (number, statement) in statements.into_iter().enumerate() {
            match session.execute(statement).map_err(|error| (error.into(), Some(number)))? {
                Outcome::Work(more) => tasks.extend(more),
                Outcome::Analyze(more) => {
                    analyze = true;
                    tasks.extend(more);
                }
                Outcome::Done => {}
                other => shown.push(other),
            }
        }
        for output in outputs {
            tasks.extend(put_out(&mut session, output).map_err(|error| about(error.into()))?);
        }
        for (key, value) in &options.settings {
            session.set(key, value).map_err(|error| about(error.into()))?;
        }
        let name = session.settings().name().unwrap_or(&options.name);
        if !is_application_name(name) {
            let said = format!(
                "{name:?} can't be an application's name: letters, digits, -, _ and . are; choose one with --name"
            );
            return Err(about(Error::Config { said }.into()));
        }
        let script = Script { session, environment, tasks, analyze, shown, options, folder };
        // What a task is about has its place in it.
        script.prepare().map_err(|error| (error.into(), Some(usize::MAX)))?;
        Ok(script)
    }

    fn name(&self) -> &str {
        self.session.settings().name().unwrap_or(&self.options.name)
    }

    fn prepare(&self) -> Result<Prepared, SqlError> {
        self.session.prepare(self.name(), &self.tasks)
    }

    /// What statements such as SHOW and EXPLAIN have to show.
    pub fn shown(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.shown)
    }

    /// The embedded streams that it works with, if it does.
    pub fn streams(&self) -> Option<Streams> {
        self.environment.streams.clone()
    }

    /// The embedded tables that it works with, if it does.
    pub fn tables(&self) -> Option<Tables> {
        self.environment.tables.clone()
    }

    /// Whether there is anything to run.
    pub fn has_work(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Whether it is to be told what each operator did.
    pub fn is_analyzed(&self) -> bool {
        self.analyze
    }

    /// Starts the job.
    ///
    /// # Errors
    /// Where a part can't be opened, or there is no such snapshot.
    pub fn start(self) -> Result<Running, RunError> {
        let Prepared { job, nodes, rows, settings } = self.prepare()?;
        let name = self.name().to_owned();
        let checkpoints = self.folder.join("checkpoints");
        let own = checkpoints.join(&name);
        let mut savepoint = None;
        match &self.options.from {
            StartFrom::Latest => {}
            StartFrom::Snapshot(name) => savepoint = Some(name.clone()),
            StartFrom::Nothing => put_aside(&own)?,
        }
        let failed = |error: tidemill_engine::EngineError| Error::part("the job", error);
        let store = CheckpointStore::local(&checkpoints, &name).map_err(failed)?;
        let options = TimelyOptions {
            workers: settings.parallelism(),
            epoch: settings.checkpoint_interval() / EPOCHS,
            checkpoint_every: EPOCHS,
            budget_bytes: settings.in_flight_bytes(),
            restart: RestartPolicy { give_up_after: Some(FAILURES_MAX), ..RestartPolicy::default() },
            savepoint,
            ..TimelyOptions::default()
        };
        let handle = TimelyRuntime::start(job, options, store).map_err(failed)?;
        let nodes: Arc<[Node]> = nodes.into();
        let answering = match &self.folder {
            Folder::Kept(folder) => {
                let answering = Answering::start(&folder.join(""), &name, nodes.clone(), handle.metrics().clone());
                answering.inspect_err(|error| tracing::warn!(%error, "the application can't be described")).ok()
            }
            Folder::Passing(_) => None,
        };
        Ok(Running { handle, nodes, rows, name, _answering: answering, _folder: self.folder })
    }
}

/// A script that runs. Dropping it stops the job, with a checkpoint.
pub struct Running {
    handle: JobHandle,
    nodes: Arc<[Node]>,
    rows: Option<Rows>,
    name: String,
    _answering: Option<Answering>,
    // Last: the parts of the job are in it.
    _folder: Folder,
}

impl Running {
    /// The application's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The job.
    pub fn handle(&self) -> &JobHandle {
        &self.handle
    }

    /// The rows of the SELECT, once.
    pub fn rows(&mut self) -> Option<Rows> {
        self.rows.take()
    }

    /// Where the job stands.
    pub fn state(&self) -> JobState {
        self.handle.state()
    }

    /// What each operator did, and why nothing came out where nothing did.
    pub fn analysis(&self) -> String {
        Described::of(&self.nodes, self.handle.metrics()).text
    }
}

/// The work that puts a stream of the application out.
fn put_out(session: &mut Session, output: &Output) -> Result<Vec<Task>, SqlError> {
    if output.is_errors() {
        let (declaration, table) = output.error_declaration();
        outcomes(session, &declaration, Dialect::Streaming)?;
        session.set("pipeline.error-table", &table)?;
        return Ok(Vec::new());
    }
    let stream = quoted(&output.stream);
    let mut visible = Vec::new();
    for outcome in outcomes(session, &format!("DESCRIBE {stream}"), Dialect::Streaming)? {
        let Outcome::Table(_, rows) = outcome else { continue };
        let columns = rows.into_iter().filter_map(|row| {
            let mut cells = row.into_iter();
            cells.next().zip(cells.next())
        });
        visible.extend(columns.filter(|(name, _)| name != "ROWTIME"));
    }
    let (declaration, table) = output.declaration(&visible);
    outcomes(session, &declaration, Dialect::Streaming)?;
    let insert = format!("INSERT INTO {} SELECT STREAM * FROM {stream}", quoted(&table));
    let done = outcomes(session, &insert, Dialect::Kinesis)?.into_iter();
    Ok(done
        .filter_map(|outcome| if let Outcome::Work(tasks) = outcome { Some(tasks) } else { None })
        .flatten()
        .collect())
}

/// What comes of statements that nobody wrote: they have no place.
fn outcomes(session: &mut Session, sql: &str, dialect: Dialect) -> Result<Vec<Outcome>, SqlError> {
    let statements = tidemill_sql::parse::parse_as(sql, Some(dialect))?.into_iter();
    statements.map(|statement| session.execute(Located { place: None, ..statement })).collect()
}

/// Whether a statement needs or leaves something that other runs find.
fn outlives(statement: &Statement) -> bool {
    match statement {
        Statement::Insert(_) | Statement::StatementSet(_) => true,
        Statement::Explain { analyze, statement } => *analyze && outlives(statement),
        Statement::CreateTable(table) => {
            let embedded =
                |(key, value): &(String, String)| key == "connector" && (value == "stream" || value == "table");
            table.options.iter().any(embedded) || names_registry(statement)
        }
        _ => false,
    }
}

/// Whether records of a table find their schemas in the embedded registry.
fn names_registry(statement: &Statement) -> bool {
    match statement {
        Statement::CreateTable(table) => {
            table.options.iter().any(|(key, value)| key == "schema.registry" && value.contains("embedded"))
        }
        _ => false,
    }
}

fn environment(folder: &Folder, keeps: bool, paths: &Path) -> Result<Environment> {
    let mut environment = Environment { folder: Some(paths.to_owned()), ..Environment::default() };
    if keeps {
        environment.streams =
            Some(Streams::open(folder.join("streams"), Options::default()).map_err(Error::from_streams)?);
        environment.tables = Some(Tables::open(folder.join("tables")).map_err(|error| Error::part("tables", error))?);
    }
    Ok(environment)
}

/// Keeps an application's checkpoints under another name.
fn put_aside(own: &Path) -> Result<()> {
    if !own.exists() {
        return Ok(());
    }
    let aside = (1..).map(|n| own.with_added_extension(format!("aside-{n}"))).find(|path| !path.exists());
    let aside = aside.unwrap_or_else(|| own.with_added_extension("aside"));
    std::fs::rename(own, &aside).map_err(|error| Error::io("putting old checkpoints aside", own, error))
}
