//! How a run begins: the program of a seed, its settings, brand, deals and affiliates.

use app::program::{Changes, NewProgram, PayoutMode};
use chrono::NaiveDate;
use domain::affiliate::Status;

use super::super::asks::timestamp;
use super::super::auditor::Auditor;
use super::super::client::{BRAND, Client};
use super::super::draw::Draw;
use super::super::plan;
use super::super::world::World;
use super::{Play, START};
use crate::TestApp;

impl<'a> Play<'a> {
    /// Makes the program of a seed with its affiliates and deals.
    pub(crate) async fn begin(test: &'a TestApp, seed: u64) -> Play<'a> {
        let mut draw = Draw::new(seed);
        let program = plan::program(&mut draw);
        let terms = plan::terms(&mut draw, &program);
        test.clock.set(timestamp(START));
        let new = NewProgram {
            name: domain::text::Name::parse("Simulated").expect("a name"),
            currency: program.currency.parse().expect("a currency"),
            zone: program.zone.name().parse().expect("a zone"),
            mode: store::program::Mode::Live,
            terms: serde_json::from_value(terms.json())
                .unwrap_or_else(|error| panic!("{error}: {}", terms.json())),
            payout_threshold_micros: 0,
        };
        let row = app::program::create(&test.app, timestamp(START), new).await;
        let row = row.unwrap_or_else(|error| panic!("{error}: {terms:#?}"));
        let before = NaiveDate::from_ymd_opt(2025, 12, 20).expect("a date");
        let mut play = Play {
            client: Client::new(test, row.id).await,
            auditor: Auditor::new(program.clone()),
            world: World::new(program.clone()),
            rates_seed: draw.below(u64::MAX),
            draw,
            now: START,
            program,
            terms: Vec::new(),
            told: Vec::new(),
            payouts: Vec::new(),
            statuses: Vec::new(),
            rates_until: before,
            late_rates_until: before,
            step: 0,
        };
        play.client.deals.push(row.default_deal);
        play.auditor.deal(START, terms.clone());
        play.terms.push(terms);
        play.settle_down().await;
        play
    }

    /// Settings, brand, deals and affiliates.
    async fn settle_down(&mut self) {
        let caller = self.client.caller(START);
        let mode = if self.draw.one_in(2) { PayoutMode::Direct } else { PayoutMode::ThreeStep };
        let close_after_days = if self.draw.one_in(2) { 60 } else { self.draw.pick(&[0, 1, 3]) };
        let changes = Changes {
            payout_mode: Some(mode),
            close_after_days: Some(close_after_days),
            ..Changes::default()
        };
        app::program::update(self.client.app(), &caller, changes).await.expect("settings");
        if self.program.has_rows {
            use domain::fold::{Source, Truth};
            let source = if self.program.has_payments { Source::Events } else { Source::Rows };
            let truth = Truth { deposits: source, withdrawals: source };
            app::brand::put(self.client.app(), &caller, BRAND, truth).await.expect("a brand");
        }
        for number in 0..self.draw.between(0, 2) {
            let terms = plan::terms(&mut self.draw, &self.program);
            let new = app::deal::NewDeal {
                name: domain::text::Name::parse(&format!("Deal {number}")).expect("a name"),
                terms: serde_json::from_value(terms.json()).expect("terms"),
                affiliate: None,
            };
            let deal = app::deal::create(self.client.app(), &caller, new).await;
            let deal = deal.unwrap_or_else(|error| panic!("{error}: {terms:#?}"));
            self.client.deals.push(deal.id);
            self.auditor.deal(START, terms.clone());
            self.terms.push(terms);
        }
        for number in 0..self.draw.between(2, 5) as usize {
            let (deal, parent) =
                (self.draw.index(self.terms.len()), self.draw.maybe(2, |draw| draw.index(number)));
            let parent = parent.filter(|_| number > 0);
            let name = format!("affiliate-{number}");
            let new = app::affiliate::NewAffiliate {
                name: domain::text::Name::parse(&name).expect("a name"),
                email: domain::text::Email::parse(&format!("{name}@example.com")).expect("an address"),
                slug: Some(domain::text::Slug::parse(&name).expect("a slug")),
                status: Status::Approved,
                deal: (deal > 0).then(|| self.client.deals[deal]),
                parent: parent.map(|parent| self.client.affiliates[parent]),
                external_id: None,
                payout_threshold_micros: None,
            };
            let row = app::affiliate::create(self.client.app(), &caller, new).await.expect("an affiliate");
            self.client.affiliates.push(row.id);
            self.auditor.person(START, deal, parent);
            self.statuses.push(Status::Approved);
        }
    }
}
