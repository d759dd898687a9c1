//! Protobuf, proto2 and proto3: what a file says, and which files read what others wrote.

mod compatible;
mod google_types;
mod index;
mod print;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::Type;
use prost_reflect::prost_types::{DescriptorProto, FileDescriptorProto};
use prost_reflect::{DescriptorPool, FileDescriptor};
use protox::Compiler;
use protox::file::{File, FileResolver, GoogleFileResolver};

pub(crate) use compatible::compare;

use crate::definition::{Invalid, Reference};

/// The name that a schema's own file goes by.
const OWN_NAME: &str = "schema.proto";
/// How deep brackets may lie in each other.
const DEPTH_MAX: usize = 64;

/// A parsed Protobuf file.
#[derive(Clone, Debug)]
pub struct ProtobufSchema {
    file: FileDescriptor,
}

impl ProtobufSchema {
    /// Reads a file: its text, or its descriptor in base64, as some clients send it. What it imports stands in
    /// `references`, except Google's own files.
    pub(crate) fn parse(text: &str, references: &[Reference]) -> Result<Self, Invalid> {
        let mut files = vec![file(OWN_NAME, text)?];
        for reference in references {
            files.push(file(&reference.name, &reference.text)?);
        }
        let mut compiler = Compiler::with_file_resolver(Files { files, google: GoogleFileResolver::new() });
        compiler.include_imports(true).include_source_info(false);
        compiler.open_file(OWN_NAME).map_err(|error| refused(&error))?;
        let file = compiler.descriptor_pool().get_file_by_name(OWN_NAME);
        let file = file.ok_or_else(|| Invalid { place: OWN_NAME.into(), reason: "the file is lost".into() })?;
        Ok(ProtobufSchema { file })
    }

    /// The file.
    pub fn file(&self) -> &FileDescriptor {
        &self.file
    }

    /// All that the file knows of, its imports too.
    pub fn pool(&self) -> &DescriptorPool {
        self.file.parent_pool()
    }

    /// The text of the file, without comments, always the same for the same declarations.
    pub fn normal_form(&self) -> String {
        print::file(self.file.file_descriptor_proto())
    }

    /// What Glue does not take of it: an extension, or a group.
    pub fn beyond_glue(&self) -> Option<Invalid> {
        let file = self.file.file_descriptor_proto();
        let refused = |place: String, what: &str| {
            Some(Invalid {
                place,
                reason: format!("{what} are not supported by this registry; declare a message instead"),
            })
        };
        if let Some(field) = file.extension.first() {
            return refused(field.name().to_owned(), "extensions");
        }
        let mut left: Vec<(String, &DescriptorProto)> = Vec::new();
        left.extend(file.message_type.iter().map(|message| (message.name().to_owned(), message)));
        while let Some((name, message)) = left.pop() {
            if !message.extension.is_empty() || !message.extension_range.is_empty() {
                return refused(name, "extensions");
            }
            if let Some(group) = message.field.iter().find(|field| field.r#type() == Type::Group) {
                return refused(format!("{name}.{}", group.name()), "groups");
            }
            left.extend(message.nested_type.iter().map(|inner| (format!("{name}.{}", inner.name()), inner)));
        }
        None
    }

    /// The file's descriptor in base64.
    pub fn descriptor_base64(&self) -> String {
        let mut file = self.file.file_descriptor_proto().clone();
        file.source_code_info = None;
        BASE64_STANDARD.encode(file.encode_to_vec())
    }
}

fn refused(error: &protox::Error) -> Invalid {
    let place = error.file().unwrap_or(OWN_NAME).to_owned();
    Invalid { place, reason: error.to_string() }
}

/// Whether a text is a file's descriptor in base64.
pub(crate) fn is_descriptor(text: &str) -> bool {
    descriptor(text).is_some()
}

fn descriptor(text: &str) -> Option<FileDescriptorProto> {
    let bytes = BASE64_STANDARD.decode(text.trim()).ok()?;
    FileDescriptorProto::decode(bytes.as_slice()).ok()
}

/// A file from its text, or from its descriptor in base64.
fn file(name: &str, text: &str) -> Result<FileDescriptorProto, Invalid> {
    if let Some(mut file) = descriptor(text) {
        file.name = Some(name.to_owned());
        return Ok(file);
    }
    check_depth(text)?;
    let file = File::from_source(name, text).map_err(|error| refused(&error))?;
    Ok(file.file_descriptor_proto().clone())
}

/// The parser calls itself for each bracket: so deep a text would end the process.
fn check_depth(text: &str) -> Result<(), Invalid> {
    let mut depth = 0usize;
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            let reason = format!("brackets lie deeper than {DEPTH_MAX}");
            return Err(Invalid { place: OWN_NAME.into(), reason });
        }
    }
    Ok(())
}

/// Where files come from: the schema, what it names as references, and Google's own.
struct Files {
    files: Vec<FileDescriptorProto>,
    google: GoogleFileResolver,
}

impl FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.files.iter().find(|file| file.name() == name) {
            Some(file) => Ok(File::from_file_descriptor_proto(file.clone())),
            None => match google_types::text(name) {
                Some(text) => File::from_source(name, &text),
                None => self.google.open_file(name),
            },
        }
    }
}
