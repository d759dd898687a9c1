//! The best rows of a key, for inputs that only append.

use tidemill_engine::state::StateValue;

use super::changes::{Changes, Range};
use crate::operators::stored::{read_i64, read_u32};

/// Rows in their order, and when one was last added.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) written: i64,
    pub(super) rows: Vec<RankedRow>,
}

/// A row behind the bytes of its order.
#[derive(Debug)]
pub(super) struct RankedRow {
    order: u32,
    bytes: Box<[u8]>,
}

impl RankedRow {
    fn new(order: &[u8], row: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(order.len() + row.len());
        bytes.extend_from_slice(order);
        bytes.extend_from_slice(row);
        RankedRow { order: order.len() as u32, bytes: bytes.into() }
    }

    fn order(&self) -> &[u8] {
        self.bytes.get(..self.order as usize).unwrap_or_default()
    }

    pub(super) fn row(&self) -> &[u8] {
        self.bytes.get(self.order as usize..).unwrap_or_default()
    }
}

impl Default for Ranked {
    fn default() -> Self {
        Ranked { written: i64::MAX, rows: Vec::new() }
    }
}

impl Ranked {
    /// True where a row of this order would be among the first `end`.
    pub(super) fn admits(&self, order: &[u8], end: usize) -> bool {
        self.rows.len() < end || self.rows.last().is_none_or(|last| order < last.order())
    }

    /// Adds a row behind those of the same order, and drops the one that is pushed out.
    pub(super) fn insert(&mut self, order: &[u8], row: &[u8], range: Range, changes: &mut Changes) {
        if !self.admits(order, range.end) {
            return;
        }
        let at = self.rows.partition_point(|other| other.order() <= order);
        self.add(at, RankedRow::new(order, row));
        changes.inserted(at, range, self.rows.iter().map(RankedRow::row));
        self.rows.truncate(range.end);
    }

    /// Adds a row before those of the same order, and drops the one that is pushed out.
    pub(super) fn insert_before(&mut self, order: &[u8], row: &[u8], end: usize) {
        if self.rows.len() >= end && self.rows.last().is_some_and(|last| order > last.order()) {
            return;
        }
        let at = self.rows.partition_point(|other| other.order() < order);
        self.add(at, RankedRow::new(order, row));
        self.rows.truncate(end);
    }

    fn add(&mut self, at: usize, row: RankedRow) {
        // Most keys have few rows.
        self.rows.reserve_exact(1);
        self.rows.insert(at, row);
    }
}

impl StateValue for Ranked {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(&self.written.to_le_bytes());
        for row in &self.rows {
            out.extend_from_slice(&row.order.to_le_bytes());
            out.extend_from_slice(&(row.bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(&row.bytes);
        }
        Ok(())
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, String> {
        let short = || "it is too short".to_string();
        let written = read_i64(&mut bytes).ok_or_else(short)?;
        let mut rows = Vec::new();
        while !bytes.is_empty() {
            let order = read_u32(&mut bytes).ok_or_else(short)?;
            let length = read_u32(&mut bytes).ok_or_else(short)? as usize;
            let (row, rest) = bytes.split_at_checked(length).ok_or_else(short)?;
            rows.push(RankedRow { order, bytes: row.into() });
            bytes = rest;
        }
        Ok(Ranked { written, rows })
    }
}
