//! `UNNEST(array)`: a row for each element of an array, or entry of a map, beside the row that holds it.
//!
//! The array is an expression over what stands before it in FROM. DataFusion plans such a relation as a sub-query that refers to the
//! outer one; [`join_arrays`] makes one node of the join and the sub-query.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DFSchemaRef, JoinType, Result, TableReference, plan_err};
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlannerContext};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, ExprSchemable, Extension, Filter, Join, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNodeCore, lit,
};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, Query, Spanned, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use crate::error::{Kind, Place, SqlError};
use crate::parse::call;

/// The rows of an input, each once for each element of its array.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Unnest {
    pub(crate) input: LogicalPlan,
    /// An array or a map.
    pub(crate) array: Expr,
    /// Rows whose array has no element stay, with NULLs.
    pub(crate) outer: bool,
    /// Where it is written.
    pub(crate) place: Option<Place>,
    /// The columns of an element.
    elements: Vec<(Option<TableReference>, FieldRef)>,
    schema: DFSchemaRef,
}

/// Arrays of expressions as calls, which may look at what is before them, too.
struct Arrays;

impl VisitorMut for Arrays {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
        if let SqlExpr::Array(array) = expr {
            *expr = call("make_array", std::mem::take(&mut array.elem));
        }
        ControlFlow::Continue(())
    }
}

/// Calls of UNNEST in FROM as relations of their own kind, which may look at what is before them.
pub(super) fn name_unnests(query: &mut Query) {
    struct Namer;
    impl VisitorMut for Namer {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, alias, args: Some(args), with_ordinality, .. } = factor
                && name.to_string().eq_ignore_ascii_case("UNNEST")
            {
                let expression = |arg: &FunctionArg| match arg {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                    _ => None,
                };
                if let Some(mut array_exprs) = args.args.iter().map(expression).collect::<Option<Vec<_>>>() {
                    let _ = array_exprs.visit(&mut Arrays);
                    *factor = TableFactor::UNNEST {
                        alias: alias.take(),
                        array_exprs,
                        with_offset: false,
                        with_offset_alias: None,
                        with_ordinality: *with_ordinality,
                    };
                }
            }
            ControlFlow::Continue(())
        }
    }
    let _ = query.visit(&mut Namer);
}

/// Plans `UNNEST(array) [WITH ORDINALITY] [AS alias]`, without what is before it.
pub(super) fn relation(
    arrays: &[SqlExpr],
    ordinality: bool,
    alias: Option<TableAlias>,
    context: &mut dyn RelationPlannerContext,
) -> Result<PlannedRelation> {
    let place = arrays.first().and_then(|array| Place::of(array.span()));
    let [array] = arrays else {
        let error = SqlError::unsupported("UNNEST takes one array").hint("write a CROSS JOIN UNNEST for each");
        return Err(error.at(place).into());
    };
    let array = context.sql_to_expr(array.clone(), &DFSchema::empty())?;
    let input = LogicalPlanBuilder::empty(true).build()?;
    let data_type = array.get_type(input.schema())?;
    let Some(mut fields) = fields_of(&data_type) else {
        let found = crate::types::name(&data_type);
        let error = SqlError::new(Kind::Type, format!("UNNEST takes an array or a map, not {found}"));
        return Err(error.at(place).into());
    };
    // An array's only column is called as the relation is.
    if let ([field], Some(alias)) = (fields.as_mut_slice(), &alias)
        && field.name() == ELEMENT
    {
        *field = Arc::new(field.as_ref().clone().with_name(&alias.name.value));
    }
    if ordinality {
        fields.push(Arc::new(Field::new("ORDINALITY", DataType::Int32, true)));
    }
    let elements = fields.into_iter().map(|field| (None, field)).collect();
    let node = Unnest::new(input, array, false, elements, place)?;
    Ok(PlannedRelation::new(LogicalPlan::Extension(Extension { node: Arc::new(node) }), alias))
}

/// Rows once for each element of an array, whose column is `element`.
pub(super) fn elements(input: LogicalPlan, array: Expr, element: Field) -> Result<LogicalPlan> {
    let node = Unnest::new(input, array, false, vec![(None, Arc::new(element))], None)?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// The name of an element that is no row.
const ELEMENT: &str = "EXPR$0";

/// The columns of an element.
fn fields_of(array: &DataType) -> Option<Vec<FieldRef>> {
    let nullable = |field: &FieldRef| Arc::new(field.as_ref().clone().with_nullable(true));
    match array {
        DataType::List(item) => Some(match item.data_type() {
            DataType::Struct(fields) => fields.iter().map(nullable).collect(),
            element => vec![Arc::new(Field::new(ELEMENT, element.clone(), true))],
        }),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let named = fields.iter().zip(["KEY", "VALUE"]);
                Some(named.map(|(field, name)| nullable(&Arc::new(field.as_ref().clone().with_name(name)))).collect())
            }
            _ => None,
        },
        _ => None,
    }
}

