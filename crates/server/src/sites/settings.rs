//! What may be told about a site, and its limits.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::registry::Site;
use crate::api::{ApiError, ApiResult};

/// Letters of a site's or a dimension's name.
pub(crate) const NAME_LENGTH_MAX: usize = 64;
/// Dimensions of its own a site may have.
pub(crate) const DIMENSIONS_MAX: usize = tidemill_web_analytics::summary::cell::CUSTOM_DIMENSIONS;
/// Dimensions that every site has.
const BUILT_IN: [&str; 9] = ["group", "device", "browser", "os", "country", "page", "referrer", "navigation", "bot"];

/// What can be set for a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Time zone of the site's days.
    #[schema(example = "Europe/Berlin")]
    pub(crate) timezone: String,
    /// How money is written: ISO 4217.
    #[schema(example = "EUR")]
    pub(crate) currency: String,
    /// Minutes without a beacon that end a session; 1 to 1,440.
    pub(crate) session_gap_minutes: u32,
    /// Names of the site's own dimensions (field `d` of a beacon); at most 4.
    pub(crate) dimensions: Vec<String>,
    /// How long data is kept.
    pub(crate) retention: Retention,
    /// Beacons a second that are accepted; more are answered `429`.
    pub(crate) rate_per_second: u32,
}

/// Days that each kind of data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Retention {
    /// Summaries by minute.
    pub(crate) minute_days: u32,
    /// Summaries by hour.
    pub(crate) hour_days: u32,
    /// Summaries by day.
    pub(crate) day_days: u32,
    /// Parquet files.
    pub(crate) lake_days: u32,
    /// Raw beacons. All sites share one stream, so the longest of all sites counts.
    pub(crate) beacon_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            timezone: "UTC".into(),
            currency: "EUR".into(),
            session_gap_minutes: 30,
            dimensions: Vec::new(),
            retention: Retention::default(),
            rate_per_second: 100_000,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Retention { minute_days: 2, hour_days: 60, day_days: 400, lake_days: 90, beacon_days: 3 }
    }
}

/// A site to create.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSite {
    /// Lower-case letters, digits, `-`, `_` and `.`; begins with a letter or digit; at most 64.
    #[schema(example = "my-shop")]
    pub(crate) name: String,
    /// As in [`Settings`]; each may be left out.
    #[serde(default)]
    pub(crate) timezone: Option<String>,
    #[serde(default)]
    pub(crate) currency: Option<String>,
    #[serde(default)]
    pub(crate) session_gap_minutes: Option<u32>,
    #[serde(default)]
    pub(crate) dimensions: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) retention: Option<RetentionPatch>,
    #[serde(default)]
    pub(crate) rate_per_second: Option<u32>,
}

/// Settings to change; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SitePatch {
    pub(crate) timezone: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) session_gap_minutes: Option<u32>,
    /// Dimensions may be added at the end; those that are there stay, as stored data names them by their place.
    pub(crate) dimensions: Option<Vec<String>>,
    pub(crate) retention: Option<RetentionPatch>,
    pub(crate) rate_per_second: Option<u32>,
}

/// Days to change; what is left out stays.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetentionPatch {
    pub(crate) minute_days: Option<u32>,
    pub(crate) hour_days: Option<u32>,
    pub(crate) day_days: Option<u32>,
    pub(crate) lake_days: Option<u32>,
    pub(crate) beacon_days: Option<u32>,
}

/// A site as the API shows it: everything but its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SiteView {
    /// Its number.
    id: u32,
    /// Its name.
    name: String,
    /// The public key that stands in its pages.
    key: String,
    /// Unix ms.
    created_ms: i64,
    /// Its settings.
    #[serde(flatten)]
    settings: Settings,
}

impl From<&Site> for SiteView {
    fn from(site: &Site) -> Self {
        SiteView {
            id: site.id,
            name: site.name.clone(),
            key: site.key.clone(),
            created_ms: site.created_ms,
            settings: site.settings.clone(),
        }
    }
}

impl NewSite {
    /// A name, and defaults for all else.
    pub(crate) fn named(name: &str) -> Self {
        NewSite {
            name: name.to_owned(),
            timezone: None,
            currency: None,
            session_gap_minutes: None,
            dimensions: None,
            retention: None,
            rate_per_second: None,
        }
    }

    /// The checked name and settings.
    pub(crate) fn checked(self) -> ApiResult<(String, Settings)> {
        check_name("site", &self.name)?;
        let patch = SitePatch {
            timezone: self.timezone,
            currency: self.currency,
            session_gap_minutes: self.session_gap_minutes,
            dimensions: self.dimensions,
            retention: self.retention,
            rate_per_second: self.rate_per_second,
        };
        Ok((self.name, patch.apply(Settings::default())?))
    }
}

