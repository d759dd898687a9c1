//! Declared bots: user agents that say what they are, by the patterns of the npm package `crawler-user-agents`.

use regex::{RegexSet, RegexSetBuilder};
use serde::Deserialize;
use std::sync::Arc;

const LIST: &str = include_str!("../../tracker/dist/crawlers.json");
/// The kind of a bot whose pattern has no tag, and of patterns that do not tell what they match.
const OTHER: &str = "other";
/// All patterns together compile to about 10 MB.
const COMPILED_BYTES_MAX: usize = 64 << 20;
/// States are made as user agents need them. With too little room they are made again and again: ten times slower.
const STATES_BYTES_MAX: usize = 32 << 20;

#[derive(Deserialize)]
struct Crawler {
    pattern: String,
    #[serde(default)]
    tags: Vec<String>,
    #[cfg(test)]
    instances: Vec<String>,
}

/// The patterns as one set.
pub(super) struct Bots {
    patterns: RegexSet,
    kinds: Vec<Arc<str>>,
}

impl Bots {
    /// Those of the list; compiling it takes about 0.1 s.
    pub(super) fn listed() -> Self {
        Self::compile(&crawlers())
    }

    /// A pattern that does not compile is left out and logged: a list newer than this program must not stop it.
    fn compile(crawlers: &[Crawler]) -> Self {
        let build = |patterns: &[&str]| {
            let mut builder = RegexSetBuilder::new(patterns);
            builder.size_limit(COMPILED_BYTES_MAX).dfa_size_limit(STATES_BYTES_MAX).build()
        };
        let compile =
            |crawlers: &[&Crawler]| build(&crawlers.iter().map(|crawler| crawler.pattern.as_str()).collect::<Vec<_>>());
        let mut kept: Vec<&Crawler> = crawlers.iter().collect();
        let patterns = compile(&kept).or_else(|_| {
            kept.retain(|crawler| {
                build(&[&crawler.pattern])
                    .inspect_err(|error| tracing::warn!(pattern = crawler.pattern, %error, "bot pattern is left out"))
                    .is_ok()
            });
            compile(&kept)
        });
        Self {
            patterns: patterns.unwrap_or_else(|error| {
                tracing::error!(%error, "no bot is recognised: the patterns do not compile together");
                RegexSet::empty()
            }),
            kinds: kept.iter().map(|c| c.tags.first().map_or(OTHER, String::as_str).into()).collect(),
        }
    }

    /// The kind of bot that `user_agent` declares itself to be, empty for none. The first pattern of the list decides.
    pub(super) fn kind(&self, user_agent: &str) -> Arc<str> {
        let first = self.patterns.matches(user_agent).iter().next();
        first.and_then(|pattern| self.kinds.get(pattern).cloned()).unwrap_or_default()
    }
}

fn crawlers() -> Vec<Crawler> {
    serde_json::from_str(LIST).unwrap_or_else(|error| {
        tracing::error!(%error, "no bot is recognised: the list of crawlers cannot be read");
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_bot_is_found() {
        let bots = Bots::listed();
        let crawlers = crawlers();
        let instances: Vec<_> = crawlers.iter().flat_map(|crawler| &crawler.instances).collect();
        let missed: Vec<_> = instances.iter().filter(|user_agent| bots.kind(user_agent).is_empty()).collect();
        assert_eq!(missed, Vec::<&&String>::new());
        assert!(instances.len() >= 2118, "{}", instances.len());
    }

    #[test]
    fn a_pattern_that_does_not_compile_costs_only_itself() {
        let crawler = |pattern: &str| Crawler { pattern: pattern.into(), tags: vec!["seo".into()], instances: vec![] };
        let bots = Bots::compile(&[crawler("(broken"), crawler("FineBot")]);
        assert_eq!((&*bots.kind("FineBot/1.0"), &*bots.kind("broken")), ("seo", ""));
    }
}
