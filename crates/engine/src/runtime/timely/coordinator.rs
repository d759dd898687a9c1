//! Making checkpoints whole: collects acknowledgements, publishes manifests, tells everyone.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, mpsc},
    time::Instant,
};

use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        Scope, Stream,
        channels::pact::Exchange,
        operators::{
            Capability, Concatenate,
            generic::{OutputBuilder, builder_rc::OperatorBuilder},
        },
    },
};

use super::{Ack, Committed, Shared};
use crate::{
    checkpoint::Segments,
    error::Result,
    time::{Epoch, EventTime},
};

/// A commit on its way: the worker that is to hear of it, and the epoch.
type Commit = (u64, u64);

/// An epoch, and how its publication went.
type Published = (u64, Result<()>);

struct Coordinator {
    peers: u64,
    next: u64,
    collected: BTreeMap<u64, Vec<(Arc<str>, Segments)>>,
    /// Checkpoints whose manifest is being published.
    publishing: Vec<(u64, Capability<u64>)>,
    published: (mpsc::Sender<Published>, mpsc::Receiver<Published>),
    capability: Option<Capability<u64>>,
    output: OutputBuilder<u64, CapacityContainerBuilder<Vec<Commit>>>,
    waker: Arc<dyn Fn() + Send + Sync>,
    shared: Arc<Shared>,
}

/// Adds the coordinator, which works on worker 0, and the committer of this worker.
pub(crate) fn build<'scope>(
    scope: Scope<'scope, u64>,
    acks: Vec<Stream<'scope, u64, Vec<Ack>>>,
    committed: Rc<RefCell<Vec<Committed>>>,
    shared: &Arc<Shared>,
) {
    let mut builder = OperatorBuilder::new("coordinator".to_string(), scope);
    let address = builder.operator_info().address;
    let activator = scope.worker().sync_activator_for(address.to_vec());
    let mut input = builder.new_input(scope.concatenate(acks), Exchange::new(|_: &Ack| 0));
    let (output, commits) = builder.new_output::<Vec<Commit>>();
    let leads = scope.worker().index() == 0;
    let peers = scope.worker().peers() as u64;
    let next = shared.clock.checkpoint_from(shared.clock.durable() + 1);
    let leader_shared = shared.clone();
    builder.build(move |mut capabilities| {
        let mut coordinator = Coordinator {
            peers,
            next,
            collected: BTreeMap::new(),
            publishing: Vec::new(),
            published: mpsc::channel(),
            capability: capabilities.pop().filter(|_| leads),
            output: OutputBuilder::from(output),
            waker: Arc::new(move || {
                let _ = activator.activate();
            }),
            shared: leader_shared.clone(),
        };
        move |frontiers| {
            input.for_each(|capability, acks| {
                let epoch = capability.least().copied().unwrap_or_default();
                let of_epoch = coordinator.collected.entry(epoch).or_default();
                of_epoch.extend(acks.drain(..).map(|a| (a.operator.into(), a.segments)));
            });
            let frontier = frontiers.iter().filter_map(|f| f.frontier().first().copied()).min();
            leader_shared.attempt(|| coordinator.step(frontier.unwrap_or(u64::MAX)));
        }
    });
    build_committer(scope, commits, committed, shared);
}

impl Coordinator {
    fn step(&mut self, frontier: u64) -> Result<()> {
        let last = self.shared.clock.last();
        while self.capability.is_some() && frontier > self.next && self.next <= last {
            self.publish(self.next);
            self.next = self.shared.clock.next_checkpoint(self.next);
        }
        while let Ok((epoch, result)) = self.published.1.try_recv() {
            result?;
            if let Some(at) = self.publishing.iter().position(|(e, _)| *e == epoch) {
                let (_, capability) = self.publishing.remove(at);
                let mut output = self.output.activate();
                let mut session = output.session(&capability);
                (0..self.peers).for_each(|worker| session.give((worker, epoch)));
            }
        }
        if frontier == u64::MAX && self.next > last {
            self.capability = None;
        }
        Ok(())
    }

    fn publish(&mut self, epoch: u64) {
        let Some(capability) = &mut self.capability else { return };
        let later = self.collected.split_off(&(epoch + 1));
        let added = std::mem::replace(&mut self.collected, later).into_values().flatten().collect();
        self.publishing.push((epoch, capability.delayed(&epoch)));
        capability.downgrade(&(epoch + 1));
        let (tell, wake) = (self.published.0.clone(), self.waker.clone());
        let done = move |result| {
            drop(tell.send((epoch, result)));
            wake();
        };
        self.shared.publisher.publish(Epoch(epoch), EventTime::now(), added, Box::new(done));
    }
}

/// Tells this worker's operators of durable checkpoints.
fn build_committer<'scope>(
    scope: Scope<'scope, u64>,
    commits: Stream<'scope, u64, Vec<Commit>>,
    committed: Rc<RefCell<Vec<Committed>>>,
    shared: &Arc<Shared>,
) {
    let mut builder = OperatorBuilder::new("committer".to_string(), scope);
    let mut input = builder.new_input(commits, Exchange::new(|(worker, _): &Commit| *worker));
    let shared = shared.clone();
    builder.build(move |_| {
        move |_frontiers| {
            input.for_each(|_, commits| {
                for (_, epoch) in commits.drain(..) {
                    shared.attempt(|| {
                        let begun = Instant::now();
                        for hears in committed.borrow().iter() {
                            match hears {
                                Committed::Operator(host) => host.borrow_mut().commit(Epoch(epoch))?,
                                Committed::Source(source) => source.borrow_mut().commit(Epoch(epoch))?,
                            }
                        }
                        shared.clock.spent(begun.elapsed());
                        shared.clock.is_durable(epoch);
                        Ok(())
                    });
                }
            });
        }
    });
}
