//! `tidemill bench NAME`

use serde_json::json;
use tidemill_server::bench::{self, Name, Options, Peer};

use super::{block_on_all_cores, start_logs};
use crate::args::{Args, Bench, BenchName, BenchPeer, Output};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(bench: &Bench, args: &Args) -> Result<(), Failure> {
    start_logs(args)?;
    let name = match bench.name {
        BenchName::Ingest => Name::Ingest,
        BenchName::Replay => Name::Replay,
        BenchName::Freshness => Name::Freshness,
        BenchName::Memory => Name::Memory,
        BenchName::Storage => Name::Storage,
        BenchName::Queries => Name::Queries,
        BenchName::Recovery => Name::Recovery,
        BenchName::Nexmark => Name::Nexmark,
        BenchName::Schemas => Name::Schemas,
        BenchName::Kinesis => Name::Kinesis,
        BenchName::Load => Name::Load,
        BenchName::Json => Name::Json,
        BenchName::Latency => Name::Latency,
        BenchName::State => Name::State,
    };
    let options = Options {
        rows: bench.rows.clone(),
        queries: bench.query.clone(),
        events: bench.events,
        keys: bench.keys,
        peer: bench.peer.map(|BenchPeer::Flink| Peer::Flink),
        endpoint: bench.endpoint,
    };
    let binary = std::env::current_exe()?;
    let found = block_on_all_cores(async { Ok(bench::run(name, binary, options).await?) })?;
    match args.output {
        Output::Json => output::json(&json!(found))?,
        Output::Human => {
            let rows = found.all().map(|(figure, value)| vec![figure.to_owned(), value.to_string()]);
            output::table(&["figure", "value"], rows)?;
        }
    }
    Ok(())
}
