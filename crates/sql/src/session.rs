//! A session: statements one after the other, what they declare, and the job that they come to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{Ident, Query};
use tidemill_connectors::Environment;
use tidemill_engine::{Batch, Guarantee, Job};

use crate::catalog::{Catalog, Pump, Relation, View};
use crate::declare;
use crate::error::{Kind, Place, Result, SqlError};
use crate::functions::sql_function;
use crate::hinted::with_hints;
use crate::kinesis;
use crate::logical::kinesis::{ROWTIME, name_rowtime};
use crate::logical::late_data::takes_late_data;
use crate::logical::{Builtin, Names, optimize};
use crate::parse::statement::{
    CreateFunction, CreatePump, CreateTable, CreateView, Dialect, Insert, Located, Object, Show, Statement,
};
use crate::plan::{Builder, Node, Target};
use crate::settings::Settings;
use crate::types;

/// How many batches of a bare SELECT may wait for the terminal.
const COLLECTED_MAX: usize = 64;

/// What statements declare and set.
pub struct Session {
    builtin: Builtin,
    catalog: Catalog,
    settings: Settings,
    environment: Arc<Environment>,
    /// Of the statement that is being done.
    dialect: Dialect,
    /// What can't be worked on does not fail the application, as in Kinesis Data Analytics.
    sets_errors_apart: bool,
}

/// What came of a statement.
#[derive(Debug)]
pub enum Outcome {
    /// It was done; there is nothing to show.
    Done,
    /// Something to show: names of the columns, and rows.
    Table(Vec<&'static str>, Vec<Vec<String>>),
    /// Text to show.
    Text(String),
    /// It was done, but for what is told here.
    Note(String),
    /// A query or INSERTs, to be run.
    Work(Vec<Task>),
    /// A query or INSERTs, to be run and told about.
    Analyze(Vec<Task>),
}

/// A planned query or INSERT.
#[derive(Clone, Debug)]
pub struct Task {
    plan: LogicalPlan,
    /// The table and the columns that are given; none for a query whose rows are shown.
    target: Option<(String, Vec<String>)>,
    place: Option<Place>,
}

impl Task {
    /// The table that its rows go to.
    pub fn target(&self) -> Option<&str> {
        self.target.as_ref().map(|(table, _)| table.as_str())
    }

    /// Whether its rows are to be shown.
    pub fn is_query(&self) -> bool {
        self.target.is_none()
    }
}

/// A job that is ready to run.
pub struct Prepared {
    /// The job.
    pub job: Job,
    /// Its operators, for `EXPLAIN`.
    pub nodes: Vec<Node>,
    /// The rows of the bare SELECT, if there is one.
    pub rows: Option<Rows>,
    /// The settings that it runs with.
    pub settings: Settings,
}

/// Rows that a job puts out for the terminal.
pub struct Rows {
    /// Their columns.
    pub schema: SchemaRef,
    /// They may be updates and deletes.
    pub changes: bool,
    /// The rows as they come.
    pub batches: Receiver<Batch>,
}

impl Session {
    /// A session whose tables are made of the parts of `environment`.
    pub fn new(environment: Arc<Environment>) -> Self {
        Session {
            builtin: Builtin::new(),
            catalog: Catalog::default(),
            settings: Settings::default(),
            environment,
            dialect: Dialect::default(),
            sets_errors_apart: false,
        }
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// For a setting that is not known, or a value that it can't have.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if let Some(note) = self.settings.set(key, value)? {
            tracing::warn!("{note}");
        }
        Ok(())
    }

