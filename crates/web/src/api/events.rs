//! `/v1/events`: what happened to customers. An event is a fact; here is how one is shown, in its answer and later.

pub(super) mod bulk;
pub(super) mod create;
pub(super) mod explain;
pub(super) mod list;
mod parse;
pub(super) mod schema;
pub(super) mod show;

use app::event::FactRow;
use app::ingest::Recorded;
use chrono::{DateTime, NaiveDate, Utc};
use domain::command::{Command, REFUNDS_IN_TOTAL};
use domain::currency::Currency;
use domain::exchange::Exchange;
use domain::fact::{DisputeState, Kind, RefundState};
use domain::money::Money;
use domain::outcome::{Line, LineResult, Note, Outcome, Why};
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{Amount, CurrencyCode, EventId, ExchangeRate, ReferralId, amount, schema, words};

schema! {
    EventType = words("What happened.", Kind::ALL.map(Kind::as_str));
    NoteCode = words(
        "Why nothing was earned, or what else there is to know: `parked`: the customer or payment is not known yet, \
         the event waits. `rate_missing`: the rate of the currency is not known yet, the event waits. \
         `affiliate_status`: the affiliate earned nothing at that time. `referral_rejected`, `referral_expired`: the \
         referral earns nothing. `no_terms`: there is no deal for it. `zero_amount`: nothing was paid. \
         `fully_returned`: all of the payment went back. `cut_off`: the refunds exceed the payment and count up to it. \
         `commission_rejected`: a reviewer rejected the commission on this payment. `counted_from_rows`: the brand \
         counts deposits and withdrawals from daily figures. `disputed`: what was earned is held until the dispute \
         ends.",
        [
            "parked", "rate_missing", "affiliate_status", "referral_rejected", "referral_expired", "no_terms",
            "zero_amount", "fully_returned", "cut_off", "commission_rejected", "counted_from_rows", "disputed",
        ],
    );
    ReportedState = words(
        "How far a refund or dispute had come.",
        [
            RefundState::Pending.as_str(),
            RefundState::Succeeded.as_str(),
            RefundState::Failed.as_str(),
            DisputeState::Opened.as_str(),
            DisputeState::Won.as_str(),
            DisputeState::Lost.as_str(),
        ],
    );
    SkippedCode = words("Why a rule did not apply.", Why::ALL.map(Why::as_str));
}

/// What happened, and what came of it when it was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Its id.
    #[schema(value_type = EventId)]
    id: String,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(value_type = EventType)]
    kind: &'static str,
    /// The referral; null while the event is parked.
    #[schema(value_type = Option<ReferralId>)]
    referral_id: Option<String>,
    /// Whose referral it was when the event occurred.
    affiliate_id: Option<i64>,
    /// What the payment, refund, dispute or withdrawal is called where the money moved.
    source_id: Option<String>,
    /// Of a refund or dispute: how far it had come.
    #[schema(value_type = Option<ReportedState>)]
    state: Option<String>,
    /// The amount as it came; null where the type has none.
    #[schema(value_type = Option<Amount>)]
    amount: Option<String>,
    /// The currency of the amount.
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<Currency>,
    /// What the amount is worth in the program's currency; null while its rates are missing.
    #[schema(value_type = Option<Amount>)]
    value: Option<String>,
    /// The rates by which it was converted; null where the amount is in the program's currency, and while they are
    /// missing.
    exchange: Option<Exchanged>,
    /// When it happened.
    occurred_at: DateTime<Utc>,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
    /// Why nothing was earned, or what else there is to know.
    #[schema(value_type = Option<NoteCode>)]
    note: Option<&'static str>,
    /// What each rule of the deal made of it.
    results: Vec<RuleResult>,
}

/// The published rates by which an amount was converted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Exchanged {
    /// Their day: the last business day of TARGET before the date of the event in UTC.
    day: NaiveDate,
    /// One euro in the currency of the amount.
    #[schema(value_type = ExchangeRate)]
    amount_rate: String,
    /// One euro in the program's currency.
    #[schema(value_type = ExchangeRate)]
    value_rate: String,
}

impl From<Exchange> for Exchanged {
    fn from(exchange: Exchange) -> Exchanged {
        let Exchange { day, from, to } = exchange;
        Exchanged { day, amount_rate: from.to_string(), value_rate: to.to_string() }
    }
}

/// What one rule of the deal made of an event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleResult {
    /// The rule's place in the deal's terms, from 0.
    rule: u16,
    /// What was earned, in the program's currency.
    #[schema(value_type = Option<Amount>)]
    earned: Option<String>,
    /// Why nothing was.
    #[schema(value_type = Option<SkippedCode>)]
    skipped: Option<&'static str>,
}

