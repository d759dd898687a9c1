//! One source instance as a timely operator: epochs, budget, positions.
//!
//! A source polls while the bytes that it has in flight are within its budget. Bytes are given back when the probe
//! behind the last operators has passed their epoch, so the budget should hold what two or three epochs carry.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use timely::{
    dataflow::{ProbeHandle, Scope, operators::generic::builder_rc::OperatorBuilder},
    scheduling::Activator,
};

use super::{
    Shared,
    operator::{Acks, Built, Outputs, Ports},
};
use crate::{
    error::Result,
    host::Outgoing,
    job::Routing,
    source::{SourceStatus, Waker},
    source_host::SourceHost,
};

/// A source is polled this often before others get their turn.
const POLLS: usize = 1;
/// And is asked for this much each time: the more comes at once where there is much, the more of it has a key in common.
const POLL_BYTES: usize = 4 << 20;
/// A source out of budget looks again after this.
const BLOCKED: Duration = Duration::from_millis(1);

struct Running {
    source: Rc<RefCell<SourceHost>>,
    outputs: Outputs,
    acks: Acks,
    /// Epoch, and bytes sent in it.
    in_flight: VecDeque<(u64, usize)>,
    in_flight_bytes: usize,
    told_finished: bool,
    told_quiet: bool,
    probe: ProbeHandle<u64>,
    sending: Outgoing,
    again: Activator,
    shared: Arc<Shared>,
}

/// Builds a node without inputs.
pub(crate) fn build<'scope>(
    scope: Scope<'scope, u64>,
    make: impl FnOnce(Waker) -> Result<Rc<RefCell<SourceHost>>>,
    outputs: &[Routing],
    shared: &Arc<Shared>,
    probe: ProbeHandle<u64>,
) -> Result<(Built<'scope>, Rc<RefCell<SourceHost>>, Activator)> {
    let mut builder = OperatorBuilder::new("source".to_string(), scope);
    let address = builder.operator_info().address;
    let activator = scope.worker().sync_activator_for(address.to_vec());
    let waker: Waker = Arc::new(move || {
        let _ = activator.activate();
    });
    let source = make(waker.clone())?;
    let name = source.borrow().name().clone();
    let again = scope.activator_for(address.clone());
    let (built, frames, acks) = Ports::add(&mut builder, outputs, scope.worker().peers()).split();
    let shared = shared.clone();
    let polled = source.clone();
    builder.build(move |capabilities| {
        let (mut outputs, acks) = Ports::open(frames, acks, capabilities, name, waker);
        outputs.advance(shared.clock.durable() + 1);
        let mut running = Running {
            source: polled,
            outputs,
            acks,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            told_finished: false,
            told_quiet: false,
            probe,
            sending: Vec::new(),
            again,
            shared: shared.clone(),
        };
        running.acks.advance(shared.clock.durable() + 1);
        move |_frontiers| {
            shared.attempt(|| {
                if running.step()? {
                    running.again.activate();
                }
                Ok(())
            });
        }
    });
    Ok((built, source, scope.activator_for(address)))
}

impl Running {
    /// Moves on to the clock's epoch and polls; true where it should be called again at once.
    fn step(&mut self) -> Result<bool> {
        self.acks.acknowledge()?;
        if !self.catch_up()? {
            return Ok(false);
        }
        while let Some(&(epoch, bytes)) = self.in_flight.front() {
            if self.probe.less_equal(&epoch) {
                break;
            }
            self.in_flight_bytes -= bytes;
            self.in_flight.pop_front();
        }
        let more = self.polls()?;
        let quiet = !more && self.in_flight_bytes == 0;
        if quiet != std::mem::replace(&mut self.told_quiet, quiet) {
            self.shared.clock.source_is_quiet(quiet);
        }
        Ok(more)
    }

    /// Polls a few times; true where there is more and a budget for it.
    fn polls(&mut self) -> Result<bool> {
        for _ in 0..POLLS {
            let free = self.shared.budget_bytes.saturating_sub(self.in_flight_bytes);
            if free == 0 {
                // What is of earlier epochs comes back by itself.
                let now = self.outputs.time();
                let of_epoch =
                    self.in_flight.back().filter(|(epoch, _)| now == Some(*epoch)).map_or(0, |(_, bytes)| *bytes);
                if of_epoch > self.in_flight_bytes / 2 {
                    self.shared.clock.hurry();
                }
                self.again.activate_after(BLOCKED);
                return Ok(false);
            }
            match self.poll(free.min(POLL_BYTES))? {
                SourceStatus::More => {}
                SourceStatus::Waiting => return Ok(false),
                SourceStatus::Finished => {
                    if !std::mem::replace(&mut self.told_finished, true) {
                        self.shared.clock.source_finished();
                    }
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Follows the clock, cutting each checkpoint that lies on the way. False once the last one is cut.
    fn catch_up(&mut self) -> Result<bool> {
        let clock = &self.shared.clock;
        let target = clock.current();
        while let Some(now) = self.outputs.time().filter(|&now| now < target) {
            let checkpoint = clock.checkpoint_from(now);
            if checkpoint >= target {
                self.outputs.advance(target);
                self.acks.advance(target);
                break;
            }
            self.outputs.advance(checkpoint);
            self.acks.advance(checkpoint);
            let begun = Instant::now();
            let snapshot = self.source.borrow_mut().snapshot(self.shared.writer.snapshot())?;
            clock.spent(begun.elapsed());
            self.acks.cut(checkpoint, snapshot, &self.shared);
            if checkpoint >= clock.last() {
                self.outputs.close();
                self.acks.close();
                return Ok(false);
            }
            self.outputs.advance(checkpoint + 1);
            self.acks.advance(checkpoint + 1);
        }
        Ok(self.outputs.time().is_some())
    }

    fn poll(&mut self, budget: usize) -> Result<SourceStatus> {
        let Some(epoch) = self.outputs.time() else { return Ok(SourceStatus::Waiting) };
        let (status, bytes) = self.source.borrow_mut().poll(budget, &mut self.sending)?;
        self.outputs.send(epoch, &mut self.sending);
        self.in_flight_bytes += bytes;
        match self.in_flight.back_mut() {
            Some((e, sum)) if *e == epoch => *sum += bytes,
            _ if bytes > 0 => self.in_flight.push_back((epoch, bytes)),
            _ => {}
        }
        Ok(status)
    }
}
