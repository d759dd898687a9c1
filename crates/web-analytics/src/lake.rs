//! The tables of the lake, as Arrow: `impressions`, `sessions`, `quarantine`.
//!
//! `tenant` is the site's name; with the UTC day of the row's time it names the folder. Times are UTC in milliseconds,
//! money is in cents, lists are never null.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanBuilder, Float32Builder, Int64Array, Int64Builder, ListBuilder, RecordBatch,
    StringArray, StringBuilder, UInt16Builder, UInt32Array,
};
use arrow::datatypes::TimestampMillisecondType;
use tidemill_engine::batch::take_column;
use tidemill_engine::{Batch, Result};

use crate::beacon::{Issue, Reason, TIMERS, Timer};
use crate::sites::SitesSnapshot;
use crate::summary::cell::{Dimensions, SiteId};
use crate::summary::dimension::{DIMENSIONS, Dimension};
use crate::visits::{ImpressionRow, Rows, SessionRow};

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

/// What has closed, as columns.
#[derive(Debug, Default)]
pub struct Closed {
    /// Page impressions.
    pub impressions: Impressions,
    /// Sessions.
    pub sessions: Sessions,
}

impl Rows for Closed {
    fn impression(&mut self, row: &ImpressionRow<'_>) {
        self.impressions.push(row);
    }

    fn session(&mut self, row: &SessionRow<'_>) {
        self.sessions.push(row);
    }
}

/// Page impressions that have closed, as columns.
#[derive(Debug, Default)]
pub struct Impressions {
    sites: Vec<u32>,
    times_ms: Vec<i64>,
    ends_ms: Vec<i64>,
    ids: StringBuilder,
    sessions: StringBuilder,
    session_starts_ms: Vec<i64>,
    users: StringBuilder,
    visitors: StringBuilder,
    client_times_ms: Int64Builder,
    urls: StringBuilder,
    referrers: StringBuilder,
    dimensions: [StringBuilder; DIMENSIONS],
    widths: UInt16Builder,
    heights: UInt16Builder,
    connections: StringBuilder,
    user_agents: StringBuilder,
    timers: [Float32Builder; TIMERS],
    beacons: Vec<u32>,
    events: Vec<u32>,
    event_names: ListBuilder<StringBuilder>,
    errors: Vec<u32>,
    error_messages: ListBuilder<StringBuilder>,
    orders: Vec<u32>,
    revenue_cents: Vec<i64>,
    currencies: StringBuilder,
    interactive: BooleanBuilder,
    left: BooleanBuilder,
    issues: ListBuilder<StringBuilder>,
}

