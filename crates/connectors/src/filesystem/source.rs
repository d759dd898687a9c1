//! Reads the files of a folder.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray, new_null_array};
use arrow::datatypes::DataType;
use regex::Regex;
use tidemill_engine::{
    EngineError, EventTime, OperatorContext, Replay, Result, SnapshotReader, SnapshotWriter, Source, SourceOutput,
    SourceStatus, Waker,
};
use tidemill_formats::{Format, Framing, Rejected};

use super::board::{self, Board, Boards, Folder, Positions, Progress, Split};
use super::discovery::Found;
use super::parquet::{self, Columns, Projected, Rows};
use super::reader::{Next, Records};
use super::{PARQUET, location};
use crate::alarm::wake_in;
use crate::catalog::Settings;
use crate::connector::SourceTable;
use crate::environment::Environment;
use crate::error::Error;
use crate::file::partition::value_in;
use crate::payload::{About, BATCH_ROWS, Origins, Payload, PayloadDecoder, outside_key};
use crate::rejected;

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SourceTable>> {
    let root = location::local(settings.require("path")?, environment)?;
    let pattern = settings.given("source.path.regex-pattern").map(|pattern| {
        Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|error| Error::invalid("source.path.regex-pattern", pattern, error.to_string()))
    });
    let pattern = pattern.transpose()?;
    let every_second = settings.flag("streaming-source.enable").then_some(Duration::from_secs(1));
    let interval = settings.duration("source.monitor-interval").or(every_second);
    let declaration = settings.declaration();
    let contents = if declaration.options.get("format") == Some(PARQUET) {
        Contents::Parquet(Columns::new(declaration))
    } else {
        let payload = Payload::with_outside(settings, environment, &declaration.partitioned_by)?;
        payload.check_reads()?;
        let framing = framing(payload.format())?;
        Contents::Records(payload, framing)
    };
    let ranges = matches!(contents, Contents::Records(_, Framing::Delimited { quoting: None, .. }));
    let folder = Folder { root, pattern, interval, ranges };
    let table = declaration.name.as_str().into();
    Ok(Arc::new(FileTable { folder, contents, table, boards: Arc::default() }))
}

/// What lies in the files.
enum Contents {
    Records(Payload, Framing),
    Parquet(Columns),
}

/// How records lie in files: text without a format around it lies in lines.
pub(super) fn framing(format: &Format) -> crate::error::Result<Framing> {
    match (format, format.framing()) {
        (Format::Raw(_), _) => Ok(Framing::Delimited { delimiter: b'\n', quoting: None }),
        (_, Framing::Outside) => Err(Error::invalid(
            "format",
            "avro",
            "its records don't say where they end in a file; take json, csv or parquet",
        )),
        (_, framing) => Ok(framing),
    }
}

struct FileTable {
    folder: Folder,
    contents: Contents,
    table: Arc<str>,
    boards: Arc<Boards>,
}

impl SourceTable for FileTable {
    fn replay(&self) -> Replay {
        Replay::FromPosition
    }

    fn is_bounded(&self) -> bool {
        self.folder.interval.is_none()
    }

    fn has_changes(&self) -> bool {
        matches!(&self.contents, Contents::Records(payload, _) if payload.has_changes())
    }

    fn is_upsert(&self) -> bool {
        matches!(&self.contents, Contents::Records(payload, _) if payload.is_upsert())
    }

    fn open(&self, projection: &[usize], context: &OperatorContext) -> Result<Box<dyn Source>> {
        let reads = match &self.contents {
            Contents::Records(payload, framing) => Reads::Records(payload.decoder(projection)?, *framing),
            Contents::Parquet(columns) => Reads::Parquet(columns.project(projection)?),
        };
        Ok(Box::new(FileSource {
            folder: self.folder.clone(),
            reads,
            table: self.table.clone(),
            boards: Arc::clone(&self.boards),
            context: context.clone(),
            opened: None,
            restored: Positions::new(),
            reading: None,
            done: Vec::new(),
            gone: Vec::new(),
            wakes_at: None,
        }))
    }
}

/// How a worker reads files.
enum Reads {
    Records(PayloadDecoder, Framing),
    Parquet(Projected),
}

