//! Which field a key means.

use hashbrown::HashMap;

use super::scanner::Scanner;
use crate::fault::Read;

/// Keys of one object whose places are remembered.
const REMEMBERED_MAX: usize = 256;
/// Bytes of a key that is remembered.
const KEY_BYTES_MAX: usize = 256;

/// The fields of an object by their names.
///
/// Records of a stream mostly have the same keys in the same order, so the last object's keys are remembered with
/// their quotes: where the nth key is the same as then, one comparison passes it and finds its field, or that it has
/// none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    names: Vec<Box<str>>,
    by_name: HashMap<Box<str>, usize, ahash::RandomState>,
    last: Vec<(String, Option<usize>)>,
}

impl Keys {
    /// Names in the order of the fields; the last of equal ones wins.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut keys = Keys::default();
        for name in names {
            keys.add(name);
        }
        keys
    }

    /// Adds a name; its index.
    pub(crate) fn add(&mut self, name: &str) -> usize {
        self.names.push(name.into());
        self.by_name.insert(name.into(), self.names.len() - 1);
        self.names.len() - 1
    }

    pub(crate) fn get(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", |name| name)
    }

    /// Passes an object's nth key and says its field.
    #[inline]
    pub(crate) fn read(&mut self, nth: usize, scanner: &mut Scanner<'_>, scratch: &mut String) -> Read<Option<usize>> {
        if let Some((remembered, field)) = self.last.get(nth)
            && scanner.peek().is_some()
            && scanner.eat_text(remembered)
        {
            return Ok(*field);
        }
        self.look_up(nth, scanner, scratch)
    }

    fn look_up(&mut self, nth: usize, scanner: &mut Scanner<'_>, scratch: &mut String) -> Read<Option<usize>> {
        scanner.peek();
        let begin = scanner.at();
        let field = self.get(scanner.string(scratch)?);
        let quoted = scanner.slice(begin, scanner.at());
        // With an escape in it, a text may begin like another key: such are not remembered.
        if quoted.len() <= KEY_BYTES_MAX && !quoted.contains('\\') {
            if let Some((remembered, its_field)) = self.last.get_mut(nth) {
                remembered.clear();
                remembered.push_str(quoted);
                *its_field = field;
            } else if nth == self.last.len() && nth < REMEMBERED_MAX {
                self.last.push((quoted.to_owned(), field));
            }
        }
        Ok(field)
    }
}