impl Impressions {
    /// Adds a row.
    pub fn push(&mut self, row: &ImpressionRow<'_>) {
        let visitor = Hex::of(&row.visitor);
        self.sites.push(row.site);
        self.times_ms.push(row.time_ms);
        self.ends_ms.push(row.end_ms);
        self.ids.append_value(row.impression);
        self.sessions.append_value(row.session.unwrap_or(visitor.text()));
        self.session_starts_ms.push(row.session_start_ms);
        self.users.append_option(row.user);
        self.visitors.append_value(visitor.text());
        self.client_times_ms.append_option(row.client_time_ms);
        self.urls.append_option(row.url);
        self.referrers.append_option(row.referrer);
        append_dimensions(&mut self.dimensions, row.dimensions);
        self.widths.append_option(row.viewport.0);
        self.heights.append_option(row.viewport.1);
        self.connections.append_option(row.connection);
        self.user_agents.append_value(row.user_agent);
        for (column, timer) in self.timers.iter_mut().zip(row.timers) {
            column.append_option(Some(timer).filter(|timer| !timer.is_nan()));
        }
        self.beacons.push(row.beacons);
        self.events.push(row.events);
        append_list(&mut self.event_names, &row.event_names);
        self.errors.push(row.errors);
        append_list(&mut self.error_messages, &row.error_messages);
        self.orders.push(row.orders);
        self.revenue_cents.push(row.revenue_cents);
        self.currencies.append_option(row.currency.as_ref().and_then(|code| std::str::from_utf8(code).ok()));
        self.interactive.append_value(row.interactive);
        self.left.append_value(row.left);
        append_list(&mut self.issues, row.issues.iter().map(Issue::name));
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    /// Takes all rows out.
    pub fn take(&mut self, sites: &SitesSnapshot) -> Result<Batch> {
        let mut columns = Columns::default();
        let to = &mut columns;
        let event_times = event_times(&self.times_ms);
        to.tenants(sites, std::mem::take(&mut self.sites));
        to.times("time", std::mem::take(&mut self.times_ms));
        to.times("end_time", std::mem::take(&mut self.ends_ms));
        to.texts("impression", &mut self.ids);
        to.texts("session", &mut self.sessions);
        to.times("session_start", std::mem::take(&mut self.session_starts_ms));
        to.texts("user", &mut self.users);
        to.texts("visitor", &mut self.visitors);
        to.timestamps("client_time", self.client_times_ms.finish());
        to.texts("url", &mut self.urls);
        to.texts("referrer", &mut self.referrers);
        to.dimensions("page", &mut self.dimensions);
        to.add("viewport_width", self.widths.finish());
        to.add("viewport_height", self.heights.finish());
        to.texts("connection", &mut self.connections);
        to.texts("user_agent", &mut self.user_agents);
        for (timer, column) in Timer::ALL.into_iter().zip(&mut self.timers) {
            to.add(timer.name(), column.finish());
        }
        to.counts("beacons", &mut self.beacons);
        to.counts("events", &mut self.events);
        to.add("event_names", self.event_names.finish());
        to.counts("errors", &mut self.errors);
        to.add("error_messages", self.error_messages.finish());
        to.counts("orders", &mut self.orders);
        to.cents("revenue_cents", &mut self.revenue_cents);
        to.texts("currency", &mut self.currencies);
        to.add("interactive", self.interactive.finish());
        to.add("left", self.left.finish());
        to.add("issues", self.issues.finish());
        Batch::new(columns.finish()?, event_times)
    }
}

/// Sessions that have ended, as columns.
#[derive(Debug, Default)]
pub struct Sessions {
    sites: Vec<u32>,
    times_ms: Vec<i64>,
    ends_ms: Vec<i64>,
    ids: StringBuilder,
    users: StringBuilder,
    visitors: StringBuilder,
    dimensions: [StringBuilder; DIMENSIONS],
    exit_pages: StringBuilder,
    impressions: Vec<u32>,
    beacons: Vec<u32>,
    events: Vec<u32>,
    errors: Vec<u32>,
    orders: Vec<u32>,
    revenue_cents: Vec<i64>,
    bounces: BooleanBuilder,
    issues: ListBuilder<StringBuilder>,
}

impl Sessions {
    /// Adds a row.
    pub fn push(&mut self, row: &SessionRow<'_>) {
        let visitor = Hex::of(&row.visitor);
        self.sites.push(row.site);
        self.times_ms.push(row.time_ms);
        self.ends_ms.push(row.end_ms);
        self.ids.append_value(row.session.unwrap_or(visitor.text()));
        self.users.append_option(row.user);
        self.visitors.append_value(visitor.text());
        append_dimensions(&mut self.dimensions, row.dimensions);
        self.exit_pages.append_value(row.exit_page);
        self.impressions.push(row.impressions);
        self.beacons.push(row.beacons);
        self.events.push(row.events);
        self.errors.push(row.errors);
        self.orders.push(row.orders);
        self.revenue_cents.push(row.revenue_cents);
        self.bounces.append_value(row.bounce);
        append_list(&mut self.issues, row.issues.iter().map(Issue::name));
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    /// Takes all rows out.
    pub fn take(&mut self, sites: &SitesSnapshot) -> Result<Batch> {
        let mut columns = Columns::default();
        let to = &mut columns;
        let event_times = event_times(&self.times_ms);
        to.tenants(sites, std::mem::take(&mut self.sites));
        to.times("time", std::mem::take(&mut self.times_ms));
        to.times("end_time", std::mem::take(&mut self.ends_ms));
        to.texts("session", &mut self.ids);
        to.texts("user", &mut self.users);
        to.texts("visitor", &mut self.visitors);
        to.dimensions("entry_page", &mut self.dimensions);
        to.texts("exit_page", &mut self.exit_pages);
        to.counts("impressions", &mut self.impressions);
        to.counts("beacons", &mut self.beacons);
        to.counts("events", &mut self.events);
        to.counts("errors", &mut self.errors);
        to.counts("orders", &mut self.orders);
        to.cents("revenue_cents", &mut self.revenue_cents);
        to.add("bounce", self.bounces.finish());
        to.add("issues", self.issues.finish());
        Batch::new(columns.finish()?, event_times)
    }
}

/// Beacons in quarantine.
pub fn quarantine(sites: &SitesSnapshot, rows: &[QuarantineRow]) -> Result<Batch> {
    let mut columns = Columns::default();
    let to = &mut columns;
    let times_ms: Vec<i64> = rows.iter().map(|row| row.time_ms).collect();
    let event_times = event_times(&times_ms);
    to.tenants(sites, rows.iter().map(|row| row.site).collect());
    to.times("time", times_ms);
    let sequences = rows.iter().map(|row| i64::try_from(row.sequence).unwrap_or(i64::MAX));
    to.add("sequence", Int64Array::from_iter_values(sequences));
    to.add("reason", StringArray::from_iter_values(rows.iter().map(|row| row.reason.name())));
    to.add("user_agent", StringArray::from_iter_values(rows.iter().map(|row| &row.user_agent)));
    to.add("body", BinaryArray::from_iter_values(rows.iter().map(|row| &row.body)));
    Batch::new(columns.finish()?, event_times)
}

/// Columns by name; of each any value may be null.
#[derive(Default)]
struct Columns(Vec<(String, ArrayRef)>);

impl Columns {
    fn add(&mut self, name: &str, column: impl Array + 'static) {
        self.0.push((name.to_owned(), Arc::new(column)));
    }

