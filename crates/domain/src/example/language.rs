//! Reads one statement of a history and does what it says. What the statements are is told in `example`.

use chrono::NaiveDate;
use uuid::Uuid;

use super::Program;
use super::books::Step;
use super::program::ROWS;
use crate::currency::Currency;
use crate::fact::{Attributes, Body, DisputeState, Fact, Figures, Interval, Play, RefundState};
use crate::ids::{AffiliateId, FactId};
use crate::money::{Money, parse_decimal};
use crate::time::{Period, Timestamp, is_plausible};

/// Runs a statement; the error says what is wrong with it.
pub(super) fn run(program: &mut Program, statement: &str) -> Result<(), String> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let (words, attributes) = attributes(&words)?;
    match words.as_slice() {
        [] => {}
        ["in", code] => program.currency = read(code, "a currency by ISO 4217")?,
        ["zone", name] => program.zone = read(name, "a time zone such as Europe/Berlin")?,
        ["no", "carry", "over"] => program.no_carry_over = true,
        ["brought", child, "by", parent] => {
            let (child, parent) = (number(child)?, number(parent)?);
            program.parents.insert(AffiliateId(child.into()), AffiliateId(parent.into()));
        }
        ["at", date] => program.advance(moment(date)?),
        ["close", month] => program.close(period(month)?),
        ["credit", customer, amount, date] => {
            // A credit note sends no money back, so there is no fact: the next payment collects less (money.md §5).
            number(customer)?;
            micros(amount)?;
            moment(date)?;
        }
        ["again"] => {
            let (customer, fact) = program.last.clone().ok_or("nothing was delivered yet")?;
            program.take(customer, fact);
        }
        ["payout", amount] => {
            let currency = program.currency;
            program.books_mut().request(micros(amount)?, currency)?;
        }
        ["paid"] => program.books_mut().step(Step::Requested, Step::Paid)?,
        ["failed" | "cancelled"] => program.books_mut().step(Step::Requested, Step::Freed)?,
        ["returned"] => program.books_mut().step(Step::Paid, Step::Freed)?,
        words => return fact(program, words, attributes, statement),
    }
    Ok(())
}

fn fact(
    program: &mut Program,
    words: &[&str],
    attributes: Attributes,
    statement: &str,
) -> Result<(), String> {
    match words {
        ["reg", customer, date] => {
            add(program, customer, &format!("reg {customer}"), date, attributes, Body::Registration)
        }
        ["churn", customer, date] => {
            add(program, customer, &format!("churn {customer} {date}"), date, attributes, Body::Churn)
        }
        ["pay", customer, name, amount, worth @ .., date] => {
            let body = payment(program, amount, worth)?;
            add(program, customer, name, date, attributes, body)?;
            let is_of_it = |parked: &mut (String, String)| parked.0 == *name;
            let waiting: Vec<(String, String)> = program.parked.extract_if(.., is_of_it).collect();
            waiting.iter().try_for_each(|(_, report)| run(program, report))
        }
        ["refund" | "dispute", name, ..] if program.fact_named(name).is_none() => {
            program.parked.push(((*name).to_owned(), statement.trim().to_owned()));
            Ok(())
        }
        ["refund", name, amount, date, more @ ..] => refund(program, name, amount, date, more),
        ["dispute", name, amount, date, state] => {
            let state = match *state {
                "opened" => DisputeState::Opened,
                "won" => DisputeState::Won,
                "lost" => DisputeState::Lost,
                other => return Err(format!("{other} is no state of a dispute: opened, won, lost")),
            };
            let (customer, payment, amount) = returned(program, name, amount)?;
            let body = Body::Dispute { payment, amount, dispute: (*name).to_owned(), state };
            let source = format!("dispute of {name} {date}");
            add(program, &customer.to_string(), &source, date, attributes, body)
        }
        ["withdraw", customer, amount, date] => {
            let amount = Money::from_micros(micros(amount)?, program.currency);
            let body = Body::Withdrawal { amount, value: Some(amount) };
            add(program, customer, &format!("withdraw {customer} {date}"), date, attributes, body)
        }
        ["row", customer, date, figures @ ..] => row(program, customer, date, figures, attributes),
        _ => Err("this is no statement".to_owned()),
    }
}

fn payment(program: &Program, amount: &str, worth: &[&str]) -> Result<Body, String> {
    let own = |text: &str| Ok::<_, String>(Money::from_micros(micros(text)?, program.currency));
    match worth {
        [] => {
            let amount = own(amount)?;
            Ok(Body::Payment { amount, value: Some(amount.into()), base: None })
        }
        ["net", base] => {
            let amount = own(amount)?;
            Ok(Body::Payment { amount, value: Some(amount.into()), base: Some(own(base)?.into()) })
        }
        [code, "=", value] => {
            let currency: Currency = read(code, "a currency by ISO 4217")?;
            let amount = Money::from_micros(micros(amount)?, currency);
            Ok(Body::Payment { amount, value: Some(own(value)?.into()), base: None })
        }
        _ => Err("behind the amount comes nothing, `net BASE` or `CURRENCY = VALUE`".to_owned()),
    }
}

