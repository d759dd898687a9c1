//! A shop's events whose sessions are labelled: a gap of 30 minutes must find exactly these.
//!
//! `tests/services/retentioneering.sh` fetches the events at first use.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tidemill_web_analytics::beacon::Beacon;
use tidemill_web_analytics::envelope::{BodyKind, Envelope, VisitorHash};
use tidemill_web_analytics::message::Message;
use tidemill_web_analytics::sites::Site;
use tidemill_web_analytics::summary::cell::SiteId;
use tidemill_web_analytics::user_agent::Agent;
use tidemill_web_analytics::visits::{ImpressionRow, Join, Rows, SessionRow, Visits};

fn csv() -> String {
    let script =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../tests/services/retentioneering.sh");
    let run = Command::new("bash").arg(&script).output().unwrap();
    assert!(run.status.success(), "{script:?}: {}", String::from_utf8_lossy(&run.stderr));
    std::fs::read_to_string(String::from_utf8(run.stdout).unwrap().trim()).unwrap()
}

/// User, label, time in ms of each event, in the order of the file.
fn events(csv: &str) -> Vec<(&str, &str, i64)> {
    let fields = csv.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    fields
        .map(|fields| {
            let time: DateTime = fields[3].parse().unwrap();
            (fields[0], fields[1], time.to_zoned(TimeZone::UTC).unwrap().timestamp().as_millisecond())
        })
        .collect()
}

/// Session starts by user, and the number of impressions.
#[derive(Default)]
struct Closed {
    impressions: usize,
    sessions: BTreeSet<(String, i64)>,
}

impl Rows for Closed {
    fn impression(&mut self, _row: &ImpressionRow<'_>) {
        self.impressions += 1;
    }

    fn session(&mut self, row: &SessionRow<'_>) {
        self.sessions.insert((row.session.unwrap().to_owned(), row.time_ms));
    }
}

/// Session starts by user, as the join finds them.
fn found(events: &[(&str, &str, i64)], gap_minutes: i64) -> BTreeSet<(String, i64)> {
    let site = Site {
        id: SiteId(1),
        name: "shop".into(),
        session_gap_ms: gap_minutes * 60_000,
        dimensions: Vec::new(),
        groups: None,
        order_salt: [0; 32],
    };
    let (mut join, mut all, mut closed) = (Join::default(), BTreeMap::new(), Closed::default());
    let visitor = VisitorHash([0; 16]);
    let (kind, agent) = (BodyKind::Json, Agent::default());
    for (sequence, (user, _, time_ms)) in events.iter().enumerate() {
        let body = format!(r#"{{"v":1,"s":"{user}","p":"{sequence}","n":0,"t":"nav"}}"#);
        let envelope = Envelope { site: site.id, visitor, kind, country: None, user_agent: "", body: body.as_bytes() };
        let beacon = Beacon::parse(kind, envelope.body).unwrap();
        let mut statics = Vec::new();
        let at = (*time_ms, sequence as u64);
        let message = Message::new(&site, &envelope, &beacon, &agent, at, &mut statics);
        let visits = all.entry(*user).or_insert_with(|| Visits::new(&site, &message));
        join.observe(visits, [Ok((message, *time_ms))]).unwrap();
    }
    all.values_mut().for_each(|visits| {
        join.close(visits, i64::MAX, &mut closed).unwrap();
        assert!(visits.is_empty());
    });
    assert_eq!(closed.impressions, events.len());
    closed.sessions
}

#[test]
fn a_gap_of_thirty_minutes_finds_the_labelled_sessions() {
    let csv = csv();
    let events = events(&csv);
    assert_eq!(events.len(), 31_106);
    let mut starts = BTreeMap::new();
    for (user, label, time_ms) in &events {
        let start = starts.entry(*label).or_insert((user.to_string(), *time_ms));
        start.1 = start.1.min(*time_ms);
    }
    let labelled: BTreeSet<_> = starts.into_values().collect();
    assert_eq!(labelled.len(), 3_605);
    assert_eq!(found(&events, 30), labelled);
    assert_eq!(found(&events, 20).len(), 3_634);
    assert_eq!(found(&events, 15).len(), 3_722);
}
