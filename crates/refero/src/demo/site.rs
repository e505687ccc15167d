//! `/demo/`, served by `refero demo` only: a small customer's site to try tracking on. A partner's page with a link, a
//! landing page with the script, a sign-up, a payment, and what the partner then sees. It stands for the customer's own
//! server: it knows who signed up, and records what they pay.

mod pages;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use app::affiliate::AffiliateRow;
use app::ingest::{Ask, submit};
use app::link::{Fields, NewLink};
use app::program::{Changes, TrackingChanges};
use app::widget::Settings;
use app::{App, Caller};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::affiliate::Status;
use domain::command::{Command, Customer, Operation, Payment};
use domain::currency::Currency;
use domain::ids::{AffiliateId, ProgramId};
use domain::link::Code;
use domain::money::{MICROS, Money};
use domain::text::{Email, Name, Source, Uid};
use tower_http::set_header::SetResponseHeaderLayer;
use uuid::Uuid;

use crate::failure::{Failure, Outcome};

/// The code of the partner's link.
const CODE: &str = "fernhill-helpdesk";

/// The price of the plan that is sold here, in whole euros.
const PRICE: i64 = 79;

/// So many sign-ups are remembered.
const REMEMBERED: usize = 1000;

/// Everything on a page comes from the server itself, and nothing of it is inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The site of the program that sells subscriptions.
#[derive(Clone)]
pub(super) struct Site(Arc<Inner>);

struct Inner {
    app: App,
    program: ProgramId,
    /// What names the program in a browser.
    tracking: Uuid,
    /// Where the partner's link leads through.
    link: String,
    partner: AffiliateRow,
    widget: (Uuid, String),
    customers: Mutex<VecDeque<Account>>,
}

/// Somebody who signed up on this site since it was started.
#[derive(Clone)]
struct Account {
    uid: String,
    email: String,
    payments: u32,
}

impl Site {
    /// Sets the program up for a site at an address: what links may lead to, the partner's link, the referral widget.
    pub(super) async fn new(
        app: &App,
        program: ProgramId,
        address: &str,
        listen: SocketAddr,
    ) -> Outcome<Site> {
        let caller = Caller::operator(program, app.now());
        let landing = format!("{address}/demo/fernhill");
        let mut hosts = app::program::show(app, &caller).await?.tracking.allowed_hosts;
        hosts.push(host(listen));
        let tracking = TrackingChanges { allowed_hosts: Some(hosts), ..TrackingChanges::default() };
        let changes = Changes { tracking, ..Changes::default() };
        let tracking = app::program::update(app, &caller, changes).await?.tracking.id;
        let partner = partner(app, &caller).await?;
        let link = link(app, &caller, partner.id, &landing).await?;
        let widget = widget(app, &caller, &landing).await?;
        let inner = Inner {
            app: app.clone(),
            program,
            tracking,
            link: format!("/c/{link}"),
            partner,
            widget,
            customers: Mutex::default(),
        };
        Ok(Site(Arc::new(inner)))
    }

    pub(super) fn router(self) -> Router {
        let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
        Router::new()
            .route("/demo/", get(article))
            .route("/demo/fernhill", get(landing))
            .route("/demo/sign-up", post(sign_up))
            .route("/demo/account/{uid}", get(account))
            .route("/demo/account/{uid}/pay", post(pay))
            .route("/demo/partner", get(earned))
            .route("/demo/site.js", get(script))
            .route("/demo/site.css", get(style))
            .route("/demo/icon.svg", get(icon))
            .layer(fixed(header::CACHE_CONTROL, "no-store"))
            .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .layer(fixed(header::CONTENT_SECURITY_POLICY, POLICY))
            .with_state(self)
    }

    fn caller(&self) -> Caller {
        Caller::operator(self.0.program, self.0.app.now())
    }

    fn account(&self, uid: &str) -> Option<Account> {
        let customers = self.0.customers.lock().expect("nothing panics while it holds this");
        customers.iter().find(|account| account.uid == uid).cloned()
    }
}

