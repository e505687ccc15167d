//! Explanations through the whole product: the page of docs/EXPLAIN.md, what staff and affiliates see, facts that wait.

use domain::ids::{AffiliateId, CommissionId, FactId};
use store::key::Scope;
use testkit::TestApp;

use crate::doors::{Books, at, eur, payment, refund, registration};

const DEAL: &str = r#"{"rules": [
    {"on": "payment", "when": {"occurrence": "first"}, "reward": {"flat": "40"}},
    {"on": "payment", "reward": {"percent": "20"}, "limits": {"months": 12}}
    ], "hold_days": 30, "sub_affiliates": [{"percent_of_share": "10"}]}"#;

/// A payment with a refund while held and one after the release, by a customer of ann, whom bob brought.
async fn tell(test: &TestApp) -> (Books<'_>, AffiliateId, FactId) {
    test.at("2026-02-01T09:00:00Z");
    let books = Books::open(test, serde_json::from_str(DEAL).expect("terms")).await;
    let bob = test.affiliate(books.program, "bob").await;
    let caller = test.operator(books.program);
    let brought = app::affiliate::update(&test.app, &caller, books.ann, |row| {
        row.parent = Some(bob);
        Ok(())
    });
    brought.await.expect("a parent");
    test.at("2026-03-01T09:00:00Z");
    books.send(registration("cus_1")).await.expect("a referral");
    let paid = books.send(payment("cus_1", "ch_1", eur("33.33"))).await.expect("a payment").fact;
    test.at("2026-03-05T09:00:00Z");
    books
        .send(at(refund("ch_1", Some("re_1"), Some(eur("10"))), "2026-03-05T08:00:00Z"))
        .await
        .expect("a refund");
    test.at("2026-04-01T09:00:00Z");
    books.release().await;
    test.at("2026-04-10T09:00:00Z");
    books.send(refund("ch_1", Some("re_2"), Some(eur("5")))).await.expect("another");
    (books, bob, paid)
}

/// A text with its ids numbered, sort by sort, in the order in which they appear.
fn numbered(text: &str) -> String {
    let mut shown = String::new();
    let mut seen: Vec<&str> = Vec::new();
    let is_id = |word: &str| {
        word.split_once('_')
            .is_some_and(|(_, id)| id.len() == 32 && id.bytes().all(|it| it.is_ascii_hexdigit()))
    };
    for part in text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        let word = part.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        if !is_id(word) {
            shown += part;
            continue;
        }
        let sort = word.split('_').next().unwrap_or_default();
        if !seen.contains(&word) {
            seen.push(word);
        }
        let number = seen.iter().filter(|known| known.starts_with(sort)).position(|known| *known == word);
        shown += &format!("{sort}_{}", number.unwrap_or(0) + 1);
        shown += &part[word.len()..];
    }
    shown
}

#[test]
fn the_example_of_the_page_is_what_is_said() {
    testkit::run(async |test| {
        let (books, _, paid) = tell(&test).await;
        let caller = test.operator(books.program);
        let account = app::explain::fact(&test.app, &caller, paid).await.expect("an explanation");
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/EXPLAIN.md"));
        let page = page.expect("docs/EXPLAIN.md");
        let (_, example) = page.split_once("```text\n").expect("an example");
        let (example, _) = example.split_once("```").expect("its end");
        let said = numbered(&account.to_string());
        assert_eq!(said, example, "docs/EXPLAIN.md; what is said:\n{said}");
        assert!(account.commissions.iter().all(|commission| commission.agrees));
    });
}

#[test]
fn what_a_refund_moved_is_told_with_the_refund() {
    testkit::run(async |test| {
        let (books, _, paid) = tell(&test).await;
        let caller = test.operator(books.program);
        let account = app::explain::fact(&test.app, &caller, paid).await.expect("an explanation");
        let later: Vec<_> = account.later.iter().map(|later| later.changed.as_str()).collect();
        // 40.00 and 6.67 and bob's 0.67, by 10.00 and then 15.00 of 33.33.
        assert_eq!(later, ["-14.20", "-7.10"]);
        let refund = account.later[0].id;
        let of_refund = app::explain::fact(&test.app, &caller, refund).await.expect("an explanation");
        let moved: Vec<_> = of_refund.moved.iter().map(|moved| moved.amount.as_str()).collect();
        assert_eq!(moved, ["12.00", "2.00", "0.20"]);
        assert_eq!(of_refund.event.payment_id, Some(paid));
        assert!(of_refund.told.rules.is_empty() && of_refund.commissions.is_empty());
    });
}

