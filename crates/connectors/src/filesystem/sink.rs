//! Writes files exactly once.

use std::sync::Arc;
use std::time::Duration;

use tidemill_engine::{Delivery, OperatorContext, Result, Sink};
use tidemill_formats::{FORMATS, Framing};

use super::{PARQUET, location, source};
use crate::catalog::Settings;
use crate::connector::{Accepts, SinkTable};
use crate::environment::Environment;
use crate::error::Error;
use crate::file::{FileFormat, FileSink, FileSinkConfig, PartitionBy};
use crate::payload::Payload;

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SinkTable>> {
    settings.check_written_columns()?;
    let declaration = settings.declaration();
    let root = location::local(settings.require("path")?, environment)?;
    if root.is_file() {
        return Err(Error::invalid("path", root.display().to_string(), "it is a file; a sink needs a folder"));
    }
    let format = match declaration.options.get("format") {
        Some(PARQUET) => FileFormat::Parquet,
        name => {
            let payload = Payload::with_outside(settings, environment, &declaration.partitioned_by)?;
            payload.check_writes()?;
            source::framing(payload.format())?;
            if payload.has_changes() {
                return Err(settings.refuse("files take new rows only; write changes to a stream or a table"));
            }
            if payload.format().framing() == Framing::Outside {
                return Err(Error::invalid("format", "raw", "its records don't end in a file; write csv or json"));
            }
            let extension =
                FORMATS.iter().find(|format| Some(format.name) == name).map_or("records", |format| format.name);
            FileFormat::Records { format: payload.format().clone(), extension }
        }
    };
    let defaults = FileSinkConfig::new(root);
    let size = settings.bytes("sink.rolling-policy.file-size").and_then(|bytes| usize::try_from(bytes).ok());
    let file_bytes_max = size.unwrap_or(defaults.file_bytes_max).max(1);
    let config = FileSinkConfig {
        format,
        partition_by: declaration.partitioned_by.iter().cloned().map(PartitionBy::Column).collect(),
        file_bytes_max,
        file_age_max: settings.duration("sink.rolling-policy.rollover-interval").unwrap_or(Duration::from_secs(50)),
        open_bytes_max: defaults.open_bytes_max.max(file_bytes_max.saturating_mul(2)),
        ..defaults
    };
    Ok(Arc::new(FileSinkTable(config)))
}

struct FileSinkTable(FileSinkConfig);

impl SinkTable for FileSinkTable {
    fn delivery(&self) -> Delivery {
        Delivery::Transactional
    }

    fn accepts(&self) -> Accepts {
        Accepts::Inserts
    }

    fn open(&self, _: &OperatorContext) -> Result<Box<dyn Sink>> {
        Ok(Box::new(FileSink::new(self.0.clone())))
    }
}
