//! The registry: the one writer of `sites.json`, and the snapshots that everybody reads.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::settings::{Retention, Settings};
use super::{Admission, NewSite, SitePatch};
use crate::api::{ApiError, ApiResult};
use crate::data_folder::write_durably;
use crate::error::{Error, Result};

/// Sites that one server takes.
const SITES_MAX: usize = 10_000;
/// Format of `sites.json`.
const FORMAT: u32 = 1;

/// A site as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Site {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) key: String,
    /// 32 bytes in hexadecimal.
    pub(crate) salt: String,
    pub(crate) created_ms: i64,
    pub(crate) settings: Settings,
}

impl Site {
    /// The secret with which its orders are hashed.
    pub(crate) fn salt_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(self.salt.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            // Checked when the registry was read.
            *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        }
        bytes
    }

    fn has_a_salt(&self) -> bool {
        self.salt.len() == 64 && self.salt.bytes().all(|digit| digit.is_ascii_hexdigit())
    }
}

// The salt is secret: it must not reach a log.
impl std::fmt::Debug for Site {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Site").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A site as requests see it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) site: Site,
    /// Shared by all views of the site, so that a changed setting doesn't open the gate anew.
    pub(crate) admission: Arc<Admission>,
}

/// All sites at one moment.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    by_name: BTreeMap<String, Arc<View>>,
    by_key: HashMap<String, Arc<View>>,
}

impl Snapshot {
    fn of(sites: &[Site], before: &Snapshot) -> Self {
        let mut snapshot = Snapshot::default();
        for site in sites {
            let admission = match before.by_key.get(&site.key) {
                Some(view) => view.admission.clone(),
                None => Arc::new(Admission::new()),
            };
            let view = Arc::new(View { site: site.clone(), admission });
            snapshot.by_name.insert(site.name.clone(), view.clone());
            snapshot.by_key.insert(site.key.clone(), view);
        }
        snapshot
    }

