//! How the document describes the terms of a deal, which `domain::deal` reads.

use serde_json::{Value, json};

use crate::api::fields::{schema, written_out};

schema! {
    Terms = written_out();
}

/// The schemas of terms, by name.
pub(in crate::api) fn schemas() -> Vec<(&'static str, Value)> {
    let terms = json!({
        "type": "object",
        "description": "What is earned, rule by rule; several rules make a hybrid deal, none makes one that earns nothing.",
        "properties": {
            "rules": { "type": "array", "maxItems": 32, "items": { "$ref": "#/components/schemas/Rule" } },
            "hold_days": {
                "type": "integer", "minimum": 0, "maximum": 3650, "default": 0,
                "description": "Days a commission is held, from the local date of its own event; 0 is payable at once.",
            },
            "flat_refund": {
                "type": "string", "enum": ["proportional", "only_full"], "default": "proportional",
                "description": "Whether a partial refund lowers a flat sum.",
            },
        },
        "required": ["rules"],
        "additionalProperties": false,
        "example": {
            "rules": [{ "on": "payment", "reward": { "percent": "20" }, "limits": { "months": 12 } }],
            "hold_days": 30,
        },
    });
    vec![("Terms", terms), ("Rule", rule()), ("Reward", reward())]
}

fn rule() -> Value {
    json!({
        "type": "object",
        "description": "One rule: which events it is on, when it applies, what it rewards, within which limits.",
        "properties": {
            "on": { "type": "string", "enum": ["registration", "payment"] },
            "when": {
                "type": "object",
                "description": "All that is given must hold.",
                "properties": {
                    "occurrence": {
                        "type": ["string", "null"], "enum": ["first", "renewal", null],
                        "description": "Only the first counted payment of a referral, or only those after it.",
                    },
                },
                "additionalProperties": false,
            },
            "reward": { "$ref": "#/components/schemas/Reward" },
            "limits": {
                "type": "object",
                "description": "Per referral.",
                "properties": {
                    "months": {
                        "type": ["integer", "null"], "minimum": 1, "maximum": 1200,
                        "description": "For so many months from the first counted payment.",
                    },
                    "payments": {
                        "type": ["integer", "null"], "minimum": 1, "maximum": 100_000,
                        "description": "For so many counted payments.",
                    },
                },
                "additionalProperties": false,
            },
        },
        "required": ["on", "reward"],
        "additionalProperties": false,
    })
}

fn reward() -> Value {
    let one = |name: &str, schema: Value| {
        json!({
            "type": "object", "properties": { name: schema }, "required": [name], "additionalProperties": false,
        })
    };
    let percent = json!({
        "type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,4})?$", "examples": ["20", "12.5"],
        "description": "A percentage of the amount paid, above 0 and at most 100.",
    });
    let flat = json!({
        "$ref": "#/components/schemas/PositiveAmount",
        "description": "A flat sum in the program's currency.",
    });
    json!({ "oneOf": [one("percent", percent), one("flat", flat)] })
}
