//! Configuration: every key, its default, its limits, and what is checked before anything starts.
//!
//! A key is told, weakest first, by its default here, by `tidemill.toml`, by an environment variable
//! (`http.port` is `TIDEMILL_HTTP_PORT`) and by a flag (`--set http.port=7172`). `docs/configuration.md` lists them all.

mod check;
mod load;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use load::{ENVIRONMENT_PREFIX, Sources};

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of everything that is kept.
    pub data: PathBuf,
    /// The HTTP port and its limits.
    pub http: Http,
    /// How beacons are taken in.
    pub beacons: Beacons,
    /// The web-analytics job.
    pub pipeline: Pipeline,
    /// Limits of SQL queries and of streams read over HTTP.
    pub query: Query,
    /// When old data is looked for and dropped.
    pub retention: Retention,
    /// The protocol of Kinesis Data Streams.
    pub kinesis: Kinesis,
}

/// The HTTP port and its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address to listen on. There is no sign-in yet: keep it on loopback, or behind a proxy that lets only
    /// `/b/` and `/t.js` through.
    pub listen: String,
    /// Port; 0 takes a free one.
    pub port: u16,
    /// Names by which the API and the console may be asked, besides addresses and `localhost`, separated by commas.
    /// Keeps web pages elsewhere from reaching them through a name of their own (DNS rebinding).
    pub hosts: String,
    /// Connections open at once; one more is answered `503` and closed.
    pub connections_max: usize,
    /// How long a connection may take to send a request's head, and stay idle between two requests.
    pub head_timeout_ms: u64,
    /// How long a request may take to send its body.
    pub body_timeout_ms: u64,
    /// Bytes of a request's head.
    pub head_bytes_max: usize,
    /// Bytes of an API request's body.
    pub body_bytes_max: usize,
    /// Streams of server-sent events and tails open at once.
    pub followers_max: usize,
    /// Certificate chain (PEM file) of the port's TLS; empty: a self-made one, kept in the data folder.
    pub tls_certificate: String,
    /// The certificate's private key (PEM file).
    pub tls_key: String,
    /// Header in which a trusted proxy puts the visitor's address (`x-forwarded-for`: its last entry); empty: the
    /// connection's own address.
    pub address_header: String,
    /// Header in which a trusted proxy puts the visitor's country (`cf-ipcountry`); empty: the country is unknown.
    pub country_header: String,
}

/// How beacons are taken in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Beacons {
    /// Bytes of one request's body.
    pub body_bytes_max: usize,
    /// Shards of the beacon stream when it is first made.
    pub shards: u32,
    /// Beacon requests being stored at once; one more is answered `503`.
    pub in_flight_max: usize,
    /// Bytes kept of the beacon stream; the oldest go first.
    pub stream_bytes_max: u64,
}

/// The web-analytics job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pipeline {
    /// Worker threads.
    pub workers: usize,
    /// How much its threads give way to those that take beacons (`nice(2)`): 0 not at all, 19 the most.
    pub nice: u8,
    /// Time from one checkpoint to the next: results become visible, and are durable, with it.
    pub checkpoint_ms: u64,
    /// How long a stop may wait for the last checkpoint.
    pub stop_timeout_ms: u64,
    /// Bytes of beacons read but not yet processed.
    pub in_flight_bytes_max: usize,
    /// A file of the lake is closed, and can be read, at the first checkpoint so long after its first row came.
    pub lake_file_age_ms: u64,
}

/// Limits of SQL queries and of streams read over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// Rows of an answer.
    pub rows_max: usize,
    /// Time a query may take.
    pub timeout_ms: u64,
    /// Memory all running SQL queries may use together.
    pub memory_bytes_max: usize,
    /// Queries running at once, of all kinds; more wait their turn within `timeout_ms`.
    pub running_max: usize,
}

/// When old data is looked for and dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Time between two rounds.
    pub every_s: u64,
}

