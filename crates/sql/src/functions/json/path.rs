//! Where in a JSON text to look: `[lax|strict] $.a[0].b`.
//!
//! In strict mode, which is the default as in Flink, a place that is not there is an error; in lax mode there is nothing at it, nor in a
//! text that is no JSON.

use serde_json::Value;
use serde_json_path::JsonPath;

/// A path, ready to be followed.
pub(crate) struct Path {
    path: JsonPath,
    /// It leads to one place at most.
    single: bool,
    pub(super) lax: bool,
}

impl Path {
    /// Reads a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (mode, rest) = text.trim().split_once(char::is_whitespace).unwrap_or(("", text));
        let (lax, path) = match mode.to_ascii_lowercase().as_str() {
            "lax" => (true, rest.trim()),
            "strict" => (false, rest.trim()),
            _ => (false, text.trim()),
        };
        let (standard, single) = standard(path);
        let path = JsonPath::parse(&standard)
            .map_err(|error| format!("'{text}' is no path of JSON: {error}; write 'lax $.name[0]'"))?;
        Ok(Path { path, single, lax })
    }

    /// What is at the path; all of it in an array where it leads to several places.
    ///
    /// # Errors
    /// In strict mode, where there is no such place.
    pub(super) fn find(&self, json: &Value) -> Result<Option<Value>, String> {
        let found = self.path.query(json).all();
        if !self.single {
            return Ok(Some(Value::Array(found.into_iter().cloned().collect())));
        }
        match found.first() {
            Some(value) => Ok(Some((*value).clone())),
            None if self.lax => Ok(None),
            None => Err("there is nothing at the path".to_owned()),
        }
    }
}

/// A path as the standard (RFC 9535) has it, which quotes names with other letters than a to z, and whether it leads to one place.
fn standard(path: &str) -> (String, bool) {
    let (mut out, mut single) = (String::with_capacity(path.len() + 8), true);
    let mut rest = path;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '.' if rest.starts_with("..") => {
                single = false;
                out.push('.');
                1
            }
            '.' => {
                let name = rest.get(1..).unwrap_or_default();
                let name = name.split(['.', '[']).next().unwrap_or_default();
                let plain = |(at, c): (usize, char)| c.is_alphabetic() || c == '_' || at > 0 && c.is_ascii_digit();
                single &= name != "*";
                if name.is_empty() || name == "*" || name.char_indices().all(plain) {
                    out.push('.');
                    out.push_str(name);
                } else {
                    // Behind `..` only the second point stays.
                    let dot = if out.ends_with('.') { "." } else { "" };
                    out.push_str(&format!("{dot}['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")));
                }
                1 + name.len()
            }
            '[' => {
                let selector = bracket(rest);
                let inner = selector.trim_start_matches('[').trim_end_matches(']').trim();
                let quoted = inner.starts_with(['\'', '"']) && inner.matches(['\'', '"']).count() == 2;
                single &= quoted || inner.parse::<i64>().is_ok();
                out.push_str(selector);
                selector.len()
            }
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    (out, single)
}

/// What is between brackets, with them.
fn bracket(text: &str) -> &str {
    let (mut depth, mut quote) = (0, None);
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => drop(letters.next()),
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '[') => depth += 1,
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 {
            return text.get(..=at).unwrap_or(text);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(path: &str) -> Result<Option<Value>, String> {
        Path::parse(path)?.find(&json!({"a": [1, {"b-c": true, "2d": null}], "e": {"f": "g"}}))
    }

    #[test]
    fn a_path_leads_to_one_place_or_to_several() {
        assert_eq!(find("$.a[0]"), Ok(Some(json!(1))));
        assert_eq!(find("lax $.a[1].b-c"), Ok(Some(json!(true))));
        assert_eq!(find("$.a[1].2d"), Ok(Some(json!(null))));
        assert_eq!(find("$['e']['f']"), Ok(Some(json!("g"))));
        assert_eq!(find("$.e.*"), Ok(Some(json!(["g"]))));
        assert_eq!(find("$..b-c"), Ok(Some(json!([true]))));
        assert_eq!(find("$.a[?(@['b-c'] == true)].b-c"), Ok(Some(json!([true]))));
    }

    #[test]
    fn what_is_not_there_is_an_error_in_strict_mode() {
        assert_eq!(find("lax $.x"), Ok(None));
        assert!(find("strict $.x").is_err());
        assert!(find("$.x").is_err());
        assert!(find("a.b").unwrap_err().contains("'a.b' is no path of JSON"));
    }
}
