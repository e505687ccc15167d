//! The description of the native API: it is what it was when last looked at, it is sound, and it is about the routes
//! that are there.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use testkit::{TestApp, run};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document(test: &TestApp) -> Value {
    let answer = test.send("GET", "/v1/openapi.json", &[], None).await;
    assert_eq!((answer.status, answer.headers["content-type"].as_bytes()), (200, &b"application/json"[..]));
    answer.json()
}

/// Every operation: path, method, description.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().expect("a path item");
            item.iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

#[test]
fn the_document_is_what_it_was() {
    run(async |test| {
        let document = document(&test).await;
        insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&document).expect("json"));
    });
}

#[test]
fn the_document_is_sound() {
    run(async |test| {
        let document = document(&test).await;
        let version = document["openapi"].as_str().expect("a version");
        assert!(version.starts_with("3.1."), "{version}");
        check_references(&document, &document);
        let mut names = BTreeSet::new();
        for (path, method, operation) in operations(&document) {
            let place = format!("{method} {path}");
            assert!(METHODS.contains(&method), "{place}");
            let name =
                operation["operationId"].as_str().unwrap_or_else(|| panic!("{place} has no operationId"));
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{place}");
            let responses = operation["responses"].as_object().expect("responses");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{place} never succeeds");
            assert!(responses.contains_key("500"), "{place}");
            check_parameters(path, &place, operation);
        }
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for (name, schema) in schemas {
            assert_ne!(*schema, serde_json::json!({ "type": "object" }), "{name} says nothing");
        }
    });
}

/// The document keeps schemas by their names: of two that share one, it would describe only one.
#[test]
fn no_two_schemas_share_a_name() {
    fn read(folder: &Path, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
        {
            if entry.is_dir() {
                read(&entry, names);
                continue;
            }
            let text = std::fs::read_to_string(&entry).expect("a source file");
            for described in text.split("ToSchema)]\n").skip(1) {
                let head = described
                    .split(['{', '(', ';'])
                    .find(|part| part.contains("struct ") || part.contains("enum "));
                let (_, name) = head.and_then(|head| head.trim_end().rsplit_once(' ')).expect("a type");
                names.push(name.to_owned());
            }
        }
    }
    let mut names = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
    assert!(names.len() > 50, "{names:?}");
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn a_conversion_is_described_as_it_is_answered() {
    run(async |test| {
        let document = document(&test).await;
        let answer = &document["paths"]["/v1/conversions"]["post"]["responses"]["201"];
        let schema = answer["content"]["application/json"]["schema"]["$ref"].as_str().expect("a schema");
        let schema = document.pointer(schema.trim_start_matches('#')).expect("it is there");
        let properties: Vec<_> = schema["properties"].as_object().expect("an object").keys().collect();
        assert_eq!(properties, ["affiliate_id", "event_id", "id", "occurred_at", "recorded_at"]);
        let asked = &document["components"]["schemas"]["NewConversion"]["properties"]["click_ids"];
        assert_eq!(asked["maxItems"], domain::command::MOST_CLICKS);
    });
}

fn check_references(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let pointer =
                    reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is elsewhere"));
                assert!(document.pointer(pointer).is_some(), "{reference} is not there");
            }
            fields.values().for_each(|value| check_references(document, value));
        }
        Value::Array(values) => values.iter().for_each(|value| check_references(document, value)),
        _ => {}
    }
}

/// The parameters in a path are those that are described, and required.
fn check_parameters(path: &str, place: &str, operation: &Value) {
    let in_path: BTreeSet<&str> =
        path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect();
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let described: BTreeSet<&str> = parameters
        .iter()
        .filter(|parameter| parameter["in"] == "path")
        .inspect(|parameter| assert_eq!(parameter["required"], true, "{place}"))
        .filter_map(|parameter| parameter["name"].as_str())
        .collect();
    assert_eq!(described, in_path, "{place}");
    for parameter in &parameters {
        assert!(
            parameter["schema"].is_object() && parameter["description"].is_string(),
            "{place}: {parameter}"
        );
    }
}

#[test]
fn every_operation_is_a_route_and_every_other_method_is_none() {
    run(async |test| {
        let document = document(&test).await;
        let operations = operations(&document);
        assert!(operations.len() > 30);
        for (path, _, _) in &operations {
            for method in METHODS {
                let described = operations.iter().any(|(other, known, _)| other == path && *known == method);
                let path = path.replace("{id}", "1").replace("{step}", "approve");
                let answer = test.send(&method.to_uppercase(), &path, &[], None).await;
                let expected = match (described, path.as_str()) {
                    (true, "/v1/openapi.json") => 200,
                    (true, _) => 401,
                    (false, _) => 405,
                };
                assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text());
            }
        }
    });
}

#[test]
fn the_page_for_people_lists_every_operation_and_asks_nobody_else() {
    run(async |test| {
        let document = document(&test).await;
        let page = test.send("GET", "/docs", &[], None).await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        let html = page.text();
        for (path, method, operation) in operations(&document) {
            assert!(html.contains(&format!("{} {path}", method.to_uppercase())), "{method} {path}");
            assert!(html.contains(operation["summary"].as_str().expect("a summary")), "{method} {path}");
        }
        for foreign in ["<script", "http://", "https://", "//", "url("] {
            assert!(!html.contains(foreign), "{foreign}");
        }
    });
}
