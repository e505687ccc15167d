//! The client of the simulation: calls the verbs, loses its connections or its whole process in the middle of some, and then
//! asks again in the same words, as clients do. Nothing here decides what should come of it.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use app::ingest::Answer;
use app::payout::{NewPayout, Rail};
use app::{App, Caller, Error};
use domain::command::Refused;
use domain::ids::{AffiliateId, CommissionId, DealId, FactId, PayoutId, ProgramId, ReferralId};
use domain::ledger::{Account, Kind as Sort};
use domain::payout::{State, Step};
use domain::text::Key;
use domain::time::Period;

use super::asks::{ask, row, timestamp};
use super::auditor::{Books, Commission, Kind, Payout};
use super::severed::{Cut, Wire};
use super::words::{Fact, Instant, Said};
use crate::TestApp;

/// The one brand of the feed.
pub(crate) const BRAND: &str = "main";

/// How often a client asks again.
const ATTEMPTS: usize = 50;

/// How long the product may take for an answer, of whatever kind, before the simulation fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What goes wrong while a call is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The process ends at a statement, and another one carries on.
    Crash(Cut),
    /// PostgreSQL ends every session.
    Sessions,
}

/// A process of the product on a wire of its own.
struct Process {
    app: App,
    wire: Wire,
}

/// The client.
pub(crate) struct Client<'a> {
    test: &'a TestApp,
    process: Process,
    pub(crate) program: ProgramId,
    pub(crate) affiliates: Vec<AffiliateId>,
    pub(crate) deals: Vec<DealId>,
    customers: BTreeMap<ReferralId, String>,
    facts: BTreeMap<FactId, (String, String)>,
    keys: u64,
    /// Whether anything went wrong since jobs were last taken over.
    is_troubled: bool,
}

