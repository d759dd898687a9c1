//! Beacons of boomerang (`boomerangjs`), sent as a form or as a query.
//!
//! | parameters | become |
//! |---|---|
//! | `rt.si`, `pid`, `n` | session, impression, number |
//! | `u`, `r`, `mob.etype` | address, referrer, connection |
//! | `t_done`; `nt_res_st` or `t_resp`; `nt_domcontloaded_end` | `load`, `ttfb`, `dcl` |
//! | `pt.fcp`, `pt.lcp`, `c.cls`, `et.inp` (or `et.inp.inc`) | `fcp`, `lcp`, `cls`, `inp` |
//! | `nt_nav_type`, `http.initiator` | navigation; those within the document (`spa`, `bfcache`) are impressions of their own |
//! | `early`, `rt.quit`, `rt.abld`, `err` | what the beacon tells; without any of them: navigation and load at once |

use super::*;
use crate::envelope::cut;
use url::form_urlencoded;

/// What decides the meaning of other parameters.
#[derive(Default)]
struct Parameters<'a> {
    initiator: Option<Cow<'a, str>>,
    early: bool,
    quit: bool,
    abandoned: bool,
    navigation_start: Option<f64>,
    response_start: Option<f64>,
    content_loaded: Option<f64>,
    response: Option<f64>,
    end: Option<f64>,
    increment: Option<f64>,
}

/// Reads a boomerang beacon; a missing impression id is left for the caller to refuse.
pub(super) fn parse(body: &[u8]) -> Result<Beacon<'_>, Reason> {
    std::str::from_utf8(body).map_err(|_| Reason::NotText)?;
    let mut beacon = Beacon::default();
    let mut parameters = Parameters::default();
    for (name, value) in form_urlencoded::parse(body) {
        parameters.read(&mut beacon, &name, value);
    }
    parameters.conclude(&mut beacon);
    Ok(beacon)
}

impl<'a> Parameters<'a> {
    fn read(&mut self, beacon: &mut Beacon<'a>, name: &str, value: Cow<'a, str>) {
        match name {
            "rt.si" => beacon.session = text(beacon, value, ID_BYTES_MAX),
            "pid" => beacon.impression = text(beacon, value, ID_BYTES_MAX).unwrap_or_default(),
            "n" => match value.parse() {
                Ok(number) => beacon.number = number,
                Err(_) => beacon.issues.add(Issue::MalformedField),
            },
            "u" => beacon.url = Some(long_text(beacon, value, URL_BYTES_MAX)),
            "r" => beacon.referrer = Some(long_text(beacon, value, URL_BYTES_MAX)),
            "mob.etype" => beacon.connection = text(beacon, value, CONNECTION_BYTES_MAX),
            "err" => {
                let message = long_text(beacon, value, ERROR_BYTES_MAX);
                beacon.error = Some(ScriptError { message, source: Cow::Borrowed("") });
            }
            "nt_nav_type" => match value.as_ref() {
                "0" => beacon.navigation = Some(Navigation::Navigate),
                "1" => beacon.navigation = Some(Navigation::Reload),
                "2" => beacon.navigation = Some(Navigation::BackForward),
                _ => {}
            },
            "vis.pre" => beacon.navigation = Some(Navigation::Prerender),
            "http.initiator" => self.initiator = Some(value),
            "early" => self.early = true,
            "rt.quit" => self.quit = true,
            "rt.abld" => self.abandoned = true,
            "nt_nav_st" => self.navigation_start = number(beacon, &value),
            "nt_res_st" => self.response_start = number(beacon, &value),
            "nt_domcontloaded_end" => self.content_loaded = number(beacon, &value),
            "t_resp" => self.response = number(beacon, &value),
            "rt.end" => self.end = number(beacon, &value),
            "et.inp.inc" => self.increment = number(beacon, &value),
            "t_done" => measure(beacon, Timer::Load, &value),
            "pt.fcp" => measure(beacon, Timer::Fcp, &value),
            "pt.lcp" => measure(beacon, Timer::Lcp, &value),
            "c.cls" => measure(beacon, Timer::Cls, &value),
            "et.inp" => measure(beacon, Timer::Inp, &value),
            _ => {}
        }
    }

    fn conclude(self, beacon: &mut Beacon<'a>) {
        let since_start = |time: Option<f64>| Some(time? - self.navigation_start?);
        if let Some(ttfb) = since_start(self.response_start).or(self.response) {
            beacon.measure(Timer::Ttfb, ttfb);
        }
        if let Some(dcl) = since_start(self.content_loaded) {
            beacon.measure(Timer::Dcl, dcl);
        }
        if let (None, Some(inp)) = (beacon.timers[Timer::Inp as usize], self.increment) {
            beacon.measure(Timer::Inp, inp);
        }
        let mut tells = match self.initiator.as_deref() {
            Some("error") => Tells::default(),
            Some("xhr") => Tells::EVENT,
            Some("interaction" | "click") => Tells(Tells::EVENT.0 | Tells::INTERACTIVE.0),
            _ if self.early => Tells::NAV,
            _ if self.quit && self.abandoned => Tells(Tells::NAV.0 | Tells::VITALS.0 | Tells::LEAVE.0),
            _ if self.quit => Tells(Tells::VITALS.0 | Tells::LEAVE.0),
            _ => Tells(Tells::NAV.0 | Tells::LOAD.0),
        };
        if beacon.error.is_some() {
            tells.set(Tells::ERROR);
        }
        if !tells.any(Tells::LOAD) {
            beacon.timers[Timer::Load as usize] = None;
        }
        // The end of the page load is when a beacon is sent, but for those that come with later news.
        if tells.any(Tells::LOAD) {
            beacon.client_time_ms = self.end.map(|time| time as i64);
        }
        match self.initiator.as_deref() {
            Some(kind @ ("spa" | "bfcache")) => {
                beacon.navigation = Some(if kind == "spa" { Navigation::Soft } else { Navigation::BackForward });
                if !beacon.impression.is_empty() {
                    let id = format!("{}-{}", beacon.impression, beacon.number);
                    beacon.impression = text(beacon, Cow::Owned(id), ID_BYTES_MAX).unwrap_or_default();
                }
            }
            Some(name @ ("xhr" | "interaction" | "click")) => beacon.event = Some(Cow::Owned(name.to_owned())),
            _ => {}
        }
        beacon.tells = tells;
    }
}

fn text<'a>(beacon: &mut Beacon<'a>, value: Cow<'a, str>, max: usize) -> Option<Cow<'a, str>> {
    if value.len() > max {
        beacon.issues.add(Issue::MalformedField);
        return None;
    }
    Some(value).filter(|value| !value.is_empty())
}

fn long_text<'a>(beacon: &mut Beacon<'a>, value: Cow<'a, str>, max: usize) -> Cow<'a, str> {
    if value.len() <= max {
        return value;
    }
    beacon.issues.add(Issue::MalformedField);
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(cut(value, max)),
        Cow::Owned(value) => Cow::Owned(cut(&value, max).to_owned()),
    }
}

fn number(beacon: &mut Beacon<'_>, value: &str) -> Option<f64> {
    match value.parse::<f64>() {
        Ok(value) if value.is_finite() => Some(value),
        _ => {
            beacon.issues.add(Issue::MalformedField);
            None
        }
    }
}

fn measure(beacon: &mut Beacon<'_>, timer: Timer, value: &str) {
    if let Some(value) = number(beacon, value) {
        beacon.measure(timer, value);
    }
}
