//! An upsert stream, which only says what each key is now, as a full changelog.

use std::time::Duration;

use arrow::datatypes::SchemaRef;
use tidemill_engine::{
    Batch, Epoch, Operator, OperatorContext, Output, Result, RowKind, SnapshotReader, SnapshotWriter, StateTable,
    time::micros, timers::Timer,
};

use super::{
    columns::{keys_to_warm, without_key},
    expiry::Expiry,
    packed::PackedCodec,
    revisions::Revisions,
    rows::key_column,
    stored::{Stored, read_i64},
};

/// Configuration of [`ChangelogNormalize`].
#[derive(Clone, Debug)]
pub struct ChangelogNormalizeConfig {
    /// Columns of the input, without its key; they are also the output.
    pub schema: SchemaRef,
    /// False where nobody behind it needs the old content of rows that are revised.
    pub update_before: bool,
    /// A key is forgotten so long (processing time) after its last write.
    pub ttl: Option<Duration>,
}

/// Makes a full changelog of rows that replace each other by key.
///
/// Insert and update-after set the row of their key: they go out as an insert or as update-before and update-after, and not at
/// all where nothing changes. A delete, of which only the key's columns need to be filled, gives the last row as a delete; of a
/// key that is not there it gives nothing. Update-befores are not needed, and dropped.
#[derive(Debug)]
pub struct ChangelogNormalize {
    schema: SchemaRef,
    codec: PackedCodec,
    update_before: bool,
    ttl: Option<i64>,
    /// When each key was written last, and its row.
    rows: StateTable<Stored>,
    expiry: Expiry,
}

impl ChangelogNormalize {
    /// With no rows.
    pub fn new(config: ChangelogNormalizeConfig) -> Result<Self> {
        let ChangelogNormalizeConfig { schema, update_before, ttl } = config;
        Ok(ChangelogNormalize {
            codec: PackedCodec::of_schema(&schema)?,
            schema,
            update_before,
            ttl: ttl.map(micros),
            rows: StateTable::new("rows"),
            expiry: Expiry::new(ttl),
        })
    }
}

fn parts(mut stored: &[u8]) -> Option<(i64, &[u8])> {
    let written = read_i64(&mut stored)?;
    Some((written, stored))
}

/// The row, unless it was not written after `expired`.
fn alive(stored: &[u8], expired: i64) -> Option<&[u8]> {
    parts(stored).filter(|(written, _)| *written > expired).map(|(_, row)| row)
}

impl Operator for ChangelogNormalize {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let (keys, columns) = (key_column(batch.rows())?, without_key(batch.rows()));
        let encoded = self.codec.encode(columns)?;
        let (now, expired) = (out.now().0, Expiry::before(self.ttl, out.now()));
        let mut revisions = Revisions::default();
        for ((at, key), time) in keys.iter().flatten().enumerate().zip(batch.times()) {
            keys_to_warm(keys, at)
                .into_iter()
                .for_each(|keys| self.rows.warm(keys, |stored| stored.first().copied().unwrap_or_default()));
            match batch.kind(at) {
                RowKind::UpdateBefore => {}
                RowKind::Delete => {
                    let gone = self.rows.remove(key);
                    if let Some(row) = gone.as_ref().and_then(|stored| alive(stored, expired)) {
                        revisions.old_row(RowKind::Delete, row, *time);
                    }
                }
                RowKind::Insert | RowKind::UpdateAfter => {
                    let row = encoded.row(at);
                    let stored = self.rows.entry(key, Stored::default);
                    match alive(stored, expired) {
                        None => revisions.new_row(RowKind::Insert, at, *time),
                        Some(before) if before == row => {}
                        Some(before) => {
                            if self.update_before {
                                revisions.old_row(RowKind::UpdateBefore, before, *time);
                            }
                            revisions.new_row(RowKind::UpdateAfter, at, *time);
                        }
                    }
                    stored.clear();
                    stored.reserve_exact(8 + row.len());
                    stored.extend_from_slice(&now.to_le_bytes());
                    stored.extend_from_slice(row);
                }
            }
        }
        revisions.batch(&self.schema, &self.codec, columns)?.into_iter().for_each(|batch| out.emit(batch));
        self.expiry.arm(out);
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        if !self.expiry.fired(timer) {
            return Ok(());
        }
        let expired = Expiry::before(self.ttl, out.now());
        let has_expired = |stored: &Stored| parts(stored).is_none_or(|(written, _)| written <= expired);
        let gone = self.rows.iter().filter(|(_, stored)| has_expired(stored)).map(|(key, _)| Box::from(key));
        let gone: Vec<Box<[u8]>> = gone.collect();
        for key in gone {
            self.rows.remove(&key);
        }
        if !self.rows.is_empty() {
            self.expiry.arm(out);
        }
        Ok(())
    }

    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.expiry.open(context);
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.rows.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.rows.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::testing::{Operate, Table, table, text};

    fn rows() -> Table {
        table("id: Int64, name: Utf8").keyed(&[0])
    }

    fn operate(update_before: bool, ttl: Option<Duration>) -> Operate {
        let config = ChangelogNormalizeConfig { schema: rows().schema, update_before, ttl };
        Operate::new(1, 1, move |_| ChangelogNormalize::new(config.clone()))
    }

    #[test]
    fn upserts_become_a_full_changelog() {
        let mut test = operate(true, None);
        test.rows(0, rows().rows("+U | 1 | a | 00:01\n+I | 2 | b | 00:01\n+U | 1 | a | 00:02\n-U | 1 | a | 00:03"));
        assert_eq!(test.take(), text("+I | 1 | a | 00:01\n+I | 2 | b | 00:01"));
        test.restart(3);
        test.rows(
            0,
            rows().rows("+I | 1 | c | 00:03\n-D | 1 | null | 00:05\n-D | 1 | null | 00:06\n+U | 1 | d | 00:07"),
        );
        let expected = "-U | 1 | a | 00:03\n+U | 1 | c | 00:03\n-D | 1 | c | 00:05\n+I | 1 | d | 00:07";
        assert_eq!(test.take(), text(expected));
    }

    #[test]
    fn the_old_content_is_left_out_where_nobody_needs_it() {
        let mut test = operate(false, None);
        test.rows(0, rows().rows("+U | 1 | a | 00:01\n+U | 1 | b | 00:02\n-D | 1 | null | 00:03"));
        assert_eq!(test.take(), text("+I | 1 | a | 00:01\n+U | 1 | b | 00:02\n-D | 1 | b | 00:03"));
    }

    #[test]
    fn a_key_that_expired_is_new_again() {
        let mut test = operate(true, Some(Duration::from_secs(60)));
        test.rows(0, rows().rows("+U | 1 | a | 00:01"));
        test.now("01:01");
        test.rows(0, rows().rows("-D | 1 | null | 00:02\n+U | 1 | b | 00:02"));
        assert_eq!(test.take(), text("+I | 1 | a | 00:01\n+I | 1 | b | 00:02"));
    }
}
