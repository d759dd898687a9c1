//! Why one record, or one value of it, could not be read.

use std::fmt::{self, Write};
use std::sync::Arc;

/// Bytes of a value that a reason quotes.
const QUOTE_BYTES_MAX: usize = 60;

/// What is wrong with a value, and on which path in its record. Boxed: results stay small on the way that succeeds.
#[derive(Debug)]
pub struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    what: String,
    /// From the value outwards.
    path: Vec<Step>,
    /// The schema that the record was written with, if it names one.
    schema: Option<Arc<str>>,
    /// The bytes themselves are broken: what follows in the record can't be trusted.
    broken: bool,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// Result of reading a value.
pub(crate) type Read<T = ()> = std::result::Result<T, Fault>;

impl Fault {
    /// A value that does not fit its column; the rest of the record is sound.
    #[cold]
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Fault(Box::new(Inner { what: what.into(), path: Vec::new(), schema: None, broken: false }))
    }

    /// Bytes that are not in the format.
    #[cold]
    pub(crate) fn broken(what: impl Into<String>) -> Self {
        Fault(Box::new(Inner { what: what.into(), path: Vec::new(), schema: None, broken: true }))
    }

    /// The column's type against what was found.
    #[cold]
    pub(crate) fn mismatch(expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Fault::new(format!("expected {expected}, found {found}"))
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.0.broken
    }

    /// The same fault, of a record that was written with this schema.
    #[cold]
    pub(crate) fn written_with(mut self, schema: &Arc<str>) -> Self {
        self.0.schema = Some(Arc::clone(schema));
        self
    }

    /// The same fault, seen from the object whose member it is in.
    #[cold]
    pub(crate) fn in_key(mut self, key: &str) -> Self {
        self.0.path.push(Step::Key(key.to_owned()));
        self
    }

    /// The same fault, seen from the array whose element it is in.
    #[cold]
    pub(crate) fn in_index(mut self, index: usize) -> Self {
        self.0.path.push(Step::Index(index));
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.0.schema {
            write!(f, "{schema}: ")?;
        }
        if !self.0.path.is_empty() {
            f.write_char('$')?;
            for step in self.0.path.iter().rev() {
                match step {
                    Step::Key(key) => write!(f, ".{key}")?,
                    Step::Index(index) => write!(f, "[{index}]")?,
                }
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.0.what)
    }
}

impl std::error::Error for Fault {}

/// A value as a reason quotes it: its beginning, with what can't be printed escaped.
pub(crate) fn quote(value: &[u8]) -> String {
    let head = value.get(..QUOTE_BYTES_MAX).unwrap_or(value);
    let mut text = String::with_capacity(head.len() + 8);
    text.push('`');
    for chunk in head.utf8_chunks() {
        text.extend(
            chunk.valid().chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }),
        );
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text.push_str(if head.len() < value.len() { "…`" } else { "`" });
    text
}
