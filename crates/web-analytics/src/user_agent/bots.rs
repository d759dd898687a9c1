//! Declared bots: user agents that say what they are, by the patterns of the npm package `crawler-user-agents`.

use aho_corasick::AhoCorasick;
use regex::Regex;
use regex_syntax::hir::literal::Extractor;
use serde::Deserialize;
use std::sync::Arc;

const LIST: &str = include_str!("../../tracker/dist/crawlers.json");
/// The kind of a bot whose pattern has no tag, and of patterns that do not tell what they match.
const OTHER: &str = "other";
/// Shorter beginnings than this are in too many user agents to tell anything.
const LITERAL_BYTES_MIN: usize = 3;

#[derive(Deserialize)]
struct Crawler {
    pattern: String,
    #[serde(default)]
    tags: Vec<String>,
    #[cfg(test)]
    instances: Vec<String>,
}

/// The patterns, and the texts with which their matches begin: only patterns whose text is in a user agent are tried, for
/// those of browsers hardly any.
pub(super) struct Bots {
    patterns: Vec<(Regex, Arc<str>)>,
    literals: Option<AhoCorasick>,
    /// Which pattern each literal is of.
    of_literal: Vec<usize>,
    /// Patterns without such a text.
    always: Vec<usize>,
}

impl Bots {
    /// Those of the list; compiling it takes about 0.1 s.
    pub(super) fn listed() -> Self {
        Self::compile(&crawlers())
    }

    /// A pattern that does not compile is left out and logged: a list newer than this program must not stop it.
    fn compile(crawlers: &[Crawler]) -> Self {
        let (mut patterns, mut literals, mut of_literal, mut always) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for crawler in crawlers {
            let pattern = match Regex::new(&crawler.pattern) {
                Ok(pattern) => pattern,
                Err(error) => {
                    tracing::warn!(pattern = crawler.pattern, %error, "bot pattern is left out");
                    continue;
                }
            };
            match beginnings(&crawler.pattern) {
                Some(texts) => {
                    of_literal.extend(texts.iter().map(|_| patterns.len()));
                    literals.extend(texts);
                }
                None => always.push(patterns.len()),
            }
            patterns.push((pattern, crawler.tags.first().map_or(OTHER, String::as_str).into()));
        }
        let literals = AhoCorasick::new(literals).inspect_err(|error| tracing::warn!(%error, "bots are found slowly"));
        if literals.is_err() {
            always = (0..patterns.len()).collect();
        }
        Self { patterns, literals: literals.ok(), of_literal, always }
    }

    /// The kind of bot that `user_agent` declares itself to be, empty for none. The first pattern of the list decides.
    pub(super) fn kind(&self, user_agent: &str) -> Arc<str> {
        let found = self.literals.iter().flat_map(|literals| literals.find_overlapping_iter(user_agent));
        let found = found.filter_map(|literal| self.of_literal.get(literal.pattern().as_usize()));
        let mut candidates: Vec<usize> = found.chain(&self.always).copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let mut tried = candidates.into_iter().filter_map(|place| self.patterns.get(place));
        tried.find(|(pattern, _)| pattern.is_match(user_agent)).map(|(_, kind)| kind.clone()).unwrap_or_default()
    }
}

/// The texts with one of which every match of a pattern begins, if they are few and long enough to tell something.
fn beginnings(pattern: &str) -> Option<Vec<Vec<u8>>> {
    let parsed = regex_syntax::parse(pattern).ok()?;
    let texts = Extractor::new().extract(&parsed);
    let texts: Vec<Vec<u8>> = texts.literals()?.iter().map(|text| text.as_bytes().to_vec()).collect();
    (!texts.is_empty() && texts.iter().all(|text| text.len() >= LITERAL_BYTES_MIN)).then_some(texts)
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
        assert!(bots.always.len() * 20 < bots.patterns.len(), "{} patterns are always tried", bots.always.len());
    }

    #[test]
    fn the_first_pattern_that_matches_decides_however_it_is_found() {
        let bots = Bots::listed();
        let crawlers = crawlers();
        for crawler in crawlers.iter().flat_map(|crawler| &crawler.instances) {
            let first = bots.patterns.iter().find(|(pattern, _)| pattern.is_match(crawler));
            assert_eq!(Some(&bots.kind(crawler)), first.map(|(_, kind)| kind), "{crawler}");
        }
    }

    #[test]
    fn a_pattern_that_does_not_compile_costs_only_itself() {
        let crawler = |pattern: &str| Crawler { pattern: pattern.into(), tags: vec!["seo".into()], instances: vec![] };
        let bots = Bots::compile(&[crawler("(broken"), crawler("FineBot")]);
        assert_eq!((&*bots.kind("FineBot/1.0"), &*bots.kind("broken")), ("seo", ""));
    }
}
