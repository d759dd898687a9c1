//! `allOf`, `anyOf`, `oneOf`: the schemas of one side are matched with those of the other, as many as can be.

use super::compare::Comparison;
use super::model::{Criterion, PartId};
use super::rules;
use crate::compatibility::Difference;

/// The criterion and the schemas of a side.
type Side<'a> = (Criterion, &'a [PartId]);

pub(super) fn compare(comparison: &mut Comparison<'_>, writer: Side<'_>, reader: Side<'_>) {
    let ((written, writers), (read, readers)) = (writer, reader);
    if written != read {
        let single = |parts: &[PartId]| parts.len() == 1;
        let wider = match read {
            Criterion::Any => true,
            Criterion::One => single(writers),
            Criterion::All => single(writers) && single(readers),
        };
        if !wider {
            return comparison.add(&rules::COMBINED_TYPE_CHANGED, read.keyword());
        }
        comparison.add(&rules::COMBINED_TYPE_EXTENDED, read.keyword());
    }
    match (read == Criterion::All, writers.len().cmp(&readers.len())) {
        (_, std::cmp::Ordering::Equal) => {}
        (true, std::cmp::Ordering::Less) => comparison.add(&rules::PRODUCT_TYPE_EXTENDED, read.keyword()),
        (true, std::cmp::Ordering::Greater) => comparison.add(&rules::PRODUCT_TYPE_NARROWED, read.keyword()),
        (false, std::cmp::Ordering::Less) => comparison.add(&rules::SUM_TYPE_EXTENDED, read.keyword()),
        (false, std::cmp::Ordering::Greater) => comparison.add(&rules::SUM_TYPE_NARROWED, read.keyword()),
    }
    let mut fits: Vec<Vec<(usize, Vec<Difference>)>> = Vec::with_capacity(writers.len());
    for (nth, part) in writers.iter().enumerate() {
        let mut of_part = Vec::new();
        comparison.at(format!("{}/{nth}", written.keyword()), |comparison| {
            for (other, reader) in readers.iter().enumerate() {
                let (found, fits) = comparison.attempt(*part, *reader);
                if fits {
                    of_part.push((other, found));
                }
            }
        });
        fits.push(of_part);
    }
    let matched = matching(&fits, readers.len());
    for (reader, writer) in matched.iter().enumerate() {
        let of_writer = writer.and_then(|writer| fits.get(writer));
        let found = of_writer.and_then(|fits| fits.iter().find(|(other, _)| *other == reader));
        comparison.found.extend(found.into_iter().flat_map(|(_, found)| found.clone()));
    }
    if matched.iter().flatten().count() < writers.len().min(readers.len()) {
        comparison.add(&rules::COMBINED_TYPE_SUBSCHEMAS_CHANGED, read.keyword());
    }
}

/// For each reader the writer that it is matched with: a matching of the largest size, by augmenting paths.
fn matching(fits: &[Vec<(usize, Vec<Difference>)>], readers: usize) -> Vec<Option<usize>> {
    fn place(
        writer: usize,
        fits: &[Vec<(usize, Vec<Difference>)>],
        tried: &mut [bool],
        matched: &mut [Option<usize>],
    ) -> bool {
        for (reader, _) in fits.get(writer).into_iter().flatten() {
            let Some(seen) = tried.get_mut(*reader) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            let before = matched.get(*reader).copied().flatten();
            if before.is_none_or(|other| place(other, fits, tried, matched)) {
                if let Some(slot) = matched.get_mut(*reader) {
                    *slot = Some(writer);
                }
                return true;
            }
        }
        false
    }
    let mut matched = vec![None; readers];
    for writer in 0..fits.len() {
        place(writer, fits, &mut vec![false; readers], &mut matched);
    }
    matched
}
