//! What can be kept in state.

use serde::{Serialize, de::DeserializeOwned};

/// A value that can be kept in state. Every serde type is one, encoded by postcard.
pub trait StateValue: Sized + 'static {
    /// Appends the value's bytes.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String>;
    /// Reads them back.
    fn decode(bytes: &[u8]) -> Result<Self, String>;
}

impl<T: Serialize + DeserializeOwned + 'static> StateValue for T {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        struct Append<'a>(&'a mut Vec<u8>);
        impl postcard::ser_flavors::Flavor for Append<'_> {
            type Output = ();
            fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
                self.0.push(byte);
                Ok(())
            }
            fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
                self.0.extend_from_slice(bytes);
                Ok(())
            }
            fn finalize(self) -> postcard::Result<()> {
                Ok(())
            }
        }
        postcard::serialize_with_flavor(self, Append(out)).map_err(|e| e.to_string())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        postcard::from_bytes(bytes).map_err(|e| e.to_string())
    }
}
