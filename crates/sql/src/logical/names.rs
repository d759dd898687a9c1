//! What names mean to DataFusion's planner.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::TableReference;
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, RelationPlanner, TypePlanner};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::prelude::SessionConfig;
use datafusion::sql::planner::{NullOrdering, ParserOptions, PlannerContext, SqlToRel};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Query, Statement};

use super::intervals::plainly;
use super::late_data::{self, name_late_columns};
use super::relation::StreamRelations;
use super::set_operations::name_set_operations;
use super::spelling::spell;
use super::type_names::TypeNames;
use super::unnest::{join_arrays, name_unnests};
use super::versioned_join::join_versions;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::functions;

/// Functions, types and relations of a session, without its catalog.
#[derive(Debug)]
pub(crate) struct Builtin {
    state: SessionState,
    relations: Vec<Arc<dyn RelationPlanner>>,
    expressions: Vec<Arc<dyn ExprPlanner>>,
    types: Arc<dyn TypePlanner>,
}

impl Builtin {
    pub(crate) fn new() -> Self {
        let mut config = SessionConfig::new();
        // Expressions give what is declared, not what is quickest to scan.
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        // Sub-queries that give one value become joins: nothing here runs a query before another.
        config.options_mut().optimizer.enable_physical_uncorrelated_scalar_subquery = false;
        let mut state = SessionStateBuilder::new_with_default_features().with_config(config).build();
        functions::register(&mut state);
        let mut expressions: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(functions::FieldNames)];
        expressions.extend(state.expr_planners().iter().cloned());
        Builtin { state, relations: vec![Arc::new(StreamRelations)], expressions, types: Arc::new(TypeNames) }
    }

    pub(crate) fn config(&self) -> &ConfigOptions {
        self.state.config_options()
    }
}

/// The names of a session at one moment.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub(crate) builtin: &'a Builtin,
    pub(crate) catalog: &'a Catalog,
}

impl Names<'_> {
    fn planner(&self) -> SqlToRel<'_, Self> {
        let options = ParserOptions::new()
            .with_enable_ident_normalization(false)
            .with_parse_float_as_decimal(true)
            .with_map_string_types_to_utf8view(false)
            .with_collect_spans(true)
            // As Flink: nulls are the smallest.
            .with_default_null_ordering(NullOrdering::NullsMin);
        SqlToRel::new_with_options(self, options)
    }

    /// Plans a query.
    pub(crate) fn query(&self, mut query: Query) -> Result<LogicalPlan> {
        name_unnests(&mut query);
        name_set_operations(&mut query)?;
        spell(&mut query)?;
        plainly(&mut query)?;
        let plan = self.planner().sql_statement_to_plan(Statement::Query(Box::new(query)))?;
        Ok(name_late_columns(join_versions(join_arrays(plan)?)?, self.catalog)?)
    }

    /// Plans an expression over some columns; its types agree.
    pub(crate) fn expression(&self, mut expression: SqlExpr, schema: &DFSchema) -> Result<Expr> {
        spell(&mut expression)?;
        plainly(&mut expression)?;
        let planned = self.planner().sql_to_expr(expression, schema, &mut PlannerContext::new())?;
        let widened = super::numbers::widen_expr(planned, schema)?;
        let simplifier = self.simplifier(schema);
        Ok(simplifier.simplify(simplifier.coerce(widened, schema)?)?)
    }

    fn simplifier(&self, schema: &DFSchema) -> ExprSimplifier {
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(schema.clone()))
            .with_config_options(Arc::new(self.builtin.config().clone()))
            .build();
        ExprSimplifier::new(context)
    }
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, name: TableReference) -> DataFusionResult<Arc<dyn TableSource>> {
        self.catalog.source(name.table()).map_err(DataFusionError::from)
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.builtin.expressions
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.builtin.relations
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(self.builtin.types.clone())
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let own = self.catalog.function(&name.to_lowercase());
        let own = own.or_else(|| self.builtin.state.scalar_functions().get(name)).cloned();
        own.or_else(|| late_data::function(name))
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.builtin.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        // Of several columns GROUPING gives a number of their bits, too.
        let name = if name == "grouping_id" { "grouping" } else { name };
        self.builtin.state.aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.builtin.state.window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.builtin.config()
    }

    fn udf_names(&self) -> Vec<String> {
        let own = self.catalog.functions().map(str::to_owned);
        // Those that only the planner calls are not told of.
        let builtin = self.builtin.state.scalar_functions().keys().filter(|name| !name.starts_with("__"));
        own.chain(builtin.cloned()).collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.builtin.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.builtin.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.builtin.state.window_functions().keys().cloned().collect()
    }
}
