//! New versions.

use super::change::{checked_tags, registry_row};
use super::open::now_ms;
use super::read::{VersionInfo, version_info};
use super::rows::{Access, Change, Content, Row, SchemaReference, SchemaRow, Tags, VersionRow};
use super::state::State;
use super::{Registries, Status};
use crate::compatibility::{Candidate, Mode, RuleSet, Verdict, check};
use crate::definition::{DataFormat, Definition};
use crate::error::{Error, Result};
use crate::name::SchemaName;

/// What becomes of a version that does not get along with the older ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnClash {
    /// It is refused with [`Error::Incompatible`], as by Confluent's registry.
    #[default]
    Refuse,
    /// It is kept with [`Status::Failure`], as by Glue's.
    Keep,
}

/// A definition to be registered, looked up or checked.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    /// Its language.
    pub format: DataFormat,
    /// What it says.
    pub text: String,
    /// What it refers to.
    pub references: Vec<SchemaReference>,
    /// Whose rules apply.
    pub rules: RuleSet,
    /// What becomes of it when it does not get along with older versions.
    pub on_clash: OnClash,
    /// Whether the schema (and its registry) is created when there is none, and with which compatibility of its own.
    pub create: Option<Option<Mode>>,
    /// The id that it must get, in a registry that is being imported into.
    pub id: Option<u32>,
    /// The number that it must get, likewise.
    pub number: Option<u32>,
}

impl Registration {
    /// A definition that refers to nothing.
    pub fn new(format: DataFormat, text: impl Into<String>) -> Self {
        Registration { format, text: text.into(), ..Registration::default() }
    }

    /// Creates the schema, with this compatibility, when there is none.
    pub fn creating(mut self, mode: Mode) -> Self {
        self.create = Some(Some(mode));
        self
    }

    /// Applies these rules.
    pub fn by(mut self, rules: RuleSet) -> Self {
        self.rules = rules;
        self
    }
}

/// What was registered.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The version that the definition has now.
    pub version: VersionInfo,
    /// Whether it is new.
    pub created: bool,
    /// What came of the check of a new version.
    pub verdict: Option<Verdict>,
}

impl Registries {
    /// Creates a schema without versions.
    pub fn create_schema(
        &self,
        name: &SchemaName,
        format: DataFormat,
        compatibility: Option<Mode>,
        description: Option<String>,
        tags: Tags,
    ) -> Result<()> {
        let _changing = self.changing.lock();
        let state = self.state.read();
        let mut changes = Vec::new();
        if state.schema(name).is_ok() {
            return Err(Error::Exists { what: "schema", name: name.to_string() });
        }
        let mut row = self.schema_row(&state, name, format, compatibility, &mut changes)?;
        row.description = description;
        row.tags = checked_tags(tags, &self.limits)?;
        changes.push(Change::Put(Row::Schema(row)));
        drop(state);
        self.commit(changes)
    }

    fn schema_row(
        &self,
        state: &State,
        name: &SchemaName,
        format: DataFormat,
        compatibility: Option<Mode>,
        changes: &mut Vec<Change>,
    ) -> Result<SchemaRow> {
        if state.registry(&name.registry).is_err() {
            changes.push(Change::Put(Row::Registry(registry_row(state, &name.registry, &self.limits)?)));
        }
        let found = 1 + state.registries.values().map(|registry| registry.schemas.len()).sum::<usize>();
        let limit = self.limits.schemas_max;
        if found > limit {
            return Err(Error::Limit { what: "the schemas", found, limit, hint: "delete schemas that no one uses" });
        }
        let now = now_ms();
        Ok(SchemaRow {
            registry: name.registry.clone(),
            name: name.name.clone(),
            format,
            description: None,
            tags: Tags::new(),
            compatibility,
            access: None,
            checkpoint: 1,
            next_version: 1,
            created_ms: now,
            updated_ms: now,
        })
    }

