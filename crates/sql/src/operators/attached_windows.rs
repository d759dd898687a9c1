//! Rows that carry their window: which windows of which keys are open, and when they end.

use std::collections::BTreeMap;

use tidemill_engine::EventTime;

/// Bytes of a window behind a key.
pub(crate) const WINDOW: usize = 16;

/// Appends a window to a key: keys of one window order as their keys do.
pub(crate) fn with_window(state_key: &mut Vec<u8>, key: &[u8], start: i64, end: i64) {
    state_key.clear();
    state_key.extend_from_slice(key);
    state_key.extend_from_slice(&(end ^ i64::MIN).to_be_bytes());
    state_key.extend_from_slice(&(start ^ i64::MIN).to_be_bytes());
}

/// The end of the window behind a key.
pub(crate) fn end_of(state_key: &[u8]) -> i64 {
    let window = state_key.last_chunk::<WINDOW>();
    let end = window.and_then(|window| window.first_chunk::<8>());
    end.map_or(i64::MIN, |end| i64::from_be_bytes(*end) ^ i64::MIN)
}

/// Keys with a window that is open, by its end.
#[derive(Debug, Default)]
pub(crate) struct OpenWindows(BTreeMap<i64, Vec<Box<[u8]>>>);

impl OpenWindows {
    /// To be called when the first row of a key's window came.
    pub(crate) fn open(&mut self, state_key: &[u8]) {
        self.0.entry(end_of(state_key)).or_default().push(state_key.into());
    }

    /// Takes the windows that have ended, in the order of their ends, keys and starts.
    pub(crate) fn take_ended(&mut self, watermark: EventTime) -> Vec<Box<[u8]>> {
        let mut ended = Vec::new();
        while let Some(first) = self.0.first_entry()
            && *first.key() <= watermark.0
        {
            let mut keys = first.remove();
            keys.sort_unstable();
            keys.dedup();
            ended.append(&mut keys);
        }
        ended
    }
}
