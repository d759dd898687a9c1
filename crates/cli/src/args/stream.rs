//! `tidemill stream`.

use clap::Subcommand;

/// A schema registry that is not the server's own.
#[derive(Debug, clap::Args)]
pub(crate) struct RegistryElsewhere {
    /// Read records by the schemas of a registry elsewhere: `http://…` or `https://…` of one that speaks Confluent's
    /// protocol, `glue`, or `glue+http://…`; several with commas between them.
    #[arg(long, value_name = "URL", conflicts_with_all = ["raw", "registry"])]
    pub(crate) schema_registry: Option<String>,
    /// Its user, or an access key.
    #[arg(long, value_name = "USER", env = "TIDEMILL_SCHEMA_REGISTRY_USER", requires = "schema_registry_password")]
    pub(crate) schema_registry_user: Option<String>,
    /// The user's password, or the key's secret.
    #[arg(long, value_name = "PASSWORD", env = "TIDEMILL_SCHEMA_REGISTRY_PASSWORD", hide_env_values = true)]
    pub(crate) schema_registry_password: Option<String>,
    /// The region of Glue's.
    #[arg(long, value_name = "REGION")]
    pub(crate) schema_registry_region: Option<String>,
    /// A file of certificates to trust.
    #[arg(long, value_name = "FILE")]
    pub(crate) schema_registry_ca_bundle: Option<String>,
}

/// `tidemill stream`
#[derive(Debug, Subcommand)]
pub(crate) enum Stream {
    /// Create a stream.
    Create {
        /// Its name.
        name: String,
        /// Number of shards.
        #[arg(long, default_value_t = 1)]
        shards: u32,
        /// Hours that records are kept.
        #[arg(long, value_name = "HOURS")]
        retention_hours: Option<u32>,
    },
    /// List the streams.
    List,
    /// Show a stream and its shards.
    Describe {
        /// Its name.
        name: String,
    },
    /// Put records: the argument, or each line of standard input.
    Put {
        /// The stream's name.
        name: String,
        /// One record.
        data: Option<String>,
        /// Partition key; without it each record goes by its own content.
        #[arg(long, value_name = "KEY")]
        partition_key: Option<String>,
    },
    /// Print a stream's records as they come: unpacked if a producer's library packed several in one, and read by the
    /// schemas that they name.
    Tail {
        /// The stream's name.
        name: String,
        /// Where to begin: `oldest`, `latest`, or Unix milliseconds.
        #[arg(long, default_value = "latest")]
        from: String,
        /// Stop after so many records.
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// Stop at the end instead of waiting for more.
        #[arg(long)]
        no_follow: bool,
        /// Print records as they are stored.
        #[arg(long)]
        raw: bool,
        /// The schema registry whose numbers Confluent's headers hold [default: default-registry].
        #[arg(long, value_name = "NAME", conflicts_with = "raw")]
        registry: Option<String>,
        /// A registry elsewhere.
        #[command(flatten)]
        elsewhere: RegistryElsewhere,
    },
    /// Split a shard in two.
    Split {
        /// The stream's name.
        name: String,
        /// `shardId-000000000003`, or just 3.
        shard: String,
        /// First hash key of the upper child, decimal [default: the middle].
        #[arg(long, value_name = "HASH_KEY")]
        at: Option<String>,
    },
    /// Merge two shards whose hash keys touch.
    Merge {
        /// The stream's name.
        name: String,
        /// One, such as `shardId-000000000003`, or just 3.
        shard: String,
        /// The other.
        other: String,
    },
    /// Bring a stream to a number of shards with even ranges of hash keys, and wait until it is there.
    Reshard {
        /// The stream's name.
        name: String,
        /// How many.
        shards: u32,
        /// Do not wait.
        #[arg(long)]
        no_wait: bool,
    },
    /// Registered consumers of enhanced fan-out.
    Consumers {
        /// What to do.
        #[command(subcommand)]
        command: Consumers,
    },
    /// Delete a stream and its records.
    Delete {
        /// Its name.
        name: String,
        /// Delete it although it has registered consumers.
        #[arg(long)]
        with_consumers: bool,
    },
}

/// `tidemill stream consumers`
#[derive(Debug, Subcommand)]
pub(crate) enum Consumers {
    /// List a stream's consumers.
    List {
        /// The stream's name.
        stream: String,
    },
    /// Register a consumer.
    Register {
        /// The stream's name.
        stream: String,
        /// The consumer's name.
        name: String,
    },
    /// Deregister a consumer; its subscriptions end.
    Deregister {
        /// The stream's name.
        stream: String,
        /// The consumer's name.
        name: String,
    },
}
