//! Months: what waits for their close, and what a close books.

use serde_json::json;

use crate::doors::{Books, at, eur, payment, registration};

#[test]
fn what_waits_for_the_close_of_its_month_is_not_released_before() {
    testkit::run(async |test| {
        test.at("2026-03-20T09:00:00Z");
        let terms = json!({ "rules": [
            { "on": "payment", "reward": { "percent": "20" }, "limits": { "per_month": "50" } },
        ] });
        let books = Books::open(&test, terms).await;
        books.send(at(registration("cus_1"), "2026-03-01T09:00:00Z")).await.expect("a referral");
        books.send(at(payment("cus_1", "ch_1", eur("100")), "2026-03-02T09:00:00Z")).await.expect("a payment");
        test.at("2026-04-01T00:00:00Z");
        assert_eq!(books.release().await, 0, "the hold is over, the month is not closed");
        assert_eq!(books.account().await, "earned_share -20, pending_share 20");
        assert_eq!(books.commissions().await, "pending 20");
    });
}
