use super::*;
use proptest::prelude::*;

const FULL: &str = r#"{"v":1, "s":"5f0c", "p":"a81b", "u":"me", "n":3, "t":"load", "ts":1760000000000,
    "url":"https://shop.example/cart?x=1", "ref":"https://www.google.com/", "nt":"reload",
    "g":"A", "d":{"plan":"pro"}, "vw":390, "vh":844.4, "ct":"4g",
    "m":{"ttfb":120.5,"fcp":800,"lcp":1200,"inp":40,"cls":0.02,"load":2300,"dcl":1500,"own":1},
    "e":{"name":"add-to-cart","interactive":true}, "err":{"msg":"x is undefined","src":"app.js:3"},
    "o":{"id":"10042","value_cents":4999,"currency":"EUR"}, "x":true, "later":{"a":[1,{"b":2}]}}"#;

fn json(body: &str) -> Result<Beacon<'_>, Reason> {
    Beacon::parse(BodyKind::Json, body.as_bytes())
}

/// A beacon with an impression id and the given members.
fn with(members: &str, check: impl FnOnce(Beacon<'_>)) {
    check(json(&format!(r#"{{"v":1,"s":"s","p":"p",{members}}}"#)).unwrap());
}

#[test]
fn every_field_of_a_json_beacon_is_read() {
    let beacon = json(FULL).unwrap();
    let all = [Tells::LOAD, Tells::EVENT, Tells::INTERACTIVE, Tells::ERROR, Tells::ORDER, Tells::LEAVE];
    assert_eq!(
        beacon,
        Beacon {
            session: Some("5f0c".into()),
            impression: "a81b".into(),
            user: Some("me".into()),
            number: 3,
            tells: Tells(all.iter().map(|t| t.0).sum()),
            client_time_ms: Some(1_760_000_000_000),
            url: Some("https://shop.example/cart?x=1".into()),
            referrer: Some("https://www.google.com/".into()),
            navigation: Some(Navigation::Reload),
            group: Some("A".into()),
            dimensions: vec![("plan".into(), "pro".into())],
            viewport: (Some(390), Some(844)),
            connection: Some("4g".into()),
            timers: [Some(1200.0), Some(40.0), Some(0.02), Some(800.0), Some(120.5), Some(2300.0), Some(1500.0)],
            event: Some("add-to-cart".into()),
            error: Some(ScriptError { message: "x is undefined".into(), source: "app.js:3".into() }),
            order: Some(Order { id: "10042".into(), value_cents: 4999, currency: Some(*b"EUR") }),
            issues: Issues::default(),
        }
    );
}

#[test]
fn text_without_escapes_is_borrowed_from_the_body() {
    let beacon = json(FULL).unwrap();
    assert!(matches!((&beacon.impression, &beacon.url), (Cow::Borrowed(_), Some(Cow::Borrowed(_)))));
    with(r#""url":"https:\/\/a.example\/\u00e9""#, |b| assert_eq!(b.url.as_deref(), Some("https://a.example/é")));
}

#[test]
fn a_field_of_a_wrong_type_is_left_out_and_flagged() {
    let broken = [
        r#""s":7"#,
        r#""u":[1]"#,
        r#""n":-1"#,
        r#""n":65536"#,
        r#""n":1.5"#,
        r#""n":"1""#,
        r#""t":"new""#,
        r#""t":1"#,
        r#""ts":"now""#,
        r#""ts":1e300"#,
        r#""url":{}"#,
        r#""ref":1"#,
        r#""nt":"fly""#,
        r#""g":1"#,
        r#""d":[]"#,
        r#""d":{"a":1}"#,
        r#""vw":-1"#,
        r#""vh":"x""#,
        r#""vw":1e9"#,
        r#""ct":4"#,
        r#""m":1"#,
        r#""m":{"lcp":"1"}"#,
        r#""e":"x""#,
        r#""e":{"name":1}"#,
        r#""e":{"interactive":"yes"}"#,
        r#""err":"x""#,
        r#""err":{"msg":1}"#,
        r#""o":"x""#,
        r#""o":{"id":{}}"#,
        r#""o":{"id":"1","value_cents":"9"}"#,
        r#""o":{"id":"1","currency":"euro"}"#,
        r#""o":{"id":"1","value_cents":9e15}"#,
        r#""x":1"#,
        r#""t":"order""#,
    ];
    for members in broken {
        with(members, |beacon| {
            assert!(beacon.issues.has(Issue::MalformedField), "{members}: {:?}", beacon.issues);
        });
    }
    with(r#""url":7,"g":"A""#, |beacon| assert_eq!((beacon.url, beacon.group.as_deref()), (None, Some("A"))));
}

#[test]
fn null_is_as_good_as_absent() {
    let names = ["s", "u", "n", "t", "ts", "url", "ref", "nt", "g", "d", "vw", "vh", "ct", "m", "e", "err", "o", "x"];
    let members = names.map(|name| format!("{name:?}:null")).join(",");
    let beacon = format!(r#"{{"v":1,"p":"p","s":"s",{members}}}"#);
    let expected = Beacon {
        impression: "p".into(),
        tells: Tells::NAV,
        issues: Issues(1 << Issue::GeneratedId as u8),
        ..Beacon::default()
    };
    // The later "s" counts.
    assert_eq!(json(&beacon.replace(r#""s":"s","#, "")).unwrap(), expected);
}

#[test]
fn limits_cut_addresses_and_leave_out_the_rest() {
    let long = "é".repeat(2000);
    with(&format!(r#""url":"https://a.example/{long}""#), |beacon| {
        assert_eq!(beacon.url.as_ref().unwrap().len(), URL_BYTES_MAX);
        assert!(beacon.issues.has(Issue::MalformedField));
    });
    with(&format!(r#""g":"{}""#, "g".repeat(33)), |beacon| assert_eq!(beacon.group, None));
    with(r#""d":{"a":"1","b":"2","c":"3","d":"4","e":"5"}"#, |beacon| {
        assert_eq!(beacon.dimensions.len(), DIMENSIONS_MAX);
        assert!(beacon.issues.has(Issue::MalformedField));
    });
    assert_eq!(json(&format!(r#"{{"p":"{}"}}"#, "p".repeat(65))), Err(Reason::NoImpression));
}

#[test]
fn absurd_timers_are_left_out_and_flagged() {
    for timer in [r#""lcp":60000.1"#, r#""lcp":-1"#, r#""cls":101"#, r#""load":1e308"#] {
        with(&format!(r#""m":{{{timer},"fcp":5}}"#), |beacon| {
            assert!(beacon.issues.has(Issue::MetricOutOfRange), "{timer}");
            assert_eq!(beacon.timers.iter().flatten().collect::<Vec<_>>(), [&5.0]);
        });
    }
    with(r#""m":{"lcp":60000,"cls":100,"fcp":0}"#, |beacon| assert_eq!(beacon.issues, Issues::default()));
}

#[test]
fn without_a_type_the_content_tells() {
    with(r#""url":"/""#, |b| assert_eq!(b.tells, Tells::NAV));
    with(r#""n":1,"m":{"lcp":5}"#, |b| assert_eq!(b.tells, Tells::VITALS));
    with(r#""n":1"#, |b| assert_eq!(b.tells, Tells::PING));
    with(r#""n":1,"e":{"interactive":false}"#, |b| assert_eq!(b.tells, Tells::EVENT));
    with(r#""n":1,"o":{"id":7}"#, |b| assert_eq!((b.tells, b.order.unwrap().id), (Tells::ORDER, "7".into())));
}

#[test]
fn only_what_cannot_be_read_or_joined_goes_to_quarantine() {
    for (body, reason) in [
        ("", Reason::Empty),
        ("garbage", Reason::NotJson),
        ("[]", Reason::NotJson),
        ("7", Reason::NotJson),
        (r#"{"p":"p""#, Reason::NotJson),
        (r#"{"p":"p"} x"#, Reason::NotJson),
        (r#"{"s":"s"}"#, Reason::NoImpression),
        (r#"{"p":""}"#, Reason::NoImpression),
        (r#"{"p":7}"#, Reason::NoImpression),
        (r#"{"v":2,"p":"p"}"#, Reason::UnknownVersion),
        (r#"{"v":"1","p":"p"}"#, Reason::UnknownVersion),
    ] {
        assert_eq!(json(body), Err(reason), "{body}");
    }
    assert_eq!(Beacon::parse(BodyKind::Json, b"{\"p\":\"\xff\"}"), Err(Reason::NotText));
    assert_eq!(json(&("[".repeat(60_000))), Err(Reason::NotJson));
    assert_eq!(json(&format!(r#"{{"p":"p","d":{}1"#, r#"{"a":"#.repeat(10_000))), Err(Reason::NotJson));
    assert_eq!(Beacon::parse(BodyKind::Form, b"n=1&u=x"), Err(Reason::NoImpression));
}

/// The parameters that count, out of a beacon of boomerang 1.737 at the end of a page load.
const BOOMERANG: &str = "c.cls=0.09678397256389808&et.fid=4&mob.etype=4g&n=1&nt_domcontloaded_end=1661579575284\
    &nt_nav_st=1661579573277&nt_nav_type=0&nt_res_st=1661579574577&pid=aot3mvuv&pt.fcp=1618&pt.lcp=2233\
    &r=https%3A%2F%2Fwww.google.com%2F&rt.end=1661579575484&rt.si=70074cfe-446b-4001-af58-ba4fd965c266-rh9f05\
    &rt.sl=1&rt.ss=1661579573277&rt.tstart=1661579573277&t_done=2207&t_resp=1300&u=https%3A%2F%2Ffriend.com%2Fa+b&v=1.737.60";

#[test]
fn a_boomerang_beacon_tells_navigation_and_load_at_once() {
    let beacon = Beacon::parse(BodyKind::Form, BOOMERANG.as_bytes()).unwrap();
    assert_eq!(
        beacon,
        Beacon {
            session: Some("70074cfe-446b-4001-af58-ba4fd965c266-rh9f05".into()),
            impression: "aot3mvuv".into(),
            number: 1,
            tells: Tells(Tells::NAV.0 | Tells::LOAD.0),
            client_time_ms: Some(1_661_579_575_484),
            url: Some("https://friend.com/a b".into()),
            referrer: Some("https://www.google.com/".into()),
            navigation: Some(Navigation::Navigate),
            connection: Some("4g".into()),
            timers: [
                Some(2233.0),
                None,
                Some(0.09678397256389808),
                Some(1618.0),
                Some(1300.0),
                Some(2207.0),
                Some(2007.0),
            ],
            ..Beacon::default()
        }
    );
}

#[test]
fn a_boomerang_page_that_is_left_says_so_and_repeats_no_load() {
    let beacon = Beacon::parse(BodyKind::Query, b"rt.si=s&pid=p&n=2&rt.quit=&t_done=2207&et.inp=48").unwrap();
    assert_eq!(beacon.tells, Tells(Tells::VITALS.0 | Tells::LEAVE.0));
    assert_eq!((beacon.timers[Timer::Load as usize], beacon.timers[Timer::Inp as usize]), (None, Some(48.0)));
    let gone = Beacon::parse(BodyKind::Query, b"rt.si=s&pid=p&n=1&rt.quit=&rt.abld=").unwrap();
    assert!(gone.tells.any(Tells::NAV) && gone.tells.any(Tells::LEAVE) && !gone.tells.any(Tells::LOAD));
}

#[test]
fn a_soft_navigation_of_boomerang_is_an_impression_of_its_own() {
    let beacon = Beacon::parse(BodyKind::Form, b"rt.si=s&pid=p&n=3&http.initiator=spa&t_done=80").unwrap();
    assert_eq!((beacon.impression.as_ref(), beacon.navigation), ("p-3", Some(Navigation::Soft)));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        for kind in [BodyKind::Json, BodyKind::Form, BodyKind::Query] {
            let _ = Beacon::parse(kind, &body);
        }
    }

    #[test]
    fn a_valid_beacon_with_bytes_changed_is_read_or_refused(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (kind, valid) in [(BodyKind::Json, FULL), (BodyKind::Form, BOOMERANG)] {
            let mut body = valid.as_bytes().to_vec();
            for (at, byte) in &changes {
                let at = at.index(body.len());
                body[at] = *byte;
            }
            if let Ok(beacon) = Beacon::parse(kind, &body) {
                prop_assert!(!beacon.impression.is_empty() && beacon.impression.len() <= ID_BYTES_MAX);
                prop_assert!(beacon.timers.iter().flatten().all(|timer| (0.0..=TIMER_MS_MAX).contains(timer)));
            }
        }
    }

    #[test]
    fn it_accepts_the_json_that_serde_json_accepts(body in r#"\{("p":"p"|"(n|m|d|url|e|zz)":([0-9.eE+-]{1,6}|\[\]|\{"lcp":2\}|"(\\u00|a|\\n){0,2}"|null|true))(,"p":"q")?\}"#) {
        // Numbers that no type holds are JSON all the same, and a `Value` could not hold them.
        let oracle = serde_json::from_str::<serde::de::IgnoredAny>(&body);
        let read = json(&body);
        prop_assert_eq!(read == Err(Reason::NotJson), oracle.is_err(), "{} {:?}", body, read);
    }
}

#[test]
fn a_number_too_large_for_any_type_costs_its_field_only() {
    let body = br#"{"p":"a","n":1e999,"ts":-1e999,"m":{"lcp":1e999,"cls":0.1}}"#;
    let beacon = Beacon::parse(BodyKind::Json, body).unwrap();
    assert_eq!((&*beacon.impression, beacon.number, beacon.client_time_ms), ("a", 0, None));
    assert_eq!((beacon.timers[Timer::Lcp as usize], beacon.timers[Timer::Cls as usize]), (None, Some(0.1)));
    assert!(beacon.issues.has(Issue::MetricOutOfRange) && beacon.issues.has(Issue::MalformedField));
}
