//! Why a rule gave something or nothing, in words that name the value and what would have fitted.

use super::{About, Remark};
use crate::currency::Currency;
use crate::deal::On;
use crate::fact::{Body, Kind};
use crate::fold::Seen;
use crate::money::decimal;
use crate::outcome::{Note, Why};

/// Why a rule gave something.
pub(super) fn earned(about: &About<'_>) -> Remark {
    let text = match about.rule.on {
        On::Registration => "the customer signed up, and every condition holds".to_owned(),
        On::QualifiedLead => "by this the lead became qualified".to_owned(),
        On::QualifiedDeposit => "by this the customer became qualified".to_owned(),
        On::FirstDeposit => "it is the first deposit, and every condition holds".to_owned(),
        On::Payment | On::Activity => "every condition holds, and no limit is reached".to_owned(),
    };
    Remark { code: "earned", text }
}

/// Why a rule gave nothing.
pub(super) fn skipped(about: &About<'_>, why: Why) -> Remark {
    let text = match why {
        Why::OtherFact => {
            format!("the rule is on {}, and this is {}", on(about.rule.on), kind(about.fact.kind()))
        }
        Why::NotFirst => format!("the rule is for the first payment, and this is {}", place(about)),
        Why::NotRenewal => "the rule is for payments after the first, and this is the first".to_owned(),
        Why::MonthsOver => months_over(about),
        Why::PaymentsReached => {
            let limit = about.rule.limits.payments.unwrap_or(0);
            format!("the rule is for the first {limit} payments, and this is {}", place(about))
        }
        Why::RoundsToZero => "its share is less than half of the smallest unit".to_owned(),
        Why::AmountTooSmall => {
            let from = about.rule.when.amount_from.map_or(0, |from| from.0);
            format!("{} is below {}", amount(about), about.money(from))
        }
        Why::AmountTooLarge => {
            let below = about.rule.when.amount_below.map_or(0, |below| below.0);
            format!("{} is not below {}", amount(about), about.money(below))
        }
        Why::TooEarly => {
            let from = about.rule.when.from.map_or_else(String::new, |from| from.to_string());
            format!("{} is before {from}, from which on the rule applies", about.date)
        }
        Why::TooLate => {
            let until = about.rule.when.until.map_or_else(String::new, |until| until.to_string());
            format!("the rule applied before {until}, and this is of {}", about.date)
        }
        Why::OnceOnly => "the reward is earned once per customer, and was".to_owned(),
        Why::CapReached => cap_reached(about),
        Why::NotQualified => not_qualified(about),
        Why::NotInTime => not_in_time(about),
        Why::AlreadyQualified => already_qualified(about),
        Why::NothingToShare => "there is nothing to take a percentage of".to_owned(),
        Why::OtherBrand
        | Why::OtherCountry
        | Why::OtherProduct
        | Why::OtherPlan
        | Why::OtherInterval
        | Why::OtherCampaign
        | Why::OtherCoupon => other(about, why),
    };
    Remark { code: why.as_str(), text }
}

fn on(on: On) -> &'static str {
    match on {
        On::Registration => "registrations",
        On::QualifiedLead => "qualified leads",
        On::Payment => "payments",
        On::FirstDeposit => "first deposits",
        On::QualifiedDeposit => "qualified customers",
        On::Activity => "daily figures",
    }
}

/// A sort of fact with its article.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Registration => "a registration",
        Kind::Payment => "a payment",
        Kind::Refund => "a refund",
        Kind::Churn => "a churn",
        Kind::Dispute => "a dispute",
        Kind::Withdrawal => "a withdrawal",
        Kind::Activity => "a row of daily figures",
    }
}

fn place(about: &About<'_>) -> String {
    let counted = about.seen.iter().find_map(|seen| match seen {
        Seen::Counted { number, .. } => Some(*number),
        _ => None,
    });
    counted.map_or_else(|| "a later one".to_owned(), |number| format!("payment {number} that counts"))
}

fn amount(about: &About<'_>) -> String {
    let micros = match &about.fact.body {
        Body::Payment { value: Some(value), .. } => value.micros(),
        Body::Activity { figures: Some(figures), .. } => about.course.first_deposit_of(about.fact, figures),
        _ => 0,
    };
    about.money(micros)
}

fn months_over(about: &About<'_>) -> String {
    let months = about.rule.limits.months.unwrap_or(0);
    let span = about.seen.iter().find_map(|seen| match seen {
        Seen::Months { rule, from, until } if *rule == about.index => Some((*from, *until)),
        _ => None,
    });
    let Some((from, until)) = span else { return format!("the {months} months are over") };
    format!(
        "the {months} months from the first payment on {from} end before {until}, and this is of {}",
        about.date
    )
}

