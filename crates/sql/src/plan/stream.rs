//! What one node of a plan says to the next.

use arrow::datatypes::SchemaRef;
use datafusion::common::DFSchemaRef;
use tidemill_engine::Port;

use crate::logical::window::Windows;
use crate::operators::calc::Step;

/// Rows between two operators, while the job is being built.
#[derive(Clone)]
pub(crate) struct Stream {
    /// Where the rows come out: several ports are a union.
    pub(crate) ports: Vec<Port>,
    /// What the operator behind the ports puts out.
    pub(crate) emitted: SchemaRef,
    /// What is still to be done with the rows before the next operator.
    pub(crate) steps: Vec<Step>,
    /// The columns behind the steps.
    pub(crate) schema: DFSchemaRef,
    pub(crate) traits: Traits,
}

impl Stream {
    /// Rows of an operator, or of several.
    pub(crate) fn of_ports(ports: Vec<Port>, schema: DFSchemaRef, traits: Traits) -> Self {
        let emitted = schema.inner().clone();
        Stream { ports, emitted, steps: Vec::new(), schema, traits }
    }

    /// The columns as Arrow has them.
    pub(crate) fn columns(&self) -> &SchemaRef {
        self.schema.inner()
    }
}

/// What is known of a stream's rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Traits {
    /// Rows may be updates and deletes.
    pub(crate) changes: bool,
    /// The stream ends by itself.
    pub(crate) bounded: bool,
    /// Columns that hold the row's event time.
    pub(crate) event_time: Vec<usize>,
    /// The row's event time is the latest of these columns.
    pub(crate) latest_of: Vec<usize>,
    /// Columns of `PROCTIME()`.
    pub(crate) processing_time: Vec<usize>,
    /// The windows in which the rows lie.
    pub(crate) window: Option<Attached>,
    /// Columns by which a row is known: one that comes with the same values replaces it.
    pub(crate) unique: Option<Vec<usize>>,
    /// Rows that are equal in these columns come in the order in which they came into the job: all rows where there are none. None: rows
    /// come in any order.
    pub(crate) in_order_by: Option<Vec<usize>>,
    /// A row holds from its event time on, until the next one of its key: the rows are versions.
    pub(crate) versions: bool,
}

/// Window columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attached {
    pub(crate) windows: Windows,
    /// They are of processing time.
    pub(crate) processing: bool,
    /// The columns are empty: an aggregation is to make them of the rows' times.
    pub(crate) deferred: bool,
    /// Columns of `PARTITION BY`, each of whose values has windows of its own; none where one of them is gone.
    pub(crate) partition_by: Option<Vec<usize>>,
    pub(crate) start: Option<usize>,
    pub(crate) end: Option<usize>,
    pub(crate) time: Option<usize>,
}

impl Traits {
    /// What holds behind a projection, whose column n is column `origins[n]` of before.
    pub(crate) fn projected(&self, origins: &[Option<usize>]) -> Traits {
        let all = |columns: &[usize]| -> Vec<usize> {
            let kept = |origin: &Option<usize>| origin.is_some_and(|origin| columns.contains(&origin));
            (0..).zip(origins).filter(|(_, origin)| kept(origin)).map(|(place, _)| place).collect()
        };
        let place = |column: usize| origins.iter().position(|origin| *origin == Some(column));
        Traits {
            changes: self.changes,
            bounded: self.bounded,
            event_time: all(&self.event_time),
            latest_of: self.latest_of.iter().map(|column| place(*column)).collect::<Option<_>>().unwrap_or_default(),
            processing_time: all(&self.processing_time),
            window: self.window.as_ref().map(|window| Attached {
                start: window.start.and_then(place),
                end: window.end.and_then(place),
                time: window.time.and_then(place),
                partition_by: window.partition_by.as_ref().and_then(|all| all.iter().map(|c| place(*c)).collect()),
                ..*window
            }),
            unique: self.unique.as_ref().and_then(|unique| unique.iter().map(|column| place(*column)).collect()),
            in_order_by: self.in_order_by.as_ref().and_then(|keys| keys.iter().map(|column| place(*column)).collect()),
            versions: self.versions,
        }
    }

    /// What holds of rows of either.
    pub(crate) fn union(&self, other: &Traits) -> Traits {
        let both = |a: &[usize], b: &[usize]| a.iter().copied().filter(|column| b.contains(column)).collect();
        Traits {
            changes: self.changes || other.changes,
            bounded: self.bounded && other.bounded,
            event_time: both(&self.event_time, &other.event_time),
            latest_of: Vec::new(),
            processing_time: both(&self.processing_time, &other.processing_time),
            window: self.window.clone().filter(|window| other.window.as_ref() == Some(window)),
            unique: None,
            in_order_by: None,
            versions: false,
        }
    }
}
