//! Every way in which money goes back, with what commissions and balances come to, in cents computed by hand: the rows
//! of `refund_cases.txt`, run through the engine. `docs/REFUNDS.md` is that file as a page; this test writes it when
//! `REFERO_RENEW` is set, and fails when it says something else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::currency::Currency;
use domain::deal::Terms;
use domain::example::tell;
use domain::ids::AffiliateId;
use proptest::prelude::*;

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

/// Told backwards a history of facts alone comes to the same: refunds then wait for their payments.
#[test]
fn every_history_of_facts_comes_to_the_same_backwards() {
    let (deals, cases) = read();
    let deals: BTreeMap<&str, Terms> = deals.into_iter().collect();
    let is_fact = |statement: &str| {
        let first = statement.split_whitespace().next();
        matches!(first, Some("pay" | "refund" | "dispute" | "reg" | "churn" | "credit" | "withdraw"))
    };
    let mut told = 0;
    for case in &cases {
        let (settings, statements): (Vec<&str>, Vec<&str>) = case
            .history
            .split("; ")
            .partition(|statement| statement.starts_with("in ") || statement.starts_with("brought "));
        if !statements.iter().all(|statement| is_fact(statement)) {
            continue;
        }
        let backwards: Vec<&str> = settings.into_iter().chain(statements.into_iter().rev()).collect();
        let balances = |history: &str| {
            let program = tell(&deals[case.deal], Currency::EUR, history).expect(case.what);
            let of = |affiliate| program.books(AffiliateId(affiliate)).map(|books| books.balances().clone());
            [1, 2, 3].map(of)
        };
        assert_eq!(balances(&backwards.join("; ")), balances(case.history), "{}", case.what);
        told += 1;
    }
    assert!(told >= 60, "{told} histories are of facts alone");
}

proptest! {
    /// No input makes a panic, and the books agree whatever is told.
    #[test]
    fn whatever_is_told_the_books_agree(
        deal in 0_usize..26,
        told in prop::collection::vec((0_usize..22, 0_usize..4, 0_usize..6, 0_usize..6), 1..14)
    ) {
        let (deals, _) = read();
        let statements: Vec<String> = told.into_iter().map(statement).collect();
        let mut history = String::from("brought 1 by 2; brought 2 by 3");
        // What cannot be told is left out; it must be refused, not panic.
        for statement in &statements {
            let longer = format!("{history}; {statement}");
            if let Ok(program) = tell(&deals[deal % deals.len()].1, Currency::EUR, &longer) {
                prop_assert!(program.agrees(), "{longer}");
                history = longer;
            }
        }
    }
}

fn statement((verb, name, amount, day): (usize, usize, usize, usize)) -> String {
    let name = ["p1", "p2", "p3", "p4"][name];
    let amount = ["0", "0.01", "20", "99.99", "400", "1000000000000"][amount];
    let day = ["2026-03-01", "2026-03-31", "2026-04-01", "2026-05-15", "2027-03-01", "1970-01-01"][day];
    match verb {
        0 => format!("reg 1 {day}"),
        1..4 => format!("pay 1 {name} {amount} {day}"),
        4 => format!("pay 2 {name} {amount} net 20 {day}"),
        5 => format!("pay 1 {name} {amount} USD = 20 {day}"),
        6..8 => format!("refund {name} {amount} {day}"),
        8 => format!("refund {name} {amount} {day} as a"),
        9 => format!("refund {name} {amount} {day} as a failed"),
        10 => format!("dispute {name} {amount} {day} opened"),
        11 => format!("dispute {name} {amount} {day} won"),
        12 => format!("dispute {name} {amount} {day} lost"),
        13 => format!("row 1 {day} deposits {amount} pnl {amount}"),
        14 => format!("row 1 {day} pnl -{amount}"),
        15 => format!("at {day}"),
        16 => format!("close {}", &day[..7]),
        17 => format!("payout {amount}"),
        18 => "paid".to_owned(),
        19 => "failed".to_owned(),
        20 => "returned".to_owned(),
        _ => "again".to_owned(),
    }
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
        "pay 1 p1 100000000000000 2026-03-01",
        r#"in "pay 1 p1 100000000000000 2026-03-01": the amount 100000000000000 is above the limit of 1000000000000 units"#,
    );
}