fn cap_reached(about: &About<'_>) -> String {
    let seen = about.seen.iter().rev().find_map(|seen| match seen {
        Seen::Cap { rule, cap, used, .. } if *rule == about.index => Some((*cap, *used)),
        _ => None,
    });
    match seen {
        Some((cap, used)) => {
            format!("the cap of {} per customer is used up: {} so far", about.money(cap), about.money(used))
        }
        None => "the cap per customer is used up".to_owned(),
    }
}

/// Where the qualification that the rule waits for stands: level, threshold, day, and by which fact it was reached.
fn judged(about: &About<'_>) -> Option<(i128, i128, i64, Option<crate::ids::FactId>)> {
    about.seen.iter().find_map(|seen| match seen {
        Seen::Judged { on, level, threshold, day, before, .. } if *on == about.rule.on => {
            Some((*level, *threshold, *day, *before))
        }
        _ => None,
    })
}

fn not_qualified(about: &About<'_>) -> String {
    let Some((level, threshold, ..)) = judged(about) else {
        return "the qualification is not reached".to_owned();
    };
    format!("the qualification stands at {} of {}", decimal(level, 0), decimal(threshold, 0))
}

fn not_in_time(about: &About<'_>) -> String {
    let qualification = match about.rule.on {
        On::QualifiedLead => &about.terms.lead_qualification,
        _ => &about.terms.qualification,
    };
    let days = qualification.as_ref().and_then(|it| it.within_days).unwrap_or(0);
    let day = judged(about).map_or(0, |(_, _, day, _)| day) + 1;
    format!("it was reached on day {day}, and had to be within {days} days of registration")
}

fn already_qualified(about: &About<'_>) -> String {
    match judged(about).and_then(|(.., before)| before) {
        Some(before) => format!("the qualification was reached by {before}; it happens once"),
        None => "the qualification is rewarded already; it happens once".to_owned(),
    }
}

/// A condition on something the fact says of itself.
fn other(about: &About<'_>, why: Why) -> String {
    let (fact, customer, when) = (&about.fact.attributes, &about.course.customer, &about.rule.when);
    let either = |one: &Option<String>, other: &Option<String>| one.clone().or_else(|| other.clone());
    let interval = || fact.interval.map(|interval| interval.as_str().to_owned());
    let intervals = || when.interval.iter().map(|interval| interval.as_str().to_owned()).collect();
    let (name, said, wanted) = match why {
        Why::OtherBrand => ("brand", either(&fact.brand, &customer.brand), when.brand.clone()),
        Why::OtherCountry => ("country", either(&fact.country, &customer.country), when.country.clone()),
        Why::OtherProduct => ("product", fact.product.clone(), when.product.clone()),
        Why::OtherPlan => ("plan", fact.plan.clone(), when.plan.clone()),
        Why::OtherInterval => ("interval", interval(), intervals()),
        Why::OtherCampaign => ("campaign", either(&fact.campaign, &customer.campaign), when.campaign.clone()),
        _ => ("coupon", either(&fact.coupon, &customer.coupon), when.coupon.clone()),
    };
    let wanted = wanted.join(" or ");
    match said {
        Some(said) => format!("the {name} is {said}, and the rule is for {wanted}"),
        None => format!("no {name} is said, and the rule is for {wanted}"),
    }
}

/// What there is to know of a fact as a whole.
pub(super) fn note(note: &Note, currency: Currency) -> Remark {
    let (code, text) = match note {
        Note::Parked => ("parked", "the customer or payment is not known yet; it waits".to_owned()),
        Note::RateMissing => ("rate_missing", format!("its rate to {currency} is not known yet; it waits")),
        Note::AffiliateStatus(status) => {
            ("affiliate_status", format!("the affiliate was {status} then, and earns nothing by it"))
        }
        Note::ReferralRejected => ("referral_rejected", "the referral was rejected".to_owned()),
        Note::ReferralExpired => ("referral_expired", "the referral had not paid in time".to_owned()),
        Note::NoTerms => ("no_terms", "there is no deal for this referral".to_owned()),
        Note::ZeroAmount => ("zero_amount", "nothing was paid".to_owned()),
        Note::FullyReturned => {
            ("fully_returned", "all of it went back, so it is left out and later payments move up".to_owned())
        }
        Note::CutOff => {
            ("cut_off", "the refunds of the payment exceed it; they count up to the payment".to_owned())
        }
        Note::CommissionRejected => {
            ("commission_rejected", "a reviewer rejected the commission, so it is left out".to_owned())
        }
        Note::CountedFromRows => {
            ("counted_from_rows", "the brand counts deposits and withdrawals from daily figures".to_owned())
        }
        Note::Disputed => ("disputed", "it is disputed; what was earned is held until that ends".to_owned()),
    };
    Remark { code, text }
}
