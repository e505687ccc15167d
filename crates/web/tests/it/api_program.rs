//! `/v1/program` and `/v1/deals`.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

#[test]
fn settings_are_shown_and_changed() {
    run(async |test| {
        let client = Client::new(&test).await;
        assert_snapshot!(client.show(&client.get("/v1/program").await), @r#"200 {"id":1001,"name":"Test programme","currency":"EUR","zone":"UTC","mode":"live","payout_mode":"direct","payout_threshold":"0.00","smartico_advance":true,"refuse_identical_payment":false,"referral_expires_after_days":null,"close_after_days":1,"closed_through":null,"default_affiliate_id":1,"default_deal_id":1,"tracking_id":"…","allowed_hosts":[],"fallback_url":null,"click_parameter":"rfr","cookie_days":60,"attribution_model":"last_click","keep_addresses":false,"tracking_hosts":[],"disposable_domains":[],"review_registrations_per_hour":100,"created_at":"2026-06-01T12:00:00Z","updated_at":"2026-06-01T12:00:00Z"}"#);
        test.at("2026-06-02T00:00:00Z");
        let changes = json!({
            "name": "Partners", "currency": "JPY", "zone": "Asia/Tokyo", "payout_mode": "three_step",
            "payout_threshold": "5000", "smartico_advance": false, "refuse_identical_payment": true,
            "referral_expires_after_days": 90, "close_after_days": 5,
        });
        assert_snapshot!(client.show(&client.patch("/v1/program", changes).await), @r#"200 {"id":1001,"name":"Partners","currency":"JPY","zone":"Asia/Tokyo","mode":"live","payout_mode":"three_step","payout_threshold":"5000","smartico_advance":false,"refuse_identical_payment":true,"referral_expires_after_days":90,"close_after_days":5,"closed_through":null,"default_affiliate_id":1,"default_deal_id":1,"tracking_id":"…","allowed_hosts":[],"fallback_url":null,"click_parameter":"rfr","cookie_days":60,"attribution_model":"last_click","keep_addresses":false,"tracking_hosts":[],"disposable_domains":[],"review_registrations_per_hour":100,"created_at":"2026-06-01T12:00:00Z","updated_at":"2026-06-02T00:00:00Z"}"#);
        let changed = client.patch("/v1/program", json!({ "payout_mode": "direct" })).await.json();
        assert_eq!(changed["referral_expires_after_days"], 90);
        let changed =
            client.patch("/v1/program", json!({ "referral_expires_after_days": null })).await.json();
        assert_eq!(changed["referral_expires_after_days"], Value::Null);
    });
}

#[test]
fn settings_that_cannot_be() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        let before = client.get("/v1/program").await.json();
        let mut table = String::new();
        for changes in [
            json!({ "currency": "USD" }),
            json!({ "zone": "Europe/Berlin" }),
            json!({ "currency": "XYZ" }),
            json!({ "zone": "Berlin" }),
            json!({ "mode": "test" }),
            json!({ "payout_mode": "slow" }),
            json!({ "payout_mode": null }),
            json!({ "payout_threshold": "-1" }),
            json!({ "payout_threshold": 5 }),
            json!({ "payout_threshold": "10000000000000" }),
            json!({ "smartico_advance": "no" }),
            json!({ "referral_expires_after_days": 0 }),
            json!({ "referral_expires_after_days": 3651 }),
            json!({ "close_after_days": 61 }),
            json!({ "default_deal_id": 99 }),
            json!({ "name": "" }),
        ] {
            table.push_str(&problem(&client.patch("/v1/program", changes).await));
            table.push('\n');
        }
        assert_snapshot!(table, @r#"
        409 fixed_by_first_fact currency was fixed by the program's first fact
        409 fixed_by_first_fact zone was fixed by the program's first fact
        400 invalid currency: unknown currency "XYZ"; expected a three-letter code of ISO 4217 such as EUR
        400 invalid zone: unknown time zone "Berlin"; expected a name such as Europe/Berlin or UTC
        400 invalid mode: unknown field `mode`, expected one of `name`, `currency`, `zone`, `payout_mode`, `payout_threshold`, `smartico_advance`, `refuse_identical_payment`, `referral_expires_after_days`, `close_after_days`, `default_deal_id`, `allowed_hosts`, `fallback_url`, `click_parameter`, `cookie_days`, `attribution_model`, `keep_addresses`, `tracking_hosts`, `disposable_domains`, `review_registrations_per_hour`
        400 invalid payout_mode: invalid value: string "slow", expected direct or three_step
        400 invalid payout_mode: invalid type: null, expected a string
        400 invalid payout_threshold: expected an amount from 0 to 1000000000000
        400 invalid payout_threshold: invalid type: integer `5`, expected a decimal string such as "12.50"
        400 invalid payout_threshold: the amount 10000000000000 is above the limit of 1000000000000 units
        400 invalid smartico_advance: invalid type: string "no", expected a boolean
        400 invalid referral_expires_after_days: expected 1 to 3650 days, or null for never
        400 invalid referral_expires_after_days: expected 1 to 3650 days, or null for never
        400 invalid close_after_days: expected 0 to 60 days
        400 invalid default_deal_id: there is no deal 99
        400 invalid name: it is empty
        "#);
        assert_eq!(
            client.patch("/v1/program", json!({ "currency": "EUR", "zone": "UTC" })).await.status,
            200
        );
        assert_eq!(client.get("/v1/program").await.json(), before);
    });
}

