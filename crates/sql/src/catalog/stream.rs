//! In-application streams of Kinesis Data Analytics, and the pumps that fill them.

use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::{LogicalPlan, TableSource};

use crate::error::Place;

/// A stream inside of an application: the rows of its pumps. Its last column is ROWTIME.
#[derive(Debug)]
pub(crate) struct InAppStream {
    /// Its name.
    pub(crate) name: String,
    pub(crate) schema: SchemaRef,
    /// Which columns are NOT NULL.
    pub(crate) required: Vec<bool>,
}

impl TableSource for InAppStream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

/// A query whose rows go into an in-application stream.
#[derive(Clone, Debug)]
pub(crate) struct Pump {
    /// Its name.
    pub(crate) name: String,
    /// The stream that it fills.
    pub(crate) into: String,
    /// Its rows, with the stream's columns.
    pub(crate) plan: LogicalPlan,
    pub(crate) place: Option<Place>,
    /// It does nothing: its stream is there, and empty where no other pump fills it.
    pub(crate) stopped: bool,
}
