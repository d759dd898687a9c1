//! Functions of arrays. Each says which elements a list comes to, by their places among the elements of all arguments; what equals what, and
//! in which order, is told by arrow's row format, so that elements may be of any type.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, StringArray, UInt64Array, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::{Result, exec_err, plan_err};

use super::rewritten::common;
use super::scalar::Function;
use crate::types::array;

pub(super) fn all() -> Vec<Function> {
    let list = |name, takes, does| Function { name, takes, gives: first, does };
    let of = |name, takes, gives, does| Function { name, takes, gives, does };
    vec![
        of("array_contains", list_and_one, |_| DataType::Boolean, contains),
        of("array_position", list_and_one, |_| DataType::Int32, position),
        list("array_append", list_and_one, |args| {
            each(args, |all, row| Some(all.list(0, row)?.chain([all.at(1, row)?]).collect()))
        }),
        of("array_prepend", list_and_one, first, |args| {
            each(args, |all, row| Some([all.at(1, row)?].into_iter().chain(all.list(0, row)?).collect()))
        }),
        list("array_remove", list_and_one, |args| {
            each(args, |all, row| {
                let gone = all.at(1, row)?;
                Some(all.list(0, row)?.filter(|at| !all.equal(*at, gone)).collect())
            })
        }),
        list("array_distinct", one_list, |args| each(args, |all, row| Some(all.distinct(all.list(0, row)?)))),
        list("array_reverse", one_list, |args| each(args, |all, row| Some(all.list(0, row)?.rev().collect()))),
        list("array_concat", lists, |args| {
            let count = args.len();
            each(args, |all, row| {
                (0..count)
                    .map(|column| all.list(column, row))
                    .collect::<Option<Vec<_>>>()
                    .map(|of| of.into_iter().flatten().collect())
            })
        }),
        list("array_union", two_lists, |args| {
            each(args, |all, row| Some(all.distinct(all.list(0, row)?.chain(all.list(1, row)?))))
        }),
        list("array_intersect", two_lists, |args| {
            each(args, |all, row| {
                let other = all.keys(all.list(1, row)?);
                Some(all.distinct(all.list(0, row)?.filter(|at| other.contains(all.key(*at)))))
            })
        }),
        list("array_except", two_lists, |args| {
            each(args, |all, row| {
                let other = all.keys(all.list(1, row)?);
                Some(all.distinct(all.list(0, row)?.filter(|at| !other.contains(all.key(*at)))))
            })
        }),
        list("array_slice", slice_takes, slice),
        list("array_sort", sort_takes, sort),
        of("array_max", one_list, item, |args| best(args, Ordering::Greater)),
        of("array_min", one_list, item, |args| best(args, Ordering::Less)),
        of("element", one_list, item, element),
        of("array_join", join_takes, |_| DataType::Utf8, join),
    ]
}

fn first(types: &[DataType]) -> DataType {
    types.first().cloned().unwrap_or(DataType::Null)
}

/// The type of a list's elements.
fn item(types: &[DataType]) -> DataType {
    match types.first() {
        Some(DataType::List(item)) => item.data_type().clone(),
        _ => DataType::Null,
    }
}

fn item_of(list: &DataType) -> Option<&DataType> {
    match list {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

/// Elements that can be told from each other.
fn comparable(of: DataType) -> Result<DataType> {
    match RowConverter::supports_fields(&[SortField::new(of.clone())]) {
        true => Ok(of),
        false => plan_err!("elements of the type {} can't be compared", crate::types::name(&of)),
    }
}

/// The type of elements that are of all of these types.
fn agreed(types: &[DataType]) -> Result<DataType> {
    match common(types) {
        Some(of) => comparable(of),
        None => {
            let names = types.iter().map(crate::types::name).collect::<Vec<_>>().join(", ");
            plan_err!("the elements are of several types: {names}")
        }
    }
}

fn one_list(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [list] if item_of(list).is_some() => lists(types),
        _ => plan_err!("it takes an array"),
    }
}

fn two_lists(types: &[DataType]) -> Result<Vec<DataType>> {
    if types.len() == 2 { lists(types) } else { plan_err!("it takes two arrays") }
}

fn lists(types: &[DataType]) -> Result<Vec<DataType>> {
    let items: Option<Vec<DataType>> =
        types.iter().filter(|of| !of.is_null()).map(|list| item_of(list).cloned()).collect();
    match items {
        Some(items) if !items.is_empty() => Ok(vec![array(agreed(&items)?); types.len()]),
        _ => plan_err!("it takes arrays"),
    }
}

fn list_and_one(types: &[DataType]) -> Result<Vec<DataType>> {
    let [list, one] = types else { return plan_err!("it takes an array and an element") };
    let Some(item) = item_of(list) else { return plan_err!("it takes an array and an element") };
    let of = agreed(&[item.clone(), one.clone()])?;
    Ok(vec![array(of.clone()), of])
}

fn slice_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [list, places @ ..]
            if matches!(places.len(), 1..=2) && places.iter().all(|of| of.is_integer() || of.is_null()) =>
        {
            let list = one_list(std::slice::from_ref(list))?;
            Ok(list.into_iter().chain(places.iter().map(|_| DataType::Int64)).collect())
        }
        _ => plan_err!("ARRAY_SLICE takes an array, its first element's place and, if not to the end, the last one's"),
    }
}

