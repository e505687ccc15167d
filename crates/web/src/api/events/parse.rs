//! The body of an event, and how it becomes a command. One flat struct for all types is read in place, without an
//! allocation a field; which fields a type has is checked here, by name.

use std::fmt::Display;

use app::ingest::Ask;
use domain::command::{
    AffiliateName, Churn, Command, Customer, Dispute, Operation, Payment, Refund, Registration, Withdrawal,
};
use domain::currency::Currency;
use domain::fact::{Attributes, DisputeState, RefundState};
use domain::ids::{AffiliateId, ReferralId};
use domain::money::{AmountError, Money};
use domain::text::{Email, Key, Slug, Source, Uid};
use serde::Deserialize;

use crate::api::fields::{Micros, Occurred, Text};
use crate::api::problem::Problem;

/// How many other ids a payment may have.
pub(super) const OTHER_IDS: usize = 8;

/// An event as it comes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Body<'a> {
    #[serde(rename = "type")]
    kind: Type,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    other_ids: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    payment_id: Option<Text<'a>>,
    affiliate_id: Option<i64>,
    #[serde(borrow)]
    affiliate_slug: Option<Text<'a>>,
    #[serde(borrow)]
    partner_key: Option<Text<'a>>,
    #[serde(borrow)]
    uid: Option<Text<'a>>,
    #[serde(borrow)]
    referral_id: Option<Text<'a>>,
    #[serde(borrow)]
    email: Option<Text<'a>>,
    amount: Option<Micros>,
    #[serde(borrow)]
    currency: Option<Text<'a>>,
    #[serde(borrow)]
    subscription_id: Option<Text<'a>>,
    interval: Option<Interval>,
    interval_count: Option<u32>,
    state: Option<State>,
    cumulative: Option<bool>,
    #[serde(borrow)]
    brand: Option<Text<'a>>,
    #[serde(borrow)]
    country: Option<Text<'a>>,
    #[serde(borrow)]
    product: Option<Text<'a>>,
    #[serde(borrow)]
    plan: Option<Text<'a>>,
    #[serde(borrow)]
    campaign: Option<Text<'a>>,
    #[serde(borrow)]
    coupon: Option<Text<'a>>,
    base_amount: Option<Micros>,
    occurred_at: Option<Occurred>,
    park: Option<bool>,
    #[serde(borrow)]
    idempotency_key: Option<Text<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Registration,
    Payment,
    Refund,
    Dispute,
    Withdrawal,
    Churn,
}

/// How far a refund or dispute has come.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Pending,
    Succeeded,
    Failed,
    Opened,
    Won,
    Lost,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Interval {
    Day,
    Week,
    Month,
    Year,
}

impl Interval {
    fn as_str(self) -> &'static str {
        match self {
            Interval::Day => "day",
            Interval::Week => "week",
            Interval::Month => "month",
            Interval::Year => "year",
        }
    }
}

