//! One operator instance as a timely operator: which frames belong to which checkpoint.
//!
//! Invariants:
//! - The operator processes frames of epochs up to `next`, the checkpoint that it will cut next. Later frames wait in
//!   `early`, in the order of their arrival, until the input frontier has passed `next` and the cut is made.
//! - Output capabilities stand at the input frontier, but not beyond `next`; whatever a frame of epoch e causes is sent
//!   at e.
//! - The acknowledgement capability of a cut is held until its segment is durable. Nothing else waits for that.
//! - Frames are taken with `for_each`, in the order of their arrival: timely's by-stamp iteration reorders.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    sync::mpsc,
    time::{Duration, Instant},
};

use timely::{
    container::{CapacityContainerBuilder, NoopBuilder},
    dataflow::{
        Scope, Stream,
        channels::pact::{DistributorPact, Pipeline},
        operators::{
            Capability,
            generic::{OutputBuilder, builder_rc::OperatorBuilder},
        },
    },
};

use super::{
    Ack, Shared,
    frame::{Divide, Packet},
};
use crate::{
    batch::Batch,
    checkpoint::Segments,
    error::Result,
    frame::Frame,
    host::{Host, Outgoing},
    job::Routing,
    state::snapshot::Snapshot,
    time::{Epoch, EventTime},
};

/// The streams that leave a node.
pub(crate) struct Built<'scope> {
    pub(crate) outputs: Vec<Stream<'scope, u64, Packet>>,
    pub(crate) acks: Stream<'scope, u64, Vec<Ack>>,
    /// Carries nothing; its frontier says what the node is through with.
    pub(crate) progress: Stream<'scope, u64, Vec<()>>,
}

type AckOutput = OutputBuilder<u64, CapacityContainerBuilder<Vec<Ack>>>;

/// The output of one edge.
pub(crate) struct FrameOutput {
    output: OutputBuilder<u64, NoopBuilder<Packet>>,
    /// How many workers get a row that leaves here.
    copies: usize,
}

/// Outputs of one node with their capabilities.
pub(crate) struct Outputs {
    frames: Vec<FrameOutput>,
    /// One for each of `frames`, and the last for progress; all stand at the same time.
    capabilities: Vec<Capability<u64>>,
}

impl Outputs {
    pub(crate) fn time(&self) -> Option<u64> {
        self.capabilities.first().map(|c| *c.time())
    }

    pub(crate) fn send(&mut self, epoch: u64, frames: &mut Outgoing) {
        for (i, frame) in frames.drain(..) {
            if let (Some(output), Some(capability)) = (self.frames.get_mut(i), self.capabilities.get(i)) {
                let capability = capability.delayed(&epoch);
                let mut packet = Packet::new(frame, output.copies);
                output.output.activate().session_with_builder(&capability).give_container(&mut packet);
            }
        }
    }

    pub(crate) fn advance(&mut self, epoch: u64) {
        for capability in self.capabilities.iter_mut().filter(|c| *c.time() < epoch) {
            capability.downgrade(&epoch);
        }
    }

    pub(crate) fn close(&mut self) {
        self.capabilities.clear();
    }
}

/// Segments on their way to disk, and the capabilities that wait for them.
pub(crate) struct Acks {
    output: AckOutput,
    capability: Option<Capability<u64>>,
    written: (mpsc::Sender<Written>, mpsc::Receiver<Written>),
    waiting: Vec<(u64, Capability<u64>)>,
    waker: Arc<dyn Fn() + Send + Sync>,
    operator: Arc<str>,
}

struct Written {
    epoch: u64,
    result: Result<Segments>,
}

impl Acks {
    /// Hands over what changed up to a checkpoint. Nothing to write is nothing to wait for.
    pub(crate) fn cut(&mut self, epoch: u64, snapshot: Option<Snapshot>, shared: &Shared) {
        let Some(capability) = &mut self.capability else { return };
        if let Some(snapshot) = snapshot {
            self.waiting.push((epoch, capability.delayed(&epoch)));
            let (tell, wake) = (self.written.0.clone(), self.waker.clone());
            let done = move |result| {
                drop(tell.send(Written { epoch, result }));
                wake();
            };
            shared.writer.finish(snapshot, Box::new(done));
        }
    }

    /// Acknowledges what has become durable.
    pub(crate) fn acknowledge(&mut self) -> Result<()> {
        while let Ok(Written { epoch, result }) = self.written.1.try_recv() {
            let segments = result?;
            if let Some(at) = self.waiting.iter().position(|(e, _)| *e == epoch) {
                let (_, capability) = self.waiting.swap_remove(at);
                let ack = Ack { operator: self.operator.to_string(), segments };
                self.output.activate().session(&capability).give(ack);
            }
        }
        Ok(())
    }

