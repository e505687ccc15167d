//! `refero period` as people run it, on the database of a product that works beside it.

use app::activity::Row;
use app::ingest::{Ask, submit};
use domain::command::{AffiliateName, Command, Operation, Registration};
use domain::fact::{Figures, Play};
use domain::fold::{Source, Truth};
use domain::text::{Slug, Uid};
use serde_json::{Value, json};

use crate::binary::{print, run};

#[test]
fn a_month_is_looked_at_and_closed() {
    testkit::run(async |test| {
        let now = test.at("2025-01-01T00:00:00Z");
        let terms = json!({
            "rules": [{ "on": "activity", "reward": { "percent_of_net_pnl": "30" } }], "negative_month": "carry",
        });
        let program = test.program(terms).await;
        test.affiliate(program, "ann").await;
        let caller = test.operator(program);
        let truth = Truth { deposits: Source::Rows, withdrawals: Source::Rows };
        app::brand::put(&test.app, &caller, "one", truth).await.expect("a brand");
        let player = Uid::parse("p1").expect("a uid");
        let registration = Command::Registration(Registration {
            other_affiliates: Vec::new(),
            attributes: domain::fact::Attributes::default(),
            affiliate: Some(AffiliateName::Slug(Slug::parse("ann").expect("a slug"))),
            clicks: Vec::new(),
            uid: Some(player.clone()),
            email: None,
            occurred_at: None,
        });
        submit(&test.app, program, now, Ask::new(Operation::Native, registration)).await.expect("a referral");
        test.at("2025-01-03T00:00:00Z");
        let figures = Figures { play: Play { pnl: -100_000_000, ..Play::default() }, ..Figures::default() };
        let day = "2025-01-02".parse().expect("a date");
        let row = Row { player, brand: "one".to_owned(), day, revision: None, figures };
        let answers =
            app::activity::record(&test.app, &test.operator(program), vec![row]).await.expect("a feed");
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");

        let (program, secret) = (program.to_string(), "07".repeat(32));
        let house = ["--database-url", &test.database.url, "--secret", &secret];
        let arguments = |month: &'static str, more: &[&'static str]| {
            let mut all = vec!["period", "close", "--program", &program, "--month", month];
            all.extend(house.iter().chain(more).copied());
            all.into_iter().map(str::to_owned).collect::<Vec<String>>()
        };
        let close = |more: &[&'static str]| {
            let arguments = arguments("2025-01", more);
            print(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let dry: Value = serde_json::from_str(&close(&["--dry-run", "--json"])).expect("JSON");
        let booking = &dry["bookings"][0];
        let said = (&booking["reason"], &booking["amount"], &booking["kind"]);
        assert_eq!(said, (&json!("carried"), &json!("30.00"), &json!("share")));
        let shown = close(&["--dry-run"]);
        assert_eq!(shown, "affiliate 2  deal 1  2025-01  carried  30.00 EUR\n1 would be booked\n");
        assert_eq!(close(&[]), "closed through 2025-01; something was due of 1 affiliates\n");
        let again: Value = serde_json::from_str(&close(&["--json"])).expect("JSON");
        assert_eq!(again, json!({ "month": "2025-01", "closed_through": "2025-01", "affiliates": 0 }));
        assert_eq!(close(&["--dry-run"]), "0 would be booked\n");
        let refused = |month: &'static str, expected: &str| {
            let arguments = arguments(month, &[]);
            let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && said.contains(expected), "{said}");
        };
        refused("2199-12", "month: 2199-12 has not ended");
        refused("2025-13", "\"2025-13\" is no month; expected one from 1970-01 to 2199-12, such as 2026-03");
    });
}
