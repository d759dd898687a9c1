//! The JSONPath subset of Kinesis Data Analytics: `$`, `.name`, `['name']` and `[0:]`.

use crate::error::{Error, Result};

/// Names on a path; a longer path is refused.
const STEPS_MAX: usize = 64;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The member of this name. Case counts; hyphens are allowed.
    Member(Box<str>),
    /// Each element of an array: `[0:]`.
    Each,
}

/// A path from `$`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// The path that a text says.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let invalid = |reason: &str| Error::InvalidPath { path: text.to_owned(), reason: reason.to_owned() };
        let mut rest = text.strip_prefix('$').ok_or_else(|| invalid("it must begin with `$`"))?;
        if text.contains(char::is_whitespace) && !text.contains('\'') {
            return Err(invalid("it can't have white space outside of ['…']"));
        }
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[0:]") {
                steps.push(Step::Each);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("['") {
                let (name, after) = after.split_once("']").ok_or_else(|| invalid("a `['` is not closed by `']`"))?;
                steps.push(Step::Member(name.into()));
                rest = after;
            } else if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                if name.is_empty() {
                    return Err(invalid("a name is missing after `.`"));
                }
                steps.push(Step::Member(name.into()));
                rest = after;
            } else {
                return Err(invalid(
                    "after `$` come `.name`, `['name']` or `[0:]` (a whole array, element by element)",
                ));
            }
            if steps.len() > STEPS_MAX {
                return Err(invalid("it has more than 64 steps"));
            }
        }
        Ok(Path(steps))
    }

    /// What follows on a path that begins with this one.
    pub(crate) fn strip<'p>(&self, longer: &'p Path) -> Option<&'p [Step]> {
        longer.0.strip_prefix(self.0.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_whole_arrays_are_followed() {
        let member = |name: &str| Step::Member(name.into());
        assert_eq!(Path::parse("$").unwrap().0, vec![]);
        assert_eq!(Path::parse("$.metadata.table-name").unwrap().0, vec![member("metadata"), member("table-name")]);
        assert_eq!(
            Path::parse("$['a b'].orders[0:].id").unwrap().0,
            vec![member("a b"), member("orders"), Step::Each, member("id")]
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for path in ["", "a", "$a", "$.", "$..a", "$.a[1]", "$.a[*]", "$['a", "$.a b", "$.a[0:2]"] {
            assert!(matches!(Path::parse(path), Err(Error::InvalidPath { .. })), "{path}");
        }
    }
}