/// The answer to a command: made from what the command calls its money ([`source_of`]) and what was recorded then, so
/// that a repeated request gets the same bytes.
pub(crate) fn answered(source_id: Option<String>, recorded: Recorded) -> Event {
    Event {
        id: recorded.fact.to_string(),
        kind: recorded.kind.as_str(),
        referral_id: recorded.referral.map(|id| id.to_string()),
        affiliate_id: recorded.affiliate.map(|id| id.0),
        source_id,
        state: recorded.state,
        amount: recorded.amount.map(shown),
        currency: recorded.amount.map(|amount| amount.currency()),
        value: recorded.value_micros.map(|micros| amount(micros, recorded.program_currency)),
        exchange: recorded.exchange.map(Exchanged::from),
        occurred_at: recorded.occurred_at,
        recorded_at: recorded.recorded_at,
        note: recorded.outcome.note.as_ref().map(note),
        results: results(&recorded.outcome, recorded.program_currency),
    }
}

/// What a command calls its money.
fn source_of(command: &Command) -> Option<String> {
    match command {
        Command::Payment(payment) => payment.sources.first().map(ToString::to_string),
        Command::Refund(refund) => refund.source.as_ref().map(ToString::to_string),
        Command::Dispute(dispute) => Some(dispute.source.to_string()),
        Command::Withdrawal(withdrawal) => Some(withdrawal.source.to_string()),
        Command::Registration(_) | Command::Churn(_) | Command::Activity(_) => None,
    }
}

/// A recorded event of a program that keeps its books in `currency`, as it stands now: one that was parked names its
/// referral and affiliate once it has found them.
fn stands(row: FactRow, currency: Currency) -> Event {
    let is_named = match row.kind {
        Kind::Payment | Kind::Dispute | Kind::Withdrawal => true,
        // A refund that came without an id of its own is named after its payment.
        Kind::Refund => !row.source.starts_with("refund of ") && row.source != REFUNDS_IN_TOTAL,
        Kind::Registration | Kind::Churn | Kind::Activity => false,
    };
    Event {
        id: row.id.to_string(),
        kind: row.kind.as_str(),
        referral_id: row.referral.map(|id| id.to_string()),
        affiliate_id: row.outcome.affiliate.map(|id| id.0),
        note: note_now(&row).map(note),
        results: results(&row.outcome, currency),
        value: row.value_micros.map(|micros| amount(micros, currency)),
        exchange: row.exchange.map(Exchanged::from),
        state: row.state().map(str::to_owned),
        source_id: is_named.then_some(row.source),
        amount: row.amount.map(shown),
        currency: row.amount.map(|amount| amount.currency()),
        occurred_at: row.occurred_at,
        recorded_at: row.recorded_at,
    }
}

/// What there is to know of an event: what it waited for may have come, or it waits for something else by now.
fn note_now(row: &FactRow) -> Option<&Note> {
    let lacks_rate = row.amount.is_some() && row.value_micros.is_none();
    match row.outcome.note.as_ref()? {
        Note::Parked | Note::RateMissing if row.referral.is_some() => {
            lacks_rate.then_some(&Note::RateMissing)
        }
        note => Some(note),
    }
}

fn shown(money: Money) -> String {
    amount(money.micros(), money.currency())
}

fn results(outcome: &Outcome, currency: Currency) -> Vec<RuleResult> {
    let result = |line: &Line| match line.result {
        LineResult::Earned(earned) => {
            RuleResult { rule: line.rule, earned: Some(amount(earned.0, currency)), skipped: None }
        }
        LineResult::Skipped(why) => RuleResult { rule: line.rule, earned: None, skipped: Some(why.as_str()) },
    };
    outcome.lines.iter().map(result).collect()
}

fn note(note: &Note) -> &'static str {
    match note {
        Note::Parked => "parked",
        Note::RateMissing => "rate_missing",
        Note::AffiliateStatus(_) => "affiliate_status",
        Note::ReferralRejected => "referral_rejected",
        Note::ReferralExpired => "referral_expired",
        Note::NoTerms => "no_terms",
        Note::ZeroAmount => "zero_amount",
        Note::FullyReturned => "fully_returned",
        Note::CutOff => "cut_off",
        Note::CommissionRejected => "commission_rejected",
        Note::CountedFromRows => "counted_from_rows",
        Note::Disputed => "disputed",
    }
}
