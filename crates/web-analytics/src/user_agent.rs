//! Browser, operating system, device and declared bot, from the `User-Agent` header.

mod bots;

use bots::Bots;
use parking_lot::Mutex;
use quick_cache::unsync::Cache;
use std::sync::{Arc, LazyLock};

/// How many user agents are remembered; a site sees about a thousand different ones among ten thousand visitors.
const CACHE_ENTRIES_MAX: usize = 16_384;

/// What a user agent says. Unknown is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Browser family: `Chrome`, `Safari`, …
    pub browser: Arc<str>,
    /// Operating system family: `Windows`, `macOS`, `iOS`, `Android`, `Linux`, `ChromeOS`, …
    pub os: Arc<str>,
    /// `desktop`, `mobile`, `tablet`, `other`.
    pub device: &'static str,
    /// Kind of declared bot, by the tag of its pattern; empty for humans.
    pub bot: Arc<str>,
}

type Known = Cache<Box<str>, Arc<Agent>>;

/// Reads user agents, each one once while it is remembered.
pub struct UserAgents {
    cache: Known,
    shared: Arc<Mutex<Shared>>,
}

/// What all readers of a process have read, and the one that reads what is new.
struct Shared {
    cache: Known,
    bots: Bots,
}

impl Default for UserAgents {
    fn default() -> Self {
        static SHARED: LazyLock<Arc<Mutex<Shared>>> = LazyLock::new(|| {
            Arc::new(Mutex::new(Shared { cache: Cache::new(CACHE_ENTRIES_MAX), bots: Bots::listed() }))
        });
        Self { cache: Cache::new(CACHE_ENTRIES_MAX), shared: SHARED.clone() }
    }
}

impl UserAgents {
    /// What `user_agent` says. About 0.1 µs when it is remembered.
    pub fn read(&mut self, user_agent: &str) -> Arc<Agent> {
        if let Some(agent) = self.cache.get(user_agent) {
            return agent.clone();
        }
        let agent = self.shared.lock().read(user_agent);
        self.cache.insert(user_agent.into(), agent.clone());
        agent
    }
}

impl Shared {
    fn read(&mut self, user_agent: &str) -> Arc<Agent> {
        if let Some(agent) = self.cache.get(user_agent) {
            return agent.clone();
        }
        let agent = Arc::new(Agent { bot: self.bots.kind(user_agent), ..classify(user_agent) });
        self.cache.insert(user_agent.into(), agent.clone());
        agent
    }
}

fn classify(user_agent: &str) -> Agent {
    let Some(seen) = woothee::parser::Parser::new().parse(user_agent) else {
        return Agent { device: "other", ..Agent::default() };
    };
    let device = match seen.category {
        _ if is_tablet(user_agent) => "tablet",
        "pc" => "desktop",
        "smartphone" | "mobilephone" => "mobile",
        _ => "other",
    };
    let browser = if seen.category == "crawler" { "" } else { family(seen.name) };
    Agent { browser: browser.into(), os: system(seen.os).into(), device, bot: Arc::default() }
}

/// The parser takes tablets for phones or desktops. Android's own rule: a tablet does not say `Mobile`.
fn is_tablet(user_agent: &str) -> bool {
    let says = |word| user_agent.contains(word);
    says("iPad")
        || says("Tablet")
        || says("PlayBook")
        || says("Silk/")
        || says("Android") && !says("Mobile") && !says("TV")
}

fn family(name: &str) -> &str {
    match name {
        "UNKNOWN" => "",
        "SamsungBrowser" => "Samsung Internet",
        "Webview" => "WebView",
        name => name,
    }
}

fn system(name: &str) -> &str {
    match name {
        "UNKNOWN" => "",
        "Windows Phone OS" => "Windows Phone",
        "Mac OSX" | "Mac OS Classic" => "macOS",
        "iPhone" | "iPad" | "iPod" | "iOS" => "iOS",
        name if name.starts_with("Windows") => "Windows",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Human {
        user_agent: String,
        device_category: String,
        weight: f64,
    }

    fn humans() -> Vec<Human> {
        serde_json::from_str(include_str!("../tracker/dist/user-agents.json")).unwrap()
    }

    #[test]
    fn no_human_is_taken_for_a_bot() {
        let mut agents = UserAgents::default();
        let humans = humans();
        let wrong: Vec<_> = humans.iter().filter(|human| !agents.read(&human.user_agent).bot.is_empty()).collect();
        assert_eq!(wrong.iter().map(|human| &human.user_agent).collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn devices_are_those_that_the_browsers_were_recorded_with() {
        let mut agents = UserAgents::default();
        let (mut right, mut all) = (0.0, 0.0);
        for human in humans() {
            all += human.weight;
            let device = agents.read(&human.user_agent).device;
            // Since iPadOS 13 a tablet of Apple calls itself a Mac.
            if device == human.device_category || human.user_agent.contains("Macintosh") {
                right += human.weight;
            }
        }
        assert!(right / all > 0.999, "{}", right / all);
    }

    #[test]
    fn browsers_and_systems_have_the_names_that_people_use() {
        let mut agents = UserAgents::default();
        let mut read = |user_agent: &str| {
            let agent = agents.read(user_agent);
            [&agent.browser, &agent.os, agent.device, &agent.bot].map(str::to_owned)
        };
        assert_eq!(
            read(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36 Edg/145.0.0.0"
            ),
            ["Edge", "Windows", "desktop", ""]
        );
        assert_eq!(
            read(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.6.1 Mobile/15E148 Safari/604.1"
            ),
            ["Safari", "iOS", "mobile", ""]
        );
        assert_eq!(
            read(
                "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1"
            ),
            ["Safari", "iOS", "tablet", ""]
        );
        assert_eq!(
            read("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0"),
            ["Firefox", "macOS", "desktop", ""]
        );
        assert_eq!(
            read(
                "Mozilla/5.0 (Linux; Android 13; SM-T870) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/21.0 Chrome/110.0.5481.154 Safari/537.36"
            ),
            ["Samsung Internet", "Android", "tablet", ""]
        );
        assert_eq!(read(""), ["", "", "other", ""]);
        assert_eq!(
            read("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")[3],
            "search-engine"
        );
    }
}
