//! `tidemill app …`

use std::path::Path;

use serde_json::Value;
use tidemill_server::run::described;
use tidemill_server::run::discover::{Role, SampleOf, propose, sample, sample_of_file};

use super::{block_on, client};
use crate::args::{App, Args, Discover, Output};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(command: &App, args: &Args) -> Result<(), Failure> {
    match command {
        App::Discover(discover) => self::discover(discover, args),
        App::Describe { name, data } => describe(name, data, args),
    }
}

fn describe(name: &str, data: &Path, args: &Args) -> Result<(), Failure> {
    let described = described::describe(data, name)?;
    match args.output {
        Output::Human => output::line(described.text.trim_end())?,
        Output::Json => output::json(&serde_json::json!(described))?,
    }
    Ok(())
}

fn discover(discover: &Discover, args: &Args) -> Result<(), Failure> {
    let (samples, of) = match (&discover.file, &discover.stream) {
        (_, Some(stream)) => (block_on(records(stream, discover.limit, args))?, SampleOf::Stream(stream.clone())),
        (Some(file), None) if file != Path::new("-") => {
            (vec![sample_of_file(file)?], SampleOf::File(file.display().to_string()))
        }
        _ => (vec![sample(std::io::stdin().lock())?], SampleOf::File("…".to_owned())),
    };
    let role = match &discover.reference {
        Some(table) => Role::Reference(table.clone()),
        None => Role::Input(discover.prefix.clone()),
    };
    let proposal = propose(&samples, &of, &role)?;
    match args.output {
        Output::Human => output::line(proposal.toml.trim_end())?,
        Output::Json => output::json(&serde_json::json!(proposal))?,
    }
    Ok(())
}

/// The oldest records of a stream of the server; those that are no text are no samples.
async fn records(stream: &str, limit: u32, args: &Args) -> Result<Vec<Vec<u8>>, Failure> {
    let client = client(args)?;
    let path = format!("/api/v1/streams/{}/records?from=oldest&follow=false&limit={limit}", client.segment(stream));
    let mut lines = client.lines(&path).await?;
    let mut records = Vec::new();
    while let Some(line) = lines.next().await? {
        let record: Value = serde_json::from_str(&line).map_err(|error| Failure::Failed(error.to_string()))?;
        records.extend(record.get("data").and_then(Value::as_str).map(|data| data.as_bytes().to_vec()));
    }
    Ok(records)
}
