//! Where checkpoints live: an object store, a local folder by default.
//!
//! ```text
//! {job}/generations/{generation}.json     claims, create-if-absent
//! {job}/manifests/{epoch}-{generation}.json   create-if-absent
//! {job}/segments/{generation}-{n}.seg     state; many operators' segments in one object
//! {job}/savepoints/{name}/…               a manifest and segments of its own, never removed by the job
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path as FsPath, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures::{StreamExt, executor::block_on};
use object_store::{GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, local::LocalFileSystem, path::Path};

use super::manifest::{Claim, FORMAT, Manifest, ManifestId, SegmentRef, resolve};
use crate::{
    error::{EngineError, Result},
    key::owned_groups,
    state::{SnapshotReader, segment::SegmentReader},
    time::Epoch,
};

/// Checkpoints and savepoints of one job.
#[derive(Clone, Debug)]
pub struct CheckpointStore {
    store: Arc<dyn ObjectStore>,
    /// Set for a local folder: what is put there is also fsynced.
    folder: Option<Arc<PathBuf>>,
    job: Arc<str>,
}

/// Where a new generation starts.
#[derive(Clone, Debug)]
pub(crate) struct Restored {
    pub(crate) generation: u64,
    /// The epoch after which the generation goes on.
    pub(crate) epoch: Epoch,
    pub(crate) manifest: Option<Manifest>,
}

impl Restored {
    /// The manifest that the generation's checkpoints build on.
    pub(crate) fn base(&self, job: &str, workers: usize) -> Manifest {
        Manifest {
            format: FORMAT,
            job: job.to_string(),
            generation: self.generation,
            epoch: self.epoch.0,
            created_ms: 0,
            workers,
            operators: self.manifest.as_ref().map(|m| m.operators.clone()).unwrap_or_default(),
        }
    }
}

