//! Retention: which segments, and which closed shards, have expired.

use std::path::PathBuf;
use std::sync::Arc;

use crate::log::Segment;
use crate::options::StreamConfig;
use crate::shard::Shard;
use crate::{IngestionTime, Result, ShardId, catalog};

use super::writer::Writer;

impl Writer {
    /// Takes what has expired out of the log, and returns the files and folders to remove: `retention` does that, on its
    /// own thread, since the file system may take its time.
    pub(super) fn sweep(&mut self) -> Vec<PathBuf> {
        let config = self.0.config.lock().clone();
        let cutoff = config.retention_micros().map(|micros| self.0.options.clock.now().minus_micros(micros));
        let mut expired: Vec<Arc<Segment>> = Vec::new();
        let shards: Vec<Arc<Shard>> = self.0.shards.read().values().cloned().collect();
        if let Some(cutoff) = cutoff {
            self.roll_idle(&shards, cutoff);
            for shard in &shards {
                expired.extend(shard.expire(|_, last_stamp| last_stamp < cutoff));
            }
        }
        if let Some(limit) = config.retention_bytes {
            expired.extend(expire_by_size(&shards, limit));
        }
        let mut paths: Vec<PathBuf> = expired.into_iter().map(|segment| segment.path.clone()).collect();
        match self.forget_expired_shards(&shards, &config, cutoff) {
            Ok(folders) => paths.extend(folders),
            Err(error) => tracing::warn!(%error, "expired shards are still listed; tried again later"),
        }
        paths
    }

    /// An active segment can't be removed: one that holds only expired records is sealed first.
    fn roll_idle(&mut self, shards: &[Arc<Shard>], cutoff: IngestionTime) {
        for shard in shards.iter().filter(|shard| shard.newest() < cutoff) {
            let Some(log) = self.0.logs.get_mut(&shard.info.id).filter(|log| !log.is_empty()) else { continue };
            match log.roll(shard.floor()) {
                Ok(segment) => shard.push_segment(segment),
                Err(error) => tracing::warn!(%error, "an expired segment could not be sealed; tried again later"),
            }
        }
    }

    /// Closed shards without records leave the catalog, and then the disk.
    fn forget_expired_shards(
        &mut self,
        shards: &[Arc<Shard>],
        config: &StreamConfig,
        cutoff: Option<IngestionTime>,
    ) -> Result<Vec<PathBuf>> {
        // A shard that never held a record stays as long as one would have: consumers may be about to look for it.
        let gone = |shard: &&Arc<Shard>| {
            let over = cutoff.is_none_or(|cutoff| shard.end().is_some_and(|end| end.floor < cutoff));
            shard.end().is_some() && shard.bytes() == 0 && over
        };
        let gone: Vec<ShardId> = shards.iter().filter(gone).map(|shard| shard.info.id).collect();
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        self.save(config, |meta| meta.shards.retain(|entry| !gone.contains(&entry.info.id)))?;
        self.0.shards.write().retain(|id, _| !gone.contains(id));
        Ok(gone.iter().map(|id| catalog::shard_folder(&self.0.folder, *id)).collect())
    }
}

/// Takes the oldest sealed segments of all shards away until the rest has at most `limit` bytes.
fn expire_by_size(shards: &[Arc<Shard>], limit: u64) -> Vec<Arc<Segment>> {
    let mut bytes: u64 = shards.iter().map(|shard| shard.bytes()).sum();
    let mut expired = Vec::new();
    while bytes > limit {
        let oldest = shards.iter().filter_map(|shard| Some((shard.oldest_sealed()?, shard)));
        let Some((_, shard)) = oldest.min_by_key(|(floor, _): &(IngestionTime, _)| *floor) else { break };
        let mut one = true;
        let removed = shard.expire(|_, _| std::mem::take(&mut one));
        bytes -= removed.iter().map(|segment| segment.durable_bytes()).sum::<u64>().min(bytes);
        expired.extend(removed);
    }
    expired
}
