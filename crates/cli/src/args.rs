//! The command line, as clap reads it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use tidemill_server::run::Dialect;

pub(crate) use self::stream::{Consumers, RegistryElsewhere, Stream};

mod stream;

/// Where a server is that was started without further ado.
const DEFAULT_SERVER: &str = "http://127.0.0.1:7171";
/// What is logged unless it is said.
pub(crate) const DEFAULT_LOG: &str = "warn,tidemill=info";
const EXIT_CODES: &str = "Exit codes: 0 done · 1 failed · 2 wrong usage or configuration · 3 no server can be reached · \
                          4 the server refused · 130 interrupted";

/// Real-time analytics on event streams, self-hosted.
#[derive(Debug, Parser)]
#[command(name = "tidemill", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How to print results; errors go to standard error in the same form.
    #[arg(long, global = true, value_enum, default_value = "human", env = "TIDEMILL_OUTPUT")]
    pub(crate) output: Output,
    /// The running server that `site`, `stream`, `schema`, `access-key` and `query` talk to [default: http://127.0.0.1:7171]; `demo` starts one
    /// of its own unless one is named.
    #[arg(long, global = true, value_name = "URL", env = "TIDEMILL_SERVER")]
    pub(crate) server: Option<String>,
    /// What to log, by part: `warn,tidemill=debug`.
    #[arg(long, global = true, value_name = "FILTER", default_value = DEFAULT_LOG, env = "TIDEMILL_LOG")]
    pub(crate) log: String,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Human,
    /// For programs: one JSON document, or one a line where there are many.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    Serve(Serve),
    /// Run a demo from nothing: a server and a simulator that feeds it.
    Demo(Demo),
    /// Measure this machine with one of the benchmarks.
    Bench(Bench),
    /// Sites of web analytics.
    Site {
        /// What to do with them.
        #[command(subcommand)]
        command: Site,
    },
    /// Streams.
    Stream {
        /// What to do with them.
        #[command(subcommand)]
        command: Stream,
    },
    /// Schemas.
    Schema {
        /// What to do with them.
        #[command(subcommand)]
        command: Schema,
    },
    /// Run an application: a file of SQL on streams.
    Run(Run),
    /// Type SQL, and see what comes of it at once.
    Sql(Sql),
    /// Applications: what their inputs look like, and what one that runs does.
    App {
        /// What to do with them.
        #[command(subcommand)]
        command: App,
    },
    /// The connectors of SQL tables, or one with its options.
    Connectors {
        /// Which one.
        name: Option<String>,
    },
    /// Access keys of the AWS protocols.
    AccessKey {
        /// What to do with them.
        #[command(subcommand)]
        command: AccessKey,
    },
    /// Run one read-only SQL query on the server.
    Query(Query),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// Where the configuration comes from, besides the environment.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Configuration {
    /// Configuration file; without it `tidemill.toml` here is read if there is one.
    #[arg(long, value_name = "FILE", env = "TIDEMILL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Set any key of the configuration (see docs/configuration.md).
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Folder of everything that is kept (key `data`).
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// Port (key `http.port`); 0 takes a free one.
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// Address to listen on (key `http.listen`).
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
}

/// `tidemill serve`
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Switch the rates and quotas of Kinesis off (key `kinesis.unlimited`).
    #[arg(long)]
    pub(crate) unlimited: bool,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub(crate) configuration: Configuration,
}

