//! A request a key.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bytes::Bytes;
use futures::StreamExt;
use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use tidemill_engine::{EngineError, EventTime, OperatorContext, Result};
use tidemill_formats::Framing;

use super::client::Client;
use super::source::ReadAt;
use crate::catalog::Settings;
use crate::connector::{LookedUp, Lookup, LookupTable};
use crate::environment::Environment;
use crate::lookup::{CacheSettings, assemble, with_values};
use crate::payload::{Payload, PayloadDecoder};
use crate::runtime::wait;

/// What a URL may hold as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn LookupTable>> {
    let client = Client::new(settings)?;
    let payload = Payload::new(settings, environment)?;
    payload.check_reads()?;
    let names = settings.declaration().columns.iter().map(|column| column.field.name().clone()).collect();
    let concurrency = settings.integer("lookup.concurrency").and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
    let cache = CacheSettings::new(settings);
    Ok(Arc::new(AtUrl { client, payload, names, concurrency: concurrency.clamp(1, 1_000), cache }))
}

struct AtUrl {
    client: Arc<Client>,
    payload: Payload,
    names: Vec<String>,
    concurrency: usize,
    cache: Option<CacheSettings>,
}

impl LookupTable for AtUrl {
    fn open(&self, keys: &[usize], projection: &[usize], _: &OperatorContext) -> Result<Box<dyn Lookup>> {
        let names = keys.iter().filter_map(|key| self.names.get(*key).cloned()).collect();
        let template = Template::new(self.client.path(), names)?;
        let decoder = self.payload.decoder(projection)?;
        let framing = self.payload.format().framing();
        let (client, concurrency) = (Arc::clone(&self.client), self.concurrency);
        Ok(CacheSettings::before(self.cache, Box::new(UrlLookup { client, template, decoder, framing, concurrency })))
    }
}

/// A URL's path with places for keys.
#[derive(Debug)]
struct Template {
    path: String,
    names: Vec<String>,
}

impl Template {
    fn new(path: &str, names: Vec<String>) -> Result<Self> {
        let mut rest = path;
        while let Some((_, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            if !names.iter().any(|known| known == name) {
                return Err(EngineError::Plan(format!(
                    "the URL asks for `{name}`, but rows are looked up by ({})",
                    names.join(", ")
                )));
            }
            rest = after;
        }
        Ok(Template { path: path.to_owned(), names })
    }

    /// The path for the values of a key; those without a place are parameters.
    fn fill(&self, values: &[&str]) -> String {
        let mut path = self.path.clone();
        let mut parameters = Vec::new();
        for (name, value) in self.names.iter().zip(values) {
            let place = format!("{{{name}}}");
            let escaped = percent_encode(value.as_bytes(), ESCAPED).to_string();
            match path.contains(&place) {
                true => path = path.replace(&place, &escaped),
                false => parameters.push(format!("{}={escaped}", percent_encode(name.as_bytes(), ESCAPED))),
            }
        }
        if !parameters.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&parameters.join("&"));
        }
        path
    }
}

struct UrlLookup {
    client: Arc<Client>,
    template: Template,
    decoder: PayloadDecoder,
    framing: Framing,
    concurrency: usize,
}

impl UrlLookup {
    fn failed(&self, said: impl std::fmt::Display) -> EngineError {
        EngineError::operator(format!("lookup {}", self.client.url()), said)
    }

    /// The bodies for these paths, in order; none where there is no such thing.
    fn fetch(&self, paths: Vec<String>) -> Result<Vec<Option<Bytes>>> {
        let (client, concurrency) = (Arc::clone(&self.client), self.concurrency);
        let answers = wait(async move {
            let answers = futures::stream::iter(paths).map(|path| {
                let client = Arc::clone(&client);
                async move { client.persist(&Method::GET, &path, None).await }
            });
            answers.buffered(concurrency).collect::<Vec<_>>().await
        });
        let answers = answers.map_err(|e| self.failed(e))?;
        let bodies = answers.into_iter().map(|answer| match answer {
            Ok(answer) if answer.status == 404 || answer.status == 204 => Ok(None),
            Ok(answer) if answer.is_success() => Ok(Some(answer.body)),
            Ok(answer) => Err(self.failed(answer.said())),
            Err(error) => Err(self.failed(error)),
        });
        bodies.collect()
    }

    /// The rows of a body.
    fn rows(&mut self, body: &[u8]) -> Result<RecordBatch> {
        let (mut records, mut rest) = (Vec::new(), body);
        while !rest.is_empty() {
            let (length, end) = self.framing.first(rest).unwrap_or((rest.len(), 0));
            records.extend(rest.get(..length));
            rest = rest.get(length + end..).unwrap_or_default();
        }
        let (batch, rejected, _) = self.decoder.rows(&records, &ReadAt(EventTime::now()))?;
        match rejected.first() {
            None => Ok(batch.rows().clone()),
            Some(rejected) => Err(self.failed(format!("an answer can't be read: {}", rejected.reason))),
        }
    }
}

impl Lookup for UrlLookup {
    fn lookup(&mut self, keys: &RecordBatch) -> Result<LookedUp> {
        let texts =
            keys.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<Result<Vec<ArrayRef>, _>>()?;
        let asked = with_values(keys);
        let paths = asked.iter().map(|row| {
            let values = texts.iter().map(|text| text.as_string::<i32>().value(*row as usize));
            self.template.fill(&values.collect::<Vec<_>>())
        });
        let bodies = self.fetch(paths.collect())?;
        let mut found = Vec::new();
        for (row, body) in asked.iter().zip(bodies) {
            if let Some(body) = body {
                found.push((*row, self.rows(&body)?));
            }
        }
        let none = self.rows(&[])?;
        Ok(assemble(&none.schema(), found.into_iter())?)
    }
}
