//! An explanation as JSON, or as a page of text for whoever accepts `text/plain`, and its schema. What it says is
//! `domain::explain`'s.

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use domain::explain::Account;
use serde_json::{Value, json};

use super::fields::{schema, written_out};

schema! {
    Explanation = written_out();
}

/// Whether the caller would rather have text than JSON.
pub(crate) struct PrefersText(bool);

impl<S: Sync> FromRequestParts<S> for PrefersText {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<PrefersText, Self::Rejection> {
        let accepted = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
        let first = accepted.split(',').next().unwrap_or("").split(';').next().unwrap_or("");
        Ok(PrefersText(first.trim().eq_ignore_ascii_case("text/plain")))
    }
}

/// Renders an account.
pub(super) fn answer(account: &Account, PrefersText(text): &PrefersText) -> Response {
    if *text {
        return ([(CONTENT_TYPE, "text/plain; charset=utf-8")], account.to_string()).into_response();
    }
    axum::Json(account).into_response()
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn maybe(description: &str) -> Value {
    json!({ "type": ["string", "null"], "description": description })
}

fn whole(description: &str) -> Value {
    json!({ "type": "integer", "description": description })
}

fn instant(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}

fn maybe_instant(description: &str) -> Value {
    json!({ "type": ["string", "null"], "format": "date-time", "description": description })
}

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

fn maybe_object(properties: Value) -> Value {
    json!({ "type": ["object", "null"], "properties": properties })
}

fn list(of: Value, description: &str) -> Value {
    json!({ "type": "array", "items": of, "description": description })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The schemas of explanations.
pub(super) fn schemas() -> [(&'static str, Value); 3] {
    [("Explanation", explanation()), ("ExplainedTransfer", transfer()), ("ExplainedCommission", commission())]
}

fn explanation() -> Value {
    let remark = object(json!({ "code": text("A stable code."), "text": text("In words.") }));
    let mut maybe_remark = remark.clone();
    maybe_remark["type"] = json!(["object", "null"]);
    let step = object(json!({ "text": text("What was done."), "amount": reference("Amount") }));
    let rule = object(json!({
        "rule": whole("The rule's place in the terms, from 0."),
        "terms": text("The rule as a sentence."),
        "earned": { "type": "boolean", "description": "Whether it gave something." },
        "reason": remark,
        "steps": list(step, "The arithmetic, step by step, with what was rounded."),
    }));
    let worth = object(json!({
        "affiliate_id": whole("Who earns it."),
        "rule": whole("The rule's place in the deal of whoever referred."),
        "cut": maybe("What a parent takes of it; null for the affiliate's own."),
        "kind": reference("CommissionKind"),
        "amount": reference("Amount"),
        "release_at": instant("When its hold ends."),
        "hold": text("What it waits for."),
    }));
    let mut explanation = object(json!({
        "engine": whole("The version of the rules that explain it."),
        "event": event(),
        "deal": maybe_object(json!({
            "id": whole("The deal."),
            "name": text("Its name."),
            "version": whole("The version's number."),
            "version_id": reference("DealVersionId"),
        })),
        "local_date": { "type": "string", "format": "date", "description": "Its date in the program's zone." },
        "affiliate_id": { "type": ["integer", "null"], "description": "Whose referral it was at the time." },
        "affiliate_status": maybe("The affiliate's status at the time."),
        "note": maybe_remark,
        "remarks": list(text("A sentence."), "What is true of it whatever the rule."),
        "rules": list(rule, "What each rule of the deal made of it."),
        "worth": list(worth, "What the commissions on it should stand at."),
        "commissions": list(reference("ExplainedCommission"), "What is booked on it."),
        "months": list(month(), "What the close of its month made of it."),
        "later": list(later(), "Refunds and disputes of it, oldest first."),
        "moved": list(reference("ExplainedTransfer"), "What it moved of commissions on other events."),
    }));
    explanation["description"] = "What came of an event and why, by the rules, and what is booked.".into();
    explanation
}

fn event() -> Value {
    object(json!({
        "id": reference("EventId"),
        "type": reference("EventType"),
        "referral_id": maybe("The referral; null while it waits."),
        "source_id": maybe("What the money is called where it moved; null for an affiliate."),
        "occurred_at": instant("When it happened."),
        "recorded_at": instant("When it was recorded."),
        "engine": whole("The version of the rules that first decided it."),
        "state": maybe("How far a refund or dispute had come."),
        "payment_id": maybe("The payment that a refund or dispute is of."),
        "amount": maybe("The amount as it came."),
        "currency": maybe("Its currency."),
        "value": maybe("What it is worth in the program's currency."),
        "value_currency": reference("CurrencyCode"),
        "exchange": maybe_object(json!({
            "day": { "type": "string", "format": "date", "description": "The day of the rates." },
            "amount_rate": reference("ExchangeRate"),
            "amount_rate_source": maybe("`ecb` or `import`; null for the euro."),
            "value_rate": reference("ExchangeRate"),
            "value_rate_source": maybe("`ecb` or `import`; null for the euro."),
        })),
        // What is not said is not there.
        "attributes": { "type": ["object", "null"], "additionalProperties": { "type": "string" },
            "description": "What conditions look at, as far as it is said: `brand`, `country`, `product`, `plan`, \
                            `interval`, `campaign`, `coupon`. Null for an affiliate." },
    }))
}

fn transfer() -> Value {
    let mut transfer = object(json!({
        "id": text("Its id."),
        "commission_id": maybe("The commission it belongs to."),
        "debit": text("The account it leaves."),
        "credit": text("The account it reaches."),
        "amount": reference("Amount"),
        "entry": maybe("The sort of entry; null for what changes no standing."),
        "cause": text("What caused it: `fact`, `release`, `decision`."),
        "because": text("What caused it, in words."),
        "effective_at": instant("When it takes effect."),
        "period": reference("Month"),
        "log_id": reference("LogId"),
        "engine": whole("The version of the rules that booked it."),
    }));
    transfer["description"] = "A transfer, with what caused it.".into();
    transfer
}

fn commission() -> Value {
    let mut commission = object(json!({
        "id": reference("CommissionId"),
        "affiliate_id": whole("Who earns it."),
        "rule": whole("The rule's place in the deal of whoever referred."),
        "cut": maybe("What a parent takes of it; null for the affiliate's own."),
        "kind": reference("CommissionKind"),
        "amount": reference("Amount"),
        "state": reference("CommissionState"),
        "release_at": instant("When its hold ends."),
        "released_at": maybe_instant("When it was released."),
        "agrees": { "type": "boolean", "description": "Whether it stands at what the rules say now." },
        "transfers": list(reference("ExplainedTransfer"), "In the order in which they were booked."),
    }));
    commission["description"] = "A commission as it is booked.".into();
    commission
}

fn month() -> Value {
    let correction = object(json!({
        "reason": text("`tier`, `cap_per_month`, `cap_per_affiliate`, `spend_limit`, `fee`, `milestone`, `reset`."),
        "text": text("In words."),
        "amount": reference("Amount"),
        "of_this": maybe("What of it is for this event; null where it is of the month as a whole."),
    }));
    object(json!({
        "month": reference("Month"),
        "affiliate_id": whole("Whose month."),
        "deal_id": whole("Under which deal."),
        "effective_at": maybe_instant("When what it books takes effect; null while it is open."),
        "corrections": list(correction, "What was corrected."),
    }))
}

fn later() -> Value {
    object(json!({
        "id": reference("EventId"),
        "type": reference("EventType"),
        "state": maybe("How far it had come."),
        "amount": maybe("Its amount."),
        "currency": maybe("The currency of the amount."),
        "occurred_at": instant("When it happened."),
        "recorded_at": instant("When it was recorded."),
        "changed": reference("Amount"),
    }))
}
