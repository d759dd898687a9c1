//! `tidemill serve`

use serde_json::json;
use tidemill_server::{Server, stop_signal};

use super::{block_on_all_cores, configuration, start_logs};
use crate::args::{Args, Output, Serve};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(serve: &Serve, args: &Args) -> Result<(), Failure> {
    let mut config = configuration(&serve.configuration)?;
    config.kinesis.unlimited |= serve.unlimited;
    start_logs(args)?;
    block_on_all_cores(async {
        let stop = stop_signal()?;
        let data = config.data.display().to_string();
        let server = Server::start(config).await?;
        match args.output {
            Output::Human => {
                output::line(&format!("Tidemill is at {} (data in {data}); Ctrl-C stops it", server.url()))
            }
            Output::Json => output::json(&json!({ "url": server.url(), "data": data })),
        }?;
        stop.await;
        server.stop().await?;
        Ok(())
    })
}
