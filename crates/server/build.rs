//! Looks for what npm builds and the server embeds.

use std::path::Path;

fn main() {
    for (built, folder) in [
        ("../../console/dist/index.html", "../../console/dist"),
        ("../web-analytics/tracker/dist/tracker.js", "../web-analytics/tracker/dist"),
    ] {
        println!("cargo::rerun-if-changed={folder}");
        if !Path::new(built).exists() {
            println!("cargo::error={built} is not built yet: run `make assets` once (it needs Node.js 20 and npm).");
        }
    }
}