impl Body<'_> {
    /// The command, with the key it came with.
    pub(super) fn into_ask(self, key: Option<Key>) -> Result<Ask, Problem> {
        self.refuse_others()?;
        let park = self.park.unwrap_or(false);
        let command = match self.kind {
            Type::Registration => Command::Registration(self.registration()?),
            Type::Payment => Command::Payment(self.payment()?),
            Type::Refund => Command::Refund(self.refund()?),
            Type::Dispute => Command::Dispute(self.dispute()?),
            Type::Withdrawal => Command::Withdrawal(self.withdrawal()?),
            Type::Churn => {
                let occurred_at = self.occurred_at.map(|at| at.0);
                Command::Churn(Churn { customer: self.customer()?, occurred_at })
            }
        };
        Ok(Ask { key, park, ..Ask::new(Operation::Native, command) })
    }

    /// The idempotency key in the body.
    pub(super) fn own_key(&self) -> Result<Option<Key>, Problem> {
        parse("idempotency_key", self.idempotency_key.as_ref(), Key::parse)
    }

    /// Refuses fields that the type does not have.
    fn refuse_others(&self) -> Result<(), Problem> {
        use Type::{Churn, Dispute, Payment, Refund, Registration, Withdrawal};
        let fields: [(&str, bool, &[Type]); 23] = [
            ("id", self.id.is_some(), &[Payment, Refund, Dispute, Withdrawal]),
            ("other_ids", self.other_ids.is_some(), &[Payment]),
            ("payment_id", self.payment_id.is_some(), &[Refund, Dispute]),
            ("affiliate_id", self.affiliate_id.is_some(), &[Registration]),
            ("affiliate_slug", self.affiliate_slug.is_some(), &[Registration]),
            ("partner_key", self.partner_key.is_some(), &[Registration]),
            ("uid", self.uid.is_some(), &[Registration, Payment, Withdrawal, Churn]),
            ("referral_id", self.referral_id.is_some(), &[Payment, Withdrawal, Churn]),
            ("email", self.email.is_some(), &[Registration, Payment, Withdrawal, Churn]),
            ("amount", self.amount.is_some(), &[Payment, Refund, Dispute, Withdrawal]),
            ("currency", self.currency.is_some(), &[Payment, Refund, Dispute, Withdrawal]),
            ("subscription_id", self.subscription_id.is_some(), &[Payment]),
            ("interval", self.interval.is_some(), &[Payment]),
            ("interval_count", self.interval_count.is_some(), &[Payment]),
            ("state", self.state.is_some(), &[Refund, Dispute]),
            ("cumulative", self.cumulative.is_some(), &[Refund]),
            ("brand", self.brand.is_some(), &[Registration, Payment, Withdrawal]),
            ("country", self.country.is_some(), &[Registration, Payment]),
            ("product", self.product.is_some(), &[Payment]),
            ("plan", self.plan.is_some(), &[Payment]),
            ("campaign", self.campaign.is_some(), &[Registration, Payment]),
            ("coupon", self.coupon.is_some(), &[Registration, Payment]),
            ("base_amount", self.base_amount.is_some(), &[Payment]),
        ];
        match fields.iter().find(|(_, is_there, types)| *is_there && !types.contains(&self.kind)) {
            None => Ok(()),
            Some((field, ..)) => Err(Problem::invalid(*field, "an event of this type has no such field")),
        }
    }

    fn registration(self) -> Result<Registration, Problem> {
        let partner_key = |text: &str| Source::parse(text).map(|key| AffiliateName::PartnerKey(key.into()));
        let names = [
            self.affiliate_id.map(|id| AffiliateName::Id(AffiliateId(id))),
            parse("affiliate_slug", self.affiliate_slug.as_ref(), Slug::parse)?.map(AffiliateName::Slug),
            parse("partner_key", self.partner_key.as_ref(), partner_key)?,
        ];
        let mut names = names.into_iter().flatten();
        let (Some(affiliate), None) = (names.next(), names.next()) else {
            let message = "name the affiliate by exactly one of affiliate_id, affiliate_slug and partner_key";
            return Err(Problem::invalid("affiliate_id", message));
        };
        let uid = parse("uid", self.uid.as_ref(), Uid::parse)?;
        let email = parse("email", self.email.as_ref(), Email::parse)?;
        if uid.is_none() && email.is_none() {
            return Err(Problem::invalid("uid", "name the customer by uid, email or both"));
        }
        let attributes = self.attributes()?;
        let occurred_at = self.occurred_at.map(|at| at.0);
        Ok(Registration {
            affiliate: Some(affiliate),
            other_affiliates: Vec::new(),
            clicks: Vec::new(),
            uid,
            email,
            attributes,
            occurred_at,
        })
    }

    fn payment(mut self) -> Result<Payment, Problem> {
        let first = required("id", parse("id", self.id.as_ref(), Source::parse)?)?;
        let mut sources = vec![first];
        for (index, text) in self.other_ids.take().unwrap_or_default().iter().enumerate() {
            if index == OTHER_IDS {
                return Err(Problem::invalid("other_ids", format!("at most {OTHER_IDS} are allowed")));
            }
            let source = Source::parse(&text.0)
                .map_err(|error| Problem::invalid(format!("other_ids[{index}]"), error))?;
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        let amount = required("amount", self.money()?)?;
        let subscription_id = parse("subscription_id", self.subscription_id.as_ref(), Source::parse)?;
        if self.interval_count.is_some_and(|count| !(1..=1000).contains(&count)) {
            return Err(Problem::invalid("interval_count", "expected 1 to 1000"));
        }
        let base = self.base(amount)?;
        Ok(Payment {
            base,
            attributes: self.attributes()?,
            amount,
            sources,
            subscription_id: subscription_id.map(String::from),
            interval: self.interval.map(|interval| interval.as_str().to_owned()),
            interval_count: self.interval_count,
            occurred_at: self.occurred_at.map(|at| at.0),
            customer: self.customer()?,
        })
    }

    fn refund(self) -> Result<Refund, Problem> {
        let payment = parse("payment_id", self.payment_id.as_ref(), Source::parse)?;
        let payment = required("payment_id", payment)?;
        let state = match self.state {
            None => None,
            Some(State::Pending) => Some(RefundState::Pending),
            Some(State::Succeeded) => Some(RefundState::Succeeded),
            Some(State::Failed) => Some(RefundState::Failed),
            Some(_) => return Err(Problem::invalid("state", "a refund is pending, succeeded or failed")),
        };
        let source = parse("id", self.id.as_ref(), Source::parse)?;
        let is_total = self.cumulative.unwrap_or(false);
        let amount = self.money()?;
        if is_total && source.is_some() {
            return Err(Problem::invalid("id", "the total of a payment's refunds has no id of its own"));
        }
        if is_total && amount.is_none() {
            return Err(Problem::invalid("amount", "a cumulative refund needs the total so far"));
        }
        if state.is_some() && source.is_none() && !is_total {
            return Err(Problem::invalid(
                "id",
                "a refund with a state needs an id, by which its reports are known",
            ));
        }
        Ok(Refund { payment, source, amount, state, is_total, occurred_at: self.occurred_at.map(|at| at.0) })
    }

    fn dispute(self) -> Result<Dispute, Problem> {
        let payment = parse("payment_id", self.payment_id.as_ref(), Source::parse)?;
        let state = match required("state", self.state)? {
            State::Opened => DisputeState::Opened,
            State::Won => DisputeState::Won,
            State::Lost => DisputeState::Lost,
            _ => return Err(Problem::invalid("state", "a dispute is opened, won or lost")),
        };
        Ok(Dispute {
            payment: required("payment_id", payment)?,
            source: required("id", parse("id", self.id.as_ref(), Source::parse)?)?,
            amount: self.money()?,
            state,
            occurred_at: self.occurred_at.map(|at| at.0),
        })
    }

    fn withdrawal(self) -> Result<Withdrawal, Problem> {
        let brand = |text: &str| app::brand::check(text).map(|()| text.to_owned());
        Ok(Withdrawal {
            amount: required("amount", self.money()?)?,
            source: required("id", parse("id", self.id.as_ref(), Source::parse)?)?,
            brand: parse("brand", self.brand.as_ref(), brand)?,
            occurred_at: self.occurred_at.map(|at| at.0),
            customer: self.customer()?,
        })
    }

    /// What conditions of rules look at. The interval of a payment is told beside them.
    fn attributes(&self) -> Result<Attributes, Problem> {
        let word = |text: &str| Source::parse(text).map(String::from);
        let brand = |text: &str| app::brand::check(text).map(|()| text.to_owned());
        let country = |text: &str| match text.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Ok(text.to_ascii_uppercase())
            }
            _ => Err("expected a country of two letters by ISO 3166, such as DE"),
        };
        Ok(Attributes {
            brand: parse("brand", self.brand.as_ref(), brand)?,
            country: parse("country", self.country.as_ref(), country)?,
            product: parse("product", self.product.as_ref(), word)?,
            plan: parse("plan", self.plan.as_ref(), word)?,
            interval: None,
            campaign: parse("campaign", self.campaign.as_ref(), word)?,
            coupon: parse("coupon", self.coupon.as_ref(), word)?,
        })
    }

    /// The part of a payment that commissions are on.
    fn base(&self, amount: Money) -> Result<Option<Money>, Problem> {
        let Some(base) = self.base_amount else { return Ok(None) };
        let currency = amount.currency();
        let shown = || domain::money::decimal(base.0.into(), 0);
        if base.0 % currency.minor_unit_micros() != 0 {
            let error = AmountError::NotWholeMinorUnits(shown(), currency, currency.exponent());
            return Err(Problem::invalid("base_amount", error));
        }
        if !(0..=amount.micros()).contains(&base.0) {
            let message = format!("{} is not between 0 and the amount of {amount}", shown());
            return Err(Problem::invalid("base_amount", message));
        }
        Ok(Some(Money::from_micros(base.0, currency)))
    }

    fn customer(self) -> Result<Customer, Problem> {
        let customer = Customer {
            uid: parse("uid", self.uid.as_ref(), Uid::parse)?,
            id: parse("referral_id", self.referral_id.as_ref(), str::parse::<ReferralId>)?,
            email: parse("email", self.email.as_ref(), Email::parse)?,
        };
        if customer.is_empty() {
            return Err(Problem::invalid("uid", "name the customer by uid, referral_id or email"));
        }
        Ok(customer)
    }

    /// Amount and currency, which come together: above zero, in whole minor units.
    fn money(&self) -> Result<Option<Money>, Problem> {
        let (micros, currency) = match (self.amount, &self.currency) {
            (None, None) => return Ok(None),
            (Some(micros), Some(currency)) => (micros.0, currency),
            (Some(_), None) => {
                return Err(Problem::invalid("currency", "an amount needs its currency, such as EUR"));
            }
            (None, Some(_)) => {
                return Err(Problem::invalid("amount", "a currency needs an amount, such as \"100.00\""));
            }
        };
        let currency: Currency = currency.0.parse().map_err(|error| Problem::invalid("currency", error))?;
        let shown = || domain::money::decimal(micros.into(), 0);
        let refuse = |error: AmountError| Err(Problem::invalid("amount", error));
        if micros <= 0 {
            return refuse(AmountError::NotPositive(shown()));
        }
        if micros % currency.minor_unit_micros() != 0 {
            return refuse(AmountError::NotWholeMinorUnits(shown(), currency, currency.exponent()));
        }
        Ok(Some(Money::from_micros(micros, currency)))
    }
}

