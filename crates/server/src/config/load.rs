//! Defaults, file, environment and flags laid over each other.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;
use crate::error::{Error, Result};

/// What every environment variable of ours begins with.
pub const ENVIRONMENT_PREFIX: &str = "TIDEMILL_";

/// Variables with our prefix that the command line reads itself.
const NOT_KEYS: [&str; 4] = ["TIDEMILL_CONFIG", "TIDEMILL_SERVER", "TIDEMILL_OUTPUT", "TIDEMILL_LOG"];

/// The file that is read when none is named and it exists in the current folder.
const DEFAULT_FILE: &str = "tidemill.toml";

/// Where a configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A configuration file; it must exist when named. `None`: `tidemill.toml` here, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables; those without our prefix are not looked at.
    pub environment: Vec<(String, String)>,
    /// Keys and values from flags; the last of a key wins.
    pub flags: Vec<(String, String)>,
}

impl Config {
    /// Reads and checks a configuration. An unknown key is refused wherever it stands.
    pub fn load(sources: &Sources) -> Result<Config> {
        let defaults = table_of(&Config::default())?;
        let mut table = defaults.clone();
        if let Some((path, file)) = read_file(sources.file.as_deref())? {
            overlay(&mut table, file, "", &path)?;
        }
        let keys = leaves(&defaults);
        for (name, value) in &sources.environment {
            if !name.starts_with(ENVIRONMENT_PREFIX) || NOT_KEYS.contains(&name.as_str()) {
                continue;
            }
            let key = keys
                .iter()
                .find(|key| variable(key) == *name)
                .ok_or_else(|| unknown(name, "the environment", keys.iter().map(|key| variable(key))))?;
            set(&mut table, key, value)?;
        }
        for (key, value) in &sources.flags {
            if !keys.contains(key) {
                return Err(unknown(key, "a flag", keys.iter().cloned()));
            }
            set(&mut table, key, value)?;
        }
        let config: Config = Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| Error::Config { said: error.message().to_owned() })?;
        config.check()?;
        Ok(config)
    }

    /// Every key with its default value, as text.
    pub fn keys() -> Vec<(String, String)> {
        let Ok(defaults) = table_of(&Config::default()) else { return Vec::new() };
        leaves(&defaults)
            .into_iter()
            .map(|key| {
                let value = lookup(&defaults, &key).map(Value::to_string).unwrap_or_default();
                (key, value)
            })
            .collect()
    }
}

/// The environment variable of a key: `http.port` is `TIDEMILL_HTTP_PORT`.
fn variable(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn table_of(config: &Config) -> Result<Table> {
    Table::try_from(config).map_err(|error| Error::Config { said: error.to_string() })
}

fn read_file(named: Option<&Path>) -> Result<Option<(String, Table)>> {
    let path = match named {
        Some(path) => path,
        None if Path::new(DEFAULT_FILE).exists() => Path::new(DEFAULT_FILE),
        None => return Ok(None),
    };
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("reading the configuration", path, error))?;
    let table = text.parse::<Table>().map_err(|error| Error::Config { said: format!("{shown}: {error}") })?;
    Ok(Some((shown, table)))
}

/// Lays `over` on `base`; `base` knows every key and its type.
fn overlay(base: &mut Table, over: Table, prefix: &str, file: &str) -> Result<()> {
    for (name, value) in over {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match (base.get_mut(&name), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => overlay(inner, value, &key, file)?,
            (Some(known), value) if known.same_type(&value) => *known = value,
            (Some(known), value) => {
                let said = format!("{file}: {key} is a {}; give a {}", value.type_str(), known.type_str());
                return Err(Error::Config { said });
            }
            (None, _) => return Err(unknown(&key, file, leaves(base).into_iter())),
        }
    }
    Ok(())
}

fn set(table: &mut Table, key: &str, text: &str) -> Result<()> {
    let known = lookup_mut(table, key).ok_or_else(|| unknown(key, "the configuration", std::iter::empty()))?;
    let wrong = |wanted: &str| Error::config(key, format!("is {text:?}"), format!("give a {wanted}"));
    *known = match known {
        Value::Integer(_) => Value::Integer(text.replace('_', "").parse().map_err(|_| wrong("whole number"))?),
        Value::Boolean(_) => Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?),
        Value::Float(_) => Value::Float(text.parse().map_err(|_| wrong("number"))?),
        _ => Value::String(text.to_owned()),
    };
    Ok(())
}

fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((head, rest)) => lookup(table.get(head)?.as_table()?, rest),
    }
}

fn lookup_mut<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    match key.split_once('.') {
        None => table.get_mut(key),
        Some((head, rest)) => lookup_mut(table.get_mut(head)?.as_table_mut()?, rest),
    }
}

fn leaves(table: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) => keys.extend(leaves(inner).into_iter().map(|key| format!("{name}.{key}"))),
            _ => keys.push(name.clone()),
        }
    }
    keys
}

fn unknown(key: &str, place: &str, known: impl Iterator<Item = String>) -> Error {
    let known: Vec<String> = known.collect();
    Error::Config { said: format!("{key:?} in {place} is no key; the keys there are {}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn file(text: &str) -> (tempfile::TempDir, Option<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidemill.toml");
        std::fs::write(&path, text).unwrap();
        (folder, Some(path))
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
        let (_folder, file) = file("data = 'here'\n[http]\nport = 1000\nconnections_max = 5\n[pipeline]\nworkers = 3");
        let config = Config::load(&Sources {
            file,
            environment: pairs(&[("TIDEMILL_HTTP_PORT", "2000"), ("TIDEMILL_PIPELINE_WORKERS", "4"), ("HOME", "/")]),
            flags: pairs(&[("http.port", "3000")]),
        })
        .unwrap();
        assert_eq!((config.http.port, config.pipeline.workers, config.http.connections_max), (3000, 4, 5));
        assert_eq!(config.data, PathBuf::from("here"));
        assert_eq!(config.query, super::super::Query::default());
    }

    #[test]
    fn an_unknown_key_is_refused_wherever_it_stands() {
        let (_folder, in_file) = file("[http]\nprot = 1000");
        for sources in [
            Sources { file: in_file, ..Sources::default() },
            Sources { environment: pairs(&[("TIDEMILL_HTTP_PROT", "1")]), ..Sources::default() },
            Sources { flags: pairs(&[("http.prot", "1")]), ..Sources::default() },
        ] {
            let said = Config::load(&sources).unwrap_err().to_string();
            assert!(said.to_lowercase().contains("prot") && said.contains("no key"), "{said}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        let (_folder, file) = file("[http]\nport = 'x'");
        let said = Config::load(&Sources { file, ..Sources::default() }).unwrap_err().to_string();
        assert!(said.contains("http.port is a string; give a integer"), "{said}");
        let flags = pairs(&[("http.port", "70000")]);
        assert!(Config::load(&Sources { flags, ..Sources::default() }).is_err());
    }

    #[test]
    fn a_file_that_is_named_must_exist() {
        let file = Some(PathBuf::from("/nowhere/tidemill.toml"));
        assert!(Config::load(&Sources { file, ..Sources::default() }).is_err());
    }

    #[test]
    fn every_key_is_documented_with_its_default() {
        let document = include_str!("../../../../docs/configuration.md");
        for (key, default) in Config::keys() {
            let row = format!("| `{key}` | `{default}` |");
            assert!(document.contains(&row), "docs/configuration.md lacks a row that begins {row}");
        }
    }
}
