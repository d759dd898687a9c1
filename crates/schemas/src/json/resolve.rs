//! What a `$ref` refers to: the parts of schemas that have names, and where these lead.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};
use serde_json::{Map, Value};
use url::Url;

use super::draft::Draft;
use super::invalid;
use crate::definition::Invalid;

/// What relative names are relative to where a schema does not say what it is called.
const NOWHERE: &str = "json-schema:///";

/// Keywords whose value is a schema; a list of schemas; an object of schemas.
const SCHEMA: [&str; 12] = [
    "not",
    "if",
    "then",
    "else",
    "items",
    "additionalItems",
    "additionalProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
    "propertyNames",
    "contains",
    "contentSchema",
];
const SCHEMAS: [&str; 5] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "dependencies"];

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Location {
    pub(super) document: usize,
    /// A JSON pointer; empty for the document itself.
    pub(super) pointer: String,
}

/// A schema with a URI of its own, and what lies in it up to the next of them.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) at: Location,
    pub(super) dialect: Dialect,
    uri: String,
    anchors: HashMap<String, Location>,
    dynamic: HashSet<String>,
    /// Has `$recursiveAnchor`.
    pub(super) recursive: bool,
    /// The resources in it, by what they say in `$id`.
    children: HashMap<String, usize>,
    /// Where the references in it lead.
    targets: HashMap<String, Target>,
}

/// Which keywords mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) draft: Draft,
    /// Those that bound values, such as `maximum`.
    pub(super) validates: bool,
    /// `format`, of any draft.
    pub(super) asserts_formats: bool,
}

impl Dialect {
    const UNSAID: Dialect = Dialect::new(Draft::Unsaid);

    const fn new(draft: Draft) -> Self {
        Dialect { draft, validates: true, asserts_formats: false }
    }
}

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A part of a schema, and the resource that it lies in.
    Part {
        at: Location,
        resource: usize,
        /// The `$dynamicAnchor` that it was found by.
        dynamic: Option<String>,
    },
    /// The schema of all schemas of a draft.
    AnySchema,
    /// A part of that, or of its vocabularies: not looked into.
    Unchecked,
}

/// The resources of a schema and of those that it refers to.
#[derive(Clone, Debug)]
pub(super) struct Resources {
    all: Vec<Resource>,
    by_uri: HashMap<String, usize>,
    by_place: HashMap<Location, usize>,
    /// What references were registered as, and what resources say in `$id`: looked in where the URI leads nowhere.
    names: Vec<(String, usize)>,
}

impl Resources {
    /// The first document is the schema itself, and the first resource.
    pub(super) fn new(schema: &Value, references: &[(String, Value)]) -> Self {
        let mut resources =
            Resources { all: Vec::new(), by_uri: HashMap::new(), by_place: HashMap::new(), names: Vec::new() };
        let mut asked = Vec::new();
        let documents = std::iter::once(schema).chain(references.iter().map(|(_, document)| document));
        for (document, value) in documents.enumerate() {
            let name = document.checked_sub(1).and_then(|nth| references.get(nth)).map(|(name, _)| name.as_str());
            let base = resources.all.first().map_or(NOWHERE, |root| root.uri.as_str()).to_owned();
            let start = name.and_then(|name| joined(&base, name).or_else(|| joined(NOWHERE, name)));
            let walk = Walk { resources: &mut resources, references, asked: &mut asked };
            let resource = walk.document(document, value, start.unwrap_or_else(|| NOWHERE.to_owned()));
            if let Some(name) = name {
                resources.names.push((name.to_owned(), resource));
                for base in [base.as_str(), NOWHERE] {
                    if let Some(uri) = joined(base, name) {
                        resources.by_uri.entry(uri).or_insert(resource);
                    }
                }
            }
        }
        for (resource, reference) in asked {
            if let Some(target) = resources.find(&reference, resource)
                && let Some(from) = resources.all.get_mut(resource)
            {
                from.targets.insert(reference, target);
            }
        }
        resources
    }

    pub(super) fn get(&self, resource: usize) -> Option<&Resource> {
        self.all.get(resource)
    }

    /// The resource that a part of another one is, if it is one.
    pub(super) fn child(&self, parent: usize, part: &Value) -> Option<usize> {
        let parent = self.all.get(parent).filter(|parent| !parent.children.is_empty())?;
        parent.children.get(parent.dialect.draft.id(part.as_object()?)?).copied()
    }

    pub(super) fn dynamic_anchor(&self, resource: usize, name: &str) -> Option<&Location> {
        let resource = self.all.get(resource)?;
        resource.anchors.get(name).filter(|_| resource.dynamic.contains(name))
    }

    /// The innermost resource around a place.
    pub(super) fn around(&self, at: &Location) -> usize {
        let mut pointer = at.pointer.as_str();
        loop {
            let place = Location { document: at.document, pointer: pointer.to_owned() };
            if let Some(found) = self.by_place.get(&place) {
                return *found;
            }
            let Some(end) = pointer.rfind('/') else { return 0 };
            pointer = pointer.get(..end).unwrap_or_default();
        }
    }