/// A file that is being read.
enum Reading {
    Records(Records),
    Parquet(Rows),
}

impl Reading {
    fn open(split: &Split, reads: &Reads) -> std::io::Result<Self> {
        Ok(match reads {
            Reads::Records(_, framing) => Reading::Records(Records::open(split, *framing)?),
            Reads::Parquet(columns) => Reading::Parquet(columns.open(split)?),
        })
    }

    fn offset(&self) -> u64 {
        match self {
            Reading::Records(records) => records.offset(),
            Reading::Parquet(rows) => rows.offset(),
        }
    }
}

/// The files that fall to one worker.
struct FileSource {
    folder: Folder,
    reads: Reads,
    table: Arc<str>,
    boards: Arc<Boards>,
    context: OperatorContext,
    opened: Option<(Option<Arc<Board>>, Waker)>,
    restored: Positions,
    reading: Option<(Split, Reading)>,
    /// Read to their ends since the last checkpoint.
    done: Vec<(String, u64)>,
    /// Of files that are gone: nothing needs to be known of them any more.
    gone: Vec<(String, u64)>,
    /// When the alarm rings that was set last.
    wakes_at: Option<EventTime>,
}

impl FileSource {
    fn failed(&self, what: impl std::fmt::Display) -> EngineError {
        EngineError::operator(format!("table {}", self.table), format!("{}: {what}", self.folder.root.display()))
    }

    fn board(&mut self) -> Result<Arc<Board>> {
        let Some((board, _)) = &mut self.opened else {
            return Err(EngineError::Plan("the source is not open".into()));
        };
        let join = || self.boards.join(&self.folder, &self.context, &self.restored);
        Ok(Arc::clone(board.get_or_insert_with(join)))
    }

    /// Takes the next split; false where there is none.
    fn take(&mut self, out: &mut SourceOutput<'_>) -> Result<bool> {
        let board = self.board()?;
        let gone = board.look().map_err(|e| self.failed(e))?;
        self.gone.extend(gone);
        let Some(split) = board.take() else { return Ok(false) };
        match Reading::open(&split, &self.reads) {
            Ok(reading) => self.reading = Some((split, reading)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                tracing::warn!(file = %split.file.path.display(), "a file was gone before it was read");
                self.done.push((split.file.name.clone(), split.start));
            }
            Err(error) => {
                self.give_up(&split, &error, out)?;
                self.done.push((split.file.name.clone(), split.start));
            }
        }
        Ok(true)
    }

    /// Reads a batch of the current split; how many bytes that were, and whether there is more.
    fn read(&mut self, out: &mut SourceOutput<'_>) -> Result<(u64, bool)> {
        let Some((split, reading)) = &mut self.reading else { return Ok((0, false)) };
        let about = OfFile { file: &split.file, now: EventTime::now() };
        let read = match (reading, &mut self.reads) {
            (Reading::Records(records), Reads::Records(decoder, _)) => {
                read_records(records, decoder, &about, &self.table, out)?
            }
            (Reading::Parquet(rows), Reads::Parquet(columns)) => read_rows(rows, columns, &about, out),
            _ => return Err(EngineError::Plan("a file is read as another one".into())),
        };
        match read {
            Ok(read) => Ok(read),
            Err(error) => {
                let split = split.clone();
                self.give_up(&split, &error, out)?;
                Ok((0, false))
            }
        }
    }

    /// What is no file of its kind is told and left; what can't be read now may be read after a restart.
    fn give_up(&mut self, split: &Split, error: &std::io::Error, out: &mut SourceOutput<'_>) -> Result<()> {
        use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        if !matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) {
            return Err(self.failed(format!("{}: {error}", split.file.name)));
        }
        let reason = format!("{}: {error}; the rest of the file is not read", split.file.path.display());
        rejected::emit(&self.table, &[Rejected { record: 0, reason, bytes: Vec::new() }], out)
    }
}

