//! What differs between a writer's and a reader's file. Records carry field numbers and wire types, so those count and
//! names do not, except a package's and a message's, by which programs find them.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};

use super::ProtobufSchema;
use crate::compatibility::{Difference, RuleSet};

/// What differs; what breaks reading is marked. The rules' names are those of Confluent's checker.
pub(crate) fn compare(reader: &ProtobufSchema, writer: &ProtobufSchema, rules: RuleSet) -> Vec<Difference> {
    let mut comparison = Comparison { rules, path: Vec::new(), found: Vec::new(), seen: BTreeSet::new() };
    let (read, written) = (reader.file().package_name(), writer.file().package_name());
    if read != written {
        let reason = format!("the package is {read:?}, the writer's {written:?}");
        comparison.add("PACKAGE_CHANGED", read, written, reason, "keep the package");
    }
    comparison.messages(writer.file().messages().collect(), reader.file().messages().collect());
    let names = |file: &ProtobufSchema| file.file().enums().map(|one| one.name().to_owned()).collect();
    comparison.enums(&names(writer), &names(reader));
    comparison.found
}

struct Comparison {
    rules: RuleSet,
    path: Vec<String>,
    found: Vec<Difference>,
    /// Messages of the writer and the reader that were compared.
    seen: BTreeSet<(String, String)>,
}

impl Comparison {
    fn at(&mut self, step: impl Into<String>, inside: impl FnOnce(&mut Self)) {
        self.path.push(step.into());
        inside(self);
        self.path.pop();
    }

    /// Notes a difference that breaks reading, or, without a remedy, one that does not.
    fn add(&mut self, rule: &'static str, reader: &str, writer: &str, reason: String, remedy: &str) {
        let path = format!("#/{}", self.path.join("/"));
        let (reader, writer, breaks) = (reader.to_owned(), writer.to_owned(), !remedy.is_empty());
        self.found.push(Difference { rule, path, breaks, reader, writer, reason, remedy: remedy.to_owned() });
    }

    fn enums(&mut self, writer: &BTreeSet<String>, reader: &BTreeSet<String>) {
        for name in writer.difference(reader) {
            self.at(name, |all| all.add("ENUM_REMOVED", "", name, "the reader has not this enum".into(), ""));
        }
        for name in reader.difference(writer) {
            self.at(name, |all| all.add("ENUM_ADDED", name, "", "the writer has not this enum".into(), ""));
        }
    }

    fn messages(&mut self, writer: Vec<MessageDescriptor>, reader: Vec<MessageDescriptor>) {
        let by_name = |messages: Vec<MessageDescriptor>| -> BTreeMap<String, MessageDescriptor> {
            let messages = messages.into_iter().filter(|message| !message.is_map_entry());
            messages.map(|message| (message.name().to_owned(), message)).collect()
        };
        let (writer, reader) = (by_name(writer), by_name(reader));
        for (name, message) in &writer {
            self.at(name, |all| match reader.get(name) {
                Some(read) => all.message(message, read),
                None => {
                    let reason = format!("the reader has no message {name}");
                    all.add("MESSAGE_REMOVED", "", name, reason, "keep the message");
                }
            });
        }
        for name in reader.keys().filter(|name| !writer.contains_key(*name)) {
            self.at(name, |all| all.add("MESSAGE_ADDED", name, "", "the writer has not this message".into(), ""));
        }
    }

    fn message(&mut self, writer: &MessageDescriptor, reader: &MessageDescriptor) {
        if !self.seen.insert((writer.full_name().to_owned(), reader.full_name().to_owned())) {
            return;
        }
        self.oneofs(writer, reader);
        let by_number = |message: &MessageDescriptor| -> BTreeMap<u32, FieldDescriptor> {
            message.fields().map(|field| (field.number(), field)).collect()
        };
        let (written, read) = (by_number(writer), by_number(reader));
        for number in written.keys().chain(read.keys()).collect::<BTreeSet<_>>() {
            self.at(number.to_string(), |all| match (written.get(number), read.get(number)) {
                (Some(writer), Some(reader)) => all.field(writer, reader),
                (Some(writer), None) => all.removed(writer),
                (None, Some(reader)) => all.added(reader),
                (None, None) => {}
            });
        }
        self.messages(writer.child_messages().collect(), reader.child_messages().collect());
        let enums = |message: &MessageDescriptor| message.child_enums().map(|one| one.name().to_owned()).collect();
        self.enums(&enums(writer), &enums(reader));
    }

