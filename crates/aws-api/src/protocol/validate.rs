//! Checks the constraints of shapes, with the service's texts.

use super::model::{Kind, Member, Model, Operation, Shape, ShapeId};
use super::{Fault, Value};

/// So many violations are told at once.
const ERRORS_MAX: usize = 10;

impl Model {
    /// Refuses a conformed request whose members break their constraints; all are told, up to ten.
    pub fn validate(&self, operation: &Operation, value: &Value<'_>) -> Result<(), Fault> {
        let mut check = Check { model: self, errors: Vec::new() };
        check.members(&operation.members, value, "");
        let found = check.errors.len();
        match found {
            0 => Ok(()),
            _ => Err(Fault::validation(format!(
                "{found} validation error{} detected: {}",
                if found == 1 { "" } else { "s" },
                check.errors.join("; ")
            ))),
        }
    }
}

struct Check<'m> {
    model: &'m Model,
    errors: Vec<String>,
}

impl Check<'_> {
    fn members(&mut self, members: &[Member], value: &Value<'_>, path: &str) {
        for member in members {
            // The path is only written where it is needed: most requests have no error.
            let at = || {
                if path.is_empty() {
                    lower_first(&member.name)
                } else {
                    format!("{path}.{}", lower_first(&member.name))
                }
            };
            match value.get(&member.name) {
                Some(value) => self.value(member.shape, value, &at),
                None if member.required => self.refuse("null", &at(), "Member must not be null"),
                None => {}
            }
        }
    }

    fn value(&mut self, shape: ShapeId, value: &Value<'_>, path: &dyn Fn() -> String) {
        let Some(shape) = self.model.shape(shape) else { return };
        for broken in broken(shape, value) {
            self.refuse(&self.shown(shape, value), &path(), &broken);
        }
        match (&shape.kind, value) {
            (Kind::Structure(members), value) => {
                let path = path();
                self.members(members, value, &path);
            }
            (Kind::List(item), Value::List(items)) => match self.model.shape(*item) {
                Some(inner) if matches!(inner.kind, Kind::Structure(_)) => {
                    for (i, value) in items.iter().enumerate() {
                        self.item(*item, value, &|| format!("{}.{}.member", path(), i + 1));
                    }
                }
                Some(inner) => {
                    let faulty = items.iter().find_map(|item| Some(rules(inner)).filter(|_| !satisfies(inner, item)));
                    if let Some(rules) = faulty {
                        self.refuse(
                            &self.shown(shape, value),
                            &path(),
                            &format!("Member must satisfy constraint: [{}]", rules.join(", ")),
                        );
                    }
                }
                None => {}
            },
            (Kind::Map(key, item), Value::Map(entries)) => {
                let (Some(key), Some(item)) = (self.model.shape(*key), self.model.shape(*item)) else { return };
                if entries.iter().any(|(found, _)| !satisfies(key, &Value::Text(found.as_ref().into()))) {
                    let text = format!("Map keys must satisfy constraint: [{}]", rules(key).join(", "));
                    self.refuse(&self.shown(shape, value), &path(), &text);
                }
                if entries.iter().any(|(_, found)| !satisfies(item, found)) {
                    let text = format!("Map value must satisfy constraint: [{}]", rules(item).join(", "));
                    self.refuse(&self.shown(shape, value), &path(), &text);
                }
            }
            _ => {}
        }
    }

    /// A structure in a list; its members follow the item's number without the word `member`.
    fn item(&mut self, shape: ShapeId, value: &Value<'_>, path: &dyn Fn() -> String) {
        if self.errors.len() >= ERRORS_MAX {
            return;
        }
        if *value == Value::Null {
            return self.refuse("null", &path(), "Member must not be null");
        }
        if let Some(Kind::Structure(members)) = self.model.shape(shape).map(|shape| &shape.kind) {
            // Without an error nothing is allocated.
            if members.iter().any(|member| self.suspicious(member, value)) {
                let path = path();
                self.members(members, value, &path);
            }
        }
    }

    fn suspicious(&self, member: &Member, value: &Value<'_>) -> bool {
        match (value.get(&member.name), self.model.shape(member.shape)) {
            (None, _) => member.required,
            (Some(value), Some(shape)) => {
                !satisfies(shape, value) || matches!(shape.kind, Kind::List(_) | Kind::Map(..) | Kind::Structure(_))
            }
            _ => false,
        }
    }

    fn refuse(&mut self, shown: &str, path: &str, constraint: &str) {
        if self.errors.len() < ERRORS_MAX {
            let shown = if shown == "null" { shown.to_owned() } else { format!("'{shown}'") };
            self.errors.push(format!("Value {shown} at '{path}' failed to satisfy constraint: {constraint}"));
        }
    }

    /// A value as Java would print it.
    fn shown(&self, shape: &Shape, value: &Value<'_>) -> String {
        match (value, &shape.kind) {
            (Value::Null, _) => "null".into(),
            (Value::Bool(flag), _) => flag.to_string(),
            (Value::Integer(number) | Value::Time(number), _) => number.to_string(),
            (Value::Float(number), _) => number.to_string(),
            (Value::Text(text), _) => text.to_string(),
            (Value::Blob(bytes), _) => {
                format!("java.nio.HeapByteBuffer[pos=0 lim={} cap={}]", bytes.len(), bytes.len())
            }
            (Value::List(items), Kind::List(item)) => {
                let inner = self.model.shape(*item);
                let items: Vec<_> =
                    items.iter().map(|item| inner.map_or_else(String::new, |inner| self.shown(inner, item))).collect();
                format!("[{}]", items.join(", "))
            }
            (Value::Map(entries), Kind::Map(_, item)) => {
                let inner = self.model.shape(*item);
                let entry = |(key, value): &(_, Value<'_>)| {
                    format!("{key}={}", inner.map_or_else(String::new, |inner| self.shown(inner, value)))
                };
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            // Java prints the structure's class and its hash.
            _ => format!("{}.{}@c965e310", self.model.package, shape.name),
        }
    }
}

