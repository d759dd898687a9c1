//! Reads JSON text (RFC 8259) from left to right, value by value, without a tree.

use std::borrow::Cow;

use crate::fault::{Fault, Read, quote};

/// How deep arrays and objects may lie in each other.
pub(crate) const DEPTH_MAX: u32 = 128;

/// A place in a JSON text, for whoever reads values of their own. After a fault the place is unspecified.
///
/// ```
/// use tidemill_formats::{JsonNumber, Scanner};
///
/// # fn main() -> Result<(), tidemill_formats::Fault> {
/// let mut scanner = Scanner::new(r#"{"name": "Tide", "depth": 3}"#);
/// scanner.expect(b'{')?;
/// let mut first = true;
/// while scanner.next_in(b'}', &mut first)? {
///     let name = scanner.text()?;
///     scanner.expect(b':')?;
///     match scanner.peek() {
///         Some(b'"') => assert_eq!((&*name, &*scanner.text()?), ("name", "Tide")),
///         _ => assert_eq!((&*name, scanner.number()?), ("depth", JsonNumber::Int(3))),
///     }
/// }
/// assert_eq!(scanner.peek(), None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// A number as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number<'a> {
    /// An integer that 64 bits hold.
    Int(i64),
    /// Any other number.
    Text(&'a str),
}

