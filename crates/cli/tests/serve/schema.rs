//! `tidemill schema`: each verb, and what is wrong said with what to do.

use serde_json::{Value, json};

use crate::Cli;

fn avro(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"Customer","fields":[{fields}]}}"#)
}

const ID: &str = r#"{"name":"id","type":"long"}"#;
const CITY: &str = r#"{"name":"city","type":"string","default":""}"#;
const AGE: &str = r#"{"name":"age","type":"int"}"#;

async fn with_files() -> Cli {
    let cli = Cli::start().await;
    cli.file("one.avsc", &avro(ID));
    cli.file("two.avsc", &avro(&format!("{ID},{CITY}")));
    cli.file("clash.avsc", &avro(&format!("{ID},{AGE}")));
    cli.file("broken.avsc", "{\"type\":\"record\"");
    cli.file("unnamed.txt", &avro(ID));
    cli.file("one.proto", "syntax = \"proto3\"; message M { int32 a = 1; }");
    cli.file("one.json", r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#);
    cli
}

#[tokio::test]
async fn schemas_are_registered_listed_shown_compared_and_deleted() {
    let cli = with_files().await;
    let said = cli.ok(&["schema", "register", "customers", "one.avsc"]);
    assert!(said.starts_with("version 1 · id 1 · "), "{said}");
    let made = cli.json(&["schema", "register", "customers", "two.avsc"]);
    assert_eq!((&made["version"], &made["status"]), (&json!(2), &json!("AVAILABLE")));
    // The same definition, spaced otherwise, is the version that it is.
    cli.file("spaced.avsc", &avro(ID).replace(',', ",\n  "));
    assert_eq!(cli.json(&["schema", "register", "customers", "spaced.avsc"])["version"], 1);
    cli.ok(&["schema", "register", "shop/orders", "one.proto", "--compatibility", "FULL_ALL"]);
    cli.ok(&["schema", "register", "pages", "unnamed.txt", "--format", "avro"]);
    cli.ok(&["schema", "register", "texts", "one.json"]);

    let listed = cli.json(&["schema", "list"]);
    let told = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
    let names: Vec<String> = listed["schemas"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            [told(one, "registry"), told(one, "name"), told(one, "format"), told(one, "compatibility")].join(" ")
        })
        .collect();
    let of_default = |rest: &str| format!("default-registry {rest}");
    assert_eq!(
        names,
        [
            of_default("customers AVRO BACKWARD"),
            of_default("pages AVRO BACKWARD"),
            of_default("texts JSON BACKWARD"),
            "shop orders PROTOBUF FULL_ALL".to_owned()
        ]
    );
    let said = cli.ok(&["schema", "list"]);
    assert!(said.contains("customers") && said.contains("FULL_ALL"), "{said}");

    let shown = cli.json(&["schema", "get", "customers"]);
    assert_eq!(shown["versions"].as_array().map(Vec::len), Some(2));
    assert_eq!(cli.ok(&["schema", "get", "customers", "--version", "1"]), format!("{}\n", avro(ID)));
    assert_eq!(cli.json(&["schema", "get", "customers", "--version", "2"])["id"], 2);
    assert!(cli.ok(&["schema", "get", "shop/orders"]).contains("compatibility  FULL_ALL"));

    let said = cli.ok(&["schema", "diff", "customers", "1", "2"]);
    assert!(said.starts_with("--- version 1\n+++ version 2\n") && said.contains("\"city\""), "{said}");
    assert_eq!(cli.ok(&["schema", "diff", "customers", "1"]), said);
    assert_eq!(cli.json(&["schema", "diff", "customers", "2", "2"]), json!({ "diff": "" }));

    let said = cli.refused(4, &["schema", "delete", "customers", "--version", "1"]);
    assert!(said.contains("is its checkpoint"), "{said}");
    assert_eq!(cli.ok(&["schema", "delete", "customers", "--version", "2"]), "deleted version 2 of schema customers\n");
    assert_eq!(cli.json(&["schema", "get", "customers"])["versions"].as_array().map(Vec::len), Some(1));
    assert_eq!(cli.json(&["schema", "delete", "customers"]), json!({ "deleted": "customers" }));
    let said = cli.refused(4, &["schema", "get", "customers"]);
    assert!(said.contains("customers"), "{said}");
    cli.stop();
}

