//! A stream's records as a table's rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{UInt32Type, UInt64Type};
use tidemill_engine::time::Mark;
use tidemill_engine::{
    Batch, Epoch, OperatorContext, Replay, Result, SnapshotReader, SnapshotWriter, Source, SourceOutput, SourceStatus,
    Waker,
};
use tidemill_streams::{IngestionTime, Sequence, ShardId};

use super::{Share, StartFrom, StreamSource, StreamSourceConfig, find};
use crate::catalog::Settings;
use crate::connector::SourceTable;
use crate::environment::Environment;
use crate::error::Error;
use crate::payload::{About, Origins, Payload, PayloadDecoder};

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SourceTable>> {
    let stream = find(settings, environment)?;
    let (start, start_at) = start(settings)?;
    let bounded = settings.word("scan.bounded.mode") == Some("latest-offset");
    let share = match settings.given("scan.share") {
        Some(share) => share.parse().map_err(|rule: String| Error::invalid("scan.share", share, rule))?,
        None => Share::default(),
    };
    let config = StreamSourceConfig { start, start_at, share, bounded, deaggregate: true };
    let payload = Payload::new(settings, environment)?;
    payload.check_reads()?;
    let open = Box::new(StreamSource::factory(stream, config));
    Ok(Arc::new(StreamTable { open, payload, bounded }))
}

fn start(settings: &Settings<'_>) -> crate::error::Result<(StartFrom, BTreeMap<ShardId, Sequence>)> {
    let needed = |option: &'static str| {
        settings.given(option).ok_or_else(|| {
            let mode = settings.text("scan.startup.mode").unwrap_or_default();
            Error::invalid("scan.startup.mode", mode, format!("it needs the option `{option}`"))
        })
    };
    Ok(match settings.word("scan.startup.mode") {
        Some("latest-offset") => (StartFrom::Latest, BTreeMap::new()),
        Some("timestamp") => {
            let millis = needed("scan.startup.timestamp-millis")?;
            let millis: i64 = millis
                .trim()
                .parse()
                .map_err(|_| Error::invalid("scan.startup.timestamp-millis", millis, "say milliseconds since 1970"))?;
            (StartFrom::At(IngestionTime::from_micros(millis.saturating_mul(1_000))), BTreeMap::new())
        }
        Some("specific-offsets") => {
            let option = "scan.startup.specific-offsets";
            let given = needed(option)?;
            let rule = "say `partition:0,offset:42;partition:1,offset:300`";
            let shards = given.split(';').map(|shard| offset(shard).ok_or_else(|| Error::invalid(option, given, rule)));
            (StartFrom::Oldest, shards.collect::<Result<_, _>>()?)
        }
        _ => (StartFrom::Oldest, BTreeMap::new()),
    })
}

/// `partition:0,offset:42`
fn offset(text: &str) -> Option<(ShardId, Sequence)> {
    let (partition, offset) = text.split_once(',')?;
    let shard = partition.trim().strip_prefix("partition:")?.trim().parse().ok()?;
    Some((ShardId(shard), Sequence(offset.trim().strip_prefix("offset:")?.trim().parse().ok()?)))
}

type OpenSource = Box<dyn Fn(&OperatorContext) -> Result<StreamSource> + Send + Sync>;

struct StreamTable {
    open: OpenSource,
    payload: Payload,
    bounded: bool,
}

impl SourceTable for StreamTable {
    fn replay(&self) -> Replay {
        Replay::FromPosition
    }

    fn is_bounded(&self) -> bool {
        self.bounded
    }

    fn has_changes(&self) -> bool {
        self.payload.has_changes()
    }

    fn is_upsert(&self) -> bool {
        self.payload.is_upsert()
    }

    fn open(&self, projection: &[usize], context: &OperatorContext) -> Result<Box<dyn Source>> {
        let decoder = self.payload.decoder(projection)?;
        Ok(Box::new(DecodedSource { records: (self.open)(context)?, decoder }))
    }
}

/// Decodes what a [`StreamSource`] reads. Positions and watermarks are that source's.
struct DecodedSource {
    records: StreamSource,
    decoder: PayloadDecoder,
}

impl Source for DecodedSource {
    fn open(&mut self, context: &OperatorContext, waker: Waker) -> Result<()> {
        self.records.open(context, waker)
    }

    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        let (status, found) = out.nested(|out| self.records.poll(budget, out))?;
        for (place, (_, batch)) in found.batches.iter().enumerate() {
            if let Some(shard) = found.splits.of(place) {
                out.of_split(shard);
            }
            let data = batch.binary(0)?;
            let records: Vec<&[u8]> = (0..batch.num_rows()).map(|row| data.value(row)).collect();
            self.decoder.decode(&records, &OfRecords(batch), out)?;
        }
        if let Some(shards) = found.splits.read {
            out.splits(shards);
        }
        match found.mark {
            Some(Mark::Time(time)) => out.watermark(time),
            Some(Mark::Idle) => out.idle(),
            None => {}
        }
        Ok(status)
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        self.records.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.records.restore(reader)
    }

    fn on_commit(&mut self, epoch: Epoch) -> Result<()> {
        self.records.on_commit(epoch)
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}

/// What the stream says of its records: a batch with the columns of [`super::schema`].
struct OfRecords<'a>(&'a Batch);

impl OfRecords<'_> {
    /// A value of each record as a value of each row.
    fn of_rows(&self, values: ArrayRef, rows: &Origins<'_>) -> Option<ArrayRef> {
        let records = rows.records().map(|record| record as u32).collect::<UInt32Array>();
        take(&values, &records, None).ok()
    }
}

impl About for OfRecords<'_> {
    fn times(&self, rows: &Origins<'_>) -> Vec<i64> {
        let times = self.0.times();
        rows.records().map(|record| times.get(record).copied().unwrap_or_default()).collect()
    }

    fn column(&self, key: &str, rows: &Origins<'_>) -> Option<ArrayRef> {
        let records = self.0.rows();
        let values: ArrayRef = match key {
            "timestamp" => Arc::new(TimestampMicrosecondArray::from(self.0.times().to_vec()).with_timezone("UTC")),
            "partition-key" => records.columns().get(1)?.clone(),
            "shard-id" => {
                let shards = records.columns().get(2)?.as_primitive_opt::<UInt32Type>()?;
                Arc::new(StringArray::from_iter_values(shards.values().iter().map(|id| ShardId(*id).to_string())))
            }
            "sequence-number" => {
                let numbers = records.columns().get(3)?.as_primitive_opt::<UInt64Type>()?;
                let signed = |number: &u64| i64::try_from(*number).unwrap_or(i64::MAX);
                Arc::new(Int64Array::from_iter_values(numbers.values().iter().map(signed)))
            }
            _ => return None,
        };
        self.of_rows(values, rows)
    }
}
