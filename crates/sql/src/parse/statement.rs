//! The statements of streaming SQL.

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, Query};

use crate::error::Place;
use crate::types::SqlType;

/// Which SQL a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// As Flink users write it.
    #[default]
    Streaming,
    /// That of Kinesis Data Analytics.
    Kinesis,
}

/// A statement and where it begins.
#[derive(Clone, Debug)]
pub struct Located {
    /// The statement.
    pub statement: Statement,
    /// The dialect that it is written in.
    pub dialect: Dialect,
    /// Where it begins.
    pub place: Option<Place>,
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    /// `CREATE TABLE`
    CreateTable(Box<CreateTable>),
    /// `CREATE VIEW`
    CreateView(CreateView),
    /// `CREATE FUNCTION`
    CreateFunction(Box<CreateFunction>),
    /// `CREATE STREAM`
    CreateStream(CreateStream),
    /// `CREATE PUMP`
    CreatePump(CreatePump),
    /// `INSERT INTO`
    Insert(Insert),
    /// `EXECUTE STATEMENT SET BEGIN … END`
    StatementSet(Vec<Insert>),
    /// `SELECT` by itself: its rows go to the terminal.
    Query(Box<Query>),
    /// `SET 'key' = 'value'`
    Set(String, String),
    /// `SET`: all settings.
    ShowSettings,
    /// `RESET ['key']`
    Reset(Option<String>),
    /// `SHOW TABLES` and the like; what has such a name, where it is given.
    Show(Show, Option<Like>),
    /// `DESCRIBE table`
    Describe(Ident),
    /// `SHOW JOBS` and the like: the shell does them.
    Jobs(Jobs),
    /// `EXPLAIN [ANALYZE] statement`
    Explain {
        /// It is run, and told with what each operator did.
        analyze: bool,
        /// What is explained: a query, an `INSERT`, a statement set.
        statement: Box<Statement>,
    },
    /// `DROP TABLE | VIEW | FUNCTION`
    Drop {
        /// Of which kind.
        kind: Object,
        /// Which one.
        name: Ident,
        /// It need not be there.
        if_exists: bool,
    },
}

/// What is said of the jobs of a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// `SHOW JOBS`
    Show,
    /// `DESCRIBE JOB 'name'`
    Describe(String),
    /// `STOP JOB 'name'`
    Stop(String),
}

/// What can be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// A table.
    Table,
    /// A view.
    View,
    /// A function.
    Function,
}

/// What can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// `SHOW TABLES`, views among them.
    Tables,
    /// `SHOW VIEWS`
    Views,
    /// `SHOW FUNCTIONS`
    Functions,
    /// `SHOW USER FUNCTIONS`
    UserFunctions,
    /// `SHOW COLUMNS FROM name`
    Columns(Ident),
    /// `SHOW CREATE TABLE | VIEW name`
    Create(Ident),
}

/// `[NOT] LIKE 'pattern'`: `%` is any text, `_` any character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Like {
    /// The pattern.
    pub pattern: String,
    /// `ILIKE`: small and capital letters are the same.
    pub any_case: bool,
    /// `NOT`
    pub negated: bool,
}

impl Like {
    /// Whether a name is one of these.
    pub fn chooses(&self, name: &str) -> bool {
        let of = |c: char| match c {
            '%' => ".*".to_owned(),
            '_' => ".".to_owned(),
            other => regex::escape(other.encode_utf8(&mut [0; 4])),
        };
        let flags = if self.any_case { "si" } else { "s" };
        let pattern = format!("(?{flags})^{}$", self.pattern.chars().map(of).collect::<String>());
        regex::Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(name)) != self.negated
    }
}

/// `CREATE [TEMPORARY] TABLE`
#[derive(Clone, Debug)]
pub struct CreateTable {
    /// Its name.
    pub name: Ident,
    /// Nothing is done where it exists.
    pub if_not_exists: bool,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// `WATERMARK FOR column AS expression`
    pub watermark: Option<Watermark>,
    /// `PRIMARY KEY (…) NOT ENFORCED`
    pub primary_key: Vec<Ident>,
    /// `PARTITIONED BY (…)`
    pub partitioned_by: Vec<Ident>,
    /// `WITH (…)`
    pub options: Vec<(String, String)>,
    /// `LIKE table (…)`: what is not given is taken from there.
    pub like: Option<(Ident, Taken)>,
    /// `AS query`: its columns are the table's, and its rows go into it.
    pub query: Option<Box<Query>>,
    /// `COMMENT '…'`
    pub comment: Option<String>,
    /// The statement as it was written.
    pub text: String,
}