impl<'a> Scanner<'a> {
    /// At the beginning.
    pub fn new(text: &'a str) -> Self {
        Scanner { text, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The text between two places.
    pub(crate) fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space; `None` at the end.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        match self.byte() {
            Some(byte) if byte > b' ' => Some(byte),
            _ => self.peek_behind_space(),
        }
    }

    fn peek_behind_space(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                other => return Some(other),
            }
        }
    }

    /// Passes a text that may stand here, byte by byte the same.
    #[inline]
    pub(crate) fn eat_text(&mut self, text: &str) -> bool {
        let there = self.rest().starts_with(text.as_bytes());
        if there {
            self.at += text.len();
        }
        there
    }

    /// Passes the next byte if it is this one.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Passes the next byte, which must be this one.
    #[inline]
    pub fn expect(&mut self, byte: u8) -> Read {
        if self.eat(byte) { Ok(()) } else { Err(self.unexpected(&format!("`{}`", char::from(byte)))) }
    }

    /// What is wrong here.
    #[cold]
    pub(crate) fn unexpected(&mut self, expected: &str) -> Fault {
        let found = match self.peek() {
            Some(_) => match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
                Some(found) => quote(found.encode_utf8(&mut [0; 4]).as_bytes()),
                None => "a torn character".into(),
            },
            None => "the end of the record".into(),
        };
        Fault::broken(format!("malformed JSON: expected {expected} at byte {}, found {found}", self.at))
    }

    /// Passes `null`, `true` or `false`, to which [`Scanner::peek`] has led.
    #[inline]
    pub fn word(&mut self, word: &str) -> Read {
        if self.rest().starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{word}`")))
        }
    }

    /// Passes a string and returns what it says; `scratch` holds it where it has escapes.
    #[inline]
    pub(crate) fn string<'s>(&mut self, scratch: &'s mut String) -> Read<&'s str>
    where
        'a: 's,
    {
        let plain = self.plain()?;
        if self.eat_quote() {
            return Ok(plain);
        }
        scratch.clear();
        scratch.push_str(plain);
        self.rest_of_string(scratch)?;
        Ok(scratch)
    }

    /// Passes a string and returns what it says: of the text itself unless it has escapes.
    #[inline]
    pub fn text(&mut self) -> Read<Cow<'a, str>> {
        let plain = self.plain()?;
        if self.eat_quote() {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        self.rest_of_string(&mut text)?;
        Ok(Cow::Owned(text))
    }

    /// Passes the quote that begins a string, and returns what stands as it is behind it.
    #[inline]
    fn plain(&mut self) -> Read<&'a str> {
        self.expect(b'"')?;
        let begin = self.at;
        self.at = plain_end(self.text.as_bytes(), begin);
        Ok(self.slice(begin, self.at))
    }

    #[inline]
    fn eat_quote(&mut self) -> bool {
        let there = self.byte() == Some(b'"');
        self.at += usize::from(there);
        there
    }

    fn rest_of_string(&mut self, scratch: &mut String) -> Read {
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    scratch.push(self.escape()?);
                }
                Some(_) => return Err(self.unexpected("no control character in a string")),
                None => return Err(self.unexpected("`\"`")),
            }
            let begin = self.at;
            self.at = plain_end(self.text.as_bytes(), begin);
            scratch.push_str(self.slice(begin, self.at));
        }
    }

    fn escape(&mut self) -> Read<char> {
        let Some(byte) = self.byte() else { return Err(self.unexpected("an escape")) };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex()?;
                let code = if (0xD800..0xDC00).contains(&unit) {
                    if !self.rest().starts_with(b"\\u") {
                        return Err(self.unexpected("the second half of a surrogate pair"));
                    }
                    self.at += 2;
                    let low = self.hex()?;
                    if !(0xDC00..0xE000).contains(&low) {
                        return Err(self.unexpected("the second half of a surrogate pair"));
                    }
                    0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
                } else {
                    unit
                };
                char::from_u32(code).ok_or_else(|| self.unexpected("a character, not half of a surrogate pair,"))?
            }
            _ => {
                self.at -= 1;
                return Err(self.unexpected("an escape"));
            }
        })
    }

    fn hex(&mut self) -> Read<u32> {
        let digits = self.rest().first_chunk::<4>();
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
        });
        let value = value.ok_or_else(|| self.unexpected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(value)
    }

    /// Passes a number, to which [`Scanner::peek`] has led.
    #[inline]
    pub fn number(&mut self) -> Read<Number<'a>> {
        let begin = self.at;
        let negative = self.byte() == Some(b'-');
        self.at += usize::from(negative);
        let digits = self.at;
        let mut value: i64 = 0;
        while let Some(byte @ b'0'..=b'9') = self.byte() {
            value = value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
            self.at += 1;
        }
        let count = self.at - digits;
        if count == 0 || (count > 1 && self.text.as_bytes().get(digits) == Some(&b'0')) {
            self.at = digits;
            return Err(self.unexpected("a number without leading zeros"));
        }
        if !matches!(self.byte(), Some(b'.' | b'e' | b'E')) && count <= 18 && !(negative && value == 0) {
            return Ok(Number::Int(if negative { -value } else { value }));
        }
        self.fraction()?;
        let text = self.slice(begin, self.at);
        Ok(match text.parse::<i64>() {
            Ok(value) if value != 0 => Number::Int(value),
            _ => Number::Text(text), // also -0, which is a floating-point number of its own
        })
    }

    fn fraction(&mut self) -> Read {
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Read {
        let begin = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == begin { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    /// Passes any value.
    pub fn skip(&mut self) -> Read {
        let mut scratch = String::new();
        self.skip_below(0, &mut scratch)
    }

    fn skip_below(&mut self, depth: u32, scratch: &mut String) -> Read {
        if depth > DEPTH_MAX {
            return Err(Fault::broken(format!("malformed JSON: values lie deeper than {DEPTH_MAX}")));
        }
        match self.peek() {
            Some(b'"') => self.string(scratch).map(|_| ()),
            Some(b'{') => {
                self.at += 1;
                let mut first = true;
                while self.next_in(b'}', &mut first)? {
                    self.string(scratch)?;
                    self.expect(b':')?;
                    self.skip_below(depth + 1, scratch)?;
                }
                Ok(())
            }
            Some(b'[') => {
                self.at += 1;
                let mut first = true;
                while self.next_in(b']', &mut first)? {
                    self.skip_below(depth + 1, scratch)?;
                }
                Ok(())
            }
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Between the values of an array or the members of an object: whether another one follows.
    #[inline]
    pub fn next_in(&mut self, close: u8, first: &mut bool) -> Read<bool> {
        match self.peek() {
            Some(b',') if !*first => {
                self.at += 1;
                if self.peek() == Some(close) {
                    return Err(self.unexpected("a value after the comma"));
                }
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ if std::mem::take(first) => Ok(true),
            _ => Err(self.unexpected("`,`")),
        }
    }

    /// Passes any value; whether it was an object.
    pub(crate) fn is_object_passed(&mut self) -> Read<bool> {
        let object = self.peek() == Some(b'{');
        self.skip().map(|()| object)
    }

    /// Passes any value and returns its text.
    pub(crate) fn value_text(&mut self) -> Read<&'a str> {
        self.peek();
        let begin = self.at;
        self.skip()?;
        Ok(self.slice(begin, self.at))
    }
}

/// The members of an object, one after the other.
#[derive(Debug)]
pub struct Members {
    first: bool,
}

impl Members {
    /// Passes the brace that opens the object.
    ///
    /// # Errors
    /// Where there is none.
    pub fn begin(scanner: &mut Scanner<'_>) -> Read<Self> {
        scanner.expect(b'{')?;
        Ok(Members { first: true })
    }

    /// Goes to the value of the next member and says its name; `None` behind the object.
    ///
    /// # Errors
    /// Where the text isn't JSON.
    pub fn next<'a>(&mut self, scanner: &mut Scanner<'a>) -> Read<Option<Cow<'a, str>>> {
        if !scanner.next_in(b'}', &mut self.first)? {
            return Ok(None);
        }
        let name = scanner.text()?;
        scanner.expect(b':')?;
        Ok(Some(name))
    }
}

/// Where the first byte is, from `at` on, that a string can't hold as it is: a quote, a backslash, a control character.
#[inline]
pub(super) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let special = special_bytes(u64::from_le_bytes(chunk));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        at += 1;
    }
    at
}

