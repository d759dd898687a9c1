//! ARRAY_AGG, COLLECT and LISTAGG: all values, in the order in which they came.

use std::{collections::VecDeque, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, NullBufferBuilder, StringArray, StringBuilder},
    buffer::{NullBuffer, OffsetBuffer},
    compute::cast,
    datatypes::{DataType, Field},
};
use tidemill_engine::{EngineError, Result};

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_bytes, put_u64},
    column,
    ordered::take_oldest,
    values::{Values, option, put_option},
};

/// A list of values; of no rows it is null. One that goes takes the oldest of its equals away.
#[derive(Debug)]
pub(crate) struct List<V> {
    pub(crate) values: V,
    /// Nulls are values too.
    pub(crate) nulls: bool,
    pub(crate) element: DataType,
}

/// Lists behind each other, and where each ends.
pub(crate) struct Lists<B> {
    elements: B,
    lengths: Vec<usize>,
    valid: NullBufferBuilder,
}

impl<V: Values> Fold for List<V> {
    type State = VecDeque<Option<V::Value>>;
    type Arguments<'a> = (V::Column<'a>, Option<NullBuffer>);
    type Results = Lists<V::Builder>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<Self::Arguments<'a>> {
        let column = column(columns)?;
        Ok((self.values.column(column)?, column.logical_nulls()))
    }

    fn counts(&self, columns: &[ArrayRef]) -> Option<NullBuffer> {
        if self.nulls { None } else { columns.first().and_then(|column| column.logical_nulls()) }
    }

    fn add(&self, state: &mut Self::State, (values, nulls): &Self::Arguments<'_>, row: usize) {
        let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        state.push_back(valid.then(|| V::get(values, row)));
    }

    fn retract(&self, state: &mut Self::State, (values, nulls): &Self::Arguments<'_>, row: usize) {
        let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        take_oldest(state, |value| match value {
            Some(value) => valid && V::compare(value, values, row).is_eq(),
            None => !valid,
        });
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        state.extend(later.iter().cloned());
        Ok(())
    }

    fn results(&self, capacity: usize) -> Self::Results {
        Lists {
            elements: self.values.builder(capacity),
            lengths: Vec::with_capacity(capacity),
            valid: NullBufferBuilder::new(capacity),
        }
    }

    fn result(&self, state: &Self::State, results: &mut Self::Results) {
        state.iter().for_each(|value| self.values.append(value.as_ref(), &mut results.elements));
        results.lengths.push(state.len());
        results.valid.append(!state.is_empty());
    }

    fn finish(&self, mut results: Self::Results) -> Result<ArrayRef> {
        if results.lengths.iter().sum::<usize>() > i32::MAX as usize {
            return Err(EngineError::Plan(
                "lists of more than 2^31 values together can't be emitted; aggregate smaller groups".into(),
            ));
        }
        let element = Arc::new(Field::new_list_field(self.element.clone(), true));
        let offsets = OffsetBuffer::from_lengths(results.lengths);
        let elements = self.values.finish(results.elements)?;
        Ok(Arc::new(ListArray::try_new(element, offsets, elements, results.valid.finish())?))
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_u64(out, state.len() as u64);
        state.iter().for_each(|value| put_option::<V>(value.as_ref(), out));
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        let values = bytes.u64()?;
        (0..values).map(|_| option::<V>(bytes)).collect()
    }
}

/// Texts in one, the last row's separator between them; of no rows it is null.
#[derive(Debug)]
pub(crate) struct ListAgg;

/// Texts in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    texts: VecDeque<Box<str>>,
    between: Option<Box<str>>,
}

impl Fold for ListAgg {
    type State = Texts;
    type Arguments<'a> = (StringArray, Option<StringArray>);
    type Results = StringBuilder;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<Self::Arguments<'a>> {
        let text = |column: &ArrayRef| Ok::<_, EngineError>(cast(column, &DataType::Utf8)?.as_string::<i32>().clone());
        Ok((text(column(columns)?)?, columns.get(1).map(text).transpose()?))
    }

    fn add(&self, state: &mut Texts, (texts, between): &Self::Arguments<'_>, row: usize) {
        state.texts.push_back(texts.value(row).into());
        let between = between.as_ref().filter(|between| between.is_valid(row)).map(|between| between.value(row));
        if state.between.as_deref() != between {
            state.between = between.map(Into::into);
        }
    }

    fn retract(&self, state: &mut Texts, (texts, _): &Self::Arguments<'_>, row: usize) {
        take_oldest(&mut state.texts, |text| **text == *texts.value(row));
    }

    fn merge(&self, state: &mut Texts, later: &Texts) -> Result<()> {
        state.texts.extend(later.texts.iter().cloned());
        if !later.texts.is_empty() {
            state.between.clone_from(&later.between);
        }
        Ok(())
    }

    fn results(&self, capacity: usize) -> StringBuilder {
        StringBuilder::with_capacity(capacity, capacity * 16)
    }

    fn result(&self, state: &Texts, results: &mut StringBuilder) {
        use std::fmt::Write as _;
        let between = state.between.as_deref().unwrap_or(",");
        for (i, text) in state.texts.iter().enumerate() {
            // Writing into memory does not fail.
            let _ = if i == 0 { Ok(()) } else { results.write_str(between) };
            let _ = results.write_str(text);
        }
        match state.texts.is_empty() {
            true => results.append_null(),
            false => results.append_value(""),
        }
    }

    fn finish(&self, mut results: StringBuilder) -> Result<ArrayRef> {
        Ok(Arc::new(results.finish()))
    }

    fn encode(&self, state: &Texts, out: &mut Vec<u8>) {
        put_u64(out, state.texts.len() as u64);
        state.texts.iter().for_each(|text| put_bytes(out, text.as_bytes()));
        out.push(u8::from(state.between.is_some()));
        state.between.iter().for_each(|between| put_bytes(out, between.as_bytes()));
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Texts> {
        let text = |bytes: &mut Bytes<'_>| Some(Box::from(std::str::from_utf8(bytes.bytes()?).ok()?));
        let texts = bytes.u64()?;
        let texts = (0..texts).map(|_| text(bytes)).collect::<Option<_>>()?;
        let between = if bytes.u8()? == 0 { None } else { Some(text(bytes)?) };
        Some(Texts { texts, between })
    }
}
