//! How far each shard has been read, as checkpoints keep it.

use std::collections::BTreeMap;

use tidemill_engine::{EngineError, Result, SnapshotReader, SnapshotWriter};
use tidemill_streams::{Sequence, ShardId};

/// Union state: every instance sees all shards at a restore.
const TABLE: &str = "shards";

/// How far a shard has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// This sequence number is the next.
    At(Sequence),
    /// To the end of a closed shard.
    Ended,
}

pub(super) type Positions = BTreeMap<ShardId, Progress>;

/// Of a bounded source, the number behind each shard's last record.
pub(super) type Ends = BTreeMap<ShardId, Sequence>;

/// Union state, written once.
const ENDS: &str = "ends";

pub(super) fn write_ends(writer: &mut SnapshotWriter, ends: &Ends) {
    for (shard, end) in ends {
        writer.union(ENDS, &shard.0.to_be_bytes(), Some(&end.0.to_be_bytes()));
    }
}

pub(super) fn read_ends(reader: &SnapshotReader) -> Result<Ends> {
    let end = |(key, value)| match decode(key, value)? {
        (shard, Progress::At(end)) => Ok((shard, end)),
        (shard, Progress::Ended) => Ok((shard, Sequence(0))),
    };
    reader.table(ENDS).map(end).collect()
}

/// Writes a shard's progress; `None` forgets a shard that its stream no longer has.
pub(super) fn write(writer: &mut SnapshotWriter, shard: ShardId, progress: Option<Progress>) {
    let key = shard.0.to_be_bytes();
    match progress {
        Some(Progress::At(next)) => writer.union(TABLE, &key, Some(&next.0.to_be_bytes())),
        Some(Progress::Ended) => writer.union(TABLE, &key, Some(&[])),
        None => writer.union(TABLE, &key, None),
    }
}

pub(super) fn read(reader: &SnapshotReader) -> Result<Positions> {
    reader.table(TABLE).map(|(key, value)| decode(key, value)).collect()
}

fn decode(key: &[u8], value: &[u8]) -> Result<(ShardId, Progress)> {
    let bad = |_| EngineError::State("a stored stream position can't be read; start without the snapshot".into());
    let shard = ShardId(u32::from_be_bytes(key.try_into().map_err(bad)?));
    let progress = match value {
        [] => Progress::Ended,
        next => Progress::At(Sequence(u64::from_be_bytes(next.try_into().map_err(bad)?))),
    };
    Ok((shard, progress))
}
