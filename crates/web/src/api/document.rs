//! `GET /v1/openapi.json`: the description of the native API. Operations and most schemas come from the handlers and
//! their bodies; what holds for all of them, and the schemas that say more than a struct can, are added here.

use std::sync::OnceLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::openapi::{Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::problem::{Details, MEDIA_TYPE};
use super::{deals, events, explain, operations};

const DESCRIPTION: &str = "Amounts are decimal strings of a currency. Instants are RFC 3339 in UTC. Lists come in \
    pages: ask again with `next_cursor` as `cursor` until it is null. Errors are problem details (RFC 9457) with a \
    stable `code`; a refused request has changed nothing.";

/// The document before any operation is in it.
pub(super) fn frame() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Refero")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let mut components = Components::new();
    components.schemas.insert("Problem".to_owned(), Details::schema());
    let mut more = Vec::new();
    Details::schemas(&mut more);
    components.schemas.extend(more);
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// The description of this API
///
/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "Description", operation_id = "show_document", security(()),
    responses((status = 200, description = "An OpenAPI document.", body = Object)))]
pub(super) async fn show_document() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_string());
    ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response()
}

/// The whole document.
pub(super) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut document = serde_json::to_value(operations().into_openapi()).unwrap_or_default();
        if let Some(components) = document["components"].as_object_mut() {
            complete_components(components);
        }
        document["security"] = json!([{ "key": [] }]);
        if let Some(paths) = document["paths"].as_object_mut() {
            for (path, operations) in paths.iter_mut() {
                for (method, operation) in operations.as_object_mut().into_iter().flatten() {
                    add_problems(path, method, operation);
                }
            }
        }
        document
    })
}

fn complete_components(components: &mut Map<String, Value>) {
    let key = "An API key: `Authorization: Bearer KEY`. One operator key works on every API of this server.";
    components.insert(
        "securitySchemes".to_owned(),
        json!({ "key": { "type": "http", "scheme": "bearer", "description": key } }),
    );
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    let problem = json!({
        "description": "The request was refused; nothing has changed.",
        "content": { MEDIA_TYPE: { "schema": schema } },
    });
    components.insert("responses".to_owned(), json!({ "Problem": problem }));
    if let Some(schemas) = components.get_mut("schemas").and_then(Value::as_object_mut) {
        for (name, schema) in
            events::schema::schemas().into_iter().chain(deals::schema::schemas()).chain(explain::schemas())
        {
            schemas.insert(name.to_owned(), schema);
        }
        let answers = schemas.iter_mut().filter(|(name, _)| *name != "Problem");
        answers.for_each(|(_, schema)| require_all(schema));
    }
}

/// An answer has all of its fields always, null where there is nothing to say. Bodies, which are told from answers by
/// refusing what they do not know, keep what they require.
fn require_all(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_body = fields.get("additionalProperties") == Some(&Value::Bool(false));
            if let Some(properties) = fields.get("properties").and_then(Value::as_object).filter(|_| !is_body)
            {
                let all: Vec<Value> = properties.keys().map(|name| name.as_str().into()).collect();
                fields.insert("required".to_owned(), all.into());
            }
            fields.values_mut().for_each(require_all);
        }
        Value::Array(values) => values.iter_mut().for_each(require_all),
        _ => {}
    }
}

/// The statuses with which an operation may refuse.
fn add_problems(path: &str, method: &str, operation: &mut Value) {
    let changes = method != "get";
    let has_body = operation.get("requestBody").is_some();
    let has_parameters = operation.get("parameters").is_some();
    let is_open = operation.get("security").is_some();
    let statuses = [
        ("400", has_body || has_parameters || !is_open),
        ("401", !is_open),
        ("403", !is_open),
        ("404", !is_open && (changes || path.contains('{'))),
        ("409", changes),
        ("413", has_body),
        ("500", true),
        ("503", true),
    ];
    if let Some(responses) = operation["responses"].as_object_mut() {
        for (status, _) in statuses.into_iter().filter(|(_, applies)| *applies) {
            responses.insert(status.to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
        }
    }
}
