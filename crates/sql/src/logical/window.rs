//! Window table functions: TUMBLE, HOP, CUMULATE, SESSION.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::{Column, DFSchema, DFSchemaRef, Result, plan_err};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

/// Which windows a row is in; all in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub(crate) enum Windows {
    /// Windows of one size that follow each other.
    Tumble {
        /// Length.
        size: i64,
        /// Where they begin, from 1970.
        offset: i64,
    },
    /// Windows of one size that begin at every slide.
    Hop {
        /// From one window's begin to the next one's.
        slide: i64,
        /// Length.
        size: i64,
        /// Where they begin, from 1970.
        offset: i64,
    },
    /// Windows that grow by steps up to a size, then begin anew.
    Cumulate {
        /// What a window is longer than the one before.
        step: i64,
        /// The longest.
        size: i64,
        /// Where they begin, from 1970.
        offset: i64,
    },
    /// A window of one size for each key, that opens with its first row.
    Stagger {
        /// Length.
        size: i64,
    },
    /// A window for each stretch of rows without a gap.
    Session {
        /// A session ends when no row follows for this long.
        gap: i64,
    },
}

impl Windows {
    fn name(self) -> &'static str {
        match self {
            Windows::Tumble { .. } => "Tumble",
            Windows::Hop { .. } => "Hop",
            Windows::Cumulate { .. } => "Cumulate",
            Windows::Stagger { .. } => "Stagger",
            Windows::Session { .. } => "Session",
        }
    }
}

/// The names of the columns that a window function adds.
pub(crate) const ADDED: [&str; 3] = ["window_start", "window_end", "window_time"];

/// A window table function: the input's columns, then `window_start`, `window_end`, `window_time`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct WindowTvf {
    pub(crate) input: LogicalPlan,
    pub(crate) windows: Windows,
    /// The column of the input that holds the time.
    pub(crate) time: Column,
    /// `PARTITION BY`: sessions of each value.
    pub(crate) partition_by: Vec<Column>,
    schema: DFSchemaRef,
}

impl WindowTvf {
    pub(crate) fn new(input: LogicalPlan, windows: Windows, time: Column, partition_by: Vec<Column>) -> Result<Self> {
        let (qualifier, field) = input.schema().qualified_field_from_column(&time)?;
        let DataType::Timestamp(..) = field.data_type() else {
            let found = crate::types::name(field.data_type());
            return plan_err!("windows need a column of event or processing time: '{}' is {found}", field.name());
        };
        let (qualifier, time_type) = (qualifier.cloned(), field.data_type().clone());
        let mut fields: Vec<_> =
            input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), field.clone())).collect();
        let bound = DataType::Timestamp(TimeUnit::Millisecond, None);
        for (name, data_type) in ADDED.into_iter().zip([bound.clone(), bound, time_type]) {
            // A window over a window numbers its columns, as Flink does.
            let taken = |name: &str| fields.iter().any(|(_, field)| field.name() == name);
            let mut free = name.to_owned();
            for number in 0.. {
                if !taken(&free) {
                    break;
                }
                free = format!("{name}{number}");
            }
            fields.push((qualifier.clone(), Arc::new(Field::new(free, data_type, false))));
        }
        let schema = Arc::new(DFSchema::new_with_metadata(fields, Default::default())?);
        Ok(WindowTvf { input, windows, time, partition_by, schema })
    }
}

impl fmt::Debug for WindowTvf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_for_explain(f)
    }
}

impl PartialOrd for WindowTvf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.windows.partial_cmp(&other.windows)
    }
}

impl UserDefinedLogicalNodeCore for WindowTvf {
    fn name(&self) -> &str {
        self.windows.name()
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        std::iter::once(&self.time).chain(&self.partition_by).cloned().map(Expr::Column).collect()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let names = self.schema.fields().iter().map(|field| field.name().clone());
        match self.windows {
            // What a session is depends on all rows of a key.
            Windows::Session { .. } => {
                names.filter(|name| !self.partition_by.iter().any(|column| column.name == *name)).collect()
            }
            _ => names.skip(self.input.schema().fields().len()).collect(),
        }
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} by {}", self.windows, self.time)
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut columns = exprs.into_iter().map(|expr| match expr {
            Expr::Column(column) => Ok(column),
            other => plan_err!("a window function's column became {other}"),
        });
        let (Some(time), Some(input)) = (columns.next(), inputs.pop()) else {
            return plan_err!("a window function without a time column or an input");
        };
        WindowTvf::new(input, self.windows, time?, columns.collect::<Result<_>>()?)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let input = self.input.schema();
        let own = std::iter::once(&self.time).chain(&self.partition_by);
        let mut needed: Vec<usize> = own.map(|column| input.index_of_column(column).ok()).collect::<Option<_>>()?;
        needed.extend(output_columns.iter().filter(|column| **column < input.fields().len()));
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
