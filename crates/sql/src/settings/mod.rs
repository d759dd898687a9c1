//! What `SET` sets.

mod of_flink;

use std::collections::BTreeMap;
use std::time::Duration;

use tidemill_connectors::value;
use tidemill_engine::Guarantee;

use self::of_flink::{OfFlink, of_flink};
use crate::error::{Kind, Result, SqlError, similar};

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct SettingSpec {
    /// Its name.
    pub key: &'static str,
    /// What holds where it is not set.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
    check: fn(&str) -> Option<&'static str>,
}

/// All settings. Those whose names Flink has mean what they mean there.
pub const SETTINGS: &[SettingSpec] = &[
    SettingSpec {
        key: "pipeline.name",
        default: "",
        about: "The name of the application, by which its snapshots are found.",
        check: application,
    },
    SettingSpec { key: "parallelism.default", default: "1", about: "Worker threads.", check: workers },
    SettingSpec {
        key: "table.exec.state.ttl",
        default: "0 ms",
        about: "State of joins, aggregations and the like that nothing has touched for so long is dropped; 0 keeps it.",
        check: duration,
    },
    SettingSpec {
        key: "table.exec.emit.early-fire.enabled",
        default: "false",
        about: "Whether window aggregations put out results of windows that are not complete yet, and revise them.",
        check: boolean,
    },
    SettingSpec {
        key: "table.exec.emit.early-fire.delay",
        default: "1 s",
        about: "Time from one early result of a window to the next.",
        check: delay,
    },
    SettingSpec {
        key: "table.exec.source.idle-timeout",
        default: "0 ms",
        about: "A source that has had no row for so long holds no other's event time back until one comes; 0: it always does.",
        check: duration,
    },
    SettingSpec {
        key: "pipeline.error-table",
        default: "",
        about: "The table that takes records that can't be read, and rows on which an expression fails, instead of these failing the job.",
        check: |_| None,
    },
    SettingSpec {
        key: "execution.checkpointing.interval",
        default: "200 ms",
        about: "Time from checkpoint to checkpoint, at least.",
        check: duration,
    },
    SettingSpec {
        key: "execution.checkpointing.mode",
        default: "",
        about: "EXACTLY_ONCE refuses a job whose parts can't keep it; AT_LEAST_ONCE asks for less. Not set: as much as the parts can.",
        check: mode,
    },
    SettingSpec {
        key: "table.dml-sync",
        default: "false",
        about: "Whether the shell waits until an INSERT has ended; otherwise it runs beside what is typed.",
        check: boolean,
    },
    SettingSpec {
        key: "pipeline.in-flight-bytes",
        default: "32 mb",
        about: "Bytes that each source may have under way.",
        check: bytes,
    },
];

/// Whether an application can have this name: it is also the name of a folder.
pub fn is_application_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 100 && name.chars().all(fits) && !name.starts_with('.')
}

fn application(name: &str) -> Option<&'static str> {
    (!is_application_name(name)).then_some("at most 100 letters, digits, -, _ and ., not beginning with a dot")
}

fn workers(value: &str) -> Option<&'static str> {
    (!value.parse::<usize>().is_ok_and(|n| (1..=256).contains(&n))).then_some("a number from 1 to 256")
}

fn duration(given: &str) -> Option<&'static str> {
    value::duration(given).is_none().then_some("a time such as '500 ms', '10 s', '5 min', '1 h' or '2 d'")
}

fn delay(given: &str) -> Option<&'static str> {
    let delay = value::duration(given).filter(|delay| *delay >= Duration::from_millis(1));
    delay.is_none().then_some("a time from 1 ms, such as '500 ms' or '10 s'")
}

fn boolean(given: &str) -> Option<&'static str> {
    value::boolean(given).is_none().then_some("true or false")
}

fn bytes(given: &str) -> Option<&'static str> {
    value::bytes(given).is_none().then_some("a size such as '512 kb' or '64 mb'")
}

fn mode(value: &str) -> Option<&'static str> {
    let known = ["EXACTLY_ONCE", "AT_LEAST_ONCE"];
    (!known.iter().any(|known| value.eq_ignore_ascii_case(known))).then_some("EXACTLY_ONCE or AT_LEAST_ONCE")
}

/// What was set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    set: BTreeMap<&'static str, String>,
}

