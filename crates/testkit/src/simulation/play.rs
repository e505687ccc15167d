//! One run of the simulation: a random program lives through some months step by step, and at every few steps everything
//! that is due is done and the auditor compares.

mod begin;
mod decisions;

use app::period::PeriodRow;
use chrono::{Datelike as _, NaiveDate};
use domain::affiliate::Status;
use domain::time::Period;

use super::asks::timestamp;
use super::auditor::{Auditor, Kind, Month, Payout, is_business_day};
use super::client::{Client, Fault};
use super::draw::Draw;
use super::severed::Cut;
use super::words::{Fact, Instant, Program, Said, Terms};
use super::world::{FOREIGN, HOUR, World};

/// When a program begins: 10 January 2026.
const START: Instant = 1_768_003_200_000_000;

/// Steps of a run.
pub(crate) const STEPS: usize = 36;

/// A run.
pub(crate) struct Play<'a> {
    draw: Draw,
    now: Instant,
    program: Program,
    world: World,
    client: Client<'a>,
    auditor: Auditor,
    terms: Vec<Terms>,
    told: Vec<(Fact, String)>,
    payouts: Vec<(i64, usize, i64, Payout)>,
    statuses: Vec<Status>,
    rates_until: NaiveDate,
    late_rates_until: NaiveDate,
    rates_seed: u64,
    step: usize,
}

