//! Each keyword, with what it accepts and what it says of the rest.

use serde_json::json;

use super::*;

fn said(schema: &Value, value: &Value) -> Option<String> {
    Acceptance::new(schema, &[]).violation(value).map(|violation| violation.to_string())
}

#[test]
fn each_keyword_says_where_and_why() {
    for (schema, good, bad, why) in [
        (json!({"type": "integer"}), json!(1.0), json!(1.5), r#"$: expected "integer", found 1.5"#),
        (json!({"type": ["string", "null"]}), json!(null), json!(1), r#"$: expected ["string","null"], found 1"#),
        (json!({"enum": [1, "a"]}), json!(1.0), json!("b"), r#"$: "b" is none of [1,"a"]"#),
        (json!({"const": {"a": [1]}}), json!({"a": [1.0]}), json!({}), r#"$: {} is not {"a":[1]}"#),
        (json!({"maximum": 3}), json!(3), json!(4), "$: 4 is beyond maximum 3"),
        (
            json!({"maximum": 3, "exclusiveMaximum": true}),
            json!(2),
            json!(3),
            "$: 3 is beyond maximum 3, exclusiveMaximum true",
        ),
        (json!({"exclusiveMinimum": 3}), json!(4), json!(3), "$: 3 is beyond exclusiveMinimum 3"),
        (json!({"multipleOf": 0.1}), json!(0.3), json!(0.35), "$: 0.35 is no multiple of 0.1"),
        (json!({"maxLength": 2}), json!("äö"), json!("abc"), "$: 3 characters, and maxLength 2"),
        (json!({"pattern": "^a"}), json!("ab"), json!("ba"), r#"$: "ba" does not match "^a""#),
        (json!({"items": {"type": "null"}}), json!([null]), json!([null, 1]), r#"$[1]: expected "null", found 1"#),
        (
            json!({"items": [{}, {"type": "null"}], "additionalItems": false}),
            json!([1]),
            json!([1, null, 2]),
            "$[2]: nothing is allowed here",
        ),
        (json!({"prefixItems": [{}], "items": false}), json!([1]), json!([1, 2]), "$[1]: nothing is allowed here"),
        (json!({"uniqueItems": true}), json!([1, "1"]), json!([1, 1.0]), "$: item 1, 1.0, is there twice"),
        (
            json!({"contains": {"type": "null"}, "maxContains": 1}),
            json!([null, 1]),
            json!([null, null]),
            "$: 2 items are as `contains` says",
        ),
        (json!({"minItems": 1}), json!([1]), json!([]), "$: 0 items, and minItems 1"),
        (json!({"required": ["a"]}), json!({"a": 1}), json!({"b": 1}), r#"$: the member "a" is missing"#),
        (
            json!({"properties": {"a": {"type": "null"}}}),
            json!({"b": 1}),
            json!({"a": 1}),
            r#"$.a: expected "null", found 1"#,
        ),
        (
            json!({"patternProperties": {"^x": true}, "additionalProperties": false}),
            json!({"xa": 1}),
            json!({"a": 1}),
            r#"$: the member "a" is not allowed"#,
        ),
        (
            json!({"propertyNames": {"maxLength": 1}}),
            json!({"a": 1}),
            json!({"ab": 1}),
            r#"$: the name of the member "ab": 2 characters, and maxLength 1"#,
        ),
        (
            json!({"dependencies": {"a": ["b"]}}),
            json!({"b": 1}),
            json!({"a": 1}),
            r#"$: the member "b" is missing, which "a" needs"#,
        ),
        (
            json!({"dependentSchemas": {"a": {"maxProperties": 1}}}),
            json!({"a": 1}),
            json!({"a": 1, "b": 2}),
            "$: 2 members, and maxProperties 1",
        ),
        (json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), json!(1), json!(3), "$: 3 is beyond maximum 2"),
        (
            json!({"anyOf": [{"minimum": 5}, {"type": "string"}]}),
            json!("a"),
            json!(3),
            "$: it is as none of anyOf says; by the first, $: 3 is beyond minimum 5",
        ),
        (
            json!({"oneOf": [{"minimum": 1}, {"minimum": 2}]}),
            json!(1),
            json!(2),
            "$: it is as more than one of oneOf says",
        ),
        (json!({"not": {"type": "null"}}), json!(1), json!(null), "$: it is as `not` says"),
        (
            json!({"if": {"minimum": 5}, "then": {"multipleOf": 2}, "else": {"const": 1}}),
            json!(6),
            json!(7),
            "$: 7 is no multiple of 2",
        ),
        (
            json!({"$ref": "#/$defs/n", "$defs": {"n": {"type": "null"}}}),
            json!(null),
            json!(1),
            r#"$: expected "null", found 1"#,
        ),
        (
            json!({"properties": {"next": {"$ref": "#"}}, "additionalProperties": false}),
            json!({"next": {"next": {}}}),
            json!({"next": {"other": 1}}),
            r#"$.next: the member "other" is not allowed"#,
        ),
        (
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}),
            json!({"a": 1}),
            json!({"b": 1}),
            r#"$: the member "b" is not allowed"#,
        ),
        (
            json!({"anyOf": [{"prefixItems": [true]}], "unevaluatedItems": {"type": "null"}}),
            json!([1, null]),
            json!([1, 2]),
            r#"$[1]: expected "null", found 2"#,
        ),
        (json!(false), json!(null), json!(1), "$: nothing is allowed here"),
    ] {
        if schema != json!(false) {
            assert_eq!(said(&schema, &good), None, "{schema}");
        }
        assert_eq!(said(&schema, &bad).as_deref(), Some(why), "{schema}");
    }
}

#[test]
fn what_stands_beside_a_reference_counts_from_2019_on() {
    let schema = |draft: &str| json!({"$schema": draft, "$ref": "#/definitions/any", "type": "null", "definitions": {"any": true}});
    assert_eq!(said(&schema("http://json-schema.org/draft-07/schema#"), &json!(1)), None);
    assert!(said(&schema("https://json-schema.org/draft/2019-09/schema"), &json!(1)).is_some());
}

#[test]
fn a_schema_that_leads_into_itself_ends() {
    let endless = json!({"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/a"}}});
    let wide = json!({"anyOf": [{"not": {"$ref": "#"}}, {"not": {"$ref": "#"}}, {"not": {"$ref": "#"}}]});
    let not = json!({"not": {"$ref": "#/definitions/a"}, "definitions": {"a": {"$ref": "#/definitions/a"}}});
    for schema in [endless, wide, not] {
        assert!(said(&schema, &json!(1)).unwrap().contains("takes too long"), "{schema}");
    }
}

#[test]
fn references_lead_to_other_documents() {
    let schema = json!({"properties": {"home": {"$ref": "address.json#/definitions/city"}}});
    let other = (
        "address.json".to_owned(),
        json!({"definitions": {"city": {"$ref": "#/definitions/name"}, "name": {"type": "string"}}}),
    );
    let accepts = Acceptance::new(&schema, &[other]);
    assert_eq!(accepts.violation(&json!({"home": "Graz"})), None);
    assert_eq!(accepts.violation(&json!({"home": 8010})).unwrap().path, "$.home");
}

#[test]
fn what_a_schema_refers_to_depends_on_who_refers_to_it() {
    let tree = json!({
        "$id": "tree", "$dynamicAnchor": "node",
        "properties": {"children": {"items": {"$dynamicRef": "#node"}}},
    });
    let strict = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "strict-tree", "$dynamicAnchor": "node", "$ref": "tree", "unevaluatedProperties": false,
    });
    let accepts = Acceptance::new(&strict, &[("tree".to_owned(), tree)]);
    assert_eq!(accepts.violation(&json!({"children": [{"children": []}]})), None);
    let violation = accepts.violation(&json!({"children": [{"daat": 1}]})).unwrap();
    assert_eq!(violation.to_string(), r#"$.children[0]: the member "daat" is not allowed"#);
}

#[test]
fn formats_are_asserted_where_deserializers_assert_them() {
    let schema = |draft: &str| json!({"$schema": draft, "format": "date"});
    for asserting in ["http://json-schema.org/draft-07/schema#", "something else"] {
        assert_eq!(said(&schema(asserting), &json!("2024-02-29")), None);
        assert_eq!(said(&schema(asserting), &json!("2023-02-29")).as_deref(), Some(r#"$: "2023-02-29" is no date"#));
    }
    for remark in ["http://json-schema.org/draft-04/schema#", "https://json-schema.org/draft/2020-12/schema"] {
        assert_eq!(said(&schema(remark), &json!("2023-02-29")), None, "{remark}");
    }
}

#[test]
fn patterns_are_ecmas() {
    for (pattern, good, bad) in [
        (r"^(?!admin)\w+$", "user", "admin"),
        (r"(?<=€)\d", "€5", "5"),
        (r"^(a|b)\1$", "aa", "ab"),
        (r"^\d$", "7", "७"),
        (r"^.$", "x", "\u{2028}"),
        (r"^[[&&~~--]$", "[", "]"),
        (r"^[^]$", "\n", ""),
        (r"^\u{1F600}\uD83D\uDE00\cA\x41\/$", "😀😀\u{1}A/", "😀"),
        (r"^{a}$", "{a}", "a"),
        (r"^[\w-.]+$", "a-.", "a b"),
        (r"^\p{Lu}+$", "Ä", "ä"),
    ] {
        let schema = json!({ "pattern": pattern });
        assert_eq!(said(&schema, &json!(good)), None, "{pattern}");
        assert!(said(&schema, &json!(bad)).unwrap().contains("does not match"), "{pattern}");
    }
    // Java's, not ECMA's.
    assert_eq!(said(&json!({"pattern": r"\Qa.b\E"}), &json!("c")), None);
}

#[test]
fn a_pattern_that_tries_without_end_is_stopped() {
    let schema = json!({"not": {"pattern": r"^(a+)+(?=b)$"}});
    assert!(said(&schema, &json!("a".repeat(40))).unwrap().contains("takes too long"));
}

#[test]
fn numbers_are_compared_as_they_are_written() {
    for (schema, good, bad) in [
        (
            json!({"maximum": 9_007_199_254_740_992_u64}),
            json!(9_007_199_254_740_992_u64),
            json!(9_007_199_254_740_993_u64),
        ),
        (json!({"multipleOf": 0.01}), json!(19.99), json!(19.999)),
        (json!({"multipleOf": 1e-8}), json!(12391239123_i64), json!(1e-9)),
        (json!({"multipleOf": 7}), json!(7e300), json!(1e300)),
        (
            json!({"enum": [18_446_744_073_709_551_615_u64]}),
            json!(18_446_744_073_709_551_615_u64),
            json!(18_446_744_073_709_551_614_u64),
        ),
    ] {
        assert_eq!(said(&schema, &good), None, "{schema}");
        assert!(said(&schema, &bad).is_some(), "{schema}");
    }
}