/// `tidemill schema …`
#[derive(Debug, Subcommand)]
pub(crate) enum Schema {
    /// Register a version; one that the schema has keeps its number.
    Register {
        /// The schema: NAME, or REGISTRY/NAME.
        name: String,
        /// The definition.
        #[command(flatten)]
        definition: Definition,
        /// Which versions have to read each other's records, if the schema is new.
        #[arg(long, value_name = "MODE", default_value = "BACKWARD")]
        compatibility: String,
    },
    /// List the schemas.
    List,
    /// Describe a schema, or print the definition of one of its versions.
    Get {
        /// The schema: NAME, or REGISTRY/NAME.
        name: String,
        /// Print this version's definition.
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// Say whether a definition would be accepted, and if not, why and what would help.
    Check {
        /// The schema: NAME, or REGISTRY/NAME.
        name: String,
        /// The definition.
        #[command(flatten)]
        definition: Definition,
    },
    /// Print what differs between two versions.
    Diff {
        /// The schema: NAME, or REGISTRY/NAME.
        name: String,
        /// The older version.
        from: u32,
        /// The newer version [default: the last].
        to: Option<u32>,
    },
    /// Delete a schema with all its versions, or one of them; for good.
    Delete {
        /// The schema: NAME, or REGISTRY/NAME.
        name: String,
        /// Only this version.
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
}

/// A definition on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Definition {
    /// The file that holds it; `-` reads standard input.
    pub(crate) file: PathBuf,
    /// AVRO, JSON or PROTOBUF [default: by the file's ending .avsc, .json or .proto].
    #[arg(long)]
    pub(crate) format: Option<String>,
    /// Whose rules apply.
    #[arg(long, value_name = "SET", value_parser = ["glue", "confluent"], default_value = "glue")]
    pub(crate) rules: String,
}

/// `tidemill run`
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The file of SQL, or an application's `app.toml`; `-` reads standard input.
    pub(crate) file: PathBuf,
    /// Worker threads (setting `parallelism.default`).
    #[arg(long, value_name = "N")]
    pub(crate) parallelism: Option<usize>,
    /// The application's name, by which its snapshots are found [default: the file's name].
    #[arg(long, value_name = "APP")]
    pub(crate) name: Option<String>,
    /// Where it goes on: `latest`, `none` (at the beginning) or the name of a snapshot.
    #[arg(long, value_name = "SNAPSHOT", default_value = "latest")]
    pub(crate) from: String,
    /// Change a setting; wins over the file's SET.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// The dialect of the SQL [default: found from the statements].
    #[arg(long, value_enum)]
    pub(crate) dialect: Option<SqlDialect>,
    /// Only say whether it could run.
    #[arg(long)]
    pub(crate) check: bool,
    /// Folder of everything that is kept.
    #[arg(long, value_name = "DIR", default_value = "tidemill-data", env = "TIDEMILL_DATA")]
    pub(crate) data: PathBuf,
}

/// `tidemill sql`
#[derive(Debug, clap::Args)]
pub(crate) struct Sql {
    /// A file of SQL that is done first, such as one with declarations of tables.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) init: Option<PathBuf>,
    /// Change a setting.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// The dialect of the SQL [default: found from the statements].
    #[arg(long, value_enum)]
    pub(crate) dialect: Option<SqlDialect>,
    /// Folder of everything that is kept.
    #[arg(long, value_name = "DIR", default_value = "tidemill-data", env = "TIDEMILL_DATA")]
    pub(crate) data: PathBuf,
    /// File of what was typed before [default: `.tidemill_history` in the home folder].
    #[arg(long, value_name = "FILE", env = "TIDEMILL_HISTORY")]
    pub(crate) history: Option<PathBuf>,
}

/// `tidemill app …`
#[derive(Debug, Subcommand)]
pub(crate) enum App {
    /// Read sample records, and print the part of an `app.toml` that reads such records.
    Discover(Discover),
    /// Say what each operator of a running application did, and why nothing comes out where nothing does.
    Describe {
        /// Its name.
        name: String,
        /// Folder of everything that it keeps.
        #[arg(long, value_name = "DIR", default_value = "tidemill-data", env = "TIDEMILL_DATA")]
        data: PathBuf,
    },
}

