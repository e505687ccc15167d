//! Links: made by the program or by the affiliate they belong to, changed, never deleted. Where a link may lead is read
//! against the program's allowed hosts each time it is set.

use domain::ids::{AffiliateId, LinkId};
use domain::link::{Code, Destination, HostPattern, Kind};
use serde_json::json;
pub use store::link::{Filter, LinkRow};
use store::program::ProgramRow;
use store::{Connection, StoreError, Tx, change};

use crate::error::{Error, Result};
use crate::program::tracking::line;
use crate::{App, Caller, random};

/// What a new link is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewLink {
    /// Whose it is; the affiliate's own for an affiliate's key.
    pub affiliate: Option<AffiliateId>,
    /// A code of one's own; drawn when it is not given.
    pub code: Option<Code>,
    /// The fields that may be changed later.
    pub fields: Fields,
    /// Whether it becomes the affiliate's default link.
    pub is_default: bool,
}

/// What may be set of a link; what is `None` stays as it is, or as it is for a new one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fields {
    /// What it is called.
    pub name: Option<Option<String>>,
    /// What it leads to.
    pub kind: Option<Kind>,
    /// Where it leads.
    pub destination_url: Option<Option<String>>,
    /// Where it leads while it is disabled.
    pub fallback_url: Option<Option<String>>,
    /// The brand it is for.
    pub brand: Option<Option<String>>,
    /// The campaign it is for.
    pub campaign: Option<Option<String>>,
    /// Whether it may be shown to everybody.
    pub is_public: Option<bool>,
    /// Whether it leads to its destination.
    pub is_enabled: Option<bool>,
}

/// Codes are drawn so often before the server gives up.
const DRAWS: usize = 5;

/// Makes a link.
pub async fn create(app: &App, caller: &Caller, new: NewLink) -> Result<LinkRow> {
    let affiliate = caller
        .visible_affiliate(new.affiliate)?
        .ok_or_else(|| Error::invalid("affiliate_id", "say whose link it is"))?;
    let id = LinkId(app.0.counters.next(app.pool(), caller.program, "link").await?);
    let mut row = LinkRow { is_default: new.is_default, ..bare(caller, affiliate, id) };
    for _ in 0..DRAWS {
        row.code = match &new.code {
            Some(code) => code.to_string(),
            None => Code::drawn(random::bytes()).to_string(),
        };
        match append(app, caller, &mut row, &new.fields).await {
            Err(Error::Conflict { code: "taken", .. }) if new.code.is_none() => {}
            done => return done.map(|()| row),
        }
    }
    Err(Error::Internal(crate::error::logged(&"every drawn code of a link was taken")))
}

async fn append(app: &App, caller: &Caller, row: &mut LinkRow, fields: &Fields) -> Result<()> {
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    let known = store::affiliate::by_id(tx.read(), caller.program, row.affiliate).await?;
    known
        .ok_or_else(|| Error::invalid("affiliate_id", format!("there is no affiliate {}", row.affiliate)))?;
    check_public(caller, row, fields)?;
    apply(tx.read(), &program, row, fields).await?;
    let is_default = std::mem::take(&mut row.is_default);
    let is_appended = store::link::append(&mut tx, caller.program, row).await?;
    row.is_default = is_default;
    if !is_appended {
        let message = format!("the code {:?} is taken; codes are unique on this server", row.code);
        return Err(Error::Conflict { code: "taken", message });
    }
    if is_default {
        store::link::make_default(&mut tx, caller.program, row.affiliate, row.id).await?;
    }
    crate::key::log(app, &mut tx, caller, "link.created", body(row)).await?;
    tx.commit().await?;
    made(app, caller, row).await;
    Ok(())
}

/// Tells the rest of the product of a link that is there now.
pub(crate) async fn made(app: &App, caller: &Caller, row: &LinkRow) {
    crate::click::link_made(app, &row.code).await;
    app.0.sequencer.notify(caller.program);
}

/// The number of the first link of an affiliate that is about to be made; `None` in a program without a page to lead to.
pub(crate) async fn first_number(app: &App, caller: &Caller) -> Result<Option<LinkId>> {
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    let program = crate::program::by_id(&mut connection, caller.program).await?;
    drop(connection);
    match program.tracking.fallback_url {
        Some(_) => Ok(Some(LinkId(app.0.counters.next(app.pool(), caller.program, "link").await?))),
        None => Ok(None),
    }
}