    fn names(&self) -> Names<'_> {
        Names { builtin: &self.builtin, catalog: &self.catalog }
    }

    /// Works with other parts from now on: tables know what they are made of only when a job begins.
    pub fn set_environment(&mut self, environment: Arc<Environment>) {
        self.environment = environment;
    }

    /// Names of tables, views, their columns, and functions, for completion.
    pub fn known_names(&self) -> BTreeSet<String> {
        let mut known: BTreeSet<String> = self.functions().into_iter().collect();
        for (name, relation) in self.catalog.relations() {
            known.insert(name.to_owned());
            known.extend(relation.schema().fields().iter().map(|field| field.name().clone()));
        }
        known
    }

    fn functions(&self) -> Vec<String> {
        use datafusion::logical_expr::planner::ContextProvider;
        let known = self.names();
        let mut all = [known.udf_names(), known.udaf_names(), known.udwf_names()].concat();
        all.sort();
        all.dedup();
        all
    }

    /// Does a statement. Queries and INSERTs are planned, not run.
    ///
    /// # Errors
    /// With the place in the text.
    pub fn execute(&mut self, located: Located) -> Result<Outcome> {
        let place = located.place;
        self.dialect = located.dialect;
        self.sets_errors_apart |= self.dialect == Dialect::Kinesis;
        let mut statement = located.statement;
        if self.dialect == Dialect::Streaming {
            with_hints(&mut statement, &mut self.catalog).map_err(|error| error.at(place))?;
        }
        let mut outcome = self.statement(statement).map_err(|error| error.at(place))?;
        if let Outcome::Work(tasks) | Outcome::Analyze(tasks) = &mut outcome {
            tasks.iter_mut().for_each(|task| task.place = task.place.or(place));
        }
        Ok(outcome)
    }

    fn statement(&mut self, statement: Statement) -> Result<Outcome> {
        match statement {
            Statement::CreateTable(table) => {
                if table.if_not_exists && self.catalog.contains(&table.name.value) {
                    return Ok(Outcome::Done);
                }
                if table.query.is_some() {
                    return self.create_table_as(*table);
                }
                let table = declare::table(*table, &self.names())?;
                let name = table.name.clone();
                self.catalog.add(&name, Relation::Table(Arc::new(table)), false)?;
            }
            Statement::CreateView(view) => self.create_view(view)?,
            Statement::CreateFunction(function) => self.create_function(*function)?,
            Statement::CreateStream(stream) => kinesis::create_stream(&mut self.catalog, stream)?,
            Statement::CreatePump(pump) => return self.create_pump(pump),
            Statement::Insert(insert) => return Ok(Outcome::Work(vec![self.insert(insert)?])),
            Statement::StatementSet(inserts) => {
                let tasks = inserts.into_iter().map(|insert| self.insert(insert)).collect::<Result<_>>()?;
                return Ok(Outcome::Work(tasks));
            }
            Statement::Query(query) => return Ok(Outcome::Work(vec![self.query(*query)?])),
            Statement::Set(key, value) => {
                return Ok(self.settings.set(&key, &value)?.map_or(Outcome::Done, Outcome::Note));
            }
            Statement::ShowSettings => return Ok(Outcome::Table(vec!["key", "value"], self.settings.rows())),
            Statement::Reset(key) => self.settings.reset(key.as_deref())?,
            Statement::Show(show, like) => {
                let mut shown = self.show(show)?;
                if let (Outcome::Table(_, rows), Some(like)) = (&mut shown, like) {
                    rows.retain(|row| row.first().is_some_and(|name| like.chooses(name)));
                }
                return Ok(shown);
            }
            Statement::Describe(name) => return self.describe(&name),
            Statement::Jobs(_) => {
                let error =
                    SqlError::unsupported("jobs are shown, described and stopped in the shell that started them");
                return Err(error.hint("start one with tidemill sql; tidemill app describes an application that runs"));
            }
            Statement::Explain { analyze, statement } => {
                let Outcome::Work(tasks) = self.statement(*statement)? else {
                    return Err(SqlError::unsupported("EXPLAIN is for a query, an INSERT or a statement set"));
                };
                if analyze {
                    return Ok(Outcome::Analyze(tasks));
                }
                let prepared = self.prepare("explain", &tasks)?;
                return Ok(Outcome::Text(crate::explain::explain(&prepared.nodes, None)));
            }
            Statement::Drop { kind, name, if_exists } => self.drop_object(kind, &name, if_exists)?,
        }
        Ok(Outcome::Done)
    }

    /// `CREATE TABLE … AS query`: the table, and the work that fills it.
    fn create_table_as(&mut self, mut table: CreateTable) -> Result<Outcome> {
        let Some(query) = table.query.take() else { return Ok(Outcome::Done) };
        let plan = match self.dialect {
            Dialect::Streaming => self.names().query(*query)?,
            Dialect::Kinesis => kinesis::visible(kinesis::query(&self.names(), *query)?)?,
        };
        let plan = self.optimized(plan)?;
        let table = declare::table_of(table, plan.schema(), &self.names())?;
        let name = table.name.clone();
        self.catalog.add(&name, Relation::Table(Arc::new(table)), false)?;
        Ok(Outcome::Work(vec![Task { plan, target: Some((name, Vec::new())), place: None }]))
    }

    fn create_view(&mut self, view: CreateView) -> Result<()> {
        if view.if_not_exists && self.catalog.contains(&view.name.value) {
            return Ok(());
        }
        let is_stream = self.dialect == Dialect::Kinesis;
        let mut plan = match is_stream {
            false => self.names().query(*view.query)?,
            true => kinesis::query(&self.names(), *view.query)?,
        };
        if takes_late_data(&plan) {
            let error = SqlError::unsupported("a view with LATE DATA TO would send late rows for each of its readers");
            return Err(error.hint("write LATE DATA TO in the query of an INSERT or SELECT"));
        }
        if !view.columns.is_empty() {
            let mut columns = plan.schema().columns();
            // A stream's time has its name.
            let time = if is_stream { columns.pop() } else { None };
            if columns.len() != view.columns.len() {
                let message = format!("the view names {} columns, its query has {}", view.columns.len(), columns.len());
                return Err(SqlError::declaration(message));
            }
            let renamed = columns.into_iter().zip(&view.columns);
            let renamed = renamed.map(|(column, name)| Expr::Column(column).alias(&name.value));
            let renamed = renamed.chain(time.map(Expr::Column));
            plan = LogicalPlanBuilder::from(plan).project(renamed.collect::<Vec<_>>())?.build()?;
        }
        let name = view.name.value;
        self.catalog.add(&name, Relation::View(Arc::new(View::new(plan, view.text))), view.or_replace)
    }

    fn create_function(&mut self, function: CreateFunction) -> Result<()> {
        let name = function.name.value.clone();
        if !function.or_replace && self.catalog.function(&name.to_lowercase()).is_some() {
            return Err(SqlError::declaration(format!("there is a function '{name}' already")));
        }
        let fields = function.parameters.iter().map(|(name, data_type)| data_type.field(&name.value, true));
        let parameters: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let schema = DFSchema::try_from(parameters.as_ref().clone())?;
        let body = self.names().expression(function.body, &schema)?;
        let made = sql_function(&name, parameters, function.returns.data_type, body, function.strict)?;
        self.catalog.add_function(made);
        Ok(())
    }

    /// A number that does not fit the type of a cast is an error only where errors are set apart.
    fn optimized(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let set_apart = self.sets_errors_apart || self.settings.error_table().is_some();
        optimize(plan, self.builtin.config(), set_apart)
    }

    fn query(&self, query: Query) -> Result<Task> {
        let plan = match self.dialect {
            Dialect::Streaming => self.names().query(query)?,
            Dialect::Kinesis => kinesis::visible(kinesis::query(&self.names(), query)?)?,
        };
        Ok(Task { plan: self.optimized(plan)?, target: None, place: None })
    }

    /// A pump into a stream of the application waits for who reads the stream; one into a table is work.
    fn create_pump(&mut self, pump: CreatePump) -> Result<Outcome> {
        let CreatePump { name, or_replace, stopped, mut insert } = pump;
        let into = insert.table.0.last().and_then(|part| part.as_ident()).cloned();
        let into = into.ok_or_else(|| SqlError::new(Kind::Name, format!("{} is no stream", insert.table)))?;
        if into.value.eq_ignore_ascii_case("error_stream") {
            return Err(kinesis::error_stream("written").at(Place::of(into.span)));
        }
        let Relation::Stream(stream) =
            self.catalog.relation(&into.value).map_err(|e| e.at(Place::of(into.span)))?.clone()
        else {
            let task = self.insert(insert)?;
            return Ok(if stopped { Outcome::Done } else { Outcome::Work(vec![task]) });
        };
        let place = insert.place;
        let mut columns: Vec<String> = insert.columns.into_iter().map(|column| column.value).collect();
        // ROWTIME among them is the rows' time, but where the stream has a column for it.
        let own = stream.schema.fields().len().saturating_sub(1);
        if stream.schema.fields().iter().take(own).all(|field| field.name() != ROWTIME)
            && let Some(at) = columns.iter().position(|column| column == ROWTIME)
        {
            name_rowtime(&mut insert.query.body, at).map_err(|error| error.at(place))?;
            columns.remove(at);
        }
        let rows = kinesis::query(&self.names(), *insert.query)
            .and_then(|rows| kinesis::assigned(&self.names(), rows, &stream, &columns));
        let plan = rows.and_then(|rows| self.optimized(rows)).map_err(|error| error.at(place))?;
        let pump = Pump { name: name.value, into: stream.name.clone(), plan, place, stopped };
        self.catalog.add_pump(pump, or_replace)?;
        Ok(Outcome::Done)
    }

    fn insert(&self, insert: Insert) -> Result<Task> {
        let place = insert.place;
        let plan = || {
            let name = insert.table.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone());
            let name = name.unwrap_or_default();
            self.catalog.table(&name)?;
            let plan = match self.dialect {
                Dialect::Streaming => self.names().query(*insert.query)?,
                Dialect::Kinesis => kinesis::visible(kinesis::query(&self.names(), *insert.query)?)?,
            };
            let plan = self.optimized(plan)?;
            let columns = insert.columns.into_iter().map(|column| column.value).collect();
            Ok(Task { plan, target: Some((name, columns)), place })
        };
        plan().map_err(|error: SqlError| error.at(place))
    }

    /// The job of some tasks. All of them run in one job and read each table once.
    ///
    /// # Errors
    /// Where a task has no meaning on streams, or its parts can't keep what is asked for.
    pub fn prepare(&self, name: &str, tasks: &[Task]) -> Result<Prepared> {
        self.job_of(name, tasks).map_err(|error| error.at(tasks.iter().find_map(|task| task.place)))
    }

    fn job_of(&self, name: &str, tasks: &[Task]) -> Result<Prepared> {
        let mut builder = Builder::new(Job::new(name), &self.environment);
        builder.state_ttl = self.settings.state_ttl();
        builder.idle_timeout = self.settings.idle_timeout();
        builder.early_results = self.settings.early_results();
        builder.pumps = self.catalog.pumps();
        let error_table = self.settings.error_table().map(|table| self.catalog.table(table)).transpose()?;
        builder.errors = (error_table.is_some() || self.sets_errors_apart).then(Vec::new);
        tasks.iter().for_each(|task| builder.announce(&task.plan));
        let mut rows = None;
        for task in tasks {
            let plan = |builder: &mut Builder<'_>| -> Result<Option<Rows>> {
                let stream = builder.plan(&task.plan)?;
                for (table, late) in std::mem::take(&mut builder.late) {
                    builder.insert(late, &Target { table: self.catalog.table(&table)?, columns: Vec::new() })?;
                }
                let Some((name, columns)) = &task.target else {
                    let (sender, batches) = sync_channel(COLLECTED_MAX);
                    let collected = builder.collect(stream, sender)?;
                    return Ok(Some(Rows { schema: collected.schema, changes: collected.changes, batches }));
                };
                let table = self.catalog.table(name)?;
                builder.insert(stream, &Target { table, columns: columns.clone() })?;
                Ok(None)
            };
            let found = plan(&mut builder).map_err(|error| error.at(task.place))?;
            if found.is_some() && rows.is_some() {
                let error = SqlError::unsupported("two queries want to show their rows");
                return Err(error.hint("one SELECT at a time; INSERT INTO tables for the others"));
            }
            rows = rows.or(found);
        }
        if let Some(table) = error_table {
            builder.error_table(table)?;
        }
        let Builder { mut job, nodes, .. } = builder;
        // What is not asked for is as good as the parts can: EXPLAIN says what each sink keeps.
        if self.settings.guarantee() != Some(Guarantee::ExactlyOnce) && job.check().is_err() {
            job = job.with_guarantee(Guarantee::AtLeastOnce);
        }
        job.check()?;
        Ok(Prepared { job, nodes, rows, settings: self.settings.clone() })
    }

    fn drop_object(&mut self, kind: Object, name: &Ident, if_exists: bool) -> Result<()> {
        let gone = match kind {
            Object::Function => self.catalog.remove_function(&name.value),
            Object::Table | Object::View => {
                if let Ok(relation) = self.catalog.relation(&name.value) {
                    let (is, wanted) = match relation {
                        Relation::Table(_) => ("table", Object::Table),
                        Relation::View(_) => ("view", Object::View),
                        Relation::Stream(_) => {
                            let error = SqlError::unsupported("a stream of the application can't be dropped");
                            return Err(error.hint("leave its CREATE STREAM out"));
                        }
                    };
                    if wanted != kind {
                        return Err(SqlError::declaration(format!("'{}' is a {is}", name.value)));
                    }
                }
                self.catalog.remove(&name.value)
            }
        };
        match gone || if_exists {
            true => Ok(()),
            false => {
                Err(SqlError::new(Kind::Name, format!("there is no '{}' to drop", name.value)).at(Place::of(name.span)))
            }
        }
    }

    fn show(&self, show: Show) -> Result<Outcome> {
        let names = |of: &dyn Fn(&Relation) -> bool| {
            let relations = self.catalog.relations().filter(|(_, relation)| of(relation));
            relations.map(|(name, _)| vec![name.to_owned()]).collect()
        };
        Ok(match show {
            Show::Tables => Outcome::Table(vec!["table"], names(&|_| true)),
            Show::Views => Outcome::Table(vec!["view"], names(&|relation| matches!(relation, Relation::View(_)))),
            Show::Functions => {
                Outcome::Table(vec!["function"], self.functions().into_iter().map(|name| vec![name]).collect())
            }
            Show::UserFunctions => {
                let rows = self.catalog.functions().map(|name| vec![name.to_owned()]).collect();
                Outcome::Table(vec!["function"], rows)
            }
            Show::Columns(name) => self.describe(&name)?,
            Show::Create(name) => match self.catalog.relation(&name.value).map_err(|e| e.at(Place::of(name.span)))? {
                Relation::Table(table) => Outcome::Text(table.text.clone()),
                Relation::View(view) => Outcome::Text(view.text.clone()),
                Relation::Stream(stream) => Outcome::Text(kinesis::text(stream)),
            },
        })
    }

    fn describe(&self, name: &Ident) -> Result<Outcome> {
        let relation = self.catalog.relation(&name.value).map_err(|error| error.at(Place::of(name.span)))?;
        let rows = match relation {
            Relation::Table(table) => declare::describe(table),
            Relation::Stream(_) | Relation::View(_) => {
                let schema = relation.schema();
                let row = |field: &arrow::datatypes::FieldRef| {
                    vec![
                        field.name().clone(),
                        types::name(field.data_type()),
                        field.is_nullable().to_string(),
                        String::new(),
                        String::new(),
                        String::new(),
                        String::new(),
                    ]
                };
                schema.fields().iter().map(row).collect()
            }
        };
        Ok(Outcome::Table(vec!["name", "type", "null", "key", "from", "watermark", "comment"], rows))
    }
}
