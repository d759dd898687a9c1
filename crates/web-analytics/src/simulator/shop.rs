//! The shop that is visited: its pages by popularity, the ways into it and what is bought.

use std::io::Write;

use rand::Rng;
use rand::rngs::SmallRng;

use super::draw::Weighted;

const CATEGORIES: [&str; 12] =
    ["shoes", "jackets", "trousers", "shirts", "bags", "watches", "outdoor", "running", "kids", "home", "sale", "new"];
const PRODUCTS: u16 = 120;
const OTHERS: [&str; 6] = ["/search", "/cart", "/account", "/help/shipping", "/help/returns", "/about"];
/// Where visitors come from, with weights.
const REFERRERS: [(&str, f64); 9] = [
    ("", 42.0),
    ("https://www.google.com/", 30.0),
    ("https://www.bing.com/", 5.0),
    ("https://duckduckgo.com/", 4.0),
    ("https://www.instagram.com/", 7.0),
    ("https://www.facebook.com/", 4.0),
    ("https://www.reddit.com/", 3.0),
    ("https://newsletter.example/autumn", 3.0),
    ("https://blog.example/best-running-shoes", 2.0),
];

/// A page of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Home,
    Category(u16),
    Product(u16),
    Other(u16),
    Checkout,
    ThankYou,
}

/// Where an impression was reached from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Referrer {
    Outside(u16),
    Own(Page),
}

/// Popularity.
pub(super) struct Shop {
    pages: Weighted,
    referrers: Weighted,
}

impl Shop {
    pub(super) fn new() -> Self {
        Self {
            pages: Weighted::zipf(1 + CATEGORIES.len() + OTHERS.len() + usize::from(PRODUCTS), 0.9),
            referrers: Weighted::new(REFERRERS.iter().map(|(_, weight)| *weight)),
        }
    }

    /// A page by Zipf's law: the home page first, then categories, then the rest.
    pub(super) fn page(&self, random: &mut SmallRng) -> Page {
        let rank = self.pages.draw(random) as u16;
        let (categories, others) = (CATEGORIES.len() as u16, OTHERS.len() as u16);
        match rank {
            0 => Page::Home,
            rank if rank <= categories => Page::Category(rank - 1),
            rank if rank <= categories + others => Page::Other(rank - 1 - categories),
            rank => Page::Product(rank - 1 - categories - others),
        }
    }

    pub(super) fn referrer(&self, random: &mut SmallRng) -> Referrer {
        Referrer::Outside(self.referrers.draw(random) as u16)
    }

    /// Value of an order in cents: most are near 60, few above 300.
    pub(super) fn order_cents(random: &mut SmallRng) -> u32 {
        let articles = 1 + random.random_range(0..8_u32) / 3;
        articles * (900 + 100 * random.random_range(0..90_u32)) + 95
    }
}

impl Page {
    /// The page's address.
    pub(super) fn write(self, site: u16, out: &mut Vec<u8>) {
        // Writing into a vector can't fail.
        let _ = match site {
            0 => write!(out, "https://shop.example"),
            site => write!(out, "https://shop-{site}.example"),
        };
        let _ = match self {
            Self::Home => write!(out, "/"),
            Self::Category(at) => write!(out, "/c/{}", name(&CATEGORIES, at)),
            Self::Product(at) => write!(out, "/p/{}-{}?ref=list", name(&CATEGORIES, at % 12), 1000 + at),
            Self::Other(at) => write!(out, "{}", name(&OTHERS, at)),
            Self::Checkout => write!(out, "/checkout"),
            Self::ThankYou => write!(out, "/checkout/thank-you"),
        };
    }
}

impl Referrer {
    pub(super) fn write(self, site: u16, out: &mut Vec<u8>) {
        match self {
            Self::Outside(at) => {
                out.extend_from_slice(REFERRERS.get(usize::from(at)).map_or("", |(host, _)| host).as_bytes());
            }
            Self::Own(page) => page.write(site, out),
        }
    }
}

fn name<const N: usize>(names: &[&'static str; N], at: u16) -> &'static str {
    names.get(usize::from(at)).copied().unwrap_or("")
}