    /// Registers a definition. One that a version of the schema already is gets that version.
    ///
    /// # Errors
    /// [`Error::Definition`] when it is no schema, [`Error::Incompatible`] when it does not get along with older
    /// versions, [`Error::NoSchema`] when there is no such schema and it is not to be created, [`Error::Disabled`].
    pub fn register(&self, name: &SchemaName, new: Registration) -> Result<Registered> {
        let _changing = self.changing.lock();
        let state = self.state.read();
        let definition = self.parse(&state, &name.registry, new.format, &new.text, &new.references)?;
        let mut changes = Vec::new();
        let mut schema = match (state.schema(name), new.create) {
            (Ok(schema), _) => schema.row.clone(),
            (Err(_), Some(mode)) => self.schema_row(&state, name, new.format, mode, &mut changes)?,
            (Err(error), None) => return Err(error),
        };
        let known = find(&state, name, &definition);
        let importing = new.id.is_some() || new.number.is_some();
        let is_kept = |known: &VersionRow| known.status == Status::Available || new.on_clash == OnClash::Keep;
        if let Some(known) = known.filter(|known| !known.deleted && !importing && is_kept(known)) {
            let version = version_info(&state, known)?;
            return Ok(Registered { version, created: false, verdict: None });
        }
        self.check_access(&state, name, importing)?;
        let has_versions = state.schema(name).is_ok_and(|schema| !schema.versions.is_empty());
        if schema.format != new.format {
            // A schema without versions may still change its mind.
            if has_versions && new.rules == RuleSet::Glue {
                return Err(Error::Format { schema: name.to_string(), is: schema.format, given: new.format });
            }
            schema.format = new.format;
        }
        let verdict = match importing {
            true => Verdict::unchecked(Mode::None, new.rules),
            false => self.judge(&state, name, &definition, new.rules)?,
        };
        if verdict.mode == Mode::Disabled && has_versions {
            return Err(Error::Disabled(name.to_string()));
        }
        let compatible = verdict.compatible || verdict.mode == Mode::Disabled;
        if !compatible && new.on_clash == OnClash::Refuse {
            return Err(Error::Incompatible { schema: name.to_string(), verdict: Box::new(verdict) });
        }
        let id = self.content_id(&state, name, &new, &definition, &mut changes)?;
        let number = new.number.unwrap_or(schema.next_version);
        let limit = self.limits.versions_max;
        let found = 1 + state.schema(name).map_or(0, |schema| schema.versions.len());
        if found > limit {
            return Err(Error::Limit { what: "the versions of a schema", found, limit, hint: "delete old versions" });
        }
        schema.next_version = schema.next_version.max(number.saturating_add(1));
        schema.updated_ms = now_ms();
        let version = VersionRow {
            registry: name.registry.clone(),
            schema: name.name.clone(),
            number,
            id,
            uuid: random_uuid()?,
            status: if compatible { Status::Available } else { Status::Failure },
            deleted: false,
            created_ms: now_ms(),
            metadata: Vec::new(),
        };
        changes.push(Change::Put(Row::Schema(schema)));
        changes.push(Change::Put(Row::Version(version.clone())));
        drop(state);
        self.commit(changes)?;
        let version = version_info(&self.state.read(), &version)?;
        Ok(Registered { version, created: true, verdict: Some(verdict) })
    }

    /// Whether a definition would be accepted as the next version: against one version, or by the schema's mode.
    pub fn check(&self, name: &SchemaName, new: &Registration, against: Option<u32>) -> Result<Verdict> {
        let state = self.state.read();
        let definition = self.parse(&state, &name.registry, new.format, &new.text, &new.references)?;
        let Some(number) = against else { return self.judge(&state, name, &definition, new.rules) };
        let version = state.schema(name)?.versions.get(&number).filter(|version| !version.deleted);
        let lost = || Error::NoVersion { schema: name.to_string(), version: number.to_string() };
        let id = version.ok_or_else(lost)?.id;
        let content = state.registry(&name.registry)?.contents.get(&id).ok_or_else(lost)?;
        let old = self.definition_of(&state, content)?;
        let mode = mode_of(&state, name);
        Ok(check(&definition, &[Candidate { version: number, definition: &old }], mode, new.rules))
    }

    /// The version that a definition is.
    pub fn find(&self, name: &SchemaName, new: &Registration, deleted: bool) -> Result<VersionInfo> {
        let state = self.state.read();
        state.schema(name)?;
        let definition = self.parse(&state, &name.registry, new.format, &new.text, &new.references)?;
        let found = find(&state, name, &definition).filter(|version| deleted || !version.deleted);
        version_info(&state, found.ok_or_else(|| Error::NoDefinition(name.to_string()))?)
    }

