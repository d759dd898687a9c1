//! Who sends: address, user agent and country, of which only a salted hash and the country are kept with the beacon.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};
use parking_lot::Mutex;
use tidemill_web_analytics::envelope::{VisitorHash, VisitorSecret};
use tidemill_web_analytics::summary::cell::SiteId;

use crate::config::Http;

/// What a request tells about its sender.
pub(super) struct Sender<'a> {
    address: IpAddr,
    pub(super) user_agent: Cow<'a, str>,
    pub(super) country: Option<[u8; 2]>,
}

/// Tells visitors apart.
pub(crate) struct Senders(Mutex<VisitorSecret>);

// It holds a secret.
impl std::fmt::Debug for Senders {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Senders")
    }
}

impl Senders {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Senders(Mutex::new(VisitorSecret::new(secret)))
    }

    pub(super) fn of<'a>(&self, headers: &'a HeaderMap, http: &Http, peer: IpAddr) -> Sender<'a> {
        Sender {
            address: forwarded_address(headers, &http.address_header).unwrap_or(peer),
            user_agent: headers
                .get(header::USER_AGENT)
                .map_or(Cow::Borrowed(""), |agent| String::from_utf8_lossy(agent.as_bytes())),
            country: country(headers, &http.country_header),
        }
    }

    pub(super) fn visitor(&self, site: SiteId, sender: &Sender<'_>) -> VisitorHash {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.0.lock().hash(now_ms, site, sender.address, &sender.user_agent)
    }
}

/// The last address: the one that the trusted proxy itself saw. Those before it are whatever the sender wrote.
fn forwarded_address(headers: &HeaderMap, name: &str) -> Option<IpAddr> {
    if name.is_empty() {
        return None;
    }
    let told = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    let last = told.rsplit(',').next()?.trim();
    last.parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn country(headers: &HeaderMap, name: &str) -> Option<[u8; 2]> {
    if name.is_empty() {
        return None;
    }
    let code: [u8; 2] = headers.get(name)?.as_bytes().try_into().ok()?;
    let code = code.map(|letter| letter.to_ascii_uppercase());
    // `XX` is Cloudflare's word for unknown.
    (code.iter().all(u8::is_ascii_uppercase) && code != *b"XX").then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_what_the_proxy_wrote_last_is_believed() {
        let told = headers("x-forwarded-for", "10.9.9.9, 192.0.2.7");
        assert_eq!(forwarded_address(&told, "x-forwarded-for"), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(forwarded_address(&told, ""), None);
        assert_eq!(forwarded_address(&headers("x-forwarded-for", "nonsense"), "x-forwarded-for"), None);
    }

    #[test]
    fn a_country_counts_only_when_configured_and_well_formed() {
        let told = headers("cf-ipcountry", "de");
        assert_eq!(country(&told, "cf-ipcountry"), Some(*b"DE"));
        assert_eq!(country(&told, ""), None);
        for odd in ["XX", "T1", "DEU", ""] {
            assert_eq!(country(&headers("cf-ipcountry", odd), "cf-ipcountry"), None, "{odd}");
        }
    }
}
