//! Facts of the simulation as a client tells them to the product.

use app::activity::Row;
use app::ingest::Ask;
use domain::command;
use domain::command::{AffiliateName, Command, Customer, Operation};
use domain::fact::{Attributes, DisputeState, Figures, Play, RefundState};
use domain::ids::AffiliateId;
use domain::money::Money;
use domain::text::{Key, Source, Uid};
use domain::time::Timestamp;

use super::client::BRAND;
use super::words::{Day, Dispute, Fact, Instant, Refund, Said};

/// An instant as the product takes it.
pub(crate) fn timestamp(at: Instant) -> Timestamp {
    Timestamp::from_timestamp_micros(at).expect("an instant of the simulation")
}

/// A fact as a request that may wait for its customer or payment; nothing where it is a row of the feed.
pub(crate) fn ask(fact: &Fact, affiliates: &[AffiliateId], key: &str) -> Option<Ask> {
    let occurred_at = Some(timestamp(fact.at));
    let customer = Customer { uid: Some(uid(&fact.customer)), ..Customer::default() };
    let command = match &fact.said {
        Said::Reported { .. } => return None,
        Said::Registered { affiliate, country } => Command::Registration(command::Registration {
            affiliate: Some(AffiliateName::Id(affiliates[*affiliate])),
            other_affiliates: Vec::new(),
            clicks: Vec::new(),
            uid: customer.uid,
            email: None,
            attributes: Attributes { country: Some((*country).to_owned()), ..Attributes::default() },
            occurred_at,
        }),
        Said::Paid { name, amount, base, currency, plan } => Command::Payment(command::Payment {
            customer,
            amount: money(*amount, currency),
            base: base.map(|base| money(base, currency)),
            attributes: Attributes { plan: Some((*plan).to_owned()), ..Attributes::default() },
            sources: vec![source(name)],
            subscription_id: None,
            interval: None,
            interval_count: None,
            occurred_at,
        }),
        Said::Refunded { payment, name, amount, currency, state } => Command::Refund(command::Refund {
            source: Some(source(name)),
            amount: Some(money(*amount, currency)),
            state: Some(match state {
                Refund::Pending => RefundState::Pending,
                Refund::Succeeded => RefundState::Succeeded,
                Refund::Failed => RefundState::Failed,
            }),
            occurred_at,
            ..command::Refund::whole(source(payment))
        }),
        Said::RefundedInTotal { payment, amount, currency } => Command::Refund(command::Refund {
            amount: Some(money(*amount, currency)),
            is_total: true,
            occurred_at,
            ..command::Refund::whole(source(payment))
        }),
        Said::Disputed { payment, name, amount, currency, state } => Command::Dispute(command::Dispute {
            payment: source(payment),
            source: source(name),
            amount: Some(money(*amount, currency)),
            state: match state {
                Dispute::Opened => DisputeState::Opened,
                Dispute::Won => DisputeState::Won,
                Dispute::Lost => DisputeState::Lost,
            },
            occurred_at,
        }),
        Said::Churned => Command::Churn(command::Churn { customer, occurred_at }),
    };
    let key = Some(Key::parse(key).expect("a key"));
    Some(Ask { key, park: true, ..Ask::new(Operation::Native, command) })
}

/// A fact as a row of the feed, if it is one.
pub(crate) fn row(fact: &Fact) -> Option<Row> {
    let Said::Reported { day, revision, figures } = &fact.said else { return None };
    let Day { pnl, bonuses, deductions, volume, deposits, withdrawals, count } = *figures;
    let figures = Figures {
        deposits,
        deposit_count: u32::from(deposits > 0),
        withdrawals,
        withdrawal_count: u32::from(withdrawals > 0),
        activity_count: u32::try_from(count).unwrap_or(0),
        play: Play { pnl, bonuses, deductions, volume },
        ..Figures::default()
    };
    Some(Row {
        player: uid(&fact.customer),
        brand: BRAND.to_owned(),
        day: *day,
        revision: Some(*revision),
        figures,
    })
}

fn uid(text: &str) -> Uid {
    Uid::parse(text).expect("a uid")
}

fn source(text: &str) -> Source {
    Source::parse(text).expect("a source id")
}

fn money(micros: i64, currency: &str) -> Money {
    Money::from_micros(micros, currency.parse().expect("a currency"))
}
