//! `tidemill bench NAME`

use crate::args::{Args, Bench};
use crate::failure::Failure;

pub(crate) fn run(bench: &Bench, _: &Args) -> Result<(), Failure> {
    Err(Failure::Failed(format!("the benchmark {:?} is not part of this build", bench.name)))
}
