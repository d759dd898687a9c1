//! What `format` asks of a text, by the specifications that JSON Schema's drafts name.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::pattern::is_pattern;

/// What a format's international sister allows more.
#[derive(Clone, Copy)]
enum Characters {
    Ascii,
    All,
}

impl Characters {
    fn has(self, byte: u8) -> bool {
        !byte.is_ascii() && matches!(self, Characters::All)
    }
}

/// Whether a text is of a format; of one that nobody knows, all are.
pub(super) fn is_of(format: &str, text: &str) -> bool {
    match format {
        "date-time" => text
            .split_at_checked("YYYY-MM-DD".len())
            .is_some_and(|(day, time)| is_date(day) && time.strip_prefix(['T', 't']).is_some_and(is_time)),
        "date" => is_date(text),
        "time" => is_time(text),
        "duration" => is_duration(text),
        "email" => is_email(text, Characters::Ascii),
        "idn-email" => is_email(text, Characters::All),
        "hostname" => is_hostname(text, Characters::Ascii),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "uri" => is_uri(text, Characters::Ascii),
        "iri" => is_uri(text, Characters::All),
        "uri-reference" => is_uri_reference(text, Characters::Ascii),
        "iri-reference" => is_uri_reference(text, Characters::All),
        "uuid" => is_uuid(text),
        "uri-template" => is_uri_template(text),
        "json-pointer" => is_json_pointer(text),
        "relative-json-pointer" => is_relative_json_pointer(text),
        "regex" => is_pattern(text),
        _ => true,
    }
}

/// RFC 3339, `full-date`.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(year), Some(b'-'), Some(month), Some(b'-'), Some(day), 10) =
        (digits(bytes, 0, 4), bytes.get(4), digits(bytes, 5, 2), bytes.get(7), digits(bytes, 8, 2), bytes.len())
    else {
        return false;
    };
    let fits = |number: u32| i8::try_from(number).ok();
    let whole = i16::try_from(year).ok().zip(fits(month).zip(fits(day)));
    whole.is_some_and(|(year, (month, day))| jiff::civil::Date::new(year, month, day).is_ok())
}

/// RFC 3339, `full-time`: with a leap second only where it may come, in the last minute of a day in UTC.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(hour), Some(b':'), Some(minute), Some(b':'), Some(second)) =
        (digits(bytes, 0, 2), bytes.get(2), digits(bytes, 3, 2), bytes.get(5), digits(bytes, 6, 2))
    else {
        return false;
    };
    let mut rest = bytes.get(8..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return false;
        }
        rest = fraction.get(count..).unwrap_or_default();
    }
    let offset = match rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (Some(hours @ 0..24), Some(minutes @ 0..60)) = (digits(rest, 1, 2), digits(rest, 4, 2)) else {
                return false;
            };
            let minutes = i64::from(hours * 60 + minutes);
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return false,
    };
    let of_day = (i64::from(hour * 60 + minute) - offset).rem_euclid(24 * 60);
    hour < 24 && minute < 60 && (second < 60 || (second == 60 && of_day == 24 * 60 - 1))
}

/// A number of so many digits, from a place on.
fn digits(bytes: &[u8], from: usize, count: usize) -> Option<u32> {
    let digits = bytes.get(from..from + count).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    Some(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

/// RFC 3339, appendix A.
fn is_duration(text: &str) -> bool {
    let Some(text) = text.strip_prefix('P') else { return false };
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    // Units follow each other without a gap.
    let is_of = |text: &str, units: &str| {
        let said: String = text.chars().filter(|character| !character.is_ascii_digit()).collect();
        let each = text.split_inclusive(|character: char| !character.is_ascii_digit());
        !said.is_empty()
            && units.contains(&said)
            && each.into_iter().all(|part| part.len() > 1 && !part.ends_with(|last: char| last.is_ascii_digit()))
    };
    match time {
        None => is_of(date, "YMD") || is_of(date, "W"),
        Some(time) => (date.is_empty() || is_of(date, "YMD")) && is_of(time, "HMS"),
    }
}

/// RFC 4122.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// RFC 5321, `Mailbox`, and RFC 6531.
fn is_email(text: &str, characters: Characters) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_atom = |atom: &str| {
        let of_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        !atom.is_empty() && atom.bytes().all(|byte| of_atom(byte) || characters.has(byte))
    };
    let quoted = local.strip_prefix('"').and_then(|local| local.strip_suffix('"'));
    let local = match quoted {
        Some(quoted) => is_quoted(quoted),
        None => local.split('.').all(is_atom),
    };
    let domain = match domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')) {
        Some(literal) => match literal.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        },
        None => is_hostname(domain, characters),
    };
    local && domain
}

