//! Postbacks: affiliates, and the program for all of them, say where to call when something happened; here are the
//! definitions, and the list of calls with their answers. What is called for is found in `watch`, and called by a job.

mod visit;
pub(crate) mod watch;

use domain::ids::{AffiliateId, DealId};
use domain::postback::{Escape, Method, Template, Trigger, check_url};
use domain::text::Name;
use serde_json::json;
use store::Tx;
pub use store::postback::{DeliveryRow, PostbackRow};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::outside::http;
use crate::{App, Caller};

/// A definition as it is asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct NewPostback {
    /// Its name.
    pub name: Name,
    /// Whose customers; those of all affiliates if `None`. An affiliate's key defines its own.
    pub affiliate: Option<AffiliateId>,
    /// Only customers under this deal.
    pub deal: Option<DealId>,
    /// What it is for.
    pub trigger: Trigger,
    /// How it is sent.
    pub method: Method,
    /// Where to, with macros.
    pub url: String,
    /// What, with macros; of a POST alone.
    pub body: Option<String>,
}

/// What is changed of a definition.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes {
    /// Its name.
    pub name: Option<Name>,
    /// Where to.
    pub url: Option<String>,
    /// What.
    pub body: Option<Option<String>>,
    /// Whether it is sent.
    pub active: Option<bool>,
}

/// Definitions of an affiliate at most: each is called for each of its customers.
const DEFINITIONS: i64 = 20;

/// The longest body, in characters.
const BODY: usize = 10_000;

fn check(row: &PostbackRow) -> Result<()> {
    match (&row.body, row.method) {
        (Some(_), Method::Get) => Err(Error::invalid("body", "a GET has none; expected the method POST")),
        (Some(body), Method::Post) => {
            domain::text::check(body, BODY).map_err(|error| Error::invalid("body", error))?;
            body.parse::<Template>().map_err(|error| Error::invalid("body", error)).map(|_| ())
        }
        (None, _) => Ok(()),
    }
}

/// Refuses an address that could never be called, whatever its macros stand for.
fn check_address(url: &str) -> Result<()> {
    let template = check_url(url).map_err(|error| Error::invalid("url", error))?;
    let values = domain::postback::macros().map(|name| (name, "x".to_owned())).collect();
    http::check(&template.fill(&values, Escape::Percent)).map_err(|error| {
        let shown: String = url.chars().take(200).collect();
        let example = "https://example.com/?id={{afp}}";
        Error::invalid("url", format!("{shown:?} cannot be called: {error}; expected one such as {example}"))
    })
}

/// Defines a postback. It tells of what happens from now on.
pub async fn create(app: &App, caller: &Caller, new: NewPostback) -> Result<PostbackRow> {
    let affiliate = caller.visible_affiliate(new.affiliate)?;
    let row = PostbackRow {
        id: 0,
        affiliate,
        deal: new.deal,
        name: new.name.as_str().to_owned(),
        trigger: new.trigger,
        method: new.method,
        url: new.url,
        body: new.body,
        active: true,
        created_at: caller.now,
        updated_at: caller.now,
    };
    check_address(&row.url)?;
    check(&row)?;
    let id = app.0.counters.next(app.pool(), caller.program, "postback").await?;
    let row = PostbackRow { id, ..row };
    // What has happened and has no number yet is not news to it.
    crate::sequencer::number_all(app, caller.program).await;
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    if let Some(affiliate) = affiliate {
        let known = store::affiliate::by_id(tx.read(), caller.program, affiliate).await?;
        known.ok_or_else(|| Error::invalid("affiliate_id", format!("there is no affiliate {affiliate}")))?;
        let others =
            store::postback::page(tx.read(), caller.program, Some(affiliate), 0, DEFINITIONS).await?;
        if others.len() as i64 == DEFINITIONS {
            let message = format!(
                "affiliate {affiliate} has {DEFINITIONS} postbacks, which is the limit; change one of them"
            );
            return Err(Error::invalid("affiliate_id", message));
        }
    }
    if let Some(deal) = new.deal {
        let known = store::deal::newest(tx.read(), caller.program, deal).await?;
        known.ok_or_else(|| Error::invalid("deal_id", format!("there is no deal {deal}")))?;
    }
    store::postback::put(&mut tx, caller.program, &row).await?;
    store::postback::begin(&mut tx, caller.program).await?;
    let body = json!({ "postback": id, "affiliate": affiliate });
    crate::key::log(app, &mut tx, caller, "postback.created", body).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    Ok(row)
}

