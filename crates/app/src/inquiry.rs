//! Inquiries: an affiliate files a sale that it misses, with what it has as evidence; the staff looks and answers. An
//! accepted one puts the customer down to the affiliate, forward only.

use domain::attribution::Code;
use domain::command::{AffiliateName, ClickName, Command, Operation, Registration};
use domain::fact::Attributes;
use domain::ids::{AffiliateId, PersonId, ReferralId};
use domain::text::{Email, Source, Uid};
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::Tx;
pub use store::inquiry::{Filter, InquiryRow};
use store::name::Kind;

use crate::error::{Error, Result};
use crate::ingest::{Ask, Visitor, submit};
use crate::{App, Caller, random};

/// What an affiliate says of a sale that it misses.
#[derive(Clone, PartialEq, Debug)]
pub struct NewInquiry {
    /// Who asks; an affiliate's key asks for itself.
    pub affiliate: Option<AffiliateId>,
    /// The customer's id with the program.
    pub uid: Option<Uid>,
    /// The customer's e-mail address.
    pub email: Option<Email>,
    /// What the sale is called where the money moved: an order, a charge.
    pub source: Option<Source>,
    /// When it was, as far as it is known.
    pub occurred_at: Option<Timestamp>,
    /// A click that led to it.
    pub click: Option<String>,
    /// A coupon that was used.
    pub coupon: Option<Code>,
    /// What else there is to say.
    pub message: String,
}

/// What the staff answers.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// Whether the customer is the affiliate's.
    pub is_accepted: bool,
    /// What the affiliate is told.
    pub text: String,
}

/// Files an inquiry.
pub async fn create(
    app: &App,
    caller: &Caller,
    new: NewInquiry,
    visitor: Option<Visitor>,
) -> Result<InquiryRow> {
    let affiliate = caller.visible_affiliate(new.affiliate)?;
    let affiliate =
        affiliate.ok_or_else(|| Error::invalid("affiliate_id", "say for which affiliate the inquiry is"))?;
    domain::text::check(&new.message, 4000).map_err(|error| Error::invalid("message", error))?;
    if new.uid.is_none() && new.email.is_none() && new.source.is_none() {
        let message = "name the customer by uid or email, or the sale by payment_id";
        return Err(Error::invalid("uid", message));
    }
    let evidence = evidence(app, caller, &new).await?;
    let id = app.0.counters.next(app.pool(), caller.program, "inquiry").await?;
    let person = store::inquiry::person(
        PersonId(random::id()),
        new.email.as_ref().map(ToString::to_string),
        new.uid.as_ref().map(ToString::to_string),
        &new.message,
    );
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let asks = store::affiliate::by_id(tx.read(), caller.program, affiliate).await?;
    let asks =
        asks.ok_or_else(|| Error::invalid("affiliate_id", format!("there is no affiliate {affiliate}")))?;
    let row = InquiryRow {
        id,
        affiliate_id: affiliate.0,
        person_id: person.id.0,
        state: "open".to_owned(),
        source: new.source.as_ref().map(ToString::to_string),
        occurred_at: new.occurred_at,
        evidence,
        referral_id: None,
        answer: None,
        created_at: caller.now,
        answered_at: None,
        uid: person.uid.clone(),
        email: person.email.clone(),
        contact: person.contact.clone(),
    };
    store::person::append(&mut tx, caller.program, &[person]).await?;
    store::inquiry::append(&mut tx, caller.program, &row).await?;
    // What the affiliate itself comes with tells its own registrations later.
    if let (Some(visitor), true) = (visitor, caller.require_operator().is_err()) {
        store::person::seen_with(&mut tx, caller.program, asks.person.id, &visitor).await?;
    }
    let body = json!({ "inquiry": id, "affiliate": affiliate, "evidence": row.evidence });
    crate::key::log(app, &mut tx, caller, "inquiry.filed", body).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    Ok(row)
}

/// What was attached, each with what this server can say of it. No personal data.
async fn evidence(app: &App, caller: &Caller, new: &NewInquiry) -> Result<Value> {
    let mut found = Vec::new();
    if let Some(text) = &new.click {
        let at = new.occurred_at.unwrap_or(caller.now);
        let program = crate::program::show(app, caller).await?;
        let verified =
            crate::click::verify(app, caller.program, text, at, program.tracking.cookie_days).await?;
        found.push(match verified {
            Ok(token) => json!({
                "kind": "click", "name": token.click().to_string(), "is_ours": true, "link_id": token.link,
                "clicked_at": token.clicked_at(),
            }),
            Err(error) => json!({ "kind": "click", "is_ours": false, "finding": error.to_string() }),
        });
    }
    if let Some(code) = &new.coupon {
        let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
        let known = store::coupon::named(&mut connection, caller.program, &[code.to_string()]).await?;
        let asks = caller.visible_affiliate(new.affiliate)?;
        let is_own = known.first().is_some_and(|row| Some(row.affiliate) == asks);
        found.push(json!({ "kind": "coupon", "name": code, "is_own": is_own }));
    }
    Ok(Value::Array(found))
}

