//! Checks that the lists of user agents are there: they come from npm packages and are not in the repository.

use std::path::Path;

fn main() {
    for list in ["tracker/dist/crawlers.json", "tracker/dist/user-agents.json"] {
        println!("cargo:rerun-if-changed={list}");
        if !Path::new(list).is_file() {
            println!(
                "cargo:error=crates/web-analytics/{list} is missing; run \"make assets\" first \
                 (or, in crates/web-analytics/tracker: npm ci && npm run build)"
            );
        }
    }
}