    /// Checks a definition against the versions that the schema's mode names.
    fn judge(&self, state: &State, name: &SchemaName, new: &Definition, rules: RuleSet) -> Result<Verdict> {
        let mode = mode_of(state, name);
        let (Ok(schema), false) = (state.schema(name), matches!(mode, Mode::None | Mode::Disabled)) else {
            return Ok(Verdict::unchecked(mode, rules));
        };
        let contents = &state.registry(&name.registry)?.contents;
        let counts = |version: &&VersionRow| {
            version.status == Status::Available && !version.deleted && version.number >= schema.row.checkpoint
        };
        let mut counted = schema.versions.values().filter(counts);
        let mut counted: Vec<&VersionRow> =
            if mode.is_transitive() { counted.collect() } else { counted.next_back().into_iter().collect() };
        counted.retain(|version| contents.contains_key(&version.id));
        let old = counted.iter().filter_map(|version| contents.get(&version.id));
        let old = old.map(|content| self.definition_of(state, content)).collect::<Result<Vec<_>>>()?;
        let candidates: Vec<Candidate<'_>> = counted
            .iter()
            .zip(&old)
            .map(|(version, definition)| Candidate { version: version.number, definition })
            .collect();
        Ok(check(new, &candidates, mode, rules))
    }

    /// The id of a definition in its registry, which it gets if it has none.
    fn content_id(
        &self,
        state: &State,
        name: &SchemaName,
        new: &Registration,
        definition: &Definition,
        changes: &mut Vec<Change>,
    ) -> Result<u32> {
        let registry = state.registry(&name.registry).ok();
        let known = registry.and_then(|registry| registry.by_fingerprint.get(&definition.fingerprint())).copied();
        match (known, new.id) {
            (Some(known), Some(asked)) if known != asked => return Err(Error::IdTaken(asked)),
            (Some(known), _) => return Ok(known),
            (None, Some(asked)) if registry.is_some_and(|registry| registry.contents.contains_key(&asked)) => {
                return Err(Error::IdTaken(asked));
            }
            (None, _) => {}
        }
        let (found, limit) = (state.definitions_bytes + new.text.len(), self.limits.definitions_bytes_max);
        if found > limit {
            let hint = "delete schemas that no one uses";
            return Err(Error::Limit { what: "the bytes of all schemas", found, limit, hint });
        }
        let fresh = changes.iter().find_map(|change| match change {
            Change::Put(Row::Registry(row)) => Some(row.clone()),
            _ => None,
        });
        let row = fresh.or_else(|| registry.map(|registry| registry.row.clone()));
        let mut row = row.ok_or_else(|| Error::NoRegistry(name.registry.clone()))?;
        let id = new.id.unwrap_or(row.next_id);
        row.next_id = row.next_id.max(id.saturating_add(1));
        changes.push(Change::Put(Row::Registry(row)));
        changes.push(Change::Put(Row::Content(Content {
            registry: name.registry.clone(),
            id,
            format: new.format,
            text: definition.readable(&new.text).into(),
            references: new.references.clone(),
            fingerprint: definition.fingerprint().0,
        })));
        Ok(id)
    }

    fn check_access(&self, state: &State, name: &SchemaName, importing: bool) -> Result<()> {
        let access = super::access::access_of(state, name);
        match (access, importing) {
            (Access::ReadWrite, false) | (Access::Import, true) => Ok(()),
            _ => Err(Error::Access(name.to_string(), access.name())),
        }
    }
}

/// The mode that applies to a schema: its own, its registry's, the default registry's.
pub(super) fn mode_of(state: &State, name: &SchemaName) -> Mode {
    let of_registry = |name: &str| state.registries.get(name).and_then(|registry| registry.row.compatibility);
    let own = state.schema(name).ok().and_then(|schema| schema.row.compatibility);
    own.or_else(|| of_registry(&name.registry))
        .or_else(|| of_registry(crate::name::DEFAULT_REGISTRY))
        .unwrap_or_default()
}

/// The newest version that a definition is: one that is there before one that is deleted.
fn find<'s>(state: &'s State, name: &SchemaName, definition: &Definition) -> Option<&'s VersionRow> {
    let registry = state.registry(&name.registry).ok()?;
    let id = registry.by_fingerprint.get(&definition.fingerprint())?;
    let versions = &state.schema(name).ok()?.versions;
    let same = |version: &&VersionRow| version.id == *id;
    let mut there = versions.values().filter(same).filter(|version| !version.deleted);
    there.next_back().or_else(|| versions.values().rfind(same))
}

/// A random UUID (version 4).
fn random_uuid() -> Result<u128> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::Store(error.to_string()))?;
    let bits = u128::from_be_bytes(bytes);
    Ok((bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62))
}