    fn removed(&mut self, writer: &FieldDescriptor) {
        let declared = declared(writer);
        let name = writer.name();
        if writer.cardinality() == Cardinality::Required {
            let reason = format!("the writer's required field {name} is gone");
            return self.add("REQUIRED_FIELD_REMOVED", "", &declared, reason, "keep the field");
        }
        if let Some(oneof) = oneof(writer) {
            let reason = format!("the field {name} of the oneof {oneof} is gone");
            return self.add("ONEOF_FIELD_REMOVED", "", &declared, reason, "keep the field in its oneof");
        }
        self.add("FIELD_REMOVED", "", &declared, format!("the field {name} is gone"), "");
    }

    fn added(&mut self, reader: &FieldDescriptor) {
        let declared = declared(reader);
        if reader.cardinality() == Cardinality::Required {
            let reason = format!("the field {} is required and the writer has it not", reader.name());
            return self.add("REQUIRED_FIELD_ADDED", &declared, "", reason, "make the field optional");
        }
        self.add("FIELD_ADDED", &declared, "", format!("the field {} is new", reader.name()), "");
    }

    /// Fields may move out of a oneof; one may move into a new one, since at most one of a oneof's is set.
    fn oneofs(&mut self, writer: &MessageDescriptor, reader: &MessageDescriptor) {
        for read in reader.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let written: Vec<FieldDescriptor> =
                read.fields().filter_map(|field| writer.get_field(field.number())).collect();
            let moved = written.iter().filter(|field| oneof(field).is_none()).count();
            let (name, from) = (read.name().to_owned(), written.len() - moved);
            self.at(&name, |all| {
                let keep = "leave the fields where the writer has them";
                if moved > 1 {
                    let reason = format!("{moved} fields moved into the oneof {name}, which keeps one of them");
                    all.add("MULTIPLE_FIELDS_MOVED_TO_ONEOF", &name, "", reason, keep);
                } else if moved == 1 && from > 0 {
                    let reason = format!("a field moved into the oneof {name}, which was there before");
                    all.add("FIELD_MOVED_TO_EXISTING_ONEOF", &name, "", reason, keep);
                }
            });
        }
    }

    fn field(&mut self, writer: &FieldDescriptor, reader: &FieldDescriptor) {
        let (read, written) = (declared(reader), declared(writer));
        if writer.name() != reader.name() {
            let reason = format!("the field {} is called {}", writer.name(), reader.name());
            self.add("FIELD_NAME_CHANGED", &read, &written, reason, "");
        }
        // A field that left its oneof is gone from it, unless the oneof is gone too.
        let still_there = |oneof: &String| reader.parent_message().oneofs().any(|one| one.name() == oneof);
        if let Some(left) = oneof(writer).filter(still_there)
            && oneof(reader).as_ref() != Some(&left)
        {
            let reason = format!("the field {} left the oneof {left}", writer.name());
            self.add("ONEOF_FIELD_REMOVED", &read, &written, reason, "keep the field in its oneof");
        }
        self.labels(writer, reader);
        if writer.is_map() != reader.is_map() {
            let reason = "one of the fields is a map, the other is none".to_owned();
            return self.add("FIELD_KIND_CHANGED", &read, &written, reason, "keep the field's type");
        }
        self.kinds(writer.kind(), reader.kind(), &written, &read);
    }

    fn labels(&mut self, writer: &FieldDescriptor, reader: &FieldDescriptor) {
        let (read, written) = (declared(reader), declared(writer));
        match (writer.cardinality(), reader.cardinality()) {
            (Cardinality::Repeated, Cardinality::Repeated) => {}
            // The last of several numbers would be kept, or, since they are packed, none.
            (Cardinality::Repeated, _) | (_, Cardinality::Repeated)
                if self.rules == RuleSet::Glue && !writer.is_map() && !reader.is_map() =>
            {
                let reason = "the field is repeated on one side only".to_owned();
                self.add("FIELD_LABEL_CHANGED", &read, &written, reason, "keep the field's label");
            }
            (Cardinality::Optional, Cardinality::Required) => {
                let reason = format!("the field {} is required, the writer may leave it out", reader.name());
                if self.rules == RuleSet::Glue {
                    self.add("FIELD_LABEL_CHANGED", &read, &written, reason, "leave the field optional");
                }
            }
            _ => {}
        }
    }

    fn kinds(&mut self, writer: Kind, reader: Kind, written: &str, read: &str) {
        match (writer, reader) {
            (Kind::Message(writer), Kind::Message(reader)) => {
                if writer.is_map_entry() && reader.is_map_entry() {
                    for number in [1, 2] {
                        if let (Some(from), Some(to)) = (writer.get_field(number), reader.get_field(number)) {
                            self.kinds(from.kind(), to.kind(), written, read);
                        }
                    }
                    return;
                }
                let local = |message: &MessageDescriptor| {
                    let name = message.full_name();
                    name.strip_prefix(message.package_name()).unwrap_or(name).trim_start_matches('.').to_owned()
                };
                if local(&writer) != local(&reader) {
                    let reason = format!("the field holds {}, the writer's {}", local(&reader), local(&writer));
                    return self.add("FIELD_NAMED_TYPE_CHANGED", read, written, reason, "keep the field's message");
                }
                let before = self.found.iter().filter(|difference| difference.breaks).count();
                self.message(&writer, &reader);
                let is_import = reader.parent_file() != writer.parent_file() && !reader.parent_file().name().is_empty();
                let breaks = self.found.iter().filter(|difference| difference.breaks).count() > before;
                if breaks && is_import {
                    let reason = format!("the message {} changed", local(&reader));
                    self.add("FIELD_NAMED_TYPE_CHANGED", read, written, reason, "keep the message as it was");
                }
            }
            (Kind::Message(_), _) | (_, Kind::Message(_)) => {
                let reason = "one of the fields is a message, the other is none".to_owned();
                self.add("FIELD_KIND_CHANGED", read, written, reason, "keep the field's type");
            }
            (writer, reader) if group(&writer) != group(&reader) => {
                let reason = format!("{reader:?} is encoded otherwise than the writer's {writer:?}");
                let remedy = format!("keep {writer:?}, or add the field anew under another number");
                self.add("FIELD_SCALAR_KIND_CHANGED", read, written, reason, &remedy);
            }
            _ => {}
        }
    }
}

/// The oneof that a field is declared in.
fn oneof(field: &FieldDescriptor) -> Option<String> {
    let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic())?;
    Some(oneof.name().to_owned())
}

/// Types whose values are read as each other's, by protobuf.dev's "Updating a message type".
fn group(kind: &Kind) -> &'static str {
    match kind {
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => "number",
        Kind::Sint32 | Kind::Sint64 => "signed number",
        Kind::String | Kind::Bytes => "text",
        Kind::Fixed32 | Kind::Sfixed32 => "4 bytes",
        Kind::Fixed64 | Kind::Sfixed64 => "8 bytes",
        Kind::Float => "float",
        Kind::Double => "double",
        Kind::Message(_) => "message",
    }
}

/// A field as it is declared.
fn declared(field: &FieldDescriptor) -> String {
    let label = match field.cardinality() {
        Cardinality::Optional => "",
        Cardinality::Required => "required ",
        Cardinality::Repeated => "repeated ",
    };
    format!("{label}{:?} {} = {}", field.kind(), field.name(), field.number())
}
