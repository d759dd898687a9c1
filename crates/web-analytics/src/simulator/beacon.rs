//! A beacon's bytes, as the tracker would write them.

use std::io::Write;

use super::draw;
use super::settings::Settings;
use super::visit::{Anomaly, Impression, Kind, Scene};

const SESSION: u64 = 1;
const IMPRESSION: u64 = 2;
const VISITOR: u64 = 3;
const ORDER: u64 = 4;
const DAY_MS: i64 = 86_400_000;

/// Writes the impression's beacon with this number, sent at `at` µs after the start.
pub(super) fn write(out: &mut Vec<u8>, scene: &Scene<'_>, number: u8, at: u64, settings: &Settings) {
    let (session, impression) = (&scene.session, &scene.impression);
    let kind = impression.kind(number);
    out.clear();
    text(out, "{\"v\":1");
    if session.has_id {
        id(out, ",\"s\":\"", draw::id(settings.seed, SESSION, session.number));
    }
    id(out, ",\"p\":\"", draw::id(settings.seed, IMPRESSION, impression.number));
    if session.has_id {
        id(out, ",\"u\":\"", draw::id(settings.seed, VISITOR, u64::from(session.visitor.number)));
    }
    integer(out, ",\"n\":", u64::from(number));
    text(out, ",\"t\":\"");
    text(out, name(kind));
    integer(out, "\",\"ts\":", clock(impression, at, settings));
    statics(out, scene, kind);
    if kind.has_timers() {
        timers(out, impression, kind);
    }
    rest(out, impression, kind, settings);
    out.push(b'}');
}

/// The static fields go with every beacon, so that none is lost with the first.
fn statics(out: &mut Vec<u8>, scene: &Scene<'_>, kind: Kind) {
    let (session, impression) = (&scene.session, &scene.impression);
    let visitor = &session.visitor;
    let deviates = impression.deviates(kind);
    text(out, ",\"url\":\"");
    impression.page.write(session.site, out);
    if deviates && impression.anomaly == Anomaly::StaticConflict {
        text(out, "/elsewhere");
    }
    text(out, "\",\"ref\":\"");
    impression.referrer.write(session.site, out);
    text(out, "\",\"nt\":\"");
    text(out, impression.navigation);
    let in_b = visitor.group_b != (deviates && impression.anomaly == Anomaly::GroupConflict);
    text(out, if in_b { "\",\"g\":\"B\"" } else { "\",\"g\":\"A\"" });
    let [width, height] = visitor.viewport;
    if impression.anomaly == Anomaly::MalformedField && kind == Kind::Nav {
        text(out, ",\"vw\":\"wide\"");
    } else {
        integer(out, ",\"vw\":", u64::from(width));
    }
    integer(out, ",\"vh\":", u64::from(height));
    text(out, ",\"ct\":\"4g\"");
}

/// All timers that are known by then.
fn timers(out: &mut Vec<u8>, impression: &Impression, kind: Kind) {
    let timers = &impression.timers;
    tenths(out, ",\"m\":{\"ttfb\":", timers.ttfb);
    tenths(out, ",\"fcp\":", timers.fcp);
    tenths(out, ",\"dcl\":", timers.dcl);
    let absurd = impression.anomaly == Anomaly::MetricOutOfRange;
    tenths(out, ",\"load\":", if absurd { 864_000_000 } else { timers.load });
    if kind != Kind::Load {
        tenths(out, ",\"lcp\":", timers.lcp);
        integer(out, ",\"cls\":", u64::from(timers.cls / 10_000));
        let fraction = timers.cls % 10_000;
        out.extend_from_slice(&[
            b'.',
            digit(fraction, 1000),
            digit(fraction, 100),
            digit(fraction, 10),
            digit(fraction, 1),
        ]);
    }
    if kind == Kind::Leave {
        tenths(out, ",\"inp\":", timers.inp);
    }
    out.push(b'}');
}

fn rest(out: &mut Vec<u8>, impression: &Impression, kind: Kind, settings: &Settings) {
    match kind {
        Kind::Interaction => text(out, ",\"e\":{\"name\":\"add-to-cart\",\"interactive\":true}"),
        Kind::Notice => text(out, ",\"e\":{\"name\":\"teaser-seen\",\"interactive\":false}"),
        Kind::Error => text(out, ",\"err\":{\"msg\":\"price is undefined\",\"src\":\"shop.js:42\"}"),
        Kind::Leave => text(out, ",\"x\":true"),
        Kind::Order => {
            if let Some(order) = impression.order {
                id(out, ",\"o\":{\"id\":\"", draw::id(settings.seed, ORDER, u64::from(order.number)));
                integer(out, ",\"value_cents\":", u64::from(order.cents));
                text(out, ",\"currency\":\"EUR\"}");
            }
        }
        Kind::Nav | Kind::Load | Kind::Vitals | Kind::Ping => {}
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Nav => "nav",
        Kind::Load => "load",
        Kind::Vitals | Kind::Leave => "vitals",
        Kind::Interaction | Kind::Notice => "event",
        Kind::Ping => "ping",
        Kind::Error => "error",
        Kind::Order => "order",
    }
}

fn clock(impression: &Impression, at: u64, settings: &Settings) -> u64 {
    let right = settings.start_ms + at / 1000;
    match impression.anomaly {
        Anomaly::ClockSkew(days) => right.saturating_add_signed(i64::from(days) * DAY_MS),
        _ => right,
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn integer(out: &mut Vec<u8>, before: &str, value: u64) {
    text(out, before);
    // Writing into a vector can't fail.
    let _ = write!(out, "{value}");
}

fn tenths(out: &mut Vec<u8>, before: &str, value: u32) {
    integer(out, before, u64::from(value / 10));
    out.extend_from_slice(&[b'.', digit(value, 1)]);
}

fn digit(value: u32, unit: u32) -> u8 {
    b'0' + (value / unit % 10) as u8
}

/// An id in hexadecimal with its closing quote.
fn id(out: &mut Vec<u8>, before: &str, id: u64) {
    text(out, before);
    for shift in (0..16).rev() {
        let nibble = (id >> (4 * shift) & 15) as u8;
        out.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    }
    out.push(b'"');
}
