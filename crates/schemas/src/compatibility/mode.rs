//! Who has to read whom, and by whose rules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which versions of a schema have to read each other's records. The names are Glue's; Confluent's `…_TRANSITIVE` are
/// these `…_ALL`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// Nothing is checked.
    None,
    /// No further version is accepted.
    Disabled,
    /// The new version reads what the last one wrote.
    #[default]
    Backward,
    /// The new version reads what all before it wrote.
    BackwardAll,
    /// The last version reads what the new one writes.
    Forward,
    /// All versions read what the new one writes.
    ForwardAll,
    /// Backward and forward.
    Full,
    /// Backward and forward with all versions.
    FullAll,
}

/// Every mode with Glue's and Confluent's names of it.
const MODES: [(Mode, &str, &str); 8] = [
    (Mode::None, "NONE", "NONE"),
    (Mode::Disabled, "DISABLED", "DISABLED"),
    (Mode::Backward, "BACKWARD", "BACKWARD"),
    (Mode::BackwardAll, "BACKWARD_ALL", "BACKWARD_TRANSITIVE"),
    (Mode::Forward, "FORWARD", "FORWARD"),
    (Mode::ForwardAll, "FORWARD_ALL", "FORWARD_TRANSITIVE"),
    (Mode::Full, "FULL", "FULL"),
    (Mode::FullAll, "FULL_ALL", "FULL_TRANSITIVE"),
];

impl Mode {
    /// Whether the new version has to read what older ones wrote.
    pub fn is_backward(self) -> bool {
        matches!(self, Mode::Backward | Mode::BackwardAll | Mode::Full | Mode::FullAll)
    }

    /// Whether older versions have to read what the new one writes.
    pub fn is_forward(self) -> bool {
        matches!(self, Mode::Forward | Mode::ForwardAll | Mode::Full | Mode::FullAll)
    }

    /// Whether all versions count, not only the last one.
    pub fn is_transitive(self) -> bool {
        matches!(self, Mode::BackwardAll | Mode::ForwardAll | Mode::FullAll)
    }

    /// Glue's name.
    pub fn glue_name(self) -> &'static str {
        MODES.iter().find(|(mode, ..)| *mode == self).map_or("NONE", |(_, glue, _)| glue)
    }

    /// Confluent's name. It knows no DISABLED.
    pub fn confluent_name(self) -> &'static str {
        MODES.iter().find(|(mode, ..)| *mode == self).map_or("NONE", |(.., confluent)| confluent)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.glue_name())
    }
}

impl FromStr for Mode {
    type Err = String;

    /// Either name, in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let same = |name: &str| name.eq_ignore_ascii_case(text);
        let found = MODES.iter().find(|(_, glue, confluent)| same(glue) || same(confluent)).map(|(mode, ..)| *mode);
        found.ok_or_else(|| {
            let names = MODES.map(|(_, glue, _)| glue).join(", ");
            format!("{text:?} is no compatibility mode; there are {names}")
        })
    }
}

/// Whose rules apply where Glue and Confluent differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSet {
    /// AWS Glue's: an Avro schema's outermost record may be renamed.
    #[default]
    Glue,
    /// Confluent's: Avro's own rules for names.
    Confluent,
}

impl RuleSet {
    /// Whether the outermost Avro type must keep its name.
    pub fn keeps_root_name(self) -> bool {
        self == RuleSet::Confluent
    }
}

impl FromStr for RuleSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "glue" => Ok(RuleSet::Glue),
            "confluent" => Ok(RuleSet::Confluent),
            _ => Err(format!("{text:?} is no rule set; there are glue and confluent")),
        }
    }
}
