//! Readers: each goes through one shard in order, and can wait at its end.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::log::{ChunkReader, FRAME_HEADER_BYTES, FrameHeader, SEGMENT_HEADER_BYTES, Segment, next_record};
use crate::shard::{DataWaker, Shard, View};
use crate::wait::DataFuture;
use crate::{Clock, Error, IngestionTime, ReadRecord, RecordRef, Result, Sequence, ShardId};

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// At the oldest record that is kept (Kinesis: `TRIM_HORIZON`).
    Oldest,
    /// After the newest record that there is now.
    Latest,
    /// At the record with this sequence number, or where it will be.
    At(Sequence),
    /// At the record after the one with this sequence number.
    After(Sequence),
    /// At the first record stamped so or later.
    AtTime(IngestionTime),
}

/// What one call of [`ShardReader::read`] gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Records read; 0 at the tail.
    pub records: usize,
    /// Bytes of their keys and data.
    pub bytes: usize,
    /// Records that retention had removed before they could be read. They are skipped, not silently: it is told
    /// here, once.
    pub expired: u64,
    /// Set when the shard is closed and its last record has been read: nothing more will come. Go on with its
    /// children; a merged child may be read when both of its parents have ended.
    pub end: Option<ReadEnd>,
}

/// The end of a closed shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadEnd {
    /// The shards that its hash keys went to.
    pub children: Vec<ShardId>,
}

/// Reads one shard in order. It sees a record as soon as that is on disk.
///
/// A reader is cheap, and independent of all others. It keeps the file that it reads open, so that retention can't
/// take a segment away in the middle.
#[derive(Debug)]
pub struct ShardReader {
    shard: Arc<Shard>,
    clock: Clock,
    /// The next to be read.
    next: Sequence,
    /// Skipped since the last call of `read`, because retention was faster.
    expired: u64,
    cursor: Option<Cursor>,
    listener: Option<u64>,
}

/// A place in a segment's file.
#[derive(Debug)]
struct Cursor {
    segment: Arc<Segment>,
    chunks: ChunkReader,
    /// Of the next frame.
    offset: u64,
    frame: Option<OpenFrame>,
}

/// A frame that is being read.
#[derive(Debug)]
struct OpenFrame {
    bytes: Bytes,
    /// Of the next record in `bytes`.
    at: usize,
    next: Sequence,
    end: Sequence,
    time: IngestionTime,
}

impl ShardReader {
    pub(crate) fn open(shard: Arc<Shard>, clock: Clock, position: Position) -> Result<Self> {
        let view = shard.view()?;
        let mut reader = Self { shard, clock, next: view.oldest, expired: 0, cursor: None, listener: None };
        match position {
            Position::Oldest => {}
            Position::Latest => reader.next = view.next,
            Position::At(sequence) => reader.go_to(sequence, &view)?,
            Position::After(sequence) => reader.go_to(sequence.plus(1), &view)?,
            Position::AtTime(time) => reader.next = reader.find_time(time, &view)?,
        }
        Ok(reader)
    }

    fn go_to(&mut self, sequence: Sequence, view: &View) -> Result<()> {
        if sequence > view.next {
            return Err(Error::SequenceAhead { shard: self.shard(), asked: sequence, next: view.next });
        }
        // Before its start the shard never had anything: those are its parents' records.
        self.next = sequence.max(self.shard.info.start);
        Ok(())
    }

    fn find_time(&self, time: IngestionTime, view: &View) -> Result<Sequence> {
        for segment in self.shard.segments_from(time) {
            let Some(file) = open_segment(&segment)? else { continue };
            if let Some(frame) = segment.find_time(&mut ChunkReader::new(file), time)? {
                return Ok(frame.first);
            }
        }
        Ok(view.next)
    }

    /// The shard that it reads.
    pub fn shard(&self) -> ShardId {
        self.shard.info.id
    }

    /// The sequence number of the next record; [`Position::At`] it goes on here later.
    pub fn position(&self) -> Sequence {
        self.next
    }

    /// How many records there are to read now.
    pub fn records_behind(&self) -> u64 {
        self.shard.next().0.saturating_sub(self.next.0)
    }

