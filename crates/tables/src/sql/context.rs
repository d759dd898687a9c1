//! Queries: planned by DataFusion, refused when they would change something, run within limits.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::catalog::{CATALOG, Registered, SCHEMA, query_catalog};
use super::complexity;
use super::deadline::Deadline;
use super::interrupt::interruptible;
use super::sizes::BoundSizes;
use super::stream::{BATCHES_WAITING_MAX, QueryStream, Running, broken_off, query_error};
use super::threads::Threads;
use crate::error::{Error, Result};
use crate::store::Tables;

/// What queries may use at most.
#[derive(Clone, Debug)]
pub struct SqlLimits {
    /// Memory of all running queries together, in bytes; sorts and aggregations spill to disk before they fail.
    pub memory_bytes: usize,
    /// Temporary files of all running queries together, in bytes.
    pub spill_bytes: u64,
    /// How long one query may take, its planning and its wait for a free place included. The answer comes then whatever the
    /// query does, and the query ends: at once, or at the end of the rule of the planner or the call of a function that it is in.
    pub query_time: Duration,
    /// Queries that run at the same time; others wait. A query has its place until it has ended.
    pub queries_max: usize,
    /// Threads on which all queries run.
    pub threads: usize,
    /// Bytes of the text of one query.
    pub text_bytes_max: usize,
    /// How deep expressions and subqueries nest in one query; `1 + 1 + 1` is three deep.
    pub depth_max: usize,
    /// Tables and subqueries that one query reads, each mention counted.
    pub query_tables_max: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        SqlLimits {
            memory_bytes: 128 * 1024 * 1024,
            spill_bytes: 4 * 1024 * 1024 * 1024,
            query_time: Duration::from_secs(60),
            queries_max: 16,
            threads: 2,
            text_bytes_max: 1024 * 1024,
            depth_max: 1_000,
            query_tables_max: 100,
        }
    }
}

/// Where queries run. Clones share limits and everything that is registered.
///
/// Tables are in the schema `public`, so that `SELECT … FROM orders` finds them; each query reads all tables of the folder
/// as they were at one moment. More providers (summaries, folders of Parquet) are registered beside them, in `public` or in
/// schemas of their own.
#[derive(Clone)]
pub struct SqlContext {
    limits: SqlLimits,
    running: Arc<Semaphore>,
    base: SessionContext,
    registered: Arc<Registered>,
    threads: Arc<Threads>,
}

