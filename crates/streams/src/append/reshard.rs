//! Splits and merges: shards are closed, and their children made.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::log::{LogWriter, Segment, create_folder, remove_folder};
use crate::options::Options;
use crate::shard::{Shard, ShardEnd, ShardInfo};
use crate::{IngestionTime, Result, ShardId, catalog};

use super::queue::Reshard;
use super::writer::Writer;

impl Writer {
    /// Makes the children, then changes the catalog (from here on the split is done), then tells readers.
    pub(super) fn reshard(&mut self, reshard: &Reshard) -> Result<()> {
        let now = self.0.options.clock.now();
        let parents = reshard.parents.iter().map(|id| self.shard(*id)).collect::<Result<Vec<_>>>()?;
        // As if a frame were in flight: no reader is promised more than the children will keep.
        let floor = parents.iter().map(|parent| parent.begin_commit(now)).max().unwrap_or(now);
        let done = self.make_children(reshard, &parents, now, floor);
        if done.is_err() {
            parents.iter().for_each(|parent| parent.abandon_commit());
            for (_, id) in &reshard.children {
                let _ = remove_folder(&catalog::shard_folder(&self.0.folder, *id));
            }
        }
        done
    }

    fn make_children(
        &mut self,
        reshard: &Reshard,
        parents: &[Arc<Shard>],
        now: IngestionTime,
        floor: IngestionTime,
    ) -> Result<()> {
        let mut ends = BTreeMap::new();
        for parent in parents {
            let next = self.log(parent.info.id)?.next();
            let children = reshard.children.iter().map(|(_, id)| *id).collect();
            ends.insert(parent.info.id, ShardEnd { children, next, floor });
        }
        let start = ends.values().map(|end| end.next).max().unwrap_or_default();
        // Kinesis' sequence numbers begin with the shard's creation in seconds, and grow from parent to child.
        let created = parents.iter().map(|parent| parent.info.created.plus_second()).fold(now, IngestionTime::max);
        let mut made = Vec::new();
        for (range, id) in &reshard.children {
            let parents = reshard.parents.clone();
            let info = ShardInfo { id: *id, range: *range, parents, created, start, floor };
            made.push(create_shard(&self.0.folder, &self.0.stream, info, &self.0.options)?);
        }
        let config = self.0.config.lock().clone();
        let last = reshard.children.iter().map(|(_, id)| id.0).max().unwrap_or_default();
        self.0.next_shard = self.0.next_shard.max(ShardId(last + 1));
        self.save(&config, |meta| {
            meta.shards.iter_mut().for_each(|entry| {
                if let Some(end) = ends.get(&entry.info.id) {
                    entry.end = Some(end.clone());
                }
            });
            meta.shards.extend(made.iter().map(|(shard, _)| catalog::entry(shard)));
        })?;
        // The children are there before a reader is told to go to them.
        for (shard, log) in made {
            self.0.shards.write().insert(shard.info.id, Arc::clone(&shard));
            self.0.logs.insert(shard.info.id, log);
        }
        for parent in parents {
            if let Some(mut log) = self.0.logs.remove(&parent.info.id)
                && let Err(error) = log.trim()
            {
                tracing::warn!(stream = %self.0.stream, %error, "a closed shard keeps room that it no longer needs");
            }
            if let Some(end) = ends.remove(&parent.info.id) {
                parent.close(end);
            }
        }
        Ok(())
    }
}

/// Makes a shard's folder and its first segment.
pub(crate) fn create_shard(
    stream_folder: &Path,
    stream: &Arc<str>,
    info: ShardInfo,
    options: &Options,
) -> Result<(Arc<Shard>, LogWriter)> {
    let folder = catalog::shard_folder(stream_folder, info.id);
    create_folder(&folder)?;
    let segment = Segment::create(&folder, info.id, info.start, info.floor)?;
    let log = LogWriter::open(
        folder,
        Arc::clone(&segment),
        info.start,
        false,
        #[cfg(test)]
        options.faults.clone(),
    )?;
    #[cfg(not(test))]
    let _ = options;
    let (start, floor) = (info.start, info.floor);
    Ok((Shard::new(Arc::clone(stream), info, None, vec![segment], start, floor, floor), log))
}
