//! Which deal a customer gets, and how customers come under a newer version of it (money.md §4).

use app::deal::{Acceptance, Accepted, NewDeal, NewTerms, accept, create, update};
use domain::command::{AffiliateName, Command};
use domain::fact::Attributes;
use domain::ids::{AffiliateId, DealId};
use domain::ledger::{Account, Kind};
use domain::money::decimal;
use domain::text::Name;
use serde_json::{Value, json};

use crate::doors::{Books, at, eur, payment, percent, refund, registration};

impl Books<'_> {
    async fn deal(&self, affiliate: Option<AffiliateId>, share: &str, criteria: Value) -> DealId {
        let mut terms = percent(share, 0);
        terms["criteria"] = criteria;
        let new = NewDeal {
            name: Name::parse(&format!("{share} %")).expect("a name"),
            terms: serde_json::from_value(terms).expect("terms"),
            affiliate,
        };
        create(&self.test.app, &self.test.operator(self.program), new).await.expect("a deal").id
    }

    /// Makes a deal's next version.
    async fn change(&self, deal: DealId, terms: Value, from: Option<&str>) -> app::Result<()> {
        let terms = NewTerms {
            terms: serde_json::from_value(terms).expect("terms"),
            effective_at: from.map(|time| time.parse().expect("a time")),
        };
        update(&self.test.app, &self.test.operator(self.program), deal, None, Some(terms)).await.map(|_| ())
    }

    async fn accept(&self, deal: DealId, acceptance: Acceptance) -> app::Result<Accepted> {
        accept(&self.test.app, &self.test.operator(self.program), deal, acceptance).await
    }

    async fn default_deal(&self) -> DealId {
        let shown = app::program::show(&self.test.app, &self.test.operator(self.program)).await;
        shown.expect("the program").default_deal
    }

    /// Registers a customer with an affiliate under attributes such as `country DE; coupon VIP`.
    async fn register(&self, affiliate: AffiliateId, uid: &str, told: &str, time: &str) {
        let Command::Registration(mut registration) = registration(uid) else {
            unreachable!("a registration")
        };
        let mut attributes = Attributes::default();
        for (word, value) in told.split(';').filter_map(|part| part.trim().split_once(' ')) {
            let value = Some(value.to_owned());
            match word {
                "country" => attributes.country = value,
                "campaign" => attributes.campaign = value,
                "coupon" => attributes.coupon = value,
                _ => panic!("{word} is no attribute of this table"),
            }
        }
        registration.affiliate = Some(AffiliateName::Id(affiliate));
        registration.attributes = attributes;
        self.send(at(Command::Registration(registration), time)).await.expect("a referral");
    }

    /// What an affiliate has earned so far.
    async fn earned(&self, affiliate: AffiliateId) -> i128 {
        let caller = self.test.operator(self.program);
        let rows = app::balance::of_affiliate(&self.test.app, &caller, affiliate).await.expect("balances");
        rows.first().map_or(0, |row| -row.balances.get(Account::Earned(Kind::Share)))
    }
}

fn now() -> Acceptance {
    Acceptance { affiliate: None, from: None, reason: None, is_agreed: false, is_dry_run: false }
}

fn since(time: &str) -> Acceptance {
    let reason = Some("the better rate was promised by mail".to_owned());
    Acceptance { from: Some(time.parse().expect("a time")), reason, ..now() }
}

/// A customer of an affiliate, what is known of her, and what 100.00 EUR bring.
const CHOICES: &str = "
    ann  | -                                   | 20 | her own deal
    ann  | country FR                          | 20 | criteria that fail
    ann  | campaign spring                     | 30 | one criterion
    ann  | campaign spring; country DE         | 35 | most criteria
    ann  | campaign autumn                     | 32 | of two that fit equally the newer
    ann  | coupon VIP                          | 50 | a coupon's deal is first
    ann  | coupon VIP; campaign spring         | 50 | even before criteria
    ann  | coupon ONLYBOB                      | 20 | somebody else's coupon is none
    ann  | coupon unknown                      | 20 | an unknown coupon is none
    bob  | -                                   | 10 | the default
    bob  | campaign spring                     | 10 | ann's deals are ann's
    bob  | coupon VIP                          | 50 | a coupon of the program
    bob  | coupon ONLYBOB                      | 55 | a coupon of his own
