//! The `tidemill` binary: parsing and printing only. What is done is done by `tidemill_server`.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed; standard error says why |
//! | 2 | the command line or the configuration is wrong |
//! | 3 | no server can be reached |
//! | 4 | the server refused: not there, already there, not valid |
//! | 130 | interrupted before it was done |

mod args;
mod commands;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(args.output);
            failure.exit_code()
        }
    }
}

fn run(args: &Args) -> Result<(), failure::Failure> {
    match &args.command {
        Command::Serve(serve) => commands::serve::run(serve, args),
        Command::Demo(demo) => commands::demo::run(demo, args),
        Command::Bench(bench) => commands::bench::run(bench, args),
        Command::Site { command } => commands::site::run(command, args),
        Command::Stream { command } => commands::stream::run(command, args),
        Command::Schema { command } => commands::schema::run(command, args),
        Command::AccessKey { command } => commands::access_key::run(command, args),
        Command::Run(run) => commands::run::run(run, args),
        Command::Sql(sql) => commands::sql::run(sql, args),
        Command::App { command } => commands::app::run(command, args),
        Command::Connectors { name } => commands::connectors::run(name.as_deref(), args),
        Command::Query(query) => commands::query::run(query, args),
        Command::Completions { shell } => commands::completions::run(*shell),
    }
}
