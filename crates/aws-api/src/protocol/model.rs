//! A service's operations and the shapes of what they take, read from a text.
//!
//! ```text
//! string    StreamName 1..128 [a-zA-Z0-9_.-]+      lengths, then a regular expression to the line's end
//! enum      StreamMode PROVISIONED ON_DEMAND
//! integer   Limit 1..10000
//! blob      Data 0..10485760                       boolean, double and timestamp have a name only
//! list      TagKeyList of TagKey 1..50
//! map       TagMap of TagKey TagValue 1..200
//! structure Entry Data! Key:PartitionKey           members; ! if required, :SHAPE if it isn't the member's name
//! operation PutRecord Data! StreamName
//! refused   CreateQueue ListQueues                 operations of the service that are not served
//! ```

use std::collections::HashMap;

use regex::Regex;

/// What a service can be asked.
#[derive(Debug)]
pub struct Model {
    /// The Java package of the service's shapes; it appears in texts of errors.
    pub(super) package: &'static str,
    shapes: Vec<Shape>,
    operations: HashMap<String, Operation>,
    refused: Vec<String>,
}

/// One operation: the members of what it takes.
#[derive(Clone, Debug)]
pub struct Operation {
    pub(super) name: String,
    pub(super) members: Vec<Member>,
}

impl Operation {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A member of a structure.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) shape: ShapeId,
    pub(super) required: bool,
}

/// A shape's place in its model.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShapeId(usize);

/// A type and its constraints.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Of a number; or of a length: characters, bytes, items, entries.
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) pattern: Option<Pattern>,
    /// The values of an enumeration; empty if it is none.
    pub(super) allowed: Vec<String>,
}

/// A regular expression, as it is written and as it is used.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) regex: Regex,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Double,
    String,
    Blob,
    Timestamp,
    List(ShapeId),
    Map(ShapeId, ShapeId),
    Structure(Vec<Member>),
}

impl Model {
    /// Reads a model. The error names the line.
    pub fn parse(text: &str, package: &'static str) -> Result<Self, String> {
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let mut names = HashMap::new();
        for line in &lines {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("operation" | "refused"), _) => {}
                (Some(_), Some(name)) if !names.contains_key(name) => {
                    names.insert(name, ShapeId(names.len()));
                }
                _ => return Err(format!("`{line}` names no shape, or one that is there already")),
            }
        }
        let mut model = Self { package, shapes: Vec::new(), operations: HashMap::new(), refused: Vec::new() };
        for line in &lines {
            model.add(line, &names).map_err(|problem| format!("`{line}`: {problem}"))?;
        }
        Ok(model)
    }

    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    /// The names of all operations.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        self.operations.keys().map(String::as_str)
    }

    /// Whether the service has the operation, and Tidemill has not.
    pub fn refuses(&self, name: &str) -> bool {
        self.refused.iter().any(|refused| refused == name)
    }

    pub(super) fn shape(&self, id: ShapeId) -> Option<&Shape> {
        self.shapes.get(id.0)
    }

    fn add(&mut self, line: &str, names: &HashMap<&str, ShapeId>) -> Result<(), String> {
        let (kind, rest) = line.split_once(char::is_whitespace).ok_or("nothing follows")?;
        let rest = rest.trim();
        if kind == "refused" {
            self.refused.extend(rest.split_whitespace().map(str::to_owned));
            return Ok(());
        }
        let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let mut shape = Shape {
            name: name.to_owned(),
            kind: Kind::String,
            min: None,
            max: None,
            pattern: None,
            allowed: Vec::new(),
        };
        let mut words = rest.split_whitespace().peekable();
        let find = |name: &str| names.get(name).copied().ok_or_else(|| format!("there is no shape {name}"));
        match kind {
            "operation" => {
                let members = members(words, find)?;
                self.operations.insert(name.to_owned(), Operation { name: name.to_owned(), members });
                return Ok(());
            }
            "structure" => shape.kind = Kind::Structure(members(words, find)?),
            "enum" => shape.allowed = words.map(str::to_owned).collect(),
            "boolean" => shape.kind = Kind::Boolean,
            "double" => shape.kind = Kind::Double,
            "timestamp" => shape.kind = Kind::Timestamp,
            "integer" => {
                shape.kind = Kind::Integer;
                shape.limits(words.next())?;
            }
            "blob" => {
                shape.kind = Kind::Blob;
                shape.limits(words.next())?;
            }
            "list" | "map" => {
                words.next_if_eq(&"of").ok_or("`of` and a shape should follow")?;
                let first = find(words.next().ok_or("a shape should follow")?)?;
                shape.kind = match kind {
                    "list" => Kind::List(first),
                    _ => Kind::Map(first, find(words.next().ok_or("a second shape should follow")?)?),
                };
                shape.limits(words.next())?;
            }
            "string" => {
                if let Some(limits) = words.next_if(|word| is_limits(word)) {
                    shape.limits(Some(limits))?;
                }
                if let Some(text) = words.next() {
                    let regex = Regex::new(&format!("^(?:{text})$")).map_err(|error| error.to_string())?;
                    shape.pattern = Some(Pattern { text: text.to_owned(), regex });
                }
            }
            _ => return Err(format!("{kind} is no kind of shape")),
        }
        self.shapes.push(shape);
        Ok(())
    }
}

impl Shape {
    /// `1..128`, `1..` or `..128`
    fn limits(&mut self, word: Option<&str>) -> Result<(), String> {
        let Some((min, max)) = word.and_then(|word| word.split_once("..")) else { return Ok(()) };
        let number = |text: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("{text} is no number")),
        };
        (self.min, self.max) = (number(min)?, number(max)?);
        Ok(())
    }
}

fn is_limits(word: &str) -> bool {
    word.contains("..") && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn members<'a>(
    words: impl Iterator<Item = &'a str>,
    find: impl Fn(&str) -> Result<ShapeId, String>,
) -> Result<Vec<Member>, String> {
    let member = |word: &str| {
        let (name, shape) = word.split_once(':').unwrap_or((word, ""));
        let (name, required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
        let shape = find(if shape.is_empty() { name } else { shape })?;
        Ok(Member { name: name.to_owned(), shape, required })
    };
    words.map(member).collect()
}
