//! The query of a request.

use percent_encoding::percent_decode_str;

/// Names and values.
#[derive(Debug, Default)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Query { pairs: pairs.collect() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().rfind(|(pair, _)| pair == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The part of a list that `offset` and `limit` ask for.
    pub(super) fn page<T>(&self, items: impl Iterator<Item = T>) -> Vec<T> {
        let number = |name: &str| self.get(name).and_then(|value| value.parse::<usize>().ok());
        let limit = number("limit").unwrap_or(usize::MAX);
        items.skip(number("offset").unwrap_or_default()).take(limit).collect()
    }
}
