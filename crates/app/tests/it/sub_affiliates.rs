//! Sub-affiliates through the whole product: ann was brought by bob, bob by cat. What each level takes is decided in
//! `domain` and told in its tests; here it is booked, released, closed and taken back beside what ann earns.

use app::Error;
use domain::affiliate::Status;
use domain::fact::DisputeState::{Lost, Opened};
use domain::ids::{AffiliateId, CommissionId};
use testkit::TestApp;

use crate::doors::{at, dispute};
use crate::months::{Months, tell};

/// A history of ann's customers, with who brought her.
struct Network<'a> {
    months: Months<'a>,
    bob: AffiliateId,
    cat: AffiliateId,
}

impl<'a> Network<'a> {
    async fn open(test: &'a TestApp, deal: &str) -> Network<'a> {
        let months = tell(test, deal, "").await;
        let bob = AffiliateId(months.books.ann.0 + 1);
        let cat = test.affiliate(months.books.program, "cat").await;
        let network = Network { months, bob, cat };
        network.brought(network.months.books.ann, Some(bob)).await.expect("a parent");
        network.brought(bob, Some(cat)).await.expect("a parent");
        network
    }

    async fn brought(&self, child: AffiliateId, parent: Option<AffiliateId>) -> app::Result<()> {
        let caller = self.months.books.test.operator(self.months.books.program);
        let changed = app::affiliate::update(&self.months.books.test.app, &caller, child, |row| {
            row.parent = parent;
            Ok(())
        });
        changed.await.map(|_| ())
    }

    /// Goes on, and compares the accounts of bob and cat.
    async fn check(&mut self, history: &str, bob: &str, cat: &str) {
        self.months.go_on(history).await;
        let found =
            (self.months.books.account_of(self.bob).await, self.months.books.account_of(self.cat).await);
        assert_eq!((found.0.as_str(), found.1.as_str()), (bob, cat), "after {history}");
    }
}

const SHARES: &str = r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}],
    "sub_affiliates": [{"percent_of_share": "10"}, {"percent_of_share": "5"}], "hold_days": 10}"#;

