//! A visitor's state as bytes, for checkpoints.
//!
//! What can be computed from the beacons is computed again. All integers are LEB128, signed ones zigzag.

use super::dimensions::Block;
use super::fact::unpack;
use super::fold::Totals;
use super::segment::{Before, Body, Closed, Segment, Who};
use super::texts::Texts;
use super::{Visits, sessions};
use crate::error::Result;
use crate::summary::cell::{CellKey, Dimensions, Minute, SiteId};
use crate::summary::varint::{Reader, put, put_bytes, put_signed};
use std::cell::RefCell;
use std::sync::Arc;

const VERSION: u8 = 3;
const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const OVERFLOW: u8 = 2;

thread_local! {
    /// Restoring reads many visitors that share most of their texts.
    static TEXTS: RefCell<Texts> = RefCell::default();
}

impl Visits {
    /// Appends the state to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        put(out, u64::from(self.who.site));
        out.extend_from_slice(&self.who.visitor);
        put_bytes(out, self.session.as_bytes());
        put_signed(out, self.gap_ms);
        put(out, self.segments.len() as u64);
        for segment in &self.segments {
            match &segment.body {
                Body::Open(open) => {
                    out.push(OPEN);
                    put(out, segment.impression);
                    out.push(u8::from(segment.repeated));
                    put_bytes(out, open.id.as_bytes());
                    put(out, open.blocks.len() as u64);
                    for block in &open.blocks {
                        put_bytes(out, block.agent.as_bytes());
                        put_bytes(out, &block.bytes);
                    }
                    put_bytes(out, open.facts.bytes());
                }
                Body::Closed(closed) => {
                    out.push(CLOSED);
                    put_sums(out, segment);
                    out.push(u8::from(closed.anchored) | u8::from(closed.user.is_some()) << 1);
                    put_bytes(out, closed.page.as_bytes());
                    put_key(out, closed.key.as_deref());
                    closed.user.iter().for_each(|user| put_bytes(out, user.as_bytes()));
                }
                Body::Overflow(key) => {
                    out.push(OVERFLOW);
                    put_sums(out, segment);
                    put_key(out, Some(key));
                }
            }
        }
    }

    /// Reads the state back.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        TEXTS.with_borrow_mut(|texts| read(&mut Reader::new(bytes, "state of a visitor"), texts))
    }
}

fn put_sums(out: &mut Vec<u8>, segment: &Segment) {
    let Totals { beacons, distinct, events, errors, orders, revenue_cents, tells, issues } = segment.totals;
    put(out, segment.impression);
    put_signed(out, segment.first_ms);
    put(out, segment.first_sequence);
    put_signed(out, segment.last_ms);
    out.push(u8::from(segment.counted) | u8::from(segment.repeated) << 1);
    [beacons, distinct, events, errors, orders].into_iter().for_each(|count| put(out, u64::from(count)));
    put_signed(out, revenue_cents);
    [tells, issues].into_iter().for_each(|bits| put(out, u64::from(bits)));
}

fn put_key(out: &mut Vec<u8>, key: Option<&CellKey>) {
    match key {
        None => out.push(0),
        Some(key) => {
            put_bytes(out, key.dimensions.packed().as_bytes());
            put(out, u64::from(key.minute.0));
        }
    }
}

fn read(reader: &mut Reader<'_>, texts: &mut Texts) -> Result<Visits> {
    if reader.byte()? != VERSION {
        return Err(reader.error("unknown version"));
    }
    let site = reader.int()?;
    let visitor = reader.take(16)?.first_chunk().copied().unwrap_or_default();
    let who = Who { site, visitor };
    let session = reader.text()?.into();
    let gap_ms = reader.signed()?;
    let count = reader.count(1)?;
    let mut segments = Vec::with_capacity(count);
    for _ in 0..count {
        segments.push(match reader.byte()? {
            OPEN => read_open(reader, who, texts)?,
            CLOSED => {
                let (sums, flags) = (read_sums(reader)?, reader.byte()?);
                let page = texts.share(reader.text()?);
                let key = read_key(reader, site)?;
                let user = if flags & 2 == 0 { None } else { Some(reader.text()?.into()) };
                Segment { body: Body::Closed(Box::new(Closed { anchored: flags & 1 == 1, page, key, user })), ..sums }
            }
            OVERFLOW => {
                let sums = read_sums(reader)?;
                let key = read_key(reader, site)?.ok_or_else(|| reader.error("no cell"))?;
                Segment { body: Body::Overflow(key), ..sums }
            }
            _ => return Err(reader.error("an unknown kind of segment")),
        });
    }
    // Which are counted follows from all of them. Nothing is said: it was before.
    sessions::of(&mut segments, gap_ms, &mut Vec::new(), &mut Before::default());
    segments.iter_mut().for_each(|segment| segment.noted = None);
    match reader.remaining() {
        0 => Ok(Visits { who, session, gap_ms, segments, timer_ms: None }),
        _ => Err(reader.error("more than the last segment")),
    }
}

fn read_open(reader: &mut Reader<'_>, who: Who, texts: &mut Texts) -> Result<Segment> {
    let (impression, repeated) = (reader.varint()?, reader.byte()? == 1);
    let mut segment = Segment::new(impression, reader.text()?);
    segment.repeated = repeated;
    let mut blocks = Vec::new();
    for _ in 0..reader.count(2)? {
        let agent = texts.share(reader.text()?);
        blocks.push(Block { lowest: None, agent, bytes: reader.bytes()?.into() });
    }
    for fact in unpack(reader.bytes()?) {
        let fact = fact?;
        let block = blocks.get(usize::from(fact.block)).ok_or_else(|| reader.error("an unknown block"))?;
        segment.push(fact, &block.bytes, &block.agent, texts, who)?;
    }
    Ok(segment)
}

/// All of a segment but its body.
fn read_sums(reader: &mut Reader<'_>) -> Result<Segment> {
    let mut segment = Segment::new(reader.varint()?, "");
    segment.first_ms = reader.signed()?;
    segment.first_sequence = reader.varint()?;
    segment.last_ms = reader.signed()?;
    let flags = reader.byte()?;
    (segment.counted, segment.repeated) = (flags & 1 == 1, flags & 2 == 2);
    segment.totals = Totals {
        beacons: reader.int()?,
        distinct: reader.int()?,
        events: reader.int()?,
        errors: reader.int()?,
        orders: reader.int()?,
        revenue_cents: reader.signed()?,
        tells: reader.int()?,
        issues: reader.int()?,
    };
    Ok(segment)
}

fn read_key(reader: &mut Reader<'_>, site: u32) -> Result<Option<Arc<CellKey>>> {
    let packed = reader.text()?;
    if packed.is_empty() {
        return Ok(None);
    }
    let dimensions = Dimensions::unpack(packed).ok_or_else(|| reader.error("dimensions that aren't"))?;
    let minute = Minute(reader.int()?);
    Ok(Some(Arc::new(CellKey { site: SiteId(site), minute, dimensions })))
}