#[tokio::test]
async fn a_check_says_what_clashes_and_what_would_help_and_stores_nothing() {
    let cli = with_files().await;
    assert_eq!(cli.ok(&["schema", "check", "customers", "one.avsc"]), "compatible (BACKWARD)\n");
    assert_eq!(cli.json(&["schema", "list"]), json!({ "schemas": [] }));
    cli.ok(&["schema", "register", "customers", "one.avsc"]);
    assert_eq!(cli.json(&["schema", "check", "customers", "two.avsc"])["compatible"], true);
    let said = cli.refused(1, &["schema", "check", "customers", "clash.avsc"]);
    let wanted = "\
tidemill: not compatible (BACKWARD)
the new schema can't read what version 1 wrote:
  /fields/1: the field age has no default and the writer has it not (READER_FIELD_MISSING_DEFAULT_VALUE); give age a default, such as 0
";
    assert_eq!(said, wanted);
    // For programs the verdict is on standard output.
    let said = cli.run(&["--output", "json", "schema", "check", "customers", "clash.avsc"]);
    assert_eq!(said.code, Some(1));
    let verdict: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(verdict["clashes"][0]["differences"][0]["rule"], "READER_FIELD_MISSING_DEFAULT_VALUE");
    // The rules of the other registry: the record's name counts.
    cli.file("renamed.avsc", &avro(ID).replace("Customer", "Client"));
    cli.ok(&["schema", "check", "customers", "renamed.avsc"]);
    let said = cli.refused(1, &["schema", "check", "customers", "renamed.avsc", "--rules", "confluent"]);
    assert!(said.contains("NAME_MISMATCH"), "{said}");
    // What clashes is not registered.
    let said = cli.refused(4, &["schema", "register", "customers", "clash.avsc"]);
    assert!(said.contains("READER_FIELD_MISSING_DEFAULT_VALUE") || said.contains("age"), "{said}");
    assert_eq!(cli.json(&["schema", "get", "customers"])["latest_version"], 1);
    cli.stop();
}

#[tokio::test]
async fn wrong_inputs_are_refused_and_store_nothing() {
    let cli = with_files().await;
    cli.ok(&["schema", "register", "customers", "one.avsc"]);
    let before = cli.json(&["schema", "list"]);
    let long = "a".repeat(5_000);
    for (code, arguments, told) in [
        (1, &["register", "customers", "nowhere.avsc"][..], "can't read nowhere.avsc"),
        (2, &["register", "customers", "unnamed.txt"], "--format avro|json|protobuf"),
        (2, &["check", "customers", "-"], "--format avro|json|protobuf"),
        (4, &["register", "customers", "unnamed.txt", "--format", "xml"], "AVRO, JSON and PROTOBUF"),
        (4, &["register", "new", "broken.avsc"], "$"),
        (4, &["register", "new", "one.json", "--format", "avro"], "$"),
        (4, &["register", "new", "one.avsc", "--format", "protobuf"], "schema.proto"),
        (4, &["register", "new", "one.avsc", "--compatibility", "SOMETIMES"], "SOMETIMES"),
        (2, &["register", "new", "one.avsc", "--rules", "house"], "house"),
        (4, &["register", &long, "one.avsc"], "aaa"),
        (4, &["register", "", "one.avsc"], ""),
        (4, &["register", "customers", "one.proto"], "AVRO"),
        (4, &["check", "customers", "broken.avsc"], "$"),
        (4, &["get", "none"], "none"),
        (1, &["get", "customers", "--version", "9"], "schema customers has no version 9"),
        (2, &["get", "customers", "--version", "last"], "invalid value 'last'"),
        (4, &["get", "none/customers"], "none"),
        (4, &["diff", "customers", "1", "9"], "9"),
        (4, &["diff", "none", "1"], "none"),
        (4, &["delete", "none"], "none"),
        (4, &["delete", "customers", "--version", "9"], "9"),
    ] {
        let arguments = [&["schema"], arguments].concat();
        let said = cli.refused(code, &arguments);
        assert!(said.contains(told), "{arguments:?}: {said}");
        assert!(said.starts_with("tidemill: TM-") || code != 4, "{arguments:?}: no code in {said}");
    }
    assert_eq!(cli.json(&["schema", "list"]), before);
    // Nobody there.
    let said = cli.refused(3, &["--server", "http://127.0.0.1:1", "schema", "list"]);
    assert!(said.contains("TM-CLIENT-0002") && said.contains("tidemill serve"), "{said}");
    cli.stop();
}
