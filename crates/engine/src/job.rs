//! A job: the graph of a dataflow, ready to be run by either runtime.
//!
//! [`Job`] is the low-level way to build one, with batches and operators; [`crate::api`] is the typed way on top of it.

use std::{collections::HashSet, sync::Arc};

use crate::{
    error::{EngineError, Result},
    metrics::MetricGroup,
    operator::{Operator, OperatorContext},
    sink::{Delivery, Sink, SinkOperator},
    source::{Replay, Source},
};

/// A node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// How rows get from one operator to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// To the instance on the same worker.
    Forward,
    /// To the worker that owns the key in this `Binary` column.
    Key(usize),
    /// To every worker.
    Broadcast,
    /// To the first worker.
    Single,
}

type MakeSource = Arc<dyn Fn(&OperatorContext) -> Result<Box<dyn Source>> + Send + Sync>;
type MakeOperator = Arc<dyn Fn(&OperatorContext) -> Result<Box<dyn Operator>> + Send + Sync>;

#[derive(Clone)]
pub(crate) enum NodeKind {
    Source(MakeSource),
    Operator(MakeOperator),
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    pub(crate) kind: NodeKind,
}

/// A connection between two nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) from: NodeId,
    pub(crate) from_port: usize,
    pub(crate) to: NodeId,
    pub(crate) to_port: usize,
    pub(crate) routing: Routing,
}

/// What a job promises for its results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guarantee {
    /// Each row's effect once, whatever crashes.
    #[default]
    ExactlyOnce,
    /// No row is lost; a crash may repeat some.
    AtLeastOnce,
}

/// One output of a node, to be connected to others' inputs.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// The node.
    pub node: NodeId,
    /// 0 is the main output, others are side outputs.
    pub output: usize,
}

/// The graph of a dataflow.
#[derive(Clone)]
pub struct Job {
    pub(crate) name: Arc<str>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) guarantee: Guarantee,
    pub(crate) metrics: MetricGroup,
    promises: Vec<(Arc<str>, Promise)>,
}

#[derive(Clone, Copy)]
enum Promise {
    Source(Replay),
    Sink(Delivery),
}

impl Job {
    /// An empty job. Its name is the name of its checkpoints.
    pub fn new(name: &str) -> Self {
        Job {
            name: name.into(),
            nodes: Vec::new(),
            edges: Vec::new(),
            guarantee: Guarantee::default(),
            metrics: MetricGroup::default(),
            promises: Vec::new(),
        }
    }

    /// The job's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks for less than exactly-once, where the parts can't keep it.
    pub fn with_guarantee(mut self, guarantee: Guarantee) -> Self {
        self.guarantee = guarantee;
        self
    }

    /// What the application counts itself; read where the job runs, in [`JobMetrics`](crate::metrics::JobMetrics).
    pub fn metrics(&self) -> &MetricGroup {
        &self.metrics
    }

    /// The name of a node.
    pub fn name_of(&self, node: NodeId) -> &str {
        self.nodes.get(node.0).map_or("", |node| &node.name)
    }

    fn node(&mut self, name: &str, kind: NodeKind) -> NodeId {
        self.nodes.push(Node { name: name.into(), kind });
        NodeId(self.nodes.len() - 1)
    }

    /// Adds a source; `make` is called once on each worker at each start.
    pub fn source<S: Source + 'static>(
        &mut self,
        name: &str,
        replay: Replay,
        make: impl Fn(&OperatorContext) -> Result<S> + Send + Sync + 'static,
    ) -> Port {
        let make: MakeSource = Arc::new(move |c| Ok(Box::new(make(c)?)));
        let node = self.node(name, NodeKind::Source(make));
        self.promises.push((name.into(), Promise::Source(replay)));
        Port { node, output: 0 }
    }

    /// Adds an operator with inputs `(from, input port, routing)`; several may lead to the same port (a union).
    pub fn operator<O: Operator + 'static>(
        &mut self,
        name: &str,
        inputs: &[(Port, usize, Routing)],
        make: impl Fn(&OperatorContext) -> Result<O> + Send + Sync + 'static,
    ) -> NodeId {
        let make: MakeOperator = Arc::new(move |c| Ok(Box::new(make(c)?)));
        let node = self.node(name, NodeKind::Operator(make));
        self.connect(node, inputs);
        node
    }

    /// Adds a sink.
    pub fn sink<S: Sink + 'static>(
        &mut self,
        name: &str,
        inputs: &[(Port, Routing)],
        delivery: Delivery,
        make: impl Fn(&OperatorContext) -> Result<S> + Send + Sync + 'static,
    ) -> NodeId {
        let make: MakeOperator = Arc::new(move |c| Ok(Box::new(SinkOperator::new(Box::new(make(c)?)))));
        let node = self.node(name, NodeKind::Operator(make));
        let inputs: Vec<_> = inputs.iter().map(|&(from, routing)| (from, 0, routing)).collect();
        self.connect(node, &inputs);
        self.promises.push((name.into(), Promise::Sink(delivery)));
        node
    }

    fn connect(&mut self, to: NodeId, inputs: &[(Port, usize, Routing)]) {
        for &(from, to_port, routing) in inputs {
            self.edges.push(Edge { from: from.node, from_port: from.output, to, to_port, routing });
        }
    }

    /// Checks that the graph is sound and that its parts can keep the promised guarantee.
    pub fn check(&self) -> Result<()> {
        let plan = |message: String| Err(EngineError::Plan(message));
        let mut names = HashSet::new();
        for node in &self.nodes {
            if !names.insert(&node.name) {
                return plan(format!(
                    "two operators are named '{}': a name is how state finds its operator",
                    node.name
                ));
            }
        }
        for (id, node) in self.nodes.iter().enumerate() {
            let inputs = self.inputs(NodeId(id)).count();
            if matches!(node.kind, NodeKind::Operator(_)) && inputs == 0 {
                return plan(format!("operator '{}' has no input", node.name));
            }
        }
        if self.edges.iter().any(|e| e.from.0 >= e.to.0) {
            return plan("an operator's input comes from itself or from a later operator".into());
        }
        if self.guarantee == Guarantee::ExactlyOnce {
            for (name, promise) in &self.promises {
                match promise {
                    Promise::Source(Replay::None) => {
                        return plan(format!(
                            "exactly-once can't be kept: source '{name}' can't replay; ask for at-least-once or read it through a stream"
                        ));
                    }
                    Promise::Sink(Delivery::Append) => {
                        return plan(format!(
                            "exactly-once can't be kept: sink '{name}' only appends; ask for at-least-once, or use an upserting or transactional sink"
                        ));
                    }
                    Promise::Source(_) | Promise::Sink(_) => {}
                }
            }
        }
        Ok(())
    }

    pub(crate) fn inputs(&self, node: NodeId) -> impl Iterator<Item = (usize, &Edge)> {
        self.edges.iter().enumerate().filter(move |(_, e)| e.to == node)
    }

    pub(crate) fn outputs(&self, node: NodeId) -> impl Iterator<Item = (usize, &Edge)> {
        self.edges.iter().enumerate().filter(move |(_, e)| e.from == node)
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "job {}", self.name)?;
        for edge in &self.edges {
            let name = |id: NodeId| self.nodes.get(id.0).map_or("?", |n| &n.name);
            writeln!(
                f,
                "  {}:{} -> {}:{} by {:?}",
                name(edge.from),
                edge.from_port,
                name(edge.to),
                edge.to_port,
                edge.routing
            )?;
        }
        Ok(())
    }
}
