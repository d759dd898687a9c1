//! The description of the API is one that tools can read.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::process::Command;

use support::Running;

/// Validates a description; says how many operations it has.
const VALIDATE: &str = "
import json, sys
from openapi_spec_validator import validate
description = json.load(open(sys.argv[1]))
validate(description)
methods = {'get', 'post', 'put', 'patch', 'delete'}
print(sum(len(methods & path.keys()) for path in description['paths'].values()))
";

fn validate(description: &Path) -> Result<usize, String> {
    let script = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../tests/services/pypi.sh");
    let installed = Command::new(script).arg("openapi-spec-validator").output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let python = String::from_utf8(installed.stdout).unwrap();
    let run = Command::new(python.trim()).args(["-c", VALIDATE]).arg(description).output().unwrap();
    if run.status.success() {
        Ok(String::from_utf8(run.stdout).unwrap().trim().parse().unwrap())
    } else {
        Err(String::from_utf8_lossy(&run.stderr).into_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_validator_accepts_it() {
    let running = Running::start().await;
    let mut description = running.client.get("/api/v1/openapi.json").await.unwrap();
    let file = running.folder.path().join("openapi.json");
    std::fs::write(&file, description.to_string()).unwrap();
    assert!(validate(&file).unwrap() >= 20);

    // It would have told.
    description["paths"]["/healthz"]["get"]["responses"] = "none".into();
    std::fs::write(&file, description.to_string()).unwrap();
    validate(&file).unwrap_err();
}