#[test]
fn parents_earn_by_a_sale_and_lose_it_with_its_refund() {
    testkit::run(async |test| {
        let mut network = Network::open(&test, SHARES).await;
        network
            .check(
                "pay 1 p1 100 2026-03-01",
                "earned_sub_affiliate -2, pending_sub_affiliate 2",
                "earned_sub_affiliate -1, pending_sub_affiliate 1",
            )
            .await;
        network
            .check(
                "refund p1 50 2026-03-02",
                "earned_sub_affiliate -1, pending_sub_affiliate 1",
                "earned_sub_affiliate -0.5, pending_sub_affiliate 0.5",
            )
            .await;
        network
            .check("at 2026-03-20", "earned_sub_affiliate -1, due 1", "earned_sub_affiliate -0.5, due 0.5")
            .await;
        network.check("refund p1 50 2026-03-21; shows 0 0 0 0 0", "", "").await;
        insta::assert_snapshot!(network.months.books.transfers_of(network.bob).await, @"
        2026-03-01 2026-03 fact earned_sub_affiliate -> pending_sub_affiliate 2 (earned)
        2026-03-02 2026-03 fact pending_sub_affiliate -> earned_sub_affiliate 1 (reversed)
        2026-03-11 2026-03 release pending_sub_affiliate -> due 1
        2026-03-21 2026-03 fact due -> earned_sub_affiliate 1 (reversed)
        ");
    });
}

#[test]
fn a_dispute_holds_what_parents_earned_too() {
    testkit::run(async |test| {
        let mut network = Network::open(&test, SHARES).await;
        network.months.go_on("pay 1 p1 100 2026-03-01; at 2026-03-20").await;
        let books = &network.months.books;
        books.send(at(dispute(Opened, "p1", "d1", None), "2026-03-19T00:00:00Z")).await.expect("a dispute");
        network
            .check(
                "at 2026-03-21",
                "earned_sub_affiliate -2, pending_sub_affiliate 2",
                "earned_sub_affiliate -1, pending_sub_affiliate 1",
            )
            .await;
        let books = &network.months.books;
        books.send(at(dispute(Lost, "p1", "d1", None), "2026-03-20T00:00:00Z")).await.expect("its end");
        network.check("shows 0 0 0 0 0", "", "").await;
    });
}

#[test]
fn a_rejected_referral_earns_parents_nothing_either() {
    testkit::run(async |test| {
        let mut network = Network::open(&test, SHARES).await;
        network.months.go_on("pay 1 p1 100 2026-03-01; at 2026-03-20").await;
        let caller = test.operator(network.months.books.program);
        let referrals =
            app::referral::list(&test.app, &caller, &Default::default(), 0, 10).await.expect("a list");
        let id = referrals[0].referral.id;
        app::referral::reject(&test.app, &caller, id, "self-referral").await.expect("a rejection");
        network.check("shows 0 0 0 0 0", "", "").await;
    });
}

#[test]
fn a_rejected_commission_frees_limits_and_takes_the_parents_part_with_it() {
    let deal = r#"{"rules": [{"on": "payment", "when": {"occurrence": "first"}, "reward": {"percent": "50"}},
        {"on": "payment", "when": {"occurrence": "renewal"}, "reward": {"percent": "20"}}],
        "sub_affiliates": [{"percent_of_share": "10"}]}"#;
    testkit::run(async |test| {
        let mut network = Network::open(&test, deal).await;
        let told = "pay 1 p1 100 2026-03-01; pay 1 p2 200 2026-03-02; shows 0 0 90 0 90";
        network.check(told, "earned_sub_affiliate -9, due 9", "").await;
        let (program, ann) = (network.months.books.program, network.months.books.ann);
        let caller = test.operator(program);
        let list = async |affiliate| {
            let filter = app::commission::Filter { affiliate: Some(affiliate), ..Default::default() };
            app::commission::list(&test.app, &caller, &filter, 10).await.expect("commissions")
        };
        let own = list(ann).await;
        let first = own.iter().find(|row| row.standing_micros == 50_000_000).expect("the first payment's");
        let reject = async |id| app::commission::reject(&test.app, &caller, id, "a test card").await;
        let (view, entries) = reject(CommissionId(first.id)).await.expect("a rejection");
        assert_eq!((view.standing_micros, entries.len()), (0, 2));
        // The second payment is the first one now: 50 % of 200.
        network.check("shows 0 0 100 0 100", "earned_sub_affiliate -10, due 10", "").await;
        assert_eq!(reject(CommissionId(first.id)).await.expect("no change").1.len(), 2);
        let of_bob = list(network.bob).await;
        let refused = reject(CommissionId(of_bob[0].id)).await;
        assert!(matches!(&refused, Err(Error::Conflict { code: "follows_another", .. })), "{refused:?}");
        // It earns nothing whatever comes after it.
        network
            .check("refund p2 100 2026-03-05; shows 0 0 50 0 50", "earned_sub_affiliate -5, due 5", "")
            .await;
    });
}

#[test]
fn a_flat_sum_is_earned_by_each_qualified_customer() {
    let deal = r#"{"rules": [{"on": "qualified_deposit", "reward": {"flat": "40"}}],
        "qualification": {"baseline": "total_deposits", "amount": "50"}, "unqualify": "always",
        "sub_affiliates": [{"flat": "8"}]}"#;
    testkit::run(async |test| {
        let mut network = Network::open(&test, deal).await;
        network.check("pay 1 p1 40 2026-03-01; at 2026-03-05", "", "").await;
        // Judged at the end of the day, when the next fact comes or the month is read.
        network
            .check(
                "pay 1 p2 20 2026-03-06; at 2026-03-08; pay 1 p3 1 2026-03-08; shows 0 40 0 0 40",
                "earned_sub_affiliate -8, due 8",
                "",
            )
            .await;
        network.check("refund p1 40 2026-03-09; shows 0 0 0 0 0", "", "").await;
    });
}