/// `tidemill app discover`
#[derive(Debug, clap::Args)]
pub(crate) struct Discover {
    /// A file of sample records; `-` reads standard input.
    #[arg(required_unless_present = "stream", conflicts_with = "stream")]
    pub(crate) file: Option<PathBuf>,
    /// A stream of the running server: its oldest records are the samples.
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<String>,
    /// How many of a stream's records are looked at.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
    /// The input's name: its stream is PREFIX_001 [default: SOURCE_SQL_STREAM].
    #[arg(long, value_name = "PREFIX", conflicts_with = "reference")]
    pub(crate) prefix: Option<String>,
    /// It is reference data, and this the table's name.
    #[arg(long, value_name = "TABLE")]
    pub(crate) reference: Option<String>,
}

/// Dialects of SQL.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SqlDialect {
    /// As Flink's users write it.
    Streaming,
    /// As Kinesis Data Analytics knew it.
    Kinesis,
}

impl From<SqlDialect> for Dialect {
    fn from(dialect: SqlDialect) -> Dialect {
        match dialect {
            SqlDialect::Streaming => Dialect::Streaming,
            SqlDialect::Kinesis => Dialect::Kinesis,
        }
    }
}

/// `tidemill demo`
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Which demo.
    #[arg(value_enum)]
    pub(crate) name: DemoName,
    /// Beacons, requests, items or lines a second.
    #[arg(long, value_name = "N", default_value_t = 200.0)]
    pub(crate) rate: f64,
    /// Seconds to run; without it until Ctrl-C.
    #[arg(long, value_name = "S")]
    pub(crate) duration: Option<f64>,
    /// Seed of the simulated visitors: the same seed makes the same visitors [default: 1 with --headless, else another
    /// each time].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Nobody watches: print only the result, and take --duration.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub(crate) configuration: Configuration,
}

/// The demos.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DemoName {
    /// A shop's visitors, their beacons and the dashboard.
    WebAnalytics,
    /// A firewall's log; each address that it blocked comes out once a minute (SQL for Kinesis Data Analytics).
    BlockedAddresses,
    /// Changes of a database's orders and items; each item lands in a table with its order and its product.
    OrderEnrichment,
    /// Lines of text; their words are counted (the smallest application in Rust).
    WordCount,
}

/// `tidemill bench`
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// Which benchmark.
    #[arg(value_enum)]
    pub(crate) name: BenchName,
    /// Of `queries`: also write the impressions to this Parquet file, for peers that answer the same questions.
    #[arg(long, value_name = "FILE")]
    pub(crate) rows: Option<PathBuf>,
    /// Of `nexmark`: only this query; can be given several times.
    #[arg(long, value_name = "N")]
    pub(crate) query: Vec<u32>,
    /// Of `nexmark` and `json`: how many events are read.
    #[arg(long, value_name = "N", default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(crate) events: u64,
    /// Of `state`: how many keys are kept.
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000_000..))]
    pub(crate) keys: u64,
    /// Of `nexmark` and `json`: also run this engine on the same work, from a checkout of Tidemill.
    #[arg(long, value_enum)]
    pub(crate) peer: Option<BenchPeer>,
    /// Of `kinesis`: measure the server at this address instead of one of its own.
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) endpoint: Option<SocketAddr>,
}

/// Peers that benchmarks start themselves.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BenchPeer {
    /// Apache Flink, installed where it is absent.
    Flink,
}

/// The benchmarks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BenchName {
    /// Beacons a second over HTTP, and the time to acknowledge one.
    Ingest,
    /// Beacons a second from the log to the summaries.
    Replay,
    /// Time from an accepted beacon to the query API.
    Freshness,
    /// Memory at the article's rate and number of sessions.
    Memory,
    /// Bytes an impression in the summaries.
    Storage,
    /// Time of each panel over a year.
    Queries,
    /// Time to be back after `kill -9`.
    Recovery,
    /// Events a second of each of Nexmark's queries.
    Nexmark,
    /// Schemas looked up a second, and the time to check a version against a thousand.
    Schemas,
    /// Records a second by Kinesis' protocol, and their delays.
    Kinesis,
    /// Kinesis' protocol with 500 connections, 50 consumers and 1,000 shards.
    Load,
    /// Rows a second from files of JSON through windows to files of JSON.
    Json,
    /// Time of a row through a filter, and of a window's result.
    Latency,
    /// Memory of a key in state that only grows, and whether it gets slower.
    State,
}

