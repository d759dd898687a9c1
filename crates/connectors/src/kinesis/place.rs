//! How far a shard has been read, as checkpoints keep it.

use std::collections::BTreeMap;

use tidemill_engine::{EngineError, Result, SnapshotReader, SnapshotWriter};

/// Union state: every instance sees all shards at a restore.
const TABLE: &str = "kinesis-shards";

/// Where to go on in a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// With the oldest record.
    TrimHorizon,
    /// After the newest.
    Latest,
    /// With the first record of this time or later, Unix ms.
    At(i64),
    /// With the record after this number.
    After(String),
    /// Nowhere: it is read to its end.
    Ended,
}

pub(super) type Places = BTreeMap<String, Place>;

/// Writes a shard's place; `None` forgets a shard that its stream no longer has.
pub(super) fn write(writer: &mut SnapshotWriter, shard: &str, place: Option<&Place>) {
    let value = place.map(|place| match place {
        Place::TrimHorizon => "T".to_owned(),
        Place::Latest => "L".to_owned(),
        Place::At(millis) => format!("@{millis}"),
        Place::After(number) => format!("A{number}"),
        Place::Ended => "E".to_owned(),
    });
    writer.union(TABLE, shard.as_bytes(), value.as_deref().map(str::as_bytes));
}

pub(super) fn read(reader: &SnapshotReader) -> Result<Places> {
    let bad =
        || EngineError::State("a stored place in a Kinesis shard can't be read; start without the snapshot".into());
    let entry = |(key, value): (&[u8], &[u8])| {
        let (shard, value) = (std::str::from_utf8(key).ok()?, std::str::from_utf8(value).ok()?);
        let (kind, rest) = value.split_at_checked(1)?;
        let place = match kind {
            "T" => Place::TrimHorizon,
            "L" => Place::Latest,
            "@" => Place::At(rest.parse().ok()?),
            "A" => Place::After(rest.to_owned()),
            "E" => Place::Ended,
            _ => return None,
        };
        Some((shard.to_owned(), place))
    };
    reader.table(TABLE).map(|each| entry(each).ok_or_else(bad)).collect()
}
