//! Which places of a document fill which columns.

use super::keys::Keys;
use super::path::{Path, Step};
use crate::error::{Error, Result};

/// A place in the document, and what is made of the value there.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// The columns that take the value.
    pub(crate) columns: Vec<usize>,
    /// The places inside, where the value is an object.
    pub(crate) members: Option<(Keys, Vec<Place>)>,
    /// The value is the array whose elements become rows.
    pub(crate) flattened: bool,
}

/// How documents map to rows.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// From the document to its rows: the members to follow, then the row itself or (`each`) the array of rows.
    pub(crate) row_path: Vec<(Box<str>, bool)>,
    /// The document itself is an array of rows, even if `row_path` is `$`.
    pub(crate) root: Place,
    /// The places in an element of the flattened array, with the columns that lie there.
    pub(crate) element: Option<(Place, Vec<usize>)>,
    /// The columns outside of the flattened array.
    pub(crate) outside: Vec<usize>,
}

impl Mapping {
    /// Each column is the member of its name.
    pub(crate) fn by_name<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let places = (0..names.len()).map(|column| Place { columns: vec![column], ..Place::default() }).collect();
        let outside = (0..names.len()).collect();
        let root = Place { members: Some((Keys::new(names), places)), ..Place::default() };
        Mapping { row_path: Vec::new(), root, element: None, outside }
    }

    /// Each column is what its path says, from a row (or, where the path begins with the row's, from the document).
    pub(crate) fn by_paths(row_path: &str, paths: &[String]) -> Result<Self> {
        let row = Path::parse(row_path)?;
        let mut mapping =
            Mapping { row_path: follow(row_path, &row)?, root: Place::default(), element: None, outside: Vec::new() };
        let mut flattened: Option<&[Step]> = None;
        let paths_parsed: Vec<Path> = paths.iter().map(|path| Path::parse(path)).collect::<Result<_>>()?;
        for (column, (path, text)) in paths_parsed.iter().zip(paths).enumerate() {
            let steps = if row.0.is_empty() { &path.0 } else { row.strip(path).unwrap_or(&path.0) };
            let invalid = |reason: &str| Error::InvalidPath { path: text.clone(), reason: reason.to_owned() };
            let Some(at) = steps.iter().position(|step| *step == Step::Each) else {
                mapping.root.at(steps).columns.push(column);
                mapping.outside.push(column);
                continue;
            };
            let (array, inside) = (&steps[..at], &steps[at + 1..]);
            if inside.is_empty() {
                // `$.a[0:]` alone is the array as text.
                mapping.root.at(array).columns.push(column);
                mapping.outside.push(column);
                continue;
            }
            if inside.contains(&Step::Each) {
                return Err(invalid("only one level of `[0:]` becomes rows"));
            }
            if *flattened.get_or_insert(array) != array {
                return Err(invalid("only one array of a schema becomes rows; take the other as text, `$.array[0:]`"));
            }
            mapping.root.at(array).flattened = true;
            let (element, columns) = mapping.element.get_or_insert_default();
            element.at(inside).columns.push(column);
            columns.push(column);
        }
        Ok(mapping)
    }
}

impl Place {
    /// The place that members lead to, made if it is not there.
    fn at(&mut self, steps: &[Step]) -> &mut Place {
        let mut place = self;
        for step in steps {
            let Step::Member(name) = step else { continue };
            let (keys, places) = place.members.get_or_insert_default();
            let index = keys.get(name).unwrap_or_else(|| {
                places.push(Place::default());
                keys.add(name)
            });
            place = &mut places[index];
        }
        place
    }
}

/// A row path as members, each with whether the value there is an array of rows; an `[0:]` at its beginning is a
/// member without name.
fn follow(text: &str, path: &Path) -> Result<Vec<(Box<str>, bool)>> {
    let mut members: Vec<(Box<str>, bool)> = Vec::new();
    for step in &path.0 {
        match (step, members.last_mut()) {
            (Step::Member(name), _) => members.push((name.clone(), false)),
            (Step::Each, Some((_, each))) if !*each => *each = true,
            (Step::Each, None) => {} // documents that are arrays become rows anyway
            (Step::Each, Some(_)) => {
                let reason = "an array of arrays can't be rows".to_owned();
                return Err(Error::InvalidPath { path: text.to_owned(), reason });
            }
        }
    }
    if members.iter().filter(|(_, each)| *each).count() > 1 {
        let reason = "only one `[0:]` of a row path becomes rows".to_owned();
        return Err(Error::InvalidPath { path: text.to_owned(), reason });
    }
    Ok(members)
}
