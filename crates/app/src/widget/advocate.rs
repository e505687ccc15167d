//! Advocates: users of a program who join its referral programme in the widget. Each is an affiliate, made when she joins;
//! what her link brings is attributed and earned like any other affiliate's.

use domain::ids::{AffiliateId, PersonId, ProgramId};
use domain::link::Code;
use domain::text::{Email, Name, Uid};
use domain::time::Timestamp;
use store::affiliate::{AffiliateRow, Profile};
use store::name::{Hash, Kind};
use store::person::PersonRow;
use store::widget::WidgetRow;
use store::{Connection, Tx};
use uuid::Uuid;

use crate::balance::AccountRow;
use crate::error::{Error, Result};
use crate::visit::Origin;
use crate::{App, Caller, random};

/// What a program's page says about its user. It is not signed, so it is kept as what somebody said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Details {
    /// E-mail address.
    pub email: Option<Email>,
    /// First and last name.
    pub name: Option<Name>,
    /// The company she works for.
    pub company: Option<Name>,
}

/// What the widget shows.
#[derive(Clone, PartialEq, Debug)]
pub struct Status {
    /// Its settings.
    pub widget: WidgetRow,
    /// The user, if she has joined.
    pub advocate: Option<Advocate>,
}

/// A user who has joined.
#[derive(Clone, PartialEq, Debug)]
pub struct Advocate {
    /// Her personal link.
    pub link: String,
    /// When she joined.
    pub joined_at: Timestamp,
    /// What she earned, by currency, and the figures of those she referred.
    pub accounts: Vec<AccountRow>,
}

/// A user whose token was believed.
struct User {
    program: ProgramId,
    widget: WidgetRow,
    uid: Uid,
    hash: Hash,
}

/// What the widget shows to the user whom a token names.
pub async fn status(app: &App, product: &str, token: &str, now: Timestamp) -> Result<Status> {
    let user = authenticate(app, product, token, now).await?;
    shown(app, user).await
}

/// The user whom a token names joins; whoever has joined before is shown how things stand.
pub async fn join(
    app: &App,
    product: &str,
    token: &str,
    now: Timestamp,
    details: Details,
    origin: &Origin,
) -> Result<Status> {
    let user = authenticate(app, product, token, now).await?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let known = store::widget::advocate(&mut connection, user.program, user.hash).await?;
    drop(connection);
    if known.is_none() {
        make(app, &user, details, now, origin).await?;
    }
    shown(app, user).await
}

async fn authenticate(app: &App, product: &str, token: &str, now: Timestamp) -> Result<User> {
    let unknown =
        || Error::NotFound(format!("there is no product {:?}", product.chars().take(64).collect::<String>()));
    let product: Uuid = product.parse().map_err(|_| unknown())?;
    let program = store::widget::program_of(app.pool(), product).await?.ok_or_else(unknown)?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let widget = store::widget::by_program(&mut connection, program).await?;
    let widget = widget.filter(|widget| widget.is_enabled).ok_or_else(unknown)?;
    let secret = app.0.secret.widget_secret(program, &widget.secret_salt);
    let uid = domain::widget::verify(token, product, &secret, now)
        .map_err(|error| Error::invalid("auth_token", error))?;
    let hash = app.0.secret.name(Kind::Uid, &["advocate", uid.as_str()]);
    Ok(User { program, widget, uid, hash })
}

/// Makes the affiliate of a user. Of two calls at once one makes it, and the other finds it made.
async fn make(app: &App, user: &User, details: Details, now: Timestamp, origin: &Origin) -> Result<()> {
    let caller = Caller::operator(user.program, now);
    let id = AffiliateId(app.0.counters.next(app.pool(), user.program, "affiliate").await?);
    let mut row = affiliate(id, user, details, now);
    // Her own registrations are told by that.
    row.person.visitor = origin.visitor(app, user.program).map(|visitor| visitor.to_vec());
    let mut tx = Tx::begin(app.pool(), user.program).await?;
    store::affiliate::append(&mut tx, user.program, &row).await?;
    if !store::widget::append_advocate(&mut tx, user.program, user.hash, id, now).await? {
        return Ok(tx.rollback().await?);
    }
    crate::key::log(app, &mut tx, &caller, "affiliate.created", crate::affiliate::told(&row)).await?;
    tx.commit().await?;
    Ok(())
}

fn affiliate(id: AffiliateId, user: &User, details: Details, now: Timestamp) -> AffiliateRow {
    let email = details.email.map(String::from);
    let mut person = PersonRow::customer(PersonId(random::id()), email, Some(user.uid.to_string()));
    person.name = Some(details.name.map_or_else(|| format!("Advocate {id}"), String::from));
    AffiliateRow {
        id,
        person,
        // Drawn, so that a link that is passed around says nothing about her.
        slug: format!("{}{}", Code::drawn(random::bytes()), id),
        partner_key: random::hex(&random::bytes::<8>()),
        status: domain::affiliate::Status::Approved,
        deal: user.widget.deal,
        parent: None,
        manager: None,
        external_id: None,
        payment_method: 0,
        payout_threshold_micros: None,
        no_carry_over: None,
        api_access_enabled: false,
        profile: Profile { company: details.company.map(String::from), ..Profile::default() },
        created_at: now,
        updated_at: now,
    }
}

async fn shown(app: &App, user: User) -> Result<Status> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let advocate = match store::widget::advocate(&mut connection, user.program, user.hash).await? {
        Some((id, joined_at)) => Some(advocate(&mut connection, &user, id, joined_at).await?),
        None => None,
    };
    Ok(Status { widget: user.widget, advocate })
}

async fn advocate(
    connection: &mut Connection,
    user: &User,
    id: AffiliateId,
    joined_at: Timestamp,
) -> Result<Advocate> {
    let row = store::affiliate::by_id(connection, user.program, id).await?;
    let row = row.ok_or_else(|| Error::NotFound(format!("there is no affiliate {id}")))?;
    if !row.status.earns() {
        return Err(Error::Forbidden(
            "this user takes no part in the referral programme any more".to_owned(),
        ));
    }
    let accounts = store::account::of_affiliate(connection, user.program, id).await?;
    Ok(Advocate { link: link(&user.widget.landing_url, &row.slug), joined_at, accounts })
}

/// A personal link: the landing page with the advocate's slug.
fn link(landing_url: &str, slug: &str) -> String {
    let (page, fragment) = match landing_url.split_once('#') {
        Some((page, fragment)) => (page, format!("#{fragment}")),
        None => (landing_url, String::new()),
    };
    let joint = if page.contains('?') { '&' } else { '?' };
    let mut encoded = String::new();
    domain::link::encode(slug, &mut encoded);
    format!("{page}{joint}refby={encoded}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn the_slug_is_added_to_whatever_page() {
        for (page, expected) in [
            ("https://shop.example", "https://shop.example?refby=ann"),
            ("https://shop.example/a?b=c", "https://shop.example/a?b=c&refby=ann"),
            ("https://shop.example/a?b=c#d?e", "https://shop.example/a?b=c&refby=ann#d?e"),
        ] {
            assert_eq!(link(page, "ann"), expected);
        }
        assert_eq!(link("https://shop.example/", "é&x"), "https://shop.example/?refby=%C3%A9%26x");
    }
}
