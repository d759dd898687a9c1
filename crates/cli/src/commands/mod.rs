//! One file a command.

pub(crate) mod access_key;
pub(crate) mod app;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod connectors;
pub(crate) mod demo;
mod job;
pub(crate) mod query;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod site;
pub(crate) mod sql;
pub(crate) mod stream;
mod tail;

use std::future::Future;

use tidemill_server::client::Client;
use tidemill_server::config::{Config, Sources};

use crate::args::{Args, Configuration, DEFAULT_LOG};
use crate::failure::Failure;

/// The configuration of a command that runs a server.
pub(crate) fn configuration(from: &Configuration) -> Result<Config, Failure> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Ok(Config::load(&Sources { file: from.config.clone(), environment, flags: from.flags() })?)
}

/// A client of the running server.
pub(crate) fn client(args: &Args) -> Result<Client, Failure> {
    Ok(Client::new(args.server())?)
}

/// As [`start_logs`], but without what a job says in passing, unless it was asked for.
pub(crate) fn start_logs_of_job(args: &Args) -> Result<(), Failure> {
    match args.log == DEFAULT_LOG {
        true => logs("warn"),
        false => logs(&args.log),
    }
}

/// Sends logs to standard error.
pub(crate) fn start_logs(args: &Args) -> Result<(), Failure> {
    logs(&args.log)
}

fn logs(filter: &str) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .map_err(|error| Failure::Usage(format!("--log {filter:?}: {error}")))?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    Ok(())
}

/// Runs a short command that waits for the server's answers.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// Runs a server's future on all cores.
pub(crate) fn block_on_all_cores<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}
