//! The client of the service, AWS's own, and what its errors mean.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Region};
use aws_sdk_kinesis::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::types::{ConsumerStatus, Shard};
use aws_sdk_kinesis::{Client, Config};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use tidemill_streams::HashRange;

use crate::aws::{self, Account};
use crate::catalog::Settings;
use crate::error::{Error, Result};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Between two looks whether a consumer is ready.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// One stream of one server.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) client: Client,
    /// One of the two is there.
    pub(super) name: Option<String>,
    pub(super) arn: Option<String>,
}

/// Why a call was not done.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It may be done later.
    Transient(String),
    /// The iterator is too old.
    Expired,
    Permanent(String),
}

/// A shard, as far as reading and writing goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShardInfo {
    pub(super) id: String,
    pub(super) parents: Vec<String>,
    pub(super) range: HashRange,
    pub(super) open: bool,
}

impl Api {
    pub(super) fn new(settings: &Settings<'_>) -> Result<Arc<Self>> {
        let stream = settings.require("stream.arn")?;
        let (name, arn) = match stream.starts_with("arn:") {
            true => (None, Some(stream.to_owned())),
            false => (Some(stream.to_owned()), None),
        };
        let endpoint = settings.given("aws.endpoint").map(str::to_owned).or_else(|| aws::variable("AWS_ENDPOINT_URL"));
        let of_arn = arn.as_deref().and_then(|arn| arn.split(':').nth(3));
        let Account { region, credentials } = Account::new(&aws::Given {
            connector: "kinesis",
            region_option: "aws.region",
            key_option: "aws.credentials.basic.accesskeyid",
            region: settings.given("aws.region").or(of_arn),
            key: settings.given("aws.credentials.basic.accesskeyid"),
            secret: settings.given("aws.credentials.basic.secretkey"),
            endpoint: endpoint.as_deref(),
        })?;
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::standard())
            .http_client(http_client(settings)?);
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Ok(Arc::new(Api { client: Client::from_conf(config.build()), name, arn }))
    }

    /// For messages.
    pub(super) fn stream(&self) -> &str {
        self.name.as_deref().or(self.arn.as_deref()).unwrap_or_default()
    }

    /// All shards that the stream has.
    pub(super) async fn shards(&self) -> Result<Vec<ShardInfo>, Refusal> {
        let (mut shards, mut next) = (Vec::new(), None);
        loop {
            let of_stream = next.is_none();
            let request = self.client.list_shards().set_next_token(next);
            let request = match of_stream {
                true => request.set_stream_name(self.name.clone()).set_stream_arn(self.arn.clone()),
                false => request,
            };
            let page = request.send().await.map_err(refusal)?;
            shards.extend(page.shards().iter().map(ShardInfo::of));
            next = page.next_token;
            if next.is_none() {
                return Ok(shards);
            }
        }
    }

    /// The ARN of a consumer, which is registered if it is not there, once it can be used.
    pub(super) async fn consumer(&self, name: &str) -> Result<String, Refusal> {
        let arn = match &self.arn {
            Some(arn) => arn.clone(),
            None => {
                let summary = self.client.describe_stream_summary().set_stream_name(self.name.clone());
                let summary = summary.send().await.map_err(refusal)?.stream_description_summary;
                summary.map(|summary| summary.stream_arn).unwrap_or_default()
            }
        };
        loop {
            let described = self.client.describe_stream_consumer().stream_arn(&arn).consumer_name(name);
            match described.send().await {
                Ok(found) => match found.consumer_description {
                    Some(consumer) if consumer.consumer_status == ConsumerStatus::Active => {
                        return Ok(consumer.consumer_arn);
                    }
                    _ => tokio::time::sleep(LOOK_EVERY).await,
                },
                Err(error) if error.code() == Some("ResourceNotFoundException") => {
                    let register = self.client.register_stream_consumer().stream_arn(&arn).consumer_name(name);
                    register.send().await.map_err(refusal)?;
                }
                Err(error) => return Err(refusal(error)),
            }
        }
    }
}

impl ShardInfo {
    fn of(shard: &Shard) -> Self {
        let range = shard.hash_key_range();
        let bounds = range.map(|range| (range.starting_hash_key(), range.ending_hash_key()));
        let ending = shard.sequence_number_range().and_then(|range| range.ending_sequence_number());
        let parents = [shard.parent_shard_id(), shard.adjacent_parent_shard_id()];
        Self {
            id: shard.shard_id().to_owned(),
            parents: parents.into_iter().flatten().map(str::to_owned).collect(),
            range: hash_range(bounds),
            open: ending.is_none(),
        }
    }
}

/// The range between two decimal numbers; all, where they are none.
pub(super) fn hash_range(bounds: Option<(&str, &str)>) -> HashRange {
    let parsed = bounds.and_then(|(start, end)| Some(HashRange { start: start.parse().ok()?, end: end.parse().ok()? }));
    parsed.unwrap_or(HashRange::ALL)
}

/// What an error means.
pub(super) fn refusal<E, R>(error: SdkError<E, R>) -> Refusal
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let transient = match &error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(service) => match service.err().code() {
            Some("ExpiredIteratorException") => return Refusal::Expired,
            Some(
                "ProvisionedThroughputExceededException"
                | "LimitExceededException"
                | "ResourceInUseException"
                | "ThrottlingException"
                | "KMSThrottlingException"
                | "InternalFailure"
                | "InternalFailureException"
                | "ServiceUnavailable",
            )
            | None => true,
            Some(_) => false,
        },
        _ => true,
    };
    let said = match &error {
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code().unwrap_or("an error"), service.err().message());
            format!("{code}: {}", message.unwrap_or_default())
        }
        error => DisplayErrorContext(error).to_string(),
    };
    if transient { Refusal::Transient(said) } else { Refusal::Permanent(said) }
}

/// Pauses that grow.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Backoff(FIRST_WAIT)
    }

    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST_WAIT);
    }

    pub(super) fn reset(&mut self) {
        self.0 = FIRST_WAIT;
    }
}

fn http_client(settings: &Settings<'_>) -> Result<aws_sdk_kinesis::config::SharedHttpClient> {
    let mut trusted = TrustStore::default();
    if let Some(path) = settings.given("aws.ca-bundle") {
        let pem = std::fs::read(path).map_err(|error| Error::invalid("aws.ca-bundle", path, error.to_string()))?;
        trusted = trusted.with_pem_certificate(pem);
    }
    let context = TlsContext::builder().with_trust_store(trusted).build();
    let context = context.map_err(|error| Error::invalid("aws.ca-bundle", "…", error.to_string()))?;
    Ok(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context).build_https())
}
