//! How the document describes the terms of a deal, which `domain::deal` reads.

use serde_json::{Map, Value, json};

use crate::api::fields::{schema, written_out};

schema! {
    Terms = written_out();
}

/// The schemas of terms, by name.
pub(in crate::api) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("Terms", terms()),
        ("Rule", rule()),
        ("Reward", reward()),
        ("Conditions", conditions()),
        ("Limits", limits()),
        ("Tiers", tiers()),
        ("Qualification", qualification()),
        ("Milestone", milestone()),
        ("Fee", fee()),
        ("SubAffiliateLevel", sub_affiliate()),
        ("Criteria", criteria()),
    ]
}

/// An object whose fields are all known.
fn object(description: &str, required: &[&str], properties: Value) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("description".to_owned(), json!(description));
    object.insert("properties".to_owned(), properties);
    if !required.is_empty() {
        object.insert("required".to_owned(), json!(required));
    }
    object.insert("additionalProperties".to_owned(), json!(false));
    Value::Object(object)
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A reference with words of its own.
fn described(name: &str, description: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}"), "description": description })
}

fn optional(name: &str, description: &str) -> Value {
    json!({ "oneOf": [reference(name), { "type": "null" }], "description": description })
}

fn list(name: &str, most: u32, description: &str) -> Value {
    json!({ "type": "array", "maxItems": most, "items": reference(name), "description": description })
}

fn codes(description: &str) -> Value {
    json!({
        "type": "array", "maxItems": 250, "items": { "type": "string", "minLength": 1, "maxLength": 100 },
        "description": description,
    })
}

fn one_of(words: &[&str], description: &str) -> Value {
    json!({ "type": "string", "enum": words, "description": description })
}

fn date(description: &str) -> Value {
    json!({ "type": ["string", "null"], "format": "date", "description": description })
}

fn whole(least: u32, most: u32, description: &str) -> Value {
    json!({ "type": ["integer", "null"], "minimum": least, "maximum": most, "description": description })
}

fn percentage(description: &str) -> Value {
    json!({
        "type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,4})?$", "examples": ["20", "12.5"],
        "description": description,
    })
}

fn terms() -> Value {
    let mut terms = object(
        "What is earned, rule by rule; several rules make a hybrid deal, none makes one that earns nothing. Amounts are \
         in the program's currency.",
        &["rules"],
        json!({
            "rules": { "type": "array", "maxItems": 32, "items": reference("Rule") },
            "hold_days": {
                "type": "integer", "minimum": 0, "maximum": 3650, "default": 0,
                "description": "Days a commission is held, from the local date of its own event; 0 is payable at once.",
            },
            "flat_refund": {
                "type": "string", "enum": ["proportional", "only_full"], "default": "proportional",
                "description": "Whether a partial refund lowers a flat sum.",
            },
            "qualification": optional("Qualification", "When a customer is qualified."),
            "lead_qualification": optional("Qualification", "When a lead is qualified."),
            "unqualify": one_of(
                &["never", "while_held", "always"],
                "Whether a qualification that is undone takes its reward back; `while_held` unless said.",
            ),
            "milestones": list("Milestone", 32, "Bonuses, booked at the close of a month."),
            "fees": list("Fee", 16, "What is taken off the net P&L, each as a line of its own."),
            "negative_month": one_of(
                &["net", "carry", "reset"],
                "Whether a month below zero lowers what is due, is worked off by later months, or is made good; `net` \
                 unless said.",
            ),
            "carry_scope": one_of(&["deal", "brand"], "What a month's result is formed over; `deal` unless said."),
            "release": one_of(
                &["at_close", "at_once"],
                "When commissions on activity are released; with the close of their month unless said.",
            ),
            "spend_limit": optional("PositiveAmount", "At most so much in all, over all affiliates, the earliest first."),
            "sub_affiliates": list("SubAffiliateLevel", 10, "What is earned by sub-affiliates, level by level."),
            "criteria": described("Criteria", "Which registrations the deal is for."),
        }),
    );
    terms["example"] = json!({
        "rules": [{ "on": "payment", "reward": { "percent": "20" }, "limits": { "months": 12 } }],
        "hold_days": 30,
    });
    terms
}

fn rule() -> Value {
    object(
        "One rule: which events it is on, when it applies, what it rewards, within which limits.",
        &["on", "reward"],
        json!({
            "on": {
                "type": "string",
                "enum": [
                    "registration", "qualified_lead", "payment", "first_deposit", "qualified_deposit", "activity",
                ],
            },
            "when": reference("Conditions"),
            "reward": reference("Reward"),
            "limits": reference("Limits"),
            "tiers": optional("Tiers", "Other rewards where an affiliate reached more in a month."),
        }),
    )
}