    fn texts(&mut self, name: &str, column: &mut StringBuilder) {
        self.0.push((name.to_owned(), take_column(column)));
    }

    fn times(&mut self, name: &str, times_ms: Vec<i64>) {
        self.timestamps(name, times_ms.into());
    }

    fn timestamps(&mut self, name: &str, times_ms: Int64Array) {
        self.add(name, times_ms.reinterpret_cast::<TimestampMillisecondType>().with_timezone("UTC"));
    }

    fn counts(&mut self, name: &str, counts: &mut Vec<u32>) {
        self.add(name, UInt32Array::from(std::mem::take(counts)));
    }

    fn cents(&mut self, name: &str, cents: &mut Vec<i64>) {
        self.add(name, Int64Array::from(std::mem::take(cents)));
    }

    /// The sites' names, by number where a site is gone.
    fn tenants(&mut self, sites: &SitesSnapshot, numbers: Vec<u32>) {
        let name = |site: u32| match sites.get(SiteId(site)) {
            Some(site) => Cow::Borrowed(&*site.name),
            None => Cow::Owned(format!("site-{site}")),
        };
        self.add("tenant", StringArray::from_iter_values(numbers.into_iter().map(name)));
    }

    /// The dimensions; `page` of a session is its entry page.
    fn dimensions(&mut self, page: &str, columns: &mut [StringBuilder; DIMENSIONS]) {
        for (dimension, column) in Dimension::ALL.into_iter().zip(columns) {
            let place = dimension as usize + 1 - Dimension::Custom0 as usize;
            match dimension {
                Dimension::Group => self.texts("ab_group", column),
                Dimension::Page => self.texts(page, column),
                Dimension::Referrer => self.texts("referrer_host", column),
                _ => match dimension.built_in_name() {
                    Some(name) => self.texts(name, column),
                    None => self.texts(&format!("dimension_{place}"), column),
                },
            }
        }
    }

    fn finish(self) -> Result<RecordBatch> {
        let columns = self.0.into_iter().map(|(name, column)| (name, column, true));
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }
}

fn event_times(times_ms: &[i64]) -> Vec<i64> {
    times_ms.iter().map(|time_ms| time_ms * 1_000).collect()
}

fn append_dimensions(columns: &mut [StringBuilder; DIMENSIONS], dimensions: &Dimensions) {
    columns.iter_mut().zip(dimensions.texts()).for_each(|(column, text)| column.append_value(text));
}

fn append_list<T: AsRef<str>>(lists: &mut ListBuilder<StringBuilder>, texts: impl IntoIterator<Item = T>) {
    texts.into_iter().for_each(|text| lists.values().append_value(text));
    lists.append(true);
}

/// A visitor in hexadecimal.
struct Hex([u8; 32]);

impl Hex {
    fn of(bytes: &[u8; 16]) -> Self {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| match digit {
            0..10 => b'0' + digit,
            _ => b'a' + digit - 10,
        });
        let mut text = [0; 32];
        text.iter_mut().zip(digits).for_each(|(to, digit)| *to = digit);
        Self(text)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    #[test]
    fn rows_become_columns_with_the_site_as_tenant() {
        let row = QuarantineRow {
            site: 9,
            time_ms: 5,
            sequence: 1,
            reason: Reason::Empty,
            user_agent: "UA".into(),
            body: Vec::new(),
        };
        let batch = quarantine(&SitesSnapshot::default(), &[row.clone(), row]).unwrap();
        assert_eq!(batch.times(), [5_000, 5_000]);
        assert_eq!(batch.rows().column_by_name("tenant").unwrap().as_string::<i32>().value(1), "site-9");
    }

    #[test]
    fn a_visitor_is_written_in_hexadecimal() {
        assert_eq!(Hex::of(&[0xa7; 16]).text(), "a7".repeat(16));
    }
}