/// `tidemill site`
#[derive(Debug, Subcommand)]
pub(crate) enum Site {
    /// Create a site and print its key and its script tag.
    Create(Box<SiteCreate>),
    /// List the sites.
    List,
    /// Show one site.
    Show {
        /// Its name.
        name: String,
    },
    /// Delete a site and all its data.
    Delete {
        /// Its name.
        name: String,
        /// Don't ask.
        #[arg(long)]
        yes: bool,
    },
}

/// `tidemill site create`
#[derive(Debug, clap::Args)]
pub(crate) struct SiteCreate {
    /// Its name: lower-case letters, digits, `-`, `_` and `.`.
    pub(crate) name: String,
    /// Time zone of its days, such as `Europe/Berlin`.
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// How money is written, such as `EUR`.
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: Option<String>,
    /// Minutes without a beacon that end a session.
    #[arg(long, value_name = "MINUTES")]
    pub(crate) session_gap: Option<u32>,
    /// One of the site's own dimensions; at most four.
    #[arg(long = "dimension", value_name = "NAME")]
    pub(crate) dimensions: Vec<String>,
    /// Beacons a second that are accepted.
    #[arg(long, value_name = "N")]
    pub(crate) rate_per_second: Option<u32>,
    /// Days that summaries by minute are kept.
    #[arg(long, value_name = "DAYS")]
    pub(crate) minute_days: Option<u32>,
    /// Days that summaries by hour are kept.
    #[arg(long, value_name = "DAYS")]
    pub(crate) hour_days: Option<u32>,
    /// Days that summaries by day are kept.
    #[arg(long, value_name = "DAYS")]
    pub(crate) day_days: Option<u32>,
    /// Days that lake files are kept.
    #[arg(long, value_name = "DAYS")]
    pub(crate) lake_days: Option<u32>,
    /// Days that raw beacons are kept.
    #[arg(long, value_name = "DAYS")]
    pub(crate) beacon_days: Option<u32>,
}

/// `tidemill access-key`
#[derive(Debug, Subcommand)]
pub(crate) enum AccessKey {
    /// Make a key and print its secret, this once. From the first key on, every AWS request has to be signed with one.
    Create {
        /// What it is for, or whose.
        name: String,
        /// What it may be used for.
        #[arg(long, value_enum, default_value = "admin")]
        role: Role,
    },
    /// List the keys.
    List,
    /// Delete a key; it can't be used from now on.
    Delete {
        /// Its id or name.
        key: String,
    },
}

/// What an access key may be used for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Role {
    /// Everything.
    Admin,
    /// Describe streams and put records.
    Producer,
    /// Describe streams and get records.
    Consumer,
}

/// `tidemill query`
#[derive(Debug, clap::Args)]
pub(crate) struct Query {
    /// The statement; `-` reads it from standard input.
    pub(crate) sql: String,
}

impl Args {
    /// The running server, as a URL.
    pub(crate) fn server(&self) -> &str {
        self.server.as_deref().unwrap_or(DEFAULT_SERVER)
    }
}

impl Configuration {
    /// The flags as keys and values; the short ones after `--set`, so that they win.
    pub(crate) fn flags(&self) -> Vec<(String, String)> {
        let mut flags = self.set.clone();
        flags.extend(self.data.clone().map(|data| ("data".into(), data)));
        flags.extend(self.port.map(|port| ("http.port".into(), port.to_string())));
        flags.extend(self.listen.clone().map(|listen| ("http.listen".into(), listen)));
        flags
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, such as http.port=7172")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_short_flag_wins_over_set() {
        let args = Args::parse_from(["tidemill", "serve", "--port", "1", "--set", "http.port=2"]);
        let Command::Serve(serve) = args.command else { panic!("not serve") };
        assert_eq!(serve.configuration.flags().last(), Some(&("http.port".into(), "1".into())));
    }
}