    pub(crate) fn by_key(&self, key: &str) -> Option<&Arc<View>> {
        self.by_key.get(key)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<View>> {
        self.by_name.get(name)
    }

    /// Hours that beacons are kept: by the site that keeps them longest.
    pub(crate) fn beacon_hours(&self) -> u32 {
        let days = self.by_name.values().map(|view| view.site.settings.retention.beacon_days).max();
        24 * days.unwrap_or(Retention::default().beacon_days)
    }

    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = &Arc<View>> {
        self.by_name.values()
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    next_id: u32,
    sites: Vec<Site>,
    /// Names that may not be taken yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<Gone>,
}

/// The name of a site that was deleted. Rows of it may still be on their way to the lake, into a folder of that name.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gone {
    name: String,
    /// Or when the server was started, if that was later: rows wait in checkpoints while it is down.
    deleted_ms: i64,
}

/// The registry of sites.
#[derive(Debug)]
pub(crate) struct Sites {
    path: PathBuf,
    stored: Mutex<Stored>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// How long after a site's deletion its name stays taken.
    name_kept: Duration,
}

impl Sites {
    /// Reads `sites.json`; without one there are no sites yet. The name of a deleted site can be taken again after `name_kept`.
    pub(crate) fn open(path: PathBuf, name_kept: Duration) -> Result<Sites> {
        let mut stored = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice::<Stored>(&text)
                .map_err(|error| Error::part("the registry of sites", format!("{}: {error}", path.display())))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Stored { format: FORMAT, next_id: 1, sites: Vec::new(), gone: Vec::new() }
            }
            Err(error) => return Err(Error::io("reading the registry of sites", &path, error)),
        };
        if stored.format > FORMAT {
            let said =
                format!("{} has format {}, known is {FORMAT}; install a newer tidemill", path.display(), stored.format);
            return Err(Error::part("the registry of sites", said));
        }
        if let Some(site) = stored.sites.iter().find(|site| !site.has_a_salt()) {
            let said = format!("{}: the salt of site {} is damaged; restore the file", path.display(), site.name);
            return Err(Error::part("the registry of sites", said));
        }
        stored.gone.iter_mut().for_each(|gone| gone.deleted_ms = now_ms());
        let snapshot = Snapshot::of(&stored.sites, &Snapshot::default());
        Ok(Sites { name_kept, path, stored: Mutex::new(stored), snapshot: RwLock::new(Arc::new(snapshot)) })
    }

    /// All sites now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().clone()
    }

    #[cfg(test)]
    pub(crate) fn create(&self, new: NewSite) -> ApiResult<Arc<View>> {
        self.create_after(new, |_| Ok(()))
    }

    /// Creates a site; it is on disk when this returns. Blocks for the disk. First `made_free`, which is given its name, clears what
    /// may be left under it.
    pub(crate) fn create_after(
        &self,
        new: NewSite,
        made_free: impl FnOnce(&str) -> ApiResult<()>,
    ) -> ApiResult<Arc<View>> {
        let (name, settings) = new.checked()?;
        self.change(&name, |stored| {
            if stored.sites.iter().any(|site| site.name == name) {
                return Err(ApiError::exists("site", &name));
            }
            let kept_ms = i64::try_from(self.name_kept.as_millis()).unwrap_or(i64::MAX);
            stored.gone.retain(|gone| now_ms().saturating_sub(gone.deleted_ms) < kept_ms);
            if let Some(gone) = stored.gone.iter().find(|gone| gone.name == name) {
                let left_ms = kept_ms.saturating_sub(now_ms().saturating_sub(gone.deleted_ms));
                return Err(ApiError::just_deleted(&name, left_ms.max(0) as u64 / 1_000 + 1));
            }
            if stored.sites.len() >= SITES_MAX {
                return Err(ApiError::limit(format!("{SITES_MAX} sites are there"), "delete one that isn't used"));
            }
            made_free(&name)?;
            let site = Site {
                id: stored.next_id,
                name: name.clone(),
                key: random_hex::<12>(),
                salt: random_hex::<32>(),
                created_ms: now_ms(),
                settings,
            };
            stored.next_id += 1;
            stored.sites.push(site);
            Ok(())
        })?;
        self.named(&name)
    }

    /// Changes a site's settings. Blocks for the disk.
    pub(crate) fn update(&self, name: &str, patch: SitePatch) -> ApiResult<Arc<View>> {
        self.change(name, |stored| {
            let site = stored
                .sites
                .iter_mut()
                .find(|site| site.name == name)
                .ok_or_else(|| ApiError::missing("site", name))?;
            site.settings = patch.apply(site.settings.clone())?;
            Ok(())
        })?;
        self.named(name)
    }

    /// Deletes a site; its beacons are refused from now on. Blocks for the disk.
    pub(crate) fn delete(&self, name: &str) -> ApiResult<Arc<View>> {
        let view = self.named(name)?;
        self.change(name, |stored| {
            let before = stored.sites.len();
            stored.sites.retain(|site| site.id != view.site.id);
            if stored.sites.len() == before {
                return Err(ApiError::missing("site", name));
            }
            stored.gone.push(Gone { name: name.to_owned(), deleted_ms: now_ms() });
            Ok(())
        })?;
        Ok(view)
    }

    /// The site of that name.
    pub(crate) fn named(&self, name: &str) -> ApiResult<Arc<View>> {
        self.snapshot().by_name(name).cloned().ok_or_else(|| ApiError::missing("site", name))
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Stored) -> ApiResult<()>) -> ApiResult<()> {
        let mut stored = self.stored.lock();
        let mut next =
            Stored { format: FORMAT, next_id: stored.next_id, sites: stored.sites.clone(), gone: stored.gone.clone() };
        change(&mut next)?;
        let text = serde_json::to_vec_pretty(&next).map_err(ApiError::internal)?;
        write_durably(&self.path, &text).map_err(|error| {
            tracing::error!(site = name, %error, "the registry of sites can't be written");
            ApiError::unavailable(error.to_string())
        })?;
        let snapshot = Snapshot::of(&next.sites, &self.snapshot());
        *stored = next;
        *self.snapshot.write() = Arc::new(snapshot);
        Ok(())
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn random_hex<const BYTES: usize>() -> String {
    let mut bytes = [0u8; BYTES];
    rand::rng().fill(&mut bytes[..]);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &tempfile::TempDir) -> Sites {
        Sites::open(folder.path().join("sites.json"), Duration::ZERO).unwrap()
    }

    #[test]
    fn a_site_is_there_after_a_restart_with_its_key_and_salt() {
        let folder = tempfile::tempdir().unwrap();
        let made = open(&folder).create(NewSite::named("shop")).unwrap();
        let again = open(&folder).snapshot();
        let found = again.by_key(&made.site.key).unwrap();
        assert_eq!((found.site.id, &found.site.salt), (1, &made.site.salt));
        assert_eq!(found.site.salt.len(), 64);
    }

    #[test]
    fn a_number_is_never_used_twice() {
        let folder = tempfile::tempdir().unwrap();
        let sites = open(&folder);
        sites.create(NewSite::named("shop")).unwrap();
        sites.delete("shop").unwrap();
        drop(sites);
        let sites = open(&folder);
        assert_eq!(sites.create(NewSite::named("shop")).unwrap().site.id, 2);
    }

    #[test]
    fn the_name_of_a_deleted_site_is_free_when_its_last_rows_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let wait = Duration::from_millis(200);
        let open = || Sites::open(folder.path().join("sites.json"), wait).unwrap();
        let sites = open();
        sites.create(NewSite::named("shop")).unwrap();
        sites.delete("shop").unwrap();
        let refused = sites.create(NewSite::named("shop")).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.code.as_str()), (409, "TM-API-0014"));
        sites.create(NewSite::named("other")).unwrap();
        drop(sites);

        std::thread::sleep(wait);
        let sites = open();
        assert!(
            sites.create(NewSite::named("shop")).is_err(),
            "a restart publishes what waited while the server was down"
        );
        std::thread::sleep(wait);
        assert_eq!(sites.create(NewSite::named("shop")).unwrap().site.id, 3);
    }

    #[test]
    fn a_name_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let sites = open(&folder);
        sites.create(NewSite::named("shop")).unwrap();
        assert_eq!(sites.create(NewSite::named("shop")).unwrap_err().status, 409);
        assert_eq!(sites.delete("other").unwrap_err().status, 404);
    }

    #[test]
    fn a_registry_that_cannot_be_written_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let sites = Sites::open(folder.path().join("gone").join("sites.json"), Duration::ZERO).unwrap();
        assert_eq!(sites.create(NewSite::named("shop")).unwrap_err().status, 503);
        assert_eq!(sites.snapshot().all().len(), 0);
    }

    #[test]
    fn a_changed_setting_keeps_the_admission() {
        let folder = tempfile::tempdir().unwrap();
        let sites = open(&folder);
        let before = sites.create(NewSite::named("shop")).unwrap();
        let patch = SitePatch { rate_per_second: Some(5), ..SitePatch::default() };
        let after = sites.update("shop", patch).unwrap();
        assert!(Arc::ptr_eq(&before.admission, &after.admission));
        assert_eq!(after.site.settings.rate_per_second, 5);
    }

    #[test]
    fn a_secret_does_not_reach_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let view = open(&folder).create(NewSite::named("shop")).unwrap();
        assert!(!format!("{view:?}").contains(&view.site.salt));
    }
}