/// A list of inquiries, oldest first. An affiliate's key sees its own.
pub async fn list(app: &App, caller: &Caller, filter: &Filter, limit: i64) -> Result<Vec<InquiryRow>> {
    let affiliate = caller.visible_affiliate(filter.affiliate)?;
    let filter = Filter { affiliate, ..filter.clone() };
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let mut rows = store::inquiry::list(&mut connection, caller.program, &filter, limit).await?;
    if caller.require_operator().is_err() {
        // Whose customer it is now is not the affiliate's to know, unless it is its own.
        rows.iter_mut().filter(|row| row.state != "accepted").for_each(|row| row.referral_id = None);
    }
    Ok(rows)
}

/// An inquiry by number.
pub async fn show(app: &App, caller: &Caller, id: i64) -> Result<InquiryRow> {
    let filter = Filter { id: Some(id), ..Filter::default() };
    let found = list(app, caller, &filter, 1).await?.pop();
    found.ok_or_else(|| Error::NotFound(format!("there is no inquiry {id}")))
}

/// The referral that the customer or the sale of an inquiry belongs to.
pub async fn referral_of(app: &App, caller: &Caller, row: &InquiryRow) -> Result<Option<ReferralId>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let secret = &app.0.secret;
    let named = [
        row.uid.as_deref().map(|uid| (Kind::Uid, uid)),
        row.email.as_deref().map(|email| (Kind::Email, email)),
        row.source.as_deref().map(|source| (Kind::Source, source)),
    ];
    for (kind, text) in named.into_iter().flatten() {
        let name = secret.name(kind, &[text]);
        let Some(subject) = store::name::subject(&mut connection, caller.program, name).await? else {
            continue;
        };
        if kind != Kind::Source {
            return Ok(Some(ReferralId(subject)));
        }
        let facts =
            store::fact::by_ids(&mut connection, caller.program, &[domain::ids::FactId(subject)]).await?;
        if let Some(referral) = facts.first().and_then(|fact| fact.referral) {
            return Ok(Some(referral));
        }
    }
    Ok(None)
}

/// Answers an inquiry. Accepted, the customer is the affiliate's: a referral of somebody else is reassigned from now on, an
/// unknown customer is registered as of now. Answered the same way again it answers as before.
pub async fn answer(app: &App, caller: &Caller, id: i64, answer: Answer) -> Result<InquiryRow> {
    caller.require_operator()?;
    domain::text::check(&answer.text, 4000).map_err(|error| Error::invalid("answer", error))?;
    crate::review::in_turn(app, caller, async |caller| answer_in_turn(app, caller, id, answer).await).await
}

async fn answer_in_turn(app: &App, caller: &Caller, id: i64, answer: Answer) -> Result<InquiryRow> {
    let row = show(app, caller, id).await?;
    let state = if answer.is_accepted { "accepted" } else { "declined" };
    match row.state.as_str() {
        "open" => {}
        known if known == state => return Ok(row),
        known => {
            let message = format!("the inquiry is {known} already");
            return Err(Error::Conflict { code: "answered", message });
        }
    }
    let known = referral_of(app, caller, &row).await?;
    let referral = if answer.is_accepted { Some(put_down(app, caller, &row, known).await?) } else { known };
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let done = store::inquiry::answer(&mut tx, caller.program, id, state, &answer.text, referral, caller.now)
        .await?;
    if done {
        let body =
            json!({ "inquiry": id, "affiliate": row.affiliate_id, "state": state, "referral": referral });
        crate::key::log(app, &mut tx, caller, "inquiry.answered", body).await?;
        tx.commit().await?;
        app.0.sequencer.notify(caller.program);
    } else {
        tx.rollback().await?;
    }
    show(app, caller, id).await
}

/// Puts the customer of an accepted inquiry down to the affiliate that asked.
async fn put_down(
    app: &App,
    caller: &Caller,
    row: &InquiryRow,
    known: Option<ReferralId>,
) -> Result<ReferralId> {
    if let Some(referral) = known {
        let view = crate::referral::show(app, caller, referral).await?;
        if view.referral.affiliate != row.affiliate() {
            let reason = format!("inquiry {} was accepted", row.id);
            crate::attribution::reassign(app, caller, referral, row.affiliate(), &reason).await?;
        }
        return Ok(referral);
    }
    let bad = |field: &str| Error::invalid(field, "the inquiry names no customer by it");
    let registration = Registration {
        affiliate: Some(AffiliateName::Id(row.affiliate())),
        other_affiliates: Vec::new(),
        clicks: Vec::<ClickName>::new(),
        uid: row.uid.as_deref().map(Uid::parse).transpose().map_err(|_| bad("uid"))?,
        email: row.email.as_deref().map(Email::parse).transpose().map_err(|_| bad("email"))?,
        attributes: Attributes::default(),
        occurred_at: None,
    };
    if registration.uid.is_none() && registration.email.is_none() {
        let message =
            "the inquiry names no customer, and its sale is not known; decline it, or ask for the customer";
        return Err(Error::Conflict { code: "unknown_customer", message: message.to_owned() });
    }
    let ask = Ask::new(Operation::Native, Command::Registration(registration));
    let recorded = submit(app, caller.program, caller.now, ask).await?;
    recorded.referral.ok_or(Error::Unavailable)
}
