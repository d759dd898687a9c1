//! `tidemill demo order-enrichment`: changes of a database's orders and items, and the application that lands each item with its order and
//! its product in a table.
//!
//! ```text
//!  orders and items, inserted, then updated ──► stream unifiedOrderStream ──► app.sql ──► table order_enriched
//!          │                                                                                  │
//!          └──► each item with its order, last state ◄── must be equal ──► rows
//! ```
//!
//! Which change comes n-th depends on n alone, so that a demo that was killed goes on where its stream ends: changes that are there are
//! not sent again.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tidemill_streams::{Position, Record, Stream};
use tidemill_tables::{Scan, Table, Value};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::error::{Error, Result};
use crate::run::{JobState, RunError, RunOptions, Script, StartFrom};

const APP_TOML: &str = include_str!("../../../../demos/order-enrichment/app.toml");
const APP_SQL: &str = include_str!("../../../../demos/order-enrichment/app.sql");
const PRODUCTS: &str = include_str!("../../../../demos/order-enrichment/products.json");
const NAME: &str = "order-enrichment";
const STREAM: &str = "unifiedOrderStream";
const TABLE: &str = "order_enriched";

/// Changes are sent, and rows are looked for, so often.
const TICK: Duration = Duration::from_millis(1);
/// How long rows may take at the end.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);
/// Changes are written in batches of at most so many.
const BATCH_MAX: usize = 2_000;
/// An order is updated when so many others have come.
const UPDATED_AFTER: u64 = 50;
const ITEMS_OF_ORDER: u64 = 2;
const FIRST_ORDER: u64 = 10_000_001;
const FIRST_ITEM: u64 = 999_900_001;
const PRODUCTS_COUNT: u64 = 2_000;
const READ_BYTES: usize = 4 << 20;

/// The settings of the demo.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Items a second.
    pub rate: f64,
    /// How long; without it until it is stopped.
    pub duration: Option<Duration>,
    /// Where everything is kept; without it nothing is.
    pub data: Option<PathBuf>,
}

/// Where the demo stands.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// Items that were sent.
    pub items: u64,
    /// Of those sent now, the rows that are there.
    pub landed: u64,
    /// From record to row, on average.
    pub took_mean_ms: f64,
}

/// What the demo found.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Items of orders.
    pub items: u64,
    /// Changes in the stream.
    pub changes: u64,
    /// Rows in the table.
    pub rows: u64,
    /// Items that have no row.
    pub missing: u64,
    /// Rows that are other than they should be, or that no item is there for.
    pub wrong: u64,
    /// From record to row, on average, over the items of this run.
    pub took_mean_ms: f64,
    /// Half of them took no longer.
    pub took_p50_ms: f64,
    /// 99 of 100 took no longer.
    pub took_p99_ms: f64,
}

/// A row of the table.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Row {
    order_id: i32,
    item_id: i32,
    item_quantity: Option<i32>,
    item_amount: Option<f32>,
    item_status: Option<String>,
    product_name: Option<String>,
    product_price: Option<f64>,
    order_amount: Option<f64>,
    order_status: Option<String>,
    ship_to_name: Option<String>,
    ship_to_address: Option<String>,
    ship_to_city: Option<String>,
    ship_to_state: Option<String>,
    ship_to_zip: Option<String>,
}

