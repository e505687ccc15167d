//! `POST /v1/activity`, `/v1/brands` and `/v1/periods`: the March story through the APIs, as an operator would tell it
//! and as the Smartico surface shows it; the feed as JSON and CSV; what is refused of each.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::{Answer, TestApp};

use crate::api_client::{Client, problem};
use crate::smartico_operator::{Operator, fields};

fn terms(negative_month: &str) -> Value {
    json!({
        "rules": [
            { "on": "qualified_deposit", "reward": { "flat": "40" } },
            { "on": "activity", "reward": { "percent_of_net_pnl": "30" } },
        ],
        "qualification": { "baseline": "first_deposit", "amount": "20" },
        "negative_month": negative_month,
    })
}

async fn casino(client: &Client) {
    let body = json!({ "deposits": "rows", "withdrawals": "rows" });
    let answer = client.test.call("PUT", "/v1/brands/Casino%20One", &client.key, Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The status of each row's answer.
fn statuses(answer: &Answer) -> Vec<u64> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results = answer.json()["results"].as_array().cloned().expect("results");
    results.iter().map(|result| result["status"].as_u64().expect("a status")).collect()
}

async fn report(client: &Client, day: &str, figures: Value) {
    let mut row = json!({ "player": "p1", "brand": "Casino One", "day": day });
    for (name, figure) in figures.as_object().expect("figures") {
        row[name] = figure.clone();
    }
    let answer = client.post("/v1/activity", json!({ "rows": [row] })).await;
    assert_eq!(statuses(&answer), [201], "{}", answer.text());
}

async fn close(client: &Client, month: &str, dry_run: bool) -> Answer {
    client.post(&format!("/v1/periods/{month}/close"), json!({ "dry_run": dry_run })).await
}

/// Tells the story of one player in March and April, and compares the Smartico row at each of its four points.
async fn tell(test: &TestApp, negative_month: &str, expected: [&str; 4]) -> Client {
    test.at("2026-03-01T09:00:00Z");
    let client = Client::with_terms(test, terms(negative_month)).await;
    let smartico = Operator { test: test.clone(), program: client.program, key: client.key.clone() };
    let ann = test.affiliate(client.program, "ann").await;
    casino(&client).await;
    client.refer(ann.0, "p1").await;
    let names = ["cpa_fee", "rev_share_fee", "adjustments", "balance"];
    let shows = async |expected: &str| {
        assert_eq!(fields(&smartico.balance(ann).await, &names), expected, "{negative_month}");
    };
    report(&client, "2026-03-01", json!({ "deposits": "50", "deposit_count": 1, "pnl": "100" })).await;
    test.at("2026-03-03T09:00:00Z");
    report(&client, "2026-03-02", json!({ "pnl": "-300" })).await;
    test.at("2026-04-02T09:00:00Z");
    app::release::run_due(&test.app, client.program, test.app.now()).await.expect("a release");
    assert_eq!(close(&client, "2026-03", false).await.status, 200);
    shows(expected[0]).await;
    test.at("2026-04-03T09:00:00Z");
    report(&client, "2026-03-02", json!({ "pnl": "-50" })).await;
    app::period::run_due(&test.app, client.program, test.app.now()).await.expect("late months");
    shows(expected[1]).await;
    test.at("2026-04-05T09:00:00Z");
    report(&client, "2026-04-05", json!({ "pnl": "200" })).await;
    shows(expected[2]).await;
    test.at("2026-05-02T09:00:00Z");
    assert_eq!(close(&client, "2026-04", false).await.status, 200);
    shows(expected[3]).await;
    client
}

#[test]
fn the_story_of_march_comes_out_as_smartico_shows_it() {
    testkit::run(async |test| {
        let restated = "cpa_fee 40, rev_share_fee 15, adjustments 0, balance 55";
        let last = "cpa_fee 40, rev_share_fee 75, adjustments 0, balance 115";
        let client = tell(
            &test,
            "reset",
            ["cpa_fee 40, rev_share_fee -60, adjustments 60, balance 40", restated, restated, last],
        )
        .await;
        // The statement of March is as it was closed; what came later is booked for it all the same.
        let periods = client.get("/v1/periods?month=2026-03").await;
        assert_snapshot!(client.show(&periods), @r#"200 {"data":[{"affiliate_id":2,"deal_id":1,"month":"2026-03","closed_at":"2026-04-02T09:00:00Z","effective_at":"2026-03-31T23:59:59.999999Z","booked_at":"2026-04-02T09:00:00Z","statement":{"commissions":[{"kind":"acquisition","amount":"40.00"},{"kind":"share","amount":"-60.00"}],"reached":[{"by":"registrations","value":"1"},{"by":"first_deposits","value":"1"},{"by":"qualified_deposits","value":"1"},{"by":"revenue","value":"50"},{"by":"net_deposits","value":"50"},{"by":"pnl","value":"-200"},{"by":"net_pnl","value":"-200"}],"adjustments":[{"reason":"reset","place":null,"kind":"share","brand":null,"amount":"60.00","from":"-60.00"}],"results":[{"kind":"share","brand":null,"amount":"-60.00"}],"carried":[],"no_carry_over":false},"adjusted":"0.00","carried":"0.00"}],"next_cursor":null}"#);
        tell(
            &test,
            "carry",
            ["cpa_fee 40, rev_share_fee 0, adjustments 0, balance 40", restated, restated, last],
        )
        .await;
        tell(
            &test,
            "net",
            ["cpa_fee 40, rev_share_fee -60, adjustments 0, balance -20", restated, restated, last],
        )
        .await;
    });
}

#[test]
fn a_close_is_shown_before_it_is_made() {
    testkit::run(async |test| {
        test.at("2026-03-02T09:00:00Z");
        let client = Client::with_terms(&test, terms("carry")).await;
        let ann = test.affiliate(client.program, "ann").await;
        casino(&client).await;
        client.refer(ann.0, "p1").await;
        report(&client, "2026-03-01", json!({ "pnl": "-100" })).await;
        let early = close(&client, "2026-03", true).await;
        assert_snapshot!(problem(&early), @"400 invalid month: 2026-03 has not ended; it can be closed after 2026-03-31T23:59:59Z");
        assert_snapshot!(problem(&close(&client, "2026-3", true).await), @r#"404 not_found "2026-3" is no month; expected one from 1970-01 to 2199-12, such as 2026-03"#);
        test.at("2026-04-02T09:00:00Z");
        let dry = close(&client, "2026-03", true).await;
        assert_snapshot!(client.show(&dry), @r#"200 {"month":"2026-03","dry_run":true,"closed_through":null,"affiliates":1,"bookings":[{"affiliate_id":2,"deal_id":1,"month":"2026-03","reason":"carried","place":null,"kind":"share","brand":null,"amount":"30.00","effective_at":"2026-03-31T23:59:59.999999Z"}]}"#);
        assert_eq!(client.get("/v1/periods").await.json()["data"], json!([]));
        assert_snapshot!(client.show(&close(&client, "2026-03", false).await), @r#"200 {"month":"2026-03","dry_run":false,"closed_through":"2026-03","affiliates":1,"bookings":null}"#);
        assert_snapshot!(client.show(&close(&client, "2026-03", false).await), @r#"200 {"month":"2026-03","dry_run":false,"closed_through":"2026-03","affiliates":0,"bookings":null}"#);
        assert_eq!(client.get("/v1/program").await.json()["closed_through"], "2026-03");
        // An affiliate sees its own months; closing is for the program.
        let bob = test.affiliate(client.program, "bob").await;
        let of = async |affiliate| client.with_key(test.affiliate_key(client.program, affiliate).await);
        let own = of(ann).await.get("/v1/periods").await.json();
        assert_eq!(
            (&own["data"][0]["carried"], own["data"].as_array().map(Vec::len)),
            (&json!("-30.00"), Some(1))
        );
        assert_eq!(of(bob).await.get("/v1/periods").await.json()["data"], json!([]));
        assert_eq!(close(&of(ann).await, "2026-03", true).await.status, 403);
    });
}

#[test]
fn rows_are_answered_one_by_one() {
    testkit::run(async |test| {
        test.at("2026-03-03T09:00:00Z");
        let client = Client::with_terms(&test, terms("net")).await;
        let ann = test.affiliate(client.program, "ann").await;
        casino(&client).await;
        client.refer(ann.0, "p1").await;
        let row = |player: &str, day: &str, more: Value| {
            let mut row = json!({ "player": player, "brand": "Casino One", "day": day });
            for (name, value) in more.as_object().expect("an object") {
                row[name] = value.clone();
            }
            row
        };
        let rows = json!({ "rows": [
            row("p1", "2026-03-01", json!({ "deposits": "50", "pnl": "100", "revision": 2 })),
            row("p1", "2026-03-02", json!({ "casino": { "pnl": "10.5" }, "sport": { "pnl": "-0.00001", "volume": "3" } })),
            row("p1", "2026-03-01", json!({ "deposits": "50", "pnl": "100", "revision": 2 })),
            row("p1", "2026-03-01", json!({ "pnl": "1", "revision": 1 })),
            row("p1", "2026-03-01", json!({ "pnl": "1", "revision": 2 })),
            row("p2", "2026-03-01", json!({ "pnl": "7" })),
            row("p1", "2026-03-04", json!({ "pnl": "7" })),
            row("p1", "2026-02-30", json!({})),
            row("p1", "2026-03-01", json!({ "deposits": "-1" })),
            row("p1", "2026-03-01", json!({ "deposits": "5", "first_deposit": "6" })),
            row("p1", "2026-03-01", json!({ "pnl": 1 })),
            row("p1", "2026-03-01", json!({ "brand": "Other" })),
            row("p1", "2026-03-01", json!({ "colour": "red" })),
            json!("p1"),
        ]});
        let answer = client.post("/v1/activity", rows).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let shown: Vec<String> = answer.json()["results"]
            .as_array()
            .expect("results")
            .iter()
            .map(|result| {
                let body = &result["body"];
                let said = body["detail"].as_str().or(body["note"].as_str()).unwrap_or_default();
                format!("{} {}", result["status"], said).trim().to_owned()
            })
            .collect();
        assert_snapshot!(shown.join("\n"), @r#"
        201
        201
        200
        409 revision 1 is stale: revision 2 of this day is recorded
        409 revision 2 of this day is recorded with other figures; a correction needs a higher revision
        201 parked
        400 day is 2026-03-04, which is more than 5 minutes in the future
        400 day: "2026-02-30" is no date; expected one such as 2026-03-31
        400 deposits: expected an amount of zero or more
        400 first_deposit: it is part of deposits, so it cannot be above them
        400 pnl: invalid type: integer `1`, expected a decimal string such as "12.50"
        404 no brand is known as "Other"; PUT /v1/brands/{name} says what its deposits and withdrawals are counted from
        400 colour: unknown field `colour`, expected one of `player`, `brand`, `day`, `revision`, `first_deposit`, `deposits`, `deposit_count`, `withdrawals`, `withdrawal_count`, `chargebacks`, `activity_count`, `pnl`, `bonuses`, `deductions`, `volume`, `casino`, `sport`
        400 body: invalid type: string "p1", expected an object
        "#);
        // 30 % of 110.49999.
        let balance = client.get(&format!("/v1/affiliates/{ann}/balances")).await.json();
        assert_eq!(balance["data"][0]["earned"]["share"], "33.149997");
    });
}

#[test]
fn a_file_says_the_same_as_rows() {
    testkit::run(async |test| {
        test.at("2026-03-03T09:00:00Z");
        let client = Client::with_terms(&test, terms("net")).await;
        let ann = test.affiliate(client.program, "ann").await;
        casino(&client).await;
        client.refer(ann.0, "p,1").await;
        let send = async |file: &str| {
            client
                .post_bytes("/v1/activity", &[("content-type", "text/csv; charset=utf-8")], file.as_bytes())
                .await
        };
        let file = "\u{feff}day,player,brand,pnl,deposits,casino_pnl,revision\r\n2026-03-01,\"p,1\",\"Casino One\",100,50,,1\r\n\r\n\
            2026-03-02,\"p,1\",Casino One,,,-300,\r\n2026-03-02,\"p,1\",Casino One,x,,,\r\n2026-03-02,\"p,1\"\r\n";
        let answer = send(file).await;
        assert_eq!(statuses(&answer), [201, 201, 400, 400], "{}", answer.text());
        let results = answer.json();
        assert_eq!(results["results"][3]["body"]["detail"], "body: line 6 has 2 values under 7 names");
        assert_eq!(statuses(&send(file).await), [200, 200, 400, 400]);
        let balance = client.get(&format!("/v1/affiliates/{ann}/balances")).await.json();
        assert_eq!(balance["data"][0]["earned"]["share"], "-60.00");
        assert_snapshot!(problem(&send("player,brand,day,colour\n").await), @r#"400 invalid body: there is no column "colour"; there are player, brand, day, revision, first_deposit, deposits, deposit_count, withdrawals, withdrawal_count, chargebacks, activity_count, pnl, bonuses, deductions, volume, casino_pnl, casino_bonuses, casino_deductions, casino_volume, sport_pnl, sport_bonuses, sport_deductions, sport_volume"#);
        assert_snapshot!(problem(&send("player,brand,player,day\n1,2,3,4").await), @r#"400 invalid body: the column "player" is there twice"#);
        assert_snapshot!(problem(&send("player,brand\n1,2").await), @r#"400 invalid body: the first line names no column "day""#);
        assert_snapshot!(problem(&send("player,brand,day\n").await), @"400 invalid body: expected 1 to 10000 rows under the names, not 0");
        assert_snapshot!(problem(&send("player,brand,day\n\"1,2,3").await), @"400 invalid body: a value in quotation marks begins in line 2 and does not end");
    });
}

#[test]
fn ten_thousand_rows_are_one_request_and_one_more_is_none() {
    testkit::run(async |test| {
        test.at("2026-03-03T09:00:00Z");
        let client = Client::with_terms(&test, terms("net")).await;
        let ann = test.affiliate(client.program, "ann").await;
        casino(&client).await;
        let registration = |player: usize| {
            let uid = format!("p{player}");
            json!({ "type": "registration", "affiliate_id": ann, "uid": uid, "occurred_at": "2025-12-31T00:00:00Z" })
        };
        let events = json!({ "events": (0..200).map(registration).collect::<Vec<_>>() });
        assert!(statuses(&client.post("/v1/events/bulk", events).await).iter().all(|status| *status == 201));
        // Fifty days of two hundred players.
        let row = |index: usize| {
            let day = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date")
                + chrono::Days::new(index as u64 / 200);
            let player = format!("p{}", index % 200);
            json!({ "player": player, "brand": "Casino One", "day": day, "pnl": "1", "volume": "12.34" })
        };
        let body = |count: usize| json!({ "rows": (0..count).map(row).collect::<Vec<_>>() });
        let answer = client.post("/v1/activity", body(10_000)).await;
        assert!(statuses(&answer).iter().all(|status| *status == 201));
        let balance = client.get(&format!("/v1/affiliates/{ann}/balances")).await.json();
        assert_eq!(balance["data"][0]["earned"]["share"], "3000.00");
        let refused = client.post("/v1/activity", body(10_001)).await;
        assert_snapshot!(problem(&refused), @"400 invalid rows: expected 1 to 10000 rows, not 10001");
        assert_snapshot!(problem(&client.post("/v1/activity", json!({ "rows": [] })).await), @"400 invalid rows: expected 1 to 10000 rows, not 0");
        let large = client.post_bytes("/v1/activity", &[], &vec![b' '; (8 << 20) + 1]).await;
        assert_snapshot!(problem(&large), @"413 too_large the body is larger than 8388608 bytes");
    });
}

#[test]
fn brands_are_said_once() {
    testkit::run(async |test| {
        let client = Client::new(&test).await;
        let put =
            async |path: &str, body: Value| client.test.call("PUT", path, &client.key, Some(body)).await;
        let rows = json!({ "deposits": "rows", "withdrawals": "events" });
        assert_snapshot!(client.show(&put("/v1/brands/b", rows.clone()).await), @r#"200 {"name":"b","deposits":"rows","withdrawals":"events"}"#);
        assert_eq!(put("/v1/brands/b", rows.clone()).await.status, 200);
        assert_eq!(
            put("/v1/brands/a", json!({ "deposits": "events", "withdrawals": "events" })).await.status,
            200
        );
        let other = put("/v1/brands/b", json!({ "deposits": "rows", "withdrawals": "rows" })).await;
        assert_snapshot!(problem(&other), @r#"409 fixed what counts the deposits and withdrawals of "b" is said and cannot change"#);
        assert_snapshot!(problem(&put("/v1/brands/%20", rows.clone()).await), @r#"400 invalid name: " " is no name of a brand; expected 1 to 64 characters on one line"#);
        assert_snapshot!(problem(&put("/v1/brands/c", json!({ "deposits": "both", "withdrawals": "rows" })).await), @r#"400 invalid deposits: invalid value: string "both", expected events or rows"#);
        assert_snapshot!(client.show(&client.get("/v1/brands").await), @r#"200 {"data":[{"name":"a","deposits":"events","withdrawals":"events"},{"name":"b","deposits":"rows","withdrawals":"events"}],"next_cursor":null}"#);
    });
}
