//! What stands before a record and says which schema wrote it.

use std::borrow::Cow;
use std::fmt;
use std::io::Read as _;

use crate::decoder::RECORD_BYTES_MAX;
use crate::fault::{Fault, Read};

/// Which header records carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WireHeader {
    /// None: all records have the same schema.
    #[default]
    None,
    /// Avro's own: `C3 01`, then the fingerprint, little endian.
    SingleObject,
    /// Confluent's: `00`, then the schema's number in four bytes, big endian.
    Confluent,
    /// AWS Glue's: `03`, a byte for the compression (`00` or `05` for zlib), then the version's UUID.
    Glue,
}

pub(crate) const HEADERS: &[(&str, WireHeader)] = &[
    ("none", WireHeader::None),
    ("single-object", WireHeader::SingleObject),
    ("confluent", WireHeader::Confluent),
    ("glue", WireHeader::Glue),
];

/// How Glue's payloads are packed when they are written. Read is either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// By zlib (RFC 1950).
    Zlib,
}

pub(crate) const COMPRESSIONS: &[(&str, Compression)] = &[("none", Compression::None), ("zlib", Compression::Zlib)];

/// The byte of Glue's header for each.
pub(super) const PLAIN: u8 = 0;
pub(super) const ZLIB: u8 = 5;

/// The first bytes of the registries' headers.
const CONFLUENT: u8 = 0;
const GLUE: u8 = 3;

/// How a header names a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaId {
    /// The fingerprint (CRC-64-AVRO) of its canonical form.
    Fingerprint(u64),
    /// Its number in a Confluent registry.
    Confluent(u32),
    /// The UUID of its version in a Glue registry.
    Glue(u128),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaId::Fingerprint(print) => write!(f, "{print:016x}"),
            SchemaId::Confluent(number) => write!(f, "{number}"),
            SchemaId::Glue(uuid) => {
                let hex = format!("{uuid:032x}");
                let cuts = [0..8, 8..12, 12..16, 16..20, 20..32];
                let parts = cuts.map(|cut| hex.get(cut).unwrap_or_default().to_owned());
                f.write_str(&parts.join("-"))
            }
        }
    }
}

/// A record's schema and its payload, which is unpacked if it was packed. Where either registry's header is asked for, the
/// other's is taken, too: their first bytes tell them apart, so that a stream may change from one registry to the other.
pub fn split_header(
    header: WireHeader,
    record: &[u8],
) -> std::result::Result<(Option<SchemaId>, Cow<'_, [u8]>), String> {
    split(header, record).map_err(|fault| fault.to_string())
}

pub(crate) fn split(header: WireHeader, record: &[u8]) -> Read<(Option<SchemaId>, Cow<'_, [u8]>)> {
    let missing = |what: &str| Fault::broken(format!("the record does not begin with the header of {what}"));
    match header {
        WireHeader::None => Ok((None, Cow::Borrowed(record))),
        WireHeader::SingleObject => {
            let rest = record.strip_prefix(&[0xC3, 0x01]).ok_or_else(|| missing("Avro's single objects"))?;
            let (print, payload) = rest.split_first_chunk().ok_or_else(|| missing("Avro's single objects"))?;
            Ok((Some(SchemaId::Fingerprint(u64::from_le_bytes(*print))), Cow::Borrowed(payload)))
        }
        WireHeader::Confluent | WireHeader::Glue => match record.split_first() {
            Some((&CONFLUENT, rest)) => {
                let (number, payload) = rest.split_first_chunk().ok_or_else(|| missing("Confluent's registry"))?;
                Ok((Some(SchemaId::Confluent(u32::from_be_bytes(*number))), Cow::Borrowed(payload)))
            }
            Some((&GLUE, rest)) => {
                let (compression, rest) = rest.split_first().ok_or_else(|| missing("Glue's registry"))?;
                let (uuid, payload) = rest.split_first_chunk().ok_or_else(|| missing("Glue's registry"))?;
                let payload = match *compression {
                    PLAIN => Cow::Borrowed(payload),
                    ZLIB => Cow::Owned(inflate(payload)?),
                    other => {
                        return Err(Fault::broken(format!("the header names compression {other}; 0 and 5 are known")));
                    }
                };
                Ok((Some(SchemaId::Glue(u128::from_be_bytes(*uuid))), payload))
            }
            _ if header == WireHeader::Glue => Err(missing("Glue's registry")),
            _ => Err(missing("Confluent's registry")),
        },
    }
}

/// Only the schema of a record, without looking at its payload.
pub(crate) fn id_of(header: WireHeader, record: &[u8]) -> Option<SchemaId> {
    match (header, record.first()) {
        (WireHeader::Confluent | WireHeader::Glue, Some(&GLUE)) => {
            let uuid = record.get(2..)?.first_chunk()?;
            Some(SchemaId::Glue(u128::from_be_bytes(*uuid)))
        }
        _ => split(header, record).ok()?.0,
    }
}

fn inflate(payload: &[u8]) -> Read<Vec<u8>> {
    let mut out = Vec::new();
    let limit = RECORD_BYTES_MAX as u64;
    flate2::read::ZlibDecoder::new(payload)
        .take(limit + 1)
        .read_to_end(&mut out)
        .map_err(|error| Fault::broken(format!("the payload can't be unpacked: {error}")))?;
    if out.len() as u64 > limit {
        return Err(Fault::broken(format!("the payload unpacks to more than {limit} bytes")));
    }
    Ok(out)
}

/// Writes the header of a schema.
pub fn write_header(id: SchemaId, out: &mut Vec<u8>) {
    match id {
        SchemaId::Fingerprint(print) => {
            out.extend_from_slice(&[0xC3, 0x01]);
            out.extend_from_slice(&print.to_le_bytes());
        }
        SchemaId::Confluent(number) => {
            out.push(CONFLUENT);
            out.extend_from_slice(&number.to_be_bytes());
        }
        SchemaId::Glue(uuid) => {
            out.extend_from_slice(&[GLUE, PLAIN]);
            out.extend_from_slice(&uuid.to_be_bytes());
        }
    }
}
