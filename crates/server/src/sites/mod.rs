//! Sites: who may send beacons, with which settings; kept in `sites.json`, replaced atomically.
//!
//! A site has a *number* that is never used twice and by which all of its data is kept, a *name* for people and paths,
//! a public *key* that stands in its pages, and a secret *salt* with which visitors and orders are hashed.

mod admission;
mod registry;
mod settings;

pub(crate) use admission::Admission;
pub(crate) use registry::{Sites, Snapshot, View};
pub(crate) use settings::{NewSite, SitePatch, SiteView};
