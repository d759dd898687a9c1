//! The tables of the lake, as Arrow: `impressions`, `sessions`, `quarantine`.
//!
//! `tenant` is the site's name; with the UTC day of the row's time it names the folder. Times are UTC in milliseconds,
//! money is in cents, lists are never null.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMillisecondArray, UInt16Array, UInt32Array,
};
use arrow::error::ArrowError;

use crate::beacon::{Reason, Timer};
use crate::sites::SitesSnapshot;
use crate::summary::cell::{Dimensions, SiteId};
use crate::summary::dimension::Dimension;
use crate::visits::{ImpressionRow, SessionRow};

/// A beacon in quarantine.
#[derive(Clone, Debug, PartialEq)]
pub struct QuarantineRow {
    /// The site's number.
    pub site: u32,
    /// When it came.
    pub time_ms: i64,
    /// Its number in the stream's shard.
    pub sequence: u64,
    /// Why it is here.
    pub reason: Reason,
    /// Who sent it.
    pub user_agent: String,
    /// Its body, as it came.
    pub body: Vec<u8>,
}

type Columns = Vec<(String, ArrayRef)>;
type Result<T> = std::result::Result<T, ArrowError>;

fn texts<'a, R: 'a>(columns: &mut Columns, name: &str, rows: &'a [R], get: impl Fn(&'a R) -> Option<&'a str>) {
    columns.push((name.into(), Arc::new(rows.iter().map(get).collect::<StringArray>())));
}

fn times<R>(columns: &mut Columns, name: &str, rows: &[R], get: impl Fn(&R) -> Option<i64>) {
    let array: TimestampMillisecondArray = rows.iter().map(get).collect();
    columns.push((name.into(), Arc::new(array.with_timezone("UTC"))));
}

fn counts<R>(columns: &mut Columns, name: &str, rows: &[R], get: impl Fn(&R) -> u32) {
    columns.push((name.into(), Arc::new(rows.iter().map(|row| Some(get(row))).collect::<UInt32Array>())));
}

fn cents<R>(columns: &mut Columns, name: &str, rows: &[R], get: impl Fn(&R) -> i64) {
    columns.push((name.into(), Arc::new(rows.iter().map(|row| Some(get(row))).collect::<Int64Array>())));
}

fn flags<R>(columns: &mut Columns, name: &str, rows: &[R], get: impl Fn(&R) -> bool) {
    columns.push((name.into(), Arc::new(rows.iter().map(|row| Some(get(row))).collect::<BooleanArray>())));
}

fn lists<'a, R, T: AsRef<str> + 'a>(columns: &mut Columns, name: &str, rows: &'a [R], get: impl Fn(&'a R) -> &'a [T]) {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        get(row).iter().for_each(|text| lists.values().append_value(text));
        lists.append(true);
    }
    columns.push((name.into(), Arc::new(lists.finish())));
}

/// The dimensions; `page` of a session is its entry page.
fn dimensions<'a, R>(columns: &mut Columns, page: &str, rows: &'a [R], of: impl Fn(&'a R) -> &'a Dimensions + Copy) {
    texts(columns, "ab_group", rows, move |row| Some(of(row).get(Dimension::Group)));
    texts(columns, "device", rows, move |row| Some(of(row).get(Dimension::Device)));
    texts(columns, "browser", rows, move |row| Some(of(row).get(Dimension::Browser)));
    texts(columns, "os", rows, move |row| Some(of(row).get(Dimension::Os)));
    texts(columns, "country", rows, move |row| Some(of(row).get(Dimension::Country)));
    texts(columns, page, rows, move |row| Some(of(row).get(Dimension::Page)));
    texts(columns, "referrer_host", rows, move |row| Some(of(row).get(Dimension::Referrer)));
    texts(columns, "navigation", rows, move |row| Some(of(row).get(Dimension::Navigation)));
    texts(columns, "bot", rows, move |row| Some(of(row).get(Dimension::Bot)));
    let own = Dimension::ALL.into_iter().filter(|dimension| dimension.built_in_name().is_none());
    for (place, dimension) in own.enumerate() {
        let name = format!("dimension_{}", place + 1);
        texts(columns, &name, rows, move |row| Some(of(row).get(dimension)));
    }
}

/// The sites' names, by number where a site is gone.
fn tenants<R>(columns: &mut Columns, sites: &SitesSnapshot, rows: &[R], site: impl Fn(&R) -> u32) {
    let name = |row| {
        let site = site(row);
        sites.get(SiteId(site)).map_or_else(|| format!("site-{site}"), |site| site.name.to_string())
    };
    columns.push(("tenant".into(), Arc::new(rows.iter().map(|row| Some(name(row))).collect::<StringArray>())));
}

