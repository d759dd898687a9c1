//! The look-up join: rows that ask another system for their partners.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use ahash::RandomState;
use arrow::{
    array::{Array, ArrayRef, RecordBatch, UInt32Array},
    datatypes::{Schema, SchemaRef},
};
use datafusion::physical_expr::PhysicalExpr;
use tidemill_connectors::connector::{LookedUp, LookupTable};
use tidemill_engine::{
    Batch, EngineError, Epoch, EventTime, Operator, OperatorContext, Output, Result, RowKind, SnapshotReader,
    SnapshotWriter, StateTable, metrics::OperatorMetrics, time::Mark, time::micros, timers::Timer,
};

use super::{
    JoinType,
    condition::Joined,
    lookup_cache::{Found, LookupCache},
    lookup_pool::{LookupPool, Patience},
};
use crate::operators::{
    columns::{nulls_of, rows_of, take_rows},
    expiry::key_of_group,
    rows::RowCodec,
    stored::{Stored, read_i64, read_u32},
};

/// While something is in flight answers are looked for so often.
const POLL: Duration = Duration::from_millis(2);
/// One request asks for so many rows at most.
const REQUEST_ROWS: usize = 1_024;
/// Bytes of a number behind the key of in-flight rows.
const NUMBER: usize = 8;

/// Configuration of a [`LookupJoin`].
#[derive(Clone)]
pub struct LookupJoinConfig {
    /// Inner or left.
    pub join: JoinType,
    /// Columns of the input. It has no key column: rows may be on any worker.
    pub input: SchemaRef,
    /// The columns of the input by which rows are looked up.
    pub keys: Vec<usize>,
    /// Where they are looked up.
    pub table: Arc<dyn LookupTable>,
    /// The columns of the table that must equal `keys`, in their order: as the table's declaration numbers them.
    pub table_keys: Vec<usize>,
    /// The columns of the table that are joined: as its declaration numbers them.
    pub projection: Vec<usize>,
    /// Those columns.
    pub looked_up: SchemaRef,
    /// What must hold beside the equality of the keys: over input columns, then looked-up columns.
    pub condition: Option<Arc<dyn PhysicalExpr>>,
    /// The output: input columns, then looked-up columns, which are nullable in a left join.
    pub schema: SchemaRef,
    /// How rows are asked for.
    pub options: LookupOptions,
}

/// How a [`LookupJoin`] asks.
#[derive(Clone, Copy, Debug)]
pub struct LookupOptions {
    /// Requests at the same time.
    pub threads: usize,
    /// Rows in flight at most: then the input waits.
    pub capacity_rows: usize,
    /// A request is given up after so long.
    pub timeout: Duration,
    /// A request that fails is tried again so often; then the job fails, and starts again from its last checkpoint.
    pub retries: u32,
    /// The pause before the first retry; it doubles with each.
    pub backoff: Duration,
    /// Answers are kept for others who ask the same: up to so many rows, for so long.
    pub cache: Option<(usize, Duration)>,
}

impl Default for LookupOptions {
    fn default() -> Self {
        LookupOptions {
            threads: 4,
            capacity_rows: 16 * 1_024,
            timeout: Duration::from_secs(30),
            retries: 3,
            backoff: Duration::from_millis(100),
            cache: None,
        }
    }
}

/// Joins each row with the rows of another system that have its key, as they are when they are asked for.
///
/// Rows go out in the order in which they came, with their time and kind; watermarks keep their place among them. Rows in
/// flight are part of the state: after a restart they are asked for again.
pub struct LookupJoin {
    config: LookupJoinConfig,
    joined: Joined,
    input: RowCodec,
    keys: RowCodec,
    looked_up: RowCodec,
    nulls: Vec<ArrayRef>,
    cache: Option<LookupCache>,
    pool: Option<LookupPool>,
    metrics: Option<Arc<OperatorMetrics>>,
    queue: VecDeque<InFlight>,
    rows_in_flight: usize,
    /// A key of a group of this worker: the owner of its in-flight rows, and of its timer.
    owner: Box<[u8]>,
    next: u64,
    /// In-flight rows that the last snapshot wrote: times, kinds, rows.
    stored: StateTable<Stored>,
    polls_at: Option<EventTime>,
}

#[expect(clippy::large_enum_variant, reason = "nearly all that is in flight are rows")]
enum InFlight {
    Rows(Waiting),
    Mark(Mark),
}

