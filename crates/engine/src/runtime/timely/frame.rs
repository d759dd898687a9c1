//! Frames as timely's containers, and how they are divided among workers.
//!
//! What timely counts must be what arrives: a frame of `n` rows counts `n` and is divided into frames that count `n`
//! together; a watermark for `w` workers counts `w` and becomes `w` frames that count one each. Nothing is added or
//! stamped here, because with one worker timely leaves the distributor out.

use std::{io::Write, sync::Arc};

use timely::{
    Accountable,
    bytes::arc::Bytes,
    communication::Push,
    dataflow::channels::{ContainerBytes, Message, pushers::exchange::Distributor},
    progress::Stamp,
};

use super::Shared;
use crate::{
    batch::Batch,
    error::{EngineError, Result},
    frame::{Frame, split_by_key},
    job::Routing,
    time::{EventTime, Mark},
};

/// A frame, and its bytes once they were asked for: timely asks for their length before it asks for them.
#[derive(Debug, Default)]
pub(crate) struct Packet {
    pub(crate) frame: Frame,
    /// How many workers its rows go to: each copy counts.
    copies: usize,
    encoded: std::sync::OnceLock<Vec<u8>>,
}

impl Packet {
    pub(crate) fn new(frame: Frame, copies: usize) -> Self {
        Packet { frame, copies, encoded: Default::default() }
    }
}

impl From<Frame> for Packet {
    fn from(frame: Frame) -> Self {
        Packet::new(frame, 1)
    }
}

impl Clone for Packet {
    fn clone(&self) -> Self {
        Packet::new(self.frame.clone(), self.copies)
    }
}

impl Accountable for Packet {
    fn record_count(&self) -> i64 {
        match &self.frame {
            Frame::Empty => 0,
            Frame::Rows(batch) => (batch.num_rows() * self.copies) as i64,
            Frame::Watermark { receivers, .. } => i64::from(*receivers),
        }
    }
}

const ROWS: u8 = 0;
const TIME: u8 = 1;
const IDLE: u8 = 2;

impl ContainerBytes for Packet {
    /// timely gives no way to say that the bytes are bad: a panic, which the worker catches and the supervisor counts.
    #[allow(clippy::panic)]
    fn from_bytes(bytes: Bytes) -> Self {
        match decode(&bytes) {
            Ok(frame) => frame.into(),
            Err(error) => panic!("a frame from another worker can't be read: {error}"),
        }
    }

    fn length_in_bytes(&self) -> usize {
        self.encoded().len()
    }

    #[allow(clippy::panic)]
    fn into_bytes<W: Write>(&self, writer: &mut W) {
        if let Err(error) = writer.write_all(self.encoded()) {
            panic!("a frame can't be sent: {error}");
        }
    }
}

impl Packet {
    /// Kind, sender, time or rows as an Arrow IPC stream; padded to eight bytes.
    #[allow(clippy::panic)]
    fn encoded(&self) -> &[u8] {
        self.encoded.get_or_init(|| match encode(&self.frame) {
            Ok(bytes) => bytes,
            Err(error) => panic!("a frame can't be encoded: {error}"),
        })
    }
}

fn encode(frame: &Frame) -> Result<Vec<u8>> {
    let mut bytes = vec![0u8; 8];
    match frame {
        Frame::Empty => {}
        Frame::Rows(batch) => {
            let wire = batch.to_wire()?;
            let mut writer = arrow::ipc::writer::StreamWriter::try_new(&mut bytes, &wire.schema())?;
            writer.write(&wire)?;
            writer.finish()?;
        }
        Frame::Watermark { sender, mark, .. } => {
            let (kind, time) = match mark {
                Mark::Time(time) => (TIME, time.0),
                Mark::Idle => (IDLE, 0),
            };
            bytes = vec![kind, 0, 0, 0];
            bytes.extend_from_slice(&sender.to_le_bytes());
            bytes.extend_from_slice(&time.to_le_bytes());
        }
    }
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Frame> {
    let bad = || EngineError::corrupt("a frame", "it is too short");
    let kind = *bytes.first().ok_or_else(bad)?;
    if kind == ROWS {
        let body = bytes.get(8..).ok_or_else(bad)?;
        let mut reader = arrow::ipc::reader::StreamReader::try_new(std::io::Cursor::new(body), None)?;
        let rows = reader.next().ok_or_else(bad)??;
        return Ok(Frame::Rows(Batch::from_wire(&rows)?));
    }
    let sender = bytes.get(4..8).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes).ok_or_else(bad)?;
    let time = bytes.get(8..16).and_then(|b| b.try_into().ok()).map(i64::from_le_bytes).ok_or_else(bad)?;
    let mark = if kind == TIME { Mark::Time(EventTime(time)) } else { Mark::Idle };
    Ok(Frame::Watermark { sender, receivers: 1, mark })
}

/// Divides frames of one edge among workers.
pub(crate) struct Divide {
    pub(crate) routing: Routing,
    pub(crate) shared: Arc<Shared>,
}

impl Distributor<Packet> for Divide {
    fn partition<T: Clone, P: Push<Message<T, Packet>>>(
        &mut self,
        packet: &mut Packet,
        stamp: &Stamp<T>,
        pushers: &mut [P],
    ) {
        let push = |frame: Frame, pusher: &mut P| Message::push_at(&mut frame.into(), stamp.clone(), pusher);
        match (std::mem::take(packet).frame, self.routing) {
            (Frame::Empty, _) => {}
            (Frame::Watermark { sender, mark, .. }, _) => {
                for pusher in pushers {
                    push(Frame::Watermark { sender, receivers: 1, mark }, pusher);
                }
            }
            (Frame::Rows(batch), Routing::Key(_)) => match split_by_key(&batch, pushers.len()) {
                Ok(parts) => {
                    for (rows, pusher) in parts.into_iter().zip(pushers) {
                        rows.into_iter().for_each(|rows| push(Frame::Rows(rows), pusher));
                    }
                }
                Err(error) => self.shared.fail(error),
            },
            (Frame::Rows(batch), Routing::Broadcast) => {
                for pusher in pushers {
                    push(Frame::Rows(batch.clone()), pusher);
                }
            }
            (Frame::Rows(batch), Routing::Single | Routing::Forward) => {
                if let Some(pusher) = pushers.first_mut() {
                    push(Frame::Rows(batch), pusher);
                }
            }
        }
    }

    fn flush<T: Clone, P: Push<Message<T, Packet>>>(&mut self, _: &Stamp<T>, _: &mut [P]) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::record_batch;

    #[test]
    fn frames_survive_the_wire_and_their_length_is_known_before_they_are_written() {
        let rows = record_batch!(("v", Int64, [1, 2, 3])).unwrap();
        let frames = [
            Frame::Rows(Batch::at(rows, EventTime(5))),
            Frame::Watermark { sender: 3, receivers: 1, mark: Mark::Time(EventTime(-7)) },
            Frame::Watermark { sender: 4, receivers: 1, mark: Mark::Idle },
        ];
        for frame in frames {
            let packet = Packet::from(frame.clone());
            let length = packet.length_in_bytes();
            let mut bytes = Vec::new();
            packet.into_bytes(&mut bytes);
            assert_eq!((bytes.len(), length % 8), (length, 0));
            assert_eq!(format!("{:?}", decode(&bytes).unwrap()), format!("{frame:?}"));
        }
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        assert!(decode(&[]).is_err());
        assert!(decode(&[TIME, 0, 0]).is_err());
        assert!(decode(&[ROWS, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9]).is_err());
    }
}
