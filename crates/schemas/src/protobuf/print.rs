//! A file's descriptor as text.

use std::fmt::Write as _;

use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, ServiceDescriptorProto,
};

/// The text of a file. Custom options are left out.
pub(super) fn file(file: &FileDescriptorProto) -> String {
    let mut out = Text { text: String::new(), depth: 0, proto3: file.syntax() == "proto3" };
    out.line(&format!("syntax = \"{}\";", if out.proto3 { "proto3" } else { "proto2" }));
    if !file.package().is_empty() {
        out.line(&format!("package {};", file.package()));
    }
    for (nth, import) in file.dependency.iter().enumerate() {
        let is = |places: &[i32]| places.iter().any(|place| usize::try_from(*place) == Ok(nth));
        let kind = match (is(&file.public_dependency), is(&file.weak_dependency)) {
            (true, _) => "public ",
            (_, true) => "weak ",
            _ => "",
        };
        out.line(&format!("import {kind}\"{import}\";"));
    }
    if let Some(options) = &file.options {
        let texts = [
            ("java_package", options.java_package.as_ref()),
            ("java_outer_classname", options.java_outer_classname.as_ref()),
            ("go_package", options.go_package.as_ref()),
            ("objc_class_prefix", options.objc_class_prefix.as_ref()),
            ("csharp_namespace", options.csharp_namespace.as_ref()),
            ("php_namespace", options.php_namespace.as_ref()),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                out.line(&format!("option {name} = {value:?};"));
            }
        }
        if let Some(value) = options.java_multiple_files {
            out.line(&format!("option java_multiple_files = {value};"));
        }
    }
    let scope = match file.package() {
        "" => String::new(),
        package => format!(".{package}"),
    };
    file.message_type.iter().for_each(|message| out.message(message, &scope));
    file.enum_type.iter().for_each(|one| out.enumeration(one));
    out.extensions(&file.extension, &scope);
    file.service.iter().for_each(|service| out.service(service));
    out.text
}

struct Text {
    text: String,
    depth: usize,
    proto3: bool,
}