/// Rows of which some are asked for.
struct Waiting {
    /// Where they are in state.
    state_key: Vec<u8>,
    batch: Batch,
    /// What each row asked for.
    asked: Vec<Ask>,
    /// The number of the request, and its keys.
    request: Option<(u64, Vec<Box<[u8]>>)>,
    answers: Vec<Found>,
}

enum Ask {
    /// A NULL in its key: nothing is found.
    Nothing,
    Cached(Found),
    /// The position of its key in the request.
    Requested(usize),
}

impl LookupJoin {
    /// Puts pairs on which the condition fails out of port 2, as those of this origin, and goes on.
    pub fn with_rejects(self, origin: Option<String>) -> Self {
        LookupJoin { joined: self.joined.with_rejects(origin), ..self }
    }

    /// A join with nothing in flight.
    pub fn new(config: LookupJoinConfig) -> Result<Self> {
        if !matches!(config.join, JoinType::Inner | JoinType::Left) {
            return Err(EngineError::Plan(format!(
                "a look-up join is an inner or a left join, not {:?}: the other system is only asked for keys",
                config.join
            )));
        }
        let types = config.keys.iter().filter_map(|at| config.input.fields().get(*at));
        let keys = RowCodec::new(types.map(|field| field.data_type().clone()))?;
        let cache = config.options.cache.map(|(rows, ttl)| LookupCache::new(rows, micros(ttl)));
        Ok(LookupJoin {
            joined: Joined::new(&config.input, &config.looked_up, config.schema.clone(), config.condition.clone()),
            input: RowCodec::of_schema(&config.input)?,
            keys,
            looked_up: RowCodec::of_schema(&config.looked_up)?,
            nulls: nulls_of(&config.looked_up),
            cache,
            pool: None,
            metrics: None,
            queue: VecDeque::new(),
            rows_in_flight: 0,
            owner: [].into(),
            next: 0,
            stored: StateTable::new("in-flight"),
            polls_at: None,
            config,
        })
    }

    fn key_columns(&self, batch: &Batch) -> Vec<ArrayRef> {
        self.config.keys.iter().filter_map(|at| batch.rows().columns().get(*at).cloned()).collect()
    }

    /// Puts rows in flight.
    fn ask(&mut self, state_key: Vec<u8>, batch: Batch, now: i64) -> Result<()> {
        let columns = self.key_columns(&batch);
        let encoded = self.keys.encode_column(&columns, batch.num_rows())?;
        let encoded = arrow::array::AsArray::as_binary::<i32>(&encoded);
        let null = |row: usize| columns.iter().any(|column| column.is_null(row));
        let mut positions: HashMap<&[u8], usize, RandomState> = HashMap::default();
        let mut first: Vec<u32> = Vec::new();
        let mut asked = Vec::with_capacity(batch.num_rows());
        for (row, key) in encoded.iter().flatten().enumerate() {
            if null(row) {
                asked.push(Ask::Nothing);
            } else if let Some(found) = self.cache.as_ref().and_then(|cache| cache.get(key, now)) {
                asked.push(Ask::Cached(found));
            } else {
                asked.push(Ask::Requested(*positions.entry(key).or_insert_with(|| {
                    first.push(row as u32);
                    first.len() - 1
                })));
            }
        }
        let request = match &mut self.pool {
            Some(pool) if !first.is_empty() => {
                let keys: Vec<Box<[u8]>> = first.iter().map(|row| encoded.value(*row as usize).into()).collect();
                let fields: Vec<_> =
                    self.config.keys.iter().filter_map(|at| self.config.input.fields().get(*at).cloned()).collect();
                let columns = take_rows(&columns, &UInt32Array::from(first))?;
                Some((pool.ask(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?), keys))
            }
            _ => None,
        };
        self.rows_in_flight += batch.num_rows();
        self.queue.push_back(InFlight::Rows(Waiting { state_key, batch, asked, request, answers: Vec::new() }));
        Ok(())
    }

    /// Takes answers as they come, waits for one at the most so long, and gives rows whose answers are there.
    fn poll(&mut self, wait: Duration, out: &mut Output<'_>) -> Result<()> {
        let mut wait = wait;
        let mut retries = 0;
        while let Some(pool) = &mut self.pool
            && let Some((request, found)) = pool.answer(wait, &mut retries)?
        {
            wait = Duration::ZERO;
            self.answered(request, &found, out.now().0)?;
        }
        if let Some(metrics) = &self.metrics {
            metrics.retries.fetch_add(retries, Relaxed);
        }
        while let Some(first) = self.queue.front() {
            match first {
                InFlight::Mark(mark) => out.emit_watermark(*mark),
                InFlight::Rows(rows) if rows.request.is_some() => break,
                InFlight::Rows(rows) => {
                    if let Some(batch) = self.join(rows, out)? {
                        out.emit(batch);
                    }
                    self.rows_in_flight -= rows.batch.num_rows();
                    self.stored.remove(&rows.state_key);
                }
            }
            self.queue.pop_front();
        }
        Ok(())
    }

