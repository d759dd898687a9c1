//! A new version against the old ones.

use std::fmt;

use serde::Serialize;

use super::{Difference, Mode, RuleSet};
use crate::definition::Definition;

/// An older version that a new one is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its number.
    pub version: u32,
    /// What it says.
    pub definition: &'a Definition,
}

/// What is wrong between the new version and one old one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clash {
    /// The old version.
    pub version: u32,
    /// Which of the two is the reader: `new` under the backward modes, `old` under the forward ones.
    pub reader: &'static str,
    /// Why.
    pub differences: Vec<Difference>,
}

/// Whether a new version is accepted, and why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it is.
    pub compatible: bool,
    /// What was asked for.
    pub mode: Mode,
    /// Whose rules were applied.
    pub rules: RuleSet,
    /// The versions that it was checked against, oldest first.
    pub checked: Vec<u32>,
    /// What is wrong, oldest version first.
    pub clashes: Vec<Clash>,
}

impl Verdict {
    /// The verdict of a mode under which nothing is checked.
    pub fn unchecked(mode: Mode, rules: RuleSet) -> Self {
        Verdict { compatible: mode != Mode::Disabled, mode, rules, checked: Vec::new(), clashes: Vec::new() }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.compatible {
            return write!(f, "compatible ({})", self.mode);
        }
        if self.mode == Mode::Disabled {
            return write!(f, "no further version is accepted: the mode is DISABLED");
        }
        write!(f, "not compatible ({})", self.mode)?;
        for clash in &self.clashes {
            let (reader, writer) = match clash.reader {
                "new" => ("the new schema".to_owned(), format!("version {}", clash.version)),
                _ => (format!("version {}", clash.version), "the new schema".to_owned()),
            };
            write!(f, "\n{reader} can't read what {writer} wrote:")?;
            for difference in &clash.differences {
                write!(f, "\n  {difference}")?;
            }
        }
        Ok(())
    }
}

/// Checks a new version against old ones, oldest first. Of the modes that are not transitive only the last counts.
pub fn check(new: &Definition, old: &[Candidate<'_>], mode: Mode, rules: RuleSet) -> Verdict {
    let mut verdict = Verdict::unchecked(mode, rules);
    if matches!(mode, Mode::None | Mode::Disabled) {
        return verdict;
    }
    let first = if mode.is_transitive() { 0 } else { old.len().saturating_sub(1) };
    for candidate in old.iter().skip(first) {
        verdict.checked.push(candidate.version);
        let directions = [
            (mode.is_backward(), "new", new, candidate.definition),
            (mode.is_forward(), "old", candidate.definition, new),
        ];
        for (asked, name, reader, writer) in directions {
            if !asked {
                continue;
            }
            let mut differences = reader.differences_from(writer, rules);
            differences.retain(|difference| difference.breaks);
            if !differences.is_empty() {
                verdict.clashes.push(Clash { version: candidate.version, reader: name, differences });
            }
        }
    }
    verdict.compatible = verdict.clashes.is_empty();
    verdict
}
