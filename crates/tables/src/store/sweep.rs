//! The background thread that gives the space of expired rows back.
//!
//! It walks through each table with a TTL, a bounded number of rows at a time, and deletes what has expired; it remembers
//! where it was. While most of what it sees has expired it goes on at once, so that it keeps up with any rate; otherwise it
//! waits, so that a large table without expired rows costs next to nothing. A deletion is a transaction: a row that was
//! written again in the meantime stays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::TableInner;
use super::commit::Write;
use super::reads::ReadSet;
use super::tables::Store;
use crate::error::{Error, Result};
use fjall::Readable;

/// Stops its thread and waits for it when dropped.
pub(crate) struct Sweeper {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    pub(crate) fn start(store: Arc<Store>, interval: Duration) -> Result<Sweeper> {
        let (stop, stopped) = mpsc::channel::<()>();
        let run = move || {
            let mut cursors = BTreeMap::new();
            let mut wait = interval;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let mut keep_going = false;
                for table in store.expiring() {
                    match sweep(&store, &table, cursors.entry(table.id).or_default()) {
                        Ok(swept) => keep_going |= swept.expired * 2 > swept.seen,
                        Err(e) => {
                            tracing::warn!(table = table.definition.name(), error = %e, "expired rows stay for now")
                        }
                    }
                }
                wait = if keep_going { Duration::ZERO } else { interval };
            }
        };
        let thread = std::thread::Builder::new().name("tables-sweep".into()).spawn(run);
        let thread = thread.map_err(|e| Error::Store(e.into()))?;
        Ok(Sweeper { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Swept {
    seen: usize,
    expired: usize,
}

/// Looks at the next rows from `cursor` on and deletes those that have expired.
fn sweep(store: &Store, table: &TableInner, cursor: &mut Vec<u8>) -> Result<Swept> {
    let now_ms = store.options.clock.now_ms();
    let view = store.committer.begin();
    let mut reads = ReadSet::new(usize::MAX);
    let looked = look(table, &view.snapshot, cursor, store.options.sweep_rows, now_ms, &mut reads);
    let (swept, writes, next) = match looked {
        Ok(looked) => looked,
        Err(e) => {
            store.committer.end(&view);
            return Err(e);
        }
    };
    match store.committer.commit(Some((&view, &reads)), writes) {
        // Some row was written again: look at all of them again.
        Err(Error::Conflict { .. }) => Ok(Swept { seen: swept.seen, expired: 0 }),
        // Dropped meanwhile.
        Err(Error::NoSuchTable(_)) => Ok(Swept { seen: 0, expired: 0 }),
        committed => committed.map(|()| {
            *cursor = next;
            swept
        }),
    }
}

fn look(
    table: &TableInner,
    snapshot: &fjall::Snapshot,
    from: &[u8],
    rows_max: usize,
    now_ms: i64,
    reads: &mut ReadSet,
) -> Result<(Swept, Vec<Write>, Vec<u8>)> {
    let mut swept = Swept { seen: 0, expired: 0 };
    let mut writes = Vec::new();
    for guard in snapshot.range(&table.keyspace, from.to_vec()..).take(rows_max) {
        let (key, value) = guard.into_inner()?;
        swept.seen += 1;
        if !table.codec.is_live(&value, now_ms)? {
            swept.expired += 1;
            reads.add_key(table.id, &key)?;
            writes.push(Write { table: table.id, keyspace: table.keyspace.clone(), key: key.clone(), value: None });
        }
        if swept.seen == rows_max {
            return Ok((swept, writes, [&key, [0].as_slice()].concat()));
        }
    }
    // The end of the table: the next time from its beginning.
    Ok((swept, writes, Vec::new()))
}
