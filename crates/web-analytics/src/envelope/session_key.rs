//! The partition key of a record, so that a session's beacons stay in one shard and in order.

use super::{BodyKind, Envelope};
use std::borrow::Cow;

/// The session id out of the body without parsing all of it, else the visitor hash. Well below a microsecond for
/// bodies that name the session early, as the tracker's do.
///
/// Only a hint: the pipeline groups by the session id that the parser reads, so a body that fools this scan costs the
/// order within its session, nothing else.
pub fn partition_key<'a>(envelope: &'a Envelope<'_>) -> Cow<'a, [u8]> {
    let id = match envelope.kind {
        BodyKind::Json => json_session(envelope.body),
        BodyKind::Form | BodyKind::Query => form_session(envelope.body),
    };
    match id {
        Some(id) if !id.is_empty() && id.len() <= 3 * crate::beacon::ID_BYTES_MAX => Cow::Borrowed(id),
        _ => Cow::Borrowed(&envelope.visitor.0),
    }
}

/// The raw text of the top-level member `s`.
fn json_session(body: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut at) = (0u32, 0);
    while let Some(&byte) = body.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let text = string_at(body, at)?;
                at += text.len() + 1;
                if depth == 1 && text == b"s" {
                    let value = skip_space(body, at + 1);
                    if body.get(value) == Some(&b':') {
                        return string_at(body, skip_space(body, value + 1));
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The inside of the string whose opening quote is at `open`.
fn string_at(body: &[u8], open: usize) -> Option<&[u8]> {
    let inside = body.get(open..)?.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        match inside.get(at)? {
            b'"' => return inside.get(..at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn skip_space(body: &[u8], from: usize) -> usize {
    from + body.iter().skip(from).take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn form_session(body: &[u8]) -> Option<&[u8]> {
    body.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(b"rt.si="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::VisitorHash;
    use crate::summary::cell::SiteId;
    use proptest::prelude::*;

    fn key(kind: BodyKind, body: &[u8]) -> Vec<u8> {
        let visitor = VisitorHash(*b"0123456789abcdef");
        let envelope = Envelope { site: SiteId(1), visitor, kind, country: None, user_agent: "", body };
        partition_key(&envelope).into_owned()
    }

    #[test]
    fn the_session_of_a_json_beacon_is_its_top_level_s() {
        assert_eq!(key(BodyKind::Json, br#"{"v":1,"s":"abc","p":"x"}"#), b"abc");
        assert_eq!(key(BodyKind::Json, br#"{ "d" : {"s":"no"}, "q":["s",1], "t":"s", "s" : "yes" }"#), b"yes");
        assert_eq!(key(BodyKind::Json, br#"{"url":"a\"s\":\"b","s":"yes"}"#), b"yes");
    }

    #[test]
    fn without_a_session_id_the_visitor_decides() {
        for body in [&br#"{"v":1,"p":"x"}"#[..], br#"{"s":7}"#, br#"{"s":"#, b"garbage", br#"{"s":""}"#, b"\"", b""] {
            assert_eq!(key(BodyKind::Json, body), b"0123456789abcdef");
        }
    }

    #[test]
    fn the_session_of_a_boomerang_beacon_is_rt_si() {
        assert_eq!(key(BodyKind::Form, b"mob.etype=4g&rt.si=7007-x&rt.sl=1"), b"7007-x");
        assert_eq!(key(BodyKind::Query, b"n=1&pid=a"), b"0123456789abcdef");
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            key(BodyKind::Json, &body);
            key(BodyKind::Form, &body);
        }

        #[test]
        fn nearly_json_does_not_either(body in r#"[{}\[\]":s,\\ a]{0,60}"#) {
            key(BodyKind::Json, body.as_bytes());
        }
    }
}
