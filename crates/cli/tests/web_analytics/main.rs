//! Web analytics as its user runs it: the real binary, killed, torn, rescaled, and its answers compared with the truth.

mod crash;
mod demo;
mod rescale;
mod results;
mod visited;

/// The tests measure nothing, but each wants the machine for itself: two cores don't serve three servers in time.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
