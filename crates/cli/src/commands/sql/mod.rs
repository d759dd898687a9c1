//! `tidemill sql`: a shell where there is a terminal; elsewhere statements from standard input, one after the other.

mod editor;

use std::io::{BufRead, IsTerminal};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter};
use tidemill_server::run::shell::{Answer, Printer, Shell, ShellOptions, is_complete};
use tidemill_server::run::{Dialect, JobState};
use tokio::signal::unix::{SignalKind, signal};

use self::editor::Typing;
use super::job::{explained, follow, show};
use super::start_logs_of_job;
use crate::args::{Args, Sql};
use crate::failure::Failure;
use crate::output;

const PROMPT: (&str, &str) = ("tidemill> ", "\x1b[1;36mtidemill>\x1b[0m ");
const HELP: &str = "\
Statements end with ; and may have several lines. Tab completes, the arrows and Ctrl-R find what was typed before.
  SELECT …                rows as they come; Ctrl-C stops it
  INSERT INTO …           runs in the background: SHOW JOBS, DESCRIBE JOB 'job-1', STOP JOB 'job-1'
  SHOW TABLES, DESCRIBE t, EXPLAIN …, EXPLAIN ANALYZE …, SET 'key' = 'value', SET
  help, clear, quit       or Ctrl-D
`tidemill connectors` lists what tables can be made of; docs/sql has the language.";

/// What the shell does itself.
#[derive(Clone, Copy)]
enum Command {
    Help,
    Clear,
    Quit,
}

impl Command {
    fn read(typed: &str) -> Option<Command> {
        Some(match typed.trim().trim_end_matches(';').trim_end().to_ascii_lowercase().as_str() {
            "help" | "?" | "\\?" => Command::Help,
            "clear" => Command::Clear,
            "quit" | "exit" | "\\q" => Command::Quit,
            _ => return None,
        })
    }
}

pub(crate) fn run(sql: &Sql, args: &Args) -> Result<(), Failure> {
    start_logs_of_job(args)?;
    match std::io::stdin().is_terminal() {
        true => typed(sql, args),
        false => piped(sql, args),
    }
}

fn options(sql: &Sql, printer: Option<Printer>) -> ShellOptions {
    ShellOptions { data: sql.data.clone(), settings: sql.set.clone(), dialect: sql.dialect.map(Dialect::from), printer }
}

/// Statements from standard input. The first that fails ends it.
fn piped(sql: &Sql, args: &Args) -> Result<(), Failure> {
    let mut options = options(sql, None);
    // Nobody would see what goes on in the background.
    options.settings.insert(0, ("table.dml-sync".into(), "true".into()));
    let mut session = Typed::new(options, args, false)?;
    session.begin(sql)?;
    let mut text = String::new();
    for line in std::io::stdin().lock().lines() {
        text.push_str(&line?);
        text.push('\n');
        if is_complete(&text) {
            session.execute("standard input", &std::mem::take(&mut text))?;
        }
    }
    session.execute("standard input", &text)
}

/// Statements from the terminal.
fn typed(sql: &Sql, args: &Args) -> Result<(), Failure> {
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true).build();
    let failed = |error: ReadlineError| Failure::Failed(format!("the terminal: {error}"));
    let mut editor = Editor::<Typing, FileHistory>::with_config(config).map_err(failed)?;
    editor.set_helper(Some(Typing::default()));
    let history = sql.history.clone().or_else(|| std::env::home_dir().map(|home| home.join(".tidemill_history")));
    // There is none the first time.
    history.as_ref().and_then(|file| editor.load_history(file).ok());
    let printer = editor.create_external_printer().map_err(failed)?;
    let mut session = Typed::new(options(sql, Some(beside_the_prompt(printer))), args, true)?;
    output::line("Tidemill SQL. help; explains, quit; leaves.")?;
    session.begin(sql)?;
    loop {
        for ended in session.shell.ended() {
            output::line(&ended)?;
        }
        if let Some(typing) = editor.helper_mut() {
            typing.names = session.shell.names();
        }
        let text = match editor.readline(&PROMPT) {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(failed(error)),
        };
        if let Some(file) = &history
            && let Err(error) = editor.append_history(file)
        {
            tracing::warn!(file = %file.display(), %error, "what was typed can't be kept");
        }
        match Command::read(&text) {
            Some(Command::Help) => output::line(HELP)?,
            Some(Command::Clear) => editor.clear_screen().map_err(failed)?,
            Some(Command::Quit) => break,
            None => match session.execute("input", &text) {
                Err(failure @ Failure::Io(_)) => return Err(failure),
                Err(failure) => failure.print(args.output),
                Ok(()) => {}
            },
        }
    }
    for stopped in session.shell.stop() {
        output::line(&stopped)?;
    }
    Ok(())
}

/// Prints above the line that is being typed.
fn beside_the_prompt(printer: impl ExternalPrinter + Send + 'static) -> Printer {
    let printer = Arc::new(Mutex::new(printer));
    Printer::new(move |lines| {
        let Ok(mut printer) = printer.lock() else { return };
        if let Err(error) = printer.print(lines.to_owned()) {
            tracing::warn!(%error, "rows can't be printed");
        }
    })
}

/// The shell, and how its answers are shown.
struct Typed<'a> {
    shell: Shell,
    interrupts: Receiver<()>,
    at_terminal: bool,
    args: &'a Args,
}

impl<'a> Typed<'a> {
    fn new(options: ShellOptions, args: &'a Args, at_terminal: bool) -> Result<Self, Failure> {
        let shell = Shell::new(options).map_err(|error| explained(error, "--set", ""))?;
        Ok(Typed { shell, interrupts: interrupts()?, at_terminal, args })
    }

    /// Does the statements of the file that is to be done first.
    fn begin(&mut self, sql: &Sql) -> Result<(), Failure> {
        let Some(file) = &sql.init else { return Ok(()) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("{} can't be read: {error}", file.display())))?;
        self.execute(&file.display().to_string(), &text)
    }

    /// Does the statements of a text, until one is wrong.
    fn execute(&mut self, file: &str, text: &str) -> Result<(), Failure> {
        let form = self.args.output;
        let statements = self.shell.read(text).map_err(|error| Failure::Usage(error.show(file, text)))?;
        for statement in statements {
            let answer = self.shell.execute(statement).map_err(|error| explained(error, file, text))?;
            // Those of the prompt are over.
            while self.interrupts.try_recv().is_ok() {}
            let (mut running, analyzed) = match answer {
                Answer::Shown(outcome) => {
                    show(&outcome, form)?;
                    continue;
                }
                Answer::Started(job) => {
                    output::line(&format!(
                        "{job} runs in the background; SHOW JOBS shows it, STOP JOB '{job}' stops it"
                    ))?;
                    continue;
                }
                Answer::Followed(running) => (running, false),
                Answer::Analyzed(running) => (running, true),
            };
            let state = follow(&mut running, &self.interrupts, form)?;
            if analyzed {
                output::line(running.analysis().trim_end())?;
            }
            match state {
                JobState::Failed(error) => return Err(Failure::Failed(error)),
                JobState::Stopped if !self.at_terminal => return Err(Failure::Interrupted),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Told at each Ctrl-C. It is heard from now on: the line editor puts back what it found when it ends a line.
fn interrupts() -> Result<Receiver<()>, Failure> {
    let (told, interrupts) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut interrupt = {
        let _entered = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    std::thread::spawn(move || {
        runtime.block_on(async { while interrupt.recv().await.is_some() && told.send(()).is_ok() {} });
    });
    Ok(interrupts)
}
