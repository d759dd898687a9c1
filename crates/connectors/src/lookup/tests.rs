//! The cache answers as what is behind it, and asks it less often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::datatypes::Int64Type;
use tidemill_engine::Result;

use super::{CacheSettings, CachedLookup};
use crate::connector::{LookedUp, Lookup};

/// Key k has k mod 3 rows; counts the keys that it is asked for.
struct Behind(Arc<AtomicUsize>);

impl Lookup for Behind {
    fn lookup(&mut self, keys: &RecordBatch) -> Result<LookedUp> {
        self.0.fetch_add(keys.num_rows(), Ordering::Relaxed);
        let (mut rows, mut origins) = (Vec::new(), Vec::new());
        for (row, key) in keys.column(0).as_primitive::<Int64Type>().values().iter().enumerate() {
            for n in 0..key % 3 {
                rows.push(key * 10 + n);
                origins.push(row as u32);
            }
        }
        let rows: ArrayRef = Arc::new(Int64Array::from(rows));
        Ok(LookedUp { rows: RecordBatch::try_from_iter([("v", rows)])?, origins: UInt32Array::from(origins) })
    }
}

fn keys(keys: &[Option<i64>]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
    RecordBatch::try_from_iter_with_nullable([("k", keys, true)]).unwrap()
}

fn answer(cache: &mut CachedLookup, asked: &[Option<i64>]) -> (Vec<i64>, Vec<u32>) {
    let found = cache.lookup(&keys(asked)).unwrap();
    (found.rows.column(0).as_primitive::<Int64Type>().values().to_vec(), found.origins.values().to_vec())
}

#[test]
fn a_key_is_asked_for_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let settings = CacheSettings { rows_max: 100, expire: None, missing: true };
    let mut cache = CachedLookup::new(Box::new(Behind(asked.clone())), settings);
    let batch = [Some(2), None, Some(3), Some(2), Some(1)];
    let expected = (vec![20, 21, 20, 21, 10], vec![0, 0, 3, 3, 4]);
    assert_eq!(answer(&mut cache, &batch), expected);
    assert_eq!(answer(&mut cache, &batch), expected);
    assert_eq!(asked.load(Ordering::Relaxed), 3, "2, 3 and 1");
    assert_eq!(cache.kept_rows(), 4);
    assert_eq!(answer(&mut cache, &[]), (vec![], vec![]));
}

#[test]
fn what_expires_and_what_is_missing_is_asked_for_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let settings = CacheSettings { rows_max: 100, expire: Some(Duration::ZERO), missing: true };
    let mut cache = CachedLookup::new(Box::new(Behind(asked.clone())), settings);
    for _ in 0..100 {
        assert_eq!(answer(&mut cache, &[Some(1)]), (vec![10], vec![0]));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 100);
    assert_eq!(cache.kept_rows(), 1);
    let settings = CacheSettings { rows_max: 100, expire: None, missing: false };
    let mut cache = CachedLookup::new(Box::new(Behind(asked.clone())), settings);
    answer(&mut cache, &[Some(3)]);
    answer(&mut cache, &[Some(3)]);
    assert_eq!(asked.load(Ordering::Relaxed), 102);
}

#[test]
fn the_oldest_make_room() {
    let asked = Arc::new(AtomicUsize::new(0));
    let settings = CacheSettings { rows_max: 3, expire: None, missing: true };
    let mut cache = CachedLookup::new(Box::new(Behind(asked.clone())), settings);
    for key in 0..1_000 {
        let rows = answer(&mut cache, &[Some(key)]).0.len() as i64;
        assert_eq!(rows, key % 3);
        assert!(cache.kept_rows() <= 3);
    }
}
