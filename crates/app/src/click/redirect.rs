//! What becomes of a click: where it leads, with which token, and what is recorded of it. Answered from memory; only a code
//! that is not there waits for one look-up.

use std::cell::LazyCell;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use domain::click::{Key, Signed, Token};
use domain::ids::ProgramId;
use domain::link::{Destination, Macro, encode};
use domain::time::Timestamp;
use domain::traffic::{self, Traffic};
use store::click::Grade;

use super::directory::{self, Found};
use super::link::{Leads, Link};
use super::programs::{self, Settings};
use super::record::{LONGEST_QUERY, Record};
use crate::{App, random};

/// The parameter of a click's address that names another page of the program: a deep link.
const DEEP_LINK: &str = "to";

/// A click as it comes in.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The code.
    pub code: &'a str,
    /// The program whose own host was asked; `None` on the shared one.
    pub host: Option<ProgramId>,
    /// The query of the address, without `?`.
    pub query: &'a str,
    /// What the visitor's program calls itself.
    pub agent: &'a [u8],
    /// The page the click came from.
    pub referrer: &'a [u8],
    /// The visitor's address.
    pub address: Option<IpAddr>,
    /// Whether it counts: HEAD and a look ahead do not.
    pub counts: bool,
    /// When it happened.
    pub now: Timestamp,
}

/// What a click is answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Onwards.
    Redirect {
        /// Where to.
        location: String,
        /// The cookie that keeps the click on this host.
        cookie: Option<Cookie>,
    },
    /// There is nothing to lead to: a plain page.
    NotFound,
}

/// A cookie of a click.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cookie {
    /// The program, which names the cookie.
    pub program: ProgramId,
    /// The token.
    pub token: Signed,
    /// How long it is kept.
    pub seconds: i64,
}

/// The program whose own host this is.
pub fn program_of_host(app: &App, host: &str) -> Option<ProgramId> {
    app.0.clicks.programs.of_host(host)
}

/// Answers a click from memory; `None` where its code must be looked up first.
pub fn from_memory(app: &App, visit: &Visit<'_>) -> Option<Answer> {
    let folded;
    let code = if visit.code.bytes().any(|letter| letter.is_ascii_uppercase()) {
        folded = visit.code.to_ascii_lowercase();
        folded.as_str()
    } else {
        visit.code
    };
    match app.0.clicks.directory.get(code) {
        Found::Link(link) => {
            let settings = app.0.clicks.programs.get(link.program)?;
            let key = app.0.clicks.keys.signing(visit.now)?;
            Some(lead(app, visit, &link, &settings, &key))
        }
        Found::Unknown => Some(unknown(app, visit)),
        Found::NotInMemory => None,
    }
}

/// Answers a click whose code is not in memory: one look-up, which may take [`Config::look_up`](crate::config::Config).
pub async fn look_up(app: &App, visit: &Visit<'_>) -> Answer {
    let code = visit.code.to_ascii_lowercase();
    let Some(link) = directory::look_up(app, &code).await else { return unknown(app, visit) };
    let settings = match app.0.clicks.programs.get(link.program) {
        Some(settings) => Some(settings),
        None => programs::read(app, link.program).await.ok().flatten(),
    };
    match settings.zip(app.0.clicks.keys.signing(visit.now)) {
        Some((settings, key)) => lead(app, visit, &link, &settings, &key),
        None => unknown(app, visit),
    }
}

/// An unknown code leads to the fallback page of the program whose host was asked, and nowhere on the shared one.
fn unknown(app: &App, visit: &Visit<'_>) -> Answer {
    app.metrics().codes_unknown.inc();
    let settings = visit.host.and_then(|program| app.0.clicks.programs.get(program));
    match settings.and_then(|settings| settings.fallback_url.as_deref().map(plain)) {
        Some(location) => Answer::Redirect { location, cookie: None },
        None => Answer::NotFound,
    }
}

/// An address without a click: its macros are empty.
fn plain(url: &str) -> String {
    let mut location = String::with_capacity(url.len());
    Destination::fill(url, &mut location, |_, _| {});
    location
}

fn lead(app: &App, visit: &Visit<'_>, link: &Arc<Link>, settings: &Settings, key: &Key) -> Answer {
    // A code of another program names nothing on a program's own host.
    if visit.host.is_some_and(|program| program != link.program) {
        return unknown(app, visit);
    }
    let deep_link = deep_link(visit.query, link, settings);
    let Some(url) = deep_link.as_deref().or_else(|| link.address(settings)) else {
        return Answer::NotFound;
    };
    if link.leads == Leads::Disabled {
        return Answer::Redirect { location: plain(url), cookie: None };
    }
    let token = Token::new(key, link.program, link.id, visit.now, random::eight());
    let signed = token.sign(key);
    let country = visit.address.and_then(|address| app.0.clicks.countries.of(address));
    let deal = link.deal.unwrap_or(settings.default_deal);
    let traffic = LazyCell::new(|| Traffic::read(kept(visit.query)));
    let mut location = String::with_capacity(url.len() + 80);
    let has_tracker = Destination::fill(url, &mut location, |which, to| match which {
        Macro::Tracker => to.push_str(signed.as_str()),
        Macro::AffiliateId => number(link.affiliate.0, to),
        Macro::AffiliateSlug => encode(link.slug(), to),
        Macro::LinkId => number(link.id.0, to),
        Macro::Brand => encode(link.brand(), to),
        Macro::Campaign => encode(link.campaign(), to),
        Macro::DealId => number(deal.0, to),
        Macro::CountryCode => {
            to.push_str(country.as_ref().and_then(|code| std::str::from_utf8(code).ok()).unwrap_or_default());
        }
        Macro::Traffic(dimension) => {
            encode(traffic.get(dimension).unwrap_or_default(), to);
        }
    });
    if !has_tracker {
        add_parameter(&mut location, &settings.click_parameter, signed.as_str());
    }
    if visit.counts {
        record(app, visit, link, settings, Clicked { token, country, deal });
    }
    let cookie = Cookie { program: link.program, token: signed, seconds: settings.cookie_seconds };
    Answer::Redirect { location, cookie: visit.counts.then_some(cookie) }
}

