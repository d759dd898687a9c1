//! The job that is being built, and what can be said of its operators.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, cast};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use tidemill_connectors::Environment;
use tidemill_engine::{Delivery, Job, Operator, OperatorContext, Port, Routing};

use super::shared::Shared;
use super::stream::Stream;
use crate::catalog::{InAppStream, Pump, Table};
use crate::error::Result;
use crate::logical::fields::Fields;
use crate::operators::calc::{Calc, REJECTS, Step};

/// What an operator of a job is, for `EXPLAIN`.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name in the job, by which its state and its figures are found.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// What it does, in words.
    pub about: String,
    /// The names of those that it gets rows from.
    pub inputs: Vec<String>,
    /// By what its rows are spread over the workers; none where they stay.
    pub key: Option<String>,
    /// What it keeps, in words; none where it keeps nothing.
    pub state: Option<String>,
    /// Whether it puts out updates and deletes.
    pub changes: bool,
}

/// What an operator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A source.
    Source,
    /// An operator.
    Operator,
    /// A sink, and what it can promise.
    Sink(Delivery),
}

/// A table's source in a job: all queries read it once.
#[derive(Clone)]
pub(super) struct Scanned {
    pub(super) port: Port,
    /// Which of the table's columns it puts out.
    pub(super) columns: Vec<usize>,
    /// With their types: ROWs have the fields that are read.
    pub(super) schema: SchemaRef,
    pub(super) bounded: bool,
    pub(super) changes: bool,
}

