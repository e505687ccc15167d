//! Convergence (money.md §1): the same facts in any order and however often end in equal standings and totals, also with
//! months that were closed in between, rates that came late and days that were restated.

use app::ingest::{Ask, submit_many};
use domain::command::{Command, Operation, Refused};
use domain::fact::{DisputeState, Figures, Play};
use domain::fold::{Source, Truth};
use domain::ids::ProgramId;
use domain::ledger::Account;
use domain::money::Money;
use domain::text::Key;
use testkit::TestApp;

use crate::doors::{at, churn, customer, dispute, payment, refund, registration};

/// Histories, and orders in which each is delivered.
const HISTORIES: usize = 1000;
const ORDERS: usize = 6;

/// SplitMix64: the same numbers from the same seed, for ever.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index as u64 + 1) as usize);
        }
    }
}

/// The facts of one referral: a registration, payments, partial refunds, churn.
fn history(draw: &mut Draw, customer: usize) -> Vec<Ask> {
    let uid = format!("cus_{customer}");
    let day = |draw: &mut Draw| {
        let (month, day, hour) = (1 + draw.below(5), 1 + draw.below(28), draw.below(24));
        format!("2026-{month:02}-{day:02}T{hour:02}:00:00Z")
    };
    let mut asks = vec![(format!("{uid}-reg"), at(registration(&uid), "2026-01-01T00:00:00Z"))];
    for number in 0..draw.below(6) {
        let source = format!("{uid}-ch{number}");
        let cents = 1 + draw.below(50_000) as i64;
        let amount = |cents: i64| Money::from_micros(cents * 10_000, domain::currency::Currency::EUR);
        asks.push((source.clone(), at(payment(&uid, &source, amount(cents)), &day(draw))));
        for part in 0..draw.below(3) {
            let back = 1 + draw.below(cents as u64) as i64;
            let id = format!("{source}-re{part}");
            asks.push((id.clone(), at(refund(&source, Some(&id), Some(amount(back))), &day(draw))));
        }
    }
    if draw.below(3) == 0 {
        asks.push((format!("{uid}-churn"), at(churn(&uid), &day(draw))));
    }
    let asked = |(key, command): (String, Command)| Ask {
        key: Some(Key::parse(&key).expect("a key")),
        park: true,
        ..Ask::new(Operation::Native, command)
    };
    asks.into_iter().map(asked).collect()
}

async fn deliver(test: &TestApp, program: ProgramId, histories: &[Vec<Ask>], order: usize) {
    let mut draw = Draw(order as u64);
    let mut asks: Vec<Ask> = histories.iter().flatten().cloned().collect();
    if order > 0 {
        draw.shuffle(&mut asks);
        let twice: Vec<Ask> = asks.iter().filter(|_| draw.below(4) == 0).cloned().collect();
        asks.extend(twice);
        draw.shuffle(&mut asks);
    }
    for chunk in asks.chunks(1500) {
        let answers = submit_many(&test.app, program, test.app.now(), chunk.to_vec()).await;
        for (ask, answer) in chunk.iter().zip(answers) {
            answer.unwrap_or_else(|refused| panic!("order {order}: {ask:?}: {refused}"));
        }
    }
}

#[test]
fn a_thousand_histories_in_six_orders_end_the_same() {
    let terms = serde_json::json!({ "rules": [
        { "on": "registration", "reward": { "flat": "1.50" } },
        { "on": "payment", "when": { "occurrence": "first" }, "reward": { "flat": "10" } },
        { "on": "payment", "reward": { "percent": "12.5" }, "limits": { "payments": 3 } },
        { "on": "payment", "reward": { "percent": "3" }, "limits": { "months": 2 } },
    ]});
    let mut draw = Draw(20_260_601);
    let histories: Vec<Vec<Ask>> =
        (0..HISTORIES).map(|customer_number| history(&mut draw, customer_number)).collect();
    assert!(histories.len() == HISTORIES && customer("x").uid.is_some());
    testkit::run(async |test| {
        let mut first: Option<Vec<String>> = None;
        for order in 0..ORDERS {
            let program = test.program(terms.clone()).await;
            test.affiliate(program, "ann").await;
            deliver(&test, program, &histories, order).await;
            let state = test.end_state(program).await;
            assert!(state.len() > HISTORIES, "too little happened: {}", state.len());
            match &first {
                None => first = Some(state),
                Some(first) => {
                    let only = |these: &[String], those: &[String]| -> Vec<String> {
                        these.iter().filter(|line| !those.contains(line)).take(20).cloned().collect()
                    };
                    let (lost, made) = (only(first, &state), only(&state, first));
                    assert!(
                        lost.is_empty() && made.is_empty(),
                        "order {order}: lost {lost:#?}, made {made:#?}"
                    );
                }
            }
        }
    });
}

