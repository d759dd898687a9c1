//! One difference between two schemas.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

/// Characters of a schema that a difference quotes.
const QUOTED_MAX: usize = 120;

/// What differs at one place between a writer's and a reader's schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The rule that it falls under, by the name that Avro's and Confluent's checkers give it.
    pub rule: &'static str,
    /// Where: a JSON pointer into the reader's schema (Avro, JSON Schema), or message and field number (Protobuf).
    pub path: String,
    /// Whether the reader can't read what the writer writes because of it.
    pub breaks: bool,
    /// What the reader's schema says there.
    pub reader: String,
    /// What the writer's schema says there.
    pub writer: String,
    /// What is wrong.
    pub reason: String,
    /// What would make the two compatible; empty when they are.
    pub remedy: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path}: {} ({})", self.reason, self.rule)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

/// A part of a schema as short text. No more of it is written than is shown: parts lie in each other.
pub(crate) fn quoted(value: &Value) -> String {
    let mut text = Beginning(Vec::new());
    // It fails when there is enough.
    let _ = serde_json::to_writer(&mut text, value);
    shortened(String::from_utf8_lossy(&text.0).into_owned())
}

/// Takes the beginning of what is written.
struct Beginning(Vec<u8>);

impl Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        // A character has up to four bytes.
        match self.0.len() > 4 * (QUOTED_MAX + 1) {
            true => Err(io::ErrorKind::WriteZero.into()),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A text, cut when it is long.
fn shortened(text: String) -> String {
    match text.char_indices().nth(QUOTED_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