/// Page impressions that have closed.
pub fn impressions(sites: &SitesSnapshot, rows: &[ImpressionRow]) -> Result<RecordBatch> {
    let mut columns = Columns::new();
    let to = &mut columns;
    tenants(to, sites, rows, |row| row.site);
    times(to, "time", rows, |row| Some(row.time_ms));
    times(to, "end_time", rows, |row| Some(row.end_ms));
    texts(to, "impression", rows, |row| Some(&row.impression));
    texts(to, "session", rows, |row| Some(&row.session));
    times(to, "session_start", rows, |row| Some(row.session_start_ms));
    texts(to, "user", rows, |row| row.user.as_deref());
    texts(to, "visitor", rows, |row| Some(&row.visitor));
    times(to, "client_time", rows, |row| row.client_time_ms);
    texts(to, "url", rows, |row| row.url.as_deref());
    texts(to, "referrer", rows, |row| row.referrer.as_deref());
    dimensions(to, "page", rows, |row| &row.dimensions);
    let width: UInt16Array = rows.iter().map(|row| row.viewport.0).collect();
    let height: UInt16Array = rows.iter().map(|row| row.viewport.1).collect();
    to.push(("viewport_width".into(), Arc::new(width)));
    to.push(("viewport_height".into(), Arc::new(height)));
    texts(to, "connection", rows, |row| row.connection.as_deref());
    texts(to, "user_agent", rows, |row| Some(&row.user_agent));
    for timer in Timer::ALL {
        let values: Float32Array = rows.iter().map(|row| row.timers.get(timer as usize).copied().flatten()).collect();
        to.push((timer.name().into(), Arc::new(values)));
    }
    counts(to, "beacons", rows, |row| row.beacons);
    counts(to, "events", rows, |row| row.events);
    lists(to, "event_names", rows, |row| &row.event_names);
    counts(to, "errors", rows, |row| row.errors);
    lists(to, "error_messages", rows, |row| &row.error_messages);
    counts(to, "orders", rows, |row| row.orders);
    cents(to, "revenue_cents", rows, |row| row.revenue_cents);
    texts(to, "currency", rows, |row| row.currency.as_deref());
    flags(to, "interactive", rows, |row| row.interactive);
    flags(to, "left", rows, |row| row.left);
    lists(to, "issues", rows, |row| &row.issues);
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}

/// Sessions that have ended.
pub fn sessions(sites: &SitesSnapshot, rows: &[SessionRow]) -> Result<RecordBatch> {
    let mut columns = Columns::new();
    let to = &mut columns;
    tenants(to, sites, rows, |row| row.site);
    times(to, "time", rows, |row| Some(row.time_ms));
    times(to, "end_time", rows, |row| Some(row.end_ms));
    texts(to, "session", rows, |row| Some(&row.session));
    texts(to, "user", rows, |row| row.user.as_deref());
    texts(to, "visitor", rows, |row| Some(&row.visitor));
    dimensions(to, "entry_page", rows, |row| &row.dimensions);
    texts(to, "exit_page", rows, |row| Some(&row.exit_page));
    counts(to, "impressions", rows, |row| row.impressions);
    counts(to, "beacons", rows, |row| row.beacons);
    counts(to, "events", rows, |row| row.events);
    counts(to, "errors", rows, |row| row.errors);
    counts(to, "orders", rows, |row| row.orders);
    cents(to, "revenue_cents", rows, |row| row.revenue_cents);
    flags(to, "bounce", rows, |row| row.bounce);
    lists(to, "issues", rows, |row| &row.issues);
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}

/// Beacons in quarantine.
pub fn quarantine(sites: &SitesSnapshot, rows: &[QuarantineRow]) -> Result<RecordBatch> {
    let mut columns = Columns::new();
    let to = &mut columns;
    tenants(to, sites, rows, |row| row.site);
    times(to, "time", rows, |row| Some(row.time_ms));
    cents(to, "sequence", rows, |row| i64::try_from(row.sequence).unwrap_or(i64::MAX));
    texts(to, "reason", rows, |row| Some(row.reason.name()));
    texts(to, "user_agent", rows, |row| Some(&row.user_agent));
    let bodies: BinaryArray = rows.iter().map(|row| Some(&row.body)).collect();
    to.push(("body".into(), Arc::new(bodies)));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    #[test]
    fn rows_become_columns_with_the_site_as_tenant() {
        let row =
            ImpressionRow { site: 9, impression: "a".into(), event_names: vec!["buy".into()], ..Default::default() };
        let batch = impressions(&SitesSnapshot::default(), &[row.clone(), row]).unwrap();
        assert_eq!(batch.num_rows(), 2);
        assert_eq!(batch.column_by_name("tenant").unwrap().as_string::<i32>().value(0), "site-9");
        assert_eq!(
            batch.column_by_name("event_names").unwrap().as_list::<i32>().value(1).as_string::<i32>().value(0),
            "buy"
        );
        assert!(batch.column_by_name("user").unwrap().is_null(0));
        assert_eq!(sessions(&SitesSnapshot::default(), &[SessionRow::default()]).unwrap().num_rows(), 1);
    }
}
