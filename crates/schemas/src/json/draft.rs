//! The drafts of JSON Schema, and where they differ.

use serde_json::{Map, Value};

/// A draft. Later ones are greater, and what names none knows all that any of them does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    Four,
    Six,
    Seven,
    Of2019,
    Of2020,
    /// No draft is named, or one that nobody knows: taken for draft 7, as Glue's and Confluent's deserializers do,
    /// with the keywords of all others.
    Unsaid,
}

impl Draft {
    /// The draft whose own schema has this URI.
    pub(super) fn of(schema: &str) -> Option<Self> {
        let (_, name) = schema.trim_end_matches('#').split_once("//json-schema.org/")?;
        Some(match name {
            "draft-04/schema" => Draft::Four,
            "draft-06/schema" => Draft::Six,
            "draft-07/schema" => Draft::Seven,
            "draft/2019-09/schema" => Draft::Of2019,
            "draft/2020-12/schema" => Draft::Of2020,
            _ => return None,
        })
    }

    /// What stands beside a `$ref` does not count, not even an `$id`.
    pub(super) fn ref_stands_alone(self) -> bool {
        self <= Draft::Seven || self == Draft::Unsaid
    }

    /// What a schema says that it is called.
    pub(super) fn id(self, schema: &Map<String, Value>) -> Option<&str> {
        if self.ref_stands_alone() && schema.contains_key("$ref") {
            return None;
        }
        let keyword = if self == Draft::Four { "id" } else { "$id" };
        schema.get(keyword).and_then(Value::as_str)
    }

    /// An `$id` that begins with `#` is an anchor.
    pub(super) fn id_is_anchor(self) -> bool {
        self.ref_stands_alone()
    }

    /// `items` may be a list, and `additionalItems` says what comes behind it.
    pub(super) fn items_may_be_list(self) -> bool {
        self != Draft::Of2020
    }

    /// `contains` counts as having looked at the items that it finds.
    pub(super) fn contains_evaluates(self) -> bool {
        self >= Draft::Of2020
    }

    /// 1.0 is an integer.
    pub(super) fn whole_is_integer(self) -> bool {
        self >= Draft::Six
    }

    /// The formats that are asserted: those that Everit's library asserts, by which Glue's and Confluent's deserializers
    /// check these drafts. From 2019-09 on a format is a remark, unless a schema's own dialect says otherwise.
    pub(super) fn asserts(self, format: &str) -> bool {
        let since = match format {
            "date-time" | "email" | "hostname" | "ipv4" | "ipv6" | "uri" => Draft::Four,
            "json-pointer" | "uri-reference" | "uri-template" => Draft::Six,
            "date" | "time" | "regex" | "relative-json-pointer" => Draft::Seven,
            _ => return false,
        };
        self >= since && self.ref_stands_alone()
    }
}
