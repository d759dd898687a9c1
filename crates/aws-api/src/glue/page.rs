//! Lists, a page at a time. A token says where the next page begins.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::Context;
use super::fault::invalid;
use crate::protocol::{Fault, Value};

impl Context<'_> {
    /// The page that is asked for, and the token of the next one.
    pub(super) fn page<T>(&self, items: Vec<T>, usual: usize) -> Result<(Vec<T>, Value<'static>), Fault> {
        let begin = match self.input.text("NextToken") {
            None | Some("") => 0,
            Some(token) => {
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                let begin = text.as_deref().and_then(|text| text.strip_prefix("from ")?.parse::<usize>().ok());
                begin.ok_or_else(|| invalid("Failed to decode the pagination token: it is not one of this service."))?
            }
        };
        let count = self.input.integer("MaxResults").and_then(|max| usize::try_from(max).ok()).unwrap_or(usual);
        let end = begin.saturating_add(count);
        let next = (end < items.len()).then(|| BASE64_URL_SAFE_NO_PAD.encode(format!("from {end}")));
        Ok((items.into_iter().skip(begin).take(count).collect(), next.into()))
    }
}