    /// Notes an answer with the rows that wait for it.
    fn answered(&mut self, request: u64, found: &LookedUp, now: i64) -> Result<()> {
        let encoded = self.looked_up.encode(found.rows.columns())?;
        let waits = |entry: &&mut InFlight| match entry {
            InFlight::Rows(rows) => rows.request.as_ref().is_some_and(|(number, _)| *number == request),
            InFlight::Mark(_) => false,
        };
        let Some(InFlight::Rows(rows)) = self.queue.iter_mut().find(waits) else { return Ok(()) };
        let Some((_, keys)) = rows.request.take() else { return Ok(()) };
        let mut answers: Vec<Vec<Box<[u8]>>> = vec![Vec::new(); keys.len()];
        for (row, origin) in found.origins.values().iter().enumerate().take(found.rows.num_rows()) {
            let Some(answer) = answers.get_mut(*origin as usize) else {
                return Err(EngineError::Plan(format!(
                    "a look-up of {} keys found a row for key {origin}: its connector is wrong",
                    keys.len()
                )));
            };
            answer.push(encoded.row(row).data().into());
        }
        rows.answers = answers.into_iter().map(Arc::new).collect();
        if let Some(cache) = &mut self.cache {
            keys.iter().zip(&rows.answers).for_each(|(key, found)| cache.put(key, found.clone(), now));
        }
        Ok(())
    }

    /// Joins rows with what was found for them.
    fn join(&self, rows: &Waiting, out: &mut Output<'_>) -> Result<Option<Batch>> {
        let left = rows.batch.rows().columns();
        let (mut of_row, mut stored) = (Vec::new(), Vec::new());
        for (row, ask) in rows.asked.iter().enumerate() {
            let found = match ask {
                Ask::Nothing => None,
                Ask::Cached(found) => Some(found),
                Ask::Requested(position) => rows.answers.get(*position),
            };
            for bytes in found.into_iter().flat_map(|found| found.iter()) {
                of_row.push(row as u32);
                stored.push(&**bytes);
            }
        }
        let rights = if stored.is_empty() { self.nulls.clone() } else { self.looked_up.decode(stored)? };
        let candidates = UInt32Array::from(of_row);
        let keep = if self.joined.has_condition() && !candidates.is_empty() {
            let told = |pair: usize| {
                let row = *candidates.values().get(pair)? as usize;
                rows.batch.times().get(row).copied().filter(|_| rows.batch.kind(row).adds())
            };
            self.joined.decide(0, &take_rows(left, &candidates)?, &rights, candidates.len(), &told, out)?
        } else {
            None
        };
        let (mut lefts, mut partners) = (Vec::new(), Vec::new());
        let mut next = 0;
        for row in 0..rows.batch.num_rows() as u32 {
            let before = lefts.len();
            while candidates.values().get(next).is_some_and(|of| *of == row) {
                if keep.as_ref().is_none_or(|keep| keep.value(next)) {
                    lefts.push(row);
                    partners.push(Some(next as u32));
                }
                next += 1;
            }
            if lefts.len() == before && self.config.join == JoinType::Left {
                lefts.push(row);
                partners.push(None);
            }
        }
        if lefts.is_empty() {
            return Ok(None);
        }
        let times = lefts.iter().filter_map(|row| rows.batch.times().get(*row as usize).copied()).collect();
        let kinds: Vec<RowKind> = lefts.iter().map(|row| rows.batch.kind(*row as usize)).collect();
        let rights = take_rows(&rights, &UInt32Array::from(partners))?;
        Ok(Some(self.joined.batch(0, &take_rows(left, &lefts.into())?, &rights, times, &kinds)?))
    }

    /// Sees to it that it is called again while something is in flight.
    fn poll_again(&mut self, out: &mut Output<'_>) {
        if !self.queue.is_empty() && self.polls_at.is_none() {
            let at = out.now().plus(POLL);
            out.set_processing_timer(at, &self.owner);
            self.polls_at = Some(at);
        }
    }

