//! `nexmark`: the events of an auction site, as the Nexmark benchmark generates them.
//!
//! Of 50 events 1 is a person, 3 are auctions and 46 are bids. Event n is a function of n and of the options: a replay, and any
//! number of workers, make the same events. The rules and numbers (hot auctions, sellers and bidders, people that are active,
//! auctions in flight, prices, names, sizes) are those of Apache Beam's generator
//! (`org.apache.beam.sdk.nexmark.sources.generator`) with channels and URLs as in the Flink suite (`nexmark-flink`); the random
//! numbers are our own.
//!
//! A table declares any columns of `event_type`, `person`, `auction`, `bid`, and of each ROW any fields; with `nexmark.event` the
//! fields of one kind are the columns. Only what is asked for is made. Rows come kind by kind: of some thousand events that follow
//! each other first the people, then the auctions, then the bids.

mod auction;
mod bid;
mod config;
mod events;
mod person;
mod pool;
mod source;
#[cfg(test)]
mod tests;

use crate::catalog::{ConnectorSpec, Formats, OptionKind, OptionSpec};

pub(crate) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "nexmark",
    about: "Makes the events of the Nexmark benchmark: people, auctions and bids.",
    formats: Formats::None,
    options: &[
        OptionSpec::ours(
            "nexmark.event",
            OptionKind::OneOf(&["all", "person", "auction", "bid"]),
            Some("all"),
            "`all`: the columns are `event_type`, `person`, `auction`, `bid`. Else the table has the events of one kind, and the columns are their fields.",
        ),
        OptionSpec::flink(
            "events.num",
            OptionKind::Integer,
            Some("0"),
            "How many events there are, of all kinds; 0: no end.",
        ),
        OptionSpec::flink(
            "first-event.rate",
            OptionKind::Integer,
            Some("10000"),
            "Events a second, by the events' own times.",
        ),
        OptionSpec::flink("next-event.rate", OptionKind::Integer, None, "The same: rates that change are not made."),
        OptionSpec::flink(
            "rate.limited",
            OptionKind::Boolean,
            Some("false"),
            "Events come at that rate, too; else as fast as they are taken.",
        ),
        OptionSpec::ours(
            "base-time",
            OptionKind::Integer,
            None,
            "The first event's time, milliseconds since 1970; without it when the job was first started.",
        ),
        OptionSpec::ours(
            "seed",
            OptionKind::Integer,
            Some("0"),
            "Other seeds make other events, the same seed the same.",
        ),
        OptionSpec::flink(
            "person.proportion",
            OptionKind::Integer,
            Some("1"),
            "How many events of a round are people.",
        ),
        OptionSpec::flink("auction.proportion", OptionKind::Integer, Some("3"), "How many are auctions."),
        OptionSpec::flink("bid.proportion", OptionKind::Integer, Some("46"), "How many are bids."),
        OptionSpec::flink(
            "person.avg-size",
            OptionKind::Bytes,
            Some("200"),
            "Bytes of a person, on average; `extra` fills them.",
        ),
        OptionSpec::flink("auction.avg-size", OptionKind::Bytes, Some("500"), "Bytes of an auction."),
        OptionSpec::flink(
            "bid.avg-size",
            OptionKind::Bytes,
            Some("100"),
            "Bytes of a bid, without its channel and URL.",
        ),
        OptionSpec::flink(
            "bid.hot-ratio.auctions",
            OptionKind::Integer,
            Some("2"),
            "Of so many bids one is on any auction, the others on the hot one.",
        ),
        OptionSpec::flink(
            "bid.hot-ratio.bidders",
            OptionKind::Integer,
            Some("4"),
            "Of so many bids one is by anyone, the others by the hot bidder.",
        ),
        OptionSpec::flink(
            "auction.hot-ratio.sellers",
            OptionKind::Integer,
            Some("4"),
            "Of so many auctions one is by anyone, the others by the hot seller.",
        ),
    ],
    metadata: &[],
    source: Some(source::make),
    sink: None,
    lookup: None,
};