/// Everything that may depend on an order: tiers, caps, milestones and a negative month, refunds and a dispute, rates and
/// restated rows.
const CLOSING: &str = r#"{"rules": [
    {"on": "payment", "reward": {"percent": "20"}, "limits": {"per_month": "150", "per_affiliate": "300"},
     "tiers": {"by": "revenue", "steps": [{"from": "400", "reward": {"percent": "30"}}]}},
    {"on": "first_deposit", "reward": {"flat": "10"}},
    {"on": "qualified_deposit", "reward": {"flat": "25"}},
    {"on": "activity", "reward": {"percent_of_net_pnl": "30"}}
 ], "qualification": {"baseline": "total_deposits", "amount": "100", "within_days": 20}, "unqualify": "always",
 "milestones": [{"by": "first_deposits", "from": "3", "bonus": "50"}], "negative_month": "carry"}"#;

/// The rates of the business days of two months, or of every second of them.
fn rates(now_and_then: bool) -> String {
    let mut file = "date,currency,rate\n".to_owned();
    let first = chrono::NaiveDate::from_ymd_opt(2026, 2, 26).expect("a date");
    for (number, day) in
        first.iter_days().take(90).enumerate().filter(|(_, day)| domain::exchange::is_business_day(*day))
    {
        if !now_and_then || number % 2 == 0 {
            file += &format!("{day},USD,1.{:04}\n", 700 + number * 13);
        }
    }
    file
}

/// What a customer does in three months: told as facts and as rows of days.
fn months_of(draw: &mut Draw, customer: usize) -> (Vec<Ask>, Vec<app::activity::Row>) {
    let uid = format!("cus_{customer}");
    let day = |draw: &mut Draw| {
        let (month, day, hour) = (3 + draw.below(3), 1 + draw.below(28), draw.below(24));
        format!("2026-{month:02}-{day:02}T{hour:02}:00:00Z")
    };
    let mut asks = vec![(format!("{uid}-reg"), at(registration(&uid), "2026-03-01T00:00:00Z"))];
    for number in 0..draw.below(6) {
        let source = format!("{uid}-ch{number}");
        let currency = if draw.below(3) == 0 { "USD" } else { "EUR" };
        let cents = 1 + draw.below(20_000) as i64;
        let amount = |cents: i64| Money::from_micros(cents * 10_000, currency.parse().expect("a currency"));
        asks.push((source.clone(), at(payment(&uid, &source, amount(cents)), &day(draw))));
        for part in 0..draw.below(3) {
            let back = 1 + draw.below(cents as u64) as i64;
            let id = format!("{source}-re{part}");
            asks.push((id.clone(), at(refund(&source, Some(&id), Some(amount(back))), &day(draw))));
        }
        if draw.below(8) == 0 {
            let id = format!("{source}-dp");
            let lost = dispute(DisputeState::Lost, &source, &id, Some(amount(cents)));
            asks.push((id.clone(), at(lost, &day(draw))));
        }
    }
    let asked = |(key, command): (String, Command)| Ask {
        key: Some(Key::parse(&key).expect("a key")),
        park: true,
        ..Ask::new(Operation::Native, command)
    };
    let mut rows = Vec::new();
    for number in 0..draw.below(5) {
        let day = format!("2026-{:02}-{:02}", 3 + number % 3, 1 + number * 5 + draw.below(5));
        let day = day.parse().expect("a date");
        for revision in 1..=1 + draw.below(3) {
            let pnl = draw.below(40_000) as i64 * 10_000 - 250_000_000;
            let figures = Figures { play: Play { pnl, ..Play::default() }, ..Figures::default() };
            let player = domain::text::Uid::parse(&uid).expect("a uid");
            rows.push(app::activity::Row {
                player,
                brand: "main".to_owned(),
                day,
                revision: Some(revision),
                figures,
            });
        }
    }
    (asks.into_iter().map(asked).collect(), rows)
}

