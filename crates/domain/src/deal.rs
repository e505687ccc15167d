//! Deal terms as typed data: what a rule is on, when it applies, what it rewards and within which limits. Terms are
//! frozen in versions; how they are applied to facts is in `fold`.

use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::ledger::Kind;
use crate::money::{Amount, MAX_MICROS, Money};
use crate::rate::Rate;

/// The terms of one deal version. Flat sums are in the program's currency.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What is earned, rule by rule; several rules make a hybrid deal, none makes an organic one.
    pub rules: Vec<Rule>,
    /// Days a commission is held, counted in program-local dates from the date of its own fact.
    #[serde(default)]
    pub hold_days: u16,
    /// Whether a partial refund lowers a flat sum.
    #[serde(default)]
    pub flat_refund: FlatRefund,
}

/// One rule of a deal.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which facts it is on.
    pub on: On,
    /// When it applies.
    #[serde(default, skip_serializing_if = "When::is_always")]
    pub when: When,
    /// What it rewards.
    pub reward: Reward,
    /// Its limits.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
}

/// Which facts a rule is on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// The referral's registration.
    Registration,
    /// Every payment (a deposit is one).
    Payment,
}

/// The conditions of a rule. All that are given must hold.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Only the first counted payment of the referral, or only the ones after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<Occurrence>,
}

/// A payment's place in the row of the referral's counted payments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occurrence {
    /// The first.
    First,
    /// Any after the first.
    Renewal,
}

/// What a rule rewards.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// A percentage of the amount paid.
    Percent(Rate),
    /// A flat sum in the program's currency.
    Flat(Amount),
}

/// The limits of a rule, applied per referral.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// For so many months from the first counted payment, as program-local dates [d, d + months).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<u16>,
    /// For so many counted payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payments: Option<u32>,
}

/// Whether a partial refund lowers a flat sum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlatRefund {
    /// In proportion to what was returned.
    #[default]
    Proportional,
    /// Only when all was returned.
    OnlyFull,
}

/// Why terms are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// More rules than a deal may have.
    #[error("a deal has at most 32 rules; these terms have {0}")]
    TooManyRules(usize),
    /// A hold of more than ten years.
    #[error("hold_days is {0}; at most 3650 are allowed")]
    HoldTooLong(u16),
    /// A percentage of a fact without amount.
    #[error("rules[{0}]: a registration has no amount, so its reward must be flat")]
    PercentOfRegistration(usize),
    /// A condition or limit on payments at a rule on registrations.
    #[error("rules[{0}]: conditions and limits on payments do not apply to a rule on registration")]
    PaymentLimitOnRegistration(usize),
    /// A flat sum of zero, negative or above the limit.
    #[error("rules[{0}]: a flat reward must be above 0 and at most 1000000000000")]
    FlatOutOfRange(usize),
    /// A flat sum finer than the currency.
    #[error("rules[{0}]: the flat reward has more decimals than {1} has")]
    FlatTooFine(usize, Currency),
    /// A limit of zero or beyond reason.
    #[error("rules[{0}]: months must be 1 to 1200 and payments 1 to 100000")]
    LimitOutOfRange(usize),
}

impl When {
    fn is_always(&self) -> bool {
        *self == When::default()
    }
}

impl Limits {
    fn is_none(&self) -> bool {
        *self == Limits::default()
    }
}

impl Rule {
    /// A percentage of every payment, for ever.
    pub fn percent(rate: Rate) -> Rule {
        Rule {
            on: On::Payment,
            when: When::default(),
            reward: Reward::Percent(rate),
            limits: Limits::default(),
        }
    }

    /// The kind of commission the rule makes (money.md §2).
    pub fn kind(&self) -> Kind {
        match (self.on, self.reward) {
            (On::Registration, _) => Kind::Lead,
            (On::Payment, Reward::Flat(_)) => Kind::Acquisition,
            (On::Payment, Reward::Percent(_)) => Kind::Share,
        }
    }

    /// The rule as one English sentence.
    pub fn sentence(&self, currency: Currency) -> String {
        let reward = match self.reward {
            Reward::Percent(rate) => format!("{rate} %"),
            Reward::Flat(amount) => Money::from_micros(amount.0, currency).to_string(),
        };
        let on = match (self.on, self.when.occurrence) {
            (On::Registration, _) => return format!("{reward} for a registration."),
            (On::Payment, Some(Occurrence::First)) => "the first payment",
            (On::Payment, Some(Occurrence::Renewal)) => "each payment after the first",
            (On::Payment, None) => "each payment",
        };
        let preposition = if matches!(self.reward, Reward::Percent(_)) { "of" } else { "for" };
        let months = self.limits.months.map(|months| format!(", for {months} months from the first payment"));
        let payments = self.limits.payments.map(|count| format!(", for the first {count} payments"));
        let limits = months.unwrap_or_default() + &payments.unwrap_or_default();
        format!("{reward} {preposition} {on}{limits}.")
    }
}

