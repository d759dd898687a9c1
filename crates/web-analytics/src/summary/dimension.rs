//! The dimensions of a cell by number, for code that treats them alike.

use std::sync::Arc;

use super::cell::{CUSTOM_DIMENSIONS, Dimensions};

/// How many dimensions a cell has, the site's own included.
pub const DIMENSIONS: usize = 9 + CUSTOM_DIMENSIONS;

/// One dimension. The numbers are stored: only append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Dimension {
    /// A/B group.
    Group = 0,
    /// Kind of device.
    Device = 1,
    /// Browser family.
    Browser = 2,
    /// Operating system family.
    Os = 3,
    /// Country.
    Country = 4,
    /// Page or entry page.
    Page = 5,
    /// Host of the referrer.
    Referrer = 6,
    /// Navigation type.
    Navigation = 7,
    /// Kind of bot.
    Bot = 8,
    /// The site's first dimension.
    Custom0 = 9,
    /// The site's second dimension.
    Custom1 = 10,
    /// The site's third dimension.
    Custom2 = 11,
    /// The site's fourth dimension.
    Custom3 = 12,
}

impl Dimension {
    /// All dimensions, by number.
    pub const ALL: [Dimension; DIMENSIONS] = [
        Dimension::Group,
        Dimension::Device,
        Dimension::Browser,
        Dimension::Os,
        Dimension::Country,
        Dimension::Page,
        Dimension::Referrer,
        Dimension::Navigation,
        Dimension::Bot,
        Dimension::Custom0,
        Dimension::Custom1,
        Dimension::Custom2,
        Dimension::Custom3,
    ];

    /// Its number.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Name in the query API, except for a site's own dimensions, which the site names.
    pub fn built_in_name(self) -> Option<&'static str> {
        Some(match self {
            Dimension::Group => "group",
            Dimension::Device => "device",
            Dimension::Browser => "browser",
            Dimension::Os => "os",
            Dimension::Country => "country",
            Dimension::Page => "page",
            Dimension::Referrer => "referrer",
            Dimension::Navigation => "navigation",
            Dimension::Bot => "bot",
            _ => return None,
        })
    }
}

impl Dimensions {
    /// The texts by [`Dimension`] number.
    pub fn texts(&self) -> [&Arc<str>; DIMENSIONS] {
        let [a, b, c, d] = &self.custom;
        [
            &self.group,
            &self.device,
            &self.browser,
            &self.os,
            &self.country,
            &self.page,
            &self.referrer,
            &self.navigation,
            &self.bot,
            a,
            b,
            c,
            d,
        ]
    }

    /// The dimensions made of texts by [`Dimension`] number.
    pub fn from_texts(texts: [Arc<str>; DIMENSIONS]) -> Self {
        let [group, device, browser, os, country, page, referrer, navigation, bot, a, b, c, d] = texts;
        let custom = [a, b, c, d];
        Dimensions { group, device, browser, os, country, page, referrer, navigation, bot, custom }
    }
}
