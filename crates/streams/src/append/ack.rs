//! Acknowledgements: futures that are ready when the records are on disk.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::{Condvar, Mutex};

use crate::{Appended, Error, IngestionTime, Result, Sequence, ShardId};

/// Where the frame that a group gave to one shard went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed {
    pub(crate) shard: ShardId,
    pub(crate) first: Sequence,
    pub(crate) time: IngestionTime,
}

/// The outcome of a group, one entry for each shard in its routing; `None` for shards without records in it.
pub(crate) type Outcome = Vec<Option<Result<Committed>>>;

/// The acknowledgement that all records of a group share.
#[derive(Debug, Default)]
pub(crate) struct Group {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Result<Outcome>>,
    wakers: Vec<Waker>,
}

/// A record's place in its group: which shard, and its number in that shard's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) route: u32,
    pub(crate) index: u32,
}

impl Group {
    /// Wakes all that wait. Only the first outcome counts.
    pub(crate) fn complete(&self, outcome: Result<Outcome>) {
        let mut state = self.state.lock();
        if state.outcome.is_some() {
            return;
        }
        state.outcome = Some(outcome);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.done.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// `read` on the outcome; if there is none yet, `waker` is woken when there is.
    fn poll<T>(
        &self,
        waker: &Waker,
        slot: &mut Option<usize>,
        read: impl FnOnce(&Outcome) -> Result<T>,
    ) -> Poll<Result<T>> {
        let mut state = self.state.lock();
        if let Some(outcome) = &state.outcome {
            return Poll::Ready(outcome.as_ref().map_err(Error::clone).and_then(read));
        }
        match slot.and_then(|slot| state.wakers.get_mut(slot)) {
            Some(earlier) => earlier.clone_from(waker),
            None => {
                *slot = Some(state.wakers.len());
                state.wakers.push(waker.clone());
            }
        }
        Poll::Pending
    }

    fn wait<T>(&self, read: impl FnOnce(&Outcome) -> Result<T>) -> Result<T> {
        let mut state = self.state.lock();
        loop {
            match &state.outcome {
                Some(outcome) => return outcome.as_ref().map_err(Error::clone).and_then(read),
                None => self.done.wait(&mut state),
            }
        }
    }
}

impl Ticket {
    fn read(self, outcome: &Outcome) -> Result<Appended> {
        match outcome.get(self.route as usize) {
            Some(Some(Ok(to))) => {
                let sequence = to.first.plus(u64::from(self.index));
                Ok(Appended { shard: to.shard, sequence, time: to.time })
            }
            Some(Some(Err(e))) => Err(e.clone()),
            _ => Err(Error::Closed { stream: String::new() }),
        }
    }
}

/// Ready when the record is on disk; needs no particular async runtime. The record is written whether or not the
/// future is awaited, or dropped.
#[derive(Debug)]
#[must_use = "without the acknowledgement it is unknown whether the record was stored"]
pub struct AppendFuture(Waiting<Ticket>);

/// Ready when all records of a batch are on disk, with their places in the order of the batch.
///
/// The records of a batch that go to the same shard are stored all or none, and stand next to each other. An error
/// says that those of at least one shard were not stored.
#[derive(Debug)]
#[must_use = "without the acknowledgement it is unknown whether the records were stored"]
pub struct BatchFuture(Waiting<Vec<Ticket>>);

#[derive(Debug)]
enum Waiting<T> {
    /// Not even queued.
    Refused(Error),
    Queued {
        group: Arc<Group>,
        tickets: T,
        slot: Option<usize>,
    },
}

impl<T> Waiting<T> {
    fn refused(&self) -> Option<Error> {
        match self {
            Self::Refused(error) => Some(error.clone()),
            Self::Queued { .. } => None,
        }
    }

    fn poll<R>(&mut self, waker: &Waker, read: impl FnOnce(&T, &Outcome) -> Result<R>) -> Poll<Result<R>> {
        match self {
            Self::Refused(error) => Poll::Ready(Err(error.clone())),
            Self::Queued { group, tickets, slot } => group.poll(waker, slot, |outcome| read(tickets, outcome)),
        }
    }

    fn wait<R>(self, read: impl FnOnce(&T, &Outcome) -> Result<R>) -> Result<R> {
        match self {
            Self::Refused(error) => Err(error),
            Self::Queued { group, tickets, .. } => group.wait(|outcome| read(&tickets, outcome)),
        }
    }
}

impl AppendFuture {
    pub(crate) fn new(queued: Result<(Arc<Group>, Ticket)>) -> Self {
        Self(waiting(queued))
    }

    /// Why the record was not even queued, if so: [`Error::QueueFull`] can be seen here without waiting.
    pub fn refused(&self) -> Option<Error> {
        self.0.refused()
    }

    /// Blocks until the record is on disk.
    pub fn wait(self) -> Result<Appended> {
        self.0.wait(|ticket, outcome| ticket.read(outcome))
    }
}

impl BatchFuture {
    pub(crate) fn new(queued: Result<(Arc<Group>, Vec<Ticket>)>) -> Self {
        Self(waiting(queued))
    }

    /// Why the batch was not even queued, if so: [`Error::QueueFull`] can be seen here without waiting.
    pub fn refused(&self) -> Option<Error> {
        self.0.refused()
    }

    /// Blocks until all records are on disk.
    pub fn wait(self) -> Result<Vec<Appended>> {
        self.0.wait(|tickets, outcome| read_all(tickets, outcome))
    }
}

fn waiting<T>(queued: Result<(Arc<Group>, T)>) -> Waiting<T> {
    match queued {
        Ok((group, tickets)) => Waiting::Queued { group, tickets, slot: None },
        Err(error) => Waiting::Refused(error),
    }
}

fn read_all(tickets: &[Ticket], outcome: &Outcome) -> Result<Vec<Appended>> {
    tickets.iter().map(|ticket| ticket.read(outcome)).collect()
}

impl Future for AppendFuture {
    type Output = Result<Appended>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context.waker(), |ticket, outcome| ticket.read(outcome))
    }
}

impl Future for BatchFuture {
    type Output = Result<Vec<Appended>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context.waker(), |tickets, outcome| read_all(tickets, outcome))
    }
}