";

#[test]
fn a_customer_gets_the_coupons_deal_then_the_best_fitting_then_the_default() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("10", 0)).await;
        let bob = test.affiliate(books.program, "bob").await;
        let ann = Some(books.ann);
        books.deal(ann, "20", json!({})).await;
        books.deal(ann, "30", json!({"campaign": ["spring"]})).await;
        books.deal(ann, "35", json!({"campaign": ["spring"], "country": ["DE", "AT"]})).await;
        books.deal(ann, "31", json!({"campaign": ["autumn"]})).await;
        books.deal(ann, "32", json!({"campaign": ["autumn"]})).await;
        books.deal(ann, "90", json!({"active_until": "2020-01-01"})).await;
        books.deal(None, "50", json!({"coupon": ["VIP", "GOLD"]})).await;
        books.deal(Some(bob), "55", json!({"coupon": ["ONLYBOB"]})).await;
        for (number, line) in CHOICES.lines().filter(|line| !line.trim().is_empty()).enumerate() {
            let [who, told, percent, why] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
                panic!("{line} has four columns")
            };
            let (who, uid) = (if who == "ann" { books.ann } else { bob }, format!("cus_{number}"));
            let time = test.app.now().to_rfc3339();
            books.register(who, &uid, told, &time).await;
            let before = books.earned(who).await;
            books.send(payment(&uid, &format!("ch_{number}"), eur("100"))).await.expect("a payment");
            assert_eq!(decimal(books.earned(who).await - before, 0), percent, "{why}");
        }
        test.audit().await;
    });
}

#[test]
fn a_version_meets_who_registers_from_its_time_on() {
    testkit::run(async |test| {
        test.at("2026-03-01T00:00:00Z");
        let books = Books::open(&test, percent("10", 0)).await;
        let deal = books.default_deal().await;
        books.change(deal, percent("20", 0), Some("2026-04-01T00:00:00Z")).await.expect("a planned version");
        let early = books.change(deal, percent("30", 0), Some("2026-03-15T00:00:00Z")).await;
        assert!(matches!(early, Err(app::Error::Invalid { .. })), "{early:?}");
        let past = books.change(deal, percent("30", 0), Some("2026-02-15T00:00:00Z")).await;
        assert!(matches!(past, Err(app::Error::Invalid { .. })), "{past:?}");
        test.at("2026-05-01T00:00:00Z");
        for (uid, time) in [
            ("before", "2026-01-01T12:00:00Z"),
            ("march", "2026-03-31T23:59:59Z"),
            ("april", "2026-04-01T00:00:00Z"),
        ] {
            books.register(books.ann, uid, "", time).await;
            books.send(payment(uid, &format!("ch_{uid}"), eur("100"))).await.expect("a payment");
        }
        assert_eq!(books.account().await, "earned_share -40, due 40");
        test.audit().await;
    });
}

#[test]
fn the_affiliates_deal_of_the_time_counts() {
    testkit::run(async |test| {
        test.at("2026-03-01T00:00:00Z");
        let books = Books::open(&test, percent("10", 0)).await;
        test.at("2026-04-01T00:00:00Z");
        books.deal(Some(books.ann), "20", json!({})).await;
        test.at("2026-05-01T00:00:00Z");
        books.register(books.ann, "march", "", "2026-03-15T00:00:00Z").await;
        books.register(books.ann, "april", "", "2026-04-15T00:00:00Z").await;
        for uid in ["march", "april"] {
            books.send(payment(uid, &format!("ch_{uid}"), eur("100"))).await.expect("a payment");
        }
        assert_eq!(books.account().await, "earned_share -30, due 30");
    });
}

