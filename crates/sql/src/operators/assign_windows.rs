//! A window table function by itself: each row once for each of its windows, with the window's columns.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::datatypes::SchemaRef;
use tidemill_engine::{Batch, Operator, Output, Result};

use super::columns::rows_of;
use super::results::{MILLISECOND, micros, timestamps, window_types};
use super::windows::Windows;

/// What an [`AssignWindows`] does.
#[derive(Clone, Debug)]
pub struct AssignWindowsConfig {
    /// The function.
    pub windows: Windows,
    /// The column of the rows' time.
    pub time: usize,
    /// The input's columns, then the window's start, end and time.
    pub output: SchemaRef,
}

/// Puts each row into its windows.
#[derive(Debug)]
pub struct AssignWindows {
    config: AssignWindowsConfig,
}

impl AssignWindows {
    /// An operator for these windows.
    ///
    /// # Errors
    /// For windows that can't be.
    pub fn new(config: AssignWindowsConfig) -> Result<Self> {
        config.windows.check()?;
        Ok(AssignWindows { config })
    }
}

impl Operator for AssignWindows {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let AssignWindowsConfig { windows, time, output } = &self.config;
        let Some(times) = batch.rows().columns().get(*time) else { return Ok(()) };
        let times = micros(times)?;
        let (mut rows, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        let mut placeless = 0;
        for (row, time) in (0u32..).zip(&times) {
            let Some(time) = time else {
                placeless += 1;
                continue;
            };
            let slice = windows.slice_end(time);
            let mut after = i64::MIN;
            while let Some(end) = windows.first_end(slice, after) {
                rows.push(row);
                starts.push(windows.start(end));
                ends.push(end);
                if end <= after {
                    break;
                }
                after = end;
                if matches!(windows, Windows::Tumble { .. }) {
                    break;
                }
            }
        }
        out.count_errors(placeless);
        let taken = batch.take(&UInt32Array::from(rows))?;
        let mut columns: Vec<ArrayRef> = taken.rows().columns().to_vec();
        let last = ends.iter().map(|end| end.saturating_sub(MILLISECOND)).collect();
        for (values, data_type) in [starts, ends, last].into_iter().zip(window_types(output)) {
            columns.push(timestamps(values, &data_type)?);
        }
        let rows = rows_of(output, columns, taken.num_rows())?;
        out.emit(taken.with_rows(rows)?);
        Ok(())
    }
}
