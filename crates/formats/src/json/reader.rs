//! Records of JSON text become rows.

use super::mapping::{Mapping, Place};
use super::scanner::Scanner;
use super::value::{Shape, ValueReader, ValueRules, push_missing};
use crate::column::{Column, Kind, Unit};
use crate::decoder::{ROWS_PER_RECORD_MAX, ReadRecord, Rows};
use crate::fault::{Fault, Read, quote};
use crate::row_kind::RowKind;
use crate::time::TimestampStyle;

/// Rows of a document times its bytes: a bound of what repeating columns beside an array may take.
const REPEATED_BYTES_MAX: usize = 1 << 30;

/// Reads records that hold one document or several, one after the other; an array at the top is as many documents.
#[derive(Debug)]
pub(crate) struct JsonReader {
    mapping: Mapping,
    document: DocumentReader,
}

/// Reads documents under one mapping.
#[derive(Debug)]
pub(crate) struct DocumentReader {
    values: ValueReader,
    shapes: Vec<Shape>,
    key: String,
    /// Columns whose timestamps are numbers of milliseconds.
    milliseconds: Vec<usize>,
    /// Where the flattened array of the present row begins.
    array_at: Option<usize>,
}

impl ReadRecord for JsonReader {
    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read {
        let text = utf8(record)?;
        let mut scanner = Scanner::new(text);
        if scanner.peek().is_none() {
            rows.skipped.empty += 1;
            return Ok(());
        }
        while scanner.peek().is_some() {
            self.document.read_rows(&mut scanner, &mut self.mapping, 0, rows)?;
        }
        Ok(())
    }
}

impl JsonReader {
    pub(crate) fn new(mapping: Mapping, columns: &[Column], rules: ValueRules) -> Self {
        JsonReader { mapping, document: DocumentReader::new(columns, rules) }
    }
}

impl DocumentReader {
    pub(crate) fn new(columns: &[Column], rules: ValueRules) -> Self {
        DocumentReader {
            values: ValueReader::new(rules),
            shapes: columns.iter().map(Shape::of).collect(),
            key: String::new(),
            milliseconds: Vec::new(),
            array_at: None,
        }
    }

    /// In these columns numbers are timestamps in milliseconds.
    pub(crate) fn with_milliseconds(mut self, columns: Vec<usize>) -> Self {
        self.milliseconds = columns;
        self
    }

    /// Follows the row path and reads the row, or rows, at its end.
    fn read_rows(&mut self, scanner: &mut Scanner<'_>, mapping: &mut Mapping, depth: usize, rows: &mut Rows) -> Read {
        let each = match depth.checked_sub(1) {
            None => scanner.peek() == Some(b'['),
            Some(above) => mapping.row_path.get(above).is_some_and(|(_, each)| *each),
        };
        if !each {
            return self.follow_or_read(scanner, mapping, depth, rows);
        }
        if !scanner.eat(b'[') {
            return Err(not_an_array(scanner));
        }
        let (mut first, mut index) = (true, 0);
        while scanner.next_in(b']', &mut first)? {
            self.follow_or_read(scanner, mapping, depth, rows).map_err(|fault| fault.in_index(index))?;
            index += 1;
        }
        Ok(())
    }

    fn follow_or_read(
        &mut self,
        scanner: &mut Scanner<'_>,
        mapping: &mut Mapping,
        depth: usize,
        rows: &mut Rows,
    ) -> Read {
        let Some((name, _)) = mapping.row_path.get(depth) else {
            return self.read_row(scanner, mapping, rows, RowKind::Insert);
        };
        let name = name.clone();
        let mut found = false;
        scanner.expect(b'{')?;
        let mut first = true;
        while scanner.next_in(b'}', &mut first)? {
            let here = scanner.string(&mut self.key)? == &*name;
            scanner.expect(b':')?;
            if here && !found {
                found = true;
                self.read_rows(scanner, mapping, depth + 1, rows).map_err(|fault| fault.in_key(&name))?;
            } else {
                scanner.skip()?;
            }
        }
        if found { Ok(()) } else { Err(Fault::new(format!("the row path's member `{name}` is not there"))) }
    }

    /// Reads a row, which the flattened array may make several.
    pub(crate) fn read_row(
        &mut self,
        scanner: &mut Scanner<'_>,
        mapping: &mut Mapping,
        rows: &mut Rows,
        kind: RowKind,
    ) -> Read {
        let row = rows.len();
        self.array_at = None;
        if scanner.peek() != Some(b'{') && mapping.root.members.is_some() {
            return Err(not_an_object(scanner));
        }
        let begin = scanner.at();
        self.read_place(scanner, &mut mapping.root, row, rows)?;
        let after = scanner.at();
        let mut count = 1;
        if let Some((element, columns)) = &mut mapping.element {
            if let Some(array_at) = self.array_at {
                scanner.go_to(array_at);
                count = self.read_elements(scanner, element, columns, rows)?;
                scanner.go_to(after);
            }
            if count == 0 || self.array_at.is_none() {
                count = 1;
                for &column in columns.iter() {
                    let Some(column) = rows.columns.get_mut(column) else { continue };
                    push_missing(column, self.values.rules)?;
                }
            }
        }
        let repeated = (count - 1).saturating_mul(after - begin);
        if repeated > REPEATED_BYTES_MAX {
            return Err(Fault::new(format!(
                "the document would become {count} rows of together more than {REPEATED_BYTES_MAX} bytes"
            )));
        }
        for &column in &mapping.outside {
            let Some(column) = rows.columns.get_mut(column) else { continue };
            if column.len() == row {
                push_missing(column, self.values.rules)?;
            }
            (1..count).try_for_each(|_| column.copy_row(row))?;
        }
        rows.end_rows(count, kind);
        Ok(())
    }