fn sort_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [list, how @ ..] if how.len() <= 2 && how.iter().all(|of| matches!(of, DataType::Boolean | DataType::Null)) => {
            let list = one_list(std::slice::from_ref(list))?;
            Ok(list.into_iter().chain(how.iter().map(|_| DataType::Boolean)).collect())
        }
        _ => plan_err!("ARRAY_SORT takes an array, whether it ascends, and whether NULLs come first"),
    }
}

fn join_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    let is_text = |of: &DataType| of.is_string() || of.is_null();
    match types {
        [list, texts @ ..]
            if item_of(list).is_some_and(is_text) && matches!(texts.len(), 1..=2) && texts.iter().all(is_text) =>
        {
            Ok([array(DataType::Utf8)].into_iter().chain(texts.iter().map(|_| DataType::Utf8)).collect())
        }
        _ => plan_err!(
            "ARRAY_JOIN takes an array of texts, what stands between them and, if they count, what stands for NULLs"
        ),
    }
}

/// The elements of all arguments, one behind the other.
struct Elements<'a> {
    values: ArrayRef,
    keys: Rows,
    columns: Vec<(&'a ArrayRef, usize)>,
}

impl<'a> Elements<'a> {
    /// Of arrays of one type and single elements.
    fn of(args: &'a [ArrayRef]) -> Result<Self> {
        let values = |column: &ArrayRef| column.as_list_opt::<i32>().map(|list| list.values().clone());
        let item = args.first().and_then(values).map(|values| values.data_type().clone());
        let Some(item) = item else { return exec_err!("an array is missing") };
        let (mut columns, mut parts, mut begin) = (Vec::new(), Vec::new(), 0);
        for column in args {
            let part = match column.data_type() {
                own if *own == item => column.clone(),
                _ => values(column).map_or_else(|| exec_err!("{} is no array", column.data_type()), Ok)?,
            };
            columns.push((column, begin));
            begin += part.len();
            parts.push(part);
        }
        let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
        let values = concat(&parts)?;
        let keys = RowConverter::new(vec![SortField::new(item)])?.convert_columns(std::slice::from_ref(&values))?;
        Ok(Elements { values, keys, columns })
    }

    /// The places of a list's elements; none where it is NULL.
    fn list(&self, column: usize, row: usize) -> Option<Range<usize>> {
        let (lists, begin) = self.columns.get(column)?;
        let list = lists.as_list_opt::<i32>().filter(|lists| lists.is_valid(row))?;
        let place = |at: usize| usize::try_from(*list.value_offsets().get(at)?).ok();
        Some(begin + place(row)?..begin + place(row + 1)?)
    }

    /// The place of a single element.
    fn at(&self, column: usize, row: usize) -> Option<usize> {
        self.columns.get(column).map(|(_, begin)| begin + row)
    }

    fn key(&self, at: usize) -> &[u8] {
        self.keys.row(at).data()
    }

    fn equal(&self, one: usize, other: usize) -> bool {
        self.key(one) == self.key(other)
    }

    fn keys(&self, places: impl Iterator<Item = usize>) -> HashSet<&[u8]> {
        places.map(|at| self.key(at)).collect()
    }

    /// The first of those that are equal.
    fn distinct(&self, places: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut seen = HashSet::new();
        places.filter(|at| seen.insert(self.key(*at))).collect()
    }
}

