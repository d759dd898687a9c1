//! What `DATE_FORMAT` comes to: a time by a format of C's. Rows that follow each other often lie in the same minute or day, and
//! have one text where the format does not tell them apart.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, StringBuilder, TimestampMillisecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::datetime::to_char;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

const TIME: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

/// A text of a `TIMESTAMP(3)`.
pub(crate) fn text_of(time: Expr, format: String) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        let signature = Signature::exact(vec![TIME, DataType::Utf8], Volatility::Immutable);
        Arc::new(ScalarUDF::from(DateFormat { signature }))
    });
    FUNCTION.call(vec![time, lit(format)])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateFormat {
    signature: Signature,
}

impl ScalarUDFImpl for DateFormat {
    fn name(&self) -> &'static str {
        "date_format"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Array(times), ColumnarValue::Scalar(ScalarValue::Utf8(Some(format)))] =
            args.args.as_slice()
        else {
            return to_char().invoke_with_args(args);
        };
        let (times, unit_ms) = (times.as_primitive::<TimestampMillisecondType>().clone(), unit_ms(format));
        let (firsts, runs) = runs(&times, unit_ms);
        let rows = firsts.len();
        if let Some(argument) = args.args.first_mut() {
            *argument = ColumnarValue::Array(Arc::new(firsts));
        }
        let written = to_char().invoke_with_args(ScalarFunctionArgs { number_rows: rows, ..args })?.into_array(rows)?;
        let written = written.as_string::<i32>();
        let mut texts =
            StringBuilder::with_capacity(times.len(), times.len() * written.value_data().len() / rows.max(1));
        for run in runs {
            texts.append_option(written.is_valid(run).then(|| written.value(run)));
        }
        Ok(ColumnarValue::Array(Arc::new(texts.finish())))
    }
}

/// The first time of each run of rows in the same unit, and the run of each row.
fn runs(times: &TimestampMillisecondArray, unit_ms: i64) -> (TimestampMillisecondArray, Vec<usize>) {
    let (mut firsts, mut runs) = (Vec::new(), Vec::with_capacity(times.len()));
    let mut last: Option<Option<(i64, i64)>> = None;
    for time in times {
        let is_same = match (last, time) {
            (Some(Some((begin, end))), Some(time)) => begin <= time && time < end,
            (Some(None), None) => true,
            _ => false,
        };
        if !is_same {
            firsts.push(time);
            last = Some(time.map(|time| {
                let begin = time - time.rem_euclid(unit_ms);
                (begin, begin.saturating_add(unit_ms))
            }));
        }
        runs.push(firsts.len() - 1);
    }
    (firsts.into(), runs)
}

/// The longest time in which a format always gives the same text.
fn unit_ms(format: &str) -> i64 {
    let mut unit = 86_400_000;
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            continue;
        }
        unit = unit.min(match letters.by_ref().find(|letter| *letter != '-') {
            Some('Y' | 'y' | 'm' | 'd' | 'b' | 'B' | 'a' | 'A' | 'j' | '%') => 86_400_000,
            Some('H' | 'I' | 'p') => 3_600_000,
            Some('M') => 60_000,
            Some('S') => 1_000,
            _ => 1,
        });
    }
    unit
}

#[cfg(test)]
mod tests {
    use arrow::array::ArrayRef;
    use arrow::datatypes::Field;
    use datafusion::common::config::ConfigOptions;
    use proptest::prelude::*;

    use super::*;

    fn field(data_type: DataType) -> Arc<Field> {
        Arc::new(Field::new("c", data_type, true))
    }

    fn texts(function: &ScalarUDF, times: &[Option<i64>], format: &str) -> Vec<Option<String>> {
        let array: ArrayRef = Arc::new(TimestampMillisecondArray::from(times.to_vec()));
        let args = ScalarFunctionArgs {
            args: vec![ColumnarValue::Array(array), ColumnarValue::Scalar(ScalarValue::from(format))],
            arg_fields: vec![field(TIME), field(DataType::Utf8)],
            number_rows: times.len(),
            return_field: field(DataType::Utf8),
            config_options: Arc::new(ConfigOptions::default()),
        };
        let texts = function.invoke_with_args(args).unwrap().into_array(times.len()).unwrap();
        texts.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    proptest! {
        #[test]
        fn rows_have_the_texts_that_they_have_one_by_one(
            steps in prop::collection::vec(prop::option::weighted(0.9, prop_oneof![0i64..3, 0i64..70_000, -90_000_000i64..90_000_000]), 0..60),
            begin in -5_000_000_000i64..2_000_000_000_000,
            format in prop_oneof![Just("%Y-%m-%d"), Just("%H:%M"), Just("%-I %p %%"), Just("%S"), Just("%H%3f"), Just("day %j"), Just("-")],
        ) {
            let mut now = begin;
            let times: Vec<Option<i64>> = steps.into_iter().map(|step| { now += step?; Some(now) }).collect();
            let ours = ScalarUDF::from(DateFormat { signature: Signature::any(2, Volatility::Immutable) });
            prop_assert_eq!(texts(&ours, &times, format), texts(&to_char(), &times, format));
        }
    }
}
