//! Cases on plain DataFusion, over the same rows. It shares our parser and our readers of files, and nothing behind them.
//!
//! It knows no streams: a query is asked of it where it can plan it (so not those with windows of table functions, versions of tables,
//! or functions that only Flink has), and its rows are those of the inputs' ends, in the types that Flink gives.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{cast, interleave_record_batch};
use arrow::datatypes::SchemaRef;
use datafusion::datasource::{MemTable, ViewTable};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as ParsedStatement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{Query, Statement as SqlStatement};
use tidemill_engine::CheckpointStore;
use tidemill_sql::parse::parse;
use tidemill_sql::parse::statement::{CreateView, Statement};
use tidemill_sql::{Outcome, Prepared, Session};

use super::case::Case;
use super::run::{Way, batches, consolidated, open, texts};

/// What DataFusion has to say of a case.
pub(crate) enum Answer {
    /// The rows that it gives, or that it fails.
    Rows(Result<Vec<String>, String>),
    /// Nothing, and why.
    None(String),
}

/// Words that it takes, but for something else, or that stand for a moment.
const NOT_ITS_OWN: [&str; 6] = ["SYSTEM_TIME", "PROCTIME", "CURRENT_", "LOCALTIME", "NOW()", "OPTIONS("];

/// Asks it for a case's rows.
pub(crate) fn run(case: &Case) -> Answer {
    if !case.is_streaming() {
        return Answer::None("it is of Kinesis' dialect".to_owned());
    }
    let text = format!("{}{}", case.setup, case.sql).to_uppercase();
    if let Some(word) = NOT_ITS_OWN.iter().find(|word| text.contains(**word)) {
        return Answer::None(format!("{word} has no meaning for it"));
    }
    if !case.then.is_empty() || !case.before.is_empty() {
        return Answer::None("it takes several steps".to_owned());
    }
    let (folder, mut session) = open(case);
    let store = CheckpointStore::local(folder.path(), "checkpoints-datafusion").unwrap();
    let (mut views, mut asked) = (BTreeMap::new(), None);
    for located in parse(&text_of(case)).unwrap() {
        match &located.statement {
            Statement::CreateView(view) => drop(views.insert(view.name.value.clone(), view.clone())),
            Statement::CreateTable(_) | Statement::Set(..) => {}
            Statement::Query(query) => asked = Some(query.as_ref().clone()),
            _ => return Answer::None("it does more than to ask".to_owned()),
        }
        if let Outcome::Work(tasks) = session.execute(located).unwrap() {
            let Some(query) = asked else { return Answer::None("it inserts".to_owned()) };
            let schema = session.prepare("schema", &tasks).unwrap().rows.unwrap().schema;
            let oracle = Oracle { context: context(), session, views, store };
            return tokio::runtime::Runtime::new().unwrap().block_on(oracle.ask(query, &schema));
        }
    }
    Answer::None("it has no query".to_owned())
}

fn text_of(case: &Case) -> String {
    format!("{}{}", case.setup, case.sql)
}

/// DataFusion as it is, but for what the text says: names are as they are written, numbers with a point are decimals, nulls the smallest.
fn context() -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1);
    let parser = &mut config.options_mut().sql_parser;
    parser.enable_ident_normalization = false;
    parser.parse_float_as_decimal = true;
    parser.map_string_types_to_utf8view = false;
    parser.default_null_ordering = "nulls_min".to_owned();
    SessionContext::new_with_config(config)
}

struct Oracle {
    context: SessionContext,
    session: Session,
    views: BTreeMap<String, CreateView>,
    store: CheckpointStore,
}

impl Oracle {
    /// The query's rows, in the types of `schema`: those are Flink's.
    async fn ask(mut self, query: Query, schema: &SchemaRef) -> Answer {
        let planned = match Box::pin(self.plan(query)).await {
            Ok(plan) => self.context.state().create_physical_plan(&plan).await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        let plan = match planned {
            Ok(plan) => plan,
            Err(error) => return Answer::None(error),
        };
        let found = collect(plan, self.context.task_ctx()).await.map_err(|error| error.to_string());
        Answer::Rows(found.and_then(|batches| {
            let batches: Vec<RecordBatch> =
                batches.iter().map(|batch| typed(batch, schema)).collect::<Result<_, String>>()?;
            consolidated(batches.iter().flat_map(texts).map(|row| (row, true)))
        }))
    }

    /// Plans a query; the tables that it names are read, the views planned.
    async fn plan(&mut self, query: Query) -> Result<LogicalPlan, String> {
        let statement = ParsedStatement::Statement(Box::new(SqlStatement::Query(Box::new(query))));
        let (tables, _) = resolve_table_references(&statement, false).map_err(|error| error.to_string())?;
        for name in tables.iter().map(|table| table.table().to_owned()) {
            if self.context.table_exist(name.as_str()).unwrap() {
                continue;
            }
            match self.views.get(&name).cloned() {
                Some(view) if view.columns.is_empty() => {
                    let plan = Box::pin(self.plan(*view.query)).await?;
                    self.context.register_table(name.as_str(), Arc::new(ViewTable::new(plan, None))).unwrap();
                }
                Some(_) => return Err("a view names its columns".to_owned()),
                None => {
                    let rows = self.rows_of(&name)?;
                    let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap();
                    self.context.register_table(name.as_str(), Arc::new(table)).unwrap();
                }
            }
        }
        self.context.state().statement_to_plan(statement).await.map_err(|error| error.to_string())
    }

    /// The rows of a table that are there when all its changes are done.
    fn rows_of(&mut self, table: &str) -> Result<RecordBatch, String> {
        let mut statements = parse(&format!("SELECT * FROM `{table}`")).unwrap();
        let Outcome::Work(tasks) = self.session.execute(statements.remove(0)).map_err(|error| error.to_string())?
        else {
            panic!("a SELECT is work");
        };
        let prepare =
            || -> Result<Prepared, String> { self.session.prepare("read", &tasks).map_err(|error| error.to_string()) };
        let schema = prepare()?.rows.unwrap().schema;
        let batches = batches(&prepare, Way::plain(1), &self.store)?;
        let mut places: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (number, batch) in batches.iter().enumerate() {
            for (row, text) in texts(batch.rows()).into_iter().enumerate() {
                let same = places.entry(text).or_default();
                match batch.kind(row).adds() {
                    true => same.push((number, row)),
                    false => drop(same.pop()),
                }
            }
        }
        let mut left: Vec<(usize, usize)> = places.into_values().flatten().collect();
        left.sort_unstable();
        let rows: Vec<&RecordBatch> = batches.iter().map(|batch| batch.rows()).collect();
        match left.is_empty() {
            true => Ok(RecordBatch::new_empty(schema)),
            false => interleave_record_batch(&rows, &left).map_err(|error| error.to_string()),
        }
    }
}

/// A batch in other types.
fn typed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, String> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>();
    let schema = schema.clone();
    RecordBatch::try_new(schema, columns.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}
