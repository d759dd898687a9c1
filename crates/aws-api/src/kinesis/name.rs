//! Names of streams, shards and consumers, and their ARNs.

use tidemill_streams::{ShardHandle, ShardId, Stream};

use super::Kinesis;
use crate::access::Caller;
use crate::protocol::{Fault, Value};

/// What an ARN names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resource<'a> {
    Stream(&'a str),
    /// A consumer: its stream, its name, its creation in seconds.
    Consumer(&'a str, &'a str, i64),
}

/// A call's region and the service's account: what ARNs are made of.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) region: String,
    pub(super) account: String,
}

impl Place {
    pub(super) fn stream(&self, name: &str) -> String {
        format!("arn:aws:kinesis:{}:{}:stream/{name}", self.region, self.account)
    }

    pub(super) fn consumer(&self, stream: &str, name: &str, created_s: i64) -> String {
        format!("{}/consumer/{name}:{created_s}", self.stream(stream))
    }
}

impl Kinesis {
    pub(super) fn place(&self, caller: &Caller) -> Place {
        let region = caller.region.clone().unwrap_or_else(|| self.settings.region.clone());
        Place { region, account: self.settings.account.clone() }
    }

    /// The stream that a request names by `StreamName`, by `StreamARN` or by both.
    pub(super) fn stream(&self, input: &Value<'_>) -> Result<Stream, Fault> {
        self.named(self.stream_name(input)?)
    }

    fn stream_name<'a>(&self, input: &'a Value<'_>) -> Result<&'a str, Fault> {
        let by_arn = input.text("StreamARN").map(|arn| self.resource(arn)).transpose()?;
        match (input.text("StreamName"), by_arn) {
            (Some(name), Some(Resource::Stream(other))) if name != other => {
                Err(invalid(format!("StreamName {name} and StreamARN name different streams.")))
            }
            (Some(name), _) | (None, Some(Resource::Stream(name))) => Ok(name),
            (None, Some(Resource::Consumer(..))) => Err(invalid("StreamARN names a consumer.".into())),
            (None, None) => Err(invalid("Either StreamName or StreamARN should be provided.".into())),
        }
    }

    pub(super) fn named(&self, name: &str) -> Result<Stream, Fault> {
        self.streams.get(name).map_err(|_| self.no_stream(name))
    }

    pub(super) fn no_stream(&self, name: &str) -> Fault {
        let said = format!("Stream {name} under account {} not found.", self.settings.account);
        Fault::new("ResourceNotFoundException", said)
    }

    /// A stream that may be written and changed.
    pub(super) fn owned(&self, input: &Value<'_>) -> Result<Stream, Fault> {
        let stream = self.stream(input)?;
        self.check_reserved(stream.name())?;
        Ok(stream)
    }

    pub(super) fn check_reserved(&self, name: &str) -> Result<(), Fault> {
        if self.settings.reserved.iter().any(|reserved| reserved == name) {
            let said = format!(
                "Stream {name} belongs to another part of this server: it can be read, but not written or changed."
            );
            return Err(Fault::new("AccessDeniedException", said));
        }
        Ok(())
    }

    /// The stream that a request names, and a shard of it. Of a stream that is not there, the service tells that its shard is not.
    pub(super) fn stream_and_shard(&self, input: &Value<'_>, id: &str) -> Result<(Stream, ShardHandle), Fault> {
        let name = self.stream_name(input)?;
        let number = shard_number(id).ok_or_else(|| self.could_not_find_shard(name, id))?;
        let stream = self.streams.get(name).map_err(|_| self.no_shard(name, number))?;
        let shard = stream.shard(number).map_err(|_| self.no_shard(name, number))?;
        Ok((stream, shard))
    }

    /// What an ARN of this account names.
    pub(super) fn resource<'a>(&self, arn: &'a str) -> Result<Resource<'a>, Fault> {
        let mut parts = arn.splitn(6, ':').skip(4);
        let (account, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if account != self.settings.account {
            let said = format!("{arn} is of another account; this server's account is {}.", self.settings.account);
            return Err(Fault::new("ResourceNotFoundException", said));
        }
        let resource = path.strip_prefix("stream/").and_then(|path| match path.split_once("/consumer/") {
            None if !path.contains('/') => Some(Resource::Stream(path)),
            None => None,
            Some((stream, consumer)) => {
                let (name, created) = consumer.rsplit_once(':')?;
                Some(Resource::Consumer(stream, name, created.parse().ok()?))
            }
        });
        resource.ok_or_else(|| Fault::new("ResourceNotFoundException", format!("Resource {arn} not found.")))
    }

    /// The shard of this id: `shardId-000000000003`, `shardId-3` and `3` are the same.
    pub(super) fn shard(&self, stream: &Stream, id: &str) -> Result<ShardHandle, Fault> {
        let number = shard_number(id).ok_or_else(|| self.could_not_find_shard(stream.name(), id))?;
        stream.shard(number).map_err(|_| self.no_shard(stream.name(), number))
    }

    pub(super) fn could_not_find_shard(&self, stream: &str, id: &str) -> Fault {
        let account = &self.settings.account;
        let said = format!("Could not find shard {id} in stream {stream} under account {account}.");
        Fault::new("ResourceNotFoundException", said)
    }

    pub(super) fn no_shard(&self, stream: &str, shard: ShardId) -> Fault {
        let account = &self.settings.account;
        let said = format!("Shard {shard} in stream {stream} under account {account} does not exist");
        Fault::new("ResourceNotFoundException", said)
    }
}

pub(super) fn shard_number(id: &str) -> Option<ShardId> {
    let digits = id.split_once('-').map_or(id, |(_, digits)| digits);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| *number <= i32::MAX as u32).map(ShardId)
}

/// `InvalidArgumentException`
pub(super) fn invalid(message: String) -> Fault {
    Fault::new("InvalidArgumentException", message)
}

/// `LimitExceededException`
pub(super) fn limit(message: String) -> Fault {
    Fault::new("LimitExceededException", message)
}

/// `ResourceInUseException`
pub(super) fn in_use(message: String) -> Fault {
    Fault::new("ResourceInUseException", message)
}
