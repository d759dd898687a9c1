//! The options of one table, checked: every name is known, every value can be read.

use std::time::Duration;

use arrow::compute::can_cast_types;
use tidemill_formats::suggest;

use super::{COMMON, ConnectorSpec, Formats, OptionKind, OptionSpec, find, names};
use crate::connector::TableDeclaration;
use crate::error::{Error, Result};
use crate::value;

/// The beginning of metadata keys that are the format's.
pub(crate) const FORMAT_METADATA: &str = "value.";

/// A table's declaration whose options fit its connector.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    spec: &'static ConnectorSpec,
    declaration: &'a TableDeclaration,
}

impl<'a> Settings<'a> {
    /// Checks a declaration against the connector that it names.
    pub fn new(declaration: &'a TableDeclaration) -> Result<Self> {
        let name = declaration
            .options
            .get("connector")
            .ok_or_else(|| Error::NoConnector { table: declaration.name.clone(), known: names(|_| true) })?;
        let settings = Settings { spec: find(name)?, declaration };
        for (name, value) in declaration.options.iter() {
            settings.check(name, value)?;
        }
        for option in settings.spec.options.iter().filter(|option| option.required) {
            settings.require(option.name)?;
        }
        settings.check_columns()?;
        Ok(settings)
    }

    fn check(&self, name: &str, value: &str) -> Result<()> {
        if name == "connector" {
            return Ok(());
        }
        if self.spec.formats != Formats::None {
            let format = self.declaration.options.get("format");
            let of_format = |format: &str| name.strip_prefix(format).is_some_and(|rest| rest.starts_with('.'));
            // Those that are files as a whole have no options.
            let whole = |format: &str| matches!(self.spec.formats, Formats::AnyAnd(whole) if whole.contains(&format));
            if name == "format" || format.is_some_and(|format| of_format(format) && !whole(format)) {
                return Ok(()); // The format checks these.
            }
        }
        if self.spec.formats == Formats::None && name.starts_with("schema.") {
            let hint = "; its rows are no records, which have no schema".to_owned();
            return Err(Error::UnknownOption { connector: self.spec.name, option: name.to_owned(), hint });
        }
        let all = || self.spec.options.iter().chain(COMMON);
        let Some((option, column)) = all().find_map(|option| Some((option, option.matches(name)?))) else {
            let hint = suggest(name, all().map(|option| option.name), str::to_owned);
            return Err(Error::UnknownOption { connector: self.spec.name, option: name.to_owned(), hint });
        };
        if !column.is_empty() {
            self.check_column_of(name, column)?;
        }
        option.kind.check(name, value)
    }

    /// An option about a column is about one that there is; a path leads into it.
    fn check_column_of(&self, option: &str, path: &str) -> Result<()> {
        let columns = || self.declaration.columns.iter().map(|column| column.field.name().as_str());
        let leads_into =
            |name: &str| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if columns().any(leads_into) {
            return Ok(());
        }
        let hint = suggest(path, columns(), str::to_owned);
        let known = columns().collect::<Vec<_>>().join(", ");
        Err(Error::column(
            path,
            format!("option `{option}` is about a column that is not declared{hint}; there are {known}"),
        ))
    }

    fn check_columns(&self) -> Result<()> {
        let declared = |name: &String| self.declaration.columns.iter().any(|column| column.field.name() == name);
        let named = self.declaration.primary_key.iter().chain(&self.declaration.partitioned_by);
        if let Some(missing) = named.into_iter().find(|name| !declared(name)) {
            return Err(Error::column(missing, "PRIMARY KEY and PARTITIONED BY name declared columns"));
        }
        for column in &self.declaration.columns {
            let Some(key) = &column.metadata else { continue };
            if self.spec.formats != Formats::None && key.starts_with(FORMAT_METADATA) {
                continue; // The format checks these.
            }
            let known = || self.spec.metadata.iter().map(|metadata| metadata.key);
            let Some(metadata) = self.spec.metadata.iter().find(|metadata| metadata.key == key) else {
                let hint = suggest(key, known(), str::to_owned);
                let known = known().collect::<Vec<_>>().join(", ");
                let known = if known.is_empty() { "none".into() } else { known };
                return Err(Error::UnknownMetadata { connector: self.spec.name, key: key.clone(), hint, known });
            };
            let name = column.field.name();
            if !can_cast_types(&(metadata.data_type)(), column.field.data_type()) {
                return Err(Error::column(name, format!("metadata `{key}` is {}", metadata.sql_type)));
            }
        }
        Ok(())
    }

    /// Refuses metadata columns that a sink would have to write and can't.
    pub(crate) fn check_written_columns(&self) -> Result<()> {
        for column in self.declaration.columns.iter().filter(|column| !column.read_only) {
            let Some(key) = &column.metadata else { continue };
            if !self.spec.metadata.iter().any(|metadata| metadata.key == key && metadata.writable) {
                let reason = format!("metadata `{key}` can't be written; declare the column VIRTUAL");
                return Err(Error::column(column.field.name(), reason));
            }
        }
        Ok(())
    }

    /// The connector.
    pub fn spec(&self) -> &'static ConnectorSpec {
        self.spec
    }

    /// The table.
    pub fn declaration(&self) -> &'a TableDeclaration {
        self.declaration
    }

    fn option(&self, name: &str) -> Option<&'static OptionSpec> {
        self.spec.options.iter().find(|option| option.matches(name).is_some())
    }

    /// What was given.
    pub fn given(&self, name: &str) -> Option<&'a str> {
        debug_assert!(self.option(name).is_some(), "{name} is not documented");
        self.declaration.options.get(name)
    }

    /// What was given, or the default.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.given(name).or_else(|| self.option(name).and_then(|option| option.default))
    }

    /// What must be given.
    pub fn require(&self, name: &'static str) -> Result<&'a str> {
        let about = self.option(name).map_or("", |option| option.about);
        let missing = || Error::MissingOption { connector: self.spec.name, option: name, about };
        self.given(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    /// A value whose kind was checked.
    fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.text(name).and_then(parse)
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<u64> {
        self.parsed(name, |text| text.trim().parse().ok())
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.parsed(name, |text| text.trim().parse().ok())
    }

    /// A duration.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.parsed(name, value::duration)
    }

    /// A size in bytes.
    pub fn bytes(&self, name: &str) -> Option<u64> {
        self.parsed(name, value::bytes)
    }

    /// True or false; false where there is neither a value nor a default.
    pub fn flag(&self, name: &str) -> bool {
        self.parsed(name, value::boolean).unwrap_or(false)
    }

    /// The word that was chosen, as it is documented.
    pub fn word(&self, name: &str) -> Option<&'static str> {
        let OptionKind::OneOf(words) = self.option(name)?.kind else { return None };
        let given = self.text(name)?;
        words.iter().copied().find(|word| word.eq_ignore_ascii_case(given))
    }

    /// The declaration does not fit, for this reason.
    pub(crate) fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::Declaration { table: self.declaration.name.clone(), reason: reason.into() }
    }
}