/// The host of an address, as links name it.
fn host(address: SocketAddr) -> String {
    match super::on_this_machine(address) {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

/// The first approved affiliate that the demo made.
async fn partner(app: &App, caller: &Caller) -> Outcome<AffiliateRow> {
    let filter =
        app::affiliate::Filter { statuses: vec![Status::Approved], ..app::affiliate::Filter::default() };
    let rows = app::affiliate::list(app, caller, &filter, 1, 1).await?;
    rows.into_iter().next().ok_or_else(|| Failure::new("the demo has no affiliate to show"))
}

/// The partner's link to the landing page, whose address may be another one at each start.
async fn link(app: &App, caller: &Caller, affiliate: AffiliateId, landing: &str) -> Outcome<Code> {
    let code = Code::parse(CODE)?;
    let fields = Fields { destination_url: Some(Some(landing.to_owned())), ..Fields::default() };
    let filter = app::link::Filter { code: Some(code.to_string()), ..app::link::Filter::default() };
    match app::link::list(app, caller, &filter, 1).await?.pop() {
        Some(known) => {
            app::link::update(app, caller, known.id, fields, false).await?;
        }
        None => {
            let new =
                NewLink { affiliate: Some(affiliate), code: Some(code.clone()), fields, is_default: false };
            app::link::create(app, caller, new).await?;
        }
    }
    Ok(code)
}

async fn widget(app: &App, caller: &Caller, landing: &str) -> Outcome<(Uuid, String)> {
    let settings = Settings {
        is_enabled: true,
        title: Name::parse("Recommend Fernhill Helpdesk")?,
        landing_url: landing.to_owned(),
        terms: "You may recommend us wherever you are allowed to. You earn by what those pay who sign up through your \
                link; rewards are confirmed after 30 days."
            .to_owned(),
        terms_url: None,
        advocate_reward: Some("20 % of what they pay, for a year".to_owned()),
        friend_reward: Some("a helpdesk that answers".to_owned()),
        share_text: "We answer our customers with Fernhill Helpdesk:".to_owned(),
        deal: None,
    };
    app::widget::put(app, caller, settings).await?;
    Ok(app::widget::renew_secret(app, caller).await?)
}

/// What a partner writes, with its link.
async fn article(State(site): State<Site>) -> Response {
    pages::article(name(&site.0.partner), &site.0.link)
}

fn name(partner: &AffiliateRow) -> &str {
    partner.person.name.as_deref().unwrap_or(&partner.slug)
}

/// The page that links lead to, with the script.
async fn landing(State(site): State<Site>) -> Response {
    pages::landing(site.0.tracking)
}

/// Makes an account. Who referred it is told by the page that follows, as a site with the script does it.
async fn sign_up(State(site): State<Site>, body: Bytes) -> Response {
    let Some(email) = field(&body, "email").and_then(|text| Email::parse(&text).ok()) else {
        return pages::refused("That is no e-mail address; go back and try another one.");
    };
    let uid = format!("demo-{}", app::random::hex(&app::random::bytes::<6>()));
    let account = Account { uid: uid.clone(), email: email.to_string(), payments: 0 };
    let mut customers = site.0.customers.lock().expect("nothing panics while it holds this");
    if customers.len() >= REMEMBERED {
        customers.pop_front();
    }
    customers.push_back(account);
    Redirect::to(&format!("/demo/account/{uid}")).into_response()
}

/// A field of a form.
fn field(body: &[u8], name: &str) -> Option<String> {
    let uri: Uri = format!("/?{}", std::str::from_utf8(body).ok()?).parse().ok()?;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?;
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

async fn account(State(site): State<Site>, Path(uid): Path<String>) -> Response {
    let Some(account) = site.account(&uid) else {
        return (StatusCode::NOT_FOUND, pages::refused("Nobody signed up under this address."))
            .into_response();
    };
    let (product, secret) = &site.0.widget;
    let token = domain::widget::sign(&account.uid, *product, secret, site.0.app.now());
    pages::account(&account, site.0.tracking, *product, &token, PRICE)
}

/// Takes a payment, and tells Refero of it as the customer's server would.
async fn pay(State(site): State<Site>, Path(uid): Path<String>) -> Response {
    let number = {
        let mut customers = site.0.customers.lock().expect("nothing panics while it holds this");
        let account = customers.iter_mut().find(|account| account.uid == uid);
        account.map(|account| {
            account.payments += 1;
            account.payments
        })
    };
    let Some(number) = number else {
        return (StatusCode::NOT_FOUND, pages::refused("Nobody signed up under this address."))
            .into_response();
    };
    let Ok(payment) = payment(&uid, number) else { return pages::refused("This account cannot pay.") };
    let ask = Ask::new(Operation::Native, Command::Payment(payment));
    match submit(&site.0.app, site.0.program, site.0.app.now(), ask).await {
        Ok(_) => Redirect::to("/demo/partner").into_response(),
        Err(refused) => pages::refused(&format!(
            "Refero recorded no commission: {refused}. Nobody is known to have referred this customer; come through the \
             partner's link, with the script allowed."
        )),
    }
}

fn payment(uid: &str, number: u32) -> Outcome<Payment> {
    Ok(Payment {
        customer: Customer { uid: Some(Uid::parse(uid)?), ..Customer::default() },
        amount: Money::from_micros(PRICE * MICROS, Currency::EUR),
        base: None,
        attributes: domain::fact::Attributes::default(),
        sources: vec![Source::parse(&format!("{uid}-{number}"))?],
        subscription_id: None,
        interval: Some("month".to_owned()),
        interval_count: Some(1),
        occurred_at: None,
    })
}

/// What the partner sees.
async fn earned(State(site): State<Site>) -> Response {
    let filter =
        app::commission::Filter { affiliate: Some(site.0.partner.id), ..app::commission::Filter::default() };
    let caller = site.caller();
    let commissions = app::commission::list(&site.0.app, &caller, &filter, 10).await;
    let accounts = app::balance::of_affiliate(&site.0.app, &caller, site.0.partner.id).await;
    match (commissions, accounts) {
        (Ok(commissions), Ok(accounts)) => pages::earned(name(&site.0.partner), &commissions, &accounts),
        (Err(error), _) | (_, Err(error)) => {
            (StatusCode::SERVICE_UNAVAILABLE, pages::refused(&error.to_string())).into_response()
        }
    }
}

async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("site/site.js"))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("site/site.css"))
}

async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("site/icon.svg"))
}
