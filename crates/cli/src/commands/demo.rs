//! `tidemill demo NAME`

use crate::args::{Args, Demo};
use crate::failure::Failure;

pub(crate) fn run(demo: &Demo, _: &Args) -> Result<(), Failure> {
    Err(Failure::Failed(format!("the demo {:?} is not part of this build", demo.name)))
}
