//! Every function against its definition, over random rows. A row is one number or null, from which all columns are made.

use std::sync::Arc;

use arrow::{
    array::{BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray},
    datatypes::{Field, Schema},
    util::display::array_value_to_string,
};
use proptest::prelude::*;
use tidemill_engine::RowKind;

use super::*;

type Row = Option<i64>;

fn schema() -> SchemaRef {
    let columns = [
        ("long", DataType::Int64),
        ("int", DataType::Int32),
        ("double", DataType::Float64),
        ("decimal", DataType::Decimal128(10, 2)),
        ("text", DataType::Utf8),
        ("even", DataType::Boolean),
        ("third", DataType::Boolean),
    ];
    Arc::new(Schema::new(columns.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec()))
}

fn text(row: i64) -> String {
    char::from(b'n' + row as i8 as u8).to_string()
}

fn batch(rows: &[(Row, bool)]) -> Batch {
    let of = |rows: &[(Row, bool)]| rows.iter().map(|(row, _)| *row).collect::<Vec<Row>>();
    let values = of(rows);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(values.clone())),
        Arc::new(Int32Array::from_iter(values.iter().map(|row| row.map(|row| row as i32)))),
        Arc::new(Float64Array::from_iter(values.iter().map(|row| row.map(|row| row as f64 / 2.0)))),
        Arc::new(
            Decimal128Array::from_iter(values.iter().map(|row| row.map(i128::from)))
                .with_precision_and_scale(10, 2)
                .unwrap(),
        ),
        Arc::new(StringArray::from_iter(values.iter().map(|row| row.map(text)))),
        Arc::new(BooleanArray::from_iter(values.iter().map(|row| row.map(|row| row % 2 == 0)))),
        Arc::new(BooleanArray::from_iter(values.iter().map(|row| row.map(|row| row % 3 == 0)))),
    ];
    let kind = |(_, goes): &(Row, bool)| if *goes { RowKind::Delete } else { RowKind::Insert };
    let kinds: Vec<RowKind> = rows.iter().map(kind).collect();
    let columns = RecordBatch::try_new(schema(), columns).unwrap();
    Batch::new(columns, vec![0; rows.len()]).unwrap().with_kinds(&kinds).unwrap()
}

fn or_null<T>(values: &[i64], result: impl FnOnce(&[i64]) -> T) -> String
where
    T: ToString,
{
    if values.is_empty() { "null".into() } else { result(values).to_string() }
}

fn decimal(value: i128, scale: u32) -> String {
    let (sign, value, one) = (if value < 0 { "-" } else { "" }, value.abs(), 10i128.pow(scale));
    format!("{sign}{}.{:0width$}", value / one, value % one, width = scale as usize)
}

fn sum(values: &[i64]) -> i64 {
    values.iter().sum()
}

fn list(values: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", values.into_iter().collect::<Vec<_>>().join(", "))
}

fn distinct(values: &[i64]) -> Vec<i64> {
    let mut seen = Vec::new();
    values.iter().for_each(|value| {
        if !seen.contains(value) {
            seen.push(*value)
        }
    });
    seen
}

fn variance(values: &[f64], divisor: usize) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / divisor as f64
}

fn halves(values: &[i64]) -> Vec<f64> {
    values.iter().map(|value| *value as f64 / 2.0).collect()
}

/// A result by its definition: of all rows in the order of arrival, and of those that are not null.
type Definition = fn(&[Row], &[i64]) -> String;

