//! Change records become rows with kinds.

use super::{Dialect, Filter, debezium, dms};
use crate::column::Column;
use crate::decoder::{ReadRecord, Rows};
use crate::fault::Read;
use crate::json::{DocumentReader, Keys, Mapping, Scanner, ValueRules, utf8};
use crate::row_kind::RowKind;

/// What a record says to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Operation {
    #[default]
    Insert,
    Update,
    Delete,
    /// About the table, not about a row.
    Control,
    /// About a row of a table that was not asked for.
    OtherTable,
    /// The end of a deleted key in a compacted topic.
    Tombstone,
}

/// What a record is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Envelope {
    /// Where the object with the images begins.
    pub(super) at: usize,
    pub(super) operation: Operation,
    /// There is an old content, whole.
    pub(super) before: bool,
    /// There is a new content.
    pub(super) after: bool,
}

pub(super) struct ChangeReader {
    dialect: Dialect,
    before: Mapping,
    after: Mapping,
    document: DocumentReader,
    columns: Keys,
    filter: Filter,
    scratch: String,
}

impl ChangeReader {
    pub(super) fn new(
        dialect: Dialect,
        [before, after]: [Mapping; 2],
        data_columns: &[&str],
        millisecond_columns: Vec<usize>,
        (columns, rules): (&[Column], ValueRules),
        filter: Filter,
    ) -> Self {
        let document = DocumentReader::new(columns, rules).with_milliseconds(millisecond_columns);
        let columns = Keys::new(data_columns.iter().copied());
        ChangeReader { dialect, before, after, document, columns, filter, scratch: String::new() }
    }
}

impl ReadRecord for ChangeReader {
    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read {
        let mut scanner = Scanner::new(utf8(record)?);
        if scanner.peek().is_none() {
            rows.skipped.empty += 1;
            return Ok(());
        }
        while scanner.peek().is_some() {
            self.read_change(&mut scanner, rows)?;
        }
        Ok(())
    }
}

impl ChangeReader {
    fn read_change(&mut self, scanner: &mut Scanner<'_>, rows: &mut Rows) -> Read {
        if scanner.peek() == Some(b'n') {
            scanner.word("null")?;
            rows.skipped.empty += 1;
            return Ok(());
        }
        let envelope = match self.dialect {
            Dialect::Debezium => debezium::envelope(scanner, self.filter.envelope_required, &mut self.scratch)?,
            Dialect::Dms => dms::envelope(scanner, &self.filter, &mut self.columns, &mut self.scratch)?,
        };
        let end = scanner.at();
        let mut image = |mapping: &mut Mapping, kind: RowKind| {
            scanner.go_to(envelope.at);
            self.document.read_row(scanner, mapping, rows, kind)
        };
        match envelope.operation {
            Operation::Insert => image(&mut self.after, RowKind::Insert)?,
            Operation::Update => {
                if envelope.before {
                    image(&mut self.before, RowKind::UpdateBefore)?;
                }
                image(&mut self.after, RowKind::UpdateAfter)?;
            }
            // Debezium says what was deleted as the old content, DMS as the data.
            Operation::Delete if self.dialect == Dialect::Debezium => image(&mut self.before, RowKind::Delete)?,
            Operation::Delete => image(&mut self.after, RowKind::Delete)?,
            Operation::Control => rows.skipped.control += 1,
            Operation::OtherTable => rows.skipped.other_tables += 1,
            Operation::Tombstone => rows.skipped.empty += 1,
        }
        scanner.go_to(end);
        Ok(())
    }
}