/// What is taken from the table that another one is like, beside the columns that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its primary key.
    pub constraints: bool,
    /// Computed columns.
    pub generated: bool,
    /// Columns of metadata.
    pub metadata: bool,
    /// What `WITH` says.
    pub options: bool,
    /// `PARTITIONED BY`
    pub partitions: bool,
    /// The watermark.
    pub watermarks: bool,
}

impl Taken {
    /// All of it, or nothing.
    pub(crate) fn all(taken: bool) -> Self {
        Taken {
            constraints: taken,
            generated: taken,
            metadata: taken,
            options: taken,
            partitions: taken,
            watermarks: taken,
        }
    }

    /// The part of this name.
    pub(crate) fn part(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "CONSTRAINTS" => &mut self.constraints,
            "GENERATED" => &mut self.generated,
            "METADATA" => &mut self.metadata,
            "OPTIONS" => &mut self.options,
            "PARTITIONS" => &mut self.partitions,
            "WATERMARKS" => &mut self.watermarks,
            _ => return None,
        })
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Where its values come from.
    pub kind: ColumnKind,
    /// `COMMENT '…'`
    pub comment: Option<String>,
}

/// Where a column's values come from.
#[derive(Clone, Debug)]
pub enum ColumnKind {
    /// From the record.
    Physical {
        /// Its type.
        data_type: SqlType,
        /// `NOT NULL` was not said.
        nullable: bool,
    },
    /// `METADATA [FROM 'key'] [VIRTUAL]`: from the connector.
    Metadata {
        /// Its type.
        data_type: SqlType,
        /// `NOT NULL` was not said.
        nullable: bool,
        /// The connector's key; the column's name where it is not given.
        key: Option<String>,
        /// It is read only.
        is_virtual: bool,
    },
    /// `AS expression`: from other columns.
    Computed(Box<Expr>),
}

/// `WATERMARK FOR column AS expression`
#[derive(Clone, Debug)]
pub struct Watermark {
    /// The column that holds the event time.
    pub column: Ident,
    /// What is complete when a row has been seen.
    pub expression: Expr,
}

/// `CREATE [TEMPORARY] VIEW`
#[derive(Clone, Debug)]
pub struct CreateView {
    /// Its name.
    pub name: Ident,
    /// Names of its columns, where they are not the query's.
    pub columns: Vec<Ident>,
    /// Its query.
    pub query: Box<Query>,
    /// Nothing is done where it exists.
    pub if_not_exists: bool,
    /// One that exists is replaced.
    pub or_replace: bool,
    /// The statement as it was written.
    pub text: String,
}

/// `CREATE FUNCTION name(parameter type, …) RETURNS type RETURN expression`
#[derive(Clone, Debug)]
pub struct CreateFunction {
    /// Its name.
    pub name: Ident,
    /// Its parameters.
    pub parameters: Vec<(Ident, SqlType)>,
    /// The type of its value.
    pub returns: SqlType,
    /// Its value.
    pub body: Expr,
    /// One that exists is replaced.
    pub or_replace: bool,
    /// `RETURNS NULL ON NULL INPUT`
    pub strict: bool,
}

/// `CREATE STREAM name (column type, …)`, of Kinesis Data Analytics.
#[derive(Clone, Debug)]
pub struct CreateStream {
    /// Its name.
    pub name: Ident,
    /// Its columns.
    pub columns: Vec<StreamColumn>,
    /// One that exists is replaced.
    pub or_replace: bool,
}

/// A column of a stream.
#[derive(Clone, Debug)]
pub struct StreamColumn {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub column_type: SqlType,
    /// `NOT NULL`
    pub not_null: bool,
}

/// `CREATE PUMP name AS INSERT INTO stream query`, of Kinesis Data Analytics.
#[derive(Clone, Debug)]
pub struct CreatePump {
    /// Its name.
    pub name: Ident,
    /// One that exists is replaced.
    pub or_replace: bool,
    /// It does not run.
    pub stopped: bool,
    /// What it does.
    pub insert: Insert,
}

/// `INSERT INTO table [(columns)] query`
#[derive(Clone, Debug)]
pub struct Insert {
    /// The table.
    pub table: ObjectName,
    /// Options that hold for this statement only.
    pub options: Vec<(String, String)>,
    /// The columns that the query's are for; all of them where this is empty.
    pub columns: Vec<Ident>,
    /// The query.
    pub query: Box<Query>,
    /// Where the statement begins.
    pub place: Option<Place>,
}
