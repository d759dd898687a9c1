//! What is peculiar to Debezium.

use super::reader::{Envelope, Operation};
use crate::fault::{Fault, Read, quote};
use crate::json::{Members, Scanner};

/// What is said about a change, by Flink's keys, and where.
pub(super) const METADATA: &[(&str, &str)] = &[
    ("ingestion-timestamp", "$.ts_ms"),
    ("source.timestamp", "$.source.ts_ms"),
    ("source.database", "$.source.db"),
    ("source.schema", "$.source.schema"),
    ("source.table", "$.source.table"),
    ("source.properties", "$.source"),
];

pub(super) fn metadata_path(key: &str) -> Option<&'static str> {
    METADATA.iter().find(|(known, _)| *known == key).map(|(_, path)| *path)
}

/// What a record is about; records wrapped with their schema have it in `payload`.
pub(super) fn envelope(scanner: &mut Scanner<'_>, required: bool, scratch: &mut String) -> Read<Envelope> {
    scanner.peek();
    let mut envelope = Envelope { at: scanner.at(), ..Envelope::default() };
    let mut payload = None;
    let mut operation = None;
    let mut members = Members::begin(scanner)?;
    while let Some(name) = members.next(scanner)? {
        match &*name {
            "payload" if operation.is_none() => {
                scanner.peek();
                payload = Some(scanner.at());
                scanner.skip()?;
            }
            "op" => operation = Some(scanner.string(scratch)?.to_owned()),
            "before" => envelope.before = scanner.is_object_passed()?,
            "after" => envelope.after = scanner.is_object_passed()?,
            _ => scanner.skip()?,
        }
    }
    match (operation, payload) {
        (None, Some(at)) => {
            let end = scanner.at();
            scanner.go_to(at);
            if scanner.peek() == Some(b'n') {
                scanner.go_to(end);
                return Ok(Envelope { operation: Operation::Tombstone, ..envelope });
            }
            let inner = self::envelope(scanner, false, scratch).map_err(|fault| fault.in_key("payload"))?;
            scanner.go_to(end);
            Ok(inner)
        }
        _ if required => Err(Fault::new("there is no `payload`, which `debezium-json.schema-include` promises")),
        (Some(operation), _) => {
            envelope.operation = match operation.as_str() {
                "c" | "r" => Operation::Insert,
                "u" => Operation::Update,
                "d" => Operation::Delete,
                "m" => Operation::Control,
                other => {
                    let what = format!("the operation {} is none of c, r, u, d", quote(other.as_bytes()));
                    return Err(Fault::new(what).in_key("op"));
                }
            };
            match envelope.operation {
                Operation::Insert if !envelope.after => Err(Fault::new("there is no `after`")),
                Operation::Update if !envelope.before => Err(Fault::new(
                    "the update has no `before`: set the table's REPLICA IDENTITY to FULL (PostgreSQL) or \
                     binlog_row_image to FULL (MySQL)",
                )),
                Operation::Update if !envelope.after => Err(Fault::new("there is no `after`")),
                Operation::Delete if !envelope.before => {
                    Err(Fault::new("the delete has no `before`: set the table's REPLICA IDENTITY to FULL (PostgreSQL)"))
                }
                _ => Ok(envelope),
            }
        }
        (None, None) => Err(Fault::new("there is no `op`: it is no change record of Debezium")),
    }
}