impl SitePatch {
    /// The settings changed by this, checked.
    pub(crate) fn apply(self, mut settings: Settings) -> ApiResult<Settings> {
        if let Some(dimensions) = self.dimensions {
            if !dimensions.starts_with(&settings.dimensions) {
                return Err(ApiError::invalid(
                    format!("the dimensions {:?} can't be taken away or moved", settings.dimensions),
                    "stored data names them by their place: only add at the end",
                ));
            }
            settings.dimensions = dimensions;
        }
        settings.timezone = self.timezone.unwrap_or(settings.timezone);
        settings.currency = self.currency.unwrap_or(settings.currency);
        settings.session_gap_minutes = self.session_gap_minutes.unwrap_or(settings.session_gap_minutes);
        settings.rate_per_second = self.rate_per_second.unwrap_or(settings.rate_per_second);
        if let Some(days) = self.retention {
            let kept = &mut settings.retention;
            kept.minute_days = days.minute_days.unwrap_or(kept.minute_days);
            kept.hour_days = days.hour_days.unwrap_or(kept.hour_days);
            kept.day_days = days.day_days.unwrap_or(kept.day_days);
            kept.lake_days = days.lake_days.unwrap_or(kept.lake_days);
            kept.beacon_days = days.beacon_days.unwrap_or(kept.beacon_days);
        }
        settings.check()?;
        Ok(settings)
    }
}

impl Settings {
    fn check(&self) -> ApiResult<()> {
        if self.timezone.len() > NAME_LENGTH_MAX || jiff::tz::TimeZone::get(&self.timezone).is_err() {
            return Err(ApiError::invalid(
                format!("timezone {:?} is unknown", self.timezone.chars().take(NAME_LENGTH_MAX).collect::<String>()),
                "give an IANA name such as Europe/Berlin, or UTC",
            ));
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(ApiError::invalid("currency has no ISO 4217 code", "give three capital letters, such as EUR"));
        }
        within("session_gap_minutes", self.session_gap_minutes, 1, 1_440)?;
        within("rate_per_second", self.rate_per_second, 1, 10_000_000)?;
        within("retention.minute_days", self.retention.minute_days, 1, 400)?;
        within("retention.hour_days", self.retention.hour_days, 1, 4_000)?;
        within("retention.day_days", self.retention.day_days, 1, 40_000)?;
        within("retention.lake_days", self.retention.lake_days, 1, 40_000)?;
        within("retention.beacon_days", self.retention.beacon_days, 1, 400)?;
        if self.dimensions.len() > DIMENSIONS_MAX {
            return Err(ApiError::invalid(
                format!("{} dimensions are too many", self.dimensions.len()),
                format!("give at most {DIMENSIONS_MAX}"),
            ));
        }
        for (place, dimension) in self.dimensions.iter().enumerate() {
            check_name("dimension", dimension)?;
            if BUILT_IN.contains(&dimension.as_str())
                || self.dimensions.iter().take(place).any(|other| other == dimension)
            {
                return Err(ApiError::invalid(
                    format!("there is a dimension {dimension:?} already"),
                    "choose another name",
                ));
            }
        }
        Ok(())
    }
}

/// Names stand in paths, in folders of the lake and in SQL: few letters, no case.
pub(crate) fn check_name(kind: &str, name: &str) -> ApiResult<()> {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let valid = name.len() <= NAME_LENGTH_MAX
        && name.starts_with(fits)
        && name.chars().all(|letter| fits(letter) || matches!(letter, '-' | '_' | '.'));
    if valid {
        return Ok(());
    }
    Err(ApiError::invalid(
        format!("{:?} is no name of a {kind}", name.chars().take(NAME_LENGTH_MAX).collect::<String>()),
        format!("use 1 to {NAME_LENGTH_MAX} lower-case letters, digits, '-', '_' and '.', a letter or digit first"),
    ))
}

fn within(name: &str, value: u32, min: u32, max: u32) -> ApiResult<()> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("{name} is {value}"), format!("give a number from {min} to {max}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_folder_are_refused() {
        for name in ["", ".", "..", "../x", "a/b", "A", "-a", "ä", "a b", &"x".repeat(65)] {
            assert!(check_name("site", name).is_err(), "{name:?}");
        }
        for name in ["a", "my-shop", "shop.example", "0_1", &"x".repeat(64)] {
            check_name("site", name).unwrap();
        }
    }

    #[test]
    fn a_site_that_is_only_named_gets_the_defaults() {
        let (name, settings) = NewSite::named("shop").checked().unwrap();
        assert_eq!((name.as_str(), settings), ("shop", Settings::default()));
    }

    #[test]
    fn dimensions_can_be_added_but_not_moved() {
        let has = Settings { dimensions: vec!["plan".into()], ..Settings::default() };
        let patch = |of: &[&str]| SitePatch {
            dimensions: Some(of.iter().map(|name| (*name).to_owned()).collect()),
            ..SitePatch::default()
        };
        assert_eq!(patch(&["plan", "theme"]).apply(has.clone()).unwrap().dimensions, ["plan", "theme"]);
        assert!(patch(&["theme", "plan"]).apply(has.clone()).is_err());
        assert!(patch(&[]).apply(has.clone()).is_err());
        assert!(patch(&["plan", "plan"]).apply(has.clone()).is_err());
        assert!(patch(&["plan", "browser"]).apply(has.clone()).is_err());
        assert!(patch(&["plan", "b", "c", "d", "e"]).apply(has).is_err());
    }

    #[test]
    fn absurd_settings_are_refused() {
        let refused = |patch: SitePatch| assert!(patch.clone().apply(Settings::default()).is_err(), "{patch:?}");
        refused(SitePatch { timezone: Some("Mars/Olympus".into()), ..SitePatch::default() });
        refused(SitePatch { session_gap_minutes: Some(0), ..SitePatch::default() });
        refused(SitePatch { rate_per_second: Some(0), ..SitePatch::default() });
        let retention = Some(RetentionPatch { minute_days: Some(u32::MAX), ..RetentionPatch::default() });
        refused(SitePatch { retention, ..SitePatch::default() });
    }
}
