//! A visitor's state as bytes: the beacons of what is open, the sums of what is closed. Everything else is made again.

use super::fold::Totals;
use super::segment::{Body, Closed, Fact, Segment, Who};
use super::{Texts, Visits, sessions};
use crate::error::{Error, Result};
use crate::summary::cell::Dimensions;
use crate::summary::cell::{CellKey, Minute, SiteId};
use crate::summary::dimension::DIMENSIONS;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    /// Restoring reads many visitors that share most of their texts.
    static TEXTS: RefCell<Texts> = RefCell::default();
}

#[derive(Serialize, Deserialize)]
struct Stored {
    site: u32,
    visitor: [u8; 16],
    session: Box<str>,
    gap_ms: i64,
    segments: Vec<StoredSegment>,
}

#[derive(Serialize, Deserialize)]
enum StoredSegment {
    Open { impression: u64, repeated: bool, id: Box<str>, blocks: Vec<Box<[u8]>>, facts: Vec<Fact> },
    Closed { sums: Sums, anchored: bool, page: Box<str>, key: Option<Key>, user: Option<Box<str>> },
    Overflow { sums: Sums, key: Key },
}

#[derive(Serialize, Deserialize)]
struct Sums {
    impression: u64,
    first_ms: i64,
    first_sequence: u64,
    last_ms: i64,
    counted: bool,
    repeated: bool,
    totals: Totals,
}

#[derive(Serialize, Deserialize)]
struct Key {
    minute: u32,
    texts: [Box<str>; DIMENSIONS],
}

impl Key {
    fn of(key: &CellKey) -> Self {
        Self { minute: key.minute.0, texts: key.dimensions.texts().map(|text| (**text).into()) }
    }

    fn restore(self, site: u32, texts: &mut Texts) -> Arc<CellKey> {
        let dimensions = Dimensions::from_texts(self.texts.map(|text| texts.share(&text)));
        Arc::new(CellKey { site: SiteId(site), minute: Minute(self.minute), dimensions })
    }
}

impl Sums {
    fn of(segment: &Segment) -> Self {
        Self {
            impression: segment.impression,
            first_ms: segment.first_ms,
            first_sequence: segment.first_sequence,
            last_ms: segment.last_ms,
            counted: segment.counted,
            repeated: segment.repeated,
            totals: segment.totals,
        }
    }

    fn restore(self, body: Body) -> Segment {
        Segment {
            impression: self.impression,
            first_ms: self.first_ms,
            first_sequence: self.first_sequence,
            last_ms: self.last_ms,
            totals: self.totals,
            counted: self.counted,
            repeated: self.repeated,
            body,
            said: None,
            changed: false,
        }
    }
}

impl Visits {
    /// Appends the state to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<()> {
        let segments = self.segments.iter().map(|segment| match &segment.body {
            Body::Open(open) => StoredSegment::Open {
                impression: segment.impression,
                repeated: segment.repeated,
                id: open.id.clone(),
                blocks: open.blocks.iter().map(|block| block.bytes.clone()).collect(),
                facts: open.facts.clone(),
            },
            Body::Closed(closed) => StoredSegment::Closed {
                sums: Sums::of(segment),
                anchored: closed.anchored,
                page: (*closed.page).into(),
                key: closed.key.as_deref().map(Key::of),
                user: closed.user.clone(),
            },
            Body::Overflow(key) => StoredSegment::Overflow { sums: Sums::of(segment), key: Key::of(key) },
        });
        let stored = Stored {
            site: self.who.site,
            visitor: self.who.visitor,
            session: self.session.clone(),
            gap_ms: self.gap_ms,
            segments: segments.collect(),
        };
        crate::message::append(&stored, out)
    }

    /// Reads the state back.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let stored: Stored =
            postcard::from_bytes(bytes).map_err(|error| Error::damaged("state of a visitor", error.to_string()))?;
        TEXTS.with_borrow_mut(|texts| stored.restore(texts))
    }
}

impl Stored {
    fn restore(self, texts: &mut Texts) -> Result<Visits> {
        let who = Who { site: self.site, visitor: self.visitor };
        let mut segments = Vec::with_capacity(self.segments.len());
        for stored in self.segments {
            segments.push(match stored {
                StoredSegment::Open { impression, repeated, id, blocks, facts } => {
                    let mut segment = Segment::new(impression, &id);
                    segment.repeated = repeated;
                    for fact in facts {
                        let statics = blocks.get(usize::from(fact.block)).cloned().unwrap_or_default();
                        segment.push(fact, &statics, texts, who)?;
                    }
                    segment
                }
                StoredSegment::Closed { sums, anchored, page, key, user } => {
                    let key = key.map(|key| key.restore(who.site, texts));
                    sums.restore(Body::Closed(Closed { anchored, page: texts.share(&page), key, user }))
                }
                StoredSegment::Overflow { sums, key } => {
                    let key = key.restore(who.site, texts);
                    sums.restore(Body::Overflow(key))
                }
            });
        }
        let mut all = Vec::new();
        sessions::of(&mut segments, self.gap_ms, &mut all);
        for segment in &mut segments {
            let said = segment.contribution();
            segment.say(said);
        }
        Ok(Visits {
            who,
            session: self.session,
            gap_ms: self.gap_ms,
            segments,
            sessions: all,
            timer_ms: None,
            grown: None,
        })
    }
}