/// The protocol of Kinesis Data Streams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kinesis {
    /// The account in ARNs.
    pub account: String,
    /// The region in ARNs where a request names none.
    pub region: String,
    /// Whether rates and quotas are off.
    pub unlimited: bool,
    /// Open shards of all provisioned streams together.
    pub shards_max: u32,
    /// On-demand streams.
    pub on_demand_streams_max: u32,
    /// Consumers of a stream.
    pub consumers_max: usize,
    /// Records a second that a shard takes.
    pub shard_records_per_s: u32,
    /// Bytes a second that a shard takes.
    pub shard_bytes_per_s: u32,
    /// Bytes a second that a shard gives to its readers, and to each of its subscriptions.
    pub shard_read_bytes_per_s: u32,
    /// Calls of GetRecords a second on a shard.
    pub shard_reads_per_s: u32,
    /// Subscriptions open at once.
    pub subscriptions_max: usize,
    /// Bytes of request bodies being read or answered at once; one more is answered `503`.
    pub in_flight_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data: PathBuf::from("tidemill-data"),
            http: Http::default(),
            beacons: Beacons::default(),
            pipeline: Pipeline::default(),
            query: Query::default(),
            retention: Retention::default(),
            kinesis: Kinesis::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Http {
            listen: "127.0.0.1".into(),
            port: 7171,
            hosts: String::new(),
            connections_max: 10_000,
            head_timeout_ms: 30_000,
            body_timeout_ms: 10_000,
            head_bytes_max: 16 << 10,
            body_bytes_max: 1 << 20,
            followers_max: 1_000,
            tls_certificate: String::new(),
            tls_key: String::new(),
            address_header: String::new(),
            country_header: String::new(),
        }
    }
}

impl Default for Beacons {
    fn default() -> Self {
        Beacons { body_bytes_max: 64 << 10, shards: 2, in_flight_max: 20_000, stream_bytes_max: 16 << 30 }
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        Pipeline {
            workers: 1,
            nice: 10,
            checkpoint_ms: 250,
            stop_timeout_ms: 10_000,
            in_flight_bytes_max: 32 << 20,
            lake_file_age_ms: 50_000,
        }
    }
}

impl Default for Query {
    fn default() -> Self {
        Query { rows_max: 10_000, timeout_ms: 30_000, memory_bytes_max: 256 << 20, running_max: 8 }
    }
}

impl Default for Kinesis {
    fn default() -> Self {
        let settings = tidemill_aws_api::kinesis::Settings::default();
        Kinesis {
            account: settings.account,
            region: settings.region,
            unlimited: settings.unlimited,
            shards_max: settings.shards_max,
            on_demand_streams_max: settings.on_demand_streams_max,
            consumers_max: settings.consumers_max,
            shard_records_per_s: settings.shard_records_per_s,
            shard_bytes_per_s: settings.shard_bytes_per_s,
            shard_read_bytes_per_s: settings.shard_read_bytes_per_s,
            shard_reads_per_s: settings.shard_reads_per_s,
            subscriptions_max: settings.subscriptions_max,
            in_flight_bytes_max: 512 << 20,
        }
    }
}

impl Kinesis {
    /// As the service takes it. `reserved` are streams that it must not change.
    pub(crate) fn settings(&self, reserved: Vec<String>) -> tidemill_aws_api::kinesis::Settings {
        tidemill_aws_api::kinesis::Settings {
            account: self.account.clone(),
            region: self.region.clone(),
            unlimited: self.unlimited,
            shards_max: self.shards_max,
            on_demand_streams_max: self.on_demand_streams_max,
            consumers_max: self.consumers_max,
            shard_records_per_s: self.shard_records_per_s,
            shard_bytes_per_s: self.shard_bytes_per_s,
            shard_read_bytes_per_s: self.shard_read_bytes_per_s,
            shard_reads_per_s: self.shard_reads_per_s,
            subscriptions_max: self.subscriptions_max,
            reserved,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Retention { every_s: 60 }
    }
}