fn conditions() -> Value {
    object(
        "All that is given must hold; of a list one must.",
        &[],
        json!({
            "occurrence": {
                "type": ["string", "null"], "enum": ["first", "renewal", null],
                "description": "Only the first counted payment of a referral, or only those after it.",
            },
            "brand": codes("Only these brands."),
            "country": codes("Only customers of these countries."),
            "product": codes("Only these products; of activity `casino` and `sport`."),
            "plan": codes("Only these plans."),
            "interval": {
                "type": "array",
                "items": one_of(&["day", "week", "month", "quarter", "half_year", "year", "once"], "An interval."),
                "description": "Only these intervals of a subscription.",
            },
            "campaign": codes("Only these campaigns."),
            "coupon": codes("Only these coupons."),
            "amount_from": optional("PositiveAmount", "Only amounts of at least this."),
            "amount_below": optional("PositiveAmount", "Only amounts below this."),
            "from": date("Only events of this local date or later."),
            "until": date("Only events before this local date."),
        }),
    )
}

fn limits() -> Value {
    object(
        "The limits of a rule.",
        &[],
        json!({
            "months": whole(1, 1200, "For so many months from the first counted payment."),
            "payments": whole(1, 100_000, "For so many counted payments."),
            "once": { "type": "boolean", "description": "Once per referral." },
            "per_referral": optional("PositiveAmount", "At most so much by one referral."),
            "per_affiliate": optional("PositiveAmount", "At most so much for one affiliate, ever."),
            "per_month": optional("PositiveAmount", "At most so much for one affiliate in a calendar month."),
        }),
    )
}

fn reward() -> Value {
    let one = |name: &str, schema: Value| {
        json!({
            "type": "object", "properties": { name: schema }, "required": [name], "additionalProperties": false,
        })
    };
    json!({ "oneOf": [
        one("percent", percentage("A percentage of the amount paid, above 0 and at most 100.")),
        one("percent_of_net_pnl", percentage("A percentage of the net P&L of activity; may be below zero.")),
        one("percent_of_net_deposits", percentage("A percentage of deposits less withdrawals; may be below zero.")),
        one("flat", described("PositiveAmount", "A flat sum in the program's currency.")),
    ] })
}

fn measure() -> Value {
    one_of(
        &[
            "registrations",
            "qualified_leads",
            "first_deposits",
            "qualified_deposits",
            "payments",
            "revenue",
            "net_deposits",
            "pnl",
            "net_pnl",
            "volume",
        ],
        "What an affiliate reached in a calendar month.",
    )
}

fn tiers() -> Value {
    let step = object(
        "From a point on another reward, of the same sort as the rule's.",
        &["from", "reward"],
        json!({ "from": reference("PositiveAmount"), "reward": reference("Reward") }),
    );
    object(
        "Steps in ascending order; below the first the rule's own reward holds.",
        &["by", "steps"],
        json!({
            "by": measure(),
            "mode": one_of(
                &["whole", "marginal"],
                "Whether the step reached counts for everything or only for what is above it; `whole` unless said.",
            ),
            "steps": { "type": "array", "minItems": 1, "maxItems": 32, "items": step },
        }),
    )
}

fn qualification() -> Value {
    object(
        "What must be reached, and how soon.",
        &["baseline"],
        json!({
            "baseline": one_of(
                &["first_deposit", "total_deposits", "net_deposits", "volume", "activity_count"],
                "What is looked at.",
            ),
            "amount": optional("PositiveAmount", "At least this; of every baseline but the count."),
            "count": whole(1, u32::MAX, "At least so many; of the count alone."),
            "within_days": whole(1, 3650, "Within so many local dates, that of the registration being the first."),
        }),
    )
}

fn milestone() -> Value {
    object(
        "A bonus on what an affiliate reached.",
        &["by", "from", "bonus"],
        json!({
            "by": measure(),
            "from": described("PositiveAmount", "From so many (or so much) on."),
            "bonus": reference("PositiveAmount"),
            "per": one_of(&["month", "ever"], "In each month, or once by all months; `month` unless said."),
        }),
    )
}

fn fee() -> Value {
    let percent = object(
        "A percentage.",
        &["rate", "of"],
        json!({
            "rate": percentage("How much."),
            "of": one_of(&["pnl", "net_pnl", "deposits", "volume"], "Of what."),
        }),
    );
    let charge = json!({ "oneOf": [
        object("A percentage.", &["percent"], json!({ "percent": percent })),
        object("A flat sum a month.", &["flat_per_month"], json!({ "flat_per_month": reference("PositiveAmount") })),
    ] });
    object(
        "Something taken off the net P&L.",
        &["name", "charge"],
        json!({
            "name": { "type": "string", "minLength": 1, "maxLength": 100 },
            "charge": charge,
            "positive_months_only": { "type": "boolean", "description": "Only of months above zero." },
        }),
    )
}

fn sub_affiliate() -> Value {
    let percent = |description: &str| json!({ "oneOf": [percentage(description), { "type": "null" }] });
    object(
        "What is earned by the affiliates of one level.",
        &[],
        json!({
            "flat": optional("PositiveAmount", "Per qualified customer of theirs."),
            "percent_of_share": percent("Of their own shares."),
            "percent_of_net_pnl": percent("Of the net P&L their shares are of."),
        }),
    )
}

fn criteria() -> Value {
    object(
        "All that is given must fit; of a list one must.",
        &[],
        json!({
            "country": codes("The customer's country."),
            "brand": codes("The brand."),
            "campaign": codes("The campaign."),
            "coupon": codes("The coupon."),
            "traffic": codes("The source of the traffic."),
            "active_from": date("From this local date on."),
            "active_until": date("Before this local date."),
        }),
    )
}