    /// Appends records to `out` until `max_bytes` of keys and data have been read, or the tail is reached; at least
    /// one record if there is one. Never waits for new records.
    pub fn read(&mut self, max_bytes: usize, out: &mut Vec<ReadRecord>) -> Result<Read> {
        self.read_frames(max_bytes, |frame, record| {
            out.push(ReadRecord {
                sequence: record.sequence,
                time: record.time,
                partition_key: frame.slice_ref(record.partition_key),
                data: frame.slice_ref(record.data),
            });
        })
    }

    /// As [`ShardReader::read`], but shows each record in place: nothing is allocated for it.
    pub fn read_each(&mut self, max_bytes: usize, mut each: impl FnMut(RecordRef<'_>)) -> Result<Read> {
        self.read_frames(max_bytes, |_, record| each(record))
    }

    fn read_frames(&mut self, max_bytes: usize, mut each: impl FnMut(&Bytes, RecordRef<'_>)) -> Result<Read> {
        let mut read = Read::default();
        let mut view = self.shard.view()?;
        while self.enter_frame(&view)? {
            let Some(cursor) = &mut self.cursor else { break };
            let (records, bytes) = cursor.read_frame(max_bytes.saturating_sub(read.bytes), &mut each)?;
            read.records += records;
            read.bytes += bytes;
            self.next = self.next.plus(records as u64);
            if read.bytes >= max_bytes {
                break;
            }
            if self.next >= view.next {
                view = self.shard.view()?;
            }
        }
        read.expired = std::mem::take(&mut self.expired);
        if self.next >= view.next {
            read.end = view.end.map(|end| ReadEnd { children: end.children });
        }
        Ok(read)
    }

    /// Stands in a frame that has `self.next` in it afterwards; `false` at the tail.
    fn enter_frame(&mut self, view: &View) -> Result<bool> {
        while self.next < view.next {
            if self.cursor.as_ref().is_some_and(|cursor| cursor.frame.is_some()) {
                return Ok(true);
            }
            match &mut self.cursor {
                Some(cursor) if cursor.offset < cursor.segment.durable_bytes() => cursor.open_frame(self.next)?,
                _ => self.enter_segment()?,
            }
        }
        Ok(false)
    }

    /// Goes to the segment that holds `self.next`, or to the oldest one if retention has taken that away.
    fn enter_segment(&mut self) -> Result<()> {
        let left = self.cursor.take().map(|cursor| cursor.segment.first);
        let Some(segment) = self.shard.segment_of(self.next) else {
            let oldest = self.shard.view()?.oldest;
            self.expired += oldest.0.saturating_sub(self.next.0);
            self.next = self.next.max(oldest);
            return Ok(());
        };
        if left == Some(segment.first) {
            let reason = format!("the segment ends here, but sequence number {} should follow", self.next);
            return Err(Error::corrupt(&segment.path, segment.durable_bytes(), reason));
        }
        let Some(file) = open_segment(&segment)? else {
            // Retention takes a segment off the list before it removes the file, so that the next look finds a later one.
            let listed = self.shard.segment_of(self.next).is_some_and(|now| now.first == segment.first);
            return match listed {
                true => Err(Error::io("open", &segment.path, io::ErrorKind::NotFound.into())),
                false => Ok(()),
            };
        };
        let mut chunks = ChunkReader::new(file);
        let offset = match segment.first == self.next {
            true => SEGMENT_HEADER_BYTES as u64,
            false => segment.find_sequence(&mut chunks, self.next)?,
        };
        self.cursor = Some(Cursor { segment, chunks, offset, frame: None });
        Ok(())
    }

    /// At the tail of an open shard: a time T so that every record appended from now on is stamped later than T. It
    /// grows with the clock, so that an idle shard's watermark can. `None` while records wait to be read, and after
    /// the end of a closed shard.
    ///
    /// The promise holds while the process lives, and over a clean stop. After a crash it holds unless the clock was set
    /// back behind it: only stamps are on disk by then.
    pub fn tail_time(&self) -> Option<IngestionTime> {
        self.shard.tail_time(self.next, self.clock.now())
    }

    /// Blocks until there is something to read (also the shard's end), or `timeout` is over; tells which.
    pub fn wait(&self, timeout: Duration) -> bool {
        self.shard.wait(self.next, timeout)
    }

    /// Ready when there is something to read (also the shard's end). Needs no particular async runtime.
    pub fn wait_async(&self) -> DataFuture {
        DataFuture::new(Arc::clone(&self.shard), self.next)
    }

    /// Calls `waker` whenever the shard has got new records or has ended, until the reader is dropped; replaces an
    /// earlier one. It is called by the stream's writer thread, so it must be quick and must not block.
    ///
    /// What is there already calls no one: read to the tail after registering.
    pub fn on_data(&mut self, waker: DataWaker) {
        self.unlisten();
        self.listener = Some(self.shard.listen(waker));
    }

    fn unlisten(&mut self) {
        if let Some(listener) = self.listener.take() {
            self.shard.unlisten(listener);
        }
    }
}

impl Drop for ShardReader {
    fn drop(&mut self) {
        self.unlisten();
    }
}

impl Cursor {
    /// Loads the frame at the cursor, checks it, and goes to `next` in it.
    fn open_frame(&mut self, next: Sequence) -> Result<()> {
        let (segment, offset) = (&self.segment, self.offset);
        let end = segment.durable_bytes();
        let header = segment.header_at(&mut self.chunks, offset, end)?;
        let bytes = self.chunks.get(offset, header.frame_bytes() as usize, end);
        let bytes = bytes.map_err(|e| Error::io("read", &segment.path, e))?;
        if !header.verify(&bytes, segment.place(offset)) {
            return Err(Error::corrupt(&segment.path, offset, "the frame's checksum is wrong"));
        }
        self.offset += header.frame_bytes();
        self.frame = Some(OpenFrame::new(bytes, &header));
        while let Some(frame) = self.frame.as_mut().filter(|frame| frame.next < next) {
            frame.next_record(segment, offset)?;
        }
        match &self.frame {
            Some(frame) if frame.next == next => Ok(()),
            _ => {
                let reason = format!("the frame begins at sequence number {}, not {next}", header.first);
                Err(Error::corrupt(&segment.path, offset, reason))
            }
        }
    }

    /// Shows the frame's records until `max_bytes` are reached. Returns how many, and their bytes.
    fn read_frame(&mut self, max_bytes: usize, each: &mut impl FnMut(&Bytes, RecordRef<'_>)) -> Result<(usize, usize)> {
        let (mut records, mut bytes) = (0, 0);
        let Some(frame) = &mut self.frame else { return Ok((0, 0)) };
        let offset = self.offset.saturating_sub(frame.bytes.len() as u64);
        while frame.next < frame.end {
            let (buffer, record) = frame.next_record(&self.segment, offset)?;
            records += 1;
            bytes += record.partition_key.len() + record.data.len();
            each(buffer, record);
            if bytes >= max_bytes {
                break;
            }
        }
        if frame.next >= frame.end {
            self.frame = None;
        }
        Ok((records, bytes))
    }
}

impl OpenFrame {
    fn new(bytes: Bytes, header: &FrameHeader) -> Self {
        Self { bytes, at: FRAME_HEADER_BYTES, next: header.first, end: header.next(), time: header.time }
    }

    #[inline]
    fn next_record(&mut self, segment: &Segment, offset: u64) -> Result<(&Bytes, RecordRef<'_>)> {
        let (partition_key, data, rest) = next_record(self.bytes.get(self.at..).unwrap_or_default())
            .ok_or_else(|| Error::corrupt(&segment.path, offset, "the frame holds fewer records than it says"))?;
        let sequence = self.next;
        self.at = self.bytes.len() - rest.len();
        self.next = sequence.plus(1);
        Ok((&self.bytes, RecordRef { sequence, time: self.time, partition_key, data }))
    }
}

/// Opens a segment's file; `None` if retention has removed it.
fn open_segment(segment: &Segment) -> Result<Option<File>> {
    match File::open(&segment.path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("open", &segment.path, e)),
    }
}