fn parse<T, E: Display>(
    field: &str,
    text: Option<&Text<'_>>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    text.map(|text| read(&text.0)).transpose().map_err(|error| Problem::invalid(field, error))
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::invalid(field, format!("missing field `{field}`")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::fields::Object;

    fn ask(json: &str) -> Result<Ask, Problem> {
        let Object(body): Object<Body<'_>> = crate::body::parse(json.as_bytes())?;
        let key = body.own_key()?;
        body.into_ask(key)
    }

    #[test]
    fn a_payment_is_read_as_it_is_written() {
        let json = r#"{"type":"payment","id":"ch_\u0031","other_ids":["in_1","ch_1"],"email":"Bob@Example.com",
            "amount":"12.5","currency":"eur","park":true,"idempotency_key":"k","occurred_at":"2026-01-01T00:00:00.1234567Z"}"#;
        let ask = ask(json).expect("a payment");
        let Command::Payment(payment) = ask.command else { panic!("{:?}", ask.command) };
        assert_eq!(payment.sources.iter().map(Source::as_str).collect::<Vec<_>>(), ["ch_1", "in_1"]);
        assert_eq!(payment.amount, Money::from_micros(12_500_000, Currency::EUR));
        assert_eq!(payment.customer.email.map(String::from).as_deref(), Some("bob@example.com"));
        assert_eq!(
            payment.occurred_at.map(|at| at.to_rfc3339()).as_deref(),
            Some("2026-01-01T00:00:00.123456+00:00")
        );
        assert_eq!((ask.park, ask.key.map(String::from).as_deref()), (true, Some("k")));
    }

    proptest! {
        #[test]
        fn bytes_of_any_sort_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = crate::body::parse::<Object<Body<'_>>>(&bytes);
        }

        #[test]
        fn texts_of_any_sort_never_panic(
            kind in "registration|payment|refund|dispute|withdrawal|churn",
            field in "id|payment_id|affiliate_slug|partner_key|uid|referral_id|email|amount|currency|subscription_id|\
                      state|brand|occurred_at|idempotency_key",
            text in any::<String>(),
        ) {
            let mut body = serde_json::json!({ "type": kind, "id": "a", "uid": "u", "amount": "1", "currency": "EUR" });
            body[field] = text.into();
            let _ = ask(&body.to_string());
        }

        #[test]
        fn amounts_of_any_sort_are_read_exactly_or_refused(amount in "-?[0-9]{0,20}(\\.[0-9]{0,8})?(e-?[0-9]{1,3})?") {
            let body = serde_json::json!({
                "type": "payment", "id": "a", "uid": "u", "amount": amount, "currency": "KWD",
            });
            if let Ok(Ask { command: Command::Payment(payment), .. }) = ask(&body.to_string()) {
                prop_assert!(payment.amount.micros() > 0);
                prop_assert_eq!(payment.amount.micros() % 1000, 0);
                prop_assert_eq!(domain::money::parse_decimal(&amount), Ok(payment.amount.micros()));
            }
        }
    }
}