    /// Reads the value at a place into its columns and what lies inside into theirs.
    fn read_place(&mut self, scanner: &mut Scanner<'_>, place: &mut Place, row: usize, rows: &mut Rows) -> Read {
        if let ([column], None, false) = (place.columns.as_slice(), &place.members, place.flattened) {
            return self.read_column(scanner, *column, row, rows);
        }
        scanner.peek();
        let begin = scanner.at();
        for &column in &place.columns {
            scanner.go_to(begin);
            self.read_column(scanner, column, row, rows)?;
        }
        let mut passed = !place.columns.is_empty();
        if place.flattened {
            scanner.go_to(begin);
            match scanner.peek() {
                Some(b'[') => self.array_at = Some(begin),
                Some(b'n') => self.array_at = None,
                _ => return Err(not_an_array(scanner)),
            }
        }
        if let Some((keys, places)) = &mut place.members {
            scanner.go_to(begin);
            passed = false;
            if scanner.peek() == Some(b'{') {
                scanner.eat(b'{');
                let (mut first, mut nth) = (true, 0);
                while scanner.next_in(b'}', &mut first)? {
                    let found = keys.read(nth, scanner, &mut self.key)?;
                    scanner.expect(b':')?;
                    nth += 1;
                    match found.and_then(|found| Some((found, places.get_mut(found)?))) {
                        Some((found, place)) => self
                            .read_place(scanner, place, row, rows)
                            .map_err(|fault| fault.in_key(keys.name(found)))?,
                        None => scanner.skip()?,
                    }
                }
                passed = true;
            }
        }
        if passed { Ok(()) } else { scanner.skip() }
    }

    #[inline]
    fn read_column(&mut self, scanner: &mut Scanner<'_>, column: usize, row: usize, rows: &mut Rows) -> Read {
        if !self.milliseconds.contains(&column) {
            return self.read_value(scanner, column, row, rows);
        }
        let style = std::mem::replace(&mut self.values.rules.timestamps, TimestampStyle::Epoch(Unit::Milli));
        let read = self.read_value(scanner, column, row, rows);
        self.values.rules.timestamps = style;
        read
    }

    #[inline]
    fn read_value(&mut self, scanner: &mut Scanner<'_>, column: usize, row: usize, rows: &mut Rows) -> Read {
        match (rows.columns.get_mut(column), self.shapes.get_mut(column)) {
            (Some(column), Some(shape)) => {
                if column.len() > row {
                    column.truncate(row); // of a key that comes twice the last counts
                }
                self.values.read(scanner, column, shape)
            }
            _ => scanner.skip(),
        }
    }

    /// Reads each element of the flattened array; how many there are.
    fn read_elements(
        &mut self,
        scanner: &mut Scanner<'_>,
        element: &mut Place,
        columns: &[usize],
        rows: &mut Rows,
    ) -> Read<usize> {
        let (mut first, mut count) = (true, 0);
        scanner.expect(b'[')?;
        while scanner.next_in(b']', &mut first)? {
            if count == ROWS_PER_RECORD_MAX {
                return Err(Fault::new(format!("the array has more than {ROWS_PER_RECORD_MAX} elements")));
            }
            let row = rows.len() + count;
            self.read_place(scanner, element, row, rows).map_err(|fault| fault.in_index(count))?;
            for &column in columns {
                let Some(column) = rows.columns.get_mut(column) else { continue };
                if column.len() == row {
                    push_missing(column, self.values.rules).map_err(|fault| fault.in_index(count))?;
                }
            }
            count += 1;
        }
        Ok(count)
    }
}

/// The text of a record.
pub(crate) fn utf8(record: &[u8]) -> Read<&str> {
    std::str::from_utf8(record)
        .map_err(|error| Fault::broken(format!("the record is no UTF-8: byte {} is wrong", error.valid_up_to())))
}

fn not_an_array(scanner: &mut Scanner<'_>) -> Fault {
    match scanner.peek() {
        Some(b'{') => Fault::mismatch("an array", "an object"),
        _ => scanner.unexpected("an array"),
    }
}

fn not_an_object(scanner: &mut Scanner<'_>) -> Fault {
    match scanner.clone().skip() {
        Ok(()) => Fault::mismatch(Kind::Struct, quote(scanner.value_text().unwrap_or_default().as_bytes())),
        Err(fault) => fault,
    }
}
