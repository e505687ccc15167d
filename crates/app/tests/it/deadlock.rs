//! The one lock order (engineering.md §1): everything that moves money, at once, on few affiliates, from two processes
//! with eight connections between them, for a fixed number of operations. No deadlock, and the books are right.

use std::sync::atomic::{AtomicU64, Ordering};

use app::adjustment::NewAdjustment;
use app::ingest::{Ask, submit_many};
use app::payout::{NewPayout, Rail, match_advances, take_step};
use app::program::{Changes, PayoutMode};
use app::{App, Caller, Error};
use domain::command::{AffiliateName, Command, Operation, Refused, Registration};
use domain::ids::{AffiliateId, ReferralId};
use domain::money::MICROS;
use domain::payout::Step;
use domain::text::Uid;
use futures_util::future::{BoxFuture, join_all};

use crate::doors::{at, eur, payment, percent, refund};

const AFFILIATES: usize = 20;
const CUSTOMERS: usize = 3 * AFFILIATES;
const CONNECTIONS: u32 = 4;
const BATCHES: usize = 50;
const ROUNDS: usize = 25;

/// What the operations work on.
struct Field {
    app: App,
    caller: Caller,
    affiliates: Vec<AffiliateId>,
    referrals: Vec<ReferralId>,
    dice: AtomicU64,
}

impl Field {
    /// Numbers that look random; which of the operations gets which is left to chance.
    fn dice(&self, below: usize) -> usize {
        let mixed = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    }

    fn affiliate(&self) -> AffiliateId {
        self.affiliates[self.dice(AFFILIATES)]
    }

    /// Batches of payments and refunds over many customers, in no order; some refunds come before their payments.
    async fn ingest(&self, stream: usize) {
        for batch in 0..BATCHES {
            let asks = (0..20).map(|_| {
                let source = format!("ch_{stream}_{}", self.dice(BATCHES * 10));
                let command = match self.dice(3) {
                    0 => refund(
                        &source,
                        Some(&format!("re_{stream}_{batch}_{}", self.dice(1000))),
                        Some(eur("0.5")),
                    ),
                    _ => at(payment(&customer(self.dice(CUSTOMERS)), &source, eur("10")), day(self.dice(4))),
                };
                Ask { park: true, ..Ask::new(Operation::Native, command) }
            });
            for answer in submit_many(&self.app, self.caller.program, self.caller.now, asks.collect()).await {
                match answer {
                    // The dice may name a source again, with other money.
                    Ok(_) | Err(Refused::OtherMoney { .. } | Refused::KeyReused(_)) => {}
                    Err(refused) => panic!("ingest: {refused}"),
                }
            }
        }
    }

    async fn release(&self) {
        for _ in 0..ROUNDS {
            app::release::run_due(&self.app, self.caller.program, self.caller.now).await.expect("a release");
        }
    }

    /// Requests payouts and takes each through steps that end it.
    async fn pay_out(&self) {
        for _ in 0..ROUNDS {
            let rail = if self.dice(4) == 0 { Rail::Smartico } else { Rail::Native };
            let amount_micros = (rail == Rail::Smartico).then_some(3 * MICROS);
            let new = NewPayout {
                rail,
                affiliate: self.affiliate(),
                amount_micros,
                period: (None, None),
                operator_comments: None,
                payment_details: None,
                send_mail: false,
            };
            let payout = match app::payout::create(&self.app, &self.caller, None, new).await {
                Ok((payout, _)) => payout,
                Err(Error::Conflict { code: "above_payable", .. }) => continue,
                Err(error) => panic!("payout: {error}"),
            };
            let ways: [&[Step]; 4] = [
                &[Step::Approve, Step::Process, Step::Pay],
                &[Step::Approve, Step::Pay, Step::Return],
                &[Step::Approve, Step::Fail],
                &[Step::Cancel],
            ];
            for step in ways[self.dice(ways.len())] {
                match take_step(&self.app, &self.caller, payout.id, *step).await {
                    Ok(_) | Err(Error::Conflict { code: "step_refused", .. }) => {}
                    Err(error) => panic!("{step:?}: {error}"),
                }
            }
        }
    }

