//! How a body is written, and how many beacons it holds.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use tidemill_web_analytics::envelope::BodyKind;

use super::refusal::Refusal;
use crate::http::BodyError;

/// Beacons in one request.
const BEACONS_MAX: usize = 1_000;

/// How a request's body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One beacon.
    One(BodyKind),
    /// One JSON beacon a line.
    Lines,
}

impl Kind {
    /// How each of its beacons is written.
    pub(super) fn of_beacon(self) -> BodyKind {
        match self {
            Kind::One(kind) => kind,
            Kind::Lines => BodyKind::Json,
        }
    }
}

/// Told by the header; `sendBeacon` says `text/plain` for JSON, and some senders call JSON a form.
pub(super) fn kind(headers: &HeaderMap, body: &[u8]) -> Kind {
    let told = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let is = |kind: &[u8]| told.get(..kind.len()).is_some_and(|told| told.eq_ignore_ascii_case(kind));
    if is(b"application/x-ndjson") {
        Kind::Lines
    } else if is(b"application/x-www-form-urlencoded") && !body.starts_with(b"{") {
        Kind::One(BodyKind::Form)
    } else {
        Kind::One(BodyKind::Json)
    }
}

/// The beacons of a body; there is always one, if only an empty one for the quarantine.
pub(super) fn split(kind: Kind, body: &Bytes) -> Result<Vec<&[u8]>, Refusal> {
    if kind != Kind::Lines {
        return Ok(vec![body]);
    }
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let beacons: Vec<&[u8]> = lines.take(BEACONS_MAX + 1).collect();
    match beacons.len() {
        0 => Ok(vec![&[]]),
        count if count > BEACONS_MAX => Err(Refusal::TooLarge),
        _ => Ok(beacons),
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Refusal::TooLarge,
            BodyError::TooSlow => Refusal::TooSlow,
            BodyError::Broken => Refusal::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn told(content_type: &'static str, body: &[u8]) -> Kind {
        kind(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]), body)
    }

    #[test]
    fn the_kind_is_told_by_the_header() {
        assert_eq!(told("text/plain;charset=UTF-8", b"{}"), Kind::One(BodyKind::Json));
        assert_eq!(told("application/json", b"{}"), Kind::One(BodyKind::Json));
        assert_eq!(told("Application/X-NDJSON", b"{}"), Kind::Lines);
        assert_eq!(told("application/x-www-form-urlencoded", b"n=1"), Kind::One(BodyKind::Form));
        assert_eq!(told("application/x-www-form-urlencoded", b"{\"v\":1}"), Kind::One(BodyKind::Json));
        assert_eq!(kind(&HeaderMap::new(), b""), Kind::One(BodyKind::Json));
    }

    #[test]
    fn lines_are_beacons_and_nothing_is_one_that_is_malformed() {
        let split = |text: &'static [u8]| split(Kind::Lines, &Bytes::from_static(text)).unwrap().len();
        assert_eq!(split(b"{}\r\n\n {} \n"), 2);
        assert_eq!(split(b"\n\n"), 1);
        assert_eq!(split(b""), 1);
    }

    #[test]
    fn too_many_lines_are_refused() {
        let body = Bytes::from("1\n".repeat(BEACONS_MAX + 1));
        assert_eq!(split(Kind::Lines, &body), Err(Refusal::TooLarge));
    }
}