/// Delivers everything in an order of its own, with closes and files of rates in between, and says what it came to.
async fn live(test: &TestApp, order: u64) -> Vec<String> {
    test.at("2026-03-01T00:00:00Z");
    let program = test.program(serde_json::from_str(CLOSING).expect("terms")).await;
    let ann = test.affiliate(program, "ann").await;
    test.at("2026-06-10T12:00:00Z");
    let caller = test.operator(program);
    let truth = Truth { deposits: Source::Events, withdrawals: Source::Events };
    app::brand::put(&test.app, &caller, "main", truth).await.expect("a brand");
    let mut history = Draw(77);
    let (mut asks, mut rows) = (Vec::new(), Vec::new());
    for customer in 0..25 {
        let (more_asks, more_rows) = months_of(&mut history, customer);
        asks.extend(more_asks);
        rows.extend(more_rows);
    }
    let mut draw = Draw(order);
    if order > 0 {
        let twice: Vec<Ask> = asks.iter().filter(|_| draw.below(4) == 0).cloned().collect();
        asks.extend(twice);
        draw.shuffle(&mut asks);
        draw.shuffle(&mut rows);
    }
    let import = async |now_and_then: bool| {
        let file = rates(now_and_then);
        let euro = domain::currency::Currency::EUR;
        app::rates::import(&test.app, caller.now, file.as_bytes(), euro).await.expect("rates");
        app::jobs::run_once(&test.app, caller.now).await.expect("a run");
    };
    let close = async |month: &str| {
        app::period::close(&test.app, &caller, month.parse().expect("a month")).await.expect("a close");
    };
    let parts = if order == 0 { 1 } else { 4 };
    for part in 0..parts {
        let of = |length: usize| length * part / parts..length * (part + 1) / parts;
        for answer in submit_many(&test.app, program, caller.now, asks[of(asks.len())].to_vec()).await {
            answer.expect("a fact");
        }
        let answers = app::activity::record(&test.app, &caller, rows[of(rows.len())].to_vec()).await;
        for answer in answers.expect("a feed") {
            assert!(matches!(answer, Ok(_) | Err(Refused::Stale { .. })), "{answer:?}");
        }
        match (part, order % 3) {
            (1, 1) => close("2026-03").await,
            (1, 2) => import(true).await,
            (2, 1 | 2) => close("2026-04").await,
            (2, _) if order > 0 => import(false).await,
            _ => {}
        }
        app::period::run_due(&test.app, program, caller.now).await.expect("late months");
    }
    import(false).await;
    close("2026-05").await;
    app::jobs::run_once(&test.app, caller.now).await.expect("a run");
    let mut state = test.end_state(program).await;
    let balances = app::balance::of_affiliate(&test.app, &caller, ann).await.expect("balances");
    for account in Account::ALL {
        state.push(format!("{} {}", account.name(), balances[0].balances.get(account)));
    }
    let rows = app::period::page(&test.app, &caller, None, None, None, 100).await.expect("months");
    state.extend(rows.iter().map(|row| format!("{} {:?} {:?}", row.month, row.posted, row.chain)));
    state
}

#[test]
fn months_closed_in_between_and_rates_that_come_late_end_the_same() {
    let states = std::sync::Mutex::new(Vec::new());
    for order in 0..5 {
        testkit::run(async |test| {
            let state = live(&test, order).await;
            states.lock().expect("no other test holds it").push((order, state));
        });
    }
    let states = states.into_inner().expect("no other test holds it");
    let (_, first) = &states[0];
    assert!(first.len() > 60, "too little happened: {first:#?}");
    for (order, state) in &states[1..] {
        let lost: Vec<_> = first.iter().filter(|line| !state.contains(line)).take(20).collect();
        let made: Vec<_> = state.iter().filter(|line| !first.contains(line)).take(20).collect();
        assert!(lost.is_empty() && made.is_empty(), "order {order}: lost {lost:#?}, made {made:#?}");
    }
}