/// Runs the demo.
///
/// # Errors
/// Where the application can't run, or fails.
pub async fn run(demo: Demo, stop: impl Future<Output = ()>, mut show: impl FnMut(Status)) -> Result<Outcome> {
    let files = TempDir::new().map_err(|error| Error::part("the demo's folder", error))?;
    for (name, text) in [("app.sql", APP_SQL), ("products.json", PRODUCTS)] {
        let path = files.path().join(name);
        std::fs::write(&path, text).map_err(|error| Error::io("writing", &path, error))?;
    }
    let options = RunOptions {
        data: demo.data.clone().unwrap_or_else(|| files.path().join("data")),
        folder: files.path().to_owned(),
        name: NAME.to_owned(),
        from: StartFrom::Latest,
        settings: Vec::new(),
        dialect: None,
    };
    let said = |error: RunError| Error::part("the application", error);
    let missing = || Error::part("the demo", "it has no streams or tables");
    let script = Script::read_application(APP_TOML, options).map_err(said)?;
    let (streams, tables) = script.streams().zip(script.tables()).ok_or_else(missing)?;
    let running = script.start().map_err(said)?;
    let stream = streams.get(STREAM).map_err(Error::from_streams)?;
    let table = tables.table(TABLE).map_err(|error| Error::part("the table", error))?;

    let mut changes = Changes::behind(&stream)?;
    let mut landing = Landing { table: table.clone(), waiting: VecDeque::new(), took_ms: Vec::new() };
    let most = demo.duration.map(|duration| (duration.as_secs_f64() * demo.rate) as u64);
    changes.send(&stream, 0, &mut landing).await?;
    let (begun, before) = (Instant::now(), changes.items);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown = Instant::now();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = tick.tick() => {}
        }
        let due = before + (begun.elapsed().as_secs_f64() * demo.rate) as u64;
        let due = due.min(most.unwrap_or(u64::MAX));
        changes.send(&stream, due, &mut landing).await?;
        landing.look()?;
        if let JobState::Failed(error) = running.state() {
            return Err(Error::part("the application", error));
        }
        if shown.elapsed() >= Duration::from_secs(1) {
            shown = Instant::now();
            show(landing.status(changes.items));
        }
        if most.is_some_and(|most| changes.items + ITEMS_OF_ORDER > most) {
            changes.send_last_updates(&stream, &mut landing).await?;
            break;
        }
    }
    let catch_up = Instant::now();
    loop {
        landing.look()?;
        let outcome = landing.outcome(&changes)?;
        if (outcome.missing, outcome.wrong) == (0, 0) || catch_up.elapsed() > CATCH_UP_MAX {
            running.handle().stop();
            return Ok(outcome);
        }
        tokio::time::sleep(100 * TICK).await;
    }
}

/// Changes of the database, in their order.
struct Changes {
    /// Orders, and items, whose insertion was sent.
    orders: u64,
    items: u64,
    /// Changes that are in the stream already, of orders and of items: they are not sent again.
    there: [u64; 2],
    sent: u64,
    /// No order comes any more, and all are updated.
    is_complete: bool,
}

/// A change, and the item that it is about.
struct Change {
    record: Vec<u8>,
    table: &'static str,
    item: Option<(u64, u64)>,
}

impl Changes {
    /// What comes behind the changes that a stream holds.
    fn behind(stream: &Stream) -> Result<Self> {
        let mut there = [0, 0];
        for shard in stream.shards() {
            let mut reader = shard.reader(Position::Oldest).map_err(Error::from_streams)?;
            let mut records = Vec::new();
            loop {
                records.clear();
                reader.read(READ_BYTES, &mut records).map_err(Error::from_streams)?;
                if records.is_empty() {
                    break;
                }
                for record in &records {
                    there[usize::from(record.partition_key == key_of(ITEMS).as_bytes())] += 1;
                }
            }
        }
        Ok(Changes { orders: 0, items: 0, there, sent: 0, is_complete: false })
    }

    /// An order with its items, and the updates of one before it: those that are not in the stream.
    fn next_order(&mut self) -> Vec<Change> {
        let order = self.orders;
        self.orders += 1;
        self.items += ITEMS_OF_ORDER;
        let mut changes = changes_of(order, false);
        if let Some(updated) = order.checked_sub(UPDATED_AFTER) {
            changes.extend(changes_of(updated, true));
        }
        self.without_those_there(changes)
    }

    fn without_those_there(&mut self, changes: Vec<Change>) -> Vec<Change> {
        self.sent += changes.len() as u64;
        let is_new = |change: &Change| {
            let left = &mut self.there[usize::from(change.table == ITEMS)];
            let is_new = *left == 0;
            *left = left.saturating_sub(1);
            is_new
        };
        changes.into_iter().filter(is_new).collect()
    }

