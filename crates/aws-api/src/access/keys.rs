//! Access keys, kept in one file that only its owner can read: signatures can't be checked without the secret itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::durable::{read_json, write_json};
use crate::{Error, Result};

/// The most access keys.
pub const KEYS_MAX: usize = 1_000;
/// The most characters of a key's name.
pub const KEY_NAME_CHARS_MAX: usize = 64;

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Admin,
    /// Describes streams and puts records.
    Producer,
    /// Describes streams and gets records, also by subscription.
    Consumer,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its id, `AWS_ACCESS_KEY_ID`.
    pub id: String,
    /// What it is for, or whose.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Unix milliseconds.
    pub created_ms: i64,
    secret: String,
}

/// A key just made: the only time that its secret is told.
#[derive(Clone, Debug)]
pub struct NewAccessKey {
    /// The key.
    pub key: AccessKey,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret: String,
}

/// All access keys.
#[derive(Clone, Debug)]
pub struct AccessKeys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    keys: Mutex<Vec<AccessKey>>,
}

impl AccessKeys {
    /// Reads the keys of a file; without it there are none.
    pub fn open(file: &Path) -> Result<Self> {
        let keys = read_json(file)?.unwrap_or_default();
        Ok(Self(Arc::new(Inner { file: file.to_owned(), keys: Mutex::new(keys) })))
    }

    /// Makes a key, durably.
    pub fn create(&self, name: &str, role: Role) -> Result<NewAccessKey> {
        let shown = |char: char| char.is_ascii_graphic();
        if name.is_empty() || name.len() > KEY_NAME_CHARS_MAX || !name.chars().all(shown) {
            return Err(Error::InvalidKeyName { name: name.chars().take(KEY_NAME_CHARS_MAX).collect() });
        }
        let mut keys = self.0.keys.lock();
        if keys.len() >= KEYS_MAX {
            return Err(Error::TooManyKeys);
        }
        if keys.iter().any(|key| key.name == name) {
            return Err(Error::KeyExists { name: name.to_owned() });
        }
        let mut random = [0; 46];
        getrandom::fill(&mut random).map_err(|error| Error::Random { error: error.to_string() })?;
        let (id, secret) = random.split_at(16);
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
        let key = AccessKey {
            // 20 characters, as clients expect.
            id: "AKTM".chars().chain(id.iter().map(letter)).collect(),
            name: name.to_owned(),
            role,
            created_ms: jiff::Timestamp::now().as_millisecond(),
            secret: STANDARD.encode(secret),
        };
        let mut changed = keys.clone();
        changed.push(key.clone());
        write_json(&self.0.file, &changed)?;
        *keys = changed;
        Ok(NewAccessKey { secret: key.secret.clone(), key })
    }

    /// All keys, in the order of their making.
    pub fn list(&self) -> Vec<AccessKey> {
        self.0.keys.lock().clone()
    }

    /// Deletes the key of this id or name; it can't be used from now on.
    pub fn delete(&self, which: &str) -> Result<AccessKey> {
        let mut keys = self.0.keys.lock();
        let mut changed = keys.clone();
        let found = changed.iter().position(|key| key.id == which || key.name == which);
        let Some(at) = found else { return Err(Error::KeyNotFound { which: which.chars().take(64).collect() }) };
        let gone = changed.remove(at);
        write_json(&self.0.file, &changed)?;
        *keys = changed;
        Ok(gone)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.keys.lock().is_empty()
    }

    pub(super) fn find(&self, id: &str) -> Option<AccessKey> {
        self.0.keys.lock().iter().find(|key| key.id == id).cloned()
    }
}

impl AccessKey {
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_kept_until_it_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("access-keys.json");
        let keys = AccessKeys::open(&file).unwrap();
        assert!(keys.is_empty());
        let made = keys.create("shop", Role::Producer).unwrap();
        assert_eq!((made.key.id.len(), made.secret.len()), (20, 40));
        assert!(matches!(keys.create("shop", Role::Admin), Err(Error::KeyExists { .. })));
        assert!(matches!(keys.create("a b", Role::Admin), Err(Error::InvalidKeyName { .. })));
        let again = AccessKeys::open(&file).unwrap();
        assert_eq!(again.list(), std::slice::from_ref(&made.key));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(again.delete(&made.key.id).unwrap(), made.key);
        assert!(matches!(again.delete("shop"), Err(Error::KeyNotFound { .. })));
        assert!(AccessKeys::open(&file).unwrap().is_empty());
    }
}
