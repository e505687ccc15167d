//! Every way in which money goes back, with what commissions and balances come to, in cents computed by hand: the rows
//! of `refund_cases.txt`, run through the engine. `docs/REFUNDS.md` is that file as a page; this test writes it when
//! `REFERO_RENEW` is set, and fails when it says something else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::currency::Currency;
use domain::deal::Terms;
use domain::example::tell;

const CASES: &str = include_str!("refund_cases.txt");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/REFUNDS.md");

const OPENING: &str = "# Refunds, disputes and restated days

What commissions and balances come to when money goes back: every row is run through the engine by
`crates/domain/tests/it/refund_cases.rs`, and this page is written from its rows. To change it, change
`crates/domain/tests/it/refund_cases.txt` and run `REFERO_RENEW=1 cargo test -p domain refund_cases`.

The rules are three. What was returned of a payment is the sum of its refunds that did not fail and of its lost
disputes, at most the payment. A commission stands at C − round(C × returned / amount), gross over gross, rounded once.
It is taken from what is held while it is held, else from what is due, also below zero.

A commission is *pending* while held, *due* once released, *paid* when every line of it is settled by payouts, and
*rejected* when it stands at zero. The balance is what the program owes the affiliate: pending, due, in a payout and
carried. `pay 1 p1 100 2026-03-01` is a payment p1 of 100 by customer 1, `at` moves the clock, `close` closes a month,
`payout`, `paid`, `failed`, `cancelled` and `returned` are the steps of a payout; all statements are told in
`crates/domain/src/example.rs`. Where nothing else is said the program keeps its books in EUR.
";

struct Case<'a> {
    section: &'a str,
    what: &'a str,
    deal: &'a str,
    history: &'a str,
    expected: &'a str,
}

fn read() -> (Vec<(&'static str, Terms)>, Vec<Case<'static>>) {
    let (mut deals, mut cases, mut section) = (Vec::new(), Vec::new(), "");
    for line in CASES.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(heading) = line.strip_prefix("# ") {
            section = heading;
        } else if let Some(deal) = line.strip_prefix("= ") {
            let (name, terms) = deal.split_once(" | ").expect("a deal has a name and terms");
            let terms: Terms = serde_json::from_str(terms).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(terms.check(Currency::EUR), Ok(()), "{name}");
            deals.push((name, terms));
        } else {
            let cells: Vec<&str> = line.split(" | ").collect();
            let [what, deal, history, expected] = cells[..] else { panic!("not four cells: {line}") };
            cases.push(Case { section, what, deal, history, expected });
        }
    }
    (deals, cases)
}

#[test]
fn every_case_comes_to_what_the_table_says() {
    let (deals, cases) = read();
    let deals: BTreeMap<&str, Terms> = deals.into_iter().collect();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        let program = tell(&deals[case.deal], Currency::EUR, case.history);
        let program = program.unwrap_or_else(|problem| panic!("{}: {problem}", case.what));
        assert!(program.agrees(), "{}: every row sums to zero, unclaimed lines are what is due", case.what);
        let standing = program.standing();
        if standing != case.expected {
            writeln!(wrong, "{}\n  expected {}\n  found    {standing}", case.what, case.expected)
                .expect("text");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_page_says_what_the_cases_say() {
    let (deals, cases) = read();
    let mut page = OPENING.to_owned();
    let mut section = "";
    for (index, case) in cases.iter().enumerate() {
        if case.section != section {
            section = case.section;
            write!(page, "\n## {section}\n\n| | what happens | deal | in statements | comes to |\n")
                .expect("text");
            page.push_str("|---|---|---|---|---|\n");
        }
        let Case { what, deal, history, expected, .. } = case;
        writeln!(page, "| {} | {what} | {deal} | `{history}` | {expected} |", index + 1).expect("text");
    }
    page.push_str("\n## The deals\n\n| deal | terms |\n|---|---|\n");
    for (name, terms) in deals {
        writeln!(page, "| {name} | {} |", terms.sentences(Currency::EUR).join(" ")).expect("text");
    }
    if std::env::var_os("REFERO_RENEW").is_some() {
        std::fs::write(PAGE, &page).expect("docs/REFUNDS.md is written");
    }
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(found == page, "docs/REFUNDS.md says something else; REFERO_RENEW=1 rewrites it");
}

#[test]
fn a_history_that_cannot_be_told_is_refused_with_the_statement() {
    let terms = Terms::default();
    let refused = |history: &str, expected: &str| {
        let problem = tell(&terms, Currency::EUR, history).expect_err(history);
        assert_eq!(problem.to_string(), expected);
    };
    refused("pay 1 p1", r#"in "pay 1 p1": this is no statement"#);
    refused(
        "pay 1 p1 9 2026-03-01; pay 1 p1 9 2026-03-01",
        r#"in "pay 1 p1 9 2026-03-01": p1 is known already; `again` delivers the last fact once more"#,
    );
    refused("payout 5", r#"in "payout 5": payable is 0.00; a payout is above 0 and at most that"#);
    refused("paid", r#"in "paid": the newest payout is not Requested"#);
    refused("close 2026-13", r#"in "close 2026-13": 2026-13 is no month such as 2026-03"#);
    refused(
        "reg one 2026-03-01",
        r#"in "reg one 2026-03-01": one is not a number of a customer or affiliate"#,
    );
    refused(
        "row 1 2026-03-01 luck 7",
        r#"in "row 1 2026-03-01 luck 7": luck is no figure of a player's day"#,
    );
    refused(
        "pay 1 p1 1e20 2026-03-01",
        r#"in "pay 1 p1 1e20 2026-03-01": the amount 1e20 is above the limit of 1000000000000 units"#,
    );
}