#[test]
fn a_deal_has_versions() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let terms = json!({
            "rules": [
                { "on": "registration", "reward": { "flat": "2.50" } },
                { "on": "payment", "when": { "occurrence": "first" }, "reward": { "flat": "40" } },
                { "on": "payment", "reward": { "percent": "12.5" }, "limits": { "months": 12, "payments": 6 } },
            ],
            "hold_days": 30,
            "flat_refund": "only_full",
        });
        let made =
            client.post("/v1/deals", json!({ "name": "Jane's", "terms": terms, "affiliate_id": jane })).await;
        assert_snapshot!(client.show(&made), @r#"201 {"id":2,"name":"Jane's","affiliate_id":2,"version":{"id":"dv_1","number":1,"created_at":"2026-06-01T12:00:00Z","effective_at":"2026-06-01T12:00:00Z"},"terms":{"rules":[{"on":"registration","reward":{"flat":"2.50"}},{"on":"payment","when":{"occurrence":"first"},"reward":{"flat":"40.00"}},{"on":"payment","reward":{"percent":"12.5"},"limits":{"months":12,"payments":6}}],"hold_days":30,"flat_refund":"only_full"},"sentences":["2.50 EUR for a registration.","40.00 EUR for the first payment.","12.5 % of each payment, for 12 months from the first payment, for the first 6 payments.","A flat sum is taken back only when all of its payment is returned.","Held for 30 days."],"created_at":"2026-06-01T12:00:00Z"}"#);
        assert_eq!(client.get(&format!("/v1/affiliates/{jane}")).await.json()["deal_id"], 2);
        assert_eq!(client.get("/v1/deals/2").await.bytes, made.bytes);

        test.at("2026-06-02T00:00:00Z");
        let renamed = client.patch("/v1/deals/2", json!({ "name": "Jane", "terms": terms })).await.json();
        assert_eq!((&renamed["name"], &renamed["version"]["number"]), (&json!("Jane"), &json!(1)));
        let terms = json!({ "rules": [{ "on": "payment", "reward": { "percent": "30" } }] });
        let changed = client.patch("/v1/deals/2", json!({ "terms": terms })).await.json();
        assert_eq!(changed["version"]["number"], 2);
        assert_eq!(changed["sentences"], json!(["30 % of each payment.", "Payable at once."]));
        let versions = client.get("/v1/deals/2/versions").await.json();
        let numbers: Vec<_> =
            versions["data"].as_array().expect("rows").iter().map(|row| &row["version"]["number"]).collect();
        assert_eq!(numbers, [2, 1]);
        let deals = client.get("/v1/deals?limit=1").await.json();
        assert_eq!(deals["data"][0]["name"], "Default");
        let cursor = deals["next_cursor"].as_str().expect("a next page");
        let deals = client.get(&format!("/v1/deals?cursor={cursor}")).await.json();
        assert_eq!((&deals["data"][0]["id"], &deals["next_cursor"]), (&json!(2), &Value::Null));
    });
}

