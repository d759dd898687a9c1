//! The dataflow kernel: batches, operators, state, time, checkpoints, runtimes.
