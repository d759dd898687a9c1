//! Who may call: access keys with roles, and the signatures made with them.

mod keys;
mod signature;

pub use keys::{AccessKey, AccessKeys, KEY_NAME_CHARS_MAX, KEYS_MAX, NewAccessKey, Role};
pub(crate) use signature::{Claim, verify};

/// Who made a call.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The region that the request was signed for; the client expects it in ARNs.
    pub region: Option<String>,
    /// The access key's name and role; `None` where no key exists and any signature is accepted.
    pub key: Option<(String, Role)>,
}

/// What an operation does, and so which roles may call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Tells about streams: every role.
    Describe,
    /// Takes records in: producers.
    Produce,
    /// Gives records out: consumers.
    Consume,
    /// Changes streams: administrators.
    Manage,
}

impl Role {
    /// Whether the role may do this.
    pub fn may(self, access: Access) -> bool {
        match self {
            Role::Admin => true,
            Role::Producer => matches!(access, Access::Describe | Access::Produce),
            Role::Consumer => matches!(access, Access::Describe | Access::Consume),
        }
    }
}