#[test]
fn an_affiliate_sees_its_own_commission_and_nothing_of_the_customer() {
    testkit::run(async |test| {
        let (books, bob, paid) = tell(&test).await;
        let staff = test.operator(books.program);
        let account = app::explain::fact(&test.app, &staff, paid).await.expect("an explanation");
        let of = |affiliate: AffiliateId| {
            let commission = account.commissions.iter().rev().find(|it| it.affiliate_id == affiliate);
            commission.expect("a commission").id
        };
        let ann = app::Caller { scope: Scope::Affiliate(books.ann), ..staff };
        let own = app::explain::commission(&test.app, &ann, of(books.ann)).await.expect("her own");
        assert_eq!((own.event.source_id, own.event.attributes), (None, None));
        assert!(own.told.worth.iter().all(|worth| worth.affiliate_id == books.ann));
        assert_eq!(own.commissions.len(), 1);
        assert_eq!(own.later[0].changed, "-14.00", "of hers alone");
        let error = app::explain::commission(&test.app, &ann, of(bob)).await.expect_err("another's");
        assert!(matches!(error, app::Error::NotFound(_)), "{error}");
        let error = app::explain::fact(&test.app, &ann, paid).await.expect_err("facts are for staff");
        assert!(matches!(error, app::Error::Forbidden(_)), "{error}");
        let parent = app::Caller { scope: Scope::Affiliate(bob), ..staff };
        let his = app::explain::commission(&test.app, &parent, of(bob)).await.expect("his own");
        assert!(his.deal.is_none() && his.told.rules.is_empty(), "the child's terms are the child's");
        assert_eq!(his.commissions[0].cut, Some("percent_of_share"));
    });
}

#[test]
fn a_fact_that_waits_says_so_and_what_is_unknown_is_not_found() {
    testkit::run(async |test| {
        let (books, _, _) = tell(&test).await;
        let waiting = books.park(payment("cus_9", "ch_9", eur("5"))).await.expect("it waits").fact;
        let caller = test.operator(books.program);
        let account = app::explain::fact(&test.app, &caller, waiting).await.expect("an explanation");
        assert_eq!(account.told.note.map(|note| note.code), Some("parked"));
        assert_eq!(account.told.affiliate_id, None);
        let nobody = FactId(app::random::id());
        let error = app::explain::fact(&test.app, &caller, nobody).await.expect_err("no such fact");
        assert!(error.to_string().contains("there is no event fact_"), "{error}");
        let error = app::explain::commission(&test.app, &caller, CommissionId(nobody.0)).await;
        assert!(error.expect_err("no such commission").to_string().contains("there is no commission com_"));
    });
}

#[test]
fn the_close_of_a_month_is_told_with_what_it_was_worked_out_from() {
    testkit::run(async |test| {
        test.at("2026-03-01T09:00:00Z");
        let deal =
            r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}, "limits": {"per_month": "100"}}]}"#;
        let books = Books::open(&test, serde_json::from_str(deal).expect("terms")).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let first = books.send(payment("cus_1", "ch_1", eur("400"))).await.expect("a payment").fact;
        let second = books.send(payment("cus_1", "ch_2", eur("400"))).await.expect("a payment").fact;
        let caller = test.operator(books.program);
        let open = app::explain::fact(&test.app, &caller, second).await.expect("an explanation");
        assert_eq!((open.months.len(), open.months[0].effective_at), (1, None));
        test.at("2026-04-02T09:00:00Z");
        let caller = test.operator(books.program);
        app::period::close(&test.app, &caller, "2026-03".parse().expect("a month")).await.expect("a close");
        for (fact, of_this) in [(first, None), (second, Some("-60.00"))] {
            let closed = app::explain::fact(&test.app, &caller, fact).await.expect("an explanation");
            let [correction] = &closed.months[0].corrections[..] else { panic!("{closed}") };
            assert_eq!(
                (correction.text.as_str(), correction.amount.as_str(), correction.of_this.as_deref()),
                ("cap of rule 0: at most 100.00 EUR a month and 160.00 EUR was earned", "-60.00", of_this),
            );
        }
    });
}
