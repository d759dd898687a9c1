//! A shard's records on disk.
//!
//! ```text
//! shards/0000000003/                          one folder a shard
//!   00000000000000000000.log                  sealed segment: its name is its first sequence number
//!   00000000000000131072.log                  active segment: the only one that is written
//!
//! segment = header (32 bytes) frame*          header: magic, first sequence, time floor, shard, CRC32C
//! frame   = header (32 bytes) record*         header: magic, CRC32C, payload bytes, records, first sequence, time
//! record  = key bytes u16, data bytes u32, key, data            all numbers little-endian
//! ```
//!
//! **One commit is one frame a shard**: a frame is written only when the one before it is known to be on disk. So
//! a bad frame with a good one after it was acknowledged once and is corruption; a bad frame with none after it is
//! a torn tail that nobody was told about, and recovery cuts it off. Zeros may stand behind the last frame: room
//! for the next ones ([`writer`]).
//!
//! A frame's checksum starts from the shard, the segment and the frame's offset. Bytes that look like a frame
//! (a record may hold a whole segment file) or that were copied from elsewhere therefore never pass for one.

mod chunk;
mod file;
mod frame;
mod index;
mod recovery;
mod segment;
mod writer;

pub(crate) use chunk::ChunkReader;
#[cfg(test)]
pub(crate) use file::Faults;
pub(crate) use file::{create_folder, remove_folder, replace_file, sync_folder};
pub(crate) use frame::{FRAME_HEADER_BYTES, FrameHeader, encode_record, next_record, record_bytes};
pub(crate) use recovery::{CleanTail, Recovered, recover};
pub(crate) use segment::{SEGMENT_HEADER_BYTES, Segment};
pub(crate) use writer::{LogWriter, Written};
