//! The pages of the demo's site, as text. What a person wrote is escaped; there is no inline script and no inline style.

use app::balance::AccountRow;
use app::commission::CommissionView;
use axum::response::{Html, IntoResponse as _, Response};
use domain::currency::Currency;
use domain::money::decimal;
use uuid::Uuid;

use super::Account;

/// A page of the customer's site carries the script; `attributes` of its body tell `site.js` what to do.
fn page(title: &str, attributes: &str, body: &str) -> Response {
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <link rel=\"icon\" href=\"/demo/icon.svg\"><link rel=\"stylesheet\" href=\"/demo/site.css\"></head>\
         <body {attributes}><main>{body}</main></body></html>",
        title = escaped(title),
    ))
    .into_response()
}

/// The tags and attributes by which a page of the customer's site is tracked.
fn tracked(tracking: Uuid, more: &str) -> String {
    format!("data-tracking=\"{tracking}\" {more}")
}

const SCRIPTS: &str = "<script src=\"/refero.js\"></script><script src=\"/demo/site.js\"></script>";

pub(super) fn article(partner: &str, link: &str) -> Response {
    let partner = escaped(partner);
    let body = format!(
        "<p class=\"step\">Step 1 of 4: a partner's page</p><h1>How we answer two hundred mails a day</h1>\
         <p>by {partner}</p>\
         <p>We have tried five helpdesks. The one that stayed is <a class=\"button\" href=\"{link}\">Fernhill \
         Helpdesk</a>.</p>\
         <p class=\"note\">The link is {partner}'s: <code>{link}</code>. Refero answers it with a signed click token and \
         leads on to the customer's site.</p>"
    );
    page("A partner's page", "", &body)
}

pub(super) fn landing(tracking: Uuid) -> Response {
    let body = format!(
        "<p class=\"step\">Step 2 of 4: the customer's site</p><h1>Fernhill Helpdesk</h1>\
         <p>Every mail is answered, by somebody who knows.</p>\
         <form method=\"post\" action=\"/demo/sign-up\"><label>Your e-mail address \
         <input type=\"email\" name=\"email\" value=\"visitor@example.com\" required></label>\
         <button>Sign up</button></form>\
         <p class=\"note\">This page has the script. It has kept the token of the click in the cookie <code>_rfr</code>.</p>\
         {SCRIPTS}"
    );
    page("Fernhill Helpdesk", &tracked(tracking, ""), &body)
}

pub(super) fn account(account: &Account, tracking: Uuid, product: Uuid, token: &str, price: i64) -> Response {
    let (uid, email) = (escaped(&account.uid), escaped(&account.email));
    let attributes = tracked(
        tracking,
        &format!(
            "data-uid=\"{uid}\" data-email=\"{email}\" data-product=\"{product}\" data-token=\"{token}\""
        ),
    );
    let body = format!(
        "<p class=\"step\">Step 3 of 4: signed up</p><h1>Welcome, {email}</h1>\
         <p>The page has told Refero of the sign-up.</p>\
         <form method=\"post\" action=\"/demo/account/{uid}/pay\"><button>Pay {price}.00 EUR for the first \
         month</button></form>\
         <p><button id=\"recommend\" type=\"button\" class=\"plain\">Recommend Fernhill</button></p>\
         <p class=\"note\">The customer is known as <code>{uid}</code>. The other button opens the referral widget.</p>\
         {SCRIPTS}"
    );
    page("Your account", &attributes, &body)
}

pub(super) fn earned(partner: &str, commissions: &[CommissionView], accounts: &[AccountRow]) -> Response {
    let rows: String = commissions
        .iter()
        .map(|commission| {
            let currency: Option<Currency> = commission.currency.parse().ok();
            let exponent = currency.map_or(2, |currency| currency.exponent());
            format!(
                "<tr><td>{}</td><td class=\"amount\">{} {}</td><td>{}</td></tr>",
                commission.occurred_at.format("%Y-%m-%d %H:%M:%S"),
                decimal(commission.standing_micros.into(), exponent),
                escaped(&commission.currency),
                commission.state().as_str(),
            )
        })
        .collect();
    let balances: String = accounts
        .iter()
        .map(|account| {
            let show = |micros: i128| decimal(micros, account.currency.exponent());
            let balances = &account.balances;
            let currency = account.currency.code();
            format!(
                "<p>Held <b id=\"pending\">{} {currency}</b>, due <b>{} {currency}</b>.</p>",
                show(balances.pending()),
                show(balances.due())
            )
        })
        .collect();
    let body = format!(
        "<p class=\"step\">Step 4 of 4: what the partner sees</p><h1>{partner}'s commissions</h1>{balances}\
         <table><thead><tr><th>When</th><th>Commission</th><th>State</th></tr></thead><tbody>{rows}</tbody></table>\
         <p class=\"note\">The newest ten. A commission is held for 30 days, in case the payment is returned.</p>\
         <p><a href=\"/demo/\">Once more</a></p>",
        partner = escaped(partner),
    );
    page("Commissions", "", &body)
}

pub(super) fn refused(message: &str) -> Response {
    page(
        "Not done",
        "",
        &format!("<h1>Not done</h1><p>{}</p><p><a href=\"/demo/\">Start again</a></p>", escaped(message)),
    )
}

/// Text inside an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
