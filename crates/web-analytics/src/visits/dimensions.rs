//! The static fields of an impression, out of all its beacons, and the dimensions made of them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::beacon::Navigation;
use crate::error::Result;
use crate::message::Statics;
use crate::summary::cell::Dimensions;

/// A block of static fields as some beacons had it.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The lowest number of these beacons; none if all of them were duplicates.
    pub(super) lowest: Option<u16>,
    /// The user agent, which many visitors share.
    pub(super) agent: Arc<str>,
    pub(super) bytes: Box<[u8]>,
}

/// For each field that of the lowest beacon number that has it.
#[derive(Debug, Default)]
pub(super) struct Resolved<'a> {
    pub(super) fields: Statics<'a>,
    /// The user agent.
    pub(super) agent: &'a str,
    /// Two beacons disagree about a field that cannot change.
    pub(super) conflict: bool,
    /// Two beacons name different groups.
    pub(super) group_conflict: bool,
}

/// Fills in a field and says whether it disagrees with what is there.
fn fill<T: PartialEq + Copy>(known: &mut Option<T>, more: Option<T>) -> bool {
    match (*known, more) {
        (Some(known), Some(more)) => known != more,
        (None, more) => {
            *known = more;
            false
        }
        (Some(_), None) => false,
    }
}

impl<'a> Resolved<'a> {
    /// Resolves an impression's blocks, of which nearly all impressions have one.
    pub(super) fn new(blocks: &'a [Block]) -> Result<Self> {
        let mut order: Vec<&Block> = blocks.iter().filter(|block| block.lowest.is_some()).collect();
        order.sort_by_key(|block| block.lowest);
        let mut resolved: Option<Self> = None;
        for block in order {
            let fields = Statics::decode(&block.bytes)?;
            match &mut resolved {
                None => resolved = Some(Self { fields, agent: &block.agent, ..Self::default() }),
                Some(resolved) => resolved.add(&fields, &block.agent),
            }
        }
        Ok(resolved.unwrap_or_default())
    }

    fn add(&mut self, more: &Statics<'a>, agent: &str) {
        let known = &mut self.fields;
        self.group_conflict |= fill(&mut known.group, more.group);
        let mut conflict = fill(&mut known.url, more.url);
        conflict |= fill(&mut known.referrer, more.referrer);
        conflict |= fill(&mut known.navigation, more.navigation);
        conflict |= fill(&mut known.user, more.user);
        for (known, more) in known.custom.iter_mut().zip(more.custom) {
            fill(known, more);
        }
        conflict |= self.agent != agent;
        self.conflict |= conflict;
        // These may change while a page is open.
        fill(&mut known.viewport.0, more.viewport.0);
        fill(&mut known.viewport.1, more.viewport.1);
        fill(&mut known.connection, more.connection);
        fill(&mut known.country, more.country);
    }

    /// The dimensions of the impression's cell.
    pub(super) fn dimensions(&self) -> Dimensions {
        let fields = &self.fields;
        let navigation = fields.navigation.and_then(Navigation::from_code).map_or("", Navigation::name);
        let country = fields.country.as_ref().and_then(|code| std::str::from_utf8(code).ok()).unwrap_or_default();
        let [a, b, c, d] = fields.custom.map(Option::unwrap_or_default);
        Dimensions::new([
            fields.group.unwrap_or_default(),
            fields.device,
            fields.browser,
            fields.os,
            country,
            page_of(fields.url.unwrap_or_default()),
            &referrer_of(fields.referrer.unwrap_or_default(), fields.url.unwrap_or_default()),
            navigation,
            fields.bot,
            a,
            b,
            c,
            d,
        ])
    }
}

/// What follows `scheme://` of an address.
fn after_scheme(url: &str) -> Option<&str> {
    url.split_once("://").filter(|(scheme, _)| scheme.len() <= 32 && !scheme.contains(['/', '?', '#'])).map(|(_, r)| r)
}

/// The path of an address, without query and fragment.
pub(super) fn page_of(url: &str) -> &str {
    let path = match after_scheme(url) {
        Some(rest) => rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or_default(),
        None => url,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    match path {
        "" if url.is_empty() => "",
        "" => "/",
        path => path,
    }
}

/// The host of an address, without port and user.
fn host_of(url: &str) -> &str {
    let authority = after_scheme(url).unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The host of a referrer; empty when it is the page's own.
fn referrer_of<'a>(referrer: &'a str, url: &str) -> Cow<'a, str> {
    let (host, own) = (host_of(referrer), host_of(url));
    let bare = |host: &'a str| host.strip_prefix("www.").unwrap_or(host);
    if bare(host).eq_ignore_ascii_case(own.strip_prefix("www.").unwrap_or(own)) {
        return Cow::Borrowed("");
    }
    match host.bytes().any(|letter| letter.is_ascii_uppercase()) {
        true => host.to_ascii_lowercase().into(),
        false => host.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_path_of_its_address() {
        for (url, page) in [
            ("https://shop.example/cart?x=1#top", "/cart"),
            ("https://shop.example", "/"),
            ("https://shop.example?x=1", "/"),
            ("https://shop.example:8080/a/b/", "/a/b/"),
            ("/relative?to=https://a.example/b", "/relative"),
            ("", ""),
        ] {
            assert_eq!(page_of(url), page, "{url}");
        }
    }

    #[test]
    fn a_referrer_is_its_host_unless_it_is_the_site_itself() {
        for (referrer, host) in [
            ("https://www.google.com/search?q=x", "www.google.com"),
            ("https://Shop.example/other", ""),
            ("https://www.shop.example:443/other", ""),
            ("https://user@news.example:8080", "news.example"),
            ("android-app://com.slack/", "com.slack"),
            ("", ""),
            ("nonsense", ""),
        ] {
            assert_eq!(referrer_of(referrer, "https://shop.example/"), host, "{referrer}");
        }
    }

    #[test]
    fn the_lowest_number_that_has_a_field_wins_and_conflicts_are_seen() {
        let block = |number: u16, statics: Statics<'_>| {
            let mut bytes = Vec::new();
            statics.encode(&mut bytes);
            Block { lowest: Some(number), agent: "UA".into(), bytes: bytes.into_boxed_slice() }
        };
        let late = block(2, Statics { url: Some("/late"), group: Some("B"), ..Statics::default() });
        let early = block(1, Statics { group: Some("A"), ..Statics::default() });
        for blocks in [[late.clone(), early.clone()], [early, late]] {
            let resolved = Resolved::new(&blocks).unwrap();
            assert_eq!((resolved.fields.url, resolved.fields.group), (Some("/late"), Some("A")));
            assert!(resolved.group_conflict && !resolved.conflict);
        }
    }
}
