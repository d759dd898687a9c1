//! `PARSE_URL`, `URL_ENCODE`, `URL_DECODE`: as Java's `URL`, `URLEncoder` and `URLDecoder` have it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::plan_err;
use regex::Regex;

use super::scalar::Function;
use super::texts::{coded_as, is_text, one_text};

pub(super) fn all() -> Vec<Function> {
    let coded = |name, does| Function { name, takes: one_text, gives: |_| DataType::Utf8, does };
    vec![
        coded("url_encode", |args| coded_as(args, |text| Some(encoded(text)))),
        coded("url_decode", |args| coded_as(args, decoded)),
        Function {
            name: "parse_url",
            takes: |types| match types {
                [_, _] | [_, _, _] if types.iter().all(is_text) => Ok(vec![DataType::Utf8; types.len()]),
                _ => plan_err!("PARSE_URL takes a URL, the name of a part and, with 'QUERY', a key"),
            },
            gives: |_| DataType::Utf8,
            does: |args| Ok(parsed(args)),
        },
    ]
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// None where a `%` is followed by no two digits.
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok().filter(|digits| !digits.starts_with('+'))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = rest.get(2..)?;
            }
            other => bytes.push(*other),
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The parts of a URL.
struct Url<'t> {
    protocol: String,
    authority: Option<&'t str>,
    user: Option<&'t str>,
    host: &'t str,
    path: &'t str,
    query: Option<&'t str>,
    reference: Option<&'t str>,
}

/// The protocols that Java knows.
const PROTOCOLS: [&str; 6] = ["http", "https", "ftp", "file", "mailto", "jar"];

impl<'t> Url<'t> {
    fn new(text: &'t str) -> Option<Self> {
        let (protocol, rest) = text.trim_matches(|c| c <= ' ').split_once(':')?;
        let protocol = protocol.to_ascii_lowercase();
        if !PROTOCOLS.contains(&protocol.as_str()) {
            return None;
        }
        let divided = |text: &'t str, at: char| match text.split_once(at) {
            Some((before, after)) => (before, Some(after)),
            None => (text, None),
        };
        let (rest, reference) = divided(rest, '#');
        let (rest, query) = divided(rest, '?');
        let Some(rest) = rest.strip_prefix("//") else {
            return Some(Url { protocol, authority: None, user: None, host: "", path: rest, query, reference });
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, place) = match authority.split_once('@') {
            Some((_, place)) if place.contains('@') => (None, ""),
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let end = if place.starts_with('[') { place.find(']')? + 1 } else { place.find(':').unwrap_or(place.len()) };
        let (host, port) = place.split_at(end);
        if let Some(port) = port.strip_prefix(':').filter(|port| !port.is_empty()) {
            port.parse::<u32>().ok()?;
        }
        Some(Url { protocol, authority: Some(authority), user, host, path, query, reference })
    }

    fn part(&self, name: &str) -> Option<String> {
        match name {
            "HOST" => Some(self.host.to_owned()),
            "PATH" => Some(self.path.to_owned()),
            "QUERY" => self.query.map(str::to_owned),
            "REF" => self.reference.map(str::to_owned),
            "PROTOCOL" => Some(self.protocol.clone()),
            "FILE" => Some(self.query.map_or(self.path.to_owned(), |query| format!("{}?{query}", self.path))),
            "AUTHORITY" => self.authority.map(str::to_owned),
            "USERINFO" => self.user.map(str::to_owned),
            _ => None,
        }
    }
}

/// A key of a query is, as in Flink, a pattern.
fn parsed(args: &[ArrayRef]) -> ArrayRef {
    let mut patterns: HashMap<String, Option<Regex>> = HashMap::new();
    let keys = args.get(2).map(|keys| keys.as_string::<i32>());
    let rows = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()).enumerate();
    let rows = rows.map(|(row, (text, part))| {
        let (url, part) = (Url::new(text?)?, part?);
        let Some(keys) = keys else { return url.part(part) };
        let key = keys.iter().nth(row).flatten().filter(|_| part == "QUERY")?;
        let pattern = patterns.entry(key.to_owned());
        let pattern = pattern.or_insert_with(|| Regex::new(&format!("(?:&|^){key}=([^&]*)")).ok());
        Some(pattern.as_ref()?.captures(url.query?)?.get(1)?.as_str().to_owned())
    });
    Arc::new(rows.collect::<StringArray>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_as_java_does() {
        let part = |url: &str, part: &str| Url::new(url).and_then(|url| url.part(part));
        assert_eq!(part("https://[::1]:8080/x", "HOST").as_deref(), Some("[::1]"));
        assert_eq!(part("http://a.com?k=v", "FILE").as_deref(), Some("?k=v"));
        assert_eq!(part("http://a@b@c/", "HOST").as_deref(), Some(""));
        for (url, name) in
            [("http://a.com:x/", "HOST"), ("foo://a.com/x", "HOST"), ("http://a.com", "REF"), ("a", "PATH")]
        {
            assert_eq!(part(url, name), None, "{url}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        assert_eq!(encoded("a b&c=ä/~*-_."), "a+b%26c%3D%C3%A4%2F%7E*-_.");
        assert_eq!(decoded(&encoded("a b&c=ä/~")).as_deref(), Some("a b&c=ä/~"));
        assert!(decoded("%zz").is_none() && decoded("%").is_none() && decoded("%+1").is_none());
    }
}
