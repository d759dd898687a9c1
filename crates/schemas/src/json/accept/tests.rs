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
