//! `GET /docs`: the description of the native API as a plain page, rendered from the OpenAPI document. It has no script
//! and asks no other host for anything.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::document::document;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    code{font-family:ui-monospace,monospace}h2{margin-top:2.5rem}h3 code{font-size:1rem}\
    table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}\
    @media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}";

/// What the codes of problems mean.
const CODES: &[(&str, &str)] = &[
    ("invalid", "A field, parameter or header is not acceptable; errors says which and why."),
    ("invalid_json", "The body is not JSON."),
    ("too_large", "The body is larger than 1 MiB, or 8 MiB of activity."),
    ("unauthorized", "The API key is missing, unknown or revoked."),
    ("forbidden", "The API key may not do this: an affiliate's key reads what is its affiliate's."),
    ("not_found", "There is no such thing in the program of the key."),
    ("method_not_allowed", "The path has other methods; the header Allow lists them."),
    ("unknown_customer", "No referral has the identifiers. With park the event is kept until one has."),
    ("unknown_payment", "No payment has the id. With park and an amount the refund is kept until one has."),
    ("unknown_affiliate", "No affiliate has the name."),
    ("unknown_brand", "No brand has the name; PUT /v1/brands/{name} makes it."),
    ("already_referred", "The customer is a referral already."),
    ("key_reused", "The idempotency key was used for a request with other content."),
    ("other_money", "The id names money with another amount, currency, customer or payment."),
    ("refund_above_payment", "A single refund is above its payment."),
    ("refund_in_other_currency", "A refund is in another currency than its payment."),
    ("not_convertible", "The amount's value in the program's currency is above what an amount may be."),
    ("affiliate_cannot_earn", "The affiliate is blocked."),
    ("referral_cannot_earn", "The referral is rejected or expired."),
    ("stale", "A report of the day with a higher revision is recorded."),
    (
        "other_figures",
        "The revision of the day is recorded with other figures; a correction needs a higher one.",
    ),
    ("invalid_time", "occurred_at is before 1970, after 2199, or more than five minutes in the future."),
    ("taken", "Another affiliate has the slug or the external id."),
    ("status_refused", "An affiliate of this status cannot take the other one."),
    ("step_refused", "A payout in this state cannot take the step."),
    ("above_payable", "The payout is above what is payable, or nothing is."),
    ("identical_payment", "An identical payment was made within ten minutes, and the program refuses that."),
    ("fixed", "What counts a brand's deposits and withdrawals is said once."),
    ("fixed_by_first_fact", "Currency and time zone are fixed by the program's first event."),
    (
        "fixed_by_first_entry",
        "Currency and time zone are fixed by the first entry in the program's books as well.",
    ),
    (
        "fixed_by_first_click",
        "The time zone is fixed by the program's first click as well: its figures are kept by day.",
    ),
    ("unavailable", "The service is busy or its database does not answer; try again as Retry-After says."),
    ("internal", "Something went wrong on our side; the reference finds it in the log."),
];

pub(super) async fn show_docs() -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = PAGE.get_or_init(|| page(document()));
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, page.as_str()).into_response()
}

fn page(document: &Value) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Refero API</title><style>{STYLE}</style></head><body><h1>Refero API</h1>\
         <p>{}</p><p>The same for programs: <a href=\"/v1/openapi.json\">/v1/openapi.json</a>.</p>",
        escaped(text(&document["info"], "description")),
    );
    let empty = Map::new();
    let mut tag = "";
    for (path, operations) in document["paths"].as_object().unwrap_or(&empty) {
        for (method, operation) in operations.as_object().unwrap_or(&empty) {
            let own = operation["tags"][0].as_str().unwrap_or_default();
            if own != tag {
                tag = own;
                push(&mut html, format_args!("<h2>{}</h2>", escaped(tag)));
            }
            push_operation(&mut html, path, method, operation);
        }
    }
    html.push_str("<h2>Problems</h2><table><tr><th>code</th><th>meaning</th></tr>");
    for (code, meaning) in CODES {
        push(
            &mut html,
            format_args!("<tr id=\"{code}\"><td><code>{code}</code></td><td>{}</td></tr>", escaped(meaning)),
        );
    }
    html.push_str("</table></body></html>");
    html
}

fn push_operation(html: &mut String, path: &str, method: &str, operation: &Value) {
    let id = text(operation, "operationId");
    let (method, path) = (method.to_uppercase(), escaped(path));
    push(
        html,
        format_args!(
            "<h3 id=\"{id}\"><code>{method} {path}</code> {}</h3>",
            escaped(text(operation, "summary"))
        ),
    );
    let description = text(operation, "description");
    if !description.is_empty() {
        push(html, format_args!("<p>{}</p>", escaped(description)));
    }
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    if !parameters.is_empty() {
        html.push_str("<table>");
        for parameter in parameters {
            push(
                html,
                format_args!(
                    "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                    escaped(text(parameter, "name")),
                    escaped(text(parameter, "in")),
                    escaped(text(parameter, "description")),
                ),
            );
        }
        html.push_str("</table>");
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    if let Some(name) = body.as_str().and_then(|reference| reference.rsplit('/').next()) {
        push(html, format_args!("<p>Body: <code>{}</code></p>", escaped(name)));
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Writing to a string cannot fail.
fn push(html: &mut String, part: std::fmt::Arguments<'_>) {
    let _ = html.write_fmt(part);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