impl Terms {
    /// Checks the terms of a program that keeps its books in `currency`.
    pub fn check(&self, currency: Currency) -> Result<(), TermsError> {
        if self.rules.len() > 32 {
            return Err(TermsError::TooManyRules(self.rules.len()));
        }
        if self.hold_days > 3650 {
            return Err(TermsError::HoldTooLong(self.hold_days));
        }
        self.rules.iter().enumerate().try_for_each(|(index, rule)| check_rule(index, rule, currency))
    }

    /// Whether commissions are booked straight to `due`: no hold and no rule that waits for a close.
    pub fn releases_at_once(&self) -> bool {
        self.hold_days == 0
    }

    /// One English sentence per rule, and one on the hold.
    pub fn sentences(&self, currency: Currency) -> Vec<String> {
        let rules = self.rules.iter().map(|rule| rule.sentence(currency));
        let hold = match self.hold_days {
            0 => "Payable at once.".to_owned(),
            1 => "Held for 1 day.".to_owned(),
            days => format!("Held for {days} days."),
        };
        rules.chain([hold]).collect()
    }
}

fn check_rule(index: usize, rule: &Rule, currency: Currency) -> Result<(), TermsError> {
    if rule.on == On::Registration {
        if matches!(rule.reward, Reward::Percent(_)) {
            return Err(TermsError::PercentOfRegistration(index));
        }
        if !rule.limits.is_none() || rule.when.occurrence.is_some() {
            return Err(TermsError::PaymentLimitOnRegistration(index));
        }
    }
    if let Reward::Flat(amount) = rule.reward {
        if amount.0 <= 0 || amount.0 > MAX_MICROS {
            return Err(TermsError::FlatOutOfRange(index));
        }
        if amount.0 % currency.minor_unit_micros() != 0 {
            return Err(TermsError::FlatTooFine(index, currency));
        }
    }
    let months_fit = rule.limits.months.is_none_or(|months| (1..=1200).contains(&months));
    let payments_fit = rule.limits.payments.is_none_or(|payments| (1..=100_000).contains(&payments));
    if months_fit && payments_fit { Ok(()) } else { Err(TermsError::LimitOutOfRange(index)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(json: &str) -> Terms {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn terms_read_as_sentences() {
        let deal = terms(
            r#"{"hold_days": 30, "rules": [
                {"on": "registration", "reward": {"flat": "2.50"}},
                {"on": "payment", "when": {"occurrence": "first"}, "reward": {"flat": "40"}},
                {"on": "payment", "reward": {"percent": "20"}, "limits": {"months": 12}}
            ]}"#,
        );
        assert_eq!(deal.check(Currency::EUR), Ok(()));
        assert_eq!(
            deal.sentences(Currency::EUR),
            [
                "2.50 EUR for a registration.",
                "40.00 EUR for the first payment.",
                "20 % of each payment, for 12 months from the first payment.",
                "Held for 30 days."
            ]
        );
        let kinds: Vec<Kind> = deal.rules.iter().map(Rule::kind).collect();
        assert_eq!(kinds, [Kind::Lead, Kind::Acquisition, Kind::Share]);
        let again: Terms = serde_json::from_value(serde_json::to_value(&deal).expect("json")).expect("terms");
        assert_eq!(again, deal);
    }

    #[test]
    fn senseless_terms_are_refused_by_name() {
        for (rule, expected) in [
            (r#"{"on":"registration","reward":{"percent":"20"}}"#, "no amount"),
            (r#"{"on":"registration","reward":{"flat":"1"},"limits":{"months":2}}"#, "do not apply"),
            (r#"{"on":"payment","reward":{"flat":"0"}}"#, "above 0"),
            (r#"{"on":"payment","reward":{"flat":"0.001"}}"#, "more decimals than EUR"),
            (r#"{"on":"payment","reward":{"flat":"1"},"limits":{"payments":0}}"#, "1 to 100000"),
        ] {
            let error = terms(&format!(r#"{{"rules":[{rule}]}}"#)).check(Currency::EUR).expect_err(rule);
            assert!(error.to_string().contains(expected), "{rule}: {error}");
        }
        assert!(
            serde_json::from_str::<Terms>(r#"{"rules":[{"on":"payment","reward":{"percent":"101"}}]}"#)
                .is_err()
        );
    }
}
