use super::*;
use crate::beacon::{Beacon, Issue};
use crate::envelope::{BodyKind, Envelope, VisitorHash};
use crate::message::{Verdict, set_verdict};
use crate::summary::buffer::DeltaBuffer;
use crate::summary::cell::{CellDelta, CellKey, Counter, Dimensions, Measures, Minute, SiteId};
use crate::summary::dimension::Dimension;
use crate::user_agent::Agent;
use proptest::prelude::*;
use std::collections::BTreeMap;

const T0: i64 = 1_760_000_000_000;
const MINUTE: i64 = 60_000;

fn site() -> Site {
    Site {
        id: SiteId(7),
        name: "shop".into(),
        session_gap_ms: 30 * MINUTE,
        dimensions: vec!["plan".into()],
        groups: None,
        order_salt: [3; 32],
    }
}

/// A JSON beacon as a message that has passed the orders.
fn message(body: &str, time_ms: i64, sequence: u64, verdict: Verdict) -> Vec<u8> {
    let agent = Agent { browser: "Firefox".into(), os: "Linux".into(), device: "desktop", bot: "".into() };
    let (site, visitor, kind) = (site(), VisitorHash([9; 16]), BodyKind::Json);
    let envelope = Envelope { site: site.id, visitor, kind, country: Some(*b"DE"), user_agent: "UA", body: b"" };
    let beacon = Beacon::parse(kind, body.as_bytes()).unwrap();
    let (mut statics, mut out) = (Vec::new(), Vec::new());
    Message::new(&site, &envelope, &beacon, &agent, (time_ms, sequence), &mut statics).encode(&mut out).unwrap();
    set_verdict(&mut out, verdict);
    out
}

/// What a test looks at of an impression's row, and of a session's.
#[derive(Debug, PartialEq)]
struct Impression {
    id: String,
    time_ms: i64,
    session_start_ms: i64,
    user: Option<String>,
    dimensions: Dimensions,
    orders: u32,
    currency: Option<[u8; 3]>,
}

/// See [`Impression`].
#[derive(Debug, PartialEq)]
struct Ended {
    from_to_ms: (i64, i64),
    impressions_beacons: (u32, u32),
    pages: (String, String),
    user: Option<String>,
    orders_cents: (u32, i64),
    bounce: bool,
}

#[derive(Debug, Default, PartialEq)]
struct Closed {
    impressions: Vec<Impression>,
    sessions: Vec<Ended>,
    /// All that the rows tell.
    told: Vec<String>,
}

impl Rows for Closed {
    fn impression(&mut self, row: &ImpressionRow<'_>) {
        self.told.push(format!("{row:?}"));
        self.impressions.push(Impression {
            id: row.impression.into(),
            time_ms: row.time_ms,
            session_start_ms: row.session_start_ms,
            user: row.user.map(Into::into),
            dimensions: row.dimensions.clone(),
            orders: row.orders,
            currency: row.currency,
        });
    }

    fn session(&mut self, row: &SessionRow<'_>) {
        self.told.push(format!("{row:?}"));
        self.sessions.push(Ended {
            from_to_ms: (row.time_ms, row.end_ms),
            impressions_beacons: (row.impressions, row.beacons),
            pages: (row.dimensions.get(Dimension::Page).into(), row.exit_page.into()),
            user: row.user.map(Into::into),
            orders_cents: (row.orders, row.revenue_cents),
            bounce: row.bounce,
        });
    }
}

/// One visitor whose beacons come in as a test says.
#[derive(Default)]
struct Visitor {
    join: Join,
    closed: Closed,
    visits: Option<Visits>,
    sum: DeltaBuffer,
    sent: u64,
}

impl Visitor {
    fn observe(&mut self, message: &[u8], time_ms: i64) {
        self.observe_all(&[(message.to_vec(), time_ms)]);
    }

