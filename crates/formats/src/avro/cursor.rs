//! Avro's binary encoding, from left to right.

use crate::fault::{Fault, Read};
use tidemill_schemas::avro::{AvroSchema, Node, NodeId};

/// Elements of arrays and maps that a record may have beyond its bytes: nulls take none, so their number must be
/// bounded by something else.
const ITEMS_BEYOND_BYTES: usize = 1_024;
/// How deep a value may lie that is passed over.
const DEPTH_MAX: usize = 128;

/// A place in a record's bytes.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    /// Elements that may still come.
    items_left: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Cursor { rest: bytes, items_left: bytes.len() + ITEMS_BEYOND_BYTES }
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| {
            Fault::broken(format!("malformed Avro: {count} bytes should follow, {} do", self.rest.len()))
        })?;
        self.rest = rest;
        Ok(taken)
    }

    /// A zigzag number of at most ten bytes.
    #[inline]
    pub(super) fn long(&mut self) -> Read<i64> {
        let mut value: u64 = 0;
        for (nth, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * nth);
            if byte < 0x80 {
                if nth == 9 && byte > 1 {
                    break;
                }
                self.rest = self.rest.get(nth + 1..).unwrap_or_default();
                return Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
            }
        }
        Err(Fault::broken("malformed Avro: a number does not end"))
    }

    pub(super) fn int(&mut self) -> Read<i64> {
        let value = self.long()?;
        match i32::try_from(value) {
            Ok(_) => Ok(value),
            Err(_) => Err(Fault::broken(format!("malformed Avro: {value} is no int"))),
        }
    }

    pub(super) fn boolean(&mut self) -> Read<bool> {
        match self.take(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Fault::broken("malformed Avro: a boolean is neither 0 nor 1")),
        }
    }

    pub(super) fn float(&mut self) -> Read<f32> {
        let bytes = self.take(4)?.first_chunk().copied().unwrap_or_default();
        Ok(f32::from_le_bytes(bytes))
    }

    pub(super) fn double(&mut self) -> Read<f64> {
        let bytes = self.take(8)?.first_chunk().copied().unwrap_or_default();
        Ok(f64::from_le_bytes(bytes))
    }

    #[inline]
    pub(super) fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.long()?;
        let length =
            usize::try_from(length).map_err(|_| Fault::broken(format!("malformed Avro: a length of {length}")))?;
        self.take(length)
    }

    #[inline]
    pub(super) fn string(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Fault::broken("malformed Avro: a string is no UTF-8"))
    }

    /// How many elements the next block of an array or map has; 0 at its end.
    pub(super) fn block(&mut self) -> Read<usize> {
        let count = self.long()?;
        if count < 0 {
            self.long()?; // the block's bytes, for those who pass over it
        }
        let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        self.items_left = self.items_left.checked_sub(count).ok_or_else(|| {
            Fault::broken("malformed Avro: more elements in arrays and maps than the record has bytes")
        })?;
        Ok(count)
    }

    /// Passes a value of a type.
    pub(super) fn skip(&mut self, schema: &AvroSchema, id: NodeId, depth: usize) -> Read {
        if depth > DEPTH_MAX {
            return Err(Fault::broken(format!("malformed Avro: values lie deeper than {DEPTH_MAX}")));
        }
        match schema.node(id) {
            Node::Null => Ok(()),
            Node::Boolean => self.boolean().map(|_| ()),
            Node::Int(_) | Node::Long(_) | Node::Enum { .. } => self.long().map(|_| ()),
            Node::Float => self.take(4).map(|_| ()),
            Node::Double => self.take(8).map(|_| ()),
            Node::Bytes(_) | Node::String(_) => self.bytes().map(|_| ()),
            Node::Fixed { size, .. } => self.take(*size).map(|_| ()),
            Node::Array(item) => self.skip_blocks(schema, None, *item, depth),
            Node::Map(value) => self.skip_blocks(schema, Some(()), *value, depth),
            Node::Union(branches) => {
                let branch = self.branch(branches.len())?;
                self.skip(schema, branches.get(branch).copied().unwrap_or(id), depth + 1)
            }
            Node::Record { fields, .. } => fields.iter().try_for_each(|field| self.skip(schema, field.node, depth + 1)),
        }
    }

    fn skip_blocks(&mut self, schema: &AvroSchema, keyed: Option<()>, item: NodeId, depth: usize) -> Read {
        loop {
            let count = self.block()?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                if keyed.is_some() {
                    self.bytes()?;
                }
                self.skip(schema, item, depth + 1)?;
            }
        }
    }

    /// The branch of a union that follows.
    #[inline]
    pub(super) fn branch(&mut self, branches: usize) -> Read<usize> {
        let branch = self.long()?;
        usize::try_from(branch)
            .ok()
            .filter(|branch| *branch < branches)
            .ok_or_else(|| Fault::broken(format!("malformed Avro: branch {branch} of a union of {branches}")))
    }
}

/// Writes a zigzag number.
#[inline]
pub(super) fn write_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Writes bytes after their length.
#[inline]
pub(super) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}
