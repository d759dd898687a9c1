//! `tidemill app …`

use tidemill_server::run::running;

use crate::args::{App, Args, Output};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(command: &App, args: &Args) -> Result<(), Failure> {
    let App::Describe { name, data } = command;
    let described = running::describe(data, name)?;
    match args.output {
        Output::Human => output::line(described.text.trim_end())?,
        Output::Json => output::json(&serde_json::json!(described))?,
    }
    Ok(())
}
