//! Errors as a service answers them.

use super::{Value, structure};

/// An error of a service: its type, its text, its HTTP status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Such as `ResourceNotFoundException`.
    pub kind: &'static str,
    /// What happened; a few errors of the protocol itself have none.
    pub message: Option<String>,
    /// 400, or 500 for what is the server's fault.
    pub status: u16,
}

impl Fault {
    /// An error of the caller.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: Some(message.into()), status: 400 }
    }

    /// An error of the protocol that says no more than its type.
    pub fn bare(kind: &'static str) -> Self {
        Self { kind, message: None, status: 400 }
    }

    /// `SerializationException`: a member has another type than its shape.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::new(SERIALIZATION, message)
    }

    /// `ValidationException`.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// `InternalFailure`, with status 500: the disk is full, a file is damaged. It is logged here.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self { kind: "InternalFailure", message: Some(error.to_string()), status: 500 }
    }

    /// The answer's body.
    pub fn body(&self) -> Value<'static> {
        // The service spells the member of this one error with a capital.
        let member = if self.kind == SERIALIZATION { "Message" } else { "message" };
        structure([("__type", self.kind.into()), (member, self.message.clone().into())])
    }

    /// The answer's body to a request whose encoding is none of the service's.
    pub fn xml(&self) -> String {
        match &self.message {
            Some(message) => format!("<{0}>\n  <Message>{message}</Message>\n</{0}>\n", self.kind),
            None => format!("<{}/>\n", self.kind),
        }
    }
}

const SERIALIZATION: &str = "SerializationException";
