//! Whom a registration is put down to, by what evidence, and why the rest did not decide (money.md §10).

use chrono::Duration;
use domain::attribution::{
    Attributed, Basis, Candidate, Code, Decision, Door, Flaw, Grade, Known, Model, Policy, Registered,
    Validity, Verdict, Watch, decide, suspicions,
};
use domain::ids::AffiliateId;
use domain::text::Email;
use domain::time::Timestamp;
use proptest::prelude::*;

const NAMES: [&str; 4] = ["ann", "bob", "cat", "dan"];

fn time(text: &str) -> Timestamp {
    let text = if text.contains('T') { format!("{text}:00Z") } else { format!("{text}T00:00:00Z") };
    text.parse().unwrap_or_else(|_| panic!("{text} is no time"))
}

/// Evidence such as `click ann 2026-01-01`, `visit bob 2026-01-02`, `coupon ann until 2026-03-01`, `slug cat`, `forged`;
/// `-` for whatever names nobody.
fn candidate(text: &str) -> Candidate {
    let words: Vec<&str> = text.split_whitespace().collect();
    let place = words.get(1).and_then(|name| NAMES.iter().position(|known| known == name));
    let date = |word: &str| words.iter().position(|it| *it == word).map(|at| time(words[at + 1]));
    let (basis, grade) = match words[0] {
        "coupon" => (Basis::Coupon, Grade::Key),
        "click" | "forged" => (Basis::SignedClick, Grade::Signed),
        "visit" => (Basis::DeclaredClick, Grade::Browser),
        "slug" => (Basis::Slug, Grade::Key),
        word => panic!("{word} is no evidence"),
    };
    Candidate {
        basis,
        grade,
        name: text.to_owned(),
        affiliate: place.map(|place| AffiliateId(place as i64 + 1)),
        link: None,
        at: matches!(words[0], "click" | "visit").then(|| time(words[2])),
        validity: Validity { from: date("from"), until: date("until") },
        flaw: (words[0] == "forged").then(|| Flaw::Token("the signature is wrong".to_owned())),
    }
}

fn evidence(text: &str) -> Vec<Candidate> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(candidate).collect()
}

fn shown(decision: &Decision) -> String {
    match decision.chosen {
        Some(chosen) => {
            let name = NAMES[usize::try_from(chosen.affiliate.0 - 1).expect("one of ours")];
            format!("{name} by {}", chosen.basis.as_str())
        }
        None => format!("nobody: {}", decision.refusals()),
    }
}

const LAST: Policy = Policy { model: Model::LastClick, window_days: 60, name_decides: false };
const FIRST: Policy = Policy { model: Model::FirstClick, ..LAST };
const NAMED: Policy = Policy { name_decides: true, ..LAST };

fn check(policy: Policy, table: &str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (told, expected) = line.split_once("->").unwrap_or_else(|| panic!("{line} has two sides"));
        let decision = decide(policy, time("2026-03-10"), evidence(told));
        assert_eq!(shown(&decision).trim(), expected.trim(), "{line}");
    }
}

#[test]
fn a_coupon_then_a_signed_click_then_a_declared_one_then_a_name() {
    check(
        LAST,
        "
        slug ann; visit bob 2026-03-09; click cat 2026-03-01; coupon dan -> dan by coupon
        slug ann; visit bob 2026-03-09; click cat 2026-03-01 -> cat by signed_click
        slug ann; visit bob 2026-03-09 -> bob by declared_click
        slug ann -> ann by slug
        coupon dan from 2026-03-11; click cat 2026-03-01 -> cat by signed_click
        coupon dan until 2026-03-10; slug ann -> ann by slug
        coupon dan from 2026-03-10 until 2026-03-11; slug ann -> dan by coupon
        coupon -; slug ann -> ann by slug
        forged; slug ann -> ann by slug
        click - 2026-03-01; visit bob 2026-03-09 -> bob by declared_click
        ",
    );
}

#[test]
fn the_window_runs_from_the_click_to_the_registration_and_a_name_has_none() {
    check(
        LAST,
        "
        click ann 2026-01-09 -> ann by signed_click
        click ann 2026-01-08T23:59; slug bob -> bob by slug
        visit ann 2026-01-08T23:59; slug bob -> bob by slug
        click ann 2026-03-10 -> ann by signed_click
        click ann 2026-03-10T00:05 -> ann by signed_click
        click ann 2026-03-10T00:06; slug bob -> bob by slug
        ",
    );
    let day = Policy { window_days: 1, ..LAST };
    check(day, "click ann 2026-03-09 -> ann by signed_click");
    check(day, "click ann 2026-03-08; visit bob 2026-03-09T12:00 -> bob by declared_click");
}