/// The plan with each join of such a relation as a node of its rows.
pub(super) fn join_arrays(plan: LogicalPlan) -> Result<LogicalPlan> {
    let joined = plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Join(join) => match unnest_of(&join.right) {
            Some(unnest) => Ok(Transformed::yes(joined(&join, unnest)?)),
            None => Ok(Transformed::no(LogicalPlan::Join(join))),
        },
        other => Ok(Transformed::no(other)),
    })?;
    Ok(joined.data)
}

/// The relation that a plan is, under other names.
fn unnest_of(plan: &LogicalPlan) -> Option<&Unnest> {
    match plan {
        LogicalPlan::Extension(extension) => {
            let unnest = extension.node.as_any().downcast_ref::<Unnest>()?;
            matches!(unnest.input, LogicalPlan::EmptyRelation(_)).then_some(unnest)
        }
        LogicalPlan::SubqueryAlias(alias) => unnest_of(&alias.input),
        LogicalPlan::Subquery(subquery) => unnest_of(&subquery.subquery),
        LogicalPlan::Projection(renamed) => unnest_of(&renamed.input),
        _ => None,
    }
}

fn joined(join: &Join, unnest: &Unnest) -> Result<LogicalPlan> {
    let equal = join.on.iter().map(|(left, right)| left.clone().eq(right.clone()));
    let condition = conjunction(equal.chain(join.filter.clone())).filter(|condition| *condition != lit(true));
    let outer = match (join.join_type, &condition) {
        (JoinType::Inner, _) => false,
        (JoinType::Left, None) => true,
        (JoinType::Left, Some(_)) => {
            let error = SqlError::unsupported("LEFT JOIN UNNEST has no condition");
            return Err(error.hint("write LEFT JOIN UNNEST(…) AS u(x) ON TRUE").at(unnest.place).into());
        }
        (other, _) => {
            let message = format!("a {} join with UNNEST has no meaning", other.to_string().to_uppercase());
            let error =
                SqlError::unsupported(message).hint("write CROSS JOIN UNNEST(…) or LEFT JOIN UNNEST(…) ON TRUE");
            return Err(error.at(unnest.place).into());
        }
    };
    let array = unnest.array.clone().transform(|expr| {
        Ok(match expr {
            Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
            other => Transformed::no(other),
        })
    })?;
    let names = join.right.schema().iter().map(|(qualifier, _)| qualifier.cloned());
    let elements = names.zip(join.right.schema().fields().iter().cloned()).collect();
    let node = Unnest::new(join.left.as_ref().clone(), array.data, outer, elements, unnest.place)?;
    let rows = LogicalPlan::Extension(Extension { node: Arc::new(node) });
    Ok(match condition {
        Some(condition) => LogicalPlan::Filter(Filter::try_new(condition, Arc::new(rows))?),
        None => rows,
    })
}

impl Unnest {
    fn new(
        input: LogicalPlan,
        array: Expr,
        outer: bool,
        elements: Vec<(Option<TableReference>, FieldRef)>,
        place: Option<Place>,
    ) -> Result<Self> {
        let given = input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), field.clone()));
        let fields = given.chain(elements.iter().cloned()).collect();
        let schema = Arc::new(DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?);
        Ok(Unnest { input, array, outer, place, elements, schema })
    }
}

impl fmt::Debug for Unnest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_for_explain(f)
    }
}

impl PartialOrd for Unnest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.array.partial_cmp(&other.array)
    }
}

impl UserDefinedLogicalNodeCore for Unnest {
    fn name(&self) -> &str {
        "Unnest"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![self.array.clone()]
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.elements.iter().map(|(_, field)| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unnest: {}", self.array)
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (exprs.pop(), inputs.pop()) {
            (Some(array), Some(input)) => {
                Unnest::new(input, array.unalias(), self.outer, self.elements.clone(), self.place)
            }
            _ => plan_err!("UNNEST lost its array or its input"),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        // The optimizer adds what the array needs.
        let given = self.input.schema().fields().len();
        Some(vec![output_columns.iter().copied().filter(|column| *column < given).collect()])
    }
}
