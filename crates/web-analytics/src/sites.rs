//! What the pipeline must know about each site: a snapshot that is shared cheaply and replaced as a whole.

use crate::envelope::cut;
use crate::summary::cell::SiteId;
use hashbrown::HashMap;
use parking_lot::RwLock;
use std::sync::Arc;

/// Most sites of one server.
pub const SITES_MAX: usize = 100_000;

/// A site as the pipeline sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Its number.
    pub id: SiteId,
    /// Its name; `tenant` in the lake.
    pub name: Arc<str>,
    /// After so long without a beacon a session is over.
    pub session_gap_ms: i64,
    /// Names of its own dimensions.
    pub dimensions: Vec<Arc<str>>,
    /// Its A/B groups, if it declared them; others are flagged.
    pub groups: Option<Vec<Arc<str>>>,
    /// Salt of its order hashes: random, never changed, never shown.
    pub order_salt: [u8; 32],
}

impl Site {
    /// Whether `group` is one of the site's. No group at all is nothing to flag.
    pub fn knows_group(&self, group: &str) -> bool {
        group.is_empty() || self.groups.as_ref().is_none_or(|known| known.iter().any(|name| **name == *group))
    }

    /// An order as it is remembered: 128 bits of keyed BLAKE3. About 0.1 µs.
    pub fn order_hash(&self, id: &str) -> [u8; 16] {
        let mut hash = [0; 16];
        blake3::Hasher::new_keyed(&self.order_salt)
            .update(cut(id, crate::beacon::ID_BYTES_MAX).as_bytes())
            .finalize_xof()
            .fill(&mut hash);
        hash
    }
}

/// All sites at one moment.
#[derive(Clone, Debug, Default)]
pub struct SitesSnapshot {
    by_id: HashMap<SiteId, Arc<Site>, ahash::RandomState>,
}

impl SitesSnapshot {
    /// A snapshot of `sites`.
    pub fn new(sites: impl IntoIterator<Item = Site>) -> Self {
        Self { by_id: sites.into_iter().take(SITES_MAX).map(|site| (site.id, Arc::new(site))).collect() }
    }

    /// A site by its number.
    pub fn get(&self, id: SiteId) -> Option<&Arc<Site>> {
        self.by_id.get(&id)
    }
}

/// The sites as they are now: the server replaces the snapshot, operators take it once a batch.
#[derive(Clone, Debug, Default)]
pub struct Sites {
    current: Arc<RwLock<Arc<SitesSnapshot>>>,
}

impl Sites {
    /// Starts with `snapshot`.
    pub fn new(snapshot: SitesSnapshot) -> Self {
        Self { current: Arc::new(RwLock::new(Arc::new(snapshot))) }
    }

    /// The sites as they are now.
    pub fn snapshot(&self) -> Arc<SitesSnapshot> {
        self.current.read().clone()
    }

    /// Replaces them.
    pub fn replace(&self, snapshot: SitesSnapshot) {
        *self.current.write() = Arc::new(snapshot);
    }
}