/// Changes a definition. Calls that wait stay as they are.
pub async fn update(app: &App, caller: &Caller, id: i64, changes: Changes) -> Result<PostbackRow> {
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let mut row = visible(store::postback::by_id(tx.read(), caller.program, id).await?, caller, id)?;
    row.name = changes.name.map_or(row.name, |name| name.as_str().to_owned());
    if let Some(url) = changes.url {
        check_address(&url)?;
        row.url = url;
    }
    row.body = changes.body.unwrap_or(row.body);
    row.active = changes.active.unwrap_or(row.active);
    row.updated_at = caller.now;
    check(&row)?;
    store::postback::put(&mut tx, caller.program, &row).await?;
    let body = json!({ "postback": id, "active": row.active });
    crate::key::log(app, &mut tx, caller, "postback.changed", body).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    Ok(row)
}

/// What is not the caller's is not there for it.
fn visible(row: Option<PostbackRow>, caller: &Caller, id: i64) -> Result<PostbackRow> {
    let own = caller.visible_affiliate(None)?;
    row.filter(|row| own.is_none() || row.affiliate == own)
        .ok_or_else(|| Error::NotFound(format!("there is no postback {id}")))
}

/// A definition.
pub async fn show(app: &App, caller: &Caller, id: i64) -> Result<PostbackRow> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    visible(store::postback::by_id(&mut connection, caller.program, id).await?, caller, id)
}

/// A page of definitions after a number, the oldest first.
pub async fn page(app: &App, caller: &Caller, after: Option<i64>, limit: i64) -> Result<Vec<PostbackRow>> {
    let own = caller.visible_affiliate(None)?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::postback::page(&mut connection, caller.program, own, after.unwrap_or(0), limit).await?)
}

/// A page of calls before one, the newest first: of a definition if one is given, and in a state if one is.
pub async fn deliveries(
    app: &App,
    caller: &Caller,
    postback: Option<i64>,
    state: Option<&str>,
    below: Option<Uuid>,
    limit: i64,
) -> Result<Vec<DeliveryRow>> {
    let own = caller.visible_affiliate(None)?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let wanted = (postback, own, state);
    Ok(store::postback::deliveries(&mut connection, caller.program, wanted, below, limit).await?)
}

/// Makes a call again, whatever came of it before.
pub async fn resend(app: &App, caller: &Caller, id: Uuid) -> Result<DeliveryRow> {
    let missing = || Error::NotFound(format!("there is no call {id}"));
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let mut row = store::postback::delivery(tx.read(), caller.program, id).await?.ok_or_else(missing)?;
    let postback = store::postback::by_id(tx.read(), caller.program, row.postback).await?;
    visible(postback, caller, row.postback).map_err(|_| missing())?;
    if row.state == "waiting" {
        let message = format!("call {id} waits to be made, after {} attempts", row.attempts);
        return Err(Error::Conflict { code: "waiting", message });
    }
    store::postback::wait_again(&mut tx, caller.program, id, caller.now).await?;
    let job = crate::jobs::postback::job(id, caller.now);
    store::job::enqueue(&mut tx, caller.program, &[job]).await?;
    tx.commit().await?;
    app.0.jobs.wake();
    "waiting".clone_into(&mut row.state);
    row.updated_at = caller.now;
    Ok(row)
}