impl CheckpointStore {
    /// In a local folder, which is made if it is not there.
    pub fn local(folder: &FsPath, job: &str) -> Result<Self> {
        let storage = |e: &dyn std::fmt::Display| EngineError::Storage(format!("{}: {e}", folder.display()));
        std::fs::create_dir_all(folder).map_err(|e| storage(&e))?;
        let folder = folder.canonicalize().map_err(|e| storage(&e))?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|e| storage(&e))?;
        Ok(CheckpointStore { store: Arc::new(store), folder: Some(Arc::new(folder)), job: job.into() })
    }

    /// In any object store. Its `put` must be durable when it returns, and it must support create-if-absent.
    pub fn new(store: Arc<dyn ObjectStore>, job: &str) -> Self {
        CheckpointStore { store, folder: None, job: job.into() }
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.job))
    }

    /// Writes an object; durable when it returns.
    pub(crate) fn put(&self, name: &str, bytes: Bytes) -> Result<()> {
        let path = self.path(name);
        block_on(self.store.put(&path, bytes.into())).map_err(storage)?;
        self.sync(&path)
    }

    /// Writes an object unless it is there already; says whether it wrote.
    pub(crate) fn create(&self, name: &str, bytes: Bytes) -> Result<bool> {
        let path = self.path(name);
        let options = PutOptions { mode: PutMode::Create, ..Default::default() };
        match block_on(self.store.put_opts(&path, bytes.into(), options)) {
            Ok(_) => self.sync(&path).map(|()| true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(e) => Err(storage(e)),
        }
    }

    /// Forces a local object, and the folders on its way, to disk.
    fn sync(&self, path: &Path) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let file = folder.join(path.as_ref());
        let force = |p: &FsPath| std::fs::File::open(p).and_then(|f| f.sync_all());
        force(&file).map_err(storage)?;
        let mut parent = file.parent();
        while let Some(dir) = parent.filter(|d| d.starts_with(folder.as_path())) {
            force(dir).map_err(storage)?;
            parent = dir.parent();
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Bytes> {
        let path = self.path(name);
        block_on(async { self.store.get(&path).await?.bytes().await }).map_err(storage)
    }

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = self.path(folder);
        block_on(async {
            let mut names = Vec::new();
            let mut list = self.store.list(Some(&prefix));
            while let Some(object) = list.next().await {
                names.extend(object?.location.filename().map(str::to_string));
            }
            Ok(names)
        })
        .map_err(|e: object_store::Error| storage(e))
    }

    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        match block_on(self.store.delete(&self.path(name))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(storage(e)),
        }
    }

    pub(crate) fn segment(&self, at: &SegmentRef) -> Result<SegmentReader> {
        let range = GetRange::Bounded(at.offset..at.offset + at.length);
        let options = object_store::GetOptions { range: Some(range), ..Default::default() };
        let path = self.path(&at.object);
        let bytes = block_on(async { self.store.get_opts(&path, options).await?.bytes().await }).map_err(storage)?;
        SegmentReader::new(bytes, &at.object)
    }

    fn manifest_ids(&self) -> Result<Vec<ManifestId>> {
        Ok(self.names("manifests")?.iter().filter_map(|n| ManifestId::parse(n)).collect())
    }

    fn claims(&self) -> Result<Vec<Claim>> {
        let names = self.names("generations")?;
        let mut claims = Vec::new();
        for name in names {
            // A claim torn by a power cut was never acted upon: its generation is skipped, not reused.
            let generation = name.strip_suffix(".json").and_then(|g| g.parse().ok());
            match serde_json::from_slice(&self.get(&format!("generations/{name}"))?) {
                Ok(claim) => claims.push(claim),
                Err(_) => claims.extend(generation.map(|generation| Claim { generation, starts_after: u64::MAX })),
            }
        }
        Ok(claims)
    }

    /// The newest generation that has claimed this job.
    pub(crate) fn newest_generation(&self) -> Result<u64> {
        let names = self.names("generations")?;
        Ok(names.iter().filter_map(|n| n.strip_suffix(".json")?.parse().ok()).max().unwrap_or(0))
    }

    /// Claims a new generation and finds where it starts: at the named savepoint, else at the newest checkpoint that
    /// counts, else from nothing at epoch `fresh`.
    pub(crate) fn claim(&self, savepoint: Option<&str>, fresh: Epoch) -> Result<Restored> {
        loop {
            let claims = self.claims()?;
            let valid = resolve(&self.manifest_ids()?, &claims);
            let mut manifest = None;
            match savepoint {
                Some(name) => manifest = Some(self.savepoint(name)?),
                None => {
                    for id in &valid {
                        // A manifest torn by a power cut was never committed: the one before it counts.
                        match serde_json::from_slice::<Manifest>(&self.get(&id.path())?) {
                            Ok(found) => {
                                manifest = Some(found);
                                break;
                            }
                            Err(e) => tracing::warn!(manifest = id.path(), error = %e, "skipping a torn manifest"),
                        }
                    }
                }
            }
            if let Some(found) = manifest.as_ref().filter(|m| m.format > FORMAT) {
                return Err(EngineError::State(format!(
                    "the checkpoint has format {}, this version reads up to {FORMAT}; start it with the newer version",
                    found.format
                )));
            }
            // Epochs only grow, also when an old savepoint is restored: sinks recognise what they applied by them.
            if let (Some(found), Some(newest)) = (manifest.as_mut(), valid.first()) {
                found.epoch = found.epoch.max(newest.epoch.0);
            }
            let generation = claims.iter().map(|c| c.generation).max().unwrap_or(0) + 1;
            let epoch = manifest.as_ref().map_or(fresh, |m| Epoch(m.epoch));
            let name = format!("generations/{generation:010}.json");
            if self.create(&name, json(&Claim { generation, starts_after: epoch.0 })?)? {
                return Ok(Restored { generation, epoch, manifest });
            }
        }
    }

    /// Publishes a manifest; fails where a newer generation has taken over.
    pub(crate) fn publish(&self, manifest: &Manifest) -> Result<()> {
        let newer = self.newest_generation()?;
        let fenced = EngineError::Fenced { mine: manifest.generation, newer };
        if newer > manifest.generation {
            return Err(fenced);
        }
        let id = ManifestId { epoch: Epoch(manifest.epoch), generation: manifest.generation };
        if self.create(&id.path(), json(manifest)?)? { Ok(()) } else { Err(fenced) }
    }

    /// Copies a checkpoint under a name of its own. It stands by itself: no later checkpoint touches it.
    pub(crate) fn save(&self, name: &str, manifest: &Manifest) -> Result<()> {
        check_name(name)?;
        let mut copy = manifest.clone();
        for (operator, refs) in &mut copy.operators {
            for (n, at) in refs.iter_mut().enumerate() {
                let range = GetRange::Bounded(at.offset..at.offset + at.length);
                let options = object_store::GetOptions { range: Some(range), ..Default::default() };
                let from = self.path(&at.object);
                let bytes =
                    block_on(async { self.store.get_opts(&from, options).await?.bytes().await }).map_err(storage)?;
                at.object = format!("savepoints/{name}/{}-{n}.seg", operator.replace(['/', ' '], "_"));
                at.offset = 0;
                self.put(&at.object, bytes)?;
            }
        }
        if !self.create(&format!("savepoints/{name}/manifest.json"), json(&copy)?)? {
            return Err(EngineError::Plan(format!("a savepoint named '{name}' exists already; choose another name")));
        }
        Ok(())
    }

    fn savepoint(&self, name: &str) -> Result<Manifest> {
        check_name(name)?;
        let object = format!("savepoints/{name}/manifest.json");
        let bytes = self.get(&object).map_err(|_| {
            let known = self.savepoints().unwrap_or_default().join(", ");
            EngineError::Plan(format!("no savepoint '{name}'; there are: {known}"))
        })?;
        serde_json::from_slice(&bytes).map_err(|e| EngineError::corrupt(object, e))
    }

    /// The names of all savepoints.
    pub fn savepoints(&self) -> Result<Vec<String>> {
        let prefix = self.path("savepoints");
        let list = block_on(self.store.list_with_delimiter(Some(&prefix))).map_err(storage)?;
        Ok(list.common_prefixes.iter().filter_map(|p| p.filename().map(str::to_string)).collect())
    }

    /// The newest checkpoint that counts.
    pub fn latest(&self) -> Result<Option<Epoch>> {
        Ok(resolve(&self.manifest_ids()?, &self.claims()?).first().map(|m| m.epoch))
    }

    /// Removes manifests older than the newest `keep`, claims that no longer matter, and segments that no kept manifest
    /// names. Only the owner of the newest generation may call it.
    pub(crate) fn clean(&self, current: &Manifest, keep: usize) -> Result<()> {
        let mut ids = self.manifest_ids()?;
        ids.sort();
        let old = ids.len().saturating_sub(keep);
        let mut live: BTreeSet<String> = objects(current);
        for id in ids.iter().skip(old) {
            if let Ok(manifest) = serde_json::from_slice::<Manifest>(&self.get(&id.path())?) {
                live.extend(objects(&manifest));
            }
        }
        for id in ids.iter().take(old) {
            self.delete(&id.path())?;
        }
        for name in self.names("segments")? {
            let object = format!("segments/{name}");
            // Objects of this generation that no manifest names yet may be on their way into the next one.
            let mine = name.starts_with(&format!("{:010}-", current.generation));
            if !mine && !live.contains(&object) {
                self.delete(&object)?;
            }
        }
        Ok(())
    }

    /// What one worker restores of one operator.
    pub(crate) fn read(
        &self,
        operators: &BTreeMap<String, Vec<SegmentRef>>,
        operator: &str,
        worker: usize,
        workers: usize,
    ) -> Result<SnapshotReader> {
        let refs = operators.get(operator).map_or(&[][..], Vec::as_slice);
        let segments = refs.iter().map(|at| self.segment(at)).collect::<Result<Vec<_>>>()?;
        SnapshotReader::new(segments, owned_groups(worker, workers))
    }
}

fn objects(manifest: &Manifest) -> BTreeSet<String> {
    manifest.operators.values().flatten().map(|at| at.object.clone()).collect()
}

fn check_name(name: &str) -> Result<()> {
    let fits = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if fits {
        return Ok(());
    }
    Err(EngineError::Plan(format!("'{name}' can't name a savepoint: use 1 to 64 letters, digits, '-' or '_'")))
}

fn json<T: serde::Serialize>(value: &T) -> Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from).map_err(storage)
}

fn storage(error: impl std::fmt::Display) -> EngineError {
    EngineError::Storage(error.to_string())
}
