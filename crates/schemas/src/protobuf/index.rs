//! How serializers say which message of a file a record holds.

use std::collections::BTreeMap;

use prost_reflect::MessageDescriptor;

use super::ProtobufSchema;

impl ProtobufSchema {
    /// The messages in Glue's order, which records of its serializers give the place in: by full name.
    pub fn messages_by_name(&self) -> Vec<MessageDescriptor> {
        let mut messages = BTreeMap::new();
        let mut left: Vec<MessageDescriptor> = self.file().messages().collect();
        while let Some(message) = left.pop() {
            left.extend(message.child_messages());
            if !message.is_map_entry() {
                messages.insert(message.full_name().to_owned(), message);
            }
        }
        messages.into_values().collect()
    }

    /// The message at Confluent's path: a place in the file, then one in the message there, and so on.
    pub fn message_at(&self, path: &[usize]) -> Option<MessageDescriptor> {
        let (first, rest) = path.split_first()?;
        let mut message = self.file().messages().nth(*first)?;
        for place in rest {
            let child = message.child_messages().nth(*place)?;
            message = child;
        }
        Some(message)
    }

    /// Confluent's path of a message.
    pub fn path_of(&self, message: &MessageDescriptor) -> Vec<usize> {
        // A descriptor's path is field number and place in turn: 4 are a file's messages, 3 a message's.
        message.path().iter().skip(1).step_by(2).filter_map(|place| usize::try_from(*place).ok()).collect()
    }
}
