//! What the service knows about streams beside their records: tags, consumers, mode, policies, flags.
//!
//! ```text
//! DIR/account.json          settings of the account; the key that seals tokens
//! DIR/streams/NAME.json     one file a stream, replaced as a whole
//! ```
//!
//! Notes tell of which stream they are by its creation: those of a deleted stream say nothing about a new one of its name.
//! A stream without notes has the defaults.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use tidemill_streams::Stream;

use crate::durable::{read_json, remove, write_json};
use crate::protocol::Fault;
use crate::{Error, Result};

/// Notes about a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Notes {
    /// The stream's creation in microseconds: tells it from others of its name.
    pub(super) created_us: i64,
    pub(super) on_demand: bool,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) policy: Option<String>,
    /// By name.
    pub(super) consumers: BTreeMap<String, Consumer>,
    /// Set while the encryption flag is on.
    pub(super) key_id: Option<String>,
    pub(super) metrics: BTreeSet<String>,
    pub(super) warm_mibps: Option<i64>,
    /// Partition keys do not tell the shard.
    pub(super) spread: bool,
    /// The number of shards that a change under way leads to; goes on after a restart.
    pub(super) scaling_to: Option<u32>,
    /// When its number of shards was changed, its encryption started, its mode switched: Unix ms of the last day.
    pub(super) scaled_ms: Vec<i64>,
    pub(super) encrypted_ms: Vec<i64>,
    pub(super) switched_ms: Vec<i64>,
}

/// A registered consumer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Consumer {
    /// In seconds: it is part of its ARN.
    pub(super) created_s: i64,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) policy: Option<String>,
}

/// Notes about the account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Account {
    /// The key that seals tokens.
    pub(super) seal: [u8; 32],
    /// Since when throughput is committed to, in Unix ms.
    pub(super) committed_ms: Option<i64>,
    /// Since when it isn't any more.
    pub(super) ended_ms: Option<i64>,
}

impl Account {
    /// Whether it commits to a throughput now.
    pub(super) fn is_committed(&self) -> bool {
        self.committed_ms.is_some() && self.ended_ms.is_none()
    }
}

/// All notes.
#[derive(Debug)]
pub(super) struct Notebook {
    folder: PathBuf,
    streams: RwLock<HashMap<String, Arc<Notes>>>,
    account: RwLock<Account>,
    /// One change at a time; reading goes on meanwhile.
    changing: Mutex<()>,
}

impl Notebook {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let listed = folder.join("streams");
        std::fs::create_dir_all(&listed).map_err(|error| Error::io("create", &listed, error))?;
        let failed = |error| Error::io("list", &listed, error);
        let mut streams = HashMap::new();
        for entry in std::fs::read_dir(&listed).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
            if let (Some(name), Some(notes)) = (name, read_json(&path)?) {
                streams.insert(name.to_owned(), Arc::new(notes));
            }
        }
        let file = folder.join("account.json");
        let account = match read_json(&file)? {
            Some(account) => account,
            None => {
                let mut account = Account::default();
                getrandom::fill(&mut account.seal).map_err(|error| Error::Random { error: error.to_string() })?;
                write_json(&file, &account)?;
                account
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            streams: RwLock::new(streams),
            account: RwLock::new(account),
            changing: Mutex::new(()),
        })
    }

    /// Notes about a stream.
    pub(super) fn of(&self, stream: &Stream) -> Arc<Notes> {
        let created_us = stream.created().as_micros();
        let found = self.streams.read().get(stream.name()).filter(|notes| notes.created_us == created_us).cloned();
        found.unwrap_or_else(|| Arc::new(Notes { created_us, ..Notes::default() }))
    }

    /// Changes the notes about a stream; they are on disk when this returns. A fault changes nothing.
    pub(super) fn change<T>(
        &self,
        stream: &Stream,
        change: impl FnOnce(&mut Notes) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let _one_at_a_time = self.changing.lock();
        let before = self.of(stream);
        let mut notes = Notes::clone(&before);
        let done = change(&mut notes)?;
        if notes != *before {
            write_json(&self.file(stream.name()), &notes).map_err(|error| Fault::internal(&error))?;
            self.streams.write().insert(stream.name().to_owned(), Arc::new(notes));
        }
        Ok(done)
    }

    /// Forgets a deleted stream.
    pub(super) fn forget(&self, stream: &Stream) {
        let _one_at_a_time = self.changing.lock();
        let created_us = stream.created().as_micros();
        let mut streams = self.streams.write();
        if streams.get(stream.name()).is_some_and(|notes| notes.created_us == created_us) {
            streams.remove(stream.name());
            if let Err(error) = remove(&self.file(stream.name())) {
                tracing::warn!(%error, "notes about a deleted stream stay until another one gets its name");
            }
        }
    }

    pub(super) fn account(&self) -> Account {
        self.account.read().clone()
    }

    pub(super) fn change_account(&self, change: impl FnOnce(&mut Account)) -> Result<Account, Fault> {
        let _one_at_a_time = self.changing.lock();
        let mut account = self.account();
        change(&mut account);
        write_json(&self.folder.join("account.json"), &account).map_err(|error| Fault::internal(&error))?;
        *self.account.write() = account.clone();
        Ok(account)
    }

    fn file(&self, stream: &str) -> PathBuf {
        self.folder.join("streams").join(format!("{stream}.json"))
    }
}