#[test]
fn of_several_clicks_the_model_says_which() {
    let three = "click bob 2026-03-05; click ann 2026-03-01; click cat 2026-03-09";
    check(LAST, &format!("{three} -> cat by signed_click"));
    check(FIRST, &format!("{three} -> ann by signed_click"));
    check(FIRST, "click ann 2025-12-01; click bob 2026-03-01; click cat 2026-03-02 -> bob by signed_click");
    check(FIRST, "visit ann 2026-02-01; click bob 2026-03-01 -> bob by signed_click");
    check(LAST, "click ann 2026-03-01; click bob 2026-03-01 -> ann by signed_click");
}

#[test]
fn where_the_name_decides_other_evidence_only_tells_the_click() {
    check(
        NAMED,
        "
        slug ann; click ann 2026-03-01 -> ann by signed_click
        slug ann; click bob 2026-03-01 -> ann by slug
        slug ann; click ann 2025-01-01 -> ann by slug
        slug ann; visit ann 2026-03-01; visit bob 2026-03-02 -> ann by declared_click
        slug ann; coupon bob -> ann by slug
        ",
    );
    let unknown = decide(NAMED, time("2026-03-10"), evidence("slug -; click bob 2026-03-01"));
    assert_eq!(unknown.chosen, None);
}

#[test]
fn what_does_not_count_says_why() {
    check(
        LAST,
        "
        -> nobody:
        forged -> nobody: signed_click \"forged\": the signature is wrong
        click ann 2025-03-01 -> nobody: signed_click \"click ann 2025-03-01\": the click came more than 60 days before the registration
        visit ann 2026-03-11 -> nobody: declared_click \"visit ann 2026-03-11\": the click came after the registration
        coupon ann until 2026-03-01 -> nobody: coupon \"coupon ann until 2026-03-01\": it was valid until 2026-03-01T00:00:00+00:00
        slug -; coupon - -> nobody: slug \"slug -\": nothing has this name; coupon \"coupon -\": nothing has this name
        ",
    );
}

#[test]
fn only_a_keyed_conversion_for_another_affiliate_replaces_what_a_browser_said_until_the_first_payment() {
    let (ann, bob) = (AffiliateId(1), AffiliateId(2));
    let known = Attributed { affiliate: ann, is_provisional: true, has_paid: false, is_rejected: false };
    assert!(known.is_replaced_by(Door::Keyed, bob));
    assert!(!known.is_replaced_by(Door::Keyed, ann), "naming the same is a referral that exists");
    assert!(!known.is_replaced_by(Door::Browser, bob));
    assert!(!Attributed { has_paid: true, ..known }.is_replaced_by(Door::Keyed, bob));
    assert!(!Attributed { is_provisional: false, ..known }.is_replaced_by(Door::Keyed, bob));
    assert!(!Attributed { is_rejected: true, ..known }.is_replaced_by(Door::Keyed, bob));
}

#[test]
fn a_registration_that_a_person_should_look_at_is_flagged_with_the_reason() {
    let listed = ["mailinator.com".to_owned(), "tempmail.org".to_owned()];
    let watch = Watch { disposable_domains: &listed, per_hour: Some(3) };
    let cases = [
        ("jane@example.com", 7, 0, ""),
        ("ann@example.com", 7, 0, "own_address"),
        ("Ann+2@example.com", 7, 0, "own_address"),
        ("ann@example.org", 7, 0, ""),
        ("jane@example.com", 1, 0, "own_browser"),
        ("jane@mailinator.com", 7, 0, "disposable_address"),
        ("jane@eu.tempmail.org", 7, 0, "disposable_address"),
        ("jane@notmailinator.com", 7, 0, ""),
        ("jane@example.com", 7, 2, ""),
        ("jane@example.com", 7, 3, "velocity"),
        ("ann@example.com", 1, 9, "own_address own_browser velocity"),
    ];
    for (email, visitor, within_hour, expected) in cases {
        let email = Email::parse(email).expect("an address");
        let registered = Registered { email: Some(&email), visitor: Some(&[visitor]), within_hour };
        let affiliate = Known { email: Some("ann@example.com"), visitor: Some(&[1]) };
        let found = suspicions(registered, affiliate, watch);
        let words: Vec<&str> = found.iter().map(|it| it.as_str()).collect();
        assert_eq!(words.join(" "), expected, "{email} {visitor} {within_hour}");
    }
    let nothing = Registered { email: None, visitor: None, within_hour: 1000 };
    let unknown = Known { email: None, visitor: None };
    assert_eq!(suspicions(nothing, unknown, Watch { disposable_domains: &[], per_hour: None }), []);
}

