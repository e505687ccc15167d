//! Tells an affiliate by mail of a payout.

use domain::ids::{AffiliateId, PayoutId};
use domain::money::Money;
use domain::payout::State;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::affiliate::AffiliateRow;
use store::job::{ClaimedJob, NewJob};
use store::payout::{Filter, PayoutRow};
use store::program::ProgramRow;

use crate::jobs::{Done, Failure};
use crate::outside::mail::Mail;
use crate::{App, random};

/// The kind of this job.
pub(crate) const KIND: &str = "payout_mail";

#[derive(Serialize, Deserialize)]
struct Payload {
    affiliate: AffiliateId,
    payout: PayoutId,
}

/// The job that tells an affiliate of a payout; enqueued in the transaction that makes the payout.
pub(crate) fn job(affiliate: AffiliateId, payout: PayoutId, now: Timestamp) -> NewJob {
    let payload = serde_json::to_value(Payload { affiliate, payout }).expect("two ids are plain data");
    NewJob { id: random::id(), kind: KIND, payload, run_at: now }
}

/// Reads what the mail says as it is now, and sends it.
pub(crate) async fn run(app: &App, job: &ClaimedJob, now: Timestamp) -> Result<Done, Failure> {
    let payload: Payload = serde_json::from_value(job.payload.clone())
        .map_err(|error| Failure::Permanent(format!("payload: {error}")))?;
    let (program, affiliate, payout) = read(app, job, &payload).await?;
    if matches!(payout.state, State::Failed | State::Cancelled | State::Returned) {
        return Ok(Done::Skipped("the payout did not go through"));
    }
    let Some(to) = affiliate.person.email.clone() else {
        return Ok(Done::Skipped("the affiliate has no e-mail address"));
    };
    let Some(mailer) = &app.0.mailer else {
        return Err(Failure::Transient("no mail server is configured".to_owned()));
    };
    let mail = Mail {
        id: job.id,
        to,
        subject: subject(&program, &payout),
        body: body(&program, &affiliate, &payout),
        sent_at: now,
    };
    mailer.send(&mail).await?;
    Ok(Done::Done)
}

/// Reads everything in one snapshot, which ends here: nothing is held while the mail is on its way.
async fn read(
    app: &App,
    job: &ClaimedJob,
    payload: &Payload,
) -> Result<(ProgramRow, AffiliateRow, PayoutRow), Failure> {
    let missing = |what: &str| Failure::Permanent(format!("{what} is not there"));
    let mut snapshot = store::snapshot(app.pool()).await?;
    let program = store::program::by_id(&mut snapshot, job.program).await?;
    let affiliate = store::affiliate::by_id(&mut snapshot, job.program, payload.affiliate).await?;
    let filter = Filter { id: Some(payload.payout), affiliate: Some(payload.affiliate), ..Filter::default() };
    let payout = store::payout::list(&mut snapshot, job.program, &filter, 0, 1).await?.pop();
    Ok((
        program.ok_or_else(|| missing("the program"))?,
        affiliate.ok_or_else(|| missing("the affiliate"))?,
        payout.ok_or_else(|| missing("the payout"))?,
    ))
}

fn subject(program: &ProgramRow, payout: &PayoutRow) -> String {
    format!("{}: payout of {}", program.name, amount(payout))
}

fn body(program: &ProgramRow, affiliate: &AffiliateRow, payout: &PayoutRow) -> String {
    let name = &program.name;
    let greeting = match affiliate.person.name.as_deref().map(str::trim) {
        None | Some("") => "Hello,".to_owned(),
        Some(person) => format!("Hello {person},"),
    };
    let amount = amount(payout);
    let news = match payout.state {
        State::Paid => format!("{name} has paid you {amount}."),
        _ => format!("A payout of {amount} from {name} to you is on its way."),
    };
    let (from, to) = (program.zone.date_of(payout.period.0), program.zone.date_of(payout.period.1));
    let period = if from == to { from.to_string() } else { format!("{from} to {to}") };
    let mut facts = format!("Payout: {}\nAmount: {amount}\nPeriod: {period}\n", payout.id);
    if let Some(details) = payout.details.payment_details.as_deref().filter(|text| !text.trim().is_empty()) {
        facts.push_str(&format!("Details: {details}\n"));
    }
    format!("{greeting}\n\n{news}\n\n{facts}\nThis mail was sent automatically on behalf of {name}.\n")
}

fn amount(payout: &PayoutRow) -> Money {
    Money::from_micros(payout.amount_micros, payout.currency)
}
