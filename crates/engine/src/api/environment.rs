//! Where a typed dataflow begins.

use std::{cell::RefCell, rc::Rc};

use super::{row::Row, row::decode, stream::Stream};
use crate::{
    error::Result,
    job::{Guarantee, Job, Port},
    metrics::MetricGroup,
    operator::OperatorContext,
    source::{Replay, Source},
};

/// Builds one job. Streams made from it share it.
#[derive(Clone, Debug)]
pub struct Environment {
    job: Rc<RefCell<Job>>,
    failed: Rc<RefCell<Option<crate::EngineError>>>,
}

/// A source that knows its type and can be made once for each worker.
pub trait TypedSource<T: Row>: Send + Sync + 'static {
    /// The source that runs.
    type Source: Source + 'static;

    /// Makes the instance of one worker.
    fn make(&self, context: &OperatorContext) -> Result<Self::Source>;

    /// Whether it can replay.
    fn replay(&self) -> Replay;
}

impl Environment {
    /// A new job.
    pub fn new(name: &str) -> Self {
        Environment { job: Rc::new(RefCell::new(Job::new(name))), failed: Rc::default() }
    }

    /// Asks for less than exactly-once.
    pub fn with_guarantee(self, guarantee: Guarantee) -> Self {
        let job = self.job.borrow().clone().with_guarantee(guarantee);
        *self.job.borrow_mut() = job;
        self
    }

    /// Reads a source.
    pub fn source<T: Row, S: TypedSource<T>>(&self, name: &str, source: S) -> Stream<T> {
        let replay = source.replay();
        let port = self.job.borrow_mut().source(name, replay, move |context| source.make(context));
        self.stream(port)
    }

    /// Reads a source that gives batches, such as those of the connectors: a row takes its fields from the columns of their
    /// names.
    pub fn batch_source<T: Row, S: Source + 'static>(
        &self,
        name: &str,
        replay: Replay,
        make: impl Fn(&OperatorContext) -> Result<S> + Send + Sync + 'static,
    ) -> Stream<T> {
        let port = self.job.borrow_mut().source(name, replay, make);
        self.stream(port)
    }

    /// The application's own metrics.
    pub fn metrics(&self) -> MetricGroup {
        self.job.borrow().metrics().clone()
    }

    /// The typed view of an output of the job.
    pub(crate) fn stream<T: Row>(&self, port: Port) -> Stream<T> {
        Stream::new(self.clone(), port, decode::<T>)
    }

    /// Changes the job.
    pub(crate) fn edit<R>(&self, change: impl FnOnce(&mut Job) -> R) -> R {
        change(&mut self.job.borrow_mut())
    }

    /// Keeps the first error of the construction, for `job` to return.
    pub(crate) fn checked<R>(&self, result: Result<R>) -> Option<R> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                None
            }
        }
    }

    /// The job, checked, ready to be run.
    pub fn job(&self) -> Result<Job> {
        if let Some(error) = self.failed.borrow_mut().take() {
            return Err(error);
        }
        let job = self.job.borrow().clone();
        job.check()?;
        Ok(job)
    }
}