    pub(crate) fn advance(&mut self, epoch: u64) {
        if let Some(capability) = self.capability.as_mut().filter(|c| *c.time() < epoch) {
            capability.downgrade(&epoch);
        }
    }

    pub(crate) fn close(&mut self) {
        self.capability = None;
    }
}

/// Adds a node's outputs to a builder.
pub(crate) struct Ports<'scope> {
    pub(crate) built: Built<'scope>,
    frames: Vec<FrameOutput>,
    acks: AckOutput,
}

impl<'scope> Ports<'scope> {
    pub(crate) fn add(builder: &mut OperatorBuilder<'scope, u64>, outputs: &[Routing], workers: usize) -> Self {
        let mut frames = Vec::new();
        let mut streams = Vec::new();
        for routing in outputs {
            let (output, stream) = builder.new_output::<Packet>();
            let copies = if *routing == Routing::Broadcast { workers } else { 1 };
            frames.push(FrameOutput { output: OutputBuilder::from(output), copies });
            streams.push(stream);
        }
        let (_, progress) = builder.new_output::<Vec<()>>();
        let (acks, ack_stream) = builder.new_output::<Vec<Ack>>();
        let built = Built { outputs: streams, acks: ack_stream, progress };
        Ports { built, frames, acks: OutputBuilder::from(acks) }
    }

    /// Joins the outputs with the capabilities that timely minted for them, in the same order.
    pub(crate) fn open(
        frames: Vec<FrameOutput>,
        acks: AckOutput,
        mut capabilities: Vec<Capability<u64>>,
        operator: Arc<str>,
        waker: Arc<dyn Fn() + Send + Sync>,
    ) -> (Outputs, Acks) {
        let ack = capabilities.pop();
        let acks =
            Acks { output: acks, capability: ack, written: mpsc::channel(), waiting: Vec::new(), waker, operator };
        (Outputs { frames, capabilities }, acks)
    }

    pub(crate) fn split(self) -> (Built<'scope>, Vec<FrameOutput>, AckOutput) {
        (self.built, self.frames, self.acks)
    }
}

/// Rows that follow each other on one input are handed to the operator together, up to this many.
const JOIN_ROWS: usize = 32_768;
/// And while they are not more bytes: what an operator makes of them is there all at once.
const JOIN_BYTES: usize = 2 << 20;

/// Batches of one epoch and input that are to be joined.
#[derive(Default)]
struct Joined {
    epoch: u64,
    input: usize,
    batches: Vec<Batch>,
    rows: usize,
    bytes: usize,
}

impl Joined {
    fn fits(&self, epoch: u64, input: usize, batch: &Batch) -> bool {
        self.batches.is_empty()
            || ((self.epoch, self.input) == (epoch, input)
                && self.rows + batch.num_rows() <= JOIN_ROWS
                && self.bytes + batch.bytes() <= JOIN_BYTES)
    }

    fn push(&mut self, epoch: u64, input: usize, batch: Batch) {
        (self.epoch, self.input) = (epoch, input);
        self.rows += batch.num_rows();
        self.bytes += batch.bytes();
        self.batches.push(batch);
    }
}

struct Running {
    host: Rc<RefCell<Host>>,
    outputs: Outputs,
    acks: Acks,
    early: VecDeque<Arrived>,
    /// The checkpoint to be cut next.
    next: u64,
    sending: Outgoing,
    shared: Arc<Shared>,
}

struct Arrived {
    epoch: u64,
    input: usize,
    frame: Frame,
}

/// Takes what has arrived on one input.
type Pull = Box<dyn FnMut(usize, &mut Vec<Arrived>)>;

