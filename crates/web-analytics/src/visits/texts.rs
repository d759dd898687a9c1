//! Each text of a dimension once in memory, however many cells name it.

use hashbrown::HashSet;
use std::sync::Arc;

/// Texts in use. Those that nobody holds any more are forgotten as the set doubles.
#[derive(Debug, Default)]
pub struct Texts {
    known: HashSet<Arc<str>, ahash::RandomState>,
    sweep_at: usize,
}

const SWEEP_AT_LEAST: usize = 4_096;

impl Texts {
    /// The shared form of `text`.
    pub fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|text| Arc::strong_count(text) > 1);
            self.sweep_at = SWEEP_AT_LEAST.max(2 * self.known.len());
        }
        let text: Arc<str> = text.into();
        self.known.insert(text.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_and_unused_ones_go() {
        let mut texts = Texts::default();
        let kept = texts.share("/cart");
        assert!(Arc::ptr_eq(&kept, &texts.share("/cart")));
        for page in 0..100_000 {
            texts.share(&format!("/{page}"));
        }
        assert!(texts.known.len() <= SWEEP_AT_LEAST, "{}", texts.known.len());
        assert!(Arc::ptr_eq(&kept, &texts.share("/cart")));
    }
}