/// Makes the first link of an affiliate: its default one, to the program's own page, under its slug where that is still a
/// free code.
pub(crate) async fn append_first(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    (affiliate, slug): (AffiliateId, &str),
    id: LinkId,
) -> Result<LinkRow> {
    let mut row = LinkRow { is_default: true, ..bare(caller, affiliate, id) };
    let wanted = Code::parse(slug).ok().into_iter();
    for code in wanted.chain(std::iter::repeat_with(|| Code::drawn(random::bytes())).take(DRAWS)) {
        row.code = code.into();
        if store::link::append(tx, caller.program, &row).await? {
            crate::key::log(app, tx, caller, "link.created", body(&row)).await?;
            return Ok(row);
        }
    }
    Err(Error::Internal(crate::error::logged(&"every drawn code of a link was taken")))
}

/// The link of an affiliate that leads where another link leads: that link itself where it is the affiliate's own, else the
/// affiliate's link of the same kind, made now if there is none. An affiliate's key may ask for links that are shown to
/// everybody.
pub async fn build(
    app: &App,
    caller: &Caller,
    id: LinkId,
    affiliate: Option<AffiliateId>,
) -> Result<LinkRow> {
    let affiliate = caller
        .visible_affiliate(affiliate)?
        .ok_or_else(|| Error::invalid("affiliate_id", "say whose link it is to be"))?;
    let missing = || Error::NotFound(format!("there is no link {id}"));
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    let model = store::link::by_id(&mut connection, caller.program, id).await?.ok_or_else(missing)?;
    if model.affiliate == affiliate {
        return Ok(model);
    }
    if caller.require_operator().is_err() && !model.is_public {
        return Err(missing());
    }
    let filter = Filter { affiliate: Some(affiliate), ..Filter::default() };
    let own = store::link::list(&mut connection, caller.program, &filter, i64::MAX).await?;
    drop(connection);
    let what = |row: &LinkRow| {
        (row.destination_url.clone(), row.brand.clone(), row.campaign.clone(), row.kind, row.is_enabled)
    };
    if let Some(known) = own.into_iter().find(|row| what(row) == what(&model)) {
        return Ok(known);
    }
    let fields = Fields {
        name: Some(model.name),
        kind: Some(model.kind),
        destination_url: Some(model.destination_url),
        fallback_url: Some(model.fallback_url),
        brand: Some(model.brand),
        campaign: Some(model.campaign),
        is_public: None,
        is_enabled: Some(model.is_enabled),
    };
    create(app, caller, NewLink { affiliate: Some(affiliate), code: None, fields, is_default: false }).await
}

/// A link without anything of its own yet.
fn bare(caller: &Caller, affiliate: AffiliateId, id: LinkId) -> LinkRow {
    LinkRow {
        id,
        affiliate,
        code: String::new(),
        name: None,
        kind: Kind::Other,
        destination_url: None,
        fallback_url: None,
        brand: None,
        campaign: None,
        is_default: false,
        is_public: false,
        is_enabled: true,
        created_at: caller.now,
        updated_at: caller.now,
    }
}

/// Changes a link. Its code stays: it is printed somewhere.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: LinkId,
    fields: Fields,
    make_default: bool,
) -> Result<LinkRow> {
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    let mut row = by_id(tx.read(), caller, id).await?;
    check_public(caller, &row, &fields)?;
    apply(tx.read(), &program, &mut row, &fields).await?;
    row.updated_at = caller.now;
    store::link::update(&mut tx, caller.program, &row).await?;
    if make_default {
        store::link::make_default(&mut tx, caller.program, row.affiliate, id).await?;
        row.is_default = true;
    }
    crate::key::log(app, &mut tx, caller, "link.changed", body(&row)).await?;
    change::announce(&mut tx, caller.program, "link", &row.code).await?;
    tx.commit().await?;
    crate::click::link_changed(app, &row.code).await;
    app.0.sequencer.notify(caller.program);
    Ok(row)
}

/// Whether a link may be shown to everybody is the operator's word, on an affiliate's own links too.
fn check_public(caller: &Caller, row: &LinkRow, fields: &Fields) -> Result<()> {
    match fields.is_public.filter(|asked| *asked != row.is_public) {
        Some(asked) if caller.require_operator().is_err() => Err(Error::Forbidden(format!(
            "is_public: {asked} needs an operator key; the key given belongs to an affiliate"
        ))),
        _ => Ok(()),
    }
}

