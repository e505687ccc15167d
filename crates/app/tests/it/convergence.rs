//! Convergence (money.md §1): the same facts in any order and however often end in equal standings and totals.

use app::ingest::{Ask, submit_many};
use domain::command::{Command, Operation};
use domain::ids::ProgramId;
use domain::money::Money;
use domain::text::Key;
use testkit::TestApp;

use crate::doors::{at, churn, customer, payment, refund, registration};

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
    let histories: Vec<Vec<Ask>> = (0..HISTORIES).map(|customer_number| history(&mut draw, customer_number)).collect();
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
                    assert!(lost.is_empty() && made.is_empty(), "order {order}: lost {lost:#?}, made {made:#?}");
                }
            }
        }
    });
}
