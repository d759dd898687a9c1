//! Types in casts mean what they mean in declarations.

use arrow::datatypes::FieldRef;
use datafusion::error::Result;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::DataType;

use crate::parse::type_of;

#[derive(Debug)]
pub(super) struct TypeNames;

impl TypePlanner for TypeNames {
    fn plan_type_field(&self, sql_type: &DataType) -> Result<Option<FieldRef>> {
        Ok(Some(type_of(&sql_type.to_string())?.field("", true)))
    }
}
