//! A folder of tables.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use parking_lot::{Mutex, RwLock};

use super::commit::{Committer, TableId};
use super::sweep::Sweeper;
use super::transaction::Transaction;
use super::{Clock, Moment, Table, TableInner, folder};
use crate::codec::RowCodec;
use crate::definition::TableDefinition;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// The keyspace of definitions: name of the table to its JSON.
const DEFINITIONS: &str = "tables";

/// How to open a folder of tables.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is accepted at most.
    pub limits: Limits,
    /// The clock that rows expire by.
    pub clock: Clock,
    /// Memory for blocks read from disk, in bytes, shared by all tables.
    pub cache_bytes: u64,
    /// Memory for rows not yet in sorted files, in bytes, for each table.
    pub memtable_bytes: u64,
    /// How often expired rows are looked for in the background; `None` never, then they only stay invisible.
    pub sweep_interval: Option<Duration>,
    /// How many rows the background looks at in one go while it finds few expired ones.
    pub sweep_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            limits: Limits::default(),
            clock: Clock::system(),
            cache_bytes: 32 * 1024 * 1024,
            memtable_bytes: 16 * 1024 * 1024,
            sweep_interval: Some(Duration::from_secs(1)),
            sweep_rows: 10_000,
        }
    }
}

/// A folder of tables, open in this process only. Clones share it; it closes when the last clone, [`Table`] and scan is
/// gone.
///
/// Every call blocks until the disk has answered: call from a blocking thread, not from an asynchronous task.
#[derive(Clone)]
pub struct Tables {
    opened: Arc<Opened>,
}

/// What an open folder owns. Fields are dropped in order: the sweeper stops before the store closes.
pub(crate) struct Opened {
    _sweeper: Option<Sweeper>,
    pub(crate) store: Arc<Store>,
}

/// The open store.
pub(crate) struct Store {
    path: PathBuf,
    pub(crate) committer: Committer,
    definitions: Keyspace,
    /// Taken by whoever creates or drops a table, before any other lock.
    changing: Mutex<()>,
    tables: RwLock<BTreeMap<String, Arc<TableInner>>>,
    pub(crate) options: Options,
    pub(crate) database: Database,
    _lock: File,
}

impl Tables {
    /// Opens the folder with the defaults, creating it when it does not exist.
    pub fn open(path: impl AsRef<Path>) -> Result<Tables> {
        Tables::open_with(path, Options::default())
    }

    /// Opens the folder, creating it when it does not exist.
    ///
    /// # Errors
    /// [`Error::Open`] when it can't be used or another program uses it, [`Error::NewerFormat`] when a newer program wrote it.
    pub fn open_with(path: impl AsRef<Path>, options: Options) -> Result<Tables> {
        let path = path.as_ref();
        let lock = folder::open(path)?;
        let refuse = |e: fjall::Error| Error::Open { path: path.to_owned(), reason: e.to_string() };
        folder::create_rows(path, |rows| {
            let database = Database::builder(rows).worker_threads(1).open().map_err(refuse)?;
            database.keyspace(DEFINITIONS, KeyspaceCreateOptions::default).map_err(refuse)?;
            database.persist(PersistMode::SyncAll).map_err(refuse)
        })?;
        let database = Database::builder(path.join("rows")).cache_size(options.cache_bytes).open().map_err(refuse)?;
        let definitions = database.keyspace(DEFINITIONS, KeyspaceCreateOptions::default).map_err(refuse)?;
        let store = Arc::new(Store {
            path: path.to_owned(),
            committer: Committer::new(database.clone(), options.limits.clone()),
            definitions,
            changing: Mutex::new(()),
            tables: RwLock::default(),
            options,
            database,
            _lock: lock,
        });
        store.load()?;
        let sweeper =
            store.options.sweep_interval.map(|interval| Sweeper::start(store.clone(), interval)).transpose()?;
        Ok(Tables { opened: Arc::new(Opened { _sweeper: sweeper, store }) })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.opened.store.path
    }

    /// The limits that this folder was opened with.
    pub fn limits(&self) -> &Limits {
        &self.opened.store.options.limits
    }

