//! The columns of JSON documents.

use super::observed::Observed;
use super::{Discovery, columns};
use crate::fault::Read;
use crate::json::{Members, Scanner};

/// Objects are followed so deep: `$.data.orderId`.
const LEVELS_MAX: usize = 2;

/// A place in the documents.
struct Place {
    path: String,
    name: String,
    observed: Observed,
}

#[derive(Default)]
struct Places {
    places: Vec<Place>,
    /// The array whose elements become rows: only one can.
    flattened: Option<String>,
}

/// The schema of documents; `None` where none of them can be read.
pub(super) fn discover(texts: &[&str]) -> Option<Discovery> {
    let mut found = Places::default();
    let mut read = false;
    for text in texts {
        let mut scanner = Scanner::new(text);
        while scanner.peek().is_some() {
            match found.observe_document(&mut scanner) {
                Ok(()) => read = true,
                Err(_) => break, // a torn sample says what it says until there
            }
        }
    }
    // An array that is empty in some samples is text there: its rows say more.
    let rows = found.flattened.map(|path| format!("{path}[0:]"));
    found.places.retain(|place| rows.as_ref() != Some(&place.path));
    let places = found.places.into_iter().map(|place| (place.name, Some(place.path), place.observed));
    read.then(|| Discovery {
        format: "json",
        columns: columns(places),
        column_delimiter: None,
        row_delimiter: None,
        header: false,
    })
}

impl Places {
    /// A document, or an array of documents.
    fn observe_document(&mut self, scanner: &mut Scanner<'_>) -> Read {
        if scanner.peek() != Some(b'[') {
            return self.observe_object(scanner, "$", 1);
        }
        scanner.expect(b'[')?;
        let mut first = true;
        while scanner.next_in(b']', &mut first)? {
            self.observe_object(scanner, "$", 1)?;
        }
        Ok(())
    }

    fn observe_object(&mut self, scanner: &mut Scanner<'_>, path: &str, level: usize) -> Read {
        let mut members = Members::begin(scanner)?;
        while let Some(name) = members.next(scanner)? {
            let plain = !name.is_empty() && !name.contains(['.', '[', '\'']) && !name.contains(char::is_whitespace);
            if !plain && name.contains("']") {
                scanner.skip()?; // no path leads there
                continue;
            }
            let path = if plain { format!("{path}.{name}") } else { format!("{path}['{name}']") };
            self.observe_value(scanner, path, &name, level)?;
        }
        Ok(())
    }

    fn observe_value(&mut self, scanner: &mut Scanner<'_>, path: String, name: &str, level: usize) -> Read {
        match scanner.peek() {
            Some(b'{') if level < LEVELS_MAX => self.observe_object(scanner, &path, level + 1),
            Some(b'[') => self.observe_array(scanner, path, name, level),
            Some(b'n') => {
                scanner.word("null")?;
                self.place(path, name);
                Ok(())
            }
            Some(b'"') => {
                let mut scratch = String::new();
                let text = scanner.string(&mut scratch)?.to_owned();
                self.place(path, name).text(&text);
                Ok(())
            }
            Some(b't' | b'f') => {
                let value = scanner.value_text()? == "true";
                self.place(path, name).boolean(value);
                Ok(())
            }
            Some(b'{') => {
                let text = scanner.value_text()?;
                self.place(path, name).text(text);
                Ok(())
            }
            _ => {
                let text = scanner.value_text()?;
                self.place(path, name).number(text);
                Ok(())
            }
        }
    }

    /// The first array of objects becomes rows, others text.
    fn observe_array(&mut self, scanner: &mut Scanner<'_>, path: String, name: &str, level: usize) -> Read {
        let begin = scanner.at();
        scanner.expect(b'[')?;
        let objects = scanner.peek() == Some(b'{');
        scanner.go_to(begin);
        let rows = objects && level < LEVELS_MAX && self.flattened.as_ref().is_none_or(|other| *other == path);
        if !rows {
            let text = scanner.value_text()?;
            self.place(format!("{path}[0:]"), name).text(text);
            return Ok(());
        }
        self.flattened = Some(path.clone());
        scanner.expect(b'[')?;
        let mut first = true;
        while scanner.next_in(b']', &mut first)? {
            match scanner.peek() {
                Some(b'{') => self.observe_object(scanner, &format!("{path}[0:]"), LEVELS_MAX)?,
                _ => scanner.skip()?,
            }
        }
        Ok(())
    }

    fn place(&mut self, path: String, name: &str) -> &mut Observed {
        let known = self.places.iter().position(|place| place.path == path);
        let at = known.unwrap_or_else(|| {
            self.places.push(Place { path, name: name.to_owned(), observed: Observed::default() });
            self.places.len() - 1
        });
        &mut self.places[at].observed
    }
}
