//! The fields of an encoded message. <https://protobuf.dev/programming-guides/encoding/>

use crate::fault::{Fault, Read};
use crate::varint;

/// How deep groups (of proto2) may lie in each other, which are passed over.
const GROUPS_MAX: usize = 64;

/// How a field's value lies in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    GroupBegin = 3,
    GroupEnd = 4,
    Fixed32 = 5,
}

impl Wire {
    fn of(tag: u64) -> Read<Wire> {
        Ok(match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Bytes,
            3 => Wire::GroupBegin,
            4 => Wire::GroupEnd,
            5 => Wire::Fixed32,
            other => return Err(Fault::broken(format!("malformed Protobuf: there is no wire type {other}"))),
        })
    }
}

/// A value that is not interpreted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Raw<'a> {
    /// A varint, or the bits of a fixed number.
    Number(u64),
    Bytes(&'a [u8]),
}

/// What is left of a message.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next field: its number, how it lies there, and its value. Groups are passed over.
    #[inline]
    pub(super) fn next(&mut self) -> Read<Option<(u32, Wire, Raw<'a>)>> {
        let mut groups = 0;
        while !self.0.is_empty() {
            let tag = self.varint()?;
            let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0);
            let number = number.ok_or_else(|| Fault::broken("malformed Protobuf: a field has no valid number"))?;
            let wire = Wire::of(tag)?;
            let raw = match wire {
                Wire::GroupBegin if groups == GROUPS_MAX => {
                    return Err(Fault::broken(format!("groups lie deeper than {GROUPS_MAX}")));
                }
                Wire::GroupBegin => {
                    groups += 1;
                    continue;
                }
                Wire::GroupEnd if groups == 0 => {
                    return Err(Fault::broken("malformed Protobuf: a group ends that has not begun"));
                }
                Wire::GroupEnd => {
                    groups -= 1;
                    continue;
                }
                wire => self.value(wire)?,
            };
            if groups == 0 {
                return Ok(Some((number, wire, raw)));
            }
        }
        match groups {
            0 => Ok(None),
            _ => Err(Fault::broken("malformed Protobuf: a group does not end")),
        }
    }

    /// A value by itself, as they lie in packed fields.
    #[inline]
    pub(super) fn value(&mut self, wire: Wire) -> Read<Raw<'a>> {
        Ok(match wire {
            Wire::Varint => Raw::Number(self.varint()?),
            Wire::Fixed64 => Raw::Number(u64::from_le_bytes(*self.chunk()?)),
            Wire::Fixed32 => Raw::Number(u64::from(u32::from_le_bytes(*self.chunk()?))),
            Wire::Bytes => {
                let len = self.varint()?;
                let cut = usize::try_from(len).ok().and_then(|len| self.0.split_at_checked(len));
                let (bytes, rest) = cut.ok_or_else(cut_off)?;
                self.0 = rest;
                Raw::Bytes(bytes)
            }
            Wire::GroupBegin | Wire::GroupEnd => return Err(Fault::broken("malformed Protobuf: a group is no value")),
        })
    }

    fn varint(&mut self) -> Read<u64> {
        let (value, rest) = varint::read(self.0).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(value)
    }

    fn chunk<const N: usize>(&mut self) -> Read<&'a [u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(bytes)
    }
}

#[cold]
fn cut_off() -> Fault {
    Fault::broken("malformed Protobuf: the record ends within a value")
}