impl SqlContext {
    /// A context without tables.
    pub fn new(limits: SqlLimits) -> Result<SqlContext> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(limits.memory_bytes, 1.0)
            .with_max_temp_directory_size(limits.spill_bytes)
            // Folders are listed by each query: their files come and go.
            .with_object_list_cache_limit(0)
            .build_arc()
            .map_err(|e| Error::Execution(e.to_string()))?;
        let config = SessionConfig::new()
            .with_create_default_catalog_and_schema(false)
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            .with_information_schema(true);
        Ok(SqlContext {
            running: Arc::new(Semaphore::new(limits.queries_max)),
            base: SessionContext::new_with_config_rt(config, runtime),
            registered: Arc::default(),
            threads: Arc::new(Threads::start(limits.threads)?),
            limits,
        })
    }

    /// The same with the tables of a folder. Tables created later are found too.
    pub fn with_tables(self, tables: Tables) -> SqlContext {
        self.registered.set_tables(tables);
        self
    }

    /// Registers a provider under a name in the schema `public`, over one of that name. It hides a table of that name.
    pub fn register(&self, name: impl Into<String>, provider: Arc<dyn TableProvider>) {
        self.registered.add(name.into(), provider);
    }

    /// Forgets the provider of this name; whether there was one.
    pub fn deregister(&self, name: &str) -> bool {
        self.registered.remove(name)
    }

    /// Registers a whole schema, for example `lake` with a table a folder.
    pub fn register_schema(&self, name: impl Into<String>, schema: Arc<dyn SchemaProvider>) {
        self.registered.add_schema(name.into(), schema);
    }

    /// The runtime of all queries: memory pool, temporary files, object stores.
    pub fn runtime(&self) -> Arc<RuntimeEnv> {
        self.base.runtime_env()
    }

    /// The session that queries are derived from, for those who build providers.
    pub fn session(&self) -> &SessionContext {
        &self.base
    }

    /// Plans and starts a query, on threads of the context.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] for everything that is not a query, [`Error::Query`] when it can't be planned,
    /// [`Error::Limit`] when it is too long or too deep, [`Error::QueryTimeout`] when no place became free in time or its
    /// planning took too long. Later errors come from the stream.
    pub async fn query(&self, sql: &str) -> Result<QueryStream> {
        if sql.len() > self.limits.text_bytes_max {
            return Err(Error::Limit {
                what: "the bytes of a query's text",
                found: sql.len() as u64,
                limit: self.limits.text_bytes_max as u64,
                hint: "put long lists of values into a table and join it",
            });
        }
        let ends = Instant::now() + self.limits.query_time;
        let limit_ms = self.limits.query_time.as_millis();
        let place = tokio::time::timeout_at(ends, self.running.clone().acquire_owned()).await;
        let place = place.map_err(|_| Error::QueryTimeout { limit_ms })?;
        let place = place.map_err(|e| Error::Execution(e.to_string()))?;

        let deadline = Deadline::new(ends.into_std());
        let (planned, columns) = oneshot::channel();
        let (batches, rows) = mpsc::channel(BATCHES_WAITING_MAX);
        let query = Query { context: self.clone(), deadline: deadline.clone(), sql: sql.to_owned() };
        let task = self.threads.handle().spawn(async move {
            query.run(planned, batches).await;
            drop(place);
        });
        let running = Some(Running { deadline, task: task.abort_handle() });
        match tokio::time::timeout_at(ends, columns).await {
            Ok(Ok(schema)) => Ok(QueryStream {
                schema: schema?,
                rows,
                deadline: Box::pin(tokio::time::sleep_until(ends)),
                limit_ms,
                running,
            }),
            Ok(Err(_)) => Err(broken_off()),
            Err(_) => Err(Error::QueryTimeout { limit_ms }),
        }
    }
}

/// One query, on its way through a thread of queries.
struct Query {
    context: SqlContext,
    deadline: Deadline,
    sql: String,
}

impl Query {
    /// Ends when all rows are sent, or nobody waits for them.
    async fn run(
        self,
        planned: oneshot::Sender<Result<SchemaRef>>,
        batches: mpsc::Sender<Result<Option<RecordBatch>>>,
    ) {
        let mut rows = match self.plan().await {
            Ok(rows) => rows,
            Err(error) => return drop(planned.send(Err(error))),
        };
        if planned.send(Ok(rows.schema())).is_err() {
            return;
        }
        loop {
            let batch = rows.next().await.transpose().map_err(|e| self.failed(&e));
            let last = !matches!(batch, Ok(Some(_)));
            if batches.send(batch).await.is_err() || last {
                return;
            }
        }
    }

    async fn plan(&self) -> Result<SendableRecordBatchStream> {
        let base = &self.context.base;
        let catalogs = query_catalog(&self.context.registered)?;
        let mut state = SessionStateBuilder::new_from_existing(base.state()).with_catalog_list(catalogs).build();
        let sizes = state.register_function_rewrite(Arc::new(BoundSizes::new()));
        sizes.map_err(|e| self.failed(&e))?;
        let state = self.deadline.watch(state);

        let refused = |e: datafusion::error::DataFusionError| Error::Query(e.strip_backtrace());
        let dialect = state.config_options().sql_parser.dialect;
        let statement = state.sql_to_statement(&self.sql, &dialect).map_err(refused)?;
        complexity::check(&statement, &self.context.limits)?;
        let plan = state.statement_to_plan(statement).await.map_err(refused)?;
        let only_queries = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        only_queries.verify_plan(&plan).map_err(|e| Error::ReadOnly(e.strip_backtrace()))?;
        let plan = state.create_physical_plan(&plan).await.map_err(|e| self.failed(&e))?;
        let plan = interruptible(plan, &self.deadline).map_err(|e| self.failed(&e))?;
        execute_stream(plan, state.task_ctx()).map_err(|e| self.failed(&e))
    }

    fn failed(&self, e: &datafusion::error::DataFusionError) -> Error {
        match self.deadline.is_over() {
            true => Error::QueryTimeout { limit_ms: self.context.limits.query_time.as_millis() },
            false => query_error(e, self.context.limits.memory_bytes),
        }
    }
}
