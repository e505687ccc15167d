//! The first story of the product, transfer by transfer, by hand-computed numbers.

use app::payout::Rail;

use crate::doors::{Books, eur, payment, percent, refund, registration};

#[test]
fn hold_refund_release_payout_refund_after_payout() {
    testkit::run(async |test| {
        test.at("2026-01-01T09:00:00Z");
        let books = Books::open(&test, percent("20", 30)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(payment("cus_1", "ch_1", eur("100"))).await.expect("a payment");
        test.at("2026-01-10T09:00:00Z");
        books.send(refund("ch_1", Some("re_1"), Some(eur("30")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -14, pending_share 14");

        test.at("2026-01-30T23:59:59Z");
        assert_eq!(books.release().await, 0, "held until the start of 31 January");
        test.at("2026-02-01T08:00:00Z");
        assert_eq!(books.release().await, 1);
        assert_eq!(books.account().await, "earned_share -14, due 14");
        let payout = books.pay_out(Rail::Native, "february", None).await.expect("a payout");
        assert_eq!(payout.amount_micros, 14_000_000);
        assert_eq!(books.account().await, "earned_share -14, paid 14");
        assert_eq!(books.commissions().await, "paid 14");

        test.at("2026-02-05T10:00:00Z");
        books.send(refund("ch_1", None, None)).await.expect("the rest goes back");
        assert_eq!(books.account().await, "paid 14, due -14");
        assert_eq!(books.commissions().await, "rejected 0");

        test.at("2026-03-01T10:00:00Z");
        books.send(payment("cus_1", "ch_2", eur("50"))).await.expect("a payment");
        test.at("2026-03-31T10:00:00Z");
        books.release().await;
        assert_eq!(books.account().await, "earned_share -10, paid 14, due -4");
        insta::assert_snapshot!(books.transfers().await, @"
        2026-01-01 2026-01 fact earned_share -> pending_share 20 (earned)
        2026-01-10 2026-01 fact pending_share -> earned_share 6 (reversed)
        2026-01-31 2026-01 release pending_share -> due 14
        2026-02-01 2026-02 payout due -> in_payout 14
        2026-02-01 2026-02 payout in_payout -> paid 14
        2026-02-05 2026-02 fact due -> earned_share 14 (reversed)
        2026-03-01 2026-03 fact earned_share -> pending_share 10 (earned)
        2026-03-31 2026-03 release pending_share -> due 10
        ");
    });
}
