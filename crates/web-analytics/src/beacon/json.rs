//! JSON beacons, read in one pass.

use super::scalar::{Scalar, members, scalar};
use super::*;
use crate::envelope::cut;
use tidemill_formats::{Fault, Members, Scanner};

/// Reads a JSON beacon; a missing impression id is left for the caller to refuse.
pub(super) fn parse(body: &[u8]) -> Result<Beacon<'_>, Reason> {
    let text = std::str::from_utf8(body).map_err(|_| Reason::NotText)?;
    let mut scanner = Scanner::new(text);
    let mut draft = Draft::default();
    draft.read(&mut scanner).map_err(|_| Reason::NotJson)?;
    match scanner.peek() {
        None => draft.finish(),
        Some(_) => Err(Reason::NotJson),
    }
}

/// A beacon while its members come in, in whatever order.
#[derive(Default)]
struct Draft<'a> {
    beacon: Beacon<'a>,
    unknown_version: bool,
    /// `t`, if it is one that is known.
    kind: Option<Tells>,
    interactive: Option<bool>,
    leave: bool,
    order_id: Option<Cow<'a, str>>,
    order_cents: i64,
    order_currency: Option<[u8; 3]>,
}

impl<'a> Draft<'a> {
    fn read(&mut self, from: &mut Scanner<'a>) -> Result<(), Fault> {
        let mut members = Members::begin(from)?;
        while let Some(name) = members.next(from)? {
            self.member(&name, from)?;
        }
        Ok(())
    }

    /// Reads one member; those that a beacon doesn't have are passed over. Errors are those of JSON only.
    fn member(&mut self, name: &str, value: &mut Scanner<'a>) -> Result<(), Fault> {
        let nested = match name {
            "m" => members(value, |name, value| self.timer(&name, value))?,
            "d" => members(value, |name, value| self.dimension(name, value))?,
            "e" => {
                self.beacon.event = Some(Cow::Borrowed(""));
                let nested = members(value, |name, value| self.event(&name, value))?;
                if nested != Some(true) {
                    self.beacon.event = None;
                }
                nested
            }
            "err" => {
                self.beacon.error = Some(ScriptError::default());
                let nested = members(value, |name, value| self.error(&name, value))?;
                if nested != Some(true) {
                    self.beacon.error = None;
                }
                nested
            }
            "o" => members(value, |name, value| self.order(&name, value))?,
            _ => {
                let value = scalar(value)?;
                if value != Scalar::Null {
                    self.scalar(name, value);
                }
                None
            }
        };
        if nested == Some(false) {
            self.malformed();
        }
        Ok(())
    }

    fn malformed(&mut self) {
        self.beacon.issues.add(Issue::MalformedField);
    }