    /// Creates a table; when this returns it is on disk.
    ///
    /// # Errors
    /// [`Error::Definition`] when the definition is wrong, [`Error::TableExists`] when the name is taken,
    /// [`Error::Limit`] when the folder is full of tables.
    pub fn create(&self, definition: TableDefinition) -> Result<Table> {
        let table = self.opened.store.create(definition)?;
        Ok(Table::new(self.opened.clone(), table))
    }

    /// The table of this definition, created when there is none of its name.
    ///
    /// # Errors
    /// [`Error::Definition`] when there is one of that name and it has another definition; see also [`Tables::create`].
    pub fn create_if_absent(&self, definition: TableDefinition) -> Result<Table> {
        match self.create(definition.clone()) {
            Err(Error::TableExists(name)) => {
                let table = self.table(&name)?;
                match table.definition() == &definition {
                    true => Ok(table),
                    false => Err(Error::Definition {
                        table: name,
                        reason: "a table of this name has another definition; use another name or drop it".into(),
                    }),
                }
            }
            created => created,
        }
    }

    /// The table of this name.
    pub fn table(&self, name: &str) -> Result<Table> {
        let table = self.opened.store.tables.read().get(name).cloned();
        let table = table.ok_or_else(|| Error::NoSuchTable(name.to_owned()))?;
        Ok(Table::new(self.opened.clone(), table))
    }

    /// The names of all tables, sorted.
    pub fn list(&self) -> Vec<String> {
        self.opened.store.tables.read().keys().cloned().collect()
    }

    /// Drops a table with all its rows, durably. Handles to it answer [`Error::NoSuchTable`] from then on; scans that run
    /// go on, and the space is given back when the last of them ends.
    pub fn drop_table(&self, name: &str) -> Result<()> {
        self.opened.store.drop_table(name)
    }

    /// Begins a transaction. See [`Transaction`]; dropping it without a commit changes nothing.
    pub fn begin(&self) -> Transaction<'_> {
        Transaction::new(&self.opened.store)
    }

    /// Runs `body` as a transaction and commits it, again when it conflicts with another one. `body` may therefore run
    /// several times and should have no other effects.
    ///
    /// # Errors
    /// What `body` returns (then nothing is changed), [`Error::Conflict`] after
    /// [`Limits::conflict_attempts_max`] conflicts, or why the commit failed.
    pub fn transact<T>(&self, body: impl FnMut(&mut Transaction<'_>) -> Result<T>) -> Result<T> {
        self.opened.store.transact(body)
    }

    /// All tables as they are now.
    pub(crate) fn moment(&self) -> Moment {
        self.opened.store.moment()
    }

    /// Bytes on disk of all tables and the journal.
    pub fn disk_bytes(&self) -> Result<u64> {
        Ok(self.opened.store.database.disk_space()?)
    }
}

impl Store {
    /// See [`Tables::transact`].
    pub(crate) fn transact<T>(&self, mut body: impl FnMut(&mut Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut transaction = Transaction::new(self);
            let out = body(&mut transaction)?;
            match transaction.commit() {
                Ok(()) => return Ok(out),
                Err(Error::Conflict { .. }) if attempts < self.options.limits.conflict_attempts_max => {
                    // Losers wait a little longer each time, so that a long transaction gets its turn.
                    std::thread::sleep(Duration::from_micros(50 * u64::from(attempts.min(20))));
                }
                Err(Error::Conflict { .. }) => return Err(Error::Conflict { attempts }),
                Err(e) => return Err(e),
            }
        }
    }

    /// Reads the definitions, opens their keyspaces and deletes those that no definition names: what a crash in the
    /// middle of create or drop leaves.
    fn load(&self) -> Result<()> {
        let mut tables = BTreeMap::new();
        for entry in self.definitions.iter() {
            let (name, json) = entry.into_inner()?;
            let name = String::from_utf8_lossy(&name).into_owned();
            let (id, definition) = TableDefinition::from_json(&name, &json)?;
            tables.insert(name, self.open_table(TableId(id), definition)?);
        }
        for keyspace in self.database.list_keyspace_names() {
            let known = *keyspace == *DEFINITIONS || tables.values().any(|t| keyspace_name(t.id) == *keyspace);
            if !known {
                let orphan = self.database.keyspace(&keyspace, KeyspaceCreateOptions::default)?;
                self.database.delete_keyspace(orphan)?;
            }
        }
        *self.tables.write() = tables;
        Ok(())
    }