/// What was made of a click.
#[derive(Clone, Copy)]
struct Clicked {
    token: Token,
    country: Option<[u8; 2]>,
    deal: domain::ids::DealId,
}

fn record(app: &App, visit: &Visit<'_>, link: &Link, settings: &Settings, clicked: Clicked) {
    let record = Record {
        program: link.program,
        id: clicked.token.click(),
        clicked_at: visit.now,
        affiliate: link.affiliate,
        link: Some(link.id),
        deal: clicked.deal,
        grade: Grade::Signed,
        client_id: None,
        address_hash: visit.address.map(|address| app.0.secret.address(link.program, address)),
        address: visit.address.filter(|_| settings.keep_addresses),
        country: clicked.country,
        brand: link.brand(),
        campaign: link.campaign(),
        agent: visit.agent,
        referrer: visit.referrer,
        page: b"",
        query: visit.query.as_bytes(),
    };
    keep(app, &record);
}

/// Gives a click to the journal, or counts that there was no room for it.
pub(super) fn keep(app: &App, record: &Record<'_>) {
    let is_written = app.0.clicks.journal.push(|bytes| record.write(bytes));
    if is_written {
        app.metrics().clicks_recorded.inc();
    } else {
        app.metrics().clicks_dropped.inc();
    }
}

/// As much of a query as is kept of a click.
fn kept(query: &str) -> &str {
    &query[..query.floor_char_boundary(LONGEST_QUERY)]
}

/// The page that the address of the click asks for, if it is one of the program's allowed hosts; any other is not led to.
fn deep_link(query: &str, link: &Link, settings: &Settings) -> Option<String> {
    if !query.contains(DEEP_LINK) || link.leads == Leads::Disabled {
        return None;
    }
    let (_, asked) = traffic::pairs(query).find(|(name, _)| name == DEEP_LINK)?;
    let destination = Destination::parse_allowed(&asked, &settings.allowed_hosts).ok()?;
    Some(destination.as_str().to_owned())
}

/// Adds a parameter in front of the fragment, where it is the only one of its name then.
fn add_parameter(location: &mut String, name: &str, value: &str) {
    let fragment = location.find('#').map(|at| location.split_off(at));
    // Most addresses have none of that name, however it is spelled.
    if location.contains(name) || location.contains('%') {
        drop_parameters(location, name);
    }
    location.push(if location.contains('?') { '&' } else { '?' });
    location.push_str(name);
    location.push('=');
    location.push_str(value);
    location.push_str(fragment.as_deref().unwrap_or_default());
}

/// Takes the parameters of a name out of an address without fragment.
fn drop_parameters(location: &mut String, name: &str) {
    let Some(at) = location.find('?') else { return };
    let query = &location[at + 1..];
    if !query.split('&').any(|pair| is_named(pair, name)) {
        return;
    }
    let kept = query.split('&').filter(|pair| !is_named(pair, name)).collect::<Vec<_>>().join("&");
    location.truncate(at);
    if !kept.is_empty() {
        location.push('?');
        location.push_str(&kept);
    }
}

/// Whether a pair of a query has a name, percent-encoded or not.
fn is_named(pair: &str, name: &str) -> bool {
    let known = pair.split_once('=').map_or(pair, |(known, _)| known);
    known == name || known.contains('%') && traffic::pairs(known).any(|(known, _)| known == name)
}

fn number(number: i64, to: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(to, "{number}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_stands_before_the_fragment() {
        let check = |url: &str, expected: &str| {
            let mut location = url.to_owned();
            add_parameter(&mut location, "rfr", "T");
            assert_eq!(location, expected);
        };
        check("https://a.de", "https://a.de?rfr=T");
        check("https://a.de/?", "https://a.de/?&rfr=T");
        check("https://a.de/?a=b", "https://a.de/?a=b&rfr=T");
        check("https://a.de/#top", "https://a.de/?rfr=T#top");
        check("https://a.de/?a=b#top?x", "https://a.de/?a=b&rfr=T#top?x");
    }

    #[test]
    fn the_token_is_the_only_parameter_of_its_name() {
        let check = |url: &str, expected: &str| {
            let mut location = url.to_owned();
            add_parameter(&mut location, "rfr", "T");
            assert_eq!(location, expected, "{url}");
        };
        check("https://a.de/?rfr=x", "https://a.de/?rfr=T");
        check("https://a.de/rfr?rfr", "https://a.de/rfr?rfr=T");
        check("https://a.de/rfr=x", "https://a.de/rfr=x?rfr=T");
        check("https://a.de/?rfr=x&a=b&rfr=y&c#rfr=z", "https://a.de/?a=b&c&rfr=T#rfr=z");
        check("https://a.de/?xrfr=1&rfrx=2&RFR=3&a=rfr", "https://a.de/?xrfr=1&rfrx=2&RFR=3&a=rfr&rfr=T");
        check("https://a.de/?%72f%72=x&a=%20", "https://a.de/?a=%20&rfr=T");
        check("https://a.de/%20?x%72fr=x&a=%3drfr", "https://a.de/%20?x%72fr=x&a=%3drfr&rfr=T");
        check("https://a.de/?a?rfr=x", "https://a.de/?a?rfr=x&rfr=T");
    }
}
