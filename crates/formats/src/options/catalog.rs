//! Every format with its options: what is checked, and what docs/formats.md is made of.

/// A format.
#[derive(Clone, Copy, Debug)]
pub struct FormatSpec {
    /// Its name in `'format' = '…'`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// It makes rows of records.
    pub reads: bool,
    /// It makes records of rows.
    pub writes: bool,
    /// Its options, without the name of the format before them.
    pub options: &'static [OptionSpec],
}

/// An option of a format.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Its name after the format's and a dot; `<column>` stands for a column's name.
    pub name: &'static str,
    /// What holds where it is not given.
    pub default: Option<&'static str>,
    /// What it does.
    pub about: &'static str,
    /// Flink has it under the same name.
    pub flink: bool,
}

impl OptionSpec {
    /// Whether a given name is this option's.
    pub(crate) fn matches(&self, given: &str) -> bool {
        match self.name.strip_suffix("<column>") {
            Some(prefix) => given.len() > prefix.len() && given.starts_with(prefix),
            None => given == self.name,
        }
    }
}

const fn flink(name: &'static str, default: &'static str, about: &'static str) -> OptionSpec {
    OptionSpec { name, default: Some(default), about, flink: true }
}

const fn ours(name: &'static str, default: &'static str, about: &'static str) -> OptionSpec {
    OptionSpec { name, default: Some(default), about, flink: false }
}

const fn given(name: &'static str, about: &'static str) -> OptionSpec {
    OptionSpec { name, default: None, about, flink: false }
}

const IGNORE_ERRORS: OptionSpec = flink(
    "ignore-parse-errors",
    "false",
    "A value that does not fit becomes NULL, and a record that can't be read is passed over and counted, instead of being rejected.",
);
const TIMESTAMPS: OptionSpec = flink(
    "timestamp-format.standard",
    "SQL",
    "How timestamps are written: `SQL` (`2026-02-14 18:35:44.1`) or `ISO-8601` (`2026-02-14T18:35:44.1`), each with `Z` where the type has a time zone; both are read. Ours: `EPOCH-SECONDS`, `EPOCH-MILLIS`, `EPOCH-MICROS`, `EPOCH-NANOS` write and read numbers (and read the texts).",
);
const PLAIN_DECIMALS: OptionSpec =
    flink("encode.decimal-as-plain-number", "false", "Without effect: decimals are always written as plain numbers.");
const IGNORE_NULLS: OptionSpec =
    flink("encode.ignore-null-fields", "false", "Fields that are NULL are left out of what is written.");
const NULL_KEY_MODE: OptionSpec = flink(
    "map-null-key.mode",
    "FAIL",
    "Without effect: a map's keys are never NULL here. `FAIL`, `DROP` or `LITERAL`.",
);
const NULL_KEY_LITERAL: OptionSpec =
    flink("map-null-key.literal", "null", "Without effect: a map's keys are never NULL here.");
const COERCION: OptionSpec =
    ours("coercion", "standard", "`kinesis` takes values as Kinesis Data Analytics did: see \"Coercion\" below.");

/// All formats.
pub const FORMATS: &[FormatSpec] = &[FormatSpec {
    name: "json",
    about: "A JSON object a row. A record may hold several objects, one after the other or in an array.",
    reads: true,
    writes: true,
    options: &[
        IGNORE_ERRORS,
        flink("fail-on-missing-field", "false", "A field that is not there rejects the record instead of being NULL."),
        TIMESTAMPS,
        IGNORE_NULLS,
        PLAIN_DECIMALS,
        NULL_KEY_MODE,
        NULL_KEY_LITERAL,
        flink("decode.json-parser.enabled", "true", "Without effect: records are always read without building a tree."),
        given("row-path", "JSONPath of the rows in a document: `$`, `$.a.b` or, for a row an element, `$.orders[0:]`."),
        given(
            "path.<column>",
            "JSONPath of a column from its row, instead of the member of its name: `$.metadata.table-name`. `$.items[0:].id` makes a row of each element, `$.items[0:]` takes the array as text.",
        ),
        COERCION,
    ],
}];
