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

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer that 64 bits hold.
    Int(i64),
    /// Of any other number the floating-point number that is nearest to it.
    Float(f64),
}

/// Powers of ten that are floating-point numbers: an integer below 2^53 divided by one of them is rounded once, and so
/// rightly.
const POWERS_OF_TEN: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

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
    pub fn number(&mut self) -> Read<Number> {
        let begin = self.at;
        let negative = self.byte() == Some(b'-');
        self.at += usize::from(negative);
        let first = self.byte();
        let (whole, digits) = self.digits(0);
        if digits == 0 || (digits > 1 && first == Some(b'0')) {
            self.at -= digits;
            return Err(self.unexpected("a number without leading zeros"));
        }
        let signed = |value: i64| if negative { -value } else { value };
        match self.byte() {
            Some(b'.') => {
                self.at += 1;
                let (value, decimals) = self.digits(whole);
                let power = POWERS_OF_TEN.get(decimals).filter(|_| digits + decimals < POWERS_OF_TEN.len());
                match (decimals, power) {
                    (0, _) => Err(self.unexpected("a digit")),
                    (_, Some(power)) if !matches!(self.byte(), Some(b'e' | b'E')) => {
                        let value = value as f64 / power;
                        Ok(Number::Float(if negative { -value } else { value }))
                    }
                    _ => self.long_number(begin),
                }
            }
            Some(b'e' | b'E') => self.long_number(begin),
            _ if digits <= 18 && !(negative && whole == 0) => Ok(Number::Int(signed(whole))),
            _ => self.long_number(begin),
        }
    }

    /// Digits behind others that are worth `value`: what all are worth while 64 bits hold it, and how many they are.
    #[inline]
    fn digits(&mut self, mut value: i64) -> (i64, usize) {
        let begin = self.at;
        while let Some(byte @ b'0'..=b'9') = self.byte() {
            value = value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
            self.at += 1;
        }
        (value, self.at - begin)
    }

    /// Passes the exponent of a number, if it has one, and reads the whole number from its text.
    fn long_number(&mut self, begin: usize) -> Read<Number> {
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            if self.digits(0).1 == 0 {
                return Err(self.unexpected("a digit"));
            }
        }
        let text = self.slice(begin, self.at);
        Ok(match text.parse::<i64>() {
            Ok(value) if value != 0 => Number::Int(value),
            _ => Number::Float(text.parse().unwrap_or(f64::NAN)), // also -0
        })
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
    fn numbers_are_what_the_standard_library_says() {
        for (text, number) in [
            ("0", Number::Int(0)),
            ("-7", Number::Int(-7)),
            ("9223372036854775807", Number::Int(i64::MAX)),
            ("-9223372036854775808", Number::Int(i64::MIN)),
            ("9223372036854775808", Number::Float(9_223_372_036_854_775_808.0)),
            ("0.1", Number::Float(0.1)),
            ("-12.75", Number::Float(-12.75)),
            ("12345678901234.5", Number::Float(12_345_678_901_234.5)),
            ("1.0e2", Number::Float(100.0)),
            ("1e999", Number::Float(f64::INFINITY)),
        ] {
            assert_eq!(Scanner::new(text).number().unwrap(), number, "{text}");
        }
        for zero in ["-0", "-0.0", "-0e5"] {
            let number = Scanner::new(zero).number().unwrap();
            assert!(matches!(number, Number::Float(value) if value == 0.0 && value.is_sign_negative()), "{zero}");
        }
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
        fn decimals_are_rounded_as_the_standard_library_does(text in "-?(0|[1-9][0-9]{0,17})\\.[0-9]{1,18}") {
            prop_assert_eq!(Scanner::new(&text).number().unwrap(), Number::Float(text.parse().unwrap()));
        }

        #[test]
        fn strings_are_what_serde_json_says(value in "\\PC*|[\\x00-\\x7f]{0,30}") {
            let text = serde_json::to_string(&value).unwrap();
            let mut scratch = String::new();
            prop_assert_eq!(Scanner::new(&text).string(&mut scratch).unwrap(), value);
        }
    }
}
