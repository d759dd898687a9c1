//! Frames of `application/vnd.amazon.eventstream`.
//!
//! ```text
//! frame  = total bytes u32, header bytes u32, CRC-32 of these two, header*, payload, CRC-32 of all before
//! header = name bytes u8, name, 7 (a string), value bytes u16, value             all numbers big-endian
//! ```

use bytes::Bytes;

use super::{Encoding, Fault, Value};

/// One message of an event stream.
#[derive(Clone, Debug)]
pub enum Frame {
    /// The first: the members of the answer that are no events.
    Initial(Value<'static>),
    /// An event of this type.
    Event(&'static str, Value<'static>),
    /// An error, after which the stream ends.
    Exception(Fault),
}

impl Frame {
    /// The `Content-Type` of an answer that is an event stream.
    pub const CONTENT_TYPE: &'static str = "application/vnd.amazon.eventstream";

    /// The frame's bytes.
    pub fn encode(&self, encoding: Encoding) -> Bytes {
        let content_type = (":content-type", encoding.content_type());
        match self {
            Self::Initial(value) => message(
                &[(":message-type", "event"), (":event-type", "initial-response"), content_type],
                &encoding.encode(value),
            ),
            Self::Event(name, value) => {
                message(&[(":message-type", "event"), (":event-type", name), content_type], &encoding.encode(value))
            }
            Self::Exception(fault) => message(
                &[(":message-type", "exception"), (":exception-type", fault.kind), content_type],
                &encoding.encode(&fault.body()),
            ),
        }
    }
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    const STRING: u8 = 7;
    let header_bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let total = 12 + header_bytes + payload.len() + 4;
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(&(total as u32).to_be_bytes());
    out.extend_from_slice(&(header_bytes as u32).to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    for (name, value) in headers {
        out.push(name.len() as u8);
        out.extend_from_slice(name.as_bytes());
        out.push(STRING);
        out.extend_from_slice(&(value.len() as u16).to_be_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.into()
}

#[cfg(test)]
mod tests {
    use super::super::structure;
    use super::*;

    #[test]
    fn a_frame_tells_its_lengths_and_checksums() {
        let frame = Frame::Event("Tick", structure([("n", 1u32.into())])).encode(Encoding::Json);
        let word = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
        assert_eq!(word(0) as usize, frame.len());
        assert_eq!(word(8), crc32fast::hash(&frame[..8]));
        assert_eq!(word(frame.len() - 4), crc32fast::hash(&frame[..frame.len() - 4]));
        let payload = &frame[12 + word(4) as usize..frame.len() - 4];
        assert_eq!(payload, br#"{"n":1}"#);
        assert!(frame[12..].starts_with(b"\x0d:message-type\x07\x00\x05event\x0b:event-type\x07\x00\x04Tick"));
    }
}