    async fn match_advances(&self) {
        for _ in 0..ROUNDS {
            match_advances(&self.app, self.caller.program, self.caller.now).await.expect("a round");
        }
    }

    async fn adjust(&self) {
        for round in 0..ROUNDS {
            let amount_micros = if round % 3 == 0 { -MICROS } else { 2 * MICROS };
            let new =
                NewAdjustment { affiliate: self.affiliate(), amount_micros, reason: "bonus".to_owned() };
            app::adjustment::create(&self.app, &self.caller, "v1.adjustment", None, new)
                .await
                .expect("an adjustment");
        }
    }

    /// Changes decisions, for which everything else must wait, and takes back what a few referrals have earned.
    async fn decide(&self) {
        for round in 0..ROUNDS {
            let changes =
                Changes { payout_threshold_micros: Some(round as i64 * MICROS), ..Changes::default() };
            app::program::update(&self.app, &self.caller, changes).await.expect("a setting");
            if round % 5 == 0 {
                let referral = self.referrals[self.dice(CUSTOMERS)];
                app::referral::reject(&self.app, &self.caller, referral, "fraud").await.expect("a rejection");
            }
        }
    }

    /// All of it at once.
    async fn everything(&self, process: usize) {
        let streams: Vec<BoxFuture<'_, ()>> = vec![
            Box::pin(self.ingest(process)),
            Box::pin(self.ingest(process)),
            Box::pin(self.release()),
            Box::pin(self.release()),
            Box::pin(self.pay_out()),
            Box::pin(self.pay_out()),
            Box::pin(self.match_advances()),
            Box::pin(self.adjust()),
            Box::pin(self.decide()),
        ];
        join_all(streams).await;
    }
}

fn customer(number: usize) -> String {
    format!("cus_{number}")
}

/// Days before the clock of the tests: the holds of some are over, of others not.
fn day(number: usize) -> &'static str {
    ["2026-05-20T10:00:00Z", "2026-05-29T10:00:00Z", "2026-05-30T10:00:00Z", "2026-06-01T09:00:00Z"][number]
}

#[test]
fn everything_at_once_on_twenty_affiliates_meets_no_deadlock() {
    testkit::run(async |test| {
        let program = test.program(percent("20", 2)).await;
        let caller = test.operator(program);
        let changes = Changes { payout_mode: Some(PayoutMode::ThreeStep), ..Changes::default() };
        app::program::update(&test.app, &caller, changes).await.expect("three steps");
        let mut affiliates = Vec::new();
        for number in 0..AFFILIATES {
            affiliates.push(test.affiliate(program, &format!("affiliate-{number}")).await);
        }
        let registrations = (0..CUSTOMERS).map(|number| {
            let command = Command::Registration(Registration {
                other_affiliates: Vec::new(),
                attributes: domain::fact::Attributes::default(),
                affiliate: Some(AffiliateName::Id(affiliates[number % AFFILIATES])),
                clicks: Vec::new(),
                uid: Some(Uid::parse(&customer(number)).expect("a uid")),
                email: None,
                occurred_at: None,
            });
            Ask::new(Operation::Native, at(command, "2026-05-01T00:00:00Z"))
        });
        let answers = submit_many(&test.app, program, caller.now, registrations.collect()).await;
        let referrals: Vec<ReferralId> = answers
            .into_iter()
            .map(|answer| answer.expect("a referral").referral.expect("a referral"))
            .collect();

        let mut processes = Vec::new();
        for number in 0..2 {
            processes.push(Field {
                app: test.beside(CONNECTIONS).await,
                caller,
                affiliates: affiliates.clone(),
                referrals: referrals.clone(),
                dice: AtomicU64::new(number),
            });
        }
        tokio::join!(processes[0].everything(0), processes[1].everything(1));
        for process in processes {
            process.app.stop().await;
        }
        assert_eq!(test.deadlocks(4).await, 0);
        let moved = test.count_rows("transfer").await;
        assert!(moved > 1_000, "only {moved} transfers");
    });
}
