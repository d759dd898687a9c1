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
const IGNORE_ERRORS_LOG: OptionSpec = ours(
    "ignore-parse-errors",
    "false",
    "A line that can't be read is passed over and counted instead of being rejected.",
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

const HEADER: OptionSpec = ours(
    "header",
    "none",
    "What stands before each record: `none`, `confluent` or `glue` (the number of a schema in a registry). Of the last two either is read, and this one written.",
);
const COMPRESSION: OptionSpec =
    ours("compression", "none", "`none` or `zlib`: how payloads are packed behind Glue's header. Both are read.");

/// All formats.
pub const FORMATS: &[FormatSpec] = &[
    FormatSpec {
        name: "json",
        about: "A JSON object a row. A record may hold several objects, one after the other or in an array.",
        reads: true,
        writes: true,
        options: &[
            IGNORE_ERRORS,
            flink(
                "fail-on-missing-field",
                "false",
                "A field that is not there rejects the record instead of being NULL.",
            ),
            TIMESTAMPS,
            IGNORE_NULLS,
            PLAIN_DECIMALS,
            NULL_KEY_MODE,
            NULL_KEY_LITERAL,
            flink(
                "decode.json-parser.enabled",
                "true",
                "Without effect: records are always read without building a tree.",
            ),
            given(
                "row-path",
                "JSONPath of the rows in a document: `$`, `$.a.b` or, for a row an element, `$.orders[0:]`.",
            ),
            given(
                "path.<column>",
                "JSONPath of a column from its row, instead of the member of its name: `$.metadata.table-name`. `$.items[0:].id` makes a row of each element, `$.items[0:]` takes the array as text.",
            ),
            COERCION,
            HEADER,
            COMPRESSION,
            ours(
                "validate",
                "false",
                "A record that the JSON Schema which it names does not accept is rejected, with the place and the reason. It must be read as a whole for that.",
            ),
        ],
    },
    FormatSpec {
        name: "csv",
        about: "A line a row, columns by their place. A record may hold several lines. Values and ARRAYs of values.",
        reads: true,
        writes: true,
        options: &[
            IGNORE_ERRORS,
            flink("field-delimiter", ",", "Between fields: one ASCII character, `\\t` for a tab."),
            ours(
                "row-delimiter",
                "\\n",
                "Between the rows of a record: one ASCII character. With a line feed, a carriage return before it is no part of the row.",
            ),
            flink("quote-character", "\"", "Around fields that hold delimiters; doubled inside."),
            flink("disable-quote-character", "false", "Quotes are text like any other."),
            flink(
                "escape-character",
                "",
                "Before a character that is to be taken as it is; none where it is not given.",
            ),
            flink("allow-comments", "false", "Lines that begin with `#` are passed over."),
            flink(
                "null-literal",
                "",
                "The text that is NULL, unless it is in quotes. Where it is not given, an empty field is NULL in a column that is no text.",
            ),
            flink("array-element-delimiter", ";", "Between the elements of an ARRAY."),
            flink(
                "write-bigdecimal-in-scientific-notation",
                "true",
                "Without effect: decimals are always written as plain numbers.",
            ),
            ours("header", "false", "Lines that hold the columns' names are passed over, and files begin with one."),
            COERCION,
        ],
    },
    FormatSpec {
        name: "avro",
        about: "Avro's binary encoding. Without a schema, the one that the columns come to, as Flink makes it.",
        reads: true,
        writes: true,
        options: &[
            flink("encoding", "binary", "Only `binary`: for JSON take the format `json`."),
            given("schema", "The schema that records are written with, as JSON."),
            given(
                "reader-schema",
                "The schema that they are read as: its defaults, aliases and enum defaults. Without it fields are taken by the columns' names.",
            ),
            ours(
                "header",
                "none",
                "What stands before each record: `none`, `single-object` (Avro's fingerprint), `confluent` or `glue` (the number of a schema in a registry). Of the last two either is read, and this one written.",
            ),
            COMPRESSION,
            flink(
                "timestamp_mapping.legacy",
                "true",
                "`timestamp-millis` and `timestamp-micros` are timestamps without a time zone. `false`: with UTC, and `local-timestamp-…` are those without.",
            ),
            ours(
                "ignore-parse-errors",
                "false",
                "A record that can't be read is passed over and counted instead of being rejected.",
            ),
        ],
    },
    FormatSpec {
        name: "protobuf",
        about: "A message of Protobuf (proto2 or proto3). Without a schema, the one that the columns come to.",
        reads: true,
        writes: true,
        options: &[
            given(
                "schema",
                "The text of a `.proto` file, or its descriptor in base64: what records are written with, and what columns are called.",
            ),
            given(
                "message",
                "Which of its messages records are, by its name with or without the package; without it the first. Records of a registry that hold others are rejected.",
            ),
            OptionSpec {
                name: "message-class-name",
                default: None,
                about: "The same by the full name of the Java class that is made of the message, such as `com.example.Orders$Order`.",
                flink: true,
            },
            HEADER,
            COMPRESSION,
            flink(
                "read-default-values",
                "false",
                "Fields of proto2 that a record has not are their defaults instead of NULL. Those of proto3 always are, unless they are `optional` or messages.",
            ),
            ours(
                "ignore-parse-errors",
                "false",
                "A record that can't be read is passed over and counted instead of being rejected.",
            ),
        ],
    },
    FormatSpec {
        name: "raw",
        about: "The record is the value of the only column: text, bytes, a boolean or a number.",
        reads: true,
        writes: true,
        options: &[
            flink("charset", "UTF-8", "Of text: `UTF-8`, `US-ASCII` or `ISO-8859-1`."),
            flink("endianness", "big-endian", "Of numbers: `big-endian` or `little-endian`."),
        ],
    },
    FormatSpec {
        name: "regex",
        about: "A line a row: the groups of a regular expression (`REGEX_LOG_PARSE`).",
        reads: true,
        writes: false,
        options: &[
            given(
                "pattern",
                "The expression, which must match the whole line. A column a group: `COLUMN1`, …, or the group's name. Required.",
            ),
            given("columns", "The columns instead, a group each: `name TYPE type, …`."),
            IGNORE_ERRORS_LOG,
        ],
    },
    FormatSpec {
        name: "w3c",
        about: "A line a row: access logs of web servers (`W3C_LOG_PARSE`).",
        reads: true,
        writes: false,
        options: &[
            ours(
                "pattern",
                "COMMON",
                "`COMMON`, `COMMON WITH VHOST`, `NCSA EXTENDED`, `REFERER`, `AGENT`, `IIS`, or directives like Apache's: `%h %l %u [%t] \"%r\" %>s %b`. A column a directive: `COLUMN1`, …",
            ),
            IGNORE_ERRORS_LOG,
        ],
    },
    FormatSpec {
        name: "syslog",
        about: "A line a row: RFC 3164 and RFC 5424 (`SYS_LOG_PARSE`). Columns `COLUMN1` (time), `COLUMN2` (what follows it), `facility`, `severity`, `timestamp`, `hostname`, `app_name`, `proc_id`, `msg_id`, `structured_data`, `message`.",
        reads: true,
        writes: false,
        options: &[
            ours("standard", "auto", "`rfc3164`, `rfc5424`, or `auto`: a version after the priority means RFC 5424."),
            ours("year", "1970", "The year of RFC 3164's times, which have none."),
            IGNORE_ERRORS_LOG,
        ],
    },
    FormatSpec {
        name: "fixed-columns",
        about: "A line a row: columns at fixed places (`FIXED_COLUMN_LOG_PARSE`).",
        reads: true,
        writes: false,
        options: &[
            given(
                "columns",
                "`name TYPE type [NOT NULL] START n [FOR m], …`, in characters from 0; without `FOR` to the end of the line. Blanks at a column's end are cut. Required.",
            ),
            IGNORE_ERRORS_LOG,
        ],
    },
    FormatSpec {
        name: "variable-columns",
        about: "A line a row: delimited columns (`VARIABLE_COLUMN_LOG_PARSE`). Missing ones are NULL, further ones are passed over.",
        reads: true,
        writes: false,
        options: &[
            given("columns", "`name TYPE type, …`, or how many there are: `COLUMN1`, … Required."),
            ours("delimiter", ",", "Between columns: one ASCII character."),
            ours("escape", "", "Before a character that is to be taken as it is."),
            ours("quote", "", "Around columns that hold delimiters."),
            IGNORE_ERRORS_LOG,
        ],
    },
    FormatSpec {
        name: "debezium-json",
        about: "Changes of a table as Debezium captures them; the rows have kinds. Reads records with their schema and without.",
        reads: true,
        writes: true,
        options: &[
            flink(
                "schema-include",
                "false",
                "Records must be wrapped with their schema. Without it both forms are read.",
            ),
            IGNORE_ERRORS,
            given(
                "metadata.<column>",
                "The column holds what is said about the change: `ingestion-timestamp`, `source.timestamp`, `source.database`, `source.schema`, `source.table` or `source.properties` (Flink: `METADATA FROM 'value.…'`).",
            ),
            TIMESTAMPS,
            IGNORE_NULLS,
            PLAIN_DECIMALS,
            NULL_KEY_MODE,
            NULL_KEY_LITERAL,
        ],
    },
    FormatSpec {
        name: "dms-json",
        about: "Changes of tables as AWS Database Migration Service captures them; the rows have kinds.",
        reads: true,
        writes: true,
        options: &[
            ours("schema.include", "", "A regular expression that the schema's name must match as a whole."),
            ours(
                "table.include",
                "",
                "A regular expression that the table's name must match as a whole; records of others are passed over and counted.",
            ),
            given(
                "metadata.<column>",
                "The column holds the member of this name of the record's metadata: `timestamp`, `operation`, `table-name`, `transaction-id`, …",
            ),
            IGNORE_ERRORS,
            TIMESTAMPS,
            IGNORE_NULLS,
            PLAIN_DECIMALS,
            NULL_KEY_MODE,
            NULL_KEY_LITERAL,
        ],
    },
];
