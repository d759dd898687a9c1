//! The server: HTTP, the console's assets, and the parts put together.
//!
//! ```text
//! config ─▶ server ─▶ app (what is open) ◀─ http: collector, api, assets, health
//! ```
//!
//! - [`config`]: every key, where it comes from, what is checked
//! - [`Server`]: start and stop
//! - [`client`]: a small client of the HTTP API
//! - [`told`]: what is told of a stream's record
//! - [`load`], [`observe`], [`demo`], [`bench`]: simulated visitors, what becomes of them, and how fast

mod analytics;
mod api;
mod app;
mod assets;
mod aws;
pub mod bench;
pub mod child;
pub mod client;
mod collector;
pub mod config;
mod data_folder;
pub mod demo;
mod error;
mod health;
mod http;
pub mod load;
pub mod observe;
pub mod run;
mod schemas;
mod server;
mod sites;
mod sql;
pub mod told;

pub use config::Config;
pub use error::{Error, Result};
pub use server::{Server, stop_signal};
