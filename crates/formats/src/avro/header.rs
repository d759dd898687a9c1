//! What stands before a record and says which schema wrote it, and the seam to the registry that knows.

use std::borrow::Cow;
use std::fmt;
use std::io::Read as _;
use std::sync::Arc;

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

pub(super) const HEADERS: &[(&str, WireHeader)] = &[
    ("none", WireHeader::None),
    ("single-object", WireHeader::SingleObject),
    ("confluent", WireHeader::Confluent),
    ("glue", WireHeader::Glue),
];

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

/// Why a schema could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The registry has no such schema: records that name it are rejected.
    #[error("the registry has no such schema")]
    NotFound,
    /// The registry does not answer now: the batch fails as a whole, and can be tried again.
    #[error("the registry does not answer: {0}")]
    Unavailable(String),
}

/// A registry of schemas. Calls may wait for a network; decoders ask once for each schema and remember the answer.
pub trait SchemaLookup: Send + Sync {
    /// The schema of an id, as JSON text.
    fn schema(&self, id: SchemaId) -> std::result::Result<Arc<str>, LookupError>;

    /// The id of a schema, which may be registered by this.
    fn id(&self, schema: &str) -> std::result::Result<SchemaId, LookupError>;
}

/// A record's schema and its payload, which is unpacked if it was packed.
pub fn split_header(
    header: WireHeader,
    record: &[u8],
) -> std::result::Result<(Option<SchemaId>, Cow<'_, [u8]>), String> {
    split(header, record).map_err(|fault| fault.to_string())
}

pub(super) fn split(header: WireHeader, record: &[u8]) -> Read<(Option<SchemaId>, Cow<'_, [u8]>)> {
    let missing = |what: &str| Fault::broken(format!("the record does not begin with the header of {what}"));
    match header {
        WireHeader::None => Ok((None, Cow::Borrowed(record))),
        WireHeader::SingleObject => {
            let rest = record.strip_prefix(&[0xC3, 0x01]).ok_or_else(|| missing("Avro's single objects"))?;
            let (print, payload) = rest.split_first_chunk().ok_or_else(|| missing("Avro's single objects"))?;
            Ok((Some(SchemaId::Fingerprint(u64::from_le_bytes(*print))), Cow::Borrowed(payload)))
        }
        WireHeader::Confluent => {
            let rest = record.strip_prefix(&[0]).ok_or_else(|| missing("Confluent's registry"))?;
            let (number, payload) = rest.split_first_chunk().ok_or_else(|| missing("Confluent's registry"))?;
            Ok((Some(SchemaId::Confluent(u32::from_be_bytes(*number))), Cow::Borrowed(payload)))
        }
        WireHeader::Glue => {
            let rest = record.strip_prefix(&[3]).ok_or_else(|| missing("Glue's registry"))?;
            let (compression, rest) = rest.split_first().ok_or_else(|| missing("Glue's registry"))?;
            let (uuid, payload) = rest.split_first_chunk().ok_or_else(|| missing("Glue's registry"))?;
            let payload = match compression {
                0 => Cow::Borrowed(payload),
                5 => Cow::Owned(inflate(payload)?),
                other => return Err(Fault::broken(format!("the header names compression {other}; 0 and 5 are known"))),
            };
            Ok((Some(SchemaId::Glue(u128::from_be_bytes(*uuid))), payload))
        }
    }
}

/// Only the schema of a record, without looking at its payload.
pub(super) fn id_of(header: WireHeader, record: &[u8]) -> Option<SchemaId> {
    match header {
        WireHeader::Glue => {
            let uuid = record.strip_prefix(&[3])?.get(1..)?.first_chunk()?;
            Some(SchemaId::Glue(u128::from_be_bytes(*uuid)))
        }
        header => split(header, record).ok()?.0,
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
            out.push(0);
            out.extend_from_slice(&number.to_be_bytes());
        }
        SchemaId::Glue(uuid) => {
            out.extend_from_slice(&[3, 0]);
            out.extend_from_slice(&uuid.to_be_bytes());
        }
    }
}