fn refund(program: &mut Program, name: &str, amount: &str, date: &str, more: &[&str]) -> Result<(), String> {
    let (id, state) = match more {
        [] => (None, RefundState::Succeeded),
        ["as", id] => (Some(*id), RefundState::Succeeded),
        ["as", id, "failed"] => (Some(*id), RefundState::Failed),
        ["as", id, "pending"] => (Some(*id), RefundState::Pending),
        _ => return Err("behind the date comes nothing or `as ID [failed|pending]`".to_owned()),
    };
    let (customer, payment, amount) = returned(program, name, amount)?;
    let source = match id {
        Some(id) => format!("refund {id} of {name} {date}"),
        None => format!("refund of {name} {date}"),
    };
    let refund = id.map_or_else(|| source.clone(), str::to_owned);
    let body = Body::Refund { payment, amount, refund, state };
    add(program, &customer.to_string(), &source, date, Attributes::default(), body)
}

/// The payment of a refund or dispute, its customer, and the amount in its currency.
fn returned(program: &Program, name: &str, amount: &str) -> Result<(u32, FactId, Money), String> {
    let (customer, fact) = program.fact_named(name).ok_or_else(|| format!("there is no payment {name}"))?;
    let Body::Payment { amount: paid, .. } = &fact.body else {
        return Err(format!("{name} is no payment"));
    };
    Ok((customer, fact.id, Money::from_micros(micros(amount)?, paid.currency())))
}

fn row(
    program: &mut Program,
    customer: &str,
    date: &str,
    words: &[&str],
    mut attributes: Attributes,
) -> Result<(), String> {
    let brand = attributes.brand.get_or_insert(ROWS.to_owned()).clone();
    let source = if brand == ROWS {
        format!("row {customer} {date}")
    } else {
        format!("row {customer} {date} {brand}")
    };
    let figures = figures(words)?;
    let body = Body::Activity { revision: program.revisions(&source) + 1, figures: Some(Box::new(figures)) };
    add(program, customer, &source, date, attributes, body)
}

fn figures(words: &[&str]) -> Result<Figures, String> {
    let mut figures = Figures::default();
    for pair in words.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} has no value", pair.join(" "))) };
        let value = micros(value)?;
        let count = u32::try_from(value / 1_000_000).map_err(|_| format!("{name} is no count"));
        let (name, play): (&str, &mut Play) = match name.split_once('.') {
            Some(("casino", name)) => (name, figures.casino.get_or_insert_default()),
            Some(("sport", name)) => (name, figures.sport.get_or_insert_default()),
            _ => (name, &mut figures.play),
        };
        match name {
            "pnl" => play.pnl = value,
            "bonuses" => play.bonuses = value,
            "deductions" => play.deductions = value,
            "volume" => play.volume = value,
            "first" => figures.first_deposit = Some(value),
            "deposits" => figures.deposits = value,
            "withdrawals" => figures.withdrawals = value,
            "chargebacks" => figures.chargebacks = value,
            "played" => figures.activity_count = count?,
            other => return Err(format!("{other} is no figure of a player's day")),
        }
    }
    Ok(figures)
}

fn add(
    program: &mut Program,
    customer: &str,
    name: &str,
    date: &str,
    attributes: Attributes,
    body: Body,
) -> Result<(), String> {
    let (customer, occurred_at) = (number(customer)?, moment(date)?);
    let known = program.names.iter().find(|(_, known)| *known == name).map(|(id, _)| *id);
    let id = match known {
        Some(id) if matches!(body, Body::Activity { .. }) => id,
        Some(_) => return Err(format!("{name} is known already; `again` delivers the last fact once more")),
        None => FactId(Uuid::from_u128(program.names.len() as u128 + 1)),
    };
    program.names.insert(id, name.to_owned());
    program.take(customer, Fact { id, occurred_at, source: name.to_owned(), attributes, body });
    Ok(())
}

fn attributes<'a>(words: &[&'a str]) -> Result<(Vec<&'a str>, Attributes), String> {
    let mut attributes = Attributes::default();
    let mut rest = Vec::new();
    for word in words {
        let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            rest.push(*word);
            continue;
        };
        let text = Some(value.to_owned());
        match name {
            "brand" => attributes.brand = text,
            "country" => attributes.country = text,
            "product" => attributes.product = text,
            "plan" => attributes.plan = text,
            "campaign" => attributes.campaign = text,
            "coupon" => attributes.coupon = text,
            "interval" => {
                let interval = Interval::from_unit(value, 1);
                attributes.interval = Some(interval.ok_or_else(|| format!("{value} is no interval"))?);
            }
            other => return Err(format!("{other} is no attribute")),
        }
    }
    Ok((rest, attributes))
}

fn read<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not {what}"))
}

fn number(text: &str) -> Result<u32, String> {
    read(text, "a number of a customer or affiliate")
}

fn micros(text: &str) -> Result<i64, String> {
    parse_decimal(text).map_err(|error| error.to_string())
}

/// A date's first moment in UTC, or a moment to the minute.
fn moment(text: &str) -> Result<Timestamp, String> {
    let date = text.parse::<NaiveDate>().map(|date| date.and_time(chrono::NaiveTime::MIN).and_utc());
    let at = date.or_else(|_| format!("{text}:00Z").parse::<Timestamp>());
    at.ok()
        .filter(|at| is_plausible(*at))
        .ok_or_else(|| format!("{text} is no date such as 2026-01-31 and no moment such as 2026-01-31T23:30"))
}

/// A month such as 2026-03.
fn period(text: &str) -> Result<Period, String> {
    let first = moment(&format!("{text}-01")).map_err(|_| format!("{text} is no month such as 2026-03"))?;
    Ok(Period::of(first.date_naive()))
}
