//! Files inside the binary: the console at `/`, the tracker at `/t.js`, the demo shop at `/demo-shop/`.
//!
//! Every file has an entity tag, and texts are sent gzipped to those who take it (compressed once, when first asked for).

mod embedded;
mod pages;
mod shop;

pub(crate) use embedded::Library;
pub(crate) use pages::{console, tracker};
pub(crate) use shop::{Shop, demo_shop, demo_shop_home};
