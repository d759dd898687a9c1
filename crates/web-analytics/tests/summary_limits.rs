//! What happens at the limits of summaries: more values than a block tells apart, and ranges whose ends lie within what is kept.

#![allow(clippy::unwrap_used, reason = "a failure to open or to ask fails the test")]

use jiff::tz::TimeZone;
use tidemill_web_analytics::query::{Parameters, SiteQuery};
use tidemill_web_analytics::summary::buffer::DeltaBuffer;
use tidemill_web_analytics::summary::cell::{CellKey, Counter, Dimensions, Metric, Minute, SiteId};
use tidemill_web_analytics::summary::dimension::Dimension;
use tidemill_web_analytics::summary::store::{SitePolicy, SummaryStore};

const SITE: SiteId = SiteId(1);
/// 2025-10-20 00:00 UTC, a Monday.
const FIRST: u32 = 29_348_640;
const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

fn add(buffer: &mut DeltaBuffer, minute: u32, page: &str, referrer: &str) {
    let dimensions = Dimensions::default().with(Dimension::Page, page).with(Dimension::Referrer, referrer);
    let cell = buffer.cell(&CellKey { site: SITE, minute: Minute(minute), dimensions });
    cell.count(Counter::Impressions, 1);
    cell.count(Counter::Beacons, 5);
    cell.sample(Metric::Lcp, 1_000.0, 1);
}

fn policy(minute_days: u32, hour_days: u32) -> SitePolicy {
    SitePolicy { time_zone: TimeZone::UTC, minute_days, hour_days, day_days: 400 }
}

fn range(from: u32, to: u32) -> Parameters {
    Parameters { from: Some(i64::from(from) * 60_000), to: Some(i64::from(to) * 60_000), ..Parameters::default() }
}

#[test]
fn a_crawler_with_random_paths_costs_no_row_for_each_and_hides_no_page() {
    const RANDOM: u32 = 60_000;
    let folder = tempfile::tempdir().unwrap();
    let store = SummaryStore::open(folder.path()).unwrap();
    let policy = policy(400, 400);
    // Half a day of visitors to a few pages, and of a crawler that never asks for a path twice.
    for number in 0..RANDOM / 10_000 {
        let mut buffer = DeltaBuffer::default();
        for visit in 0..10_000 {
            let minute = FIRST + number * HOUR + visit % HOUR;
            add(
                &mut buffer,
                minute,
                &format!("/{:032x}", number * 10_000 + visit),
                &format!("spam-{number}-{visit}.example"),
            );
            if visit % 10 < 3 {
                add(&mut buffer, minute, ["/", "/cart", "/shoes"][visit as usize % 10], "www.google.com");
            }
        }
        store.commit_deltas(u64::from(number) + 1, "sink-0", &buffer.drain()).unwrap();
    }

    for folded in [false, true] {
        if folded {
            store.fold_before(SITE, Minute(FIRST + DAY), &policy).unwrap();
        }
        let query = SiteQuery::new(store.site(SITE), TimeZone::UTC, vec![]);
        for dimension in ["page", "referrer"] {
            let parameters = Parameters { dimension: Some(dimension.into()), ..range(FIRST, FIRST + DAY) };
            let answer = query.breakdown(&parameters, 0).unwrap();
            let total = answer.body.total;
            assert_eq!(total.impressions, i64::from(RANDOM) * 13 / 10, "{dimension}: totals are exact");
            assert_eq!(total.beacons, total.impressions * 5);
            let named: Vec<(&str, i64)> =
                answer.body.rows.iter().map(|row| (row.value.as_str(), row.measures.impressions)).collect();
            let other = answer.body.other.unwrap();
            let of_named: i64 = named.iter().map(|(_, impressions)| impressions).sum();
            assert_eq!(of_named + other.measures.impressions, total.impressions);
            if dimension == "page" {
                assert_eq!(named, [("/", 6_000), ("/cart", 6_000), ("/shoes", 6_000)], "folded: {folded}");
            } else {
                assert_eq!(named, [("www.google.com", 18_000)], "folded: {folded}");
            }
            assert_eq!(other.values, 1, "and the rest is one");
        }
        let one = Parameters { filter: vec!["page:/cart".into()], ..range(FIRST, FIRST + DAY) };
        assert_eq!(query.overview(&one, 0).unwrap().body.current.impressions, 6_000);
    }
    let figures = store.figures().unwrap();
    let bytes: u64 = figures.tiers.iter().map(|tier| tier.bytes).sum();
    assert!(bytes < 100_000, "{bytes} bytes are kept of {RANDOM} paths");
}

