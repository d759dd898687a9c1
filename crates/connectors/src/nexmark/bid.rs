//! Bids.

use std::sync::LazyLock;

use super::config::Config;
use super::events::{Field, NUMBER, TEXT, TIME};
use super::pool::{extra, words};
use crate::generate::{below, mix};

const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];
/// Channels beside the hot ones.
const CHANNELS: u64 = 10_000;

/// Name and URL of each channel: the hot ones first.
static CHANNEL_URLS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let url = |channel: u64| {
        let part = |n| String::from_utf8_lossy(words(mix(channel, n), 5)).replace(' ', "_");
        format!("https://www.nexmark.com/{}/{}/{}/item.htm?query=1", part(1), part(2), part(3))
    };
    let hot = HOT_CHANNELS.iter().zip(CHANNELS..).map(|(name, channel)| ((*name).to_owned(), url(channel)));
    let cold = (0..CHANNELS).map(|channel| {
        let name = format!("channel-{channel}");
        // One of ten has no number in its URL.
        match below(mix(channel, 4), 10) {
            0 => (name, url(channel)),
            _ => (name, format!("{}&channel_id={}", url(channel), (channel as u32).reverse_bits() & 0x7FFF_FFFF)),
        }
    });
    hot.chain(cold).collect()
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
            let channels = &*CHANNEL_URLS;
            events.texts(10, |number, out| {
                let channel = channels.get(channel(events.config, number));
                out.extend_from_slice(channel.map_or(&[], |(name, _)| name.as_bytes()));
            })
        },
    },
    Field {
        name: "url",
        data_type: TEXT,
        make: |events| {
            let channels = &*CHANNEL_URLS;
            events.texts(64, |number, out| {
                let channel = channels.get(channel(events.config, number));
                out.extend_from_slice(channel.map_or(&[], |(_, url)| url.as_bytes()));
            })
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
    (match word & 1 {
        1 => below(which, HOT_CHANNELS.len() as u64),
        _ => HOT_CHANNELS.len() as u64 + below(which, CHANNELS),
    }) as usize
}