/// The constraints that a value breaks.
fn broken(shape: &Shape, value: &Value<'_>) -> Vec<String> {
    if satisfies(shape, value) {
        return Vec::new();
    }
    let mut broken = Vec::new();
    if !matches_pattern(shape, value) {
        broken.extend(pattern_rule(shape));
    }
    if let Some((size, is_value)) = size(value) {
        let what = if is_value { "value" } else { "length" };
        if let Some(max) = shape.max.filter(|max| size > *max) {
            broken.push(format!("Member must have {what} less than or equal to {max}"));
        }
        if let Some(min) = shape.min.filter(|min| size < *min) {
            broken.push(format!("Member must have {what} greater than or equal to {min}"));
        }
    }
    if !is_allowed(shape, value) {
        broken.push(enum_rule(shape));
    }
    broken
}

/// Whether a value keeps all constraints of its own (not those of what it holds).
fn satisfies(shape: &Shape, value: &Value<'_>) -> bool {
    let fits = size(value)
        .is_none_or(|(size, _)| shape.max.is_none_or(|max| size <= max) && shape.min.is_none_or(|min| size >= min));
    *value != Value::Null && fits && matches_pattern(shape, value) && is_allowed(shape, value)
}

/// All constraints of a shape, as they are told for items.
fn rules(shape: &Shape) -> Vec<String> {
    let length = |what: &str, limit: Option<i64>| {
        limit.map(|limit| format!("Member must have length {what} than or equal to {limit}"))
    };
    let mut rules: Vec<_> = length("less", shape.max).into_iter().chain(length("greater", shape.min)).collect();
    rules.extend(pattern_rule(shape));
    if !shape.allowed.is_empty() {
        rules.push(enum_rule(shape));
    }
    rules
}

fn pattern_rule(shape: &Shape) -> Option<String> {
    shape.pattern.as_ref().map(|pattern| format!("Member must satisfy regular expression pattern: {}", pattern.text))
}

fn enum_rule(shape: &Shape) -> String {
    format!("Member must satisfy enum value set: [{}]", shape.allowed.join(", "))
}

