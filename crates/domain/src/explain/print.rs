//! An account as a page of text.

use std::fmt;

use super::{Account, CommissionAccount, FactAccount, MonthAccount, RuleAccount, Told, TransferAccount};
use crate::ids::AffiliateId;
use crate::time::Timestamp;

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let currency = self.event.value_currency;
        fact(f, &self.event)?;
        let told = &self.told;
        owner(f, self, told)?;
        for rule in &told.rules {
            rule_account(f, rule, currency.code())?;
        }
        for worth in &told.worth {
            let whose = whose(told.affiliate_id, worth.affiliate_id, worth.cut);
            writeln!(
                f,
                "worth {} {currency} ({}{whose}), {}",
                worth.amount,
                worth.kind.as_str(),
                worth.hold
            )?;
        }
        for commission in &self.commissions {
            booked(f, commission, currency.code())?;
        }
        for month in &self.months {
            closed(f, month, currency.code())?;
        }
        for later in &self.later {
            let (kind, id, state) = (later.kind, later.id, later.state.as_deref().unwrap_or(""));
            let amount = later.amount.as_deref().unwrap_or("");
            let code = later.currency.map_or_else(String::new, |currency| currency.to_string());
            let (at, changed) = (when(later.occurred_at), &later.changed);
            writeln!(f, "since: {kind} {id} of {amount} {code}, {state}, {at}: {changed} {currency}")?;
        }
        for transfer in &self.moved {
            write!(f, "moved:")?;
            line(f, transfer, currency.code())?;
        }
        writeln!(f, "rules of engine version {}", self.engine)
    }
}

fn when(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn fact(f: &mut fmt::Formatter<'_>, fact: &FactAccount) -> fmt::Result {
    write!(f, "{} {}", fact.kind, fact.id)?;
    if let Some(source) = &fact.source_id {
        write!(f, " ({source})")?;
    }
    if let (Some(amount), Some(currency)) = (&fact.amount, fact.currency) {
        write!(f, " of {amount} {currency}")?;
    }
    if let Some(state) = &fact.state {
        write!(f, ", {state}")?;
    }
    writeln!(f, ", {}, recorded {}", when(fact.occurred_at), when(fact.recorded_at))?;
    if let (Some(exchange), Some(value)) = (&fact.exchange, &fact.value) {
        let (day, from, to) = (exchange.day, &exchange.amount_rate, &exchange.value_rate);
        let source = exchange.amount_rate_source.as_deref().or(exchange.value_rate_source.as_deref());
        let (source, into) = (source.unwrap_or("euro"), fact.value_currency);
        writeln!(f, "  worth {value} {into}: a euro was {from} and {to} {into} on {day} ({source})")?;
    }
    if let Some(payment) = fact.payment_id {
        writeln!(f, "  of {payment}")?;
    }
    Ok(())
}

fn owner(f: &mut fmt::Formatter<'_>, account: &Account, told: &Told) -> fmt::Result {
    if let (Some(affiliate), Some(status)) = (told.affiliate_id, told.affiliate_status) {
        let referral = account.event.referral_id.map_or_else(String::new, |id| id.to_string());
        writeln!(f, "referral {referral} of affiliate {affiliate}, {status} then")?;
    }
    if let Some(deal) = &account.deal {
        writeln!(f, "deal {} \"{}\", version {} ({})", deal.id, deal.name, deal.version, deal.version_id)?;
    }
    for remark in &told.remarks {
        writeln!(f, "  {remark}")?;
    }
    if let Some(note) = &told.note {
        writeln!(f, "  {}: {}", note.code, note.text)?;
    }
    Ok(())
}

fn rule_account(f: &mut fmt::Formatter<'_>, rule: &RuleAccount, currency: &str) -> fmt::Result {
    writeln!(f, "rule {}: {}", rule.rule, rule.terms)?;
    let answer = if rule.earned { "yes" } else { "no" };
    writeln!(f, "  {answer}, {}", rule.reason.text)?;
    for step in &rule.steps {
        writeln!(f, "  {:>14} {currency}  {}", step.amount, step.text)?;
    }
    Ok(())
}

fn whose(own: Option<AffiliateId>, affiliate: AffiliateId, cut: Option<&'static str>) -> String {
    match cut {
        Some(cut) => format!(" of affiliate {affiliate}, {}", cut.replace('_', " ")),
        None if own == Some(affiliate) => String::new(),
        None => format!(" of affiliate {affiliate}"),
    }
}

fn booked(f: &mut fmt::Formatter<'_>, commission: &CommissionAccount, currency: &str) -> fmt::Result {
    let CommissionAccount { id, affiliate_id, amount, state, kind, .. } = commission;
    let agrees = if commission.agrees { "" } else { "; THE RULES SAY ANOTHER AMOUNT" };
    let kind = kind.as_str();
    writeln!(f, "booked {id}: {amount} {currency} {kind} for affiliate {affiliate_id}, {state}{agrees}")?;
    for transfer in &commission.transfers {
        line(f, transfer, currency)?;
    }
    Ok(())
}

fn line(f: &mut fmt::Formatter<'_>, transfer: &TransferAccount, currency: &str) -> fmt::Result {
    let TransferAccount { id, debit, credit, amount, because, .. } = transfer;
    let entry = transfer.entry.unwrap_or("moved");
    let at = when(transfer.effective_at);
    writeln!(f, "  {amount:>14} {currency}  {entry}: {debit} -> {credit}, {at}, by {because} ({id})")
}

fn closed(f: &mut fmt::Formatter<'_>, month: &MonthAccount, currency: &str) -> fmt::Result {
    let MonthAccount { month: name, affiliate_id, deal_id, .. } = month;
    let state = month
        .effective_at
        .map_or_else(|| "not closed yet".to_owned(), |at| format!("closed, in effect {}", when(at)));
    writeln!(f, "month {name} of affiliate {affiliate_id} under deal {deal_id}: {state}")?;
    for correction in &month.corrections {
        let of_this =
            correction.of_this.as_ref().map_or_else(String::new, |part| format!(", of it {part} for this"));
        let (amount, text) = (&correction.amount, &correction.text);
        writeln!(f, "  {amount:>14} {currency}  {text}{of_this}")?;
    }
    Ok(())
}
