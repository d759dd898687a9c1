//! `LATE DATA TO table`: which columns of a window aggregation's input go into the table, by their names. It is done before the plan is
//! optimized, which then knows that the columns are needed.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    Aggregate, ColumnarValue, Expr, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    lit,
};

use super::window::ADDED;
use crate::catalog::{Catalog, Table};
use crate::error::{Kind, SqlError, similar};
use crate::parse::LATE_DATA;

/// The clause as a call: the table's name, then the columns. It is never asked for a value.
#[derive(Debug, PartialEq, Eq, Hash)]
struct LateData {
    signature: Signature,
}

static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    // Volatile: a call that is no constant and no other call's equal.
    Arc::new(ScalarUDF::from(LateData { signature: Signature::variadic_any(Volatility::Volatile) }))
});

/// The function of this name, if it is the clause's.
pub(super) fn function(name: &str) -> Option<Arc<ScalarUDF>> {
    (name == LATE_DATA).then(|| FUNCTION.clone())
}

impl ScalarUDFImpl for LateData {
    fn name(&self) -> &str {
        LATE_DATA
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("LATE DATA TO has no value")
    }
}

/// The table of the clause that an expression is, and the columns of late rows.
pub(crate) fn late_data(expr: &Expr) -> Option<(&str, &[Expr])> {
    match expr {
        Expr::Alias(alias) => late_data(&alias.expr),
        Expr::ScalarFunction(call) if call.func.name() == LATE_DATA => match call.args.split_first() {
            Some((Expr::Literal(ScalarValue::Utf8(Some(table)), _), columns)) => Some((table, columns)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the clause is anywhere in a plan.
pub(crate) fn takes_late_data(plan: &LogicalPlan) -> bool {
    let mut takes = false;
    let looked = plan.apply_with_subqueries(|plan| {
        takes |= matches!(plan, LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.iter().any(|e| late_data(e).is_some()));
        Ok(TreeNodeRecursion::Continue)
    });
    takes && looked.is_ok()
}

/// The plan with the columns of late rows in each clause.
pub(super) fn name_late_columns(plan: LogicalPlan, catalog: &Catalog) -> Result<LogicalPlan> {
    let named = plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.iter().any(|expr| late_data(expr).is_some()) => {
            let named = |expr: &Expr| match late_data(expr) {
                Some((table, _)) => call(catalog.table(table)?, aggregate.input.schema()),
                None => Ok(expr.clone()),
            };
            let groups = aggregate.group_expr.iter().map(named).collect::<std::result::Result<Vec<_>, SqlError>>()?;
            let aggregate = Aggregate::try_new(aggregate.input.clone(), groups, aggregate.aggr_expr.clone())?;
            Ok(Transformed::yes(LogicalPlan::Aggregate(aggregate)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(named.data)
}

fn call(table: &Table, rows: &DFSchema) -> std::result::Result<Expr, SqlError> {
    let mut arguments = vec![lit(table.name.as_str())];
    // A late row is in no window.
    let of_rows = |name: &str| match ADDED.contains(&name) {
        true => None,
        false => rows.qualified_field_with_unqualified_name(name).ok().map(Column::from),
    };
    for column in table.writable() {
        let name = table.schema.field(column).name();
        let Some(column) = of_rows(name) else {
            let message = format!("late rows go into '{}' by the names of columns, and have no '{name}'", table.name);
            let error = SqlError::new(Kind::Name, message);
            let known: Vec<&str> =
                rows.fields().iter().map(|field| field.name().as_str()).filter(|name| !ADDED.contains(name)).collect();
            return Err(match similar(name, known.iter().copied()) {
                Some(known) => error.hint(format!("did you mean '{known}'?")),
                None => error.hint(format!("they have {}", known.join(", "))),
            });
        };
        arguments.push(Expr::Column(column));
    }
    Ok(FUNCTION.call(arguments))
}