    fn create(&self, definition: TableDefinition) -> Result<Arc<TableInner>> {
        let limits = &self.options.limits;
        definition.validate(limits)?;
        let _changing = self.changing.lock();
        let (exists, count) = {
            let tables = self.tables.read();
            (tables.contains_key(definition.name()), tables.len())
        };
        if exists {
            return Err(Error::TableExists(definition.name().to_owned()));
        }
        if count >= limits.tables_max {
            return Err(Error::Limit {
                what: "the number of tables",
                found: count as u64 + 1,
                limit: limits.tables_max as u64,
                hint: "drop tables that are no longer used",
            });
        }
        let id = self.next_id();
        let table = self.open_table(id, definition)?;
        let json = table.definition.to_json(id.0)?;
        self.write_definition(|batch| batch.insert(&self.definitions, table.definition.name(), json))?;
        self.tables.write().insert(table.definition.name().to_owned(), table.clone());
        Ok(table)
    }

    fn drop_table(&self, name: &str) -> Result<()> {
        let _changing = self.changing.lock();
        let table = self.tables.read().get(name).cloned().ok_or_else(|| Error::NoSuchTable(name.to_owned()))?;
        self.committer
            .drop_table(table.id, name, || self.write_definition(|batch| batch.remove(&self.definitions, name)))?;
        table.dropped.store(true, Ordering::Release);
        self.tables.write().remove(name);
        Ok(self.database.delete_keyspace(table.keyspace.clone())?)
    }

    fn write_definition(&self, change: impl FnOnce(&mut fjall::OwnedWriteBatch)) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        change(&mut batch);
        Ok(batch.commit()?)
    }

    /// A number that no keyspace has, dropped ones that still are on disk included.
    fn next_id(&self) -> TableId {
        let used = self.database.list_keyspace_names();
        let highest = used.iter().filter_map(|name| name.strip_prefix("t-")?.parse::<u64>().ok()).max();
        TableId(highest.unwrap_or(0).max(self.committer.highest_dropped()) + 1)
    }

    fn open_table(&self, id: TableId, definition: TableDefinition) -> Result<Arc<TableInner>> {
        let codec = RowCodec::new(&definition)?;
        let memtable_bytes = self.options.memtable_bytes;
        let keyspace = self
            .database
            .keyspace(&keyspace_name(id), || KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes))?;
        Ok(Arc::new(TableInner { id, definition, codec, keyspace, dropped: AtomicBool::new(false) }))
    }

    /// All tables as they are now.
    pub(crate) fn moment(&self) -> Moment {
        Moment { snapshot: self.database.snapshot(), now_ms: self.options.clock.now_ms() }
    }

    /// The tables whose rows can expire.
    pub(crate) fn expiring(&self) -> Vec<Arc<TableInner>> {
        self.tables.read().values().filter(|table| table.codec.can_expire()).cloned().collect()
    }

    pub(crate) fn check_key(&self, key: &[u8]) -> Result<()> {
        let limit = self.options.limits.key_bytes_max.min(u16::MAX.into());
        match key.len() > limit {
            false => Ok(()),
            true => Err(Error::Limit {
                what: "the bytes of a key",
                found: key.len() as u64,
                limit: limit as u64,
                hint: "use a shorter key, for example a hash of the long column",
            }),
        }
    }

    pub(crate) fn check_row(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.check_key(key)?;
        let limit = self.options.limits.row_bytes_max.min(u32::MAX as usize);
        match value.len() > limit {
            false => Ok(()),
            true => Err(Error::Limit {
                what: "the bytes of a row",
                found: value.len() as u64,
                limit: limit as u64,
                hint: "keep large values in files and their names in the table",
            }),
        }
    }
}

fn keyspace_name(id: TableId) -> String {
    format!("t-{}", id.0)
}