#[test]
fn a_change_moves_nobody_until_it_is_accepted_and_then_only_what_comes() {
    testkit::run(async |test| {
        test.at("2026-03-01T00:00:00Z");
        let books = Books::open(&test, percent("10", 0)).await;
        let deal = books.default_deal().await;
        books.register(books.ann, "cus", "", "2026-03-01T00:00:00Z").await;
        books.send(payment("cus", "ch_1", eur("100"))).await.expect("a payment");
        test.at("2026-03-10T00:00:00Z");
        books.change(deal, percent("20", 0), None).await.expect("a version");
        books.send(payment("cus", "ch_2", eur("100"))).await.expect("a payment");
        assert_eq!(books.account().await, "earned_share -20, due 20");
        test.at("2026-03-20T00:00:00Z");
        let accepted = books.accept(deal, now()).await.expect("an acceptance");
        assert_eq!((accepted.referrals, accepted.effect.len()), (1, 0));
        books.send(payment("cus", "ch_3", eur("100"))).await.expect("a payment");
        assert_eq!(books.account().await, "earned_share -40, due 40");
        // What is dated before keeps its terms, however late it comes, and so does a refund of it.
        books
            .send(at(payment("cus", "ch_late", eur("100")), "2026-03-15T00:00:00Z"))
            .await
            .expect("a payment");
        books.send(refund("ch_1", None, Some(eur("100")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -40, due 40");
        assert_eq!(books.accept(deal, now()).await.expect("nothing").referrals, 0);
        test.audit().await;
    });
}

#[test]
fn a_re_rate_corrects_what_was_earned_and_refunds_follow_it() {
    testkit::run(async |test| {
        test.at("2026-03-01T00:00:00Z");
        let books = Books::open(&test, percent("10", 0)).await;
        let bob = test.affiliate(books.program, "bob").await;
        let deal = books.default_deal().await;
        for (affiliate, uid) in [(books.ann, "a"), (bob, "b")] {
            books.register(affiliate, uid, "", "2026-03-01T00:00:00Z").await;
            books
                .send(at(payment(uid, &format!("1{uid}"), eur("100")), "2026-03-01T00:00:00Z"))
                .await
                .expect("a payment");
        }
        test.at("2026-03-20T00:00:00Z");
        books.send(payment("a", "2a", eur("50"))).await.expect("a payment");
        books.change(deal, percent("30", 0), None).await.expect("a version");

        let silent = books.accept(deal, Acceptance { reason: None, ..since("2026-03-01T00:00:00Z") }).await;
        assert!(matches!(silent, Err(app::Error::Invalid { .. })), "{silent:?}");
        let only_ann = Acceptance { affiliate: Some(books.ann), ..since("2026-03-01T00:00:00Z") };
        let trial = Acceptance { is_dry_run: true, ..only_ann.clone() };
        let shown = books.accept(deal, trial).await.expect("a trial");
        assert_eq!(
            shown.effect.iter().map(|(id, micros)| (*id, decimal(*micros, 0))).collect::<Vec<_>>(),
            [(books.ann, "30".to_owned())]
        );
        assert_eq!(books.account().await, "earned_share -15, due 15", "a trial books nothing");

        let accepted = books.accept(deal, only_ann.clone()).await.expect("a re-rate");
        assert_eq!(accepted.effect, shown.effect);
        assert_eq!(books.account().await, "earned_share -45, due 45");
        assert_eq!(books.account_of(bob).await, "earned_share -10, due 10");
        assert_eq!(books.accept(deal, only_ann).await.expect("nothing").referrals, 0);
        books.send(refund("1a", None, Some(eur("50")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -30, due 30");

        // Downwards only with consent.
        books.change(deal, percent("5", 0), None).await.expect("a version");
        let less = books.accept(deal, since("2026-03-10T00:00:00Z")).await;
        assert!(matches!(less, Err(app::Error::Conflict { code: "earns_less", .. })), "{less:?}");
        assert_eq!(books.account().await, "earned_share -30, due 30");
        let agreed = Acceptance { is_agreed: true, ..since("2026-03-10T00:00:00Z") };
        books.accept(deal, agreed).await.expect("with consent");
        assert_eq!(books.account().await, "earned_share -17.5, due 17.5");
        test.audit().await;
    });
}