    fn encode(&self, batch: &Batch) -> Result<Stored> {
        let rows = self.input.encode(batch.rows().columns())?;
        let mut bytes = Vec::new();
        for (at, (row, time)) in rows.iter().zip(batch.times()).enumerate() {
            bytes.extend_from_slice(&time.to_le_bytes());
            bytes.extend_from_slice(&(batch.kind(at) as u32).to_le_bytes());
            bytes.extend_from_slice(&(row.data().len() as u32).to_le_bytes());
            bytes.extend_from_slice(row.data());
        }
        Ok(Stored(bytes))
    }

    fn decode(&self, mut bytes: &[u8]) -> Result<Batch> {
        let (mut rows, mut times, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        while let (Some(time), Some(kind), Some(length)) =
            (read_i64(&mut bytes), read_u32(&mut bytes), read_u32(&mut bytes))
        {
            let Some((row, rest)) = bytes.split_at_checked(length as usize) else { break };
            bytes = rest;
            rows.push(row);
            times.push(time);
            kinds.push(match kind {
                1 => RowKind::UpdateBefore,
                2 => RowKind::UpdateAfter,
                3 => RowKind::Delete,
                _ => RowKind::Insert,
            });
        }
        let columns = self.input.decode(rows)?;
        Batch::new(rows_of(&self.config.input, columns, times.len())?, times)?.with_kinds(&kinds)
    }
}

impl Operator for LookupJoin {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        for from in (0..batch.num_rows()).step_by(REQUEST_ROWS) {
            let to = batch.num_rows().min(from + REQUEST_ROWS);
            let rows: UInt32Array = (from as u32..to as u32).collect::<Vec<_>>().into();
            let rows = if rows.len() == batch.num_rows() { batch.clone() } else { batch.take(&rows)? };
            while self.rows_in_flight > 0 && self.rows_in_flight + rows.num_rows() > self.config.options.capacity_rows {
                self.poll(POLL, out)?;
            }
            let state_key = [&self.owner[..], &self.next.to_be_bytes()].concat();
            self.next += 1;
            self.ask(state_key, rows, out.now().0)?;
        }
        self.poll(Duration::ZERO, out)?;
        self.poll_again(out);
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        self.queue.push_back(InFlight::Mark(Mark::Time(time)));
        self.poll(Duration::ZERO, out)?;
        // Nobody calls again after the end.
        while time == EventTime::MAX && !self.queue.is_empty() {
            self.poll(POLL, out)?;
        }
        self.poll_again(out);
        Ok(())
    }

    fn on_idle(&mut self, out: &mut Output<'_>) -> Result<()> {
        self.queue.push_back(InFlight::Mark(Mark::Idle));
        self.poll(Duration::ZERO, out)?;
        self.poll_again(out);
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        if self.polls_at.is_none_or(|at| at <= timer.time) {
            self.polls_at = None;
        }
        self.poll(Duration::ZERO, out)?;
        self.poll_again(out);
        Ok(())
    }

    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        let LookupJoinConfig { table, table_keys, projection, options, .. } = self.config.clone();
        let of = context.clone();
        let make = Arc::new(move || {
            table.open(&table_keys, &projection, &of).map_err(|e| EngineError::operator(&*of.operator, e))
        });
        let patience = Patience { timeout: options.timeout, retries: options.retries, backoff: options.backoff };
        self.pool = Some(LookupPool::start(options.threads, make, patience)?);
        self.metrics = Some(context.metrics.clone());
        self.owner = key_of_group(context.key_groups.start);
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        for entry in &self.queue {
            if let InFlight::Rows(rows) = entry
                && self.stored.get(&rows.state_key).is_none()
            {
                let encoded = self.encode(&rows.batch)?;
                self.stored.insert(&rows.state_key, encoded);
            }
        }
        self.stored.snapshot_by(writer, |key| key.get(..key.len().saturating_sub(NUMBER)).unwrap_or_default())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.stored.restore(reader)?;
        let mut restored: Vec<(Vec<u8>, Batch)> = Vec::new();
        for (key, stored) in self.stored.iter() {
            restored.push((key.to_vec(), self.decode(stored)?));
        }
        restored.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, batch) in restored {
            let number = key.last_chunk::<NUMBER>().map_or(0, |number| u64::from_be_bytes(*number));
            self.next = self.next.max(number + 1);
            self.ask(key, batch, i64::MIN)?;
        }
        Ok(())
    }

    fn forwards_watermarks(&self) -> bool {
        false
    }

    fn state_keys(&self) -> usize {
        self.rows_in_flight
    }
}
