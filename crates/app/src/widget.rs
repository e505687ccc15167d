//! The in-app referral widget of a program: its settings and its secret. Who joins by it is in `widget/advocate.rs`.

mod advocate;

use domain::ids::DealId;
use domain::link::Destination;
use domain::text::Name;
use serde_json::json;
pub use store::widget::WidgetRow;
use store::{Tx, change};
use uuid::Uuid;

pub use advocate::{Advocate, Details, Status, join, status};

use crate::error::{Error, Result};
use crate::{App, Caller, random};

/// What a program says about its widget.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Whether it answers.
    pub is_enabled: bool,
    /// What the dialog is called.
    pub title: Name,
    /// Where personal links lead; `refby=` and the advocate's slug are added.
    pub landing_url: String,
    /// What whoever joins agrees to.
    pub terms: String,
    /// Where the terms can be read in full.
    pub terms_url: Option<String>,
    /// What the advocate gets, in words.
    pub advocate_reward: Option<String>,
    /// What her friend gets, in words.
    pub friend_reward: Option<String>,
    /// What is written beside a shared link.
    pub share_text: String,
    /// The deal of whoever joins from now on.
    pub deal: Option<DealId>,
}

/// Terms are this long at most, in characters; shorter texts 500.
const TERMS: usize = 20_000;
const SENTENCE: usize = 500;

/// The widget of the caller's program, if it has one.
pub async fn show(app: &App, caller: &Caller) -> Result<Option<WidgetRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::widget::by_program(&mut connection, caller.program).await?)
}

/// Makes or changes the widget of the caller's program.
pub async fn put(app: &App, caller: &Caller, settings: Settings) -> Result<WidgetRow> {
    caller.require_operator()?;
    check(&settings)?;
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    if let Some(deal) = settings.deal {
        let known = store::deal::newest(tx.read(), caller.program, deal).await?;
        known.ok_or_else(|| Error::invalid("deal_id", format!("there is no deal {deal}")))?;
    }
    let known = store::widget::by_program(tx.read(), caller.program).await?;
    let (product, secret_salt, created_at) = match known {
        Some(known) => (known.product, known.secret_salt, known.created_at),
        None => (random::id(), random::bytes(), caller.now),
    };
    let row = WidgetRow {
        product,
        secret_salt,
        is_enabled: settings.is_enabled,
        title: settings.title.to_string(),
        landing_url: settings.landing_url,
        terms: settings.terms,
        terms_url: settings.terms_url,
        advocate_reward: settings.advocate_reward,
        friend_reward: settings.friend_reward,
        share_text: settings.share_text,
        deal: settings.deal,
        created_at,
        updated_at: caller.now,
    };
    write(app, tx, caller, &row, "widget.changed").await?;
    Ok(row)
}

/// Draws a new secret for the tokens of the caller's program and returns it with the product; the one before stops to
/// count at once. It can be shown this once.
pub async fn renew_secret(app: &App, caller: &Caller) -> Result<(Uuid, String)> {
    caller.require_operator()?;
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let known = store::widget::by_program(tx.read(), caller.program).await?;
    let known = known.ok_or_else(|| {
        Error::NotFound("there is no referral widget yet; PUT /v1/referral-widget makes it".to_owned())
    })?;
    let row = WidgetRow { secret_salt: random::bytes(), updated_at: caller.now, ..known };
    write(app, tx, caller, &row, "widget.secret_renewed").await?;
    Ok((row.product, app.0.secret.widget_secret(caller.program, &row.secret_salt)))
}

async fn write(app: &App, mut tx: Tx, caller: &Caller, row: &WidgetRow, kind: &'static str) -> Result<()> {
    store::widget::put(&mut tx, caller.program, row).await?;
    let body = json!({
        "product": row.product, "is_enabled": row.is_enabled, "landing_url": row.landing_url, "deal": row.deal,
    });
    crate::key::log(app, &mut tx, caller, kind, body).await?;
    change::announce(&mut tx, caller.program, "widget", &row.product.to_string()).await?;
    tx.commit().await?;
    Ok(())
}

fn check(settings: &Settings) -> Result<()> {
    let texts = [
        ("terms", Some(&settings.terms), TERMS),
        ("advocate_reward", settings.advocate_reward.as_ref(), SENTENCE),
        ("friend_reward", settings.friend_reward.as_ref(), SENTENCE),
        ("share_text", Some(&settings.share_text), SENTENCE),
    ];
    for (field, text, limit) in texts {
        let checked = text.map_or(Ok(()), |text| domain::text::check(text, limit));
        checked.map_err(|error| Error::invalid(field, error))?;
    }
    for (field, url) in
        [("landing_url", Some(&settings.landing_url)), ("terms_url", settings.terms_url.as_ref())]
    {
        let Some(url) = url else { continue };
        Destination::parse(url).map_err(|error| Error::invalid(field, error))?;
        if url.contains("{{") {
            return Err(Error::invalid(
                field,
                "macros are filled in by redirects; this address is used as it is",
            ));
        }
    }
    Ok(())
}