#[test]
fn terms_that_make_no_sense() {
    run(async |test| {
        let client = Client::new(&test).await;
        let mut table = String::new();
        let rule = |rule: Value| json!({ "rules": [rule] });
        for terms in [
            json!({}),
            json!({ "rules": [{}] }),
            json!({ "rules": [], "hold_days": -1 }),
            json!({ "rules": [], "hold_days": 4000 }),
            json!({ "rules": [], "bonus": 1 }),
            rule(json!({ "on": "click", "reward": { "flat": "1" } })),
            rule(json!({ "on": "payment", "reward": { "percent": "101" } })),
            rule(json!({ "on": "payment", "reward": { "percent": 20 } })),
            rule(json!({ "on": "payment", "reward": { "flat": "0" } })),
            rule(json!({ "on": "payment", "reward": { "flat": "0.001" } })),
            rule(json!({ "on": "payment", "reward": { "gift": "1" } })),
            rule(json!({ "on": "registration", "reward": { "percent": "20" } })),
            rule(json!({ "on": "payment", "reward": { "percent": "20" }, "limits": { "months": 0 } })),
        ] {
            let answer = client.post("/v1/deals", json!({ "name": "D", "terms": terms })).await;
            table.push_str(&problem(&answer));
            table.push('\n');
        }
        assert_snapshot!(table, @r#"
        400 invalid terms.rules: missing field `rules`
        400 invalid terms.rules[0].on: missing field `on`
        400 invalid terms.hold_days: invalid value: integer `-1`, expected u16
        400 invalid terms: hold_days is 4000; at most 3650 are allowed
        400 invalid terms.bonus: unknown field `bonus`, expected one of `rules`, `hold_days`, `flat_refund`, `qualification`, `lead_qualification`, `unqualify`, `milestones`, `fees`, `negative_month`, `carry_scope`, `release`, `spend_limit`, `sub_affiliates`, `criteria`
        400 invalid terms.rules[0].on: unknown variant `click`, expected one of `registration`, `qualified_lead`, `payment`, `first_deposit`, `qualified_deposit`, `activity`
        400 invalid terms.rules[0].reward.percent: "101" is not a percentage above 0 and at most 100 with at most four decimals
        400 invalid terms.rules[0].reward.percent: invalid type: integer `20`, expected a string
        400 invalid terms: rules[0]: a flat reward must be above 0 and at most 1000000000000
        400 invalid terms: rules[0]: the flat reward has more decimals than EUR has
        400 invalid terms.rules[0].reward: unknown variant `gift`, expected one of `percent`, `percent_of_net_pnl`, `percent_of_net_deposits`, `flat`
        400 invalid terms: rules[0]: a registration has no amount, so its reward must be flat
        400 invalid terms: rules[0]: months must be 1 to 1200 and payments 1 to 100000
        "#);
        assert_snapshot!(problem(&client.get("/v1/deals/9").await), @"404 not_found there is no deal 9");
        assert_snapshot!(problem(&client.get("/v1/deals/9/versions").await), @"404 not_found there is no deal 9");
        assert_snapshot!(problem(&client.patch("/v1/deals/9", json!({})).await), @"404 not_found there is no deal 9");
        let other = json!({ "name": "D", "terms": { "rules": [] }, "affiliate_id": 99 });
        assert_snapshot!(problem(&client.post("/v1/deals", other).await), @"400 invalid affiliate_id: there is no affiliate 99");
    });
}

#[test]
fn an_entry_in_the_books_fixes_their_currency_and_zone() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        assert_eq!(client.patch("/v1/program", json!({ "zone": "Europe/Berlin" })).await.status, 200);
        let opening = json!({ "affiliate_id": jane, "effective_at": "2025-12-31T23:00:00Z", "earned": { "share": "100" } });
        assert_eq!(client.post_once("/v1/openings", "key-1", opening).await.status, 201);
        let zone = client.patch("/v1/program", json!({ "zone": "UTC" })).await;
        assert_snapshot!(problem(&zone), @"409 fixed_by_first_entry zone was fixed by the program's first entry in its books");
        let currency = client.patch("/v1/program", json!({ "currency": "USD" })).await;
        assert_snapshot!(problem(&currency), @"409 fixed_by_first_entry currency was fixed by the program's first entry in its books");
        assert_eq!(client.patch("/v1/program", json!({ "zone": "Europe/Berlin" })).await.status, 200);
    });
}

#[test]
fn the_currency_changes_where_every_deal_fits_it() {
    run(async |test| {
        let client = Client::new(&test).await;
        let rules = json!([{ "on": "payment", "reward": { "flat": "5.55" } }]);
        let deal = client.post("/v1/deals", json!({ "name": "Flat", "terms": { "rules": rules } })).await;
        assert_eq!(deal.status, 201, "{}", deal.text());
        let yen = client.patch("/v1/program", json!({ "currency": "JPY" })).await;
        assert_snapshot!(problem(&yen), @"400 invalid currency: the terms of deal 2 do not fit JPY: rules[0]: the flat reward has more decimals than JPY has");
        assert_eq!(client.patch("/v1/program", json!({ "currency": "USD" })).await.status, 200);
    });
}