impl Play<'_> {
    /// Lives through the steps and compares every few of them and at the end.
    pub(crate) async fn live(mut self, steps: usize, every: usize, watch: &std::sync::atomic::AtomicUsize) {
        self.fetch_rates(false).await;
        for step in 1..=steps {
            self.step = step;
            watch.store(step, std::sync::atomic::Ordering::Relaxed);
            self.now += self.draw.between(1, 140) * HOUR / 2 + 1;
            self.take_step().await;
            if step % every == 0 {
                self.compare().await;
            }
        }
        self.fetch_rates(true).await;
        while !self.world.untold.is_empty() {
            self.deliver().await;
        }
        self.compare().await;
        self.now += 24 * HOUR * 40;
        self.close().await;
        self.compare().await;
        self.client.verify().await;
        self.client.stop().await;
    }

    fn fault(&mut self) -> Fault {
        match self.draw.below(24) {
            0 | 1 => {
                let (statement, is_heard) = (self.draw.between(1, 24), self.draw.one_in(2));
                Fault::Crash(Cut { statement, is_heard })
            }
            2 => Fault::Sessions,
            _ => Fault::None,
        }
    }

    async fn take_step(&mut self) {
        match self.draw.below(30) {
            0..18 => {
                for _ in 0..self.draw.between(1, 7) {
                    self.world.happen(&mut self.draw, self.now, self.client.affiliates.len());
                }
                self.deliver().await;
            }
            18 | 19 => self.pay_out().await,
            20 => self.step_payout().await,
            21 => self.adjust().await,
            22 => self.change_status().await,
            23 => self.change_terms().await,
            24 => self.change_affiliate().await,
            25 => self.reject().await,
            26 | 27 => self.close().await,
            28 => self.fetch_rates(false).await,
            _ => self.fetch_rates(self.step.is_multiple_of(3)).await,
        }
    }

    /// Tells some of what was not told, in any order, some of it twice, some of what was told again, and something false.
    async fn deliver(&mut self) {
        if self.world.untold.iter().any(
            |fact| matches!(&fact.said, Said::Paid { currency, .. } if *currency != self.program.currency),
        ) {
            self.fetch_rates(false).await;
        }
        self.draw.shuffle(&mut self.world.untold);
        let keep = if self.draw.one_in(3) { self.world.untold.len() / 2 } else { 0 };
        let mut batch: Vec<(Fact, String)> = Vec::new();
        for fact in self.world.untold.split_off(keep) {
            let key = self.client.key().to_string();
            batch.push((fact, key));
        }
        for _ in 0..self.draw.between(0, 3) {
            if let Some(place) = (!self.told.is_empty()).then(|| self.draw.index(self.told.len())) {
                let (fact, key) = self.told[place].clone();
                let is_named = !matches!(fact.said, Said::Churned);
                let key = if is_named && self.draw.one_in(2) { self.client.key().to_string() } else { key };
                batch.push((fact, key));
            }
        }
        if let Some(first) = batch.first().cloned().filter(|_| self.draw.one_in(3)) {
            batch.push(first);
        }
        self.draw.shuffle(&mut batch);
        let fault = self.fault();
        for fact in self.client.tell(self.now, fault, &batch).await {
            self.auditor.fact(&fact);
            if let Some(told) = batch.iter().find(|(other, _)| *other == fact) {
                self.told.push(told.clone());
            }
        }
        self.lie().await;
    }

    /// Known money with another amount is refused, under whatever key.
    async fn lie(&mut self) {
        let place = self.draw.index(self.told.len().max(1));
        if let Some((fact, _)) = self.told.get(place).cloned()
            && let Said::Paid { name, amount, base: None, currency, plan } = fact.said
        {
            let said = Said::Paid { name, amount: amount + 1_000_000, base: None, currency, plan };
            let key = self.client.key().to_string();
            let lie = Fact { said, ..fact };
            self.client.tell_in_vain(self.now, &lie, &key, "other_money").await;
        }
    }

    /// Does what is due, lets months be closed by the job, and keeps the statements of those that were.
    async fn work(&mut self) {
        let caller = self.client.caller(self.now);
        for _ in 0..self.draw.between(1, 2) {
            let fault = self.fault();
            let run = self
                .client
                .call(fault, move |app| async move { app::jobs::run_once(&app, caller.now).await });
            run.await.expect("a run of the jobs");
        }
        // What a crash left in the hands of a process that is gone would wait for the end of its lease.
        self.client.take_over_jobs(caller.now).await;
        self.note_closes().await;
    }

    async fn note_closes(&mut self) {
        let closed = self.client.closed_through(self.now).await;
        self.auditor.close(closed.map(month));
        let rows = self.client.months(self.now).await;
        let keys: Vec<_> = rows.iter().map(|row| self.key(row)).collect();
        self.auditor.freeze(&keys);
    }

    fn key(&self, row: &PeriodRow) -> (usize, usize, Month) {
        let person = self.client.affiliates.iter().position(|id| *id == row.affiliate).expect("one of ours");
        let deal = self.client.deals.iter().position(|id| *id == row.deal).expect("one of ours");
        (person, deal, month(row.month))
    }

    async fn compare(&mut self) {
        self.work().await;
        let (books, commissions) = self.auditor.audit(self.now);
        let found = self.client.commissions(self.now).await;
        for key in commissions.keys().chain(found.keys()) {
            assert_eq!(
                found.get(key),
                commissions.get(key),
                "commissions of (customer, rule, affiliate) {key:?}"
            );
        }
        for (affiliate, expected) in books.iter().enumerate() {
            let shown = self.client.books(self.now, affiliate).await;
            assert_eq!(shown, *expected, "the books of affiliate {affiliate}");
        }
        for row in self.client.months(self.now).await {
            self.compare_month(&row);
        }
    }

    fn compare_month(&self, row: &PeriodRow) {
        let expected = self.auditor.statement(self.key(row)).expect("a closed month");
        let sums = &row.statement.commissions;
        let kinds = [
            (Kind::Lead, domain::ledger::Kind::Lead),
            (Kind::Acquisition, domain::ledger::Kind::Acquisition),
            (Kind::Share, domain::ledger::Kind::Share),
            (Kind::SubAffiliate, domain::ledger::Kind::SubAffiliate),
        ];
        let what = format!("affiliate {} in {} under deal {}", row.affiliate, row.month, row.deal);
        for (kind, sort) in kinds {
            let (shown, expected) = (sums.get(&sort).copied().unwrap_or(0), expected.commissions.get(&kind));
            assert_eq!(
                i128::from(shown),
                expected.copied().unwrap_or(0),
                "{kind:?} of the statement of {what}"
            );
        }
        let corrected: i128 = row.statement.adjustments.iter().map(|(_, it)| i128::from(it.micros)).sum();
        assert_eq!(corrected, expected.corrected, "corrections of the statement of {what}");
        let carried: i128 = row.statement.carried.iter().map(|(_, micros)| i128::from(*micros)).sum();
        assert_eq!(carried, expected.carried, "what the statement of {what} carries");
    }

    async fn close(&mut self) {
        let today = timestamp(self.now).with_timezone(&self.program.zone).date_naive();
        let Some(last) = today.with_day0(0).and_then(|first| first.pred_opt()) else { return };
        // What waits for a job is done first, so that the statement is of what was said.
        self.work().await;
        let (caller, fault, month) = (self.client.caller(self.now), self.fault(), Period::of(last));
        let closed =
            self.client.call(fault, move |app| async move { app::period::close(&app, &caller, month).await });
        closed.await.expect("a close");
        self.note_closes().await;
    }

    /// Brings in the rates that were published since; those of one currency only now and then.
    async fn fetch_rates(&mut self, is_late_one_there: bool) {
        // A close by the job comes before what waited for rates.
        self.work().await;
        let today = timestamp(self.now).date_naive();
        let mut file = "date,currency,rate\n".to_owned();
        for currency in FOREIGN.into_iter().chain(["KWD"]).skip(1) {
            let is_late = currency == "CHF";
            let from = if is_late { self.late_rates_until } else { self.rates_until };
            for day in from.iter_days().skip(1).take_while(|day| *day <= today) {
                if (is_late && !is_late_one_there) || !is_business_day(day) {
                    continue;
                }
                let digits = self.rate(currency, day);
                self.auditor.rate(currency, day, digits.into(), 10_000);
                file += &format!("{day},{currency},{}.{:04}\n", digits / 10_000, digits % 10_000);
            }
        }
        self.rates_until = today;
        if is_late_one_there {
            self.late_rates_until = today;
        }
        if file.lines().count() > 1 {
            let now = self.client.caller(self.now).now;
            let euro = domain::currency::Currency::EUR;
            let imported = self.client.call(Fault::None, move |app| {
                let file = file.clone();
                async move { app::rates::import(&app, now, file.as_bytes(), euro).await }
            });
            imported.await.expect("rates");
            self.work().await;
        }
    }

    /// The rate of a day, in ten-thousandths.
    fn rate(&self, currency: &str, day: NaiveDate) -> i64 {
        let near = match currency {
            "JPY" => 1_650_000,
            "KWD" => 3_400,
            _ => 10_800,
        };
        let days = (day - NaiveDate::default()).num_days().unsigned_abs();
        let mut draw =
            Draw::new(self.rates_seed ^ days ^ (near as u64) << 20 ^ u64::from(currency.as_bytes()[0]) << 50);
        near + draw.between(-near / 20, near / 20)
    }
}

fn month(period: Period) -> Month {
    let first = period.first_date();
    super::auditor::month_of(first)
}