    /// Sends orders up to so many items, and at least those of which something is there.
    async fn send(&mut self, stream: &Stream, items: u64, landing: &mut Landing) -> Result<()> {
        let is_due = |changes: &Self| changes.items + ITEMS_OF_ORDER <= items || changes.there != [0, 0];
        while is_due(self) {
            let mut batch = Vec::new();
            while is_due(self) && batch.len() < BATCH_MAX {
                batch.extend(self.next_order());
            }
            append(stream, batch, landing).await?;
        }
        Ok(())
    }

    /// The updates that no later order brings.
    async fn send_last_updates(&mut self, stream: &Stream, landing: &mut Landing) -> Result<()> {
        let updates =
            (self.orders.saturating_sub(UPDATED_AFTER)..self.orders).flat_map(|order| changes_of(order, true));
        let updates = self.without_those_there(updates.collect());
        self.is_complete = true;
        append(stream, updates, landing).await
    }
}

const ORDERS: &str = "order";
const ITEMS: &str = "order_item";

/// All changes of a table have one partition key: they are in one shard, in their order.
fn key_of(table: &str) -> String {
    format!("orders.{table}")
}

async fn append(stream: &Stream, changes: Vec<Change>, landing: &mut Landing) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = changes.iter().map(|change| key_of(change.table)).collect();
    let records = keys.iter().zip(&changes);
    let records: Vec<Record<'_>> = records
        .map(|(key, change)| Record { partition_key: key.as_bytes(), explicit_hash_key: None, data: &change.record })
        .collect();
    let now = Instant::now();
    stream.append_batch(&records).await.map_err(Error::from_streams)?;
    landing.waiting.extend(changes.iter().filter_map(|change| change.item.map(|item| (item, now))));
    Ok(())
}

/// An order and its items when they are inserted, or updated.
fn changes_of(order: u64, updated: bool) -> Vec<Change> {
    let change = |table: &'static str, data: Json, item| {
        let metadata = json!({
            "timestamp": "2026-01-01T00:00:00.000000Z",
            "record-type": "data",
            "operation": if updated { "update" } else { "insert" },
            "partition-key-type": "schema-table",
            "schema-name": "orders",
            "table-name": table,
            "transaction-id": order,
        });
        Change { record: json!({ "data": data, "metadata": metadata }).to_string().into_bytes(), table, item }
    };
    let id = FIRST_ORDER + order;
    let of_order = json!({
        "orderId": id,
        "orderAmount": order_amount(order),
        "orderStatus": order_status(updated),
        "orderDateTime": "2026-01-01T00:00:00.000Z",
        "shipToName": format!("Customer {}", order % 1_000),
        "shipToAddress": format!("{} Mill Road", order % 200 + 1),
        "shipToCity": "Cambridge",
        "shipToState": "Cambridgeshire",
        "shipToZip": "CB1 2AD",
    });
    let mut changes = vec![change(ORDERS, of_order, None)];
    for n in 0..ITEMS_OF_ORDER {
        let item = FIRST_ITEM + (order * ITEMS_OF_ORDER + n) % PRODUCTS_COUNT;
        let of_item = json!({
            "orderId": id,
            "itemId": item,
            "itemQuantity": quantity(order, n),
            "itemAmount": 100 * (n + 1),
            "itemStatus": item_status(updated),
        });
        changes.push(change(ITEMS, of_item, (!updated).then_some((id, item))));
    }
    changes
}

fn order_amount(order: u64) -> u64 {
    300 + order % 10
}

fn order_status(updated: bool) -> &'static str {
    if updated { "Shipped" } else { "New" }
}

fn item_status(updated: bool) -> &'static str {
    if updated { "Picked" } else { "New" }
}

fn quantity(order: u64, item: u64) -> u64 {
    10 * (item + 1) + order % 3
}

