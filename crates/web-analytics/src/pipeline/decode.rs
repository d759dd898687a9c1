//! From records to messages: parse, annotate, look up; what cannot be read goes to quarantine.

use arrow::array::{Array, AsArray};
use arrow::datatypes::UInt64Type;
use tidemill_engine::{Batch, EngineError, Operator, Output, Result};

use super::{Beacons, deltas, failed};
use crate::beacon::{Beacon, Reason};
use crate::envelope::Envelope;
use crate::lake::{self, QuarantineRow};
use crate::message::Message;
use crate::sites::{Sites, SitesSnapshot};
use crate::summary::buffer::DeltaBuffer;
use crate::summary::cell::{CellKey, Counter, Dimensions, Minute, SiteId};
use crate::user_agent::UserAgents;

/// Outputs: 0 beacons, 1 beacons with an order, 2 quarantined rows, 3 deltas of quarantine.
pub struct Decode {
    sites: Sites,
    agents: UserAgents,
    beacons: Beacons,
    orders: Beacons,
    quarantined: Vec<QuarantineRow>,
    deltas: DeltaBuffer,
    statics: Vec<u8>,
    message: Vec<u8>,
}

impl Decode {
    /// For the given sites.
    pub fn new(sites: Sites) -> Self {
        Self {
            sites,
            agents: UserAgents::default(),
            beacons: Beacons::default(),
            orders: Beacons::default(),
            quarantined: Vec::new(),
            deltas: DeltaBuffer::default(),
            statics: Vec::new(),
            message: Vec::new(),
        }
    }

    fn record(&mut self, sites: &SitesSnapshot, record: &[u8], time_us: i64, sequence: u64) -> Result<()> {
        let time_ms = time_us.div_euclid(1_000);
        let Ok(envelope) = Envelope::decode(record) else {
            self.quarantine(SiteId(0), Reason::Unreadable, "", record, (time_ms, sequence));
            return Ok(());
        };
        let read = match sites.get(envelope.site) {
            None => Err(Reason::UnknownSite),
            Some(site) => Beacon::parse(envelope.kind, envelope.body).map(|beacon| (site, beacon)),
        };
        let (site, beacon) = match read {
            Ok(read) => read,
            Err(reason) => {
                self.quarantine(envelope.site, reason, envelope.user_agent, envelope.body, (time_ms, sequence));
                return Ok(());
            }
        };
        let agent = self.agents.read(envelope.user_agent);
        let message = Message::new(site, &envelope, &beacon, &agent, (time_ms, sequence), &mut self.statics);
        self.message.clear();
        message.encode(&mut self.message).map_err(failed("decode"))?;
        let session = message.session_key();
        match message.order_key() {
            Some(order) => self.orders.push(&session, &order, &self.message, time_us),
            None => self.beacons.push(&session, &[], &self.message, time_us),
        }
        Ok(())
    }

    fn quarantine(&mut self, site: SiteId, reason: Reason, agent: &str, body: &[u8], at: (i64, u64)) {
        let (time_ms, sequence) = at;
        let minute = Minute(u32::try_from(time_ms.div_euclid(60_000)).unwrap_or(0));
        let cell = self.deltas.cell(&CellKey { site, minute, dimensions: Dimensions::default() });
        cell.count(Counter::Quarantined, 1);
        cell.issue(reason.number(), 1);
        let (user_agent, body) = (agent.to_owned(), body.to_vec());
        self.quarantined.push(QuarantineRow { site: site.0, time_ms, sequence, reason, user_agent, body });
    }
}

impl Operator for Decode {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let sites = self.sites.snapshot();
        let records = batch.binary(0)?;
        let sequences = batch.rows().column_by_name("sequence").and_then(|c| c.as_primitive_opt::<UInt64Type>());
        let sequences = sequences.ok_or_else(|| EngineError::Plan("decode: rows without a `sequence`".into()))?;
        for (row, time_us) in batch.times().iter().enumerate().take(records.len()) {
            self.record(&sites, records.value(row), *time_us, sequences.value(row))?;
        }
        out.emit_to(0, self.beacons.finish()?);
        out.emit_to(1, self.orders.finish()?);
        if !self.quarantined.is_empty() {
            out.emit_to(2, lake::quarantine(&sites, &self.quarantined)?);
            out.count_errors(self.quarantined.len() as u64);
            self.quarantined.clear();
        }
        let last = batch.times().last().copied().unwrap_or_default();
        if let Some(batch) = deltas(&mut self.deltas, last)? {
            out.emit_to(3, batch);
        }
        Ok(())
    }

    /// One by one: a record is looked at once, so that bringing them together would cost more than it saves.
    fn on_batches(&mut self, port: usize, batches: &[Batch], out: &mut Output<'_>) -> Result<()> {
        batches.iter().try_for_each(|batch| self.on_batch(port, batch.clone(), out))
    }
}
