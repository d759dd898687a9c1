//! `http`: rows that others post here, rows that are fetched, posted, or looked up at a URL.
//!
//! Plain HTTP/1.1. **Source.** With `listen` it takes what is posted to a port of this machine: a body holds records as a file does,
//! and is answered with 202 once it is taken in. With `url` it fetches that URL again and again. Neither can be asked for the same
//! records twice, so both are at most once over a crash. **Sink.** Rows are posted in batches, at least once: a checkpoint waits for
//! the answers. **Lookup.** Each key is a request.

mod client;
mod inbox;
mod listen;
mod lookup;
mod poll;
mod sink;
mod source;
#[cfg(test)]
mod tests;

use crate::catalog::{ConnectorSpec, Formats, OptionKind, OptionSpec};
use crate::lookup::{CACHE, EXPIRE, MAX_ROWS, MISSING};

pub(crate) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "http",
    about: "Takes what is posted to it, fetches a URL again and again, posts rows to one, or looks rows up at one.",
    formats: Formats::Any,
    options: &[
        OptionSpec::ours(
            "url",
            OptionKind::Text,
            None,
            "`http://host/path` to fetch from, to post to, or to look up at. There `{column}` is the value of a column that rows are looked up by; others are added as parameters.",
        ),
        OptionSpec::ours(
            "listen",
            OptionKind::Text,
            None,
            "`127.0.0.1:8088/path`: takes what is posted there, instead of fetching.",
        ),
        OptionSpec::ours("listen.max-body", OptionKind::Bytes, Some("16 mb"), "A longer body is refused with 413."),
        OptionSpec::ours("poll.interval", OptionKind::Duration, Some("10 s"), "The URL is fetched so often."),
        OptionSpec::ours(
            "header.<name>",
            OptionKind::Text,
            None,
            "A header of every request, such as `header.authorization`.",
        ),
        OptionSpec::ours(
            "request.timeout",
            OptionKind::Duration,
            Some("10 s"),
            "A request without an answer by then has failed.",
        ),
        OptionSpec::ours(
            "request.max-retries",
            OptionKind::Integer,
            Some("5"),
            "A request of a sink or a lookup that failed, or was answered with 408, 429 or 5xx, is sent so often again, first after 100 ms, each time after twice as long, at most 10 s.",
        ),
        OptionSpec::ours("sink.batch.max-rows", OptionKind::Integer, Some("500"), "Rows of one request."),
        OptionSpec::ours(
            "sink.batch.max-size",
            OptionKind::Bytes,
            Some("1 mb"),
            "A request is sent when its body has so many bytes.",
        ),
        OptionSpec::ours(
            "lookup.concurrency",
            OptionKind::Integer,
            Some("8"),
            "Requests of one lookup that are under way at the same time.",
        ),
        CACHE,
        MAX_ROWS,
        EXPIRE,
        MISSING,
    ],
    metadata: &[],
    source: Some(source::make),
    sink: Some(sink::make),
    lookup: Some(lookup::make),
};