/// Items that were sent, and when their rows are there.
struct Landing {
    table: Table,
    waiting: VecDeque<((u64, u64), Instant)>,
    took_ms: Vec<f64>,
}

impl Landing {
    /// Looks for the rows of items, in the order in which they were sent: an item that is not there yet ends it.
    fn look(&mut self) -> Result<()> {
        while let Some(((order, item), sent)) = self.waiting.front() {
            let key = [Value::from(*order as i64), Value::from(*item as i64)];
            let row = self.table.get(&key).map_err(|error| Error::part("the table", error))?;
            if row.is_none() {
                break;
            }
            self.took_ms.push(sent.elapsed().as_secs_f64() * 1e3);
            self.waiting.pop_front();
        }
        Ok(())
    }

    fn mean(&self) -> f64 {
        self.took_ms.iter().sum::<f64>() / self.took_ms.len().max(1) as f64
    }

    fn status(&self, items: u64) -> Status {
        Status { items, landed: self.took_ms.len() as u64, took_mean_ms: self.mean() }
    }

    /// Compares the table with what must be in it.
    fn outcome(&self, changes: &Changes) -> Result<Outcome> {
        let rows: Vec<Row> = self.table.records(&Scan::all()).map_err(|error| Error::part("the table", error))?;
        let products = products()?;
        let expected = (0..changes.orders).flat_map(|order| (0..ITEMS_OF_ORDER).map(move |n| (order, n)));
        let is_updated = |order| changes.is_complete || order + UPDATED_AFTER < changes.orders;
        let mut expected: Vec<Row> =
            expected.map(|(order, n)| row_of(order, n, is_updated(order), &products)).collect();
        let key = |row: &Row| (row.order_id, row.item_id);
        expected.sort_by_key(key);
        let (mut missing, mut wrong) = (0, 0);
        let mut found = rows.iter().peekable();
        for row in &expected {
            while found.next_if(|found| key(found) < key(row)).is_some() {
                wrong += 1;
            }
            match found.next_if(|found| key(found) == key(row)) {
                None => missing += 1,
                Some(found) => wrong += u64::from(found != row),
            }
        }
        wrong += found.count() as u64;
        let mut took = self.took_ms.clone();
        took.sort_by(f64::total_cmp);
        let quantile = |of: f64| {
            took.get(((took.len() as f64 * of).ceil() as usize).saturating_sub(1)).copied().unwrap_or_default()
        };
        Ok(Outcome {
            items: changes.items,
            changes: changes.sent,
            rows: rows.len() as u64,
            missing,
            wrong,
            took_mean_ms: self.mean(),
            took_p50_ms: quantile(0.5),
            took_p99_ms: quantile(0.99),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    product_name: String,
    product_price: f64,
}

fn products() -> Result<Vec<Product>> {
    let read = |line: &str| serde_json::from_str(line).map_err(|error| Error::part("the products", error));
    PRODUCTS.lines().map(read).collect()
}

/// The row that an item must have.
fn row_of(order: u64, n: u64, updated: bool, products: &[Product]) -> Row {
    let place = (order * ITEMS_OF_ORDER + n) % PRODUCTS_COUNT;
    let product = products.get(place as usize);
    Row {
        order_id: (FIRST_ORDER + order) as i32,
        item_id: (FIRST_ITEM + place) as i32,
        item_quantity: Some(quantity(order, n) as i32),
        item_amount: Some((100 * (n + 1)) as f32),
        item_status: Some(item_status(updated).to_owned()),
        product_name: product.map(|product| product.product_name.clone()),
        product_price: product.map(|product| product.product_price),
        order_amount: Some(order_amount(order) as f64),
        order_status: Some(order_status(updated).to_owned()),
        ship_to_name: Some(format!("Customer {}", order % 1_000)),
        ship_to_address: Some(format!("{} Mill Road", order % 200 + 1)),
        ship_to_city: Some("Cambridge".to_owned()),
        ship_to_state: Some("Cambridgeshire".to_owned()),
        ship_to_zip: Some("CB1 2AD".to_owned()),
    }
}