    /// What the closure found; a field that does not fit stays as it was.
    fn keep<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Beacon<'a>, T)) {
        match value {
            Some(value) => put(&mut self.beacon, value),
            None => self.malformed(),
        }
    }

    fn scalar(&mut self, name: &str, value: Scalar<'a>) {
        match name {
            "v" => self.unknown_version = value != Scalar::Number(1.0),
            "s" => self.keep(value.text(ID_BYTES_MAX), |b, id| b.session = Some(id).filter(|id| !id.is_empty())),
            "p" => self.keep(value.text(ID_BYTES_MAX), |b, id| b.impression = id),
            "u" => self.keep(value.text(ID_BYTES_MAX), |b, id| b.user = Some(id).filter(|id| !id.is_empty())),
            "n" => self.keep(value.integer(0, u16::MAX.into()), |b, n| b.number = n as u16),
            "t" => {
                self.kind = value.text(ID_BYTES_MAX).and_then(|name| kind(&name));
                if self.kind.is_none() {
                    self.malformed();
                }
            }
            "ts" => {
                self.keep(value.integer(-(1 << 53), 1 << 53), |b, time| b.client_time_ms = Some(time));
            }
            "url" => {
                let url = self.address(value);
                self.keep(url, |b, url| b.url = Some(url));
            }
            "ref" => {
                let referrer = self.address(value);
                self.keep(referrer, |b, referrer| b.referrer = Some(referrer));
            }
            "nt" => {
                let navigation = value.text(ID_BYTES_MAX).and_then(|name| Navigation::from_name(&name));
                self.keep(navigation, |b, navigation| b.navigation = Some(navigation));
            }
            "g" => self.keep(value.text(GROUP_BYTES_MAX), |b, group| b.group = Some(group)),
            "vw" => self.keep(pixels(&value), |b, px| b.viewport.0 = Some(px)),
            "vh" => self.keep(pixels(&value), |b, px| b.viewport.1 = Some(px)),
            "ct" => self.keep(value.text(CONNECTION_BYTES_MAX), |b, kind| b.connection = Some(kind)),
            "x" => match value {
                Scalar::Bool(leave) => self.leave = leave,
                _ => self.malformed(),
            },
            _ => {}
        }
    }

    /// An address is worth keeping in part.
    fn address(&mut self, value: Scalar<'a>) -> Option<Cow<'a, str>> {
        self.cut(value.text(usize::MAX)?, URL_BYTES_MAX)
    }

    fn cut(&mut self, text: Cow<'a, str>, max: usize) -> Option<Cow<'a, str>> {
        if text.len() <= max {
            return Some(text);
        }
        self.malformed();
        Some(match text {
            Cow::Borrowed(text) => Cow::Borrowed(cut(text, max)),
            Cow::Owned(text) => Cow::Owned(cut(&text, max).to_owned()),
        })
    }

    fn timer(&mut self, name: &str, value: Scalar<'a>) {
        let Some(timer) = Timer::from_name(name) else { return };
        match value {
            Scalar::Number(value) => self.beacon.measure(timer, value),
            Scalar::Null => {}
            _ => self.malformed(),
        }
    }

    fn dimension(&mut self, name: Cow<'a, str>, value: Scalar<'a>) {
        let fits = name.len() <= ID_BYTES_MAX && self.beacon.dimensions.len() < DIMENSIONS_MAX;
        match value {
            Scalar::Null => {}
            Scalar::Text(value) if fits && value.len() <= ID_BYTES_MAX => self.beacon.dimensions.push((name, value)),
            _ => self.malformed(),
        }
    }

    fn event(&mut self, name: &str, value: Scalar<'a>) {
        match (name, value) {
            (_, Scalar::Null) => {}
            ("name", value) => self.keep(value.text(ID_BYTES_MAX), |b, name| b.event = Some(name)),
            ("interactive", Scalar::Bool(interactive)) => self.interactive = Some(interactive),
            ("interactive", _) => self.malformed(),
            _ => {}
        }
    }

    fn error(&mut self, name: &str, value: Scalar<'a>) {
        if value == Scalar::Null || !matches!(name, "msg" | "src") {
            return;
        }
        let text = value.text(usize::MAX).and_then(|text| self.cut(text, ERROR_BYTES_MAX));
        self.keep(text, |beacon, text| {
            let error = beacon.error.get_or_insert_default();
            if name == "msg" { error.message = text } else { error.source = text }
        });
    }

    fn order(&mut self, name: &str, value: Scalar<'a>) {
        match (name, value) {
            (_, Scalar::Null) => {}
            // Shops number their orders; a number is as good as its text.
            ("id", Scalar::Number(id)) if id.fract() == 0.0 && id.abs() <= (1u64 << 53) as f64 => {
                self.order_id = Some(Cow::Owned(format!("{id:.0}")));
            }
            ("id", value) => match value.text(ID_BYTES_MAX).filter(|id| !id.is_empty()) {
                Some(id) => self.order_id = Some(id),
                None => self.malformed(),
            },
            ("value_cents", value) => match value.integer(-ORDER_CENTS_MAX, ORDER_CENTS_MAX) {
                Some(cents) => self.order_cents = cents,
                None => self.malformed(),
            },
            ("currency", value) => match value.text(3).and_then(|code| <[u8; 3]>::try_from(code.as_bytes()).ok()) {
                Some(code) if code.iter().all(u8::is_ascii_uppercase) => self.order_currency = Some(code),
                _ => self.malformed(),
            },
            _ => {}
        }
    }

    fn finish(mut self) -> Result<Beacon<'a>, Reason> {
        if self.unknown_version {
            return Err(Reason::UnknownVersion);
        }
        if let Some(id) = self.order_id.take() {
            self.beacon.order = Some(Order { id, value_cents: self.order_cents, currency: self.order_currency });
        } else if self.kind == Some(Tells::ORDER) {
            self.malformed();
        }
        let beacon = &mut self.beacon;
        let mut tells = self.kind.unwrap_or_default();
        if beacon.event.is_some() {
            tells.set(Tells::EVENT);
        }
        if beacon.error.is_some() {
            tells.set(Tells::ERROR);
        }
        if beacon.order.is_some() {
            tells.set(Tells::ORDER);
        }
        if tells == Tells::default() {
            tells = match beacon.number {
                0 => Tells::NAV,
                _ if beacon.timers.iter().any(Option::is_some) => Tells::VITALS,
                _ => Tells::PING,
            };
        }
        if tells.any(Tells::EVENT) && self.interactive != Some(false) {
            tells.set(Tells::INTERACTIVE);
        }
        if self.leave {
            tells.set(Tells::LEAVE);
        }
        beacon.tells = tells;
        Ok(self.beacon)
    }
}

fn kind(name: &str) -> Option<Tells> {
    Some(match name {
        "nav" => Tells::NAV,
        "load" => Tells::LOAD,
        "vitals" => Tells::VITALS,
        "event" => Tells::EVENT,
        "error" => Tells::ERROR,
        "order" => Tells::ORDER,
        "ping" => Tells::PING,
        _ => return None,
    })
}

/// Zoom makes fractions of pixels.
fn pixels(value: &Scalar<'_>) -> Option<u16> {
    match value {
        Scalar::Number(px) if (0.0..=f64::from(u16::MAX)).contains(px) => Some(px.round() as u16),
        _ => None,
    }
}
