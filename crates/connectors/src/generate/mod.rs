//! Sources that make up their rows: numbered rows, each a function of its number, cut into splits that any number of workers
//! can share.

mod pace;
mod random;
mod source;
mod splits;
#[cfg(test)]
mod tests;

pub(crate) use pace::Clock;
pub(crate) use random::{below, mix, unit};
pub(crate) use source::{Generate, GeneratedSource, Start};
