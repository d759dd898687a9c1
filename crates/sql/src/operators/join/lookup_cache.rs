//! Rows that were looked up, for as long as they may be believed.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use ahash::RandomState;

/// The encoded rows of one key; none is an answer too.
pub(super) type Found = Arc<Vec<Box<[u8]>>>;

/// Answers by key. Of too many the oldest go.
#[derive(Debug)]
pub(super) struct LookupCache {
    rows_max: usize,
    ttl: i64,
    rows: usize,
    answers: HashMap<Arc<[u8]>, (i64, Found), RandomState>,
    /// Keys in the order in which they were answered, and when.
    order: VecDeque<(i64, Arc<[u8]>)>,
}

/// What an answer counts: its rows, or one where there are none.
fn size(found: &Found) -> usize {
    found.len().max(1)
}

impl LookupCache {
    pub(super) fn new(rows_max: usize, ttl: i64) -> Self {
        LookupCache { rows_max, ttl, rows: 0, answers: HashMap::default(), order: VecDeque::new() }
    }

    pub(super) fn get(&self, key: &[u8], now: i64) -> Option<Found> {
        let (answered, found) = self.answers.get(key)?;
        (now.saturating_sub(*answered) < self.ttl).then(|| found.clone())
    }

    pub(super) fn put(&mut self, key: &[u8], found: Found, now: i64) {
        let key: Arc<[u8]> = key.into();
        self.rows += size(&found);
        self.order.push_back((now, key.clone()));
        if let Some((_, replaced)) = self.answers.insert(key, (now, found)) {
            self.rows -= size(&replaced);
        }
        while let Some((answered, _)) = self.order.front()
            && (self.rows > self.rows_max || now.saturating_sub(*answered) >= self.ttl)
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((answered, key)) = self.order.pop_front() else { return };
        // It may have been answered again since.
        if self.answers.get(&key).is_some_and(|(at, _)| *at == answered)
            && let Some((_, found)) = self.answers.remove(&key)
        {
            self.rows -= size(&found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rows: usize) -> Found {
        Arc::new(vec![Box::from(&b"row"[..]); rows])
    }

    #[test]
    fn answers_grow_old_and_the_oldest_make_room() {
        let mut cache = LookupCache::new(3, 10);
        cache.put(b"a", found(1), 0);
        cache.put(b"b", found(0), 1);
        assert_eq!(cache.get(b"a", 9).map(|f| f.len()), Some(1));
        assert_eq!(cache.get(b"a", 10), None);
        cache.put(b"c", found(2), 2);
        assert_eq!((cache.get(b"a", 2), cache.get(b"b", 2).map(|f| f.len())), (None, Some(0)));
        cache.put(b"b", found(1), 3);
        cache.put(b"d", found(9), 4);
        assert_eq!((cache.rows, cache.answers.len(), cache.order.len()), (0, 0, 0), "more than fits is not kept");
    }
}
