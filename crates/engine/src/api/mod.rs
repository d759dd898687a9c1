//! The typed API: dataflows over Rust structs, in the words of the field.
//!
//! ```
//! use std::time::Duration;
//! use serde::{Deserialize, Serialize};
//! use tidemill_engine::{EventTime, api::{Collect, Environment, Elements, Tumbling}, runtime::local::LocalRuntime};
//!
//! #[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
//! struct Click { user: String, at_ms: i64 }
//!
//! #[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
//! struct Clicks { user: String, count: u64 }
//!
//! let clicks = vec![
//!     Click { user: "ann".into(), at_ms: 1_000 },
//!     Click { user: "bob".into(), at_ms: 2_000 },
//!     Click { user: "ann".into(), at_ms: 59_000 },
//!     Click { user: "ann".into(), at_ms: 61_000 },
//! ];
//! let env = Environment::new("clicks");
//! let results = Collect::default();
//! env.source("clicks", Elements::new(clicks))
//!     .assign_timestamps("times", |c| EventTime::from_millis(c.at_ms), Duration::from_secs(5))
//!     .filter(|c| !c.user.is_empty())
//!     .key_by("by user", |c| c.user.clone())
//!     .window("per minute", Tumbling::of(Duration::from_secs(60)))
//!     .aggregate(|| 0u64, |count, _| *count += 1, |user, _window, count| Clicks { user: user.clone(), count: *count })
//!     .sink("results", results.sink());
//! let mut run = LocalRuntime::start(env.job().unwrap(), 2).unwrap();
//! run.run().unwrap();
//! let mut found = results.rows();
//! found.sort_by_key(|c| (c.user.clone(), c.count));
//! assert_eq!(found, [
//!     Clicks { user: "ann".into(), count: 1 },
//!     Clicks { user: "ann".into(), count: 2 },
//!     Clicks { user: "bob".into(), count: 1 },
//! ]);
//! ```
//!
//! `map`, `filter` and `flat_map` cost no operator: they are applied where the rows are next needed. Rows become Arrow only
//! where they go from one operator to the next.

mod environment;
mod keyed;
mod process;
mod row;
mod sinks;
mod sources;
mod stream;
mod window;

pub use environment::{Environment, TypedSource};
pub use keyed::{KeyedStream, Processed};
pub use process::{Connected, KeyState, Never, Process, ProcessContext, TwoInputs};
pub use row::{Row, Timed};
pub use sinks::{Collect, CollectSink, TypedSink};
pub use sources::{Elements, ElementsSource};
pub use stream::{Decode, Stream};
pub use window::{Late, SessionWindows, Sliding, Tumbling, Window, WindowAssigner, WindowedStream};
