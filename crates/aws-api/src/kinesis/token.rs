//! What clients carry for the service: shard iterators and paging tokens. Opaque, checked, and expiring after five minutes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long they are good for.
pub(super) const TOKEN_MS: i64 = 300_000;
/// What a token begins with: the format's number.
const VERSION: u64 = 1;
const MAC_BYTES: usize = 16;

/// Seals tokens with a key of this server, so that no other can be made up.
#[derive(Clone, Debug)]
pub(super) struct Seal([u8; 32]);

/// A token that was opened.
#[derive(Debug)]
pub(super) struct Opened<T> {
    /// What it holds.
    pub(super) content: T,
    /// When it was sealed, in Unix milliseconds.
    pub(super) issued_ms: i64,
}

impl Seal {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// A token of this kind.
    pub(super) fn close(&self, kind: &str, content: &impl Serialize, now_ms: i64) -> String {
        let mut bytes = VERSION.to_be_bytes().to_vec();
        bytes.extend_from_slice(&now_ms.to_be_bytes());
        // Writing plain structures to a vector can't fail.
        let _ = serde_json::to_writer(&mut bytes, content);
        let mac = self.mac(kind, &bytes);
        bytes.extend_from_slice(&mac);
        STANDARD.encode(bytes)
    }

    /// Opens a token; `None` if this server didn't seal it as this kind.
    pub(super) fn open<T: DeserializeOwned>(&self, kind: &str, token: &str) -> Option<Opened<T>> {
        let bytes = STANDARD.decode(token).ok()?;
        let (sealed, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        let (version, rest) = sealed.split_at_checked(8)?;
        let (issued, content) = rest.split_at_checked(8)?;
        if mac != self.mac(kind, sealed) || version != VERSION.to_be_bytes() {
            return None;
        }
        let issued_ms = i64::from_be_bytes(issued.try_into().ok()?);
        Some(Opened { content: serde_json::from_slice(content).ok()?, issued_ms })
    }

    fn mac(&self, kind: &str, bytes: &[u8]) -> [u8; MAC_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(kind.as_bytes()).update(&[0]).update(bytes);
        let mut mac = [0; MAC_BYTES];
        hasher.finalize_xof().fill(&mut mac);
        mac
    }
}

/// `Thu Jan 22 01:22:02 UTC 2015`
pub(super) fn java_time(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    time.strftime("%a %b %d %H:%M:%S UTC %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_opened_by_its_seal_as_its_kind_only() {
        let seal = Seal::new([7; 32]);
        let token = seal.close("page", &("clicks", 3u32), 1_000);
        let opened = seal.open::<(String, u32)>("page", &token).unwrap();
        assert_eq!((opened.content, opened.issued_ms), (("clicks".to_owned(), 3), 1_000));
        assert!(seal.open::<(String, u32)>("iterator", &token).is_none());
        assert!(Seal::new([8; 32]).open::<(String, u32)>("page", &token).is_none());
        for i in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[i] = if forged[i] == b'A' { b'B' } else { b'A' };
            assert!(seal.open::<(String, u32)>("page", std::str::from_utf8(&forged).unwrap()).is_none());
        }
        assert!(seal.open::<()>("page", "").is_none());
    }

    #[test]
    fn times_are_written_as_java_does() {
        assert_eq!(java_time(1_421_889_722_000), "Thu Jan 22 01:22:02 UTC 2015");
    }
}
