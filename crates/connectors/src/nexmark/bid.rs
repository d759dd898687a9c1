//! Bids.

use std::sync::LazyLock;

use super::config::Config;
use super::events::{Field, NUMBER, TEXT, TIME};
use super::pool::{CHUNK, append, extra, words};
use crate::generate::{below, mix};

const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];
/// Channels beside the hot ones.
const CHANNELS: u64 = 10_000;

/// Texts of channels, the hot ones first, one behind the other, and where each begins and ends.
struct Texts {
    bytes: Vec<u8>,
    places: Vec<(u32, u32)>,
}

impl Texts {
    fn new(texts: impl Iterator<Item = String>) -> Self {
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for text in texts {
            let begin = bytes.len() as u32;
            bytes.extend_from_slice(text.as_bytes());
            places.push((begin, bytes.len() as u32));
        }
        bytes.resize(bytes.len() + CHUNK, 0);
        Texts { bytes, places }
    }

    fn append(&self, text: usize, out: &mut Vec<u8>) {
        let (begin, end) = self.places.get(text).copied().unwrap_or_default();
        append(self.bytes.get(begin as usize..).unwrap_or_default(), (end - begin) as usize, out);
    }
}

static NAMES: LazyLock<Texts> = LazyLock::new(|| {
    let cold = (0..CHANNELS).map(|channel| format!("channel-{channel}"));
    Texts::new(HOT_CHANNELS.iter().map(|name| (*name).to_owned()).chain(cold))
});

static URLS: LazyLock<Texts> = LazyLock::new(|| {
    let url = |channel: u64| {
        let part = |n| String::from_utf8_lossy(words(mix(channel, n), 5)).replace(' ', "_");
        format!("https://www.nexmark.com/{}/{}/{}/item.htm?query=1", part(1), part(2), part(3))
    };
    let cold = (0..CHANNELS).map(|channel| {
        // One of ten has no number in its URL.
        match below(mix(channel, 4), 10) {
            0 => url(channel),
            _ => format!("{}&channel_id={}", url(channel), (channel as u32).reverse_bits() & 0x7FFF_FFFF),
        }
    });
    Texts::new((CHANNELS..).take(HOT_CHANNELS.len()).map(url).chain(cold))
});

pub(super) const FIELDS: &[Field] = &[
    Field {
        name: "auction",
        data_type: NUMBER,
        make: |events| Ok(events.numbers_of(|number, _, auction| events.config.auction(auction, number))),
    },
    Field {
        name: "bidder",
        data_type: NUMBER,
        make: |events| Ok(events.numbers_of(|number, person, _| events.config.bidder(person, number))),
    },
    Field {
        name: "price",
        data_type: NUMBER,
        make: |events| Ok(events.numbers_of(|number, _, _| events.config.price(40, number))),
    },
    Field {
        name: "channel",
        data_type: TEXT,
        make: |events| {
            let names = &*NAMES;
            events.texts(10, |number, out| names.append(channel(events.config, number), out))
        },
    },
    Field {
        name: "url",
        data_type: TEXT,
        make: |events| {
            let urls = &*URLS;
            events.texts(80, |number, out| urls.append(channel(events.config, number), out))
        },
    },
    Field { name: "dateTime", data_type: TIME, make: |events| events.date_time() },
    Field {
        name: "extra",
        data_type: TEXT,
        make: |events| {
            let bytes = usize::try_from(events.config.bid_bytes).unwrap_or(0);
            events.texts(bytes, |number, out| {
                extra(events.config.word(43, number), 4 * 8, events.config.bid_bytes, out);
            })
        },
    },
];

/// Half of the bids come through hot channels.
fn channel(config: &Config, number: u64) -> usize {
    let word = config.word(41, number);
    let which = config.word(42, number);
    let hot = below(which, HOT_CHANNELS.len() as u64);
    let cold = HOT_CHANNELS.len() as u64 + below(which, CHANNELS);
    std::hint::select_unpredictable(word & 1 == 1, hot, cold) as usize
}
