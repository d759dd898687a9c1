//! Prints whole batches.

use std::sync::Arc;

use tidemill_engine::{Batch, Delivery, Epoch, OperatorContext, Result, RowKind, Sink, SnapshotWriter};

use super::text;
use crate::catalog::Settings;
use crate::connector::{Accepts, SinkTable};
use crate::environment::{Environment, Printer};

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SinkTable>> {
    settings.check_written_columns()?;
    let own = || if settings.flag("standard-error") { Printer::stderr() } else { Printer::stdout() };
    let printer = environment.printer.clone().unwrap_or_else(own);
    Ok(Arc::new(Print { printer, identifier: settings.given("print-identifier").map(Into::into) }))
}

struct Print {
    printer: Printer,
    identifier: Option<Arc<str>>,
}

impl SinkTable for Print {
    fn delivery(&self) -> Delivery {
        Delivery::Append
    }

    fn accepts(&self) -> Accepts {
        Accepts::Changes
    }

    fn open(&self, context: &OperatorContext) -> Result<Box<dyn Sink>> {
        let worker = (context.workers > 1).then(|| (context.worker + 1).to_string());
        let prefix = match (self.identifier.as_deref().filter(|identifier| !identifier.is_empty()), worker) {
            (Some(identifier), Some(worker)) => format!("{identifier}:{worker}> "),
            (Some(identifier), None) => format!("{identifier}> "),
            (None, Some(worker)) => format!("{worker}> "),
            (None, None) => String::new(),
        };
        Ok(Box::new(PrintSink { printer: self.printer.clone(), prefix, lines: String::new() }))
    }
}

struct PrintSink {
    printer: Printer,
    prefix: String,
    lines: String,
}

impl Sink for PrintSink {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.lines.clear();
        for row in 0..batch.num_rows() {
            self.lines.push_str(&self.prefix);
            self.lines.push_str(match batch.kind(row) {
                RowKind::Insert => "+I",
                RowKind::UpdateBefore => "-U",
                RowKind::UpdateAfter => "+U",
                RowKind::Delete => "-D",
            });
            text::row(batch.rows().columns(), row, &mut self.lines)?;
            self.lines.push('\n');
        }
        self.printer.print(&self.lines);
        Ok(())
    }

    fn prepare(&mut self, _: Epoch, _: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Append
    }
}
