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
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, local::LocalFileSystem, path::Path};

use super::{
    manifest::{Claim, FORMAT, Manifest, ManifestId, SegmentRef, Tables, resolve},
    object::{Buffers, ObjectWriter, StoredSegment},
};
use crate::{
    error::{EngineError, Result},
    key::owned_groups,
    state::{SnapshotReader, segment::Stored},
    time::Epoch,
};

/// A savepoint is copied in pieces of this many bytes.
const COPY_BYTES: usize = 1 << 20;

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

    pub(super) fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.job))
    }

    pub(super) fn objects(&self) -> &dyn ObjectStore {
        self.store.as_ref()
    }

    pub(super) fn is_local(&self) -> bool {
        self.folder.is_some()
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
    pub(super) fn sync(&self, path: &Path) -> Result<()> {
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

    pub(super) fn segment(&self, at: &SegmentRef) -> StoredSegment {
        StoredSegment { store: self.clone(), at: at.clone() }
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
                        match read_manifest(&self.get(&id.path())?)? {
                            Ok(found) => {
                                manifest = Some(found);
                                break;
                            }
                            Err(e) => tracing::warn!(manifest = id.path(), error = %e, "skipping a torn manifest"),
                        }
                    }
                }
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
        let taken = || EngineError::Plan(format!("a savepoint named '{name}' exists already; choose another name"));
        // Looked at first: its segments must not be written over.
        let object = format!("savepoints/{name}/manifest.json");
        match block_on(self.store.head(&self.path(&object))) {
            Ok(_) => return Err(taken()),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(e) => return Err(storage(e)),
        }
        let mut copy = manifest.clone();
        for (operator, tables) in &mut copy.operators {
            let operator = operator.replace(['/', ' '], "_");
            for (n, at) in tables.values_mut().flatten().enumerate() {
                let object = format!("savepoints/{name}/{operator}-{n}.seg");
                let mut writer = ObjectWriter::new(self.clone(), object.clone(), Buffers::default());
                let from = self.segment(at);
                for start in (0..at.length).step_by(COPY_BYTES) {
                    let piece = from.read(start..at.length.min(start + COPY_BYTES as u64))?;
                    writer.push(piece.into())?;
                }
                *at = SegmentRef { object, offset: 0, length: writer.finish()? };
            }
        }
        if self.create(&object, json(&copy)?)? { Ok(()) } else { Err(taken()) }
    }

    fn savepoint(&self, name: &str) -> Result<Manifest> {
        check_name(name)?;
        let object = format!("savepoints/{name}/manifest.json");
        let bytes = self.get(&object).map_err(|_| {
            let known = self.savepoints().unwrap_or_default().join(", ");
            EngineError::Plan(format!("no savepoint '{name}'; there are: {known}"))
        })?;
        read_manifest(&bytes)?.map_err(|e| EngineError::corrupt(object, e))
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
        let mut live = objects(current);
        for id in ids.iter().skip(old) {
            if let Ok(manifest) = serde_json::from_slice::<Manifest>(&self.get(&id.path())?) {
                live.extend(objects(&manifest));
            }
        }
        for id in ids.iter().take(old) {
            self.delete(&id.path())?;
        }
        self.clean_unfinished(current.generation)?;
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

    /// Removes what earlier generations were writing to the local folder when they died. The store writes
    /// `name#number` and then renames it; its lists leave such files out.
    fn clean_unfinished(&self, generation: u64) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let Ok(files) = std::fs::read_dir(folder.join(self.path("segments").as_ref())) else { return Ok(()) };
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let of = name.split_once('-').and_then(|(of, _)| of.parse::<u64>().ok());
            if name.contains('#') && of.is_some_and(|of| of < generation) {
                std::fs::remove_file(file.path()).map_err(storage)?;
            }
        }
        Ok(())
    }

    /// What one worker restores of one operator.
    pub(crate) fn read(
        &self,
        operators: &BTreeMap<String, Tables>,
        operator: &str,
        worker: usize,
        workers: usize,
    ) -> SnapshotReader {
        let tables = operators.get(operator).into_iter().flatten().map(|(table, segments)| {
            let stored = |at| -> Arc<dyn Stored> { Arc::new(self.segment(at)) };
            (table.clone(), segments.iter().map(stored).collect())
        });
        SnapshotReader::new(tables, owned_groups(worker, workers))
    }
}

fn objects(manifest: &Manifest) -> BTreeSet<String> {
    manifest.segments().map(|at| at.object.clone()).collect()
}

/// A manifest; the inner error says that it is torn, the outer one that it is whole but not for this version.
fn read_manifest(bytes: &[u8]) -> Result<serde_json::Result<Manifest>> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    match serde_json::from_slice::<Version>(bytes).map(|v| v.format) {
        Ok(FORMAT) | Err(_) => Ok(serde_json::from_slice(bytes)),
        Ok(format) => Err(EngineError::State(format!(
            "the checkpoint has format {format}, this version reads {FORMAT}; start it with the version that wrote it"
        ))),
    }
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

pub(super) fn storage(error: impl std::fmt::Display) -> EngineError {
    EngineError::Storage(error.to_string())
}