impl Settings {
    /// Changes one; what is to be told of one that changes nothing.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<Option<String>> {
        let spec = match (spec(key), of_flink(key, value)) {
            (Ok(spec), _) => spec,
            (Err(unknown), foreign) => match foreign? {
                Some(OfFlink::PassedOver(note)) => return Ok(Some(note)),
                Some(OfFlink::Ours(ours)) => self::spec(ours)?,
                None => return Err(unknown),
            },
        };
        if let Some(rule) = (spec.check)(value) {
            return Err(SqlError::new(Kind::Declaration, format!("'{key}' = '{value}': it must be {rule}")));
        }
        self.set.insert(spec.key, value.to_owned());
        Ok(None)
    }

    pub(crate) fn reset(&mut self, key: Option<&str>) -> Result<()> {
        match key {
            Some(key) => match (spec(key), of_flink(key, "")) {
                (Ok(spec), _) => drop(self.set.remove(spec.key)),
                (Err(unknown), Ok(None)) => return Err(unknown),
                (_, Ok(Some(OfFlink::Ours(ours)))) => drop(self.set.remove(ours)),
                // It was never set.
                _ => {}
            },
            None => self.set.clear(),
        }
        Ok(())
    }

    /// The value of one that is known.
    fn get(&self, key: &'static str) -> &str {
        let default = SETTINGS.iter().find(|spec| spec.key == key).map_or("", |spec| spec.default);
        self.set.get(key).map_or(default, String::as_str)
    }

    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        SETTINGS.iter().map(|spec| vec![spec.key.to_owned(), self.get(spec.key).to_owned()]).collect()
    }

    /// The application's name; none where it was not given.
    pub fn name(&self) -> Option<&str> {
        Some(self.get("pipeline.name")).filter(|name| !name.is_empty())
    }

    /// Worker threads.
    pub fn parallelism(&self) -> usize {
        self.get("parallelism.default").parse().unwrap_or(1)
    }

    /// How long state is kept; none: for ever. Microseconds.
    pub(crate) fn state_ttl(&self) -> Option<i64> {
        let ttl = value::duration(self.get("table.exec.state.ttl")).filter(|ttl| !ttl.is_zero())?;
        Some(tidemill_engine::time::micros(ttl))
    }

    /// How long a source may be silent before it holds no event time back; none: for ever.
    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        value::duration(self.get("table.exec.source.idle-timeout")).filter(|timeout| !timeout.is_zero())
    }

    /// How often windows that are not complete have results; none: never.
    pub(crate) fn early_results(&self) -> Option<Duration> {
        let enabled = value::boolean(self.get("table.exec.emit.early-fire.enabled")).unwrap_or_default();
        value::duration(self.get("table.exec.emit.early-fire.delay")).filter(|_| enabled)
    }

    /// Where records and rows go that can't be worked on.
    pub(crate) fn error_table(&self) -> Option<&str> {
        Some(self.get("pipeline.error-table")).filter(|table| !table.is_empty())
    }

    /// From checkpoint to checkpoint, at least.
    pub fn checkpoint_interval(&self) -> Duration {
        let interval = value::duration(self.get("execution.checkpointing.interval"));
        interval.unwrap_or(Duration::from_millis(200)).max(Duration::from_millis(10))
    }

    /// What was asked for.
    pub(crate) fn guarantee(&self) -> Option<Guarantee> {
        match self.get("execution.checkpointing.mode").to_ascii_uppercase().as_str() {
            "EXACTLY_ONCE" => Some(Guarantee::ExactlyOnce),
            "AT_LEAST_ONCE" => Some(Guarantee::AtLeastOnce),
            _ => None,
        }
    }

    /// Whether the shell waits for an INSERT.
    pub fn waits_for_inserts(&self) -> bool {
        value::boolean(self.get("table.dml-sync")).unwrap_or_default()
    }

    /// Bytes that each source may have under way.
    pub fn in_flight_bytes(&self) -> usize {
        let bytes = value::bytes(self.get("pipeline.in-flight-bytes")).unwrap_or(32 << 20);
        usize::try_from(bytes).unwrap_or(usize::MAX).max(64 << 10)
    }
}

fn spec(key: &str) -> Result<&'static SettingSpec> {
    SETTINGS.iter().find(|spec| spec.key == key).ok_or_else(|| {
        let error = SqlError::new(Kind::Name, format!("there is no setting '{key}'"));
        match similar(key, SETTINGS.iter().map(|spec| spec.key)) {
            Some(known) => error.hint(format!("did you mean '{known}'?")),
            None => error.hint("SET without a key lists them"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked_when_they_are_set() {
        let mut settings = Settings::default();
        settings.set("table.exec.state.ttl", "2 h").unwrap();
        assert_eq!(settings.state_ttl(), Some(7_200_000_000));
        settings.reset(None).unwrap();
        assert_eq!(settings.state_ttl(), None);
        let error = settings.set("pipelines.name", "a").unwrap_err();
        assert!(error.to_string().contains("did you mean 'pipeline.name'"), "{error}");
        let note = settings.set("table.exec.mini-batch.enabled", "true").unwrap();
        assert!(note.is_some_and(|note| note.contains("means nothing here")));
        assert_eq!(settings.set("table.exec.resource.default-parallelism", "3"), Ok(None));
        assert_eq!(settings.parallelism(), 3);
        settings.reset(Some("table.exec.mini-batch.enabled")).unwrap();
        assert!(settings.set("parallelism.default", "0").is_err());
        assert!(SETTINGS.iter().all(|spec| spec.default.is_empty() || (spec.check)(spec.default).is_none()));
    }
}