/// Calls with their definitions. The last are those whose order depends on rows that are gone, once some are.
fn calls(retraction: Retraction) -> Vec<(AggregateCall, Definition)> {
    use AggregateFunction as F;
    let call = |function, arguments: Vec<usize>| AggregateCall::new(function, arguments);
    let distinct_of = |function, at: usize| AggregateCall { distinct: true, ..call(function, vec![at]) };
    let mut calls: Vec<(AggregateCall, Definition)> = vec![
        (call(F::CountAll, vec![]), |rows, _| rows.len().to_string()),
        (call(F::Count, vec![4]), |_, v| v.len().to_string()),
        (call(F::Count, vec![0, 4]), |_, v| v.len().to_string()),
        (call(F::Sum, vec![0]), |_, v| or_null(v, sum)),
        (call(F::Sum, vec![1]), |_, v| or_null(v, sum)),
        (call(F::Sum, vec![2]), |_, v| or_null(v, |v| format!("{:?}", sum(v) as f64 / 2.0))),
        (call(F::Sum, vec![3]), |_, v| or_null(v, |v| decimal(sum(v).into(), 2))),
        (call(F::Avg, vec![0]), |_, v| or_null(v, |v| sum(v) / v.len() as i64)),
        (call(F::Avg, vec![2]), |_, v| or_null(v, |v| format!("{:?}", sum(v) as f64 / 2.0 / v.len() as f64))),
        (call(F::Avg, vec![3]), |_, v| {
            or_null(v, |v| decimal((sum(v) as f64 * 10_000.0 / v.len() as f64).round() as i128, 6))
        }),
        (call(F::Min, vec![0]), |_, v| or_null(v, |v| *v.iter().min().unwrap())),
        (call(F::Max, vec![1]), |_, v| or_null(v, |v| *v.iter().max().unwrap())),
        (call(F::Min, vec![4]), |_, v| or_null(v, |v| text(*v.iter().min().unwrap()))),
        (call(F::Max, vec![4]), |_, v| or_null(v, |v| text(*v.iter().max().unwrap()))),
        (call(F::Max, vec![2]), |_, v| or_null(v, |v| format!("{:?}", *v.iter().max().unwrap() as f64 / 2.0))),
        (call(F::Min, vec![3]), |_, v| or_null(v, |v| decimal((*v.iter().min().unwrap()).into(), 2))),
        (call(F::Max, vec![5]), |_, v| or_null(v, |v| v.iter().any(|v| v % 2 == 0))),
        (call(F::FirstValue, vec![0]), |_, v| or_null(v, |v| v[0])),
        (call(F::LastValue, vec![4]), |_, v| or_null(v, |v| text(v[v.len() - 1]))),
        (call(F::VarPop, vec![2]), |_, v| or_null(v, |v| variance(&halves(v), v.len()))),
        (call(F::StddevSamp, vec![2]), |_, v| match v.len() {
            0 | 1 => "null".into(),
            n => variance(&halves(v), n - 1).sqrt().to_string(),
        }),
        (call(F::VarSamp, vec![0]), |_, v| match v.len() as i64 {
            0 | 1 => "null".into(),
            n => ((v.iter().map(|v| v * v).sum::<i64>() - sum(v) * sum(v) / n) / (n - 1)).to_string(),
        }),
        (call(F::BoolAnd, vec![5]), |_, v| or_null(v, |v| v.iter().all(|v| v % 2 == 0))),
        (call(F::BoolOr, vec![5]), |_, v| or_null(v, |v| v.iter().any(|v| v % 2 == 0))),
        (call(F::ArrayAgg, vec![0]), |rows, _| match rows {
            [] => "null".into(),
            rows => list(rows.iter().map(|row| row.map_or(String::new(), |row| row.to_string()))),
        }),
        (call(F::Collect, vec![4]), |_, v| or_null(v, |v| list(v.iter().map(|v| text(*v))))),
        (call(F::ListAgg, vec![4]), |_, v| or_null(v, |v| v.iter().map(|v| text(*v)).collect::<Vec<_>>().join(","))),
        (distinct_of(F::Count, 0), |_, v| distinct(v).len().to_string()),
        (call(F::CountDistinct, vec![4]), |_, v| distinct(v).len().to_string()),
        (distinct_of(F::Sum, 0), |_, v| or_null(v, |v| sum(&distinct(v)))),
        (AggregateCall { filter: Some(6), ..call(F::Sum, vec![0]) }, |_, v| {
            or_null(&v.iter().copied().filter(|v| v % 3 == 0).collect::<Vec<_>>(), sum)
        }),
        (AggregateCall { filter: Some(6), ..distinct_of(F::Count, 4) }, |_, v| {
            distinct(v).iter().filter(|v| **v % 3 == 0).count().to_string()
        }),
    ];
    let (median, _) = F::resolve("MEDIAN", &[DataType::Float64], false).unwrap();
    calls.push((call(median, vec![2]), |_, v| {
        let mut sorted = halves(v);
        sorted.sort_by(f64::total_cmp);
        let middle = |at: usize| (sorted[(v.len() - 1) / 2] + sorted[at]) / 2.0;
        or_null(v, |v| middle(v.len() / 2))
    }));
    if retraction == Retraction::Never {
        calls.push((distinct_of(F::ListAgg, 4), |_, v| {
            or_null(v, |v| distinct(v).into_iter().map(text).collect::<Vec<_>>().join(","))
        }));
    }
    calls
}

