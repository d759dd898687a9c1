//! JSON Schema's official test suite, for each draft that we take: what a schema accepts, and what not.
//!
//! `tests/services/json-schema-suite.sh` fetches it at first use.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tidemill_schemas::{DataFormat, Definition, Reference};

/// The suite's folder, and the schema of its draft.
const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
];

/// What answers otherwise, by draft, file, group of tests and test (a star stands for all), and why.
const EXCEPTIONS: [(&str, &str, &str, &str, &str); 10] = [
    ("*", BIG_NUMBERS, "float comparison with high precision", "*", "numbers beyond 64 bits are read as doubles"),
    ("*", BIG_NUMBERS, "float comparison with high precision on negative numbers", "*", "likewise"),
    ("draft7", CONTENT, MEDIA, "an invalid JSON document", "what describes content is a remark, for Everit too"),
    ("draft7", CONTENT, ENCODING, "an invalid base64 string (% is not a valid character)", "likewise"),
    ("draft7", CONTENT, BOTH, "a validly-encoded invalid JSON document", "likewise"),
    ("draft7", CONTENT, BOTH, "an invalid base64 string that is valid JSON", "likewise"),
    ("*", "optional/format/idn-hostname.json", "*", "*", "idn-hostname is not looked at, nor does Everit"),
    ("draft7", "optional/format/idn-email.json", "*", "*", "Everit does not look at it"),
    ("draft7", "optional/format/iri.json", "*", "*", "likewise"),
    ("draft7", "optional/format/iri-reference.json", "*", "*", "likewise"),
];
const BIG_NUMBERS: &str = "optional/bignum.json";
const CONTENT: &str = "optional/content.json";
const MEDIA: &str = "validation of string-encoded content based on media type";
const ENCODING: &str = "validation of binary string-encoding";
const BOTH: &str = "validation of binary-encoded media type documents";

fn suite() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/services/json-schema-suite.sh");
    let found = Command::new(script).output().unwrap();
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
}

/// All JSON files in a folder, with their paths in it.
fn files(folder: &Path) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push((name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()));
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}

/// What the suite expects at `http://localhost:1234`, and a dialect of each later draft that asserts formats.
fn remotes(suite: &Path) -> Vec<Reference> {
    let known = |name: &str| !name.starts_with("draft3/") && !name.starts_with("draft-next/");
    let all = files(&suite.join("remotes")).into_iter().filter(|(name, _)| known(name));
    let named = all.map(|(name, schema)| (format!("http://localhost:1234/{name}"), schema));
    let asserting = [("2019-09", "format"), ("2020-12", "format-assertion")].map(|(draft, formats)| {
        let vocabulary = |name: &str| format!("https://json-schema.org/draft/{draft}/vocab/{name}");
        let vocabularies =
            json!({ vocabulary("core"): true, vocabulary("validation"): true, vocabulary(formats): true });
        let schema = format!("https://json-schema.org/draft/{draft}/schema");
        (format!("test:draft{draft}"), json!({ "$schema": schema, "$vocabulary": vocabularies }))
    });
    named.chain(asserting).map(|(name, schema)| Reference { name, text: schema.to_string() }).collect()
}

/// Which exception a test is under.
fn exception(draft: &str, file: &str, group: &str, test: &str) -> Option<usize> {
    let fits = |pattern: &str, text: &str| pattern == "*" || pattern == text;
    EXCEPTIONS.iter().position(|(of_draft, of_file, of_group, of_test, _)| {
        fits(of_draft, draft) && *of_file == file && fits(of_group, group) && fits(of_test, test)
    })
}

#[test]
fn values_are_accepted_as_the_official_suite_says() {
    let suite = suite();
    let (mut count, mut wrong, mut excepted) = (0, Vec::new(), [0; EXCEPTIONS.len()]);
    let references = remotes(&suite);
    for (draft, meta) in DRAFTS {
        for (file, groups) in files(&suite.join("tests").join(draft)) {
            for group in groups.as_array().unwrap() {
                let name = group["description"].as_str().unwrap();
                let mut schema = group["schema"].clone();
                if let Value::Object(keywords) = &mut schema {
                    // Later drafts leave formats alone, unless a dialect says otherwise.
                    match file.starts_with("optional/format/") && draft.starts_with("draft20") {
                        true => keywords.insert("$schema".to_owned(), json!(format!("test:{draft}"))),
                        false => Some(keywords.entry("$schema").or_insert_with(|| json!(meta)).clone()),
                    };
                }
                let acceptance = Definition::parse(DataFormat::Json, &schema.to_string(), &references)
                    .map(|definition| definition.acceptance().unwrap());
                for test in group["tests"].as_array().unwrap() {
                    count += 1;
                    let described = test["description"].as_str().unwrap();
                    let (expected, data) = (test["valid"].as_bool().unwrap(), &test["data"]);
                    let found = match &acceptance {
                        Ok(acceptance) => acceptance.violation(data).map(|violation| violation.to_string()),
                        Err(invalid) => Some(format!("no schema: {invalid}")),
                    };
                    if acceptance.is_ok() && found.is_none() == expected {
                        continue;
                    }
                    if let Some(nth) = exception(draft, &file, name, described) {
                        excepted[nth] += 1;
                        continue;
                    }
                    let found = found.unwrap_or_else(|| "accepted".to_owned());
                    wrong.push(format!(
                        "{draft} | {file} | {name} | {described}\n    {schema}\n    {data}\n    {found}"
                    ));
                }
            }
        }
    }
    println!("{count} tests, {} excepted", excepted.iter().sum::<usize>());
    assert!(count > 7_000, "the suite has only {count} tests");
    assert!(wrong.is_empty(), "{} of {count} are not as expected:\n{}", wrong.len(), wrong.join("\n"));
    for (exception, count) in EXCEPTIONS.iter().zip(excepted) {
        assert!(count > 0, "no longer an exception: {exception:?}");
    }
}