#[test]
fn a_blocked_parent_earns_nothing_and_nothing_passes_upward() {
    testkit::run(async |test| {
        let mut network = Network::open(&test, SHARES).await;
        let (bob, cat) = (
            "earned_sub_affiliate -2, pending_sub_affiliate 2",
            "earned_sub_affiliate -1, pending_sub_affiliate 1",
        );
        network.check("pay 1 p1 100 2026-03-01; at 2026-03-02", bob, cat).await;
        let caller = test.operator(network.months.books.program);
        let block = |row: &mut app::affiliate::AffiliateRow| {
            row.status = Status::Blocked;
            Ok(())
        };
        app::affiliate::update(&test.app, &caller, network.bob, block).await.expect("a status");
        network.check("pay 1 p2 100 2026-03-03", bob, cat).await;
        // What occurred before earns as it did, whenever it is told.
        let (bob, cat) = (
            "earned_sub_affiliate -4, pending_sub_affiliate 4",
            "earned_sub_affiliate -2, pending_sub_affiliate 2",
        );
        network.check("pay 1 p0 100 2026-03-01T12:00", bob, cat).await;
    });
}

#[test]
fn parentage_is_dated_and_has_no_circles() {
    testkit::run(async |test| {
        let mut network = Network::open(&test, SHARES).await;
        let (ann, bob, cat) = (network.months.books.ann, network.bob, network.cat);
        for (child, parent) in [(cat, ann), (bob, ann), (ann, ann)] {
            let refused = network.brought(child, Some(parent)).await;
            assert!(
                matches!(&refused, Err(Error::Invalid { field, .. }) if field == "parent_affiliate_id"),
                "{refused:?}"
            );
        }
        network.months.go_on("at 2026-03-10").await;
        network.brought(ann, Some(cat)).await.expect("another parent");
        // Before that day bob brought ann, from then on cat, who takes the first level's part.
        network
            .check(
                "pay 1 p2 100 2026-03-11; pay 1 p1 100 2026-03-09",
                "earned_sub_affiliate -2, pending_sub_affiliate 2",
                "earned_sub_affiliate -3, pending_sub_affiliate 3",
            )
            .await;
        network.brought(ann, None).await.expect("no parent");
        network
            .check(
                "pay 1 p3 100 2026-03-12",
                "earned_sub_affiliate -2, pending_sub_affiliate 2",
                "earned_sub_affiliate -3, pending_sub_affiliate 3",
            )
            .await;
    });
}

#[test]
fn another_default_deal_changes_nothing_that_parents_earned_before() {
    testkit::run(async |test| {
        let mut network = Network::open(&test, SHARES).await;
        let (bob, cat) = (
            "earned_sub_affiliate -2, pending_sub_affiliate 2",
            "earned_sub_affiliate -1, pending_sub_affiliate 1",
        );
        network.check("pay 1 p1 100 2026-03-01; at 2026-03-05", bob, cat).await;
        let caller = test.operator(network.months.books.program);
        let terms = r#"{"rules": [{"on": "payment", "reward": {"percent": "90"}}],
            "sub_affiliates": [{"percent_of_share": "50"}], "hold_days": 10}"#;
        let new = app::deal::NewDeal {
            name: domain::text::Name::parse("Half").expect("a name"),
            terms: serde_json::from_str(terms).expect("terms"),
            affiliate: None,
        };
        let deal = app::deal::create(&test.app, &caller, new).await.expect("a deal").id;
        let changes = app::program::Changes { default_deal: Some(deal), ..Default::default() };
        app::program::update(&test.app, &caller, changes).await.expect("another default deal");
        // Told again by a refund and by a payment that comes late, the first days are as they were.
        network
            .check(
                "refund p1 50 2026-03-06; pay 1 p0 100 2026-03-02",
                "earned_sub_affiliate -3, pending_sub_affiliate 3",
                "earned_sub_affiliate -1.5, pending_sub_affiliate 1.5",
            )
            .await;
        // From then on bob takes half of ann's 20 %, and cat, on the second level, nothing. So does what comes of who
        // registers now: ann earns 90 % by her.
        network
            .check(
                "pay 1 p2 100 2026-03-07; pay 2 p3 10 2026-03-07",
                "earned_sub_affiliate -17.5, pending_sub_affiliate 17.5",
                "earned_sub_affiliate -1.5, pending_sub_affiliate 1.5",
            )
            .await;
        // A customer who registered before gets the default deal of that day, however late she is told of.
        network
            .check(
                "pay 3 p4 100 2026-03-03",
                "earned_sub_affiliate -19.5, pending_sub_affiliate 19.5",
                "earned_sub_affiliate -2.5, pending_sub_affiliate 2.5",
            )
            .await;
    });
}

