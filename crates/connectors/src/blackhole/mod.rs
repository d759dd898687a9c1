//! `blackhole`: rows that nobody needs, as when a query's speed is measured.

use std::sync::Arc;

use tidemill_engine::{Batch, Delivery, Epoch, OperatorContext, Result, Sink, SnapshotWriter};

use crate::catalog::{ConnectorSpec, Formats, Settings};
use crate::connector::{Accepts, SinkTable};
use crate::environment::Environment;

pub(crate) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "blackhole",
    about: "Takes rows of every kind and forgets them.",
    formats: Formats::None,
    options: &[],
    metadata: &[],
    source: None,
    sink: Some(make),
    lookup: None,
};

fn make(_: &Settings<'_>, _: &Environment) -> crate::error::Result<Arc<dyn SinkTable>> {
    Ok(Arc::new(Blackhole))
}

struct Blackhole;

impl SinkTable for Blackhole {
    /// To write nothing twice is to write nothing.
    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }

    fn accepts(&self) -> Accepts {
        Accepts::Changes
    }

    fn open(&self, _: &OperatorContext) -> Result<Box<dyn Sink>> {
        Ok(Box::new(Blackhole))
    }
}

impl Sink for Blackhole {
    fn write(&mut self, _: Batch) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _: Epoch, _: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }
}
