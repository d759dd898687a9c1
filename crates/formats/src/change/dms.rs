//! What is peculiar to AWS Database Migration Service.

use super::Filter;
use super::reader::{Envelope, Operation};
use crate::fault::{Fault, Read, quote};
use crate::json::{Keys, Members, Scanner};

/// What a record is about. `columns` are those that an image must have to be whole.
pub(super) fn envelope(
    scanner: &mut Scanner<'_>,
    filter: &Filter,
    columns: &mut Keys,
    scratch: &mut String,
) -> Read<Envelope> {
    scanner.peek();
    let mut envelope = Envelope { at: scanner.at(), ..Envelope::default() };
    let mut metadata = None;
    let mut members = Members::begin(scanner)?;
    while let Some(name) = members.next(scanner)? {
        match &*name {
            "data" => envelope.after = scanner.is_object_passed()?,
            "metadata" => {
                let read = Metadata::read(scanner, scratch).map_err(|fault| fault.in_key("metadata"))?;
                metadata = Some(read);
            }
            "before-image" if scanner.peek() == Some(b'{') => envelope.before = is_whole(scanner, columns, scratch)?,
            _ => scanner.skip()?,
        }
    }
    let metadata = metadata.ok_or_else(|| Fault::new("there is no `metadata`: it is no change record of DMS"))?;
    envelope.operation = metadata.operation()?;
    let wanted = |pattern: &Option<regex::Regex>, name: &Option<String>| {
        pattern.as_ref().is_none_or(|pattern| name.as_deref().is_some_and(|name| pattern.is_match(name)))
    };
    if !wanted(&filter.schema, &metadata.schema) || !wanted(&filter.table, &metadata.table) {
        envelope.operation = Operation::OtherTable;
    }
    let of_row = matches!(envelope.operation, Operation::Insert | Operation::Update | Operation::Delete);
    if of_row && !envelope.after {
        return Err(Fault::new("there is no `data`"));
    }
    Ok(envelope)
}

#[derive(Default)]
struct Metadata {
    record_type: Option<String>,
    operation: Option<String>,
    schema: Option<String>,
    table: Option<String>,
}

impl Metadata {
    fn read(scanner: &mut Scanner<'_>, scratch: &mut String) -> Read<Self> {
        let mut metadata = Metadata::default();
        let mut members = Members::begin(scanner)?;
        while let Some(name) = members.next(scanner)? {
            let to = match &*name {
                "record-type" => &mut metadata.record_type,
                "operation" => &mut metadata.operation,
                "schema-name" => &mut metadata.schema,
                "table-name" => &mut metadata.table,
                _ => {
                    scanner.skip()?;
                    continue;
                }
            };
            if scanner.peek() == Some(b'"') {
                *to = Some(scanner.string(scratch)?.to_owned());
            } else {
                scanner.skip()?;
            }
        }
        Ok(metadata)
    }

    fn operation(&self) -> Read<Operation> {
        match (self.record_type.as_deref(), self.operation.as_deref()) {
            (Some("control"), _) => Ok(Operation::Control),
            (Some("data") | None, Some("load" | "insert")) => Ok(Operation::Insert),
            (Some("data") | None, Some("update")) => Ok(Operation::Update),
            (Some("data") | None, Some("delete")) => Ok(Operation::Delete),
            (Some("data") | None, other) => {
                let found = other.map_or_else(|| "there is none".into(), |other| quote(other.as_bytes()));
                Err(Fault::new(format!("the operation is none of load, insert, update, delete: {found}"))
                    .in_key("operation")
                    .in_key("metadata"))
            }
            (Some(other), _) => {
                Err(Fault::new(format!("the record type {} is neither data nor control", quote(other.as_bytes())))
                    .in_key("record-type")
                    .in_key("metadata"))
            }
        }
    }
}

/// Whether an image has every column: DMS may leave out those that did not change, or all but the key.
fn is_whole(scanner: &mut Scanner<'_>, columns: &mut Keys, scratch: &mut String) -> Read<bool> {
    let mut seen = vec![false; columns.len()];
    scanner.expect(b'{')?;
    let (mut first, mut nth) = (true, 0);
    while scanner.next_in(b'}', &mut first)? {
        if let Some(seen) = columns.read(nth, scanner, scratch)?.and_then(|column| seen.get_mut(column)) {
            *seen = true;
        }
        nth += 1;
        scanner.expect(b':')?;
        scanner.skip()?;
    }
    Ok(seen.into_iter().all(|seen| seen))
}