    /// Where a reference in a resource leads.
    pub(super) fn target(&self, reference: &str, resource: usize) -> Option<Cow<'_, Target>> {
        match self.all.get(resource)?.targets.get(reference) {
            Some(known) => Some(Cow::Borrowed(known)),
            None => self.find(reference, resource).map(Cow::Owned),
        }
    }

    fn find(&self, reference: &str, resource: usize) -> Option<Target> {
        let from = self.all.get(resource)?;
        let (name, _) = reference.split_once('#').unwrap_or((reference, ""));
        let whole = joined(&from.uri, reference).unwrap_or_else(|| reference.to_owned());
        let (uri, fragment) = whole.split_once('#').unwrap_or((&whole, ""));
        let found = match name {
            "" => Some(resource),
            name => self.by_uri.get(uri).copied().or_else(|| self.named(name)),
        };
        let Some(found) = found else {
            return match uri.contains("json-schema.org/") {
                true if fragment.is_empty() && Draft::of(uri).is_some() => Some(Target::AnySchema),
                true => Some(Target::Unchecked),
                false => None,
            };
        };
        let Location { document, pointer } = self.all.get(found)?.at.clone();
        let fragment = decoded(fragment);
        if fragment.is_empty() {
            return Some(Target::Part { at: Location { document, pointer }, resource: found, dynamic: None });
        }
        if fragment.starts_with('/') {
            let at = Location { document, pointer: pointer + &fragment };
            let resource = self.around(&at);
            return Some(Target::Part { at, resource, dynamic: None });
        }
        let at = self.all.get(found)?.anchors.get(&fragment)?.clone();
        let dynamic = self.dynamic_anchor(found, &fragment).is_some().then_some(fragment);
        Some(Target::Part { at, resource: found, dynamic })
    }

    /// What ends in a name: references are often registered as a file and written as its URL, or the other way round.
    fn named(&self, name: &str) -> Option<usize> {
        let name = name.trim_start_matches("./");
        let is = |known: &str| known == name || known.rsplit('/').next() == Some(name);
        self.names.iter().find(|(known, _)| is(known)).map(|(_, resource)| *resource)
    }
}

/// A URI that is relative to another.
fn joined(base: &str, reference: &str) -> Option<String> {
    let joined = Url::parse(base).and_then(|base| base.join(reference)).or_else(|_| Url::parse(reference));
    joined.ok().map(String::from)
}

/// Looks for names in a document: only where schemas are, since what looks like one elsewhere is a value.
struct Walk<'r> {
    resources: &'r mut Resources,
    references: &'r [(String, Value)],
    /// References, and the resources that they stand in.
    asked: &'r mut Vec<(usize, String)>,
}

