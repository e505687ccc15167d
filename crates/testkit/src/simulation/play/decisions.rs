//! What people decide in a run: payouts, adjustments, statuses, terms, who brought whom, rejections.

use app::affiliate::AffiliateRow;
use domain::affiliate::Status;
use domain::payout::Step;

use super::super::plan;
use super::Play;

impl Play<'_> {
    pub(super) async fn pay_out(&mut self) {
        self.work().await;
        let affiliate = self.draw.index(self.client.affiliates.len());
        let beyond = self.draw.maybe(5, |draw| draw.between(1, 90_000_000));
        let payable = self.auditor.payable(affiliate, self.now);
        let fault = self.fault();
        match self.client.pay_out(self.now, fault, affiliate, beyond).await {
            Ok((id, micros, state)) => {
                let expected = beyond.map_or(payable, i128::from);
                assert_eq!(i128::from(micros), expected, "what was paid to affiliate {affiliate}");
                self.auditor.payout(id, affiliate, micros, state);
                self.payouts.push((id, affiliate, micros, state));
            }
            Err(error) => assert_eq!((error.code(), payable), ("above_payable", 0), "{error}"),
        }
    }

    pub(super) async fn step_payout(&mut self) {
        let Some(place) = (!self.payouts.is_empty()).then(|| self.draw.index(self.payouts.len())) else {
            return;
        };
        let (id, affiliate, micros, before) = self.payouts[place];
        let steps =
            [Step::Approve, Step::Process, Step::Pay, Step::Pay, Step::Fail, Step::Cancel, Step::Return];
        let (step, fault) = (self.draw.pick(&steps), self.fault());
        match self.client.step(self.now, fault, id, step).await {
            Ok(state) => {
                self.auditor.payout(id, affiliate, micros, state);
                self.payouts[place].3 = state;
            }
            Err(error) => {
                assert_eq!(error.code(), "step_refused", "{step:?} of a payout that is {before:?}: {error}")
            }
        }
    }

    pub(super) async fn adjust(&mut self) {
        let affiliate = self.draw.index(self.client.affiliates.len());
        let micros = self.draw.between(-50, 80) * self.program.unit * 10 + 7;
        let (caller, fault, key) = (self.client.caller(self.now), self.fault(), self.client.key());
        let new = app::adjustment::NewAdjustment {
            affiliate: self.client.affiliates[affiliate],
            amount_micros: micros,
            reason: "by hand".to_owned(),
        };
        let adjusted = self.client.call(fault, move |app| {
            let (key, new) = (key.clone(), new.clone());
            async move { app::adjustment::create(&app, &caller, "v1.adjustment", Some(&key), new).await }
        });
        adjusted.await.expect("an adjustment");
        self.auditor.adjusted(affiliate, micros);
    }

    pub(super) async fn change_status(&mut self) {
        let affiliate = self.draw.index(self.client.affiliates.len());
        let status =
            self.draw.pick(&[Status::Approved, Status::Suspended, Status::Blocked, Status::Declined]);
        let status = if self.statuses[affiliate] == Status::Suspended && status == Status::Declined {
            Status::Approved
        } else {
            status
        };
        self.change(affiliate, move |row| row.status = status).await;
        self.statuses[affiliate] = status;
        self.auditor.earns(affiliate, self.now, matches!(status, Status::Approved | Status::Suspended));
    }

    pub(super) async fn change(
        &mut self,
        affiliate: usize,
        change: impl Fn(&mut AffiliateRow) + Copy + Send + Sync + 'static,
    ) {
        let (caller, id, fault) =
            (self.client.caller(self.now), self.client.affiliates[affiliate], self.fault());
        let changed = self.client.call(fault, move |app| async move {
            let change = |row: &mut AffiliateRow| {
                change(row);
                Ok(())
            };
            app::affiliate::update(&app, &caller, id, change).await
        });
        changed.await.expect("a change of an affiliate");
    }

    /// A deal, a parent or the carry-over of an affiliate. Whoever came later was never a parent of who came before.
    pub(super) async fn change_affiliate(&mut self) {
        let affiliate = self.draw.index(self.client.affiliates.len());
        match self.draw.below(3) {
            0 => {
                let deal = self.draw.index(self.terms.len());
                let id = self.client.deals[deal];
                self.change(affiliate, move |row| row.deal = (deal > 0).then_some(id)).await;
                self.auditor.given(affiliate, self.now, deal);
            }
            1 => {
                let parent = self.draw.maybe(2, |draw| draw.index(affiliate)).filter(|_| affiliate > 0);
                let id = parent.map(|parent| self.client.affiliates[parent]);
                self.change(affiliate, move |row| row.parent = id).await;
                self.auditor.brought(affiliate, self.now, parent);
            }
            _ => {
                let resets = self.draw.one_in(2);
                self.change(affiliate, move |row| row.no_carry_over = resets.then_some(true)).await;
                self.auditor.resets(affiliate, self.now, resets);
            }
        }
    }

    /// A new version of a deal, for customers who come from now on.
    pub(super) async fn change_terms(&mut self) {
        let place = self.draw.index(self.terms.len());
        let terms = plan::next_version(&mut self.draw, &self.program, &self.terms[place]);
        if terms == self.terms[place] {
            return;
        }
        let (caller, deal, json) = (self.client.caller(self.now), self.client.deals[place], terms.json());
        let fault = self.fault();
        let changed = self.client.call(fault, move |app| {
            let terms: domain::deal::Terms = serde_json::from_value(json.clone()).expect("terms");
            async move { app::deal::update(&app, &caller, deal, None, Some(terms.into())).await }
        });
        changed.await.unwrap_or_else(|error| panic!("{error}: {terms:#?}"));
        self.auditor.version(place, self.now, terms.clone());
        self.terms[place] = terms;
    }

    /// The staff rejects a customer, or a reviewer what a payment earned.
    pub(super) async fn reject(&mut self) {
        let caller = self.client.caller(self.now);
        let fault = self.fault();
        if self.draw.one_in(2) {
            let Some(customer) = self.world.someone(&mut self.draw) else { return };
            let Some(referral) = self.client.referral(&customer) else { return };
            let rejected = self.client.call(fault, move |app| async move {
                app::referral::reject(&app, &caller, referral, "fraud").await
            });
            rejected.await.expect("a rejection");
            self.auditor.reject_customer(&customer, self.now);
        } else if !self.program.is_round {
            let reviewable = self.client.reviewable(self.now).await;
            let Some(place) = (!reviewable.is_empty()).then(|| self.draw.index(reviewable.len())) else {
                return;
            };
            let (commission, customer, payment) = reviewable[place].clone();
            let rejected = self.client.call(fault, move |app| async move {
                app::commission::reject(&app, &caller, commission, "self-referral").await
            });
            rejected.await.expect("a rejection");
            self.auditor.reject_fact(&customer, &payment);
        }
    }
}
