//! How the document describes the bodies of events: one schema a type, told apart by `type`. The bodies are read by
//! one flat struct (`parse`), which checks the same by name.

use serde_json::{Value, json};

use super::bulk::LIMIT;
use super::parse::OTHER_IDS;
use crate::api::fields::{schema, written_out};

schema! {
    NewEvent = written_out();
    NewEvents = written_out();
}

fn text(description: &str, limit: u32) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": limit, "description": description })
}

fn reference(name: &str, description: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}"), "description": description })
}

/// The properties of one type, its required ones, and what else must hold.
fn event(kind: &str, description: &str, properties: Value, required: &[&str], more: Value) -> Value {
    let mut all = json!({
        "type": { "type": "string", "enum": [kind] },
        "occurred_at": {
            "type": "string", "format": "date-time",
            "description": "When it happened; the time of recording when it is left out.",
        },
        "park": {
            "type": "boolean",
            "description": "Keep the event, for up to 90 days, if its customer or payment is not known yet; \
                            otherwise it is refused with 404.",
        },
        "idempotency_key": text("A text of your own that is new for every event.", 255),
    });
    merge(&mut all, properties);
    for (name, property) in all.as_object_mut().into_iter().flatten() {
        if name != "type" && !required.contains(&name.as_str()) {
            make_nullable(property);
        }
    }
    let required: Vec<&str> = ["type"].iter().chain(required).copied().collect();
    let mut schema = json!({
        "type": "object",
        "description": description,
        "properties": all,
        "required": required,
        "additionalProperties": false,
    });
    merge(&mut schema, more);
    schema
}

