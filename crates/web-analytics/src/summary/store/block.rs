//! A block: the cells of one site, cube and period, by column.
//!
//! ```text
//! version | rows | start minute | minutes | directory: count, (section, length)… | sections… | CRC-32C
//! ```
//!
//! A section is one column; one that is all zero (or all empty text) is left out. A reader decodes only what it needs. The
//! same cells always give the same bytes.

use std::sync::Arc;

use super::numbers::{Numbers, put_numbers, read_numbers};
use super::sparse::{Sparse, put_sparse, read_sparse};
use super::stream::{Effort, put_stream, read_stream};
use crate::error::{Error, Result};
use crate::summary::cell::{Counter, Metric};
use crate::summary::dimension::{DIMENSIONS, Dimension};
use crate::summary::metric::{COUNTERS, METRICS};
use crate::summary::varint::{Reader, put, put_bytes};

/// 1 had neither packed nor masked columns.
const VERSION: u8 = 2;
const WHAT: &str = "summary block";

/// Number of a column. The numbers are stored: only append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Section(u8);

impl Section {
    pub(crate) const SLOTS: Section = Section(32);
    pub(crate) const SESSIONS: Section = Section(40 + Counter::Sessions as u8);
    pub(crate) const RATINGS: Section = Section(72);
    pub(crate) const ISSUES: Section = Section(73);
    pub(crate) const VISITORS: Section = Section(74);

    pub(crate) fn texts(dimension: Dimension) -> Section {
        Section(dimension as u8)
    }
    pub(crate) fn index(dimension: Dimension) -> Section {
        Section(16 + dimension as u8)
    }
    pub(crate) fn counter(counter: Counter) -> Section {
        Section(40 + counter as u8)
    }
    /// Whether it holds the numbers of a counter.
    pub(super) fn is_counter(self) -> bool {
        (40..64).contains(&self.0)
    }
    pub(crate) fn samples(metric: Metric) -> Section {
        Section(64 + metric as u8)
    }
}

/// Writes a block; `None` if there are no cells.
pub(super) fn encode(columns: &Columns, start: u32, minutes: u32, effort: Effort) -> Option<Vec<u8>> {
    let rows = columns.rows;
    if rows == 0 {
        return None;
    }
    let mut sections: Vec<(Section, Vec<u8>)> = Vec::new();
    for (dimension, (texts, index)) in Dimension::ALL.into_iter().zip(columns.texts.iter().zip(&columns.index)) {
        if texts.iter().all(|text| text.is_empty()) {
            continue;
        }
        let mut plain = Vec::new();
        put(&mut plain, texts.len() as u64);
        texts.iter().for_each(|text| put_bytes(&mut plain, text.as_bytes()));
        let mut out = Vec::new();
        put_stream(&mut out, &plain, effort);
        sections.push((Section::texts(dimension), out));
        push_numbers(&mut sections, Section::index(dimension), &index.to_vec(rows), &[], effort);
    }
    push_numbers(&mut sections, Section::SLOTS, &columns.slots.to_vec(rows), &[], effort);
    let sessions = columns.counter(Counter::Sessions).to_vec(rows);
    for counter in Counter::ALL {
        // The others are where their sessions are, or nearly.
        let mask = if counter == Counter::Sessions { &[][..] } else { &sessions };
        let numbers = columns.counter(counter).to_vec(rows);
        push_numbers(&mut sections, Section::counter(counter), &numbers, mask, effort);
    }
    for (metric, samples) in Metric::ALL.into_iter().zip(&columns.samples) {
        push_sparse(&mut sections, Section::samples(metric), samples, rows, effort);
    }
    push_sparse(&mut sections, Section::RATINGS, &columns.ratings, rows, effort);
    push_sparse(&mut sections, Section::ISSUES, &columns.issues, rows, effort);
    push_sparse(&mut sections, Section::VISITORS, &columns.visitors, rows, effort);
    Some(assemble(&sections, rows, start, minutes))
}