/// Results of groups are what their rows' definitions say.
fn check(states: &Accumulators, calls: &[(AggregateCall, Definition)], groups: &[(u32, &Vec<Row>)]) {
    let numbers: Vec<u32> = groups.iter().map(|(group, _)| *group).collect();
    let results = states.results(&numbers).unwrap();
    for ((call, definition), results) in calls.iter().zip(results) {
        assert_eq!(results.data_type(), &call.result(&schema()).unwrap());
        for (at, (_, rows)) in groups.iter().enumerate() {
            let found = if results.is_null(at) { "null".into() } else { array_value_to_string(&results, at).unwrap() };
            let values: Vec<i64> = rows.iter().flatten().copied().collect();
            let expected = definition(rows, &values);
            let close = match (found.parse::<f64>(), expected.parse::<f64>()) {
                (Ok(found), Ok(expected)) => (found - expected).abs() < 1e-6,
                _ => false,
            };
            assert!(close || found == expected, "{call:?} of {rows:?} is {expected}, not {found}");
        }
    }
}

fn accumulators(retraction: Retraction) -> (Accumulators, Vec<(AggregateCall, Definition)>) {
    let calls = calls(retraction);
    let names: Vec<AggregateCall> = calls.iter().map(|(call, _)| call.clone()).collect();
    (Accumulators::new(&names, &schema(), retraction).unwrap(), calls)
}

/// The same groups, at other places, by way of their bytes.
fn through_bytes(states: &Accumulators, groups: usize) -> Accumulators {
    let mut copy = states.fresh().unwrap();
    copy.grow(groups);
    for group in 0..groups as u32 {
        let mut bytes = Vec::new();
        states.encode(group, &mut bytes);
        let mut bytes = Bytes(&bytes);
        copy.decode(groups as u32 - 1 - group, &mut bytes).unwrap();
        assert!(bytes.0.is_empty());
    }
    copy
}

const GROUPS: usize = 3;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Rows that come, and in two of the cases go again, in batches.
    #[test]
    fn functions_are_what_they_are_defined_to_be(
        retraction in prop::sample::select(vec![Retraction::Never, Retraction::Oldest, Retraction::Any]),
        steps in prop::collection::vec((0u8..6, 0..GROUPS, prop::option::weighted(0.8, -6i64..7), any::<prop::sample::Index>()), 0..60))
    {
        let (mut states, calls) = accumulators(retraction);
        states.grow(GROUPS);
        let mut model: Vec<Vec<Row>> = vec![Vec::new(); GROUPS];
        let (mut rows, mut groups) = (Vec::new(), Vec::new());
        for (step, group, row, index) in steps {
            let goes = step > 3 && retraction != Retraction::Never && !model[group].is_empty();
            if goes {
                let at = if retraction == Retraction::Oldest { 0 } else { index.index(model[group].len()) };
                let row = model[group][at];
                // Of equal rows the oldest goes: nothing tells them apart.
                let oldest = model[group].iter().position(|other| *other == row).unwrap();
                model[group].remove(oldest);
                rows.push((row, true));
            } else {
                model[group].push(row);
                rows.push((row, false));
            }
            groups.push(group as u32);
            if step == 0 {
                states.update(&batch(&rows), &groups).unwrap();
                rows.clear();
                groups.clear();
                let model: Vec<(u32, &Vec<Row>)> = (0u32..).zip(&model).collect();
                check(&states, &calls, &model);
            }
        }
        states.update(&batch(&rows), &groups).unwrap();
        let reversed: Vec<(u32, &Vec<Row>)> = (0..GROUPS as u32).rev().zip(&model).collect();
        check(&through_bytes(&states, GROUPS), &calls, &reversed);
    }

    /// A merged group is that of the rows of both.
    #[test]
    fn merged_groups_are_those_of_all_rows(
        retracts in any::<bool>(),
        rows in prop::collection::vec((0..GROUPS, prop::option::weighted(0.8, -6i64..7)), 0..40))
    {
        let (mut states, mut calls) = accumulators(Retraction::of_input(retracts));
        if !retracts {
            // Distinct texts that come by a merge are in the order of their bytes.
            calls.pop();
        }
        states.grow(GROUPS);
        let groups: Vec<u32> = rows.iter().map(|(group, _)| *group as u32).collect();
        let columns: Vec<(Row, bool)> = rows.iter().map(|(_, row)| (*row, false)).collect();
        states.update(&batch(&columns), &groups).unwrap();
        let mut merged = states.fresh().unwrap();
        merged.grow(1);
        merged.merge(&states, &[(0, 0), (0, 1), (0, 2)]).unwrap();
        let mut all: Vec<(usize, Row)> = rows;
        all.sort_by_key(|(group, _)| *group);
        check(&merged, &calls, &[(0, &all.iter().map(|(_, row)| *row).collect())]);
        merged.reset(0);
        check(&merged, &calls, &[(0, &Vec::new())]);
    }
}

