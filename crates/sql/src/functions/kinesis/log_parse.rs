//! Functions that cut a line of a log into a record; NULL where the line does not fit. The parsers are those of the formats.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use tidemill_formats::{Decoder, Format, Options};

/// A function, the format that it stands for, and which options its arguments are.
#[derive(Debug)]
struct LogParse {
    name: &'static str,
    format: &'static str,
    /// Options that every call has.
    fixed: &'static [(&'static str, &'static str)],
    /// The options of the arguments behind the line.
    options: &'static [&'static str],
    /// How many of them must be given.
    required: usize,
    usage: &'static str,
    signature: Signature,
}

impl PartialEq for LogParse {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for LogParse {}

impl Hash for LogParse {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

pub(super) fn all() -> impl Iterator<Item = ScalarUDF> {
    let function = |name, format, options, required, usage| LogParse {
        name,
        format,
        fixed: &[],
        options,
        required,
        usage,
        signature: Signature::user_defined(Volatility::Immutable),
    };
    let regex = &["regex.pattern", "regex.columns"];
    let variable = &[
        "variable-columns.columns",
        "variable-columns.delimiter",
        "variable-columns.escape",
        "variable-columns.quote",
    ];
    [
        function(
            "regex_log_parse",
            "regex",
            regex,
            1,
            "REGEX_LOG_PARSE(line, 'regular expression' [, 'name TYPE type, …'])",
        ),
        function(
            "fast_regex_log_parse",
            "regex",
            regex,
            1,
            "FAST_REGEX_LOG_PARSE(line, 'regular expression' [, 'name TYPE type, …'])",
        ),
        function("w3c_log_parse", "w3c", &["w3c.pattern"], 0, "W3C_LOG_PARSE(line [, 'COMMON'])"),
        LogParse {
            fixed: &[("syslog.standard", "rfc3164")],
            ..function("sys_log_parse", "syslog", &[], 0, "SYS_LOG_PARSE(line)")
        },
        function(
            "fixed_column_log_parse",
            "fixed-columns",
            &["fixed-columns.columns"],
            1,
            "FIXED_COLUMN_LOG_PARSE(line, 'name TYPE type START n FOR m, …')",
        ),
        function(
            "variable_column_log_parse",
            "variable-columns",
            variable,
            1,
            "VARIABLE_COLUMN_LOG_PARSE(line, 'name TYPE type, …' [, delimiter [, escape [, quote]]])",
        ),
    ]
    .into_iter()
    .map(ScalarUDF::from)
}

impl LogParse {
    /// The format that arguments say.
    fn format<'v>(
        &self,
        arguments: impl ExactSizeIterator<Item = Option<&'v ScalarValue>>,
    ) -> Result<(Format, SchemaRef)> {
        if arguments.len() < self.required || arguments.len() > self.options.len() {
            return plan_err!("write {}", self.usage);
        }
        let mut options = Options::new().with("format", self.format);
        for (key, value) in self.fixed {
            options = options.with(*key, *value);
        }
        for (key, argument) in self.options.iter().zip(arguments) {
            let text = match argument {
                Some(
                    ScalarValue::Utf8(Some(text))
                    | ScalarValue::LargeUtf8(Some(text))
                    | ScalarValue::Utf8View(Some(text)),
                ) => text.clone(),
                Some(number) if number.data_type().is_integer() => number.to_string(),
                _ => return plan_err!("write {}: what follows the line is constant text", self.usage),
            };
            options = options.with(*key, text);
        }
        let refused = |error: tidemill_formats::Error| DataFusionError::Plan(format!("{}: {error}", self.usage));
        let format = Format::from_options(&options).map_err(refused)?;
        let schema = match &format {
            Format::Log(options) => options.schema(),
            _ => return plan_err!("{} is no format of lines", self.format),
        };
        // All of a syslog line is in its first two columns.
        let schema = match self.format {
            "syslog" => Arc::new(schema.project(&[0, 1])?),
            _ => schema.clone(),
        };
        Ok((format, schema))
    }
}

impl ScalarUDFImpl for LogParse {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [line, rest @ ..] if line.is_string() || line.is_null() => Ok([&[DataType::Utf8], rest].concat()),
            _ => plan_err!("write {}", self.usage),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        exec_err!("the record of {} depends on what follows the line", self.name)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let (_, schema) = self.format(args.scalar_arguments.iter().skip(1).copied())?;
        let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        Ok(Arc::new(Field::new(self.name, DataType::Struct(fields.collect()), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constants: Vec<Option<ScalarValue>> = args
            .args
            .iter()
            .skip(1)
            .map(|argument| match argument {
                ColumnarValue::Scalar(value) => Some(value.clone()),
                ColumnarValue::Array(_) => None,
            })
            .collect();
        let (format, schema) = self.format(constants.iter().map(Option::as_ref))?;
        let failed = |error: tidemill_formats::Error| DataFusionError::Execution(error.to_string());
        let mut decoder: Box<dyn Decoder> = format.decoder(schema).map_err(failed)?;
        let Some(lines) = args.args.first() else { return exec_err!("write {}", self.usage) };
        let lines = lines.to_array(args.number_rows)?;
        let lines = lines.as_string::<i32>();
        let records: Vec<&[u8]> = lines.iter().map(|line| line.unwrap_or_default().as_bytes()).collect();
        let decoded = decoder.decode(&records).map_err(failed)?;
        // The row of each line, none where the line does not fit.
        let mut rows: Vec<Option<u32>> = vec![None; records.len()];
        for row in 0..decoded.rows.num_rows() {
            let of = decoded.origin(row);
            let is_line = of < lines.len() && lines.is_valid(of);
            if let Some(place) = rows.get_mut(of).filter(|_| is_line) {
                *place = Some(row as u32);
            }
        }
        let nulls = rows.iter().map(Option::is_some).collect();
        let rows = UInt32Array::from(rows);
        let DataType::Struct(fields) = args.return_field.data_type() else {
            return exec_err!("{} gives no record", self.name);
        };
        let columns: Vec<ArrayRef> =
            decoded.rows.columns().iter().map(|column| take(column, &rows, None)).collect::<Result<_, _>>()?;
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(fields.clone(), columns, Some(nulls))?)))
    }
}
