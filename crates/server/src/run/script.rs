//! Texts that are read as a whole before anything runs: `tidemill run`.

use std::sync::Arc;

use tidemill_sql::parse::statement::{Dialect, Located};
use tidemill_sql::settings::is_application_name;
use tidemill_sql::{Outcome, Prepared, Session, SqlError, Task};
use tidemill_streams::Streams;
use tidemill_tables::Tables;

use super::manifest::{Manifest, Output, quoted};
use super::parts::{Parts, outlives};
use super::running::Running;
use super::{RunError, RunOptions, SqlOf};
use crate::error::{Error, Result};

/// A script that was read: what it wants is known, nothing runs yet.
pub struct Script {
    session: Session,
    tasks: Vec<Task>,
    analyze: bool,
    shown: Vec<Outcome>,
    options: RunOptions,
    parts: Arc<Parts>,
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
        let parts = match statements.iter().any(|located| outlives(&located.statement)) {
            true => Parts::kept(&options.data, &options.folder, None),
            false => Parts::passing(&options.folder, None),
        };
        let parts = Arc::new(parts.map_err(|error| about(error.into()))?);
        let mut session = Session::new(parts.environment().clone());
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
        let script = Script { session, tasks, analyze, shown, options, parts };
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
        self.parts.environment().streams.clone()
    }

    /// The embedded tables that it works with, if it does.
    pub fn tables(&self) -> Option<Tables> {
        self.parts.environment().tables.clone()
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
        let checkpoints = self.parts.path("checkpoints");
        Running::start(self.prepare()?, self.name(), &self.options.from, &checkpoints, self.parts.clone())
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