/// What may be left out may as well be null.
fn make_nullable(property: &mut Value) {
    if let Some(reference) = property.get("$ref").cloned() {
        let description = property["description"].take();
        *property =
            json!({ "oneOf": [{ "type": "null" }, { "$ref": reference }], "description": description });
        return;
    }
    property["type"] = json!([property["type"], "null"]);
    if let Some(words) = property.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn customer() -> Value {
    json!({
        "uid": text("The customer, by your own id.", 255),
        "referral_id": reference("ReferralId", "The customer, by the referral's id."),
        "email": { "type": "string", "format": "email", "maxLength": 254, "description": "The customer, by address." },
    })
}

fn country() -> Value {
    json!({
        "type": "string", "pattern": "^[A-Za-z]{2}$",
        "description": "The customer's country, ISO 3166 alpha 2; a payment without one has the registration's.",
    })
}

fn any_of(names: &[&str]) -> Value {
    json!({ "anyOf": names.iter().map(|name| json!({ "required": [name] })).collect::<Vec<_>>() })
}

fn registration() -> Value {
    let properties = json!({
        "affiliate_id": { "type": "integer", "format": "int64", "minimum": 1, "description": "Who referred, by id." },
        "affiliate_slug": text("Who referred, by the word in the affiliate's links.", 100),
        "partner_key": text("Who referred, by the affiliate's partner key.", 255),
        "uid": text("Your own id of the customer.", 255),
        "email": { "type": "string", "format": "email", "maxLength": 254, "description": "The customer's address." },
        "brand": text("Where the customer signed up.", 64),
        "country": country(),
        "campaign": text("The campaign.", 255),
        "coupon": text("The coupon.", 255),
    });
    let one = ["affiliate_id", "affiliate_slug", "partner_key"];
    let one: Vec<Value> = one.iter().map(|name| json!({ "required": [name] })).collect();
    let more = json!({ "allOf": [{ "oneOf": one }, any_of(&["uid", "email"])] });
    let description =
        "A customer signed up. Name the affiliate once, and the customer by uid, email or both.";
    event("registration", description, properties, &[], more)
}

fn payment() -> Value {
    let id = "What the payment is called where the money moved: a charge, an invoice. It names the payment for ever.";
    let mut properties = json!({
        "id": text(id, 255),
        "other_ids": {
            "type": "array", "maxItems": OTHER_IDS, "items": text("Another id.", 255),
            "description": "What else the payment is called, such as its invoice beside its charge.",
        },
        "amount": reference("PositiveAmount", "How much was collected."),
        "currency": reference("CurrencyCode", "The currency it came in."),
        "base_amount": reference("Amount", "The part of the amount that commissions are on, such as without tax; at most the amount, \
                                            and all of it when it is left out. Refunds are in proportion to the amount."),
        "brand": text("The brand; the registration's when it is left out.", 64),
        "country": country(),
        "product": text("What was bought.", 255),
        "plan": text("The plan.", 255),
        "campaign": text("The campaign; the registration's when it is left out.", 255),
        "coupon": text("The coupon; the registration's when it is left out.", 255),
        "subscription_id": text("The subscription it belongs to.", 255),
        "interval": { "type": "string", "enum": ["day", "week", "month", "year"], "description": "What it pays for." },
        "interval_count": {
            "type": "integer", "format": "int32", "minimum": 1, "maximum": 1000,
            "description": "How many intervals it pays for.",
        },
    });
    merge(&mut properties, customer());
    let more = any_of(&["uid", "referral_id", "email"]);
    let description = "A customer paid. Name the customer by uid, referral_id or email; uid is tried first.";
    event("payment", description, properties, &["id", "amount", "currency"], more)
}

fn refund() -> Value {
    let id = "What the refund is called where the money moved. Left out, it is the one refund of what is left or, with an amount, \
         the one of that amount.";
    let properties = json!({
        "payment_id": text("The payment, by any of its ids.", 255),
        "id": text(id, 255),
        "amount": reference("PositiveAmount", "How much was sent back; all that is left when it is left out."),
        "currency": reference("CurrencyCode", "The payment's currency; it comes with the amount."),
        "state": {
            "type": "string", "enum": ["pending", "succeeded", "failed"],
            "description": "How far the refund has come. The newest state counts, by occurred_at; one that failed gives \
                            nothing back. Needs an id, or cumulative.",
        },
        "cumulative": {
            "type": "boolean",
            "description": "The amount is all that was refunded of the payment so far; the newest total counts, by \
                            occurred_at. Such a refund has no id.",
        },
    });
    let more = json!({ "dependentRequired": { "amount": ["currency"], "currency": ["amount"] } });
    let description = "Money of a payment was sent back, or a refund came to another state or total.";
    event("refund", description, properties, &["payment_id"], more)
}

fn dispute() -> Value {
    let properties = json!({
        "payment_id": text("The payment, by any of its ids.", 255),
        "id": text("What the dispute is called where the money moved.", 255),
        "state": {
            "type": "string", "enum": ["opened", "won", "lost"],
            "description": "How far the dispute has come. The newest state counts, by occurred_at.",
        },
        "amount": reference("PositiveAmount", "How much is disputed; the whole payment when it is left out."),
        "currency": reference("CurrencyCode", "The payment's currency; it comes with the amount."),
    });
    let more = json!({ "dependentRequired": { "amount": ["currency"], "currency": ["amount"] } });
    let description = "A payment was disputed, or its dispute came to an end. While it is open, what was earned by the \
                       payment is held; lost, the disputed amount went back.";
    event("dispute", description, properties, &["payment_id", "id", "state"], more)
}

fn withdrawal() -> Value {
    let mut properties = json!({
        "id": text("What the withdrawal is called where the money moved.", 255),
        "amount": reference("PositiveAmount", "How much was taken out."),
        "currency": reference("CurrencyCode", "The currency it went out in."),
        "brand": text("The brand it was taken out of.", 64),
    });
    merge(&mut properties, customer());
    let more = any_of(&["uid", "referral_id", "email"]);
    let description = "A customer took money out, at a brand that counts withdrawals from events.";
    event("withdrawal", description, properties, &["id", "amount", "currency"], more)
}

fn churn() -> Value {
    let more = any_of(&["uid", "referral_id", "email"]);
    event("churn", "A customer left. No commission changes by it.", customer(), &[], more)
}

/// The schemas of the bodies, by name.
pub(in crate::api) fn schemas() -> Vec<(&'static str, Value)> {
    let types = [
        ("registration", "NewRegistration", registration()),
        ("payment", "NewPayment", payment()),
        ("refund", "NewRefund", refund()),
        ("dispute", "NewDispute", dispute()),
        ("withdrawal", "NewWithdrawal", withdrawal()),
        ("churn", "NewChurn", churn()),
    ];
    let path = |name: &str| format!("#/components/schemas/{name}");
    let one_of: Vec<Value> = types.iter().map(|(_, name, _)| json!({ "$ref": path(name) })).collect();
    let mapping: serde_json::Map<String, Value> =
        types.iter().map(|(word, name, _)| ((*word).to_owned(), path(name).into())).collect();
    let event = json!({
        "oneOf": one_of,
        "discriminator": { "propertyName": "type", "mapping": mapping },
    });
    let list = json!({
        "type": "object",
        "properties": { "events": { "type": "array", "minItems": 1, "maxItems": LIMIT, "items": { "$ref": path("NewEvent") } } },
        "required": ["events"],
        "additionalProperties": false,
    });
    types
        .into_iter()
        .map(|(_, name, schema)| (name, schema))
        .chain([("NewEvent", event), ("NewEvents", list)])
        .collect()
}
