//! Auctions.

use super::config::FIRST_ID;
use super::events::{Field, NUMBER, TEXT, TIME};
use super::pool::{extra, words};
use crate::generate::below;

/// Categories begin here, and there are five.
const FIRST_CATEGORY: i64 = 10;
const CATEGORIES: u64 = 5;
const NAME_MAX: u64 = 20;
const DESCRIPTION_MAX: u64 = 100;
/// Salts of what several fields are made of.
const NAME: u64 = 30;
const DESCRIPTION: u64 = 31;
const INITIAL_BID: u64 = 32;

pub(super) const FIELDS: &[Field] = &[
    Field {
        name: "id",
        data_type: NUMBER,
        make: |events| Ok(events.numbers_of(|_, _, auction| FIRST_ID + auction as i64)),
    },
    Field {
        name: "itemName",
        data_type: TEXT,
        make: |events| {
            events.texts(12, |number, out| out.extend_from_slice(words(events.config.word(NAME, number), NAME_MAX)))
        },
    },
    Field {
        name: "description",
        data_type: TEXT,
        make: |events| {
            events.texts(52, |number, out| {
                out.extend_from_slice(words(events.config.word(DESCRIPTION, number), DESCRIPTION_MAX));
            })
        },
    },
    Field {
        name: "initialBid",
        data_type: NUMBER,
        make: |events| Ok(events.numbers_of(|number, _, _| events.config.price(INITIAL_BID, number))),
    },
    Field {
        name: "reserve",
        data_type: NUMBER,
        make: |events| {
            let price = |salt, number| events.config.price(salt, number);
            Ok(events.numbers_of(|number, _, _| price(INITIAL_BID, number) + price(33, number)))
        },
    },
    Field { name: "dateTime", data_type: TIME, make: |events| events.date_time() },
    Field {
        name: "expires",
        data_type: TIME,
        make: |events| {
            let lengths = events.numbers.iter().map(|&number| events.config.auction_length_ms(number));
            Ok(events.times(events.times_ms.iter().zip(lengths).map(|(begin, length)| begin.saturating_add(length))))
        },
    },
    Field {
        name: "seller",
        data_type: NUMBER,
        make: |events| Ok(events.numbers_of(|number, person, _| events.config.seller(person, number))),
    },
    Field {
        name: "category",
        data_type: NUMBER,
        make: |events| {
            Ok(events
                .numbers_of(|number, _, _| FIRST_CATEGORY + below(events.config.word(34, number), CATEGORIES) as i64))
        },
    },
    Field {
        name: "extra",
        data_type: TEXT,
        make: |events| {
            let bytes = usize::try_from(events.config.auction_bytes).unwrap_or(0);
            events.texts(bytes, |number, out| {
                let name = words(events.config.word(NAME, number), NAME_MAX);
                let description = words(events.config.word(DESCRIPTION, number), DESCRIPTION_MAX);
                let so_far = 8 + name.len() + description.len() + 5 * 8;
                extra(events.config.word(35, number), so_far, events.config.auction_bytes, out);
            })
        },
    },
];