impl<'a> Client<'a> {
    /// A client of a program.
    pub(crate) async fn new(test: &'a TestApp, program: ProgramId) -> Client<'a> {
        Client {
            process: Process::start(test).await,
            test,
            program,
            affiliates: Vec::new(),
            deals: Vec::new(),
            customers: BTreeMap::new(),
            facts: BTreeMap::new(),
            keys: 0,
            is_troubled: false,
        }
    }

    /// The process, to be called without faults.
    pub(crate) fn app(&self) -> &App {
        &self.process.app
    }

    /// A caller for the program at an instant, to which the clock is put.
    pub(crate) fn caller(&self, now: Instant) -> Caller {
        self.test.clock.set(timestamp(now));
        Caller::operator(self.program, timestamp(now))
    }

    /// A key that no other request has.
    pub(crate) fn key(&mut self) -> Key {
        self.keys += 1;
        Key::parse(&format!("request-{}", self.keys)).expect("a key")
    }

    /// Calls until there is an answer, whatever goes wrong.
    pub(crate) async fn call<T, F>(&mut self, fault: Fault, call: impl Fn(App) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.is_troubled |= fault != Fault::None;
        match fault {
            Fault::None => {}
            Fault::Crash(cut) => {
                self.process.wire.arm(cut);
                let mut task = tokio::spawn(call(self.process.app.clone()));
                let answer = async {
                    tokio::select! {
                        answer = &mut task => answer.ok(),
                        () = self.process.wire.wait_until_cut() => None,
                    }
                };
                let answer = in_time("a call that a crash may end", answer).await;
                task.abort();
                if self.process.wire.disarm().await {
                    self.restart().await;
                }
                // What was answered before the end was committed before it.
                if let Some(answer) = answer.filter(|answer| !is_busy(answer)) {
                    return answer;
                }
            }
            Fault::Sessions => {
                let task = tokio::spawn(call(self.process.app.clone()));
                self.test.terminate_sessions().await;
                let answer = in_time("a call whose sessions are ended", task).await;
                if let Some(answer) = answer.ok().filter(|answer| !is_busy(answer)) {
                    return answer;
                }
            }
        }
        let attempts = async {
            for _ in 0..ATTEMPTS {
                let answer = call(self.process.app.clone()).await;
                if !is_busy(&answer) {
                    return answer;
                }
            }
            Err(Error::Unavailable)
        };
        in_time("a call", attempts).await
    }

    /// Reads until there is an answer: connections that a fault has ended are found out one by one.
    async fn read<T>(&self, read: impl AsyncFn(&App) -> Result<T, Error>) -> T {
        let attempts = async {
            for _ in 0..ATTEMPTS {
                let answer = read(&self.process.app).await;
                if !is_busy(&answer) {
                    return answer.expect("an answer");
                }
            }
            panic!("no answer");
        };
        in_time("a read", attempts).await
    }

    async fn restart(&mut self) {
        let Process { app, wire } = std::mem::replace(&mut self.process, Process::start(self.test).await);
        drop(wire);
        // Without its wire it can do nothing any more; its tasks end by themselves.
        tokio::spawn(async move { app.stop().await });
    }

    /// Ends the process in order. The one of the test itself finds out which of its connections faults have ended.
    pub(crate) async fn stop(self) {
        in_time("the stop", self.process.app.stop()).await;
        for _ in 0..3 {
            let app = &self.test.app;
            tokio::join!(app.is_ready(), app.is_ready(), app.is_ready(), app.is_ready());
        }
    }

    /// Tells facts, some of them perhaps again, and answers which were taken. Rows of the feed go by themselves.
    pub(crate) async fn tell(&mut self, now: Instant, fault: Fault, facts: &[(Fact, String)]) -> Vec<Fact> {
        let caller = self.caller(now);
        let is_row = |fact: &Fact| matches!(fact.said, Said::Reported { .. });
        let (rows, others): (Vec<_>, Vec<_>) = facts.iter().cloned().partition(|(fact, _)| is_row(fact));
        let asks: Vec<_> = others.iter().filter_map(|(fact, key)| ask(fact, &self.affiliates, key)).collect();
        let told: Vec<_> = rows.iter().filter_map(|(fact, _)| row(fact)).collect();
        let mut answers = Vec::new();
        if !asks.is_empty() {
            let answer = self.call(fault, move |app| {
                let asks = asks.clone();
                async move { settled(app::ingest::submit_many(&app, caller.program, caller.now, asks).await) }
            });
            answers.extend(answer.await.expect("an answer to every fact"));
        }
        if !told.is_empty() {
            let answer = self.call(fault, move |app| {
                let told = told.clone();
                async move { settled(app::activity::record(&app, &caller, told).await?) }
            });
            answers.extend(answer.await.expect("an answer to every row"));
        }
        let mut taken = Vec::new();
        for ((fact, _), answer) in others.iter().chain(&rows).zip(answers) {
            match answer {
                Ok(recorded) => {
                    if let Said::Registered { .. } = fact.said
                        && let Some(referral) = recorded.referral
                    {
                        self.customers.insert(referral, fact.customer.clone());
                    }
                    if let Said::Paid { name, .. } = &fact.said {
                        self.facts.insert(recorded.fact, (fact.customer.clone(), name.clone()));
                    }
                    taken.push(fact.clone());
                }
                Err(Refused::AlreadyReferred(_)) if matches!(fact.said, Said::Registered { .. }) => {}
                Err(Refused::Stale { .. }) if is_row(fact) => {}
                Err(refused) => panic!("{fact:?}: {refused}"),
            }
        }
        taken
    }

    /// Tells a fact that must be refused with a code.
    pub(crate) async fn tell_in_vain(&mut self, now: Instant, fact: &Fact, key: &str, code: &str) {
        let caller = self.caller(now);
        let ask = ask(fact, &self.affiliates, key).expect("no row of the feed");
        let answer = self.call(Fault::None, move |app| {
            let ask = ask.clone();
            async move { Ok(app::ingest::submit(&app, caller.program, caller.now, ask).await?) }
        });
        let refused = answer.await.expect_err("a refusal");
        assert_eq!(refused.code(), code, "{fact:?}: {refused}");
    }

    /// Asks for a payout, of all that is payable unless an amount is given, and answers its id, amount and state.
    pub(crate) async fn pay_out(
        &mut self,
        now: Instant,
        fault: Fault,
        affiliate: usize,
        beyond: Option<i64>,
    ) -> Result<(i64, i64, Payout), Error> {
        let (caller, key) = (self.caller(now), self.key());
        let new = NewPayout {
            rail: if beyond.is_some() { Rail::Smartico } else { Rail::Native },
            affiliate: self.affiliates[affiliate],
            amount_micros: beyond,
            period: (None, None),
            operator_comments: None,
            payment_details: None,
            send_mail: false,
        };
        let answer = self.call(fault, move |app| {
            let (key, new) = (key.clone(), new.clone());
            async move { app::payout::create(&app, &caller, Some(&key), new).await }
        });
        let (row, _) = answer.await?;
        Ok((row.id.0, row.amount_micros, payout_state(row.state)))
    }

    /// Takes a step with a payout.
    pub(crate) async fn step(
        &mut self,
        now: Instant,
        fault: Fault,
        id: i64,
        step: Step,
    ) -> Result<Payout, Error> {
        let caller = self.caller(now);
        let answer = self.call(fault, move |app| async move {
            app::payout::take_step(&app, &caller, PayoutId(id), step).await
        });
        Ok(payout_state(answer.await?.state))
    }

    /// A referral by the customer's name.
    pub(crate) fn referral(&self, customer: &str) -> Option<ReferralId> {
        self.customers.iter().find(|(_, name)| *name == customer).map(|(id, _)| *id)
    }

    /// Commissions on payments that a reviewer may reject: id, customer, payment.
    pub(crate) async fn reviewable(&self, now: Instant) -> Vec<(CommissionId, String, String)> {
        let rows = self.list(now).await;
        let own = rows.into_iter().filter(|row| row.kind != Sort::SubAffiliate.code());
        let known = own.filter_map(|row| {
            let (customer, fact) = self.facts.get(&FactId(row.fact_id))?;
            Some((CommissionId(row.id), customer.clone(), fact.clone()))
        });
        let mut known: Vec<_> = known.collect();
        known.sort_by(|a, b| (&a.1, &a.2).cmp(&(&b.1, &b.2)));
        known.dedup_by(|a, b| (&a.1, &a.2) == (&b.1, &b.2));
        known
    }

    async fn list(&self, now: Instant) -> Vec<app::commission::CommissionView> {
        let filter = app::commission::Filter::default();
        let caller = self.caller(now);
        let rows = self.read(async |app| app::commission::list(app, &caller, &filter, 1_000_000).await).await;
        rows.into_iter().filter(|row| row.standing_micros != 0).collect()
    }

    /// What the product says that stands: by customer, rule and affiliate.
    pub(crate) async fn commissions(
        &self,
        now: Instant,
    ) -> BTreeMap<(String, usize, usize), Vec<Commission>> {
        let mut found: BTreeMap<_, Vec<Commission>> = BTreeMap::new();
        for row in self.list(now).await {
            let customer = self.customers.get(&ReferralId(row.referral_id)).cloned();
            let affiliate = self.affiliates.iter().position(|id| id.0 == row.affiliate_id);
            let key = (
                customer.expect("a known customer"),
                row.rule.unsigned_abs().into(),
                affiliate.expect("one of ours"),
            );
            let is_held = row.released_at.is_none() || row.disputed;
            found.entry(key).or_default().push((row.standing_micros.into(), is_held));
        }
        found.values_mut().for_each(|list| list.sort_unstable());
        found
    }

    /// What the product says of an affiliate's account.
    pub(crate) async fn books(&self, now: Instant, affiliate: usize) -> Books {
        let (id, caller) = (self.affiliates[affiliate], self.caller(now));
        let rows = self.read(async |app| app::balance::of_affiliate(app, &caller, id).await).await;
        assert!(rows.len() <= 1, "books in one currency");
        let mut books = Books::default();
        let Some(row) = rows.first() else { return books };
        let kinds = [
            (Kind::Lead, Sort::Lead),
            (Kind::Acquisition, Sort::Acquisition),
            (Kind::Share, Sort::Share),
            (Kind::SubAffiliate, Sort::SubAffiliate),
        ];
        for (kind, sort) in kinds {
            books.earned.insert(kind, -row.balances.get(Account::Earned(sort)));
            books.pending.insert(kind, row.balances.get(Account::Pending(sort)));
            books.carried.insert(kind, row.balances.get(Account::Carried(sort)));
        }
        books.adjustments = -row.balances.get(Account::Adjustments);
        books.due = row.balances.get(Account::Due);
        books.in_payout = row.balances.get(Account::InPayout);
        books.paid = row.balances.get(Account::Paid);
        books.trimmed()
    }

    /// Every closed month.
    pub(crate) async fn months(&self, now: Instant) -> Vec<app::period::PeriodRow> {
        let caller = self.caller(now);
        self.read(async |app| app::period::page(app, &caller, None, None, None, 1_000_000).await).await
    }

    /// Does jobs that a process which is gone had begun.
    pub(crate) async fn take_over_jobs(&mut self, now: domain::time::Timestamp) {
        if std::mem::take(&mut self.is_troubled) && self.test.free_jobs().await > 0 {
            self.read(async |app| app::jobs::run_once(app, now).await).await;
        }
    }

    /// Rebuilds everything that is derived.
    pub(crate) async fn verify(&self) {
        let findings = self.read(async |app| app::verify::program(app, self.program).await).await;
        assert!(findings.is_empty(), "{findings:#?}");
    }

    /// The last closed month.
    pub(crate) async fn closed_through(&self, now: Instant) -> Option<Period> {
        let caller = self.caller(now);
        self.read(async |app| app::program::show(app, &caller).await).await.closed_through
    }
}

impl Process {
    async fn start(test: &TestApp) -> Process {
        let wire = Wire::lay(&test.database.url).await;
        let app = test.on(wire.url(), 3).await;
        Process { app, wire }
    }
}

/// What comes of something in time; what never ends is a fault, and is named.
async fn in_time<T>(what: &str, it: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, it).await.unwrap_or_else(|_| panic!("{what} does not end"))
}

fn is_busy<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Unavailable | Error::Refused(Refused::Unavailable)))
}

/// A list of answers, unless one of them has to be asked for again.
fn settled(answers: Vec<Answer>) -> Result<Vec<Answer>, Error> {
    let is_settled = answers.iter().all(|answer| !matches!(answer, Err(Refused::Unavailable)));
    if is_settled { Ok(answers) } else { Err(Error::Unavailable) }
}

fn payout_state(state: State) -> Payout {
    match state {
        State::Requested | State::Approved | State::Processing => Payout::OnItsWay,
        State::Paid => Payout::Paid,
        State::Failed | State::Cancelled | State::Returned => Payout::Undone,
    }
}