/// Builds a job of plans.
pub(crate) struct Builder<'a> {
    pub(crate) job: Job,
    pub(crate) nodes: Vec<Node>,
    pub(super) environment: &'a Arc<Environment>,
    /// How long state is kept that has not been touched; for ever where it is none. Microseconds.
    pub(crate) state_ttl: Option<i64>,
    /// How long a source may be silent before it holds no event time back; for ever where it is none.
    pub(crate) idle_timeout: Option<Duration>,
    /// Results of windows that are not complete go out so often.
    pub(crate) early_results: Option<Duration>,
    /// Late rows of the aggregations that were planned, and the tables that they go into.
    pub(crate) late: Vec<(String, Stream)>,
    /// Where operators put out what they could not work on; none where that fails the job.
    pub(crate) errors: Option<Vec<Port>>,
    /// The pump that is being planned.
    pub(super) pump: Option<String>,
    /// Columns that all plans of the job need of a table, by its name.
    pub(super) needed: HashMap<String, Vec<usize>>,
    /// What they read of its ROWs.
    pub(super) fields: HashMap<String, Fields>,
    pub(super) scanned: HashMap<String, Scanned>,
    pub(super) shared: Shared,
    /// What fills in-application streams, what is known of these, and which are being planned.
    pub(crate) pumps: &'a [Pump],
    pub(super) pumped: HashMap<String, Stream>,
    pub(super) pumping: Vec<String>,
    /// The columns of a window function that comes next may stay empty.
    pub(super) defer: bool,
    names: HashMap<String, usize>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(job: Job, environment: &'a Arc<Environment>) -> Self {
        Builder {
            job,
            nodes: Vec::new(),
            environment,
            state_ttl: None,
            idle_timeout: None,
            early_results: None,
            late: Vec::new(),
            errors: None,
            pump: None,
            needed: HashMap::new(),
            fields: HashMap::new(),
            scanned: HashMap::new(),
            shared: Shared::default(),
            pumps: &[],
            pumped: HashMap::new(),
            pumping: Vec::new(),
            defer: false,
            names: HashMap::new(),
        }
    }

    /// Notes which columns a plan needs of each table, so that all plans of the job can read it once.
    pub(crate) fn announce(&mut self, plan: &LogicalPlan) {
        self.announce_to(plan, None);
    }

    /// `readers` are all the expressions that see a plan's rows, where that is known.
    fn announce_to(&mut self, plan: &LogicalPlan, readers: Option<Vec<Expr>>) {
        self.shared.ask(plan);
        if let LogicalPlan::TableScan(scan) = plan {
            let is_new = !self.needed.contains_key(scan.table_name.table());
            if is_new && let Some(stream) = stream_of(scan) {
                let pumps = self.pumps;
                self.needed.insert(stream.name.clone(), Vec::new());
                pumps.iter().filter(|pump| pump.into == stream.name).for_each(|pump| self.announce(&pump.plan));
            }
            let columns = self.needed.entry(scan.table_name.table().to_owned()).or_default();
            match &scan.projection {
                Some(projection) => columns.extend(projection),
                None => columns.extend(0..scan.source.schema().fields().len()),
            }
            columns.sort_unstable();
            columns.dedup();
            let fields = self.fields.entry(scan.table_name.table().to_owned()).or_default();
            match readers {
                Some(readers) => readers.iter().chain(&scan.filters).for_each(|expression| fields.add(expression)),
                None => scan.projected_schema.fields().iter().for_each(|field| fields.add_whole(field.name())),
            }
            return;
        }
        let readers = match plan {
            LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => Some(plan.expressions()),
            LogicalPlan::Filter(filter) => readers.map(|mut readers| {
                readers.push(filter.predicate.clone());
                readers
            }),
            LogicalPlan::SubqueryAlias(_) => readers,
            _ => None,
        };
        for input in plan.inputs() {
            self.announce_to(input, readers.clone());
        }
    }

    /// A name that no operator of the job has: the same statements give the same names.
    pub(crate) fn name(&mut self, kind: &str) -> String {
        let count = self.names.entry(kind.to_owned()).or_default();
        *count += 1;
        match count {
            1 => kind.to_owned(),
            count => format!("{kind}-{count}"),
        }
    }

    /// The ports at which a stream's rows are when its steps are done.
    pub(crate) fn ports(&mut self, stream: Stream) -> Result<Vec<Port>> {
        if stream.steps.is_empty() {
            return Ok(stream.ports);
        }
        let name = self.name("calc");
        let about = super::calc::describe(&stream.steps);
        let (steps, emitted) = (stream.steps, stream.emitted);
        Calc::new(&steps, &emitted)?;
        let inputs: Vec<_> = stream.ports.iter().map(|port| (*port, 0, Routing::Forward)).collect();
        let origin = self.origin(&name);
        let node =
            self.job.operator(&name, &inputs, move |_| Ok(Calc::new(&steps, &emitted)?.with_rejects(origin.clone())));
        self.rejects(Port { node, output: REJECTS });
        let inputs = self.names_of(&stream.ports);
        let changes = stream.traits.changes;
        self.nodes.push(Node { name, kind: NodeKind::Operator, about, inputs, key: None, state: None, changes });
        Ok(vec![Port { node, output: 0 }])
    }

    /// The names of the operators behind ports.
    pub(super) fn names_of(&self, ports: &[Port]) -> Vec<String> {
        ports.iter().map(|port| self.job.name_of(port.node).to_owned()).collect()
    }

    /// Adds an operator. `inputs` are streams whose last column is the key, one a port.
    pub(crate) fn operator<O: Operator + 'static>(
        &mut self,
        node: Node,
        inputs: Vec<(Stream, Routing)>,
        make: impl Fn(&OperatorContext) -> tidemill_engine::Result<O> + Send + Sync + 'static,
    ) -> Result<Port> {
        let mut connections = Vec::new();
        for (input, (stream, routing)) in inputs.into_iter().enumerate() {
            connections.extend(self.ports(stream)?.into_iter().map(|port| (port, input, routing)));
        }
        let ports: Vec<Port> = connections.iter().map(|(port, ..)| *port).collect();
        let inputs = self.names_of(&ports);
        let id = self.job.operator(&node.name, &connections, make);
        self.nodes.push(Node { inputs, ..node });
        Ok(Port { node: id, output: 0 })
    }

    /// Puts the key of some columns behind the first `keep` columns, which are all that stays. Routes by it.
    pub(crate) fn keyed(&self, mut stream: Stream, keep: usize, columns: Vec<usize>) -> Result<(Stream, Routing)> {
        let kept = stream.schema.iter().take(keep).map(|(qualifier, field)| (qualifier.cloned(), field.clone()));
        let key = Arc::new(Field::new("__key", DataType::Binary, false));
        let schema = DFSchema::new_with_metadata(kept.chain([(None, key)]).collect(), Default::default())?;
        stream.schema = Arc::new(schema);
        let step = Step::Key { keep, columns, schema: stream.columns().clone() };
        stream.steps.push(step);
        Ok((stream, Routing::Key(keep)))
    }

    /// Makes a stream's columns those of a schema, by casts where types differ.
    pub(super) fn conform(&self, stream: &mut Stream, schema: &DFSchemaRef) -> Result<()> {
        let same = |a: &SchemaRef, b: &SchemaRef| {
            a.fields().iter().map(|f| f.data_type()).eq(b.fields().iter().map(|f| f.data_type()))
        };
        if !same(stream.columns(), schema.inner()) {
            let columns = stream.schema.columns().into_iter().zip(schema.fields());
            let expressions: Vec<Expr> =
                columns.map(|(column, field)| cast(Expr::Column(column), field.data_type().clone())).collect();
            let compiled = compile_all(&expressions, &stream.schema)?;
            stream.steps.push(Step::Project(compiled, schema.inner().clone()));
        } else if stream.columns() != schema.inner() {
            let compiled = compile_all(
                &stream.schema.columns().into_iter().map(Expr::Column).collect::<Vec<_>>(),
                &stream.schema,
            )?;
            stream.steps.push(Step::Project(compiled, schema.inner().clone()));
        }
        stream.schema = schema.clone();
        Ok(())
    }
}

/// Compiles an expression.
pub(crate) fn compile(expression: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
    Ok(create_physical_expr(expression, schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?)
}

pub(crate) fn compile_all(expressions: &[Expr], schema: &DFSchema) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
    expressions.iter().map(|expression| compile(expression, schema)).collect()
}

/// A schema of what expressions give; everything may be null, since compiled expressions promise nothing.
pub(crate) fn nullable(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    Arc::new(Schema::new(fields))
}

/// The in-application stream behind a scan.
pub(super) fn stream_of(scan: &datafusion::logical_expr::TableScan) -> Option<&InAppStream> {
    (scan.source.as_ref() as &dyn std::any::Any).downcast_ref::<InAppStream>()
}

/// The table behind a scan.
pub(super) fn table_of(scan: &datafusion::logical_expr::TableScan) -> Option<&Table> {
    (scan.source.as_ref() as &dyn std::any::Any).downcast_ref::<Table>()
}
