//! Projections and filters, one after the other in one operator: expressions are compiled once and run on whole batches.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, TimestampMillisecondArray};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use tidemill_engine::{Batch, EngineError, EventTime, Operator, Output, Result};

use super::rejects::{rows_of, set_apart};
use super::{results::micros, rows::RowCodec, unnest::unnest};

/// The port of rows that fail.
pub(crate) const REJECTS: usize = 1;

/// What is done with each batch.
#[derive(Clone)]
pub enum Step {
    /// Rows for which this is true stay.
    Filter(Arc<dyn PhysicalExpr>),
    /// Columns become these.
    Project(Vec<Arc<dyn PhysicalExpr>>, SchemaRef),
    /// All rows come once for each list of columns.
    Expand(Vec<Vec<Arc<dyn PhysicalExpr>>>, SchemaRef),
    /// A row for each element of the last column, see [`unnest`].
    Unnest {
        /// Rows without elements stay.
        outer: bool,
        /// The columns that come out.
        schema: SchemaRef,
    },
    /// This column is the rows' time.
    Times(usize),
    /// The watermark follows as a column: what the input has got to, or NULL.
    Watermark(SchemaRef),
    /// The first columns stay, and the key of some columns follows.
    Key {
        /// How many stay.
        keep: usize,
        /// Which columns are the key's.
        columns: Vec<usize>,
        /// The columns that come out.
        schema: SchemaRef,
    },
}

/// Does its steps with each batch.
pub struct Calc {
    steps: Vec<(Step, Option<RowCodec>)>,
    /// Rows that fail come out of port 1 under this name; without it they fail the job.
    rejects: Option<String>,
}

impl Calc {
    /// An operator that does `steps` in order; `name` is for its errors.
    ///
    /// # Errors
    /// Where a key column has a type that can't be one.
    pub fn new(steps: &[Step], input: &SchemaRef) -> Result<Self> {
        let mut schema = input.clone();
        let mut ready = Vec::with_capacity(steps.len());
        for step in steps {
            let codec = match step {
                Step::Key { columns, .. } => {
                    let types = columns.iter().filter_map(|column| schema.fields().get(*column));
                    Some(RowCodec::new(types.map(|field| field.data_type().clone()))?)
                }
                _ => None,
            };
            if let Step::Project(_, next)
            | Step::Expand(_, next)
            | Step::Unnest { schema: next, .. }
            | Step::Watermark(next)
            | Step::Key { schema: next, .. } = step
            {
                schema = next.clone();
            }
            ready.push((step.clone(), codec));
        }
        Ok(Calc { steps: ready, rejects: None })
    }

    /// Puts rows that fail out of port 1, as those of this origin, and goes on.
    pub fn with_rejects(self, origin: Option<String>) -> Self {
        Calc { rejects: origin, ..self }
    }

    /// What comes of a batch.
    pub(crate) fn apply(&self, mut batch: Batch, watermark: EventTime) -> Result<Batch> {
        for (step, codec) in &self.steps {
            if batch.num_rows() == 0 {
                break;
            }
            batch = match step {
                Step::Filter(condition) => filter(batch, condition.as_ref())?,
                Step::Project(expressions, schema) => batch.with_rows(project(batch.rows(), expressions, schema)?)?,
                Step::Expand(copies, schema) => {
                    let copy = |columns| batch.with_rows(project(batch.rows(), columns, schema)?);
                    Batch::concat(&copies.iter().map(|columns| copy(columns)).collect::<Result<Vec<_>>>()?)?
                }
                Step::Unnest { outer, schema } => unnest(&batch, *outer, schema)?,
                Step::Times(column) => {
                    let times = micros(batch.rows().column(*column))?;
                    if times.null_count() > 0 {
                        return Err(EngineError::Plan("a row has no time".into()));
                    }
                    batch.with_times(times.values().clone())?
                }
                Step::Watermark(schema) => {
                    let shown = Some(watermark.millis()).filter(|_| watermark > EventTime::MIN);
                    let column: TimestampMillisecondArray = std::iter::repeat_n(shown, batch.num_rows()).collect();
                    let mut columns = batch.rows().columns().to_vec();
                    columns.push(Arc::new(column));
                    batch.with_rows(RecordBatch::try_new(schema.clone(), columns)?)?
                }
                Step::Key { keep, columns, schema } => {
                    let rows = batch.rows();
                    let of_key: Vec<_> = columns.iter().filter_map(|c| rows.columns().get(*c).cloned()).collect();
                    let mut out: Vec<_> = rows.columns().iter().take(*keep).cloned().collect();
                    if let Some(codec) = codec {
                        out.push(codec.encode_column(&of_key, rows.num_rows())?);
                    }
                    batch.with_rows(RecordBatch::try_new(schema.clone(), out)?)?
                }
            };
        }
        Ok(batch)
    }
}