/// Builds a node with inputs.
pub(crate) fn build<'scope>(
    scope: Scope<'scope, u64>,
    host: Rc<RefCell<Host>>,
    inputs: Vec<(Stream<'scope, u64, Packet>, Routing)>,
    outputs: &[Routing],
    shared: &Arc<Shared>,
) -> Built<'scope> {
    let name = host.borrow().name().clone();
    let mut builder = OperatorBuilder::new(name.to_string(), scope);
    let address = builder.operator_info().address;
    let activator = scope.worker().sync_activator_for(address.to_vec());
    let waker: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
        let _ = activator.activate();
    });
    let timer = scope.activator_for(address);
    let mut pulls: Vec<Pull> = Vec::new();
    for (stream, routing) in inputs {
        // The two kinds of input have different types; a closure each hides that.
        macro_rules! pull {
            ($pact:expr) => {{
                let mut handle = builder.new_input(stream, $pact);
                pulls.push(Box::new(move |input, arrived| {
                    handle.for_each(|capability, packet| {
                        let epoch = capability.least().copied().unwrap_or_default();
                        arrived.push(Arrived { epoch, input, frame: std::mem::take(packet).frame });
                    });
                }))
            }};
        }
        if routing == Routing::Forward {
            pull!(Pipeline);
        } else {
            let shared = shared.clone();
            pull!(DistributorPact(move |_| Divide { routing, shared }));
        }
    }
    let (built, frames, acks) = Ports::add(&mut builder, outputs, scope.worker().peers()).split();
    let shared = shared.clone();
    builder.build(move |capabilities| {
        let (outputs, acks) = Ports::open(frames, acks, capabilities, name, waker);
        let next = shared.clock.checkpoint_from(shared.clock.durable() + 1);
        let early = VecDeque::new();
        let mut running = Running { host, outputs, acks, early, next, sending: Vec::new(), shared };
        let mut arrived = Vec::new();
        let mut armed = EventTime::MAX;
        move |frontiers| {
            let frontier = frontiers.iter().filter_map(|f| f.frontier().first().copied()).min().unwrap_or(u64::MAX);
            for (input, pull) in pulls.iter_mut().enumerate() {
                pull(input, &mut arrived);
            }
            let shared = running.shared.clone();
            shared.attempt(|| running.step(frontier, &mut arrived));
            let (due, now) = (running.host.borrow().next_tick(), EventTime::now());
            if let Some(due) = due.filter(|due| *due < armed || armed <= now) {
                armed = due;
                timer.activate_after(Duration::from_micros(due.0.saturating_sub(now.0).max(0) as u64));
            }
        }
    });
    built
}

impl Running {
    fn step(&mut self, frontier: u64, arrived: &mut Vec<Arrived>) -> Result<()> {
        self.acks.acknowledge()?;
        let next = self.next;
        let mut due = Vec::with_capacity(arrived.len());
        for frame in arrived.drain(..) {
            if frame.epoch > next { self.early.push_back(frame) } else { due.push(frame) }
        }
        self.process(due)?;
        let last = self.shared.clock.last();
        while frontier > self.next && self.next <= last {
            self.cut()?;
        }
        if frontier == u64::MAX && self.next > last {
            self.outputs.close();
            self.acks.close();
            return Ok(());
        }
        let floor = frontier.min(self.next);
        self.outputs.advance(floor);
        self.acks.advance(floor);
        self.tick()
    }

    /// The input has passed the checkpoint: cut it, and let in what came early.
    fn cut(&mut self) -> Result<()> {
        let epoch = self.next;
        self.outputs.advance(epoch);
        self.acks.advance(epoch);
        let begun = Instant::now();
        let snapshot = self.host.borrow_mut().snapshot(Epoch(epoch), self.shared.writer.snapshot())?;
        self.shared.clock.spent(begun.elapsed());
        self.acks.cut(epoch, snapshot, &self.shared);
        self.next = self.shared.clock.next_checkpoint(epoch);
        self.outputs.advance(epoch + 1);
        self.acks.advance(epoch + 1);
        let (due, early) = std::mem::take(&mut self.early).into_iter().partition(|f| f.epoch <= self.next);
        self.early = early;
        self.process(due)
    }

    fn process(&mut self, frames: impl IntoIterator<Item = Arrived>) -> Result<()> {
        let host = self.host.clone();
        let mut host = host.borrow_mut();
        let now = EventTime::now();
        let mut joined = Joined::default();
        for Arrived { epoch, input, frame } in frames {
            match frame {
                Frame::Rows(batch) => {
                    if !joined.fits(epoch, input, &batch) {
                        self.flush(&mut host, &mut joined, now)?;
                    }
                    joined.push(epoch, input, batch);
                }
                frame => {
                    if host.moves_time(input, &frame) {
                        self.flush(&mut host, &mut joined, now)?;
                    }
                    host.frame(input, frame, now, &mut self.sending)?;
                    self.outputs.send(epoch, &mut self.sending);
                }
            }
        }
        self.flush(&mut host, &mut joined, now)
    }

    fn flush(&mut self, host: &mut Host, joined: &mut Joined, now: EventTime) -> Result<()> {
        if joined.batches.is_empty() {
            return Ok(());
        }
        host.rows(joined.input, &joined.batches, now, &mut self.sending)?;
        joined.batches.clear();
        (joined.rows, joined.bytes) = (0, 0);
        self.outputs.send(joined.epoch, &mut self.sending);
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        let mut host = self.host.borrow_mut();
        let now = EventTime::now();
        if host.next_tick().is_some_and(|due| due <= now)
            && let Some(epoch) = self.outputs.time()
        {
            host.tick(now, &mut self.sending)?;
            drop(host);
            self.outputs.send(epoch, &mut self.sending);
        }
        Ok(())
    }
}
