//! Whose region and key requests to AWS are signed with.

use aws_sdk_kinesis::config::Credentials;

use crate::error::{Error, Result};

/// What signatures need.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
}

/// What options say of it; the environment fills the gaps.
pub(crate) struct Given<'a> {
    pub(crate) connector: &'static str,
    /// The options, for messages.
    pub(crate) region_option: &'static str,
    pub(crate) key_option: &'static str,
    pub(crate) region: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) secret: Option<&'a str>,
    /// The server, unless it is AWS's own.
    pub(crate) endpoint: Option<&'a str>,
}

/// A variable of the environment that is not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Account {
    pub(crate) fn new(given: &Given<'_>) -> Result<Account> {
        let or = |value: Option<&str>, name: &str| value.map(str::to_owned).or_else(|| variable(name));
        let local = given.endpoint.is_some_and(is_loopback);
        let region = or(given.region, "AWS_REGION").or_else(|| local.then(|| "us-east-1".to_owned()));
        let region = region.ok_or(Error::MissingOption {
            connector: given.connector,
            option: given.region_option,
            about: "the region, such as eu-central-1, here or in AWS_REGION",
        })?;
        let (key, secret) = (or(given.key, "AWS_ACCESS_KEY_ID"), or(given.secret, "AWS_SECRET_ACCESS_KEY"));
        let credentials = match (key, secret) {
            (Some(key), Some(secret)) => {
                // The environment's token belongs to the environment's key.
                let token = variable("AWS_SESSION_TOKEN").filter(|_| given.key.is_none());
                Credentials::new(key, secret, token, None, "tidemill")
            }
            // A server on this machine takes any, as long as it has no access key.
            _ if local => Credentials::new("any", "any", None, None, "tidemill"),
            _ => {
                let about = "an access key, here or in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
                return Err(Error::MissingOption { connector: given.connector, option: given.key_option, about });
            }
        };
        Ok(Account { region, credentials })
    }
}

fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