fn activity(negative_month: &str, level: &str) -> String {
    format!(
        r#"{{"rules": [{{"on": "activity", "reward": {{"percent_of_net_pnl": "30"}}}}],
            "negative_month": "{negative_month}", "sub_affiliates": [{level}]}}"#
    )
}

const MARCH: &str = "row 1 2026-03-01 pnl 100; row 1 2026-03-02 pnl -300; at 2026-04-02; close 2026-03";

#[test]
fn a_reset_is_followed_at_the_same_ratio() {
    testkit::run(async |test| {
        let mut network = Network::open(&test, &activity("reset", r#"{"percent_of_share": "10"}"#)).await;
        network
            .check(&format!("{MARCH}; shows 0 0 -60 60 0"), "earned_sub_affiliate 6, adjustments -6", "")
            .await;
        // Restated, ann earns 15 and bob 1.50.
        network
            .check("row 1 2026-03-02 pnl -50; shows 0 0 15 0 15", "earned_sub_affiliate -1.5, due 1.5", "")
            .await;
        insta::assert_snapshot!(network.months.books.transfers_of(network.bob).await, @"
        2026-03-01 2026-03 fact earned_sub_affiliate -> pending_sub_affiliate 3 (earned)
        2026-03-02 2026-03 fact pending_sub_affiliate -> earned_sub_affiliate 9 (earned)
        2026-03-31 2026-03 release pending_sub_affiliate -> due 3
        2026-03-31 2026-03 release due -> pending_sub_affiliate 9
        2026-03-31 2026-03 close adjustments -> due 6
        2026-03-31 2026-04 fact earned_sub_affiliate -> due 7.5 (corrected)
        2026-03-31 2026-04 close due -> adjustments 6
        ");
    });
}

#[test]
fn what_a_child_carries_parents_carry_with_it() {
    testkit::run(async |test| {
        let mut network = Network::open(&test, &activity("carry", r#"{"percent_of_share": "10"}"#)).await;
        network
            .check(
                &format!("{MARCH}; shows 0 0 0 0 0; carried -60"),
                "earned_sub_affiliate 6, carried_sub_affiliate -6",
                "",
            )
            .await;
        // 300 in April are 90, of which 60 work off what is carried: 30 for ann, 3 for bob.
        network
            .check(
                "row 1 2026-04-01 pnl 300; at 2026-05-02; close 2026-04; shows 0 0 30 0 30; carried 0",
                "earned_sub_affiliate -3, due 3",
                "",
            )
            .await;
    });
}

/// Bob under a deal of his own that resets and holds so many days, with a customer of his own; whom he brought is under
/// the program's.
async fn bob_holds<'a>(test: &'a TestApp, childs: u32, bobs: u32) -> Network<'a> {
    let holding = |days: u32| {
        activity("reset", r#"{"percent_of_share": "10"}"#).replacen(
            '{',
            &format!(r#"{{"hold_days": {days}, "#),
            1,
        )
    };
    let network = Network::open(test, &holding(childs)).await;
    network.brought(network.bob, None).await.expect("no parent");
    let new = app::deal::NewDeal {
        name: domain::text::Name::parse("Bob's").expect("a name"),
        terms: serde_json::from_str(&holding(bobs)).expect("terms"),
        affiliate: Some(network.bob),
    };
    let caller = test.operator(network.months.books.program);
    app::deal::create(&test.app, &caller, new).await.expect("a deal");
    network
}

#[test]
fn a_parents_month_takes_effect_as_a_whole_when_the_longest_hold_of_it_is_over() {
    // Ann: -60, made good by 60; bob follows with -6 and 6. Bob by his own player: 60, of which nothing is corrected.
    const TOLD: &str = "row 1 2026-03-01 pnl 100; row 1 2026-03-02 pnl -300; row bob:2 2026-03-03 pnl 200;
        at 2026-04-02; close 2026-03";
    const HELD: &str = "earned_share -60, earned_sub_affiliate 6, pending_share 60, pending_sub_affiliate -6";
    const WHOLE: &str = "earned_share -60, earned_sub_affiliate 6, adjustments -6, due 60";
    testkit::run(async |test| {
        // The child's hold is the longer one: nothing of bob's is due before it is over, his own share neither.
        let mut network = bob_holds(&test, 20, 0).await;
        network.check(&format!("{TOLD}; at 2026-04-20; shows 0 0 0 0 0"), HELD, "").await;
        network.check("at 2026-04-21; shows 0 0 -60 60 0", WHOLE, "").await;
        insta::assert_snapshot!(network.months.books.transfers_of(network.bob).await, @"
        2026-03-01 2026-03 fact earned_sub_affiliate -> pending_sub_affiliate 3 (earned)
        2026-03-02 2026-03 fact pending_sub_affiliate -> earned_sub_affiliate 9 (earned)
        2026-03-03 2026-03 fact earned_share -> pending_share 60 (earned)
        2026-04-20 2026-04 release pending_sub_affiliate -> due 3
        2026-04-20 2026-04 release due -> pending_sub_affiliate 9
        2026-04-20 2026-04 release pending_share -> due 60
        2026-04-20 2026-04 close adjustments -> due 6
        ");
        // Restated, ann earns 15 and bob 1.50, as of the same instant.
        let restated = "earned_share -60, earned_sub_affiliate -1.5, due 61.5";
        network.check("row 1 2026-03-02 pnl -50; shows 0 0 15 0 15", restated, "").await;
    });
    testkit::run(async |test| {
        // The parent's hold is the longer one: ann has hers at once, bob all of his when his is over.
        let mut network = bob_holds(&test, 0, 20).await;
        network.check(&format!("{TOLD}; shows 0 0 -60 60 0"), HELD, "").await;
        network.check("at 2026-04-20; shows 0 0 -60 60 0", HELD, "").await;
        network.check("at 2026-04-21", WHOLE, "").await;
    });
}

#[test]
fn a_cut_of_net_pnl_has_the_parents_own_carry_over() {
    testkit::run(async |test| {
        let mut network = Network::open(&test, &activity("carry", r#"{"percent_of_net_pnl": "2"}"#)).await;
        network.check(MARCH, "earned_sub_affiliate 4, carried_sub_affiliate -4", "").await;
        network
            .check(
                "row 1 2026-04-01 pnl 300; at 2026-05-02; close 2026-04",
                "earned_sub_affiliate -2, due 2",
                "",
            )
            .await;
    });
}

#[test]
fn tiers_of_the_childs_shares_are_followed_and_come_late_with_a_late_fact() {
    let deal = r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}, "tiers": {"by": "revenue", "mode": "whole",
        "steps": [{"from": "1000", "reward": {"percent": "30"}}]}}], "sub_affiliates": [{"percent_of_share": "10"}]}"#;
    testkit::run(async |test| {
        let mut network = Network::open(&test, deal).await;
        network
            .check(
                "pay 1 p1 900 2026-03-01; at 2026-04-02; close 2026-03; shows 0 0 180 0 180",
                "earned_sub_affiliate -18, due 18",
                "",
            )
            .await;
        // A late payment reaches the step: 30 % of 1100 for ann, a tenth of it for bob.
        network
            .check(
                "pay 1 p2 200 2026-03-20; shows 0 0 220 110 330",
                "earned_sub_affiliate -22, adjustments -11, due 33",
                "",
            )
            .await;
    });
}
