//! Which schemas read each other's records: pairs of a writer's and a reader's schema, with the rule that keeps them
//! apart, or none. The pairs follow the public behaviour of Avro's, Confluent's and Glue's checkers.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use tidemill_schemas::{Candidate, DataFormat, Definition, Mode, Reference, RuleSet, check};

fn definition(format: DataFormat, text: &str) -> Definition {
    Definition::parse(format, text, &[]).map_err(|error| format!("{error}\n{text}")).expect("a schema")
}

/// The rules that break reading, each with its place.
fn broken(format: DataFormat, writer: &str, reader: &str, rules: RuleSet) -> Vec<String> {
    let (writer, reader) = (definition(format, writer), definition(format, reader));
    let old = [Candidate { version: 1, definition: &writer }];
    let verdict = check(&reader, &old, Mode::Backward, rules);
    let differences = verdict.clashes.iter().flat_map(|clash| &clash.differences);
    differences
        .inspect(|difference| {
            assert!(!difference.reason.is_empty() && !difference.remedy.is_empty(), "{difference:?} explains nothing");
        })
        .map(|difference| format!("{} {}", difference.rule, difference.path))
        .collect()
}

#[track_caller]
fn assert_cases(format: DataFormat, cases: &[(&str, &str, &[&str])]) {
    for (writer, reader, expected) in cases {
        let found = broken(format, writer, reader, RuleSet::Confluent);
        assert_eq!(found, *expected, "\nwriter {writer}\nreader {reader}");
    }
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

#[test]
fn avro_reads_what_resolution_allows() {
    let a = record(r#"{"name":"a","type":"int"}"#);
    let ab = record(r#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#);
    let ab_default = record(r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":0}"#);
    let optional = record(r#"{"name":"a","type":["null","int"],"default":null}"#);
    let alias = record(r#"{"name":"z","aliases":["a"],"type":"long"}"#);
    let abc = r#"{"type":"enum","name":"E","symbols":["A","B","C"]}"#;
    let ab_enum = r#"{"type":"enum","name":"E","symbols":["A","B"]}"#;
    let ab_enum_default = r#"{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}"#;
    let list =
        r#"{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]}"#;
    let long_list = list.replace(r#""int""#, r#""long""#);
    assert_cases(
        DataFormat::Avro,
        &[
            (&a, &a, &[]),
            (&a, &ab, &["READER_FIELD_MISSING_DEFAULT_VALUE /fields/1"]),
            (&a, &ab_default, &[]),
            (&ab, &a, &[]),
            (&a, &optional, &[]),
            (&optional, &a, &["TYPE_MISMATCH /fields/0/type"]),
            (&a, &alias, &[]),
            (r#""int""#, r#""long""#, &[]),
            (r#""int""#, r#""double""#, &[]),
            (r#""long""#, r#""int""#, &["TYPE_MISMATCH "]),
            (r#""float""#, r#""long""#, &["TYPE_MISMATCH "]),
            (r#""string""#, r#""bytes""#, &[]),
            (r#""bytes""#, r#""string""#, &[]),
            (r#""null""#, r#""boolean""#, &["TYPE_MISMATCH "]),
            (ab_enum, abc, &[]),
            (abc, ab_enum, &["MISSING_ENUM_SYMBOLS /symbols"]),
            (abc, ab_enum_default, &[]),
            (r#"["int","string"]"#, r#"["string","long"]"#, &[]),
            (r#"["int","string"]"#, r#"["int","boolean"]"#, &["MISSING_UNION_BRANCH /1"]),
            (r#"["int","null"]"#, r#""int""#, &["TYPE_MISMATCH "]),
            (r#""string""#, r#"["null","int"]"#, &["MISSING_UNION_BRANCH "]),
            (r#"{"type":"array","items":"int"}"#, r#"{"type":"array","items":"string"}"#, &["TYPE_MISMATCH /items"]),
            (r#"{"type":"map","values":"int"}"#, r#"{"type":"map","values":"long"}"#, &[]),
            (
                r#"{"type":"fixed","name":"F","size":4}"#,
                r#"{"type":"fixed","name":"F","size":8}"#,
                &["FIXED_SIZE_MISMATCH /size"],
            ),
            (list, &long_list, &[]),
            (&long_list, list, &["TYPE_MISMATCH /fields/0/type"]),
        ],
    );
}

#[test]
fn glue_lets_the_outermost_record_be_renamed_and_confluent_does_not() {
    let one = r#"{"type":"record","name":"backward1","fields":[{"name":"a","type":"int"}]}"#;
    let two = r#"{"type":"record","name":"backward2","fields":[{"name":"a","type":"int"}]}"#;
    assert!(broken(DataFormat::Avro, one, two, RuleSet::Glue).is_empty());
    assert_eq!(broken(DataFormat::Avro, one, two, RuleSet::Confluent), ["NAME_MISMATCH /name"]);
    let inner =
        |name: &str| record(&format!(r#"{{"name":"a","type":{{"type":"record","name":"{name}","fields":[]}}}}"#));
    let found = broken(DataFormat::Avro, &inner("X"), &inner("Y"), RuleSet::Glue);
    assert_eq!(found, ["NAME_MISMATCH /fields/0/type/name"]);
}

#[test]
fn json_schema_reads_what_it_accepts_more_of() {
    let open = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#;
    let open_ab = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}}}"#;
    let closed = r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#;
    let closed_ab =
        r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"additionalProperties":false}"#;
    let closed_ab_required = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["b"],"additionalProperties":false}"#;
    let closed_ab_default = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer","default":1}},"required":["b"],"additionalProperties":false}"#;
    let partly = r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"integer"}}"#;
    let glue_one = r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"f1":{"type":"string"},"f2":{"type":"integer","maximum":50}}}"#;
    let glue_two = r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"f2":{"type":"number","maximum":1000}}}"#;
    let tree = r##"{"$id":"tree","type":"object","properties":{"v":{"type":"integer"},"next":{"$ref":"#"}}}"##;
    let wide_tree = tree.replace("integer", "number");
    assert_cases(
        DataFormat::Json,
        &[
            (open, open, &[]),
            (glue_one, glue_two, &[]),
            (open, open_ab, &["PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b"]),
            (open_ab, open, &[]),
            (closed, closed_ab, &[]),
            (closed_ab, closed, &["PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/b"]),
            (closed, closed_ab_required, &["REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/b"]),
            (closed, closed_ab_default, &[]),
            (closed_ab, closed_ab_required, &["REQUIRED_ATTRIBUTE_ADDED #/required/b"]),
            (closed_ab, partly, &[]),
            (partly, closed, &["ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties"]),
            (closed, open, &[]),
            (r#"{"type":"integer"}"#, r#"{"type":"number"}"#, &[]),
            (r#"{"type":"number"}"#, r#"{"type":"integer"}"#, &["TYPE_NARROWED #"]),
            (r#"{"type":"string"}"#, r#"{"type":"number"}"#, &["TYPE_CHANGED #"]),
            (r#"{"type":"string"}"#, r#"{"type":["string","null"]}"#, &[]),
            (r#"{"type":["string","null"]}"#, r#"{"type":"string"}"#, &["TYPE_CHANGED #"]),
            (r#"{"type":"string"}"#, r#"{"type":"string","maxLength":3}"#, &["MAX_LENGTH_ADDED #/maxLength"]),
            (r#"{"type":"string","minLength":3}"#, r#"{"type":"string","minLength":2}"#, &[]),
            (
                r#"{"type":"string","pattern":"a"}"#,
                r#"{"type":"string","pattern":"b"}"#,
                &["PATTERN_CHANGED #/pattern"],
            ),
            (r#"{"type":"number","maximum":9}"#, r#"{"type":"number","maximum":8}"#, &["MAXIMUM_DECREASED #/maximum"]),
            (
                r#"{"type":"number","maximum":9,"exclusiveMaximum":true}"#,
                r#"{"type":"number","exclusiveMaximum":9}"#,
                &[],
            ),
            (r#"{"type":"number","multipleOf":4}"#, r#"{"type":"number","multipleOf":2}"#, &[]),
            (
                r#"{"type":"number","multipleOf":2}"#,
                r#"{"type":"number","multipleOf":3}"#,
                &["MULTIPLE_OF_CHANGED #/multipleOf"],
            ),
            (r#"{"enum":["a"]}"#, r#"{"enum":["a","b"]}"#, &[]),
            (r#"{"enum":["a","b"]}"#, r#"{"enum":["a"]}"#, &["ENUM_ARRAY_NARROWED #/enum"]),
            (r#"{"const":1}"#, r#"{"const":2}"#, &["ENUM_ARRAY_CHANGED #/enum"]),
            (
                r#"{"type":"array","items":{"type":"integer"}}"#,
                r#"{"type":"array","items":{"type":"string"}}"#,
                &["TYPE_CHANGED #/items"],
            ),
            (r#"{"type":"array"}"#, r#"{"type":"array","uniqueItems":true}"#, &["UNIQUE_ITEMS_ADDED #/uniqueItems"]),
            (
                r#"{"type":"array","items":[{"type":"string"}],"additionalItems":false}"#,
                r#"{"type":"array","prefixItems":[{"type":"string"},{"type":"null"}],"items":false}"#,
                &[],
            ),
            (
                r#"{"oneOf":[{"type":"string"},{"type":"integer"}]}"#,
                r#"{"oneOf":[{"type":"number"},{"type":"string"},{"type":"null"}]}"#,
                &[],
            ),
            (
                r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#,
                r#"{"oneOf":[{"type":"null"}]}"#,
                &["SUM_TYPE_NARROWED #"],
            ),
            (
                r#"{"allOf":[{"type":"string"}]}"#,
                r#"{"allOf":[{"type":"string"},{"minLength":1}]}"#,
                &["PRODUCT_TYPE_EXTENDED #"],
            ),
            (
                r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
                r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#,
                &["COMBINED_TYPE_CHANGED #"],
            ),
            (r#"{"not":{"type":"number"}}"#, r#"{"not":{"type":"integer"}}"#, &[]),
            (r#"{"not":{"type":"integer"}}"#, r#"{"not":{"type":"number"}}"#, &["NOT_TYPE_EXTENDED #/not"]),
            (r#"{"type":"string"}"#, "true", &[]),
            ("false", r#"{"type":"string"}"#, &[]),
            ("true", r#"{"type":"string"}"#, &["TYPE_CHANGED #"]),
            (tree, &wide_tree, &[]),
            (&wide_tree, tree, &["TYPE_NARROWED #/properties/v"]),
        ],
    );
}

fn proto(body: &str) -> String {
    format!("syntax = \"proto3\"; package p; {body}")
}

#[test]
fn protobuf_reads_by_field_numbers() {
    let a = proto("message M { int32 a = 1; }");
    let second = format!("{a} message N {{}}");
    let required = |label: &str| format!("syntax = \"proto2\"; message M {{ {label} int32 a = 1; }}");
    let empty = "syntax = \"proto2\"; message M {}";
    let of_nested = |field: &str| proto(&format!("message M {{ N n = 1; }} message N {{ {field} }}"));
    assert_cases(
        DataFormat::Protobuf,
        &[
            (&a, &proto("message M { int32 a = 1; string b = 2; }"), &[]),
            (&proto("message M { int32 a = 1; string b = 2; }"), &a, &[]),
            (&a, &proto("message M { int32 renamed = 1; }"), &[]),
            (&a, &proto("message M { int64 a = 1; }"), &[]),
            (&a, &proto("message M { sint32 a = 1; }"), &["FIELD_SCALAR_KIND_CHANGED #/M/1"]),
            (&a, &proto("message M { string a = 1; }"), &["FIELD_SCALAR_KIND_CHANGED #/M/1"]),
            (&proto("message M { string a = 1; }"), &proto("message M { bytes a = 1; }"), &[]),
            (&a, &proto("message M { E a = 1; } enum E { Z = 0; }"), &[]),
            (&a, &proto("message M { M a = 1; }"), &["FIELD_KIND_CHANGED #/M/1"]),
            (&a, &second, &[]),
            (&second, &a, &["MESSAGE_REMOVED #/N"]),
            (&a, "syntax = \"proto3\"; package q; message M { int32 a = 1; }", &["PACKAGE_CHANGED #/"]),
            (empty, &required("required"), &["REQUIRED_FIELD_ADDED #/M/1"]),
            (&required("required"), empty, &["REQUIRED_FIELD_REMOVED #/M/1"]),
            (empty, &required("optional"), &[]),
            (&a, &proto("message M { oneof o { int32 a = 1; string b = 2; } }"), &[]),
            (
                &proto("message M { int32 a = 1; string b = 2; }"),
                &proto("message M { oneof o { int32 a = 1; string b = 2; } }"),
                &["MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o"],
            ),
            (
                &proto("message M { oneof o { int32 a = 1; } string b = 2; }"),
                &proto("message M { oneof o { int32 a = 1; string b = 2; } }"),
                &["FIELD_MOVED_TO_EXISTING_ONEOF #/M/o"],
            ),
            (
                &proto("message M { oneof o { int32 a = 1; string b = 2; } }"),
                &proto("message M { oneof o { int32 a = 1; } }"),
                &["ONEOF_FIELD_REMOVED #/M/2"],
            ),
            (
                &proto("message M { map<string, int32> m = 1; }"),
                &proto("message M { map<string, string> m = 1; }"),
                &["FIELD_SCALAR_KIND_CHANGED #/M/1"],
            ),
            (&of_nested("int32 x = 1;"), &of_nested("int64 x = 1;"), &[]),
            (
                &proto("message M { A n = 1; } message A {} message B {}"),
                &proto("message M { B n = 1; } message A {} message B {}"),
                &["FIELD_NAMED_TYPE_CHANGED #/M/1"],
            ),
        ],
    );
}

#[test]
fn glue_minds_labels_and_confluent_does_not() {
    let one = proto("message M { int32 a = 1; }");
    let many = proto("message M { repeated int32 a = 1; }");
    assert!(broken(DataFormat::Protobuf, &one, &many, RuleSet::Confluent).is_empty());
    assert_eq!(broken(DataFormat::Protobuf, &one, &many, RuleSet::Glue), ["FIELD_LABEL_CHANGED #/M/1"]);
}

#[test]
fn a_mode_says_who_reads_whom() {
    let texts =
        ["", r#"{"name":"b","type":"int"}"#, r#"{"name":"b","type":"int"},{"name":"c","type":"int"}"#].map(record);
    let [none, b, bc] = texts.map(|text| definition(DataFormat::Avro, &text));
    let versions = |old: &[&'static str]| old.join(",");
    let clashes = |new: &Definition, old: &[&Definition], mode| -> String {
        let old: Vec<_> = (1..).zip(old).map(|(version, definition)| Candidate { version, definition }).collect();
        let verdict = check(new, &old, mode, RuleSet::Confluent);
        assert_eq!(verdict.compatible, verdict.clashes.is_empty());
        verdict.clashes.iter().map(|clash| format!("{}{}", clash.reader, clash.version)).collect::<Vec<_>>().join(",")
    };
    // A field without a default may be left out by readers and must not be missing for them.
    assert_eq!(clashes(&bc, &[&none, &b], Mode::Backward), versions(&["new2"]));
    assert_eq!(clashes(&bc, &[&none, &b], Mode::BackwardAll), versions(&["new1", "new2"]));
    assert_eq!(clashes(&bc, &[&none, &b], Mode::Forward), "");
    assert_eq!(clashes(&none, &[&bc, &b], Mode::Forward), versions(&["old2"]));
    assert_eq!(clashes(&none, &[&bc, &b], Mode::ForwardAll), versions(&["old1", "old2"]));
    assert_eq!(clashes(&b, &[&none, &bc], Mode::Full), versions(&["old2"]));
    assert_eq!(clashes(&b, &[&none, &bc], Mode::FullAll), versions(&["new1", "old2"]));
    assert_eq!(clashes(&bc, &[&none], Mode::None), "");
    for (name, mode) in [("FULL_TRANSITIVE", Mode::FullAll), ("backward_all", Mode::BackwardAll), ("NONE", Mode::None)]
    {
        assert_eq!(name.parse::<Mode>(), Ok(mode));
    }
}

#[test]
fn the_same_schema_has_the_same_fingerprint() {
    let same =
        |format, one: &str, two: &str| definition(format, one).fingerprint() == definition(format, two).fingerprint();
    let one =
        r#"{"type":"record","name":"a.R","fields":[{"name":"x","type":{"type":"int"}},{"name":"s","type":"a.R"}]}"#;
    let two = r#"{ "name":"R", "namespace":"a", "fields":[{"type":"int","name":"x"},{"name":"s","type":"R"}], "type":"record"}"#;
    assert!(same(DataFormat::Avro, one, two));
    assert!(!same(DataFormat::Avro, one, &two.replace(r#""name":"x""#, r#""name":"x","default":1"#)));
    assert!(same(DataFormat::Json, r#"{"type":"string","title":"t"}"#, r#"{"title": "t", "type": "string"}"#));
    let commented = "syntax=\"proto3\"; // comment\n message M { int32 a = 1 ; }";
    let plain = "syntax = \"proto3\";\nmessage M {\n  int32 a = 1;\n}\n";
    assert!(same(DataFormat::Protobuf, commented, plain));
}

#[test]
fn a_protobuf_file_is_the_same_as_text_and_as_descriptor() {
    let text = proto(
        "import \"google/protobuf/timestamp.proto\"; message M { map<string, N> m = 1; oneof o { int32 a = 2; N b = 3; } \
         optional string c = 4; repeated google.protobuf.Timestamp t = 5; message N { E e = 1; reserved 2, 4 to 6; } \
         enum E { Z = 0; } } service S { rpc Call (M) returns (stream M.N); }",
    );
    let from_text = definition(DataFormat::Protobuf, &text);
    let packed = from_text.protobuf().expect("a file").descriptor_base64();
    let from_descriptor = definition(DataFormat::Protobuf, &packed);
    assert_eq!(from_text.normal_form(), from_descriptor.normal_form());
    assert_eq!(definition(DataFormat::Protobuf, &from_text.normal_form()).fingerprint(), from_text.fingerprint());
}

#[test]
fn messages_are_told_apart_as_serializers_do() {
    let text = proto("message B { message A { message D {} } message C {} } message A {}");
    let file = definition(DataFormat::Protobuf, &text);
    let file = file.protobuf().expect("a file");
    let names: Vec<String> = file.messages_by_name().iter().map(|message| message.full_name().to_owned()).collect();
    assert_eq!(names, ["p.A", "p.B", "p.B.A", "p.B.A.D", "p.B.C"]);
    let deep = file.message_at(&[0, 0, 0]).expect("a message");
    assert_eq!((deep.full_name(), file.path_of(&deep)), ("p.B.A.D", vec![0, 0, 0]));
    assert!(file.message_at(&[2]).is_none());
}

#[test]
fn references_are_found_by_name() {
    let address = r#"{"type":"record","name":"com.Address","fields":[{"name":"city","type":"string"}]}"#;
    let person = r#"{"type":"record","name":"P","fields":[{"name":"at","type":"com.Address"}]}"#;
    let reference = |name: &str, text: &str| [Reference { name: name.into(), text: text.into() }];
    assert!(Definition::parse(DataFormat::Avro, person, &[]).is_err());
    assert!(Definition::parse(DataFormat::Avro, person, &reference("com.Address", address)).is_ok());
    let json = r#"{"type":"object","properties":{"at":{"$ref":"address.json"}}}"#;
    let error = Definition::parse(DataFormat::Json, json, &[]).expect_err("it refers to nothing");
    assert_eq!(error.place, "#/properties/at");
    assert!(Definition::parse(DataFormat::Json, json, &reference("address.json", r#"{"type":"string"}"#)).is_ok());
    let file = proto("import \"other.proto\"; message M { other.N n = 1; }");
    assert!(Definition::parse(DataFormat::Protobuf, &file, &[]).is_err());
    let other = "syntax = \"proto3\"; package other; message N {}";
    assert!(Definition::parse(DataFormat::Protobuf, &file, &reference("other.proto", other)).is_ok());
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    let cases = [
        (DataFormat::Avro, r#"{"type":"record","name":"R"}"#, "$: the record has no `fields`"),
        (
            DataFormat::Avro,
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}"#,
            "R.a: the default \"x\" is no int",
        ),
        (DataFormat::Avro, r#"["int","int"]"#, "$: the union has int twice"),
        (DataFormat::Avro, "{", "$: EOF while parsing an object at line 1 column 1"),
        (
            DataFormat::Json,
            r#"{"properties":{"a":{"type":"text"}}}"#,
            "#/properties/a/type: \"text\" is no type; there are string, number, integer, boolean, null, object, array",
        ),
        (DataFormat::Json, r#"{"minLength":-1}"#, "#/minLength: minLength must be a whole number from 0, not -1"),
        (DataFormat::Json, "[]", "#: a schema is an object or a boolean, not []"),
    ];
    for (format, text, expected) in cases {
        let error = Definition::parse(format, text, &[]).expect_err("it is no schema");
        assert_eq!(error.to_string(), expected, "{text}");
    }
    let deep = "message M {".repeat(100_000);
    let error = Definition::parse(DataFormat::Protobuf, &deep, &[]).expect_err("it is too deep");
    assert_eq!(error.reason, "brackets lie deeper than 64");
    let error = Definition::parse(DataFormat::Protobuf, "message M { int32 a = 0; }", &[]).expect_err("no field 0");
    assert!(error.reason.contains("must be between 1 and"), "{error}");
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Avro types without names.
    fn avro_type() -> impl Strategy<Value = String> {
        let simple = prop::sample::select(vec!["null", "boolean", "int", "long", "float", "double", "bytes", "string"]);
        let simple = simple.prop_map(|name| format!("\"{name}\""));
        simple.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(|items| format!(r#"{{"type":"array","items":{items}}}"#)),
                inner.prop_map(|values| format!(r#"{{"type":"map","values":{values}}}"#)),
            ]
        })
    }

    fn json_type() -> impl Strategy<Value = String> {
        let simple = prop::sample::select(vec![
            r#"{"type":"string","maxLength":4}"#,
            r#"{"type":"integer"}"#,
            r#"{"type":"number","minimum":1}"#,
            r#"{"type":"null"}"#,
            r#"{"enum":[1,2]}"#,
            "{}",
        ]);
        simple.prop_map(str::to_owned).prop_recursive(3, 16, 3, |inner| {
            let two = (inner.clone(), inner.clone());
            prop_oneof![
                inner.clone().prop_map(|items| format!(r#"{{"type":"array","items":{items}}}"#)),
                two.clone().prop_map(|(a, b)| format!(r#"{{"anyOf":[{a},{b}]}}"#)),
                (two, any::<bool>()).prop_map(|((a, b), open)| {
                    format!(r#"{{"type":"object","properties":{{"a":{a},"b":{b}}},"additionalProperties":{open}}}"#)
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_schema_reads_its_own_records(avro in avro_type(), json in json_type()) {
            for (format, text) in [(DataFormat::Avro, &avro), (DataFormat::Json, &json)] {
                // With a remark more, so that the two are not the same by their fingerprints.
                let other = match format {
                    DataFormat::Json if text.len() > 2 => text.replacen('{', r#"{"title":"t","#, 1),
                    DataFormat::Avro => format!(r#"{{"type":{text},"doc":"t"}}"#),
                    _ => text.clone(),
                };
                prop_assert!(broken(format, text, &other, RuleSet::Confluent).is_empty(), "{text}");
            }
        }

        #[test]
        fn an_alternative_more_is_read(json in json_type().prop_filter("one alternative", |json| !json.starts_with("{\"anyOf"))) {
            let wider = format!(r#"{{"anyOf":[{{"type":"boolean"}},{json},{{"type":"null"}}]}}"#);
            prop_assert!(broken(DataFormat::Json, &json, &wider, RuleSet::Confluent).is_empty(), "{json}");
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]{}\":,a-z0-9$#/ ;=\"]{0,80}") {
            for format in [DataFormat::Avro, DataFormat::Json, DataFormat::Protobuf] {
                let _ = Definition::parse(format, &text, &[]);
            }
        }
    }
}

#[test]
fn a_default_that_leads_to_itself_is_refused() {
    let itself = r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R","default":{}}]}"#;
    // Each has two of the next: a million values.
    let laughs = (0..20).rev().map(|nth| {
        let (of, default) = match nth {
            19 => (r#""int""#.to_owned(), "0"),
            _ => (format!(r#""R{}""#, nth + 1), "{}"),
        };
        format!(
            r#"{{"type":"record","name":"R{nth}","fields":[{{"name":"a","type":{of},"default":{default}}},{{"name":"b","type":{of},"default":{default}}}]}}"#
        )
    });
    let laughs = format!("[{}]", laughs.collect::<Vec<_>>().join(","));
    for text in [itself, &laughs] {
        let refused = Definition::parse(DataFormat::Avro, text, &[]).expect_err("a default without end");
        assert!(refused.to_string().contains("is no record"), "{refused}");
    }
}