fn is_quoted(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'\\' => bytes.next().is_some_and(|next| (b' '..=b'~').contains(&next)),
            b'"' => false,
            other => (b' '..=b'~').contains(&other),
        };
        if !fine {
            return false;
        }
    }
    true
}

/// RFC 1123, 2.1.
fn is_hostname(text: &str, characters: Characters) -> bool {
    const NAME_MAX: usize = 253;
    const LABEL_MAX: usize = 63;
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || characters.has(byte))
    };
    text.len() <= NAME_MAX && text.split('.').all(is_label)
}

/// RFC 3986, `scheme`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// RFC 3986, `URI`; RFC 3987, `IRI`.
fn is_uri(text: &str, characters: Characters) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && is_hierarchy(rest, characters))
}

/// RFC 3986, `URI-reference`.
fn is_uri_reference(text: &str, characters: Characters) -> bool {
    let first = text.split(['?', '#', '/']).next().unwrap_or_default();
    if first.contains(':') { is_uri(text, characters) } else { is_hierarchy(text, characters) }
}

/// What follows a scheme.
fn is_hierarchy(text: &str, characters: Characters) -> bool {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let is_part = |text: &str, more: &str| is_of_uri(text, more, characters);
    is_authority(authority, characters) && is_part(path, "/:@") && is_part(query, "/:@?") && is_part(fragment, "/:@?")
}

fn is_authority(text: &str, characters: Characters) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let (is_host, port) = match host.strip_prefix('[') {
        Some(literal) => {
            let Some((address, port)) = literal.split_once(']') else { return false };
            let future = address.strip_prefix(['v', 'V']).and_then(|address| address.split_once('.'));
            let is_future = future.is_some_and(|(version, address)| {
                version.bytes().all(|byte| byte.is_ascii_hexdigit()) && is_of_uri(address, ":", Characters::Ascii)
            });
            (address.parse::<Ipv6Addr>().is_ok() || is_future, port)
        }
        None => {
            let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
            (is_of_uri(name, "", characters), port)
        }
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    is_host && port.bytes().all(|byte| byte.is_ascii_digit()) && is_of_uri(user, ":", characters)
}

/// Characters of RFC 3986 that any part may have, escaped ones, and those of this part.
fn is_of_uri(text: &str, more: &str, characters: Characters) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()];
                digits.iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            byte if byte.is_ascii_alphanumeric() || characters.has(byte) => true,
            byte => b"-._~!$&'()*+,;=".contains(&byte) || more.as_bytes().contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    true
}

/// RFC 6570.
fn is_uri_template(text: &str) -> bool {
    let is_literal = |literal: &str| !literal.contains(['}', '"', '<', '>', '\\', '^', '`', '|', ' ']);
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((expression, after)) = behind.split_once('}') else { return false };
        let variables = expression.strip_prefix(['+', '#', '.', '/', ';', '?', '&']).unwrap_or(expression);
        if !is_literal(before) || !variables.split(',').all(is_variable) {
            return false;
        }
        rest = after;
    }
    is_literal(rest)
}

fn is_variable(text: &str) -> bool {
    let text = text.strip_suffix('*').unwrap_or(text);
    let (name, length) = text.split_once(':').unwrap_or((text, "1"));
    let is_length = (1..=4).contains(&length.len()) && length.bytes().all(|byte| byte.is_ascii_digit());
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_%.".contains(&byte);
    is_length && !name.is_empty() && name.bytes().all(of_name)
}

/// RFC 6901.
fn is_json_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|behind| behind.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes
}

fn is_relative_json_pointer(text: &str) -> bool {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let (up, rest) = text.split_at(count);
    let is_number = up == "0" || (!up.is_empty() && !up.starts_with('0'));
    is_number && (rest == "#" || is_json_pointer(rest))
}
