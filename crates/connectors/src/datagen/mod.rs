//! `datagen`: rows that are made up, column by column, as Flink's connector of this name does.
//!
//! Row n is a function of n, of the option `seed` and of when the job was first started: a replay, and any number of workers, make
//! the same rows. Row n is due n / `rows-per-second` seconds (without a rate n microseconds) after the start; that is its time, and "now" for columns of dates and
//! times.

mod column;
mod source;
#[cfg(test)]
mod tests;
mod values;

use crate::catalog::{ConnectorSpec, Formats, OptionKind, OptionSpec};

pub(crate) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "datagen",
    about: "Makes rows up: random values and sequences, at a given rate, bounded or not.",
    formats: Formats::None,
    options: &[
        OptionSpec::flink(
            "rows-per-second",
            OptionKind::Integer,
            Some("10000"),
            "How many rows all workers together make in a second. Ours: 0 is as many as they can; row n is then n microseconds after the first.",
        ),
        OptionSpec::flink(
            "number-of-rows",
            OptionKind::Integer,
            None,
            "How many rows there are; without it, and without a sequence, there is no end.",
        ),
        OptionSpec::ours(
            "seed",
            OptionKind::Integer,
            Some("0"),
            "Other seeds make other rows, the same seed the same.",
        ),
        OptionSpec::flink(
            "fields.<column>.kind",
            OptionKind::OneOf(&["random", "sequence"]),
            Some("random"),
            "How values are made. A column of a ROW is `row.column`, the elements of an ARRAY `array.element`, those of a MAP `map.key` and `map.value`. Sequences are numbers or text.",
        ),
        OptionSpec::flink(
            "fields.<column>.min",
            OptionKind::Value,
            None,
            "The least random number; the type's least without it.",
        ),
        OptionSpec::flink(
            "fields.<column>.max",
            OptionKind::Value,
            None,
            "The greatest random number; the type's greatest without it.",
        ),
        OptionSpec::flink(
            "fields.<column>.max-past",
            OptionKind::Duration,
            Some("0 s"),
            "Random timestamps lie at the most so far before now.",
        ),
        OptionSpec::flink(
            "fields.<column>.length",
            OptionKind::Integer,
            None,
            "Characters of text (100, or what VARCHAR(n) allows), bytes of BINARY (100), elements of an ARRAY or a MAP (3).",
        ),
        OptionSpec::flink(
            "fields.<column>.var-len",
            OptionKind::Boolean,
            Some("false"),
            "Lengths are random, from 1 to `length`.",
        ),
        OptionSpec::flink(
            "fields.<column>.null-rate",
            OptionKind::Number,
            Some("0"),
            "Which share of the values is NULL, 0 to 1.",
        ),
        OptionSpec::flink("fields.<column>.start", OptionKind::Value, None, "Where a sequence begins."),
        OptionSpec::flink(
            "fields.<column>.end",
            OptionKind::Value,
            None,
            "Where a sequence ends, and with it the table.",
        ),
    ],
    metadata: &[],
    source: Some(source::make),
    sink: None,
    lookup: None,
};