/// Lists of the elements at places.
fn each(args: &[ArrayRef], of: impl Fn(&Elements<'_>, usize) -> Option<Vec<usize>>) -> Result<ArrayRef> {
    let all = Elements::of(args)?;
    let rows = args.first().map_or(0, |list| list.len());
    picked(&all.values, (0..rows).map(|row| of(&all, row)))
}

fn picked(values: &ArrayRef, lists: impl Iterator<Item = Option<Vec<usize>>>) -> Result<ArrayRef> {
    let (mut places, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for list in lists {
        valid.push(list.is_some());
        let list = list.unwrap_or_default();
        lengths.push(list.len());
        places.extend(list.into_iter().map(|at| at as u64));
    }
    let values = take(values, &UInt64Array::from(places), None)?;
    let field: FieldRef = Arc::new(Field::new("item", values.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(field, offsets, values, Some(NullBuffer::from(valid)))?))
}

fn contains(args: &[ArrayRef]) -> Result<ArrayRef> {
    let all = Elements::of(args)?;
    let found = |row| Some(all.list(0, row)?.any(|at| all.at(1, row).is_some_and(|one| all.equal(at, one))));
    Ok(Arc::new((0..args[0].len()).map(found).collect::<BooleanArray>()))
}

/// The place of the first such element from 1, or 0; NULL where the element is.
fn position(args: &[ArrayRef]) -> Result<ArrayRef> {
    let all = Elements::of(args)?;
    let found = |row| {
        let (mut list, one) = (all.list(0, row)?, all.at(1, row)?);
        let place = args[1].is_valid(row).then(|| list.position(|at| all.equal(at, one)))?;
        Some(place.map_or(0, |place| i32::try_from(place + 1).unwrap_or(i32::MAX)))
    };
    Ok(Arc::new((0..args[0].len()).map(found).collect::<Int32Array>()))
}

/// Places are from 1, those below 0 from the end; both are in.
fn slice(args: &[ArrayRef]) -> Result<ArrayRef> {
    let all = Elements::of(&args[..1])?;
    let place = |column: usize, row: usize, length: usize| {
        let places = args.get(column)?;
        let place = places.is_valid(row).then(|| places.as_primitive::<Int64Type>().value(row))?;
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        Some(match place {
            0 => 1,
            below if below < 0 => length.saturating_add(below).saturating_add(1),
            place => place,
        })
    };
    let lists = (0..args[0].len()).map(|row| {
        let list = all.list(0, row)?;
        let from = place(1, row, list.len())?.max(1);
        let to = if args.len() > 2 { place(2, row, list.len())? } else { i64::MAX };
        let skipped = usize::try_from(from - 1).unwrap_or(usize::MAX);
        let taken = usize::try_from(to.saturating_sub(from).saturating_add(1)).unwrap_or(0);
        Some(list.skip(skipped).take(taken).collect())
    });
    picked(&all.values, lists)
}

fn sort(args: &[ArrayRef]) -> Result<ArrayRef> {
    let all = Elements::of(&args[..1])?;
    let is = |column: usize, row: usize, otherwise: bool| match args.get(column) {
        Some(how) => how.is_valid(row).then(|| how.as_boolean().value(row)),
        None => Some(otherwise),
    };
    let lists = (0..args[0].len()).map(|row| {
        let ascends = is(1, row, true)?;
        let nulls_first = is(2, row, ascends)?;
        let (mut nulls, mut places): (Vec<usize>, Vec<usize>) =
            all.list(0, row)?.partition(|at| all.values.is_null(*at));
        places.sort_by(|a, b| match ascends {
            true => all.key(*a).cmp(all.key(*b)),
            false => all.key(*b).cmp(all.key(*a)),
        });
        Some(match nulls_first {
            true => {
                nulls.extend(places);
                nulls
            }
            false => {
                places.extend(nulls);
                places
            }
        })
    });
    picked(&all.values, lists)
}

/// The greatest or the least element that is not NULL.
fn best(args: &[ArrayRef], wanted: Ordering) -> Result<ArrayRef> {
    let all = Elements::of(args)?;
    let found = (0..args[0].len()).map(|row| {
        let places = all.list(0, row)?.filter(|at| all.values.is_valid(*at));
        let best = places.reduce(|a, b| if all.key(b).cmp(all.key(a)) == wanted { b } else { a });
        best.map(|at| at as u64)
    });
    Ok(take(&all.values, &found.collect::<UInt64Array>(), None)?)
}

/// The only element of an array.
fn element(args: &[ArrayRef]) -> Result<ArrayRef> {
    let list = args[0].as_list::<i32>();
    let only = (0..list.len()).map(|row| {
        let (begin, length) = (list.value_offsets()[row], list.value_length(row));
        match (list.is_valid(row), length) {
            (true, 1) => Ok(u64::try_from(begin).ok()),
            (true, 2..) => exec_err!("ELEMENT: the array has {length} elements"),
            _ => Ok(None),
        }
    });
    let only = only.collect::<Result<UInt64Array>>()?;
    if list.values().is_empty() {
        return Ok(new_null_array(list.values().data_type(), list.len()));
    }
    Ok(take(list.values(), &only, None)?)
}

fn join(args: &[ArrayRef]) -> Result<ArrayRef> {
    let list = args[0].as_list::<i32>();
    let values = cast(list.values(), &DataType::Utf8)?;
    let (values, between) = (values.as_string::<i32>(), args[1].as_string::<i32>());
    let rows = (0..list.len()).map(|row| {
        let between = (list.is_valid(row) && between.is_valid(row)).then(|| between.value(row))?;
        let for_null = match args.get(2) {
            Some(texts) => Some(texts.is_valid(row).then(|| texts.as_string::<i32>().value(row))?),
            None => None,
        };
        let places = list.value_offsets()[row]..list.value_offsets()[row + 1];
        let texts = places.filter_map(|at| usize::try_from(at).ok());
        let texts = texts.filter_map(|at| if values.is_valid(at) { Some(values.value(at)) } else { for_null });
        Some(texts.collect::<Vec<_>>().join(between))
    });
    Ok(Arc::new(rows.collect::<StringArray>()))
}
