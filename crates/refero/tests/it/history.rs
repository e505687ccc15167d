//! `refero explain`, `refero replay` and `refero what-if` as people run them, on the database of a product that works
//! beside them.

use app::ingest::{Ask, submit};
use domain::command::{AffiliateName, Command, Customer, Operation, Payment, Registration};
use domain::currency::Currency;
use domain::fact::Attributes;
use domain::ids::{FactId, ProgramId};
use domain::money::Money;
use domain::text::{Slug, Source, Uid};
use serde_json::{Value, json};
use testkit::TestApp;

use crate::binary::{print, run};

/// A program whose one customer paid 100.00 in January 2025, at 20 %.
async fn history(test: &TestApp) -> (ProgramId, FactId) {
    let now = test.at("2025-01-10T00:00:00Z");
    let program =
        test.program(json!({ "rules": [{ "on": "payment", "reward": { "percent": "20" } }] })).await;
    test.affiliate(program, "ann").await;
    let uid = Uid::parse("cus_1").expect("a uid");
    let registration = Command::Registration(Registration {
        other_affiliates: Vec::new(),
        attributes: Attributes::default(),
        affiliate: Some(AffiliateName::Slug(Slug::parse("ann").expect("a slug"))),
        clicks: Vec::new(),
        uid: Some(uid.clone()),
        email: None,
        occurred_at: None,
    });
    submit(&test.app, program, now, Ask::new(Operation::Native, registration)).await.expect("a referral");
    let payment = Command::Payment(Payment {
        customer: Customer { uid: Some(uid), ..Customer::default() },
        amount: Money::from_micros(100_000_000, Currency::EUR),
        base: None,
        attributes: Attributes::default(),
        sources: vec![Source::parse("ch_1").expect("a source")],
        subscription_id: None,
        interval: None,
        interval_count: None,
        occurred_at: None,
    });
    let paid =
        submit(&test.app, program, now, Ask::new(Operation::Native, payment)).await.expect("a payment");
    (program, paid.fact)
}

#[test]
fn a_history_is_explained_replayed_and_told_under_another_deal() {
    testkit::run(async |test| {
        let (program, paid) = history(&test).await;
        let (program, paid, secret) = (program.to_string(), paid.to_string(), "07".repeat(32));
        let house = ["--database-url", &test.database.url, "--secret", &secret];
        let with = |arguments: &[&str]| -> Vec<String> {
            arguments.iter().chain(&house).map(|argument| (*argument).to_owned()).collect()
        };
        let said = |arguments: &[&str]| {
            let all = with(arguments);
            print(&all.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let refused = |arguments: &[&str]| {
            let all = with(arguments);
            let output = run(&all.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(output.status.code(), Some(1), "{arguments:?}");
            (
                String::from_utf8_lossy(&output.stdout).into_owned(),
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )
        };

        // A program that is not there is not clean.
        let (printed, why) = refused(&["verify", "--program", "99"]);
        assert!(printed.is_empty() && why.contains("there is no program 99"), "{printed} {why}");

        let text = said(&["explain", &paid]);
        assert!(text.contains("20 % of 100.00 EUR") && text.contains("booked com_"), "{text}");
        let json: Value =
            serde_json::from_str(&said(&["explain", "--program", &program, "--fact", &paid, "--json"]))
                .expect("JSON");
        let commission = json["commissions"][0]["id"].as_str().expect("a commission");
        assert_eq!(json["worth"][0]["amount"], "20.00");
        assert!(said(&["explain", commission]).contains("20 % of 100.00 EUR"));
        assert!(
            refused(&["explain", "p1"])
                .1
                .contains("neither an event's id (fact_…) nor a commission's (com_…)")
        );
        let nobody = format!("fact_{}", "0".repeat(32));
        assert!(refused(&["explain", &nobody]).1.contains("in any program"));

        let deal = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/deals/saas-30-percent-then-10.toml");
        let ask = ["what-if", "--program", &program, "--deal", deal, "--json"];
        let answer: Value = serde_json::from_str(&said(&ask)).expect("JSON");
        let month = json!({
            "affiliate_id": 2, "month": "2025-01", "booked": "20.00", "would_be": "30.00", "difference": "10.00",
        });
        assert_eq!(answer, json!({ "currency": "EUR", "months": [month] }));
        let table = said(&["what-if", "--program", &program, "--deal", deal]);
        assert!(table.contains("2025-01             20.00             30.00             10.00"), "{table}");

        let replayed: Value =
            serde_json::from_str(&said(&["replay", "--program", &program, "--json"])).expect("JSON");
        assert_eq!((&replayed["clean"], &replayed["events"]), (&json!(true), &json!(2)));
        assert!(
            said(&["replay"])
                .starts_with(&format!("program {program}: clean\n    2 events of 1 referrals, "))
        );
        test.tamper("transfer", "amount_micros = amount_micros + 10000", "entry = 0").await;
        let (found, failure) = refused(&["replay"]);
        assert!(found.contains("booked is 20.01 EUR, the rules give 20.00 EUR"), "{found}");
        assert!(failure.contains("differences"), "{failure}");
        test.tamper("transfer", "amount_micros = amount_micros - 10000", "entry = 0").await;
    });
}