impl Source for FileSource {
    fn open(&mut self, _: &OperatorContext, waker: Waker) -> Result<()> {
        self.opened = Some((None, waker));
        Ok(())
    }

    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        let mut left = i64::try_from(budget).unwrap_or(i64::MAX);
        let now = EventTime::now();
        out.watermark(now);
        while left > 0 {
            if self.reading.is_none() && !self.take(out)? {
                // No file is left for this worker.
                out.splits([]);
                return Ok(self.wait(now));
            }
            let (bytes, more) = self.read(out)?;
            left = left.saturating_sub_unsigned(bytes.max(1));
            if !more && let Some((split, _)) = self.reading.take() {
                self.done.push((split.file.name.clone(), split.start));
            }
        }
        Ok(SourceStatus::More)
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        for (name, start) in self.gone.drain(..) {
            board::write(writer, &name, start, None);
        }
        for (name, start) in self.done.drain(..) {
            board::write(writer, &name, start, Some(Progress::Done));
        }
        if let Some((split, reading)) = &self.reading {
            let progress = Progress::At { at: reading.offset(), end: split.end };
            board::write(writer, &split.file.name, split.start, Some(progress));
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.restored = board::read(reader)?;
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}

impl FileSource {
    fn wait(&mut self, now: EventTime) -> SourceStatus {
        let (Some(interval), Some((_, waker))) = (self.folder.interval, &self.opened) else {
            return SourceStatus::Finished;
        };
        if self.wakes_at.is_none_or(|at| at <= now) {
            self.wakes_at = Some(now.plus(interval));
            wake_in(interval, waker);
        }
        SourceStatus::Waiting
    }
}

/// Bytes that were read, and whether there is more; or what is wrong with the file.
type Read = std::io::Result<(u64, bool)>;

fn read_records(
    records: &mut Records,
    decoder: &mut PayloadDecoder,
    about: &OfFile<'_>,
    table: &str,
    out: &mut SourceOutput<'_>,
) -> Result<Read> {
    let before = records.offset();
    Ok(match records.next(BATCH_ROWS) {
        Ok(Next::Records(places)) => {
            let bytes = records.bytes();
            let slices: Vec<&[u8]> = places.into_iter().filter_map(|place| bytes.get(place)).collect();
            decoder.decode(&slices, about, out)?;
            Ok((records.offset() - before, true))
        }
        Ok(Next::End) => Ok((0, false)),
        Ok(Next::Endless(head)) => {
            let file = about.file.path.display();
            let reason = format!("{file}: the record at byte {before} has no end; the rest of the file is not read");
            rejected::emit(table, &[Rejected { record: 0, reason, bytes: head }], out)?;
            Ok((0, false))
        }
        Err(error) => Err(error),
    })
}

fn read_rows(rows: &mut Rows, columns: &Projected, about: &OfFile<'_>, out: &mut SourceOutput<'_>) -> Read {
    let Some(rows) = rows.next()? else { return Ok((0, false)) };
    let batch = columns.batch(&rows, about).map_err(parquet::invalid)?;
    let bytes = batch.bytes() as u64;
    out.emit(batch);
    Ok((bytes, true))
}

/// What is known of the rows of a file.
pub(super) struct OfFile<'a> {
    file: &'a Found,
    pub(super) now: EventTime,
}

impl OfFile<'_> {
    /// A column of `rows` rows that the file's records don't have.
    pub(super) fn value(&self, key: &str, rows: usize) -> Option<ArrayRef> {
        let text =
            |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) };
        Some(match key {
            "file.path" => text(&self.file.path.to_string_lossy()),
            "file.name" => text(&self.file.path.file_name().unwrap_or_default().to_string_lossy()),
            "file.size" => Arc::new(Int64Array::from_value(i64::try_from(self.file.bytes).unwrap_or(i64::MAX), rows)),
            "file.modification-time" => {
                Arc::new(TimestampMillisecondArray::from_value(self.file.modified_ms, rows).with_timezone("UTC"))
            }
            key => match key.strip_prefix(outside_key("").as_str()).map(|column| value_in(&self.file.name, column)) {
                Some(Some(value)) => text(&value),
                Some(None) => new_null_array(&DataType::Utf8, rows),
                None => return None,
            },
        })
    }
}

impl About for OfFile<'_> {
    fn times(&self, rows: &Origins<'_>) -> Vec<i64> {
        vec![self.now.0; rows.rows()]
    }

    fn column(&self, key: &str, rows: &Origins<'_>) -> Option<ArrayRef> {
        self.value(key, rows.rows())
    }
}
