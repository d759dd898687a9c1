//! What differs between two texts.

use std::borrow::Cow;

use serde_json::Value;
use similar::TextDiff;

use crate::definition::DataFormat;

/// Lines around a change that are shown.
const CONTEXT_LINES: usize = 3;

/// A unified diff; JSON is laid out first, so that a change is a few lines. Empty when nothing differs.
pub fn text_diff(format: DataFormat, old: (&str, &str), new: (&str, &str)) -> String {
    let ((old_name, old), (new_name, new)) = (old, new);
    let (old, new) = (laid_out(format, old), laid_out(format, new));
    let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
    diff.unified_diff().context_radius(CONTEXT_LINES).header(old_name, new_name).to_string()
}

fn laid_out(format: DataFormat, text: &str) -> Cow<'_, str> {
    let parsed = match format {
        DataFormat::Protobuf => None,
        DataFormat::Avro | DataFormat::Json => serde_json::from_str::<Value>(text).ok(),
    };
    match parsed.and_then(|value| serde_json::to_string_pretty(&value).ok()) {
        Some(pretty) => Cow::Owned(pretty + "\n"),
        None => Cow::Borrowed(text),
    }
}
