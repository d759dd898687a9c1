//! Queries: planned by DataFusion, refused when they would change something, run within limits.

use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio::sync::Semaphore;

use super::catalog::{CATALOG, Registered, SCHEMA, query_catalog};
use super::stream::QueryStream;
use crate::error::{Error, Result};
use crate::store::Tables;

/// What queries may use at most.
#[derive(Clone, Debug)]
pub struct SqlLimits {
    /// Memory of all running queries together, in bytes; sorts and aggregations spill to disk before they fail.
    pub memory_bytes: usize,
    /// Temporary files of all running queries together, in bytes.
    pub spill_bytes: u64,
    /// How long one query may run, its wait for a free place included. It is looked at whenever the plan yields; a cross
    /// join of millions of rows with millions yields late.
    pub query_time: Duration,
    /// Queries that run at the same time; others wait.
    pub queries_max: usize,
    /// Bytes of the text of one query.
    pub text_bytes_max: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        SqlLimits {
            memory_bytes: 128 * 1024 * 1024,
            spill_bytes: 4 * 1024 * 1024 * 1024,
            query_time: Duration::from_secs(60),
            queries_max: 16,
            text_bytes_max: 1024 * 1024,
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

    /// Plans and starts a query.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] for everything that is not a query, [`Error::Query`] when it can't be planned,
    /// [`Error::QueryTimeout`] when no place became free in time. Later errors come from the stream.
    pub async fn query(&self, sql: &str) -> Result<QueryStream> {
        if sql.len() > self.limits.text_bytes_max {
            return Err(Error::Limit {
                what: "the bytes of a query's text",
                found: sql.len() as u64,
                limit: self.limits.text_bytes_max as u64,
                hint: "put long lists of values into a table and join it",
            });
        }
        let deadline = tokio::time::Instant::now() + self.limits.query_time;
        let timeout = || Error::QueryTimeout { limit_ms: self.limits.query_time.as_millis() };
        let started = tokio::time::timeout_at(deadline, async {
            let place = self.running.clone().acquire_owned().await.map_err(|e| Error::Execution(e.to_string()))?;
            Ok::<_, Error>((place, self.plan(sql).await?))
        });
        let (place, stream) = started.await.map_err(|_| timeout())??;
        Ok(QueryStream::new(stream, place, deadline, &self.limits))
    }

    async fn plan(&self, sql: &str) -> Result<datafusion::execution::SendableRecordBatchStream> {
        let state = SessionStateBuilder::new_from_existing(self.base.state())
            .with_catalog_list(query_catalog(&self.registered)?)
            .build();
        let plan = state.create_logical_plan(sql).await.map_err(|e| Error::Query(e.strip_backtrace()))?;
        let only_queries = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        only_queries.verify_plan(&plan).map_err(|e| Error::ReadOnly(e.strip_backtrace()))?;
        let session = SessionContext::new_with_state(state);
        let running = session.execute_logical_plan(plan).await.map_err(|e| self.failed(&e))?.execute_stream().await;
        running.map_err(|e| self.failed(&e))
    }

    fn failed(&self, e: &datafusion::error::DataFusionError) -> Error {
        super::stream::query_error(e, self.limits.memory_bytes)
    }
}