impl Text {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = self.depth * 2);
    }

    fn block(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line("}");
    }

    fn message(&mut self, message: &DescriptorProto, scope: &str) {
        let scope = format!("{scope}.{}", message.name());
        self.block(&format!("message {}", message.name()), |out| out.message_body(message, &scope));
    }

    fn message_body(&mut self, message: &DescriptorProto, scope: &str) {
        let reserved = message.reserved_range.iter().map(|range| span(range.start(), range.end() - 1, 536_870_911));
        self.reserved(reserved.collect(), &message.reserved_name);
        for range in &message.extension_range {
            self.line(&format!("extensions {};", span(range.start(), range.end() - 1, 536_870_911)));
        }
        let mut printed = Vec::new();
        for field in &message.field {
            match field.oneof_index.filter(|_| !field.proto3_optional()) {
                None => self.field(field, message, scope, true),
                Some(oneof) if !printed.contains(&oneof) => {
                    printed.push(oneof);
                    let name = usize::try_from(oneof).ok().and_then(|nth| message.oneof_decl.get(nth));
                    let name = name.map(|one| one.name()).unwrap_or_default();
                    let fields = message.field.iter().filter(|field| field.oneof_index == Some(oneof));
                    self.block(&format!("oneof {name}"), |out| {
                        fields.for_each(|field| out.field(field, message, scope, false));
                    });
                }
                Some(_) => {}
            }
        }
        let is_map = |nested: &&DescriptorProto| nested.options.as_ref().is_some_and(|options| options.map_entry());
        message.nested_type.iter().filter(|nested| !is_map(nested)).for_each(|nested| self.message(nested, scope));
        message.enum_type.iter().for_each(|one| self.enumeration(one));
        self.extensions(&message.extension, scope);
    }

    fn reserved(&mut self, ranges: Vec<String>, names: &[String]) {
        if !ranges.is_empty() {
            self.line(&format!("reserved {};", ranges.join(", ")));
        }
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            self.line(&format!("reserved {};", names.join(", ")));
        }
    }

    fn field(&mut self, field: &FieldDescriptorProto, message: &DescriptorProto, scope: &str, labelled: bool) {
        let map = message.nested_type.iter().find(|nested| {
            let is_map = nested.options.as_ref().is_some_and(|options| options.map_entry());
            is_map && field.type_name() == format!("{scope}.{}", nested.name())
        });
        let declared = match map.map(|map| map.field.as_slice()) {
            Some([key, value]) => format!("map<{}, {}>", type_name(key), type_name(value)),
            _ => {
                let label = match field.label() {
                    Label::Repeated => "repeated ",
                    Label::Required => "required ",
                    Label::Optional if field.proto3_optional() || (!self.proto3 && labelled) => "optional ",
                    Label::Optional => "",
                };
                format!("{label}{}", type_name(field))
            }
        };
        let mut options = Vec::new();
        if let Some(default) = &field.default_value {
            let quoted = matches!(field.r#type(), Type::String | Type::Bytes);
            options.push(if quoted { format!("default = {default:?}") } else { format!("default = {default}") });
        }
        if let Some(given) = &field.options {
            options.extend(given.packed.map(|packed| format!("packed = {packed}")));
            options.extend(given.deprecated.map(|deprecated| format!("deprecated = {deprecated}")));
        }
        let options = if options.is_empty() { String::new() } else { format!(" [{}]", options.join(", ")) };
        self.line(&format!("{declared} {} = {}{options};", field.name(), field.number()));
    }

    fn extensions(&mut self, fields: &[FieldDescriptorProto], scope: &str) {
        for field in fields {
            self.block(&format!("extend {}", field.extendee()), |out| {
                out.field(field, &DescriptorProto::default(), scope, true);
            });
        }
    }

    fn enumeration(&mut self, one: &EnumDescriptorProto) {
        self.block(&format!("enum {}", one.name()), |out| {
            if one.options.as_ref().is_some_and(|options| options.allow_alias()) {
                out.line("option allow_alias = true;");
            }
            let ranges = one.reserved_range.iter().map(|range| span(range.start(), range.end(), i32::MAX));
            out.reserved(ranges.collect(), &one.reserved_name);
            for value in &one.value {
                out.line(&format!("{} = {};", value.name(), value.number()));
            }
        });
    }

    fn service(&mut self, service: &ServiceDescriptorProto) {
        self.block(&format!("service {}", service.name()), |out| {
            for method in &service.method {
                let stream = |streams: bool| if streams { "stream " } else { "" };
                out.line(&format!(
                    "rpc {} ({}{}) returns ({}{});",
                    method.name(),
                    stream(method.client_streaming()),
                    method.input_type(),
                    stream(method.server_streaming()),
                    method.output_type()
                ));
            }
        });
    }
}

fn span(start: i32, end: i32, most: i32) -> String {
    match (start == end, end >= most) {
        (true, _) => start.to_string(),
        (_, true) => format!("{start} to max"),
        _ => format!("{start} to {end}"),
    }
}

fn type_name(field: &FieldDescriptorProto) -> String {
    let simple = match field.r#type() {
        Type::Double => "double",
        Type::Float => "float",
        Type::Int64 => "int64",
        Type::Uint64 => "uint64",
        Type::Int32 => "int32",
        Type::Fixed64 => "fixed64",
        Type::Fixed32 => "fixed32",
        Type::Bool => "bool",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Uint32 => "uint32",
        Type::Sfixed32 => "sfixed32",
        Type::Sfixed64 => "sfixed64",
        Type::Sint32 => "sint32",
        Type::Sint64 => "sint64",
        Type::Group | Type::Message | Type::Enum => return field.type_name().to_owned(),
    };
    simple.to_owned()
}