impl Walk<'_> {
    fn document(mut self, document: usize, schema: &Value, base: String) -> usize {
        let at = Location { document, pointer: String::new() };
        let dialect = self.dialect(schema).unwrap_or(match self.resources.all.first() {
            Some(root) if document > 0 => root.dialect,
            _ => Dialect::UNSAID,
        });
        let id = schema.as_object().and_then(|schema| {
            let id = dialect.draft.id(schema);
            // Without a draft, draft 4's word is understood too.
            id.or_else(|| schema.get("id").and_then(Value::as_str).filter(|_| dialect.draft == Draft::Unsaid))
        });
        let id = id.map(|id| without_fragment(id).to_owned()).filter(|id| !id.is_empty());
        let uri = id.as_deref().and_then(|id| joined(&base, id)).unwrap_or(base);
        let resource = self.add(at.clone(), uri, dialect);
        self.resources.names.extend(id.map(|id| (id, resource)));
        self.schema(schema, &at, resource);
        resource
    }

    fn add(&mut self, at: Location, uri: String, dialect: Dialect) -> usize {
        let resource = self.resources.all.len();
        self.resources.by_uri.entry(uri.clone()).or_insert(resource);
        self.resources.by_place.insert(at.clone(), resource);
        self.resources.all.push(Resource {
            at,
            dialect,
            uri,
            anchors: HashMap::new(),
            dynamic: HashSet::new(),
            recursive: false,
            children: HashMap::new(),
            targets: HashMap::new(),
        });
        resource
    }

    /// What a schema's `$schema` says: a draft, or a dialect of one that is among the references.
    fn dialect(&self, schema: &Value) -> Option<Dialect> {
        let mut name = schema.get("$schema")?.as_str()?;
        let mut own: Option<&Value> = None;
        for _ in 0..=self.references.len() {
            if let Some(draft) = Draft::of(name) {
                let Some(vocabularies) = own.and_then(|own| own.get("$vocabulary")) else {
                    return Some(Dialect::new(draft));
                };
                let has =
                    |end: &str| vocabularies.as_object().is_some_and(|all| all.keys().any(|uri| uri.ends_with(end)));
                let needs_formats = vocabularies.get("https://json-schema.org/draft/2019-09/vocab/format");
                let asserts_formats = has("/vocab/format-assertion") || needs_formats == Some(&Value::Bool(true));
                return Some(Dialect { draft, validates: has("/vocab/validation"), asserts_formats });
            }
            let called = |document: &Value| document.get("$id").and_then(Value::as_str) == Some(name);
            let (_, document) = self.references.iter().find(|(known, document)| known == name || called(document))?;
            own = own.or(Some(document));
            name = document.get("$schema")?.as_str()?;
        }
        None
    }

    fn schema(&mut self, schema: &Value, at: &Location, resource: usize) {
        let Value::Object(keywords) = schema else { return };
        self.names(keywords, at, resource);
        let references = ["$ref", "$dynamicRef", "$recursiveRef"].iter().filter_map(|keyword| keywords.get(*keyword));
        self.asked.extend(references.filter_map(Value::as_str).map(|reference| (resource, reference.to_owned())));
        for keyword in SCHEMA {
            if let Some(schema) = keywords.get(keyword) {
                self.part(schema, at, &[keyword], resource);
            }
        }
        for keyword in SCHEMAS {
            for (nth, schema) in keywords.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate() {
                self.part(schema, at, &[keyword, &nth.to_string()], resource);
            }
        }
        for keyword in NAMED {
            for (name, schema) in keywords.get(keyword).and_then(Value::as_object).into_iter().flatten() {
                self.part(schema, at, &[keyword, name], resource);
            }
        }
    }

    fn part(&mut self, schema: &Value, parent: &Location, path: &[&str], resource: usize) {
        let at = parent.step(path);
        let Some((keywords, around)) = schema.as_object().zip(self.resources.all.get(resource)) else { return };
        let id = around.dialect.draft.id(keywords).filter(|id| !without_fragment(id).is_empty());
        let Some((id, uri)) = id.and_then(|id| Some((id, joined(&around.uri, without_fragment(id))?))) else {
            return self.schema(schema, &at, resource);
        };
        let dialect = self.dialect(schema).unwrap_or(around.dialect);
        let inner = self.add(at.clone(), uri, dialect);
        self.resources.names.push((without_fragment(id).to_owned(), inner));
        if let Some(parent) = self.resources.all.get_mut(resource) {
            parent.children.insert(id.to_owned(), inner);
        }
        self.schema(schema, &at, inner);
    }

    fn names(&mut self, keywords: &Map<String, Value>, at: &Location, resource: usize) {
        let Some(resource) = self.resources.all.get_mut(resource) else { return };
        let text = |keyword: &str| keywords.get(keyword).and_then(Value::as_str);
        let draft = resource.dialect.draft;
        let by_id = draft.id(keywords).or_else(|| text("id")).filter(|_| draft.id_is_anchor());
        let by_id = by_id.and_then(|id| id.split_once('#')).map(|(_, name)| name).filter(|name| !name.is_empty());
        for name in by_id.into_iter().chain(text("$anchor")).chain(text("$dynamicAnchor")) {
            resource.anchors.entry(name.to_owned()).or_insert_with(|| at.clone());
        }
        resource.dynamic.extend(text("$dynamicAnchor").map(str::to_owned));
        resource.recursive |= *at == resource.at && keywords.get("$recursiveAnchor") == Some(&Value::Bool(true));
    }
}

impl Location {
    /// A place in this one.
    pub(super) fn step(&self, path: &[&str]) -> Location {
        let escaped = |step: &&str| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
        let pointer = self.pointer.clone() + &path.iter().map(escaped).collect::<String>();
        Location { document: self.document, pointer }
    }
}

/// A schema and those that it refers to.
pub(super) struct Documents<'d> {
    values: Vec<&'d Value>,
    resources: Resources,
}

impl<'d> Documents<'d> {
    pub(super) fn new(schema: &'d Value, references: &'d [(String, Value)]) -> Self {
        let values = std::iter::once(schema).chain(references.iter().map(|(_, document)| document)).collect();
        Documents { values, resources: Resources::new(schema, references) }
    }

    /// What is at a place.
    pub(super) fn get(&self, at: &Location) -> Option<&'d Value> {
        self.values.get(at.document)?.pointer(&at.pointer)
    }

    /// Where a reference that stands at a place leads; `None` for the drafts' own schemas, which accept anything here.
    pub(super) fn resolve(&self, reference: &str, from: &Location) -> Result<Option<Location>, Invalid> {
        let target = self.resources.target(reference, self.resources.around(from));
        match target.as_deref() {
            Some(Target::Part { at, .. }) if self.get(at).is_some() => Ok(Some(at.clone())),
            Some(Target::AnySchema | Target::Unchecked) => Ok(None),
            _ => Err(lost(reference, from)),
        }
    }
}

/// Why a reference is none.
fn lost(reference: &str, from: &Location) -> Invalid {
    let reason =
        format!("{reference:?} refers to nothing; add it to the schema, or register it and name it as a reference");
    invalid(format!("#{}", from.pointer), reason)
}

fn without_fragment(uri: &str) -> &str {
    uri.split_once('#').map_or(uri, |(uri, _)| uri)
}

/// A fragment without its percent signs.
fn decoded(fragment: &str) -> String {
    percent_encoding::percent_decode_str(fragment).decode_utf8_lossy().into_owned()
}
