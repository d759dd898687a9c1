//! `print`: rows as lines of text, written as Flink's connector of this name writes them: `+I[1, flower, 2.5]`.

mod sink;
#[cfg(test)]
mod tests;
mod text;

use crate::catalog::{ConnectorSpec, Formats, OptionKind, OptionSpec};

pub(crate) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "print",
    about: "Prints rows of every kind, a line each: `+I[1, flower]`, `-U[…]`, `+U[…]`, `-D[…]`.",
    formats: Formats::None,
    options: &[
        OptionSpec::flink(
            "print-identifier",
            OptionKind::Text,
            None,
            "Stands before each line, `name> `; with several workers before each is its worker's number, `name:2> `.",
        ),
        OptionSpec::flink(
            "standard-error",
            OptionKind::Boolean,
            Some("false"),
            "Prints to standard error instead of standard output.",
        ),
    ],
    metadata: &[],
    source: None,
    sink: Some(sink::make),
    lookup: None,
};
