//! The dimensions of a cell by number, for code that treats them alike.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::cell::CUSTOM_DIMENSIONS;
use crate::envelope::cut;

/// How many dimensions a cell has, the site's own included.
pub const DIMENSIONS: usize = 9 + CUSTOM_DIMENSIONS;

/// One dimension. The numbers are stored: only append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Dimension {
    /// A/B group.
    Group = 0,
    /// Kind of device: `desktop`, `mobile`, `tablet`, `other`.
    Device = 1,
    /// Browser family.
    Browser = 2,
    /// Operating system family.
    Os = 3,
    /// Country, ISO 3166-1 alpha-2, from the proxy's header when there is one.
    Country = 4,
    /// Path of the page; for session measures the entry page.
    Page = 5,
    /// Host of the referrer; for session measures that of the entry page.
    Referrer = 6,
    /// Navigation type.
    Navigation = 7,
    /// Kind of declared bot (a tag of its pattern), empty for humans.
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

/// The dimensions of a cell. An empty text means "unknown", except that an empty referrer is direct traffic and an empty
/// bot is a human.
///
/// All texts in one piece of memory: each with its length, as a `char`, in front. So a cell's key is hashed, compared
/// and copied as one text, and takes little more memory than its letters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dimensions(Arc<str>);

/// Texts are cut to this many bytes.
pub const TEXT_BYTES_MAX: usize = 256;

impl Dimensions {
    /// Made of texts by [`Dimension`] number.
    pub fn new(texts: [&str; DIMENSIONS]) -> Self {
        let texts = texts.map(|text| cut(text, TEXT_BYTES_MAX));
        let mut packed = String::with_capacity(texts.iter().map(|text| text.len() + 2).sum());
        for text in texts {
            packed.push(char::from_u32(text.len() as u32).unwrap_or_default());
            packed.push_str(text);
        }
        Dimensions(packed.into())
    }

    /// What [`Dimensions::packed`] gave; none if it is anything else.
    pub(crate) fn unpack(packed: &str) -> Option<Self> {
        let mut rest = packed;
        for _ in 0..DIMENSIONS {
            rest = split(rest)?.1;
        }
        rest.is_empty().then(|| Dimensions(packed.into()))
    }

    /// All in one text.
    pub(crate) fn packed(&self) -> &str {
        &self.0
    }

    /// The texts by [`Dimension`] number.
    pub fn texts(&self) -> [&str; DIMENSIONS] {
        let mut rest = &*self.0;
        std::array::from_fn(|_| {
            let (text, after) = split(rest).unwrap_or_default();
            rest = after;
            text
        })
    }

    /// The text of one dimension.
    pub fn get(&self, dimension: Dimension) -> &str {
        let mut rest = &*self.0;
        for _ in 0..dimension.index() {
            rest = split(rest).unwrap_or_default().1;
        }
        split(rest).unwrap_or_default().0
    }

    /// The same with another text for one dimension.
    #[must_use]
    pub fn with(&self, dimension: Dimension, text: &str) -> Self {
        let mut texts = self.texts();
        if let Some(place) = texts.get_mut(dimension.index()) {
            *place = text;
        }
        Dimensions::new(texts)
    }
}

impl Default for Dimensions {
    fn default() -> Self {
        static NONE: LazyLock<Dimensions> = LazyLock::new(|| Dimensions::new([""; DIMENSIONS]));
        NONE.clone()
    }
}

impl fmt::Debug for Dimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(Dimension::ALL.iter().zip(self.texts()).filter(|(_, text)| !text.is_empty())).finish()
    }
}

/// The first text and what follows it.
fn split(packed: &str) -> Option<(&str, &str)> {
    let mut letters = packed.chars();
    let length = letters.next()? as usize;
    letters.as_str().split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_come_back(texts in prop::collection::vec(".{0,20}", DIMENSIONS), place in 0..DIMENSIONS, other in ".{0,9}") {
            let mut texts: [&str; DIMENSIONS] = std::array::from_fn(|i| &*texts[i]);
            let dimensions = Dimensions::new(texts);
            prop_assert_eq!(dimensions.texts(), texts);
            prop_assert_eq!(Dimensions::unpack(dimensions.packed()), Some(dimensions.clone()));
            let changed = dimensions.with(Dimension::ALL[place], &other);
            prop_assert_eq!(changed.get(Dimension::ALL[place]), &*other);
            texts[place] = &other;
            prop_assert_eq!(changed, Dimensions::new(texts));
        }

        #[test]
        fn anything_else_is_refused(packed in ".{0,60}") {
            if let Some(dimensions) = Dimensions::unpack(&packed) {
                prop_assert_eq!(dimensions.packed(), packed);
            }
        }
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let long = "ü".repeat(300);
        let dimensions = Dimensions::default().with(Dimension::Page, &long);
        assert_eq!(dimensions.get(Dimension::Page), "ü".repeat(128));
        assert_eq!(dimensions.get(Dimension::Referrer), "");
    }
}