fn assemble(sections: &[(Section, Vec<u8>)], rows: usize, start: u32, minutes: u32) -> Vec<u8> {
    let mut out = vec![VERSION];
    put(&mut out, rows as u64);
    put(&mut out, u64::from(start));
    put(&mut out, u64::from(minutes));
    put(&mut out, sections.len() as u64);
    for (section, bytes) in sections {
        out.push(section.0);
        put(&mut out, bytes.len() as u64);
    }
    sections.iter().for_each(|(_, bytes)| out.extend_from_slice(bytes));
    let sum = crc32c::crc32c(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

fn push_numbers(
    sections: &mut Vec<(Section, Vec<u8>)>,
    section: Section,
    numbers: &[u64],
    mask: &[u64],
    effort: Effort,
) {
    if numbers.iter().any(|number| *number != 0) {
        let mut out = Vec::new();
        put_numbers(&mut out, numbers, mask, effort);
        sections.push((section, out));
    }
}

fn push_sparse(sections: &mut Vec<(Section, Vec<u8>)>, section: Section, column: &Sparse, rows: usize, effort: Effort) {
    if !column.rows().is_empty() {
        let mut out = Vec::new();
        put_sparse(&mut out, column.all(rows), effort);
        sections.push((section, out));
    }
}

/// A block of which columns can be decoded.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    bytes: fjall::UserValue,
    rows: usize,
    start: u32,
    minutes: u32,
    /// Section, and where its bytes are.
    directory: Arc<[(Section, std::ops::Range<usize>)]>,
}

impl Block {
    /// Reads the head of a block and checks its sum.
    pub(super) fn open(bytes: fjall::UserValue) -> Result<Block> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or_else(|| Error::damaged(WHAT, "ends early"))?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
            return Err(Error::damaged(WHAT, "its checksum doesn't match"));
        }
        let mut reader = Reader::new(body, WHAT);
        if !(1..=VERSION).contains(&reader.byte()?) {
            return Err(reader.error("unknown version"));
        }
        let (rows, start, minutes) = (reader.int()?, reader.int()?, reader.int()?);
        let lengths: Vec<(Section, usize)> =
            (0..reader.count(2)?).map(|_| Ok((Section(reader.byte()?), reader.int()?))).collect::<Result<_>>()?;
        let mut at = body.len() - reader.remaining();
        let mut directory = Vec::with_capacity(lengths.len());
        for (section, length) in lengths {
            let end = at.checked_add(length).filter(|end| *end <= body.len());
            let end = end.ok_or_else(|| reader.error("a section beyond the end"))?;
            directory.push((section, at..end));
            at = end;
        }
        Ok(Block { rows, start, minutes, directory: directory.into(), bytes })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// First minute.
    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    /// Minute after the last one.
    pub(crate) fn end(&self) -> u32 {
        self.start.saturating_add(self.minutes)
    }

    fn section(&self, section: Section) -> Option<Reader<'_>> {
        let (_, range) = self.directory.iter().find(|(known, _)| *known == section)?;
        self.bytes.get(range.clone()).map(|bytes| Reader::new(bytes, WHAT))
    }

    /// Whether a column has anything but zeros.
    pub(crate) fn has(&self, section: Section) -> bool {
        self.directory.iter().any(|(known, _)| *known == section)
    }

    /// Texts of a dimension, sorted; one empty text if the dimension is unused.
    pub(crate) fn texts(&self, dimension: Dimension) -> Result<Vec<Arc<str>>> {
        let Some(mut reader) = self.section(Section::texts(dimension)) else { return Ok(vec!["".into()]) };
        let plain = read_stream(&mut reader)?;
        let mut reader = Reader::new(&plain, WHAT);
        (0..reader.count(1)?).map(|_| reader.text().map(Arc::from)).collect()
    }

    /// Each row's place in [`Block::texts`], slot, or zigzag value of a counter.
    pub(crate) fn numbers(&self, section: Section) -> Result<Numbers> {
        self.numbers_masked(section, || Ok(Arc::new(self.numbers(Section::SESSIONS)?)))
    }

    /// The same where the column of sessions may be known already.
    pub(super) fn numbers_masked(
        &self,
        section: Section,
        sessions: impl FnOnce() -> Result<Arc<Numbers>>,
    ) -> Result<Numbers> {
        let Some(mut reader) = self.section(section) else { return Ok(Numbers::Zero) };
        let mask = || match section {
            Section::SESSIONS => Err(Error::damaged(WHAT, "a column masked by itself")),
            _ => sessions(),
        };
        read_numbers(&mut reader, self.rows, mask)
    }

    /// A sparse column.
    pub(crate) fn sparse(&self, section: Section) -> Result<Sparse> {
        self.section(section).map_or(Ok(Sparse::default()), |mut reader| read_sparse(&mut reader, self.rows))
    }

    /// Decodes everything.
    pub(super) fn columns(&self) -> Result<Columns> {
        let mut columns = Columns {
            rows: self.rows,
            slots: self.numbers(Section::SLOTS)?,
            ratings: self.sparse(Section::RATINGS)?,
            issues: self.sparse(Section::ISSUES)?,
            visitors: self.sparse(Section::VISITORS)?,
            ..Columns::default()
        };
        let dimensions = columns.texts.iter_mut().zip(&mut columns.index);
        for (dimension, (texts, index)) in Dimension::ALL.into_iter().zip(dimensions) {
            *texts = self.texts(dimension)?;
            *index = self.numbers(Section::index(dimension))?;
        }
        let sessions = Arc::new(self.numbers(Section::SESSIONS)?);
        for (counter, column) in Counter::ALL.into_iter().zip(&mut columns.counters) {
            *column = self.numbers_masked(Section::counter(counter), || Ok(sessions.clone()))?;
        }
        for (metric, column) in Metric::ALL.into_iter().zip(&mut columns.samples) {
            *column = self.sparse(Section::samples(metric))?;
        }
        Ok(columns)
    }
}

/// All columns of a block.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) rows: usize,
    pub(super) slots: Numbers,
    /// By dimension, sorted.
    pub(super) texts: [Vec<Arc<str>>; DIMENSIONS],
    /// By dimension: each row's place in the texts.
    pub(super) index: [Numbers; DIMENSIONS],
    /// By counter, zigzag.
    pub(super) counters: [Numbers; COUNTERS],
    /// By metric and bucket.
    pub(super) samples: [Sparse; METRICS],
    /// By metric and rating: counted, less what the samples' midpoints tell.
    pub(super) ratings: Sparse,
    pub(super) issues: Sparse,
    /// Ranks by register.
    pub(super) visitors: Sparse,
}

impl Columns {
    /// The texts of a dimension.
    pub(super) fn texts(&self, dimension: Dimension) -> &[Arc<str>] {
        self.texts.get(dimension.index()).map_or(&[], Vec::as_slice)
    }

    /// Each row's place in the texts of a dimension.
    pub(super) fn index(&self, dimension: Dimension) -> &Numbers {
        self.index.get(dimension.index()).unwrap_or(&Numbers::Zero)
    }

    /// Zigzag values of a counter.
    pub(super) fn counter(&self, counter: Counter) -> &Numbers {
        self.counters.get(counter as usize).unwrap_or(&Numbers::Zero)
    }

    /// Whether a dimension has only empty texts.
    pub(super) fn is_unused(&self, dimension: Dimension) -> bool {
        self.texts(dimension).iter().all(|text| text.is_empty())
    }
}
