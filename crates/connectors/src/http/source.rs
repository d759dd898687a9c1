//! Bodies as rows. The first worker reads them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::ArrayRef;
use bytes::Bytes;
use tidemill_engine::{
    EngineError, EventTime, OperatorContext, Replay, Result, SnapshotReader, SnapshotWriter, Source, SourceOutput,
    SourceStatus, Waker,
};
use tidemill_formats::Framing;

use super::client::Client;
use super::inbox::Inbox;
use super::listen::{Listening, Place, listen};
use super::poll::{Polling, poll};
use crate::catalog::Settings;
use crate::connector::SourceTable;
use crate::environment::Environment;
use crate::error::Error;
use crate::payload::{About, BATCH_ROWS, Origins, Payload, PayloadDecoder};

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SourceTable>> {
    let comes = match (settings.given("listen"), settings.given("url")) {
        (Some(listen), None) => Comes::Posted(place(listen, settings)?),
        (None, Some(_)) => {
            let interval = settings.duration("poll.interval").unwrap_or(Duration::from_secs(10));
            Comes::Fetched(Client::new(settings)?, interval.max(Duration::from_millis(1)))
        }
        _ => return Err(settings.refuse("to read it give one of the options `listen` and `url`")),
    };
    let payload = Payload::new(settings, environment)?;
    payload.check_reads()?;
    Ok(Arc::new(HttpTable { comes, payload, table: settings.declaration().name.as_str().into() }))
}

fn place(listen: &str, settings: &Settings<'_>) -> crate::error::Result<Place> {
    let text = listen.strip_prefix("http://").unwrap_or(listen);
    let (address, path) = text.find('/').and_then(|at| text.split_at_checked(at)).unwrap_or((text, "/"));
    let address = address.replace("localhost", "127.0.0.1");
    let address: SocketAddr = address.parse().map_err(|_| {
        Error::invalid("listen", listen, "say an address and a port of this machine: 127.0.0.1:8088/path")
    })?;
    if !address.ip().is_loopback() {
        let rule =
            "anyone who reaches the port could post: say a loopback address, and put a proxy with sign-in before it";
        return Err(Error::invalid("listen", listen, rule));
    }
    let body_bytes_max = settings.bytes("listen.max-body").and_then(|bytes| usize::try_from(bytes).ok());
    Ok(Place { address, path: path.to_owned(), body_bytes_max: body_bytes_max.unwrap_or(usize::MAX) })
}

/// How bodies come.
#[derive(Clone)]
enum Comes {
    Posted(Place),
    Fetched(Arc<Client>, Duration),
}

struct HttpTable {
    comes: Comes,
    payload: Payload,
    table: Arc<str>,
}

impl SourceTable for HttpTable {
    fn replay(&self) -> Replay {
        Replay::None
    }

    fn is_bounded(&self) -> bool {
        false
    }

    fn has_changes(&self) -> bool {
        self.payload.has_changes()
    }

    fn is_upsert(&self) -> bool {
        self.payload.is_upsert()
    }

    fn open(&self, projection: &[usize], _: &OperatorContext) -> Result<Box<dyn Source>> {
        Ok(Box::new(HttpSource {
            comes: self.comes.clone(),
            framing: self.payload.format().framing(),
            decoder: self.payload.decoder(projection)?,
            table: self.table.clone(),
            inbox: None,
            reading: None,
            _busy: None,
        }))
    }
}

enum Busy {
    Listening { _kept: Listening },
    Polling { _kept: Polling },
}

struct HttpSource {
    comes: Comes,
    framing: Framing,
    decoder: PayloadDecoder,
    table: Arc<str>,
    /// Of the first worker.
    inbox: Option<Arc<Inbox>>,
    /// A body, and how much of it is read.
    reading: Option<(Bytes, usize)>,
    _busy: Option<Busy>,
}

impl HttpSource {
    /// Reads records of a body; true while there are more in it.
    fn read(&mut self, out: &mut SourceOutput<'_>) -> Result<bool> {
        let Some((body, read)) = &mut self.reading else { return Ok(false) };
        let mut records = Vec::new();
        while records.len() < BATCH_ROWS
            && let Some(rest) = body.get(*read..).filter(|rest| !rest.is_empty())
        {
            // What has no end is a record up to the body's.
            let (length, end) = self.framing.first(rest).unwrap_or((rest.len(), 0));
            records.extend(rest.get(..length));
            *read += length + end;
        }
        self.decoder.decode(&records, &ReadAt(EventTime::now()), out)?;
        let more = *read < body.len();
        if !more {
            self.reading = None;
        }
        Ok(more)
    }
}

impl Source for HttpSource {
    fn open(&mut self, context: &OperatorContext, waker: Waker) -> Result<()> {
        if context.worker > 0 {
            return Ok(());
        }
        let inbox = Arc::new(Inbox::new(waker));
        let failed = |error: String| EngineError::operator(format!("table {}", self.table), error);
        let busy = match &self.comes {
            Comes::Posted(place) => Busy::Listening { _kept: listen(place, Arc::clone(&inbox)).map_err(failed)? },
            Comes::Fetched(client, interval) => {
                Busy::Polling { _kept: poll(Arc::clone(client), *interval, Arc::clone(&inbox)).map_err(failed)? }
            }
        };
        self.inbox = Some(inbox);
        self._busy = Some(busy);
        Ok(())
    }

    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        let Some(inbox) = self.inbox.clone() else { return Ok(SourceStatus::Finished) };
        let failures = inbox.take_failures();
        if failures > 0 {
            out.count_errors(failures);
        }
        out.watermark(EventTime::now());
        let mut left = budget;
        while left > 0 {
            if self.reading.is_none() {
                let Some(body) = inbox.take() else { return Ok(SourceStatus::Waiting) };
                left = left.saturating_sub(body.len().max(1));
                self.reading = Some((body, 0));
            }
            while self.read(out)? {}
        }
        Ok(SourceStatus::More)
    }

    fn snapshot(&mut self, _: &mut SnapshotWriter) -> Result<()> {
        Ok(())
    }

    fn restore(&mut self, _: &SnapshotReader) -> Result<()> {
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::None
    }
}

/// Rows of which nothing is known but when they were read.
pub(super) struct ReadAt(pub(super) EventTime);

impl About for ReadAt {
    fn times(&self, rows: &Origins<'_>) -> Vec<i64> {
        vec![self.0.0; rows.rows()]
    }

    fn column(&self, _: &str, _: &Origins<'_>) -> Option<ArrayRef> {
        None
    }
}