/// Evaluates expressions over rows.
pub(crate) fn project(
    rows: &RecordBatch,
    expressions: &[Arc<dyn PhysicalExpr>],
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let columns = expressions.iter().map(|expression| {
        let value = expression.evaluate(rows).map_err(failed)?;
        value.into_array(rows.num_rows()).map_err(failed)
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_>>()?, &options)?)
}

/// The rows for which a condition is true.
fn filter(batch: Batch, condition: &dyn PhysicalExpr) -> Result<Batch> {
    let keep = match condition.evaluate(batch.rows()).map_err(failed)? {
        ColumnarValue::Scalar(scalar) => {
            let all = matches!(scalar, datafusion::common::ScalarValue::Boolean(Some(true)));
            BooleanArray::from(vec![all; batch.num_rows()])
        }
        ColumnarValue::Array(array) => array
            .as_boolean_opt()
            .cloned()
            .ok_or_else(|| EngineError::Plan(format!("a condition is {}, not BOOLEAN", array.data_type())))?,
    };
    let keep = match keep.nulls() {
        Some(_) => arrow::compute::prep_null_mask_filter(&keep),
        None => keep,
    };
    match keep.true_count() {
        count if count == batch.num_rows() => Ok(batch),
        _ => batch.filter(&keep),
    }
}

/// An expression failed on a row: a division by zero, a text that is no number.
pub(super) fn failed(error: DataFusionError) -> EngineError {
    let arrow = |error: &ArrowError| match error {
        ArrowError::DivideByZero => "division by zero".to_owned(),
        ArrowError::CastError(said) | ArrowError::ParseError(said) | ArrowError::ComputeError(said) => said.clone(),
        other => other.to_string(),
    };
    EngineError::Row(match error.find_root() {
        DataFusionError::Execution(said) => said.clone(),
        DataFusionError::ArrowError(error, _) => arrow(error),
        _ => error.strip_backtrace(),
    })
}

impl Operator for Calc {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let Some(origin) = &self.rejects else {
            out.emit(self.apply(batch, out.watermark())?);
            return Ok(());
        };
        let mut failed = Vec::new();
        let done = set_apart(batch, &mut |batch| self.apply(batch, out.watermark()), &mut failed)?;
        done.into_iter().for_each(|batch| out.emit(batch));
        if !failed.is_empty() {
            out.count_errors(failed.len() as u64);
            out.emit_to(REJECTS, rows_of(origin, &failed)?);
        }
        Ok(())
    }

    fn on_batches(&mut self, port: usize, batches: &[Batch], out: &mut Output<'_>) -> Result<()> {
        batches.iter().try_for_each(|batch| self.on_batch(port, batch.clone(), out))
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

    use super::super::testing::table;
    use super::*;

    #[test]
    fn the_watermark_is_a_column() {
        let rows = table("id: Int64");
        let time = Field::new("watermark", DataType::Timestamp(TimeUnit::Millisecond, None), true);
        let schema = Arc::new(Schema::new(vec![rows.schema.field(0).clone(), time]));
        let calc = Calc::new(&[Step::Watermark(schema)], &rows.schema).unwrap();
        let shown = |watermark| {
            let batch = calc.apply(rows.rows("+I | 1 | 00:10"), watermark).unwrap();
            micros(batch.rows().column(1)).unwrap().iter().next().flatten()
        };
        assert_eq!(shown(EventTime::MIN), None);
        assert_eq!(shown(EventTime(8_000_000)), Some(8_000_000));
    }
}