    /// Takes several beacons in at once.
    fn observe_all(&mut self, messages: &[(Vec<u8>, i64)]) {
        let mut beacons =
            messages.iter().map(|(message, time_ms)| Ok((Message::decode(message)?, *time_ms))).peekable();
        let Some(Ok((first, _))) = beacons.peek() else { return };
        let visits = self.visits.get_or_insert_with(|| Visits::new(&site(), first));
        self.join.observe(visits, beacons).unwrap();
        self.join.deltas.drain().into_iter().for_each(|delta| self.sum.add(delta));
    }

    /// A beacon of impression `p`, after so many ms.
    fn send(&mut self, after_ms: i64, p: &str, members: &str) -> &mut Self {
        self.sent += 1;
        let body = format!(r#"{{"v":1,"s":"s","p":"{p}","url":"https://shop.example/{p}",{members}}}"#);
        self.observe(&message(&body, T0 + after_ms, self.sent, Verdict::First), T0 + after_ms);
        self
    }

    fn close(&mut self, seen_ms: i64) {
        let visits = self.visits.as_mut().unwrap();
        while let Some(due) = visits.due_ms().filter(|due| *due <= seen_ms) {
            self.join.close(visits, due, &mut self.closed).unwrap();
        }
        self.join.close(visits, seen_ms, &mut self.closed).unwrap();
        self.join.deltas.drain().into_iter().for_each(|delta| self.sum.add(delta));
    }

    /// Sum of a counter over all cells, and how many impressions have an issue.
    fn total(&mut self, counter: Counter) -> i64 {
        let cells = self.cells();
        cells.values().flat_map(|m| &m.counters).filter(|(c, _)| *c == counter).map(|(_, by)| by).sum()
    }

    fn issue(&mut self, issue: Issue) -> i32 {
        let cells = self.cells();
        cells.values().flat_map(|m| &m.issues).filter(|(bit, _)| *bit == issue as u8).map(|(_, by)| by).sum()
    }

    fn cells(&mut self) -> BTreeMap<CellKey, Measures> {
        let deltas = self.sum.drain();
        deltas.iter().cloned().for_each(|delta| self.sum.add(delta));
        deltas.into_iter().map(|CellDelta { key, measures }| (key, measures)).collect()
    }
}

#[test]
fn an_impression_appears_on_its_first_beacon_and_is_revised() {
    let mut visitor = Visitor::default();
    visitor.send(0, "a", r#""n":0,"t":"nav","g":"A""#);
    assert_eq!((visitor.total(Counter::Impressions), visitor.issue(Issue::MissingLoad)), (1, 1));
    visitor.send(900, "a", r#""n":1,"t":"load","g":"A","m":{"lcp":1200}"#);
    assert_eq!((visitor.total(Counter::Impressions), visitor.issue(Issue::MissingLoad)), (1, 0));
    visitor.send(5_000, "a", r#""n":2,"t":"vitals","g":"A","m":{"lcp":2600},"x":true"#);

    let cells = visitor.cells();
    let (key, cell) = cells.iter().next().unwrap();
    assert_eq!(cells.len(), 1);
    assert_eq!(key.minute, Minute((T0 / MINUTE) as u32));
    let d = &key.dimensions;
    assert_eq!(d.texts()[..6], ["A", "desktop", "Firefox", "Linux", "DE", "/a"]);
    assert_eq!(cell.samples.len(), 1);
    assert_eq!(cell.ratings, [(crate::summary::cell::Metric::Lcp, 1, 1)]);
    assert_eq!(cell.visitors.len(), 1);
}

#[test]
fn a_bounce_is_one_impression_without_interaction() {
    let mut visitor = Visitor::default();
    visitor.send(0, "a", r#""t":"nav""#).send(10, "a", r#""n":1,"e":{"name":"seen","interactive":false}"#);
    assert_eq!((visitor.total(Counter::Sessions), visitor.total(Counter::Bounces)), (1, 1));
    visitor.send(20, "a", r#""n":2,"e":{"name":"buy"}"#);
    assert_eq!((visitor.total(Counter::Sessions), visitor.total(Counter::Bounces)), (1, 0));
    let mut other = Visitor::default();
    other.send(0, "a", r#""t":"nav""#).send(10_000, "b", r#""t":"nav""#);
    assert_eq!((other.total(Counter::Sessions), other.total(Counter::Bounces)), (1, 0));
    assert_eq!((other.total(Counter::SessionImpressions), other.total(Counter::SessionSeconds)), (2, 10));
}

#[test]
fn a_gap_ends_a_session_and_its_rows_say_all() {
    let mut visitor = Visitor::default();
    visitor.send(0, "a", r#""t":"nav","u":"me","d":{"plan":"pro"}"#).send(60_000, "b", r#""t":"nav","u":"me""#);
    visitor.send(61_000, "b", r#""n":1,"o":{"id":"1","value_cents":4999,"currency":"EUR"}"#);
    visitor.send(61_000 + 30 * MINUTE + 1, "c", r#""t":"nav""#);
    visitor.close(T0 + 24 * 60 * MINUTE);

    let [first, second] = &visitor.closed.sessions[..] else { panic!("{:?}", visitor.closed) };
    assert_eq!((first.from_to_ms, first.impressions_beacons), ((T0, T0 + 61_000), (2, 3)));
    assert_eq!((&first.pages, first.user.as_deref()), (&("/a".into(), "/b".into()), Some("me")));
    assert_eq!((first.orders_cents, first.bounce, second.bounce), ((1, 4999), false, true));
    let impressions = &visitor.closed.impressions;
    let pages: Vec<_> = impressions.iter().map(|row| (&*row.id, row.orders, row.session_start_ms)).collect();
    let later = T0 + 61_000 + 30 * MINUTE + 1;
    assert_eq!(pages, [("a", 0, T0), ("b", 1, T0), ("c", 0, later)]);
    assert_eq!(impressions[0].dimensions.get(Dimension::Custom0), "pro");
    assert_eq!(impressions[1].currency, Some(*b"EUR"));
    assert!(visitor.visits.unwrap().is_empty());
}

#[test]
fn what_comes_after_an_impression_has_closed_is_an_orphan_whether_or_not_the_timer_has_fired() {
    let run = |fire: bool| {
        let mut visitor = Visitor::default();
        visitor.send(0, "a", r#""t":"nav""#).send(1_000, "a", r#""n":1,"t":"vitals","x":true"#);
        if fire {
            visitor.close(T0 + 61_001);
            assert_eq!(visitor.closed.impressions.len(), 1);
        }
        visitor.send(61_001, "a", r#""n":2,"e":{"name":"late"}"#);
        visitor.close(T0 + 300 * MINUTE);
        assert_eq!((visitor.issue(Issue::OrphanEvent), visitor.total(Counter::Impressions)), (1, 1));
        assert_eq!((visitor.total(Counter::Beacons), visitor.total(Counter::Events)), (3, 1));
        (visitor.cells(), visitor.closed)
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn events_without_any_navigation_are_orphans_until_it_comes() {
    let mut visitor = Visitor::default();
    visitor.send(10, "a", r#""n":3,"e":{}"#);
    assert_eq!((visitor.total(Counter::Impressions), visitor.total(Counter::Sessions)), (0, 0));
    assert_eq!(visitor.issue(Issue::OrphanEvent), 1);
    visitor.send(0, "a", r#""t":"nav""#);
    assert_eq!((visitor.total(Counter::Impressions), visitor.total(Counter::Sessions)), (1, 1));
    assert_eq!((visitor.issue(Issue::OrphanEvent), visitor.total(Counter::Events)), (0, 1));
}

#[test]
fn a_session_of_a_million_beacons_takes_no_more_memory_and_counts_them_all() {
    let mut visitor = Visitor::default();
    let body = |p: u32, n: u32| format!(r#"{{"s":"s","p":"{p}","n":{n},"t":"nav"}}"#);
    for i in 0..1_000_000u32 {
        // Parsing is not the point: a few different messages are enough beyond the limits.
        let time_ms = T0 + i64::from(i);
        if i < 12_000 {
            visitor.observe(&message(&body(i / 20, i % 20), time_ms, u64::from(i), Verdict::NoOrder), time_ms);
        } else {
            let visits = visitor.visits.as_mut().unwrap();
            visits.overflow_for_test(&mut visitor.join, time_ms);
        }
    }
    let visits = visitor.visits.as_ref().unwrap();
    let kept: usize = visits.segments.iter().map(|s| s.totals.beacons as usize).filter(|b| *b <= 20).sum();
    assert_eq!((kept, visits.segments.len()), (BEACONS_MAX, BEACONS_MAX / 20 + 1));
    visitor.join.deltas.drain().into_iter().for_each(|delta| visitor.sum.add(delta));
    assert_eq!(visitor.total(Counter::Beacons), 1_000_000);
    assert_eq!((visitor.issue(Issue::OversizedSession), visitor.total(Counter::Sessions)), (1, 1));
}

impl Visits {
    /// One more beacon beyond the limits.
    fn overflow_for_test(&mut self, join: &mut Join, time_ms: i64) {
        thread_local!(static BODY: Vec<u8> = message(r#"{"s":"s","p":"new","t":"nav"}"#, 0, u64::MAX, Verdict::NoOrder));
        BODY.with(|body| join.observe(self, [Message::decode(body).map(|message| (message, time_ms))]).unwrap());
    }
}

/// What a random visitor sends: impression, number, after ms, what.
fn beacons() -> impl Strategy<Value = Vec<(u8, u16, i64, u8, u8)>> {
    // Times cluster around the deadlines that matter: 60 s, 30 min, 24 h.
    let pause = prop_oneof![
        6 => 0..5_000i64,
        2 => 55_000..65_000i64,
        2 => 29 * MINUTE..31 * MINUTE,
        1 => 20 * 60 * MINUTE..25 * 60 * MINUTE,
    ];
    prop::collection::vec((0..4u8, 0..6u16, pause, 0..9u8, 0..4u8), 1..24)
}

fn body((p, n, _, what, variant): (u8, u16, i64, u8, u8)) -> String {
    let statics =
        [r#""g":"A""#, r#""g":"B","url":"https://shop.example/x""#, r#""ref":"https://a.example""#, r#""u":"me""#];
    let told = [
        r#""t":"nav""#,
        r#""t":"load","m":{"load":900}"#,
        r#""t":"vitals","m":{"lcp":1000,"cls":0.1}"#,
        r#""t":"vitals","m":{"lcp":3000},"x":true"#,
        r#""e":{"name":"a"}"#,
        r#""e":{"interactive":false}"#,
        r#""err":{"msg":"x"}"#,
        r#""o":{"id":"1","value_cents":100}"#,
        r#""t":"ping","m":{"lcp":99999}"#,
    ];
    format!(r#"{{"s":"s","p":"{p}","n":{n},{},{}}}"#, statics[usize::from(variant)], told[usize::from(what)])
}

type Outcome = (BTreeMap<CellKey, Measures>, Vec<String>);

/// Final rows and summed deltas. Visitors are a set that is only ever added to, so a cell that was left again keeps
/// them: of these it is checked that none is missing.
fn outcome(mut visitor: Visitor) -> Outcome {
    visitor.close(i64::MAX);
    let mut cells = visitor.cells();
    for row in &visitor.closed.impressions {
        let minute = Minute((row.time_ms / MINUTE) as u32);
        let cell = &cells[&CellKey { site: SiteId(7), minute, dimensions: row.dimensions.clone() }];
        let hash = |id: &[u8]| xxhash_rust::xxh3::xxh3_64_with_seed(id, 7);
        assert!(cell.visitors.contains(&row.user.as_ref().map_or(hash(&[9; 16]), |user| hash(user.as_bytes()))));
    }
    cells.values_mut().for_each(|measures| measures.visitors.clear());
    cells.retain(|_, measures| !measures.is_empty());
    let mut rows = visitor.closed.told;
    rows.sort();
    (cells, rows)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
    #[test]
    fn any_order_of_a_visitors_beacons_gives_the_same_rows_and_sums(
        beacons in beacons(),
        keys in prop::collection::vec(any::<u32>(), 24),
    ) {
        let mut time = T0;
        let mut messages = Vec::new();
        for (sequence, beacon) in beacons.into_iter().enumerate() {
            time += beacon.2;
            messages.push((message(&body(beacon), time, sequence as u64, Verdict::First), time));
        }
        let run = |messages: &[(Vec<u8>, i64)]| {
            let mut visitor = Visitor::default();
            messages.iter().for_each(|(message, time)| visitor.observe(message, *time));
            outcome(visitor)
        };
        let expected = run(&messages);
        let mut shuffled: Vec<_> = messages.iter().cloned().zip(keys).collect();
        shuffled.sort_by_key(|(_, key)| *key);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(message, _)| message).collect();
        prop_assert_eq!(run(&shuffled), expected.clone());

        // However they are batched, also the visitors of cells that were left again.
        let told = |chunks: &mut dyn Iterator<Item = &[(Vec<u8>, i64)]>| {
            let mut visitor = Visitor::default();
            chunks.for_each(|some| visitor.observe_all(some));
            visitor.cells()
        };
        prop_assert_eq!(told(&mut messages.chunks(5)), told(&mut messages.chunks(1)));
        prop_assert_eq!(told(&mut shuffled.chunks(5)), told(&mut shuffled.chunks(1)));
        for messages in [&messages, &shuffled] {
            let mut visitor = Visitor::default();
            messages.chunk_by(|_, (message, _)| message.len() % 3 > 0).for_each(|some| visitor.observe_all(some));
            prop_assert_eq!(outcome(visitor), expected.clone());
        }

        // As in production: in order, with everything closed as early as it may be, and state written and read back.
        let mut visitor = Visitor::default();
        for (message, time) in &messages {
            if let Some(visits) = visitor.visits.take() {
                let mut bytes = Vec::new();
                visits.encode(&mut bytes);
                visitor.visits = Some(Visits::decode(&bytes).unwrap());
                visitor.close(*time);
            }
            visitor.observe(message, *time);
        }
        prop_assert_eq!(outcome(visitor), expected);
    }

    #[test]
    fn beacons_that_come_twice_change_nothing_but_their_count_and_their_flag(
        beacons in beacons(),
        again in prop::collection::vec((any::<prop::sample::Index>(), 0..3_000i64), 1..6),
    ) {
        let mut time = T0;
        let mut messages = Vec::new();
        for (sequence, mut beacon) in beacons.into_iter().enumerate() {
            // Every number once, so that the only duplicates are those of this test.
            beacon.1 = sequence as u16;
            // A copy that comes after its page has closed is an orphan: closing is not the point here.
            beacon.3 = if beacon.3 == 3 { 2 } else { beacon.3 };
            time += beacon.2.min(5_000);
            messages.push((message(&body(beacon), time, sequence as u64, Verdict::First), time));
        }
        let run = |messages: &[(Vec<u8>, i64)]| {
            let mut visitor = Visitor::default();
            messages.iter().for_each(|(message, time)| visitor.observe(message, *time));
            let beacons = visitor.total(Counter::Beacons);
            let (mut cells, rows) = outcome(visitor);
            for measures in cells.values_mut() {
                measures.counters.retain(|(counter, _)| *counter != Counter::Beacons);
                measures.issues.retain(|(bit, _)| *bit != Issue::DuplicateBeacon as u8);
            }
            (beacons, cells, rows.len())
        };
        let (once, cells, rows) = run(&messages);
        let mut twice = messages.clone();
        for (which, later) in &again {
            let (message, time) = &messages[which.index(messages.len())];
            twice.push((message.clone(), time + later));
        }
        let (beacons, cells_twice, rows_twice) = run(&twice);
        prop_assert_eq!(beacons, once + again.len() as i64);
        prop_assert_eq!((cells_twice, rows_twice), (cells, rows));
    }
}