/// The high bit of each byte that is a quote, a backslash or below 0x20 (exact up to and with the first one).
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accepts(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.skip().is_ok() && scanner.peek().is_none()
    }

    #[test]
    fn the_grammar_is_that_of_rfc_8259() {
        for good in ["0", "-0", "1.5e+3", "\"\"", "[]", "{}", " [1 , {\"a\" : null}] ", "\"\\ud83d\\ude00\"", "true"] {
            assert!(accepts(good), "{good}");
        }
        for bad in [
            "",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "\"\n\"",
            "nul",
            "\"\\x\"",
            "\"\\ud83d\"",
            "\"\\udc00\"",
            "[",
            "\"abc",
            "NaN",
            "1 2",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
        assert!(!accepts(&"[".repeat(100_000)));
    }

    #[test]
    fn a_fault_tells_the_byte() {
        let fault = Scanner::new("{\"a\":1 \"b\":2}").skip().unwrap_err();
        assert_eq!(fault.to_string(), "malformed JSON: expected `,` at byte 7, found `\"`");
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(|f| serde_json::Number::from_f64(f).map_or(serde_json::Value::Null, Into::into)),
            "\\PC*".prop_map(Into::into),
            "[\\x00-\\x7f]{0,20}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                proptest::collection::btree_map("\\PC{0,8}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_what_is_json(value in json(), at: prop::sample::Index, byte: u8) {
            let text = value.to_string();
            prop_assert!(accepts(&text));
            let mut broken = text.into_bytes();
            let at = at.index(broken.len());
            broken[at] = byte;
            if let Ok(broken) = std::str::from_utf8(&broken) {
                // serde_json holds numbers: it refuses those that no f64 holds.
                let known = serde_json::from_str::<&serde_json::value::RawValue>(broken).is_ok();
                prop_assert_eq!(accepts(broken), known, "{}", broken);
            }
        }

        #[test]
        fn strings_are_what_serde_json_says(value in "\\PC*|[\\x00-\\x7f]{0,30}") {
            let text = serde_json::to_string(&value).unwrap();
            let mut scratch = String::new();
            prop_assert_eq!(Scanner::new(&text).string(&mut scratch).unwrap(), value);
        }
    }
}