#[test]
fn codes_differ_in_more_than_case() {
    assert_eq!(Code::parse(" save20 ").expect("a code").as_str(), "SAVE20");
    for bad in ["", "  ", "SAVE 20", "a\0b"] {
        assert!(Code::parse(bad).is_err(), "{bad:?}");
    }
    assert!(Code::parse(&"x".repeat(101)).is_err());
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let day = (0_i64..120).prop_map(|days| time("2026-03-20") - Duration::days(days));
    let basis = prop_oneof![
        Just(Basis::Coupon),
        Just(Basis::SignedClick),
        Just(Basis::DeclaredClick),
        Just(Basis::Slug)
    ];
    (basis, proptest::option::of(1_i64..4), day, any::<bool>()).prop_map(|(basis, affiliate, at, flawed)| {
        Candidate {
            basis,
            grade: Grade::Key,
            name: "it".to_owned(),
            affiliate: affiliate.map(AffiliateId),
            link: None,
            at: matches!(basis, Basis::SignedClick | Basis::DeclaredClick).then_some(at),
            validity: Validity::default(),
            flaw: flawed.then_some(Flaw::Unknown),
        }
    })
}

proptest! {
    /// Exactly what decides is told to have decided; what is refused never decides; nothing is lost from the record.
    #[test]
    fn every_piece_of_evidence_has_one_verdict(
        candidates in proptest::collection::vec(any_candidate(), 0..8),
        first in any::<bool>(),
        named in any::<bool>(),
    ) {
        let model = if first { Model::FirstClick } else { Model::LastClick };
        let decision = decide(Policy { model, window_days: 60, name_decides: named }, time("2026-03-10"), candidates.clone());
        let told: Vec<Candidate> = decision.judged.iter().map(|judged| judged.candidate.clone()).collect();
        prop_assert_eq!(&told, &candidates);
        let decided: Vec<usize> = (0..told.len()).filter(|place| decision.judged[*place].verdict == Verdict::Decided).collect();
        prop_assert_eq!(decided, decision.chosen.map(|chosen| chosen.place).into_iter().collect::<Vec<_>>());
        if decision.chosen.is_none() {
            prop_assert!(decision.judged.iter().all(|judged| matches!(judged.verdict, Verdict::Refused(_))));
        }
        if let (Some(chosen), true) = (decision.chosen, named) {
            let name = candidates.iter().find(|it| it.basis == Basis::Slug && it.flaw.is_none());
            prop_assert_eq!(Some(chosen.affiliate), name.and_then(|it| it.affiliate));
        }
    }

    /// The order in which evidence comes does not matter for what it rests on.
    #[test]
    fn the_order_of_evidence_does_not_decide_its_rank(candidates in proptest::collection::vec(any_candidate(), 0..8)) {
        let mut turned = candidates.clone();
        turned.reverse();
        let basis = |candidates| decide(LAST, time("2026-03-10"), candidates).chosen.map(|chosen| chosen.basis);
        prop_assert_eq!(basis(candidates), basis(turned));
    }

    /// What came before the window, after the registration or with a wrong token never brings an affiliate a customer.
    #[test]
    fn a_click_outside_its_window_never_decides(days in 61_i64..4000, after in 6_i64..4000) {
        let mut early = candidate("click ann 2026-03-01");
        early.at = Some(time("2026-03-10") - Duration::days(days));
        let mut late = candidate("visit ann 2026-03-01");
        late.at = Some(time("2026-03-10") + Duration::minutes(after));
        let decision = decide(LAST, time("2026-03-10"), vec![early, late, candidate("forged")]);
        prop_assert_eq!(decision.chosen, None);
    }

    #[test]
    fn a_code_is_read_again_as_it_is_kept(text in "\\PC{0,110}") {
        if let Ok(code) = Code::parse(&text) {
            prop_assert_eq!(Code::parse(code.as_str()), Ok(code));
        }
    }
}
