//! People.

use super::config::Config;
use super::config::FIRST_ID;
use super::events::{Field, NUMBER, TEXT, TIME};
use super::pool::{extra, one_of, words};
use crate::generate::mix;

const FIRST_NAMES: &[&str] =
    &["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"];
const LAST_NAMES: &[&str] = &["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];
const STATES: &[&str] = &["AZ", "CA", "ID", "OR", "WA", "WY"];
const CITIES: &[&str] =
    &["Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"];
/// `1234 1234 1234 1234`
const CARD_BYTES: usize = 19;

pub(super) const FIELDS: &[Field] = &[
    Field {
        name: "id",
        data_type: NUMBER,
        make: |events| Ok(events.numbers_of(|_, person, _| FIRST_ID + person as i64)),
    },
    Field {
        name: "name",
        data_type: TEXT,
        make: |events| {
            events.texts(12, |number, out| {
                let (first, last) = name(events.config, number);
                out.extend_from_slice(first.as_bytes());
                out.push(b' ');
                out.extend_from_slice(last.as_bytes());
            })
        },
    },
    Field {
        name: "emailAddress",
        data_type: TEXT,
        make: |events| {
            events.texts(14, |number, out| {
                let (user, host) = email(events.config, number);
                out.extend_from_slice(user);
                out.push(b'@');
                out.extend_from_slice(host);
                out.extend_from_slice(b".com");
            })
        },
    },
    Field {
        name: "creditCard",
        data_type: TEXT,
        make: |events| events.texts(CARD_BYTES, |number, out| card(events.config.word(22, number), out)),
    },
    Field {
        name: "city",
        data_type: TEXT,
        make: |events| events.texts(9, |number, out| out.extend_from_slice(city(events.config, number).as_bytes())),
    },
    Field {
        name: "state",
        data_type: TEXT,
        make: |events| {
            events.texts(2, |number, out| {
                out.extend_from_slice(one_of(STATES, events.config.word(24, number)).as_bytes());
            })
        },
    },
    Field { name: "dateTime", data_type: TIME, make: |events| events.date_time() },
    Field {
        name: "extra",
        data_type: TEXT,
        make: |events| {
            let bytes = usize::try_from(events.config.person_bytes).unwrap_or(0);
            events.texts(bytes, |number, out| {
                let ((first, last), (user, host)) = (name(events.config, number), email(events.config, number));
                let (name, email) = (first.len() + 1 + last.len(), user.len() + 1 + host.len() + 4);
                let so_far = 8 + name + email + CARD_BYTES + city(events.config, number).len() + 2;
                extra(events.config.word(25, number), so_far, events.config.person_bytes, out);
            })
        },
    },
];

fn name(config: &Config, number: u64) -> (&'static str, &'static str) {
    let word = config.word(20, number);
    (one_of(FIRST_NAMES, word), one_of(LAST_NAMES, mix(word, 1)))
}

fn email(config: &Config, number: u64) -> (&'static [u8], &'static [u8]) {
    let word = config.word(21, number);
    (words(word, 7), words(mix(word, 1), 5))
}

fn city(config: &Config, number: u64) -> &'static str {
    one_of(CITIES, config.word(23, number))
}

fn card(word: u64, out: &mut Vec<u8>) {
    let mut word = word;
    for digit in 0..16 {
        if digit > 0 && digit % 4 == 0 {
            out.push(b' ');
        }
        out.push(b'0' + (word % 10) as u8);
        word /= 10;
    }
}
