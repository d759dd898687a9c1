//! A file's bytes as records.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use tidemill_formats::{Framing, Unfinished};

use super::board::Split;

/// So much is read at once.
const BLOCK_BYTES: usize = 1 << 20;

/// Whether a file is unpacked when it is read.
pub(super) fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
}

/// Reads the records of one split.
///
/// Invariant: `buffer[begin..]` are the bytes of the file from `offset` on, and a record begins there.
pub(super) struct Records {
    input: Box<dyn Read + Send>,
    framing: Framing,
    buffer: Vec<u8>,
    begin: usize,
    offset: u64,
    /// Records that begin before it are read.
    end: u64,
    input_ended: bool,
}

/// What the next bytes are.
pub(super) enum Next {
    /// Records, by their places in [`Records::bytes`].
    Records(Vec<Range<usize>>),
    /// Nothing more.
    End,
    /// No record ends where one should; the first bytes of what is there.
    Endless(Vec<u8>),
}

impl Records {
    pub(super) fn open(split: &Split, framing: Framing) -> io::Result<Self> {
        let mut file = File::open(&split.file.path)?;
        // The range before ends with the record that begins before this start: one byte earlier shows whether one begins here.
        let skip_record = split.at.is_none() && split.start > 0;
        let from = split.at.unwrap_or(split.start.saturating_sub(u64::from(skip_record)));
        let input: Box<dyn Read + Send> = if is_gzip(&split.file.path) {
            let mut unpacked = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file));
            io::copy(&mut (&mut unpacked).take(from), &mut io::sink())?;
            Box::new(unpacked)
        } else {
            file.seek(SeekFrom::Start(from))?;
            Box::new(file)
        };
        let mut records = Records {
            input,
            framing,
            buffer: Vec::with_capacity(BLOCK_BYTES),
            begin: 0,
            offset: from,
            end: split.end,
            input_ended: false,
        };
        if skip_record {
            records.skip_record()?;
        }
        Ok(records)
    }

    fn skip_record(&mut self) -> io::Result<()> {
        loop {
            match self.framing.first(self.rest()) {
                Ok((length, end)) => {
                    self.consume(length + end);
                    return Ok(());
                }
                // What is too long is told by the range that it begins in.
                Err(_) if !self.input_ended => {
                    let known = self.rest().len();
                    self.consume(known);
                    self.fill()?;
                }
                Err(_) => {
                    let rest = self.rest().len();
                    self.consume(rest);
                    return Ok(());
                }
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.begin..).unwrap_or_default()
    }

    /// Where the next record begins, once those of the last [`Records::next`] are done with.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What the places of records are in.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    fn consume(&mut self, bytes: usize) {
        self.begin += bytes;
        self.offset += bytes as u64;
    }

    /// Reads a block behind what is there.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.begin);
        self.begin = 0;
        // A long record is looked through again with each block: blocks grow with it.
        let block = BLOCK_BYTES.max(self.buffer.len());
        let before = self.buffer.len();
        self.buffer.resize(before + block, 0);
        let mut filled = before;
        while let Some(free) = self.buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
            match self.input.read(free) {
                Ok(0) => {
                    self.input_ended = true;
                    break;
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.truncate(filled);
                    return Err(error);
                }
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }

    /// The next records, at most so many.
    pub(super) fn next(&mut self, most: usize) -> io::Result<Next> {
        loop {
            let records = self.scan(most);
            if !records.is_empty() {
                return Ok(Next::Records(records));
            }
            if self.offset >= self.end || (self.input_ended && self.rest().is_empty()) {
                return Ok(Next::End);
            }
            if self.input_ended {
                // What is left is a record without its end.
                let record = self.begin..self.buffer.len();
                self.consume(record.len());
                return Ok(Next::Records(vec![record]));
            }
            if self.framing.first(self.rest()) == Err(Unfinished::TooLong) {
                let head = self.rest().get(..1024).unwrap_or_default().to_vec();
                return Ok(Next::Endless(head));
            }
            self.fill()?;
        }
    }

    /// Records that end in the buffer.
    fn scan(&mut self, most: usize) -> Vec<Range<usize>> {
        let mut records = Vec::new();
        let mut at = self.begin;
        let last =
            self.begin.saturating_add(usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX));
        match self.framing {
            Framing::Delimited { delimiter, quoting: None } => {
                for end in memchr::memchr_iter(delimiter, self.rest()).map(|end| self.begin + end) {
                    if records.len() >= most || at >= last {
                        break;
                    }
                    records.push(at..end);
                    at = end + 1;
                }
            }
            framing => {
                while records.len() < most
                    && at < last
                    && let Ok((length, end)) = framing.first(self.buffer.get(at..).unwrap_or_default())
                {
                    records.push(at..at + length);
                    at += length + end;
                }
            }
        }
        self.consume(at - self.begin);
        records
    }
}