#[test]
fn integers_wrap_around_and_decimals_that_have_no_place_are_null() {
    use AggregateFunction as F;
    let fields =
        vec![Field::new("int", DataType::Int32, true), Field::new("decimal", DataType::Decimal128(38, 0), true)];
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let most = 10i128.pow(38) - 1;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![i32::MAX, 1])),
        Arc::new(Decimal128Array::from(vec![most, 1]).with_precision_and_scale(38, 0).unwrap()),
    ];
    let calls = [AggregateCall::new(F::Sum, [0]), AggregateCall::new(F::Sum, [1])];
    let mut states = Accumulators::new(&calls, &schema, Retraction::Never).unwrap();
    states.grow(1);
    let rows = RecordBatch::try_new(schema, columns).unwrap();
    states.update(&Batch::new(rows, vec![0, 0]).unwrap(), &[0, 0]).unwrap();
    let results = states.results(&[0]).unwrap();
    assert_eq!(array_value_to_string(&results[0], 0).unwrap(), i32::MIN.to_string());
    assert!(results[1].is_null(0));
}

#[test]
fn the_long_tail_takes_literals_and_casts_what_it_is_given() {
    use datafusion::common::ScalarValue;
    let types = [DataType::Int64];
    let percentile = OtherFunction::named("percentile_cont", &types, &[ScalarValue::from(0.75)]).unwrap().unwrap();
    assert_eq!(percentile.result(), DataType::Float64);
    let (correlation, result) = AggregateFunction::resolve("CORR", &[DataType::Int64, DataType::Int32], false).unwrap();
    assert_eq!(result, DataType::Float64);
    let calls =
        [AggregateCall::new(AggregateFunction::Other(percentile), [0]), AggregateCall::new(correlation, [0, 1])];
    let mut states = Accumulators::new(&calls, &schema(), Retraction::Any).unwrap();
    states.grow(1);
    let rows: Vec<(Row, bool)> = [1, 2, 3, 4, 5, 9].iter().map(|row| (Some(*row), *row == 9)).collect();
    states.update(&batch(&rows), &[0; 6]).unwrap();
    let results = states.results(&[0]).unwrap();
    assert_eq!(array_value_to_string(&results[0], 0).unwrap(), "4.0");
    let correlated: f64 = array_value_to_string(&results[1], 0).unwrap().parse().unwrap();
    assert!((correlated - 1.0).abs() < 1e-9, "{correlated}");
    let error = AggregateFunction::resolve("CORR", &[DataType::Int64], false).unwrap_err().to_string();
    assert!(error.contains("corr can't be called so"), "{error}");
}
