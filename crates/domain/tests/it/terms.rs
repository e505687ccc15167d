//! Terms: what reads, what is refused and by which words, how it reads as English, Smartico's types, and the choice of
//! a deal.

use chrono::NaiveDate;
use domain::currency::Currency;
use domain::deal::smartico::{ALLOWED, CPA, CPL, Deal, REV_SHARE_NET_DEPOSITS, REV_SHARE_NET_PNL};
use domain::deal::{Baseline, Candidate, Chosen, Criteria, Evidence, Qualification, Terms, choose};
use domain::ids::DealId;
use domain::money::Amount;
use domain::rate::Rate;

fn terms(json: &str) -> Terms {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn terms_of_old_read_and_write_as_they_did() {
    let json =
        r#"{"rules":[{"on":"payment","reward":{"percent":"20"},"limits":{"months":12}}],"hold_days":30}"#;
    let written = serde_json::to_string(&terms(json)).expect("terms can be written");
    let expected = r#"{"rules":[{"on":"payment","reward":{"percent":"20"},"limits":{"months":12}}],"hold_days":30,"flat_refund":"proportional"}"#;
    assert_eq!(written, expected);
}

#[test]
fn senseless_terms_are_refused_by_name() {
    let rule = |rule: &str| format!(r#"{{"rules": [{rule}]}}"#);
    let pay = r#"{"on":"payment","reward":{"percent":"20"}}"#;
    let act = r#"{"on":"activity","reward":{"percent_of_net_pnl":"20"}}"#;
    for (json, expected) in [
        (rule(r#"{"on":"activity","reward":{"percent":"20"}}"#), "a rule on activity rewards"),
        (rule(r#"{"on":"activity","reward":{"flat":"20"}}"#), "a rule on activity rewards"),
        (
            rule(r#"{"on":"payment","reward":{"percent_of_net_pnl":"20"}}"#),
            "percent_of_net_pnl is a reward of rules on activity",
        ),
        (rule(r#"{"on":"qualified_deposit","reward":{"flat":"20"}}"#), "needs a qualification"),
        (rule(r#"{"on":"qualified_lead","reward":{"flat":"20"}}"#), "needs a lead_qualification"),
        (rule(r#"{"on":"qualified_lead","reward":{"percent":"20"}}"#), "a qualification has no amount"),
        (
            rule(r#"{"on":"activity","reward":{"percent_of_net_pnl":"20"},"when":{"product":["poker"]}}"#),
            "casino and sport, not \"poker\"",
        ),
        (
            rule(
                r#"{"on":"activity","reward":{"percent_of_net_deposits":"20"},"when":{"product":["sport"]}}"#,
            ),
            "not split by product",
        ),
        (
            rule(r#"{"on":"activity","reward":{"percent_of_net_pnl":"20"},"limits":{"payments":2}}"#),
            "rule on activity: payments",
        ),
        (
            rule(r#"{"on":"first_deposit","reward":{"flat":"20"},"limits":{"months":2}}"#),
            "rule on first_deposit: months",
        ),
        (
            rule(r#"{"on":"registration","reward":{"flat":"20"},"when":{"amount_from":"2"}}"#),
            "rule on registration: amount_from",
        ),
        (
            rule(r#"{"on":"payment","reward":{"flat":"20"},"when":{"amount_from":"2","amount_below":"2"}}"#),
            "amount_from ends before it begins",
        ),
        (
            rule(
                r#"{"on":"payment","reward":{"flat":"20"},"when":{"from":"2026-02-01","until":"2026-01-01"}}"#,
            ),
            "from ends before it begins",
        ),
        (rule(r#"{"on":"payment","reward":{"flat":"20"},"when":{"brand":[" "]}}"#), "1 to 100 characters"),
        (
            rule(r#"{"on":"payment","reward":{"flat":"20"},"limits":{"per_month":"0"}}"#),
            "limits.per_month must be above 0",
        ),
        (
            rule(r#"{"on":"payment","reward":{"flat":"20"},"limits":{"per_referral":"0.001"}}"#),
            "whole units of EUR",
        ),
        (
            rule(r#"{"on":"payment","reward":{"percent":"20"},"tiers":{"by":"payments","steps":[]}}"#),
            "ascending order",
        ),
        (
            rule(
                r#"{"on":"payment","reward":{"percent":"20"},"tiers":{"by":"payments","steps":[{"from":"5","reward":{"flat":"3"}}]}}"#,
            ),
            "in the same way as the rule",
        ),
        (
            rule(
                r#"{"on":"payment","reward":{"flat":"2"},"tiers":{"by":"payments","steps":[{"from":"1.5","reward":{"flat":"3"}}]}}"#,
            ),
            "must be whole numbers",
        ),
        (
            rule(
                r#"{"on":"payment","reward":{"flat":"2"},"tiers":{"by":"revenue","mode":"marginal","steps":[{"from":"1.5","reward":{"flat":"3"}}]}}"#,
            ),
            "by what the rule rewards: payments",
        ),
        (
            format!(r#"{{"rules":[{pay}],"qualification":{{"baseline":"volume","amount":"5"}}}}"#),
            "no rule, tier or milestone looks at it",
        ),
        (format!(r#"{{"rules":[{pay}],"unqualify":"always"}}"#), "unqualify is given"),
        (
            format!(r#"{{"rules":[{pay}],"negative_month":"reset"}}"#),
            "nothing in these terms can be below zero",
        ),
        (format!(r#"{{"rules":[{pay}],"carry_scope":"brand"}}"#), "carry_scope is for months below zero"),
        (format!(r#"{{"rules":[{pay}],"release":"at_once"}}"#), "release at_once"),
        (format!(r#"{{"rules":[{act}],"release":"at_once","spend_limit":"9"}}"#), "release at_once"),
        (
            format!(r#"{{"rules":[{pay}],"fees":[{{"name":"x","charge":{{"flat_per_month":"1"}}}}]}}"#),
            "fees lower the net P&L",
        ),
        (
            format!(r#"{{"rules":[{pay}],"milestones":[{{"by":"payments","from":"0","bonus":"1"}}]}}"#),
            "milestones[0].from",
        ),
        (format!(r#"{{"rules":[{pay}],"sub_affiliates":[{{}}]}}"#), "sub_affiliates[0] rewards nothing"),
        (
            format!(
                r#"{{"rules":[{pay}],"criteria":{{"active_from":"2026-02-01","active_until":"2026-02-01"}}}}"#
            ),
            "criteria.active_from ends",
        ),
        (format!(r#"{{"rules":[{pay}],"hold_days":3651}}"#), "at most 3650"),
    ] {
        let error = terms(&json).check(Currency::EUR).expect_err(&json);
        assert!(error.to_string().contains(expected), "{json}: {error}");
    }
    let qualification = |it: &str| {
        format!(r#"{{"rules":[{{"on":"qualified_deposit","reward":{{"flat":"4"}}}}],"qualification":{it}}}"#)
    };
    for (it, expected) in [
        (r#"{"baseline":"activity_count","amount":"5"}"#, "needs a count above 0 and no amount"),
        (r#"{"baseline":"activity_count","count":0}"#, "needs a count above 0 and no amount"),
        (r#"{"baseline":"volume","count":5}"#, "needs an amount and no count"),
        (r#"{"baseline":"volume"}"#, "needs an amount and no count"),
        (r#"{"baseline":"first_deposit","within_days":0}"#, "within_days must be 1 to 3650"),
    ] {
        let error = terms(&qualification(it)).check(Currency::EUR).expect_err(it);
        assert!(error.to_string().contains(expected), "{it}: {error}");
    }
    for unknown in [r#"{"rules":[],"bonus":1}"#, r#"{"rules":[{"on":"click","reward":{"flat":"1"}}]}"#] {
        assert!(serde_json::from_str::<Terms>(unknown).is_err(), "{unknown}");
    }
}

#[test]
fn terms_read_as_sentences() {
    let deal = terms(
        r#"{"rules": [
            {"on": "qualified_deposit", "when": {"country": ["DE", "AT"]}, "reward": {"flat": "40"}, "tiers": {"by":
                "qualified_deposits", "steps": [{"from": "10", "reward": {"flat": "50"}}]}},
            {"on": "activity", "when": {"product": ["casino"]}, "reward": {"percent_of_net_pnl": "30"},
                "limits": {"per_month": "1000"}},
            {"on": "payment", "when": {"amount_from": "20"}, "reward": {"percent": "5"}, "limits": {"once": true}}],
        "qualification": {"baseline": "net_deposits", "amount": "100", "within_days": 30}, "unqualify": "always",
        "fees": [{"name": "Admin fee", "charge": {"percent": {"rate": "10", "of": "pnl"}}}],
        "milestones": [{"by": "first_deposits", "from": "100", "bonus": "500"}],
        "negative_month": "carry", "spend_limit": "100000",
        "sub_affiliates": [{"flat": "5", "percent_of_share": "10"}], "criteria": {"brand": ["a"]}}"#,
    );
    assert_eq!(deal.check(Currency::EUR), Ok(()));
    assert_eq!(
        deal.sentences(Currency::EUR),
        [
            "40.00 EUR for each qualified customer where the country is DE or AT; by qualified customers of the month \
             50.00 EUR from 10 (for everything of the month).",
            "30 % of net P&L where the product is casino, at most 1000.00 EUR per affiliate and month.",
            "5 % of each payment of at least 20.00 EUR, once per customer.",
            "A customer is qualified by net deposits of at least 100.00 EUR within 30 days of registration.",
            "A qualification that is undone takes its reward back.",
            "Net P&L is less Admin fee: 10 % of P&L.",
            "A bonus of 500.00 EUR at 100 first deposits in a month.",
            "A negative month is carried and worked off by later ones.",
            "Of sub-affiliates of level 1: 5.00 EUR per qualified customer and 10 % of their shares.",
            "At most 100000.00 EUR in all.",
            "For customers where the brand is a.",
            "Payable when the month is closed.",
        ]
    );
}

fn smartico(mask: i64, qualifier: Option<Qualification>) -> Deal {
    let rate = |text| Rate::from_percent(text).expect(text);
    Deal {
        cpl: (mask & CPL != 0).then(|| (Amount(2_000_000), qualifier.clone())),
        cpa: (mask & CPA != 0).then_some((Amount(40_000_000), qualifier)),
        net_pnl: (mask & REV_SHARE_NET_PNL != 0).then(|| rate("30")),
        net_deposits: (mask & REV_SHARE_NET_DEPOSITS != 0).then(|| rate("25")),
    }
}

#[test]
fn every_type_of_smartico_maps_without_loss() {
    for mask in ALLOWED {
        let deal = smartico(mask, None);
        assert_eq!(deal.type_id(), mask);
        assert_eq!(deal.to_terms().check(Currency::EUR), Ok(()), "{mask}");
        assert_eq!(Deal::from_terms(&deal.to_terms()), Some(deal), "{mask}");
    }
}

#[test]
fn every_qualifier_of_smartico_maps_without_loss() {
    let amount = Some(Amount(20_000_000));
    for (baseline, amount, count) in [
        (Baseline::FirstDeposit, amount, None),
        (Baseline::TotalDeposits, amount, None),
        (Baseline::NetDeposits, amount, None),
        (Baseline::Volume, amount, None),
        (Baseline::ActivityCount, None, Some(5)),
    ] {
        let qualifier = Qualification { baseline, amount, count, within_days: Some(30) };
        for mask in ALLOWED.into_iter().filter(|mask| mask & (CPL | CPA) != 0) {
            let deal = smartico(mask, Some(qualifier.clone()));
            assert_eq!(deal.to_terms().check(Currency::EUR), Ok(()), "{mask} {qualifier:?}");
            assert_eq!(Deal::from_terms(&deal.to_terms()), Some(deal), "{mask} {qualifier:?}");
        }
    }
    let share = Deal::from_terms(&terms(r#"{"rules":[{"on":"payment","reward":{"percent":"20"}}]}"#));
    let share = share.expect("a percentage of payments is one of net deposits");
    assert_eq!(
        (share.net_deposits, share.type_id()),
        (Rate::from_percent("20").ok(), REV_SHARE_NET_DEPOSITS)
    );
    assert_eq!(Deal::from_terms(&terms(r#"{"rules":[{"on":"payment","reward":{"flat":"5"}}]}"#)), None);
}

#[test]
fn a_deal_is_chosen_by_coupon_then_criteria_then_default() {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let open = Criteria::default();
    let german = Criteria { country: list(&["DE", "AT"]), ..Criteria::default() };
    let brand = Criteria { country: list(&["DE"]), brand: list(&["a"]), ..Criteria::default() };
    let date = |text: &str| text.parse::<NaiveDate>().expect(text);
    let over = Criteria { active_until: Some(date("2026-03-01")), ..brand.clone() };
    let candidates = [
        Candidate { deal: DealId(1), criteria: &open },
        Candidate { deal: DealId(2), criteria: &german },
        Candidate { deal: DealId(3), criteria: &german },
        Candidate { deal: DealId(4), criteria: &brand },
        Candidate { deal: DealId(9), criteria: &over },
    ];
    let evidence = |country: &str, brand: &str| Evidence {
        country: Some(country.to_owned()),
        brand: Some(brand.to_owned()),
        ..Evidence::default()
    };
    let choose = |coupon, candidates: &[Candidate<'_>], country, brand| {
        choose(coupon, candidates, Some(DealId(7)), &evidence(country, brand), date("2026-03-01"))
    };
    assert_eq!(choose(None, &candidates, "DE", "a"), Chosen::ByCriteria(DealId(4), 2));
    assert_eq!(choose(None, &candidates, "DE", "b"), Chosen::ByCriteria(DealId(3), 1));
    assert_eq!(choose(None, &candidates, "FR", "a"), Chosen::ByCriteria(DealId(1), 0));
    assert_eq!(choose(Some(DealId(5)), &candidates, "DE", "a"), Chosen::ByCoupon(DealId(5)));
    assert_eq!(choose(None, &candidates[1..], "FR", "a"), Chosen::Default(DealId(7)));
    assert_eq!(
        domain::deal::choose(None, &[], None, &evidence("DE", "a"), date("2026-03-01")),
        Chosen::Nothing
    );
}

#[test]
fn a_flat_sum_that_partial_refunds_leave_alone_is_said_so() {
    let said = |flat_refund: &str| {
        let deal = terms(&format!(
            r#"{{"rules": [{{"on": "payment", "reward": {{"flat": "40"}}}}], "flat_refund": "{flat_refund}"}}"#
        ));
        deal.sentences(Currency::EUR).join(" ")
    };
    assert_eq!(said("proportional"), "40.00 EUR for each payment. Payable at once.");
    assert_eq!(
        said("only_full"),
        "40.00 EUR for each payment. A flat sum is taken back only when all of its payment is returned. Payable at once."
    );
}
