//! `CREATE FUNCTION … RETURN expression`: a function whose value is an SQL expression of its parameters.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::{DFSchema, Result, exec_err, plan_err};
use datafusion::logical_expr::execution_props::ExecutionProps;

use crate::types;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast,
};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

/// A function of SQL.
#[derive(Debug)]
struct SqlFunction {
    name: String,
    signature: Signature,
    parameters: SchemaRef,
    returns: DataType,
    body: Arc<dyn PhysicalExpr>,
    /// It is null where a parameter is.
    strict: bool,
}

/// Makes a function of an expression over its parameters.
pub(crate) fn sql_function(
    name: &str,
    parameters: SchemaRef,
    returns: DataType,
    body: Expr,
    strict: bool,
) -> Result<ScalarUDF> {
    let schema = DFSchema::try_from(parameters.as_ref().clone())?;
    let body = cast(body, returns.clone());
    let body = create_physical_expr(&body, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?;
    let signature = match parameters.fields().is_empty() {
        true => Signature::nullary(Volatility::Immutable),
        false => Signature::user_defined(Volatility::Immutable),
    };
    Ok(ScalarUDF::from(SqlFunction { name: name.to_lowercase(), signature, parameters, returns, body, strict }))
}

impl PartialEq for SqlFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.body.to_string() == other.body.to_string()
    }
}

impl Eq for SqlFunction {}

impl Hash for SqlFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for SqlFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let takes: Vec<DataType> = self.parameters.fields().iter().map(|field| field.data_type().clone()).collect();
        let fits = takes.len() == given.len() && given.iter().zip(&takes).all(|(from, to)| types::assignable(from, to));
        if !fits {
            let names = |all: &[DataType]| all.iter().map(types::name).collect::<Vec<_>>().join(", ");
            return plan_err!("{} takes ({}), not ({})", self.name, names(&takes), names(given));
        }
        Ok(takes)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns = args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let present = self.strict.then(|| columns.iter().map(|column| column.logical_nulls()).collect::<Vec<_>>());
        let fields: Vec<_> =
            self.parameters.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
        let value = self.body.evaluate(&batch)?.into_array(rows)?;
        if value.len() != rows {
            return exec_err!("function {} gave {} values for {rows} rows", self.name, value.len());
        }
        let Some(present) = present else { return Ok(ColumnarValue::Array(value)) };
        let absent: BooleanArray =
            (0..rows).map(|row| Some(present.iter().flatten().any(|nulls| nulls.is_null(row)))).collect();
        Ok(ColumnarValue::Array(compute::nullif(&value, &absent)?))
    }
}