/// What the limits are about, and whether it is the value itself rather than a length.
fn size(value: &Value<'_>) -> Option<(i64, bool)> {
    let length = match value {
        Value::Integer(number) => return Some((*number, true)),
        // Java counts UTF-16 units.
        Value::Text(text) => text.chars().map(char::len_utf16).sum(),
        Value::Blob(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        _ => return None,
    };
    Some((i64::try_from(length).unwrap_or(i64::MAX), false))
}

fn matches_pattern(shape: &Shape, value: &Value<'_>) -> bool {
    match (&shape.pattern, value) {
        (Some(pattern), Value::Text(text)) => pattern.regex.is_match(text),
        _ => true,
    }
}

fn is_allowed(shape: &Shape, value: &Value<'_>) -> bool {
    match value {
        Value::Text(text) => shape.allowed.is_empty() || shape.allowed.iter().any(|allowed| allowed == text),
        _ => true,
    }
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Encoding;
    use super::*;

    const TEXT: &str = "
        string Name 1..8 [a-z]+
        integer Count 1..10
        enum Mode ON OFF
        blob Data 0..4
        timestamp When
        boolean Flag
        list Names of Name 1..2
        map Tags of Name Value 1..2
        string Value 0..3
        structure Entry Data! Name
        list Entries of Entry 1..3
        operation Put Name! Count Mode Entries Names Tags When Flag Data
    ";

    fn put(body: &str) -> Result<(), String> {
        let model = Model::parse(TEXT, "com.amazonaws.test").unwrap();
        let put = model.operation("Put").unwrap();
        let body = Bytes::from(body.to_owned());
        let value = model.conform(put, Encoding::Json.decode(&body).unwrap());
        value.and_then(|value| model.validate(put, &value)).map_err(|fault| fault.message.unwrap_or_default())
    }

    fn refused(body: &str) -> String {
        put(body).unwrap_err()
    }

    #[test]
    fn what_keeps_all_constraints_is_accepted() {
        put(r#"{"Name":"abc","Count":10,"Mode":"ON","Entries":[{"Data":"AAAA"}],"Names":["a"],"Tags":{"a":""},
            "When":1.5,"Flag":true,"Unknown":[1]}"#)
        .unwrap();
    }

    #[test]
    fn every_violation_is_told() {
        assert_eq!(
            refused(r#"{"Count":0,"Mode":"off"}"#),
            "3 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; \
             Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1; \
             Value 'off' at 'mode' failed to satisfy constraint: Member must satisfy enum value set: [ON, OFF]"
        );
        assert_eq!(
            refused(r#"{"Name":"abcdefghI"}"#),
            "2 validation errors detected: Value 'abcdefghI' at 'name' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [a-z]+; Value 'abcdefghI' at 'name' failed to satisfy constraint: Member must \
             have length less than or equal to 8"
        );
    }

    #[test]
    fn violations_inside_of_lists_and_maps_name_their_place() {
        assert_eq!(
            refused(r#"{"Name":"a","Entries":[{"Data":""},{"Data":"AAAAAAAA"},{}]}"#),
            "2 validation errors detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=6 cap=6]' at \
             'entries.2.member.data' failed to satisfy constraint: Member must have length less than or equal to 4; \
             Value null at 'entries.3.member.data' failed to satisfy constraint: Member must not be null"
        );
        assert_eq!(
            refused(r#"{"Name":"a","Tags":{"":"abcd"}}"#),
            "2 validation errors detected: Value '{=abcd}' at 'tags' failed to satisfy constraint: Map keys must satisfy \
             constraint: [Member must have length less than or equal to 8, Member must have length greater than or equal \
             to 1, Member must satisfy regular expression pattern: [a-z]+]; Value '{=abcd}' at 'tags' failed to satisfy \
             constraint: Map value must satisfy constraint: [Member must have length less than or equal to 3, Member must \
             have length greater than or equal to 0]"
        );
        assert!(refused(r#"{"Name":"a","Entries":[]}"#).contains("Value '[]' at 'entries'"));
    }

    #[test]
    fn other_types_are_refused_as_java_would() {
        for (body, said) in [
            (
                r#"{"Name":1}"#,
                "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
            ),
            (r#"{"Name":true}"#, "class java.lang.Boolean can not be converted to an String"),
            (r#"{"Name":[]}"#, "Start of list found where not expected"),
            (r#"{"Name":{}}"#, "Start of structure or map found where not expected."),
            (r#"{"Count":"1"}"#, "class java.lang.String can not be converted to an Integer"),
            (r#"{"Flag":"x"}"#, "'X' can not be converted to an Boolean"),
            (r#"{"Names":"x"}"#, "Expected list or null"),
            (r#"{"Tags":1}"#, "Expected map or null"),
            (r#"{"Entries":["x"]}"#, "Expected null"),
            (r#"{"When":"x"}"#, "class java.lang.String can not be converted to milliseconds since epoch"),
            (
                r#"{"Data":"abc"}"#,
                "'abc' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 3",
            ),
            (r#"{"Data":"ab*="}"#, "'ab*=' can not be converted to a Blob: Invalid Base64 character: '*'"),
            (
                r#"{"Data":"abc/d==="}"#,
                "'abc/d===' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
            ),
            ("[]", "Start of list found where not expected"),
        ] {
            assert_eq!(refused(body), said, "{body}");
        }
    }

    #[test]
    fn a_model_that_makes_no_sense_is_refused_with_its_line() {
        for wrong in ["strong A", "list A of B", "string A [", "operation Put X", "string A\nstring A", "list A"] {
            let said = Model::parse(wrong, "").unwrap_err();
            assert!(said.contains(wrong.lines().last().unwrap()), "{said}");
        }
    }
}