#[test]
fn many_pages_that_are_visited_keep_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = SummaryStore::open(folder.path()).unwrap();
    let mut buffer = DeltaBuffer::default();
    (0..4_000).for_each(|page| add(&mut buffer, FIRST + page % HOUR, &format!("/p/{}", page % 2_000), ""));
    store.commit_deltas(1, "sink-0", &buffer.drain()).unwrap();
    store.fold_before(SITE, Minute(FIRST + DAY), &policy(400, 400)).unwrap();

    let query = SiteQuery::new(store.site(SITE), TimeZone::UTC, vec![]);
    let parameters = Parameters { dimension: Some("page".into()), limit: Some(1_000), ..range(FIRST, FIRST + DAY) };
    let answer = query.breakdown(&parameters, 0).unwrap().body;
    assert_eq!((answer.rows.len(), answer.other.unwrap().values), (1_000, 1_000));
    assert!(answer.rows.iter().all(|row| row.measures.impressions == 2));
}

#[test]
fn a_range_ends_where_what_is_kept_of_its_time_ends() {
    let folder = tempfile::tempdir().unwrap();
    let store = SummaryStore::open(folder.path()).unwrap();
    let (policy, now) = (policy(2, 10), FIRST + 30 * DAY + 10 * HOUR);
    // An impression at half past each hour.
    let mut buffer = DeltaBuffer::default();
    (0..30 * 24 + 10).for_each(|hour| add(&mut buffer, FIRST + hour * HOUR + 30, "/", ""));
    store.commit_deltas(1, "sink-0", &buffer.drain()).unwrap();
    store.maintain(Minute(now), &[(SITE, policy)]).unwrap();
    let query = SiteQuery::new(store.site(SITE), TimeZone::UTC, vec![]);

    for (asked, told, impressions) in [
        // Of the last two days minutes are kept.
        ((now - DAY + 40, now), (now - DAY + 40, now), 23),
        // Of the last ten days hours are: the first hour is told whole.
        ((FIRST + 25 * DAY + 40, now), (FIRST + 25 * DAY, now), 5 * 24 + 10),
        ((FIRST + 25 * DAY + 40, FIRST + 26 * DAY + 20), (FIRST + 25 * DAY, FIRST + 26 * DAY + HOUR), 25),
        // Of older times days are.
        ((FIRST + 3 * DAY + 700, now), (FIRST + 3 * DAY, now), 27 * 24 + 10),
        ((FIRST + 3 * DAY + 700, FIRST + 5 * DAY + 1), (FIRST + 3 * DAY, FIRST + 6 * DAY), 3 * 24),
        ((FIRST + 3 * DAY + 700, FIRST + 3 * DAY + 800), (FIRST + 3 * DAY, FIRST + 4 * DAY), 24),
    ] {
        let answer = query.overview(&range(asked.0, asked.1), 0).unwrap();
        assert_eq!(answer.partial, None, "{asked:?}");
        let (from, to) = (answer.range.from / 60_000, answer.range.to / 60_000);
        assert_eq!((from, to), (i64::from(told.0), i64::from(told.1)), "{asked:?}");
        assert_eq!(answer.body.current.impressions, impressions, "{asked:?}");
        assert_eq!(answer.samples_range, None, "visitors are kept as counts are");
    }

    // Samples of one page are kept by month: the first days of November are told with all of it, the range says so.
    let november = FIRST + 12 * DAY;
    let page = Parameters { filter: vec!["page:/".into()], ..range(november + 2 * DAY, november + 5 * DAY) };
    let vitals = query.vitals(&page, 0).unwrap();
    assert_eq!((vitals.partial, vitals.range.from), (None, i64::from(november) * 60_000));
    assert_eq!(vitals.body.metrics[0].samples, 18 * 24 + 10);
    let counts = query.overview(&page, 0).unwrap();
    assert_eq!((counts.body.current.impressions, counts.body.current.beacons), (3 * 24, (18 * 24 + 10) * 5));

    // Nothing tells its beacons by device, too, before the hours that are kept.
    let mut both = page.clone();
    both.filter.push("device:".into());
    both.to = Some(i64::from(now) * 60_000);
    let counts = query.quality(&both, 0).unwrap();
    assert_eq!((counts.body.impressions, counts.body.beacons), (16 * 24 + 10, (9 * 24 + 10) * 5));
    assert_eq!(counts.partial.unwrap().before, i64::from(FIRST + 21 * DAY) * 60_000);

    let pages = Parameters { dimension: Some("page".into()), ..page };
    let pages = query.breakdown(&pages, 0).unwrap();
    assert_eq!(pages.body.rows[0].measures.impressions, 3 * 24);
    assert_eq!(pages.range.from, i64::from(november + 2 * DAY) * 60_000);
    assert_eq!(pages.samples_range.unwrap().from, i64::from(november) * 60_000);
}