/// Sets what was given, once it is read as it must be.
async fn apply(
    connection: &mut Connection,
    program: &ProgramRow,
    row: &mut LinkRow,
    fields: &Fields,
) -> Result<()> {
    let allowed = allowed_hosts(program);
    let address = |field: &str, text: &Option<String>| -> Result<Option<String>> {
        let Some(text) = text else { return Ok(None) };
        let read =
            Destination::parse_allowed(text, &allowed).map_err(|error| Error::invalid(field, error))?;
        Ok(Some(read.as_str().to_owned()))
    };
    if let Some(name) = &fields.name {
        row.name = line("name", name.as_deref(), 200)?;
    }
    if let Some(destination) = &fields.destination_url {
        row.destination_url = address("destination_url", destination)?;
    }
    if let Some(fallback) = &fields.fallback_url {
        row.fallback_url = address("fallback_url", fallback)?;
    }
    if let Some(brand) = &fields.brand {
        row.brand = line("brand", brand.as_deref(), 64)?;
        if let Some(brand) = &row.brand {
            let brands = store::brand::list(connection, program.id).await?;
            if !brands.contains_key(brand) {
                let message = format!("there is no brand {brand:?}; make it with PUT /v1/brands/{{name}}");
                return Err(Error::invalid("brand", message));
            }
        }
    }
    if let Some(campaign) = &fields.campaign {
        row.campaign = line("campaign", campaign.as_deref(), 100)?;
    }
    row.kind = fields.kind.unwrap_or(row.kind);
    row.is_public = fields.is_public.unwrap_or(row.is_public);
    row.is_enabled = fields.is_enabled.unwrap_or(row.is_enabled);
    Ok(())
}

/// The hosts that a program's links may lead to.
pub(crate) fn allowed_hosts(program: &ProgramRow) -> Vec<HostPattern> {
    let hosts = program.tracking.allowed_hosts.iter();
    hosts.filter_map(|host| HostPattern::parse(host).ok()).collect()
}

fn body(row: &LinkRow) -> serde_json::Value {
    json!({
        "link": row.id, "affiliate": row.affiliate, "code": row.code, "destination_url": row.destination_url,
        "fallback_url": row.fallback_url, "brand": row.brand, "campaign": row.campaign, "is_default": row.is_default,
        "is_public": row.is_public, "is_enabled": row.is_enabled,
    })
}

/// A link by its number.
pub async fn show(app: &App, caller: &Caller, id: LinkId) -> Result<LinkRow> {
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    by_id(&mut connection, caller, id).await
}

/// A link that the caller may see: an affiliate's key knows no other's.
async fn by_id(connection: &mut Connection, caller: &Caller, id: LinkId) -> Result<LinkRow> {
    let own = caller.visible_affiliate(None)?;
    store::link::by_id(connection, caller.program, id)
        .await?
        .filter(|row| own.is_none_or(|own| row.affiliate == own))
        .ok_or_else(|| Error::NotFound(format!("there is no link {id}")))
}

/// A list of links by number.
pub async fn list(app: &App, caller: &Caller, filter: &Filter, limit: i64) -> Result<Vec<LinkRow>> {
    let affiliate = caller.visible_affiliate(filter.affiliate)?;
    let filter = Filter { affiliate, ..filter.clone() };
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    Ok(store::link::list(&mut connection, caller.program, &filter, limit).await?)
}

/// The address of a link: on the program's first own host, where the code stands alone, else on this server.
pub async fn address(app: &App, caller: &Caller, code: &str, requested_at: &str) -> Result<String> {
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    let program = crate::program::by_id(&mut connection, caller.program).await?;
    Ok(address_in(app, &program, code, requested_at))
}

/// [`address`] in a program that was read.
pub fn address_in(app: &App, program: &ProgramRow, code: &str, requested_at: &str) -> String {
    let own = program.tracking.hosts.iter().find(|host| !crate::click::is_shared_host(app, host.as_str()));
    match own {
        Some(host) => format!("https://{host}/{code}"),
        None => {
            let base = app.0.config.public_url.as_deref().unwrap_or(requested_at);
            format!("{}/c/{code}", base.trim_end_matches('/'))
        }
    }
}
