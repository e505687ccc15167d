//! What about a registration a person should look at (self-referral, throw-away addresses, too many at once). It is
//! recorded all the same and held back until somebody has looked; nothing is dropped in silence.

use serde::{Deserialize, Serialize};

use crate::text::Email;

/// Why a registration is flagged for review.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "detail")]
pub enum Suspicion {
    /// The customer's e-mail address is the affiliate's own.
    OwnAddress,
    /// The customer came with the affiliate's own address and browser.
    OwnBrowser,
    /// The customer's e-mail address is at a domain of throw-away addresses; the domain.
    DisposableAddress(String),
    /// More registrations of the affiliate within an hour than the program watches for; the number it watches for.
    Velocity(u32),
    /// A click token among the evidence is not ours as it stands; what is wrong with it.
    ForgedClick(String),
}

impl Suspicion {
    /// The word of this suspicion, as it is stored and shown.
    pub fn as_str(&self) -> &'static str {
        match self {
            Suspicion::OwnAddress => "own_address",
            Suspicion::OwnBrowser => "own_browser",
            Suspicion::DisposableAddress(_) => "disposable_address",
            Suspicion::Velocity(_) => "velocity",
            Suspicion::ForgedClick(_) => "forged_click",
        }
    }

    /// The words of all suspicions.
    pub const WORDS: [&'static str; 5] =
        ["own_address", "own_browser", "disposable_address", "velocity", "forged_click"];

    /// What is beyond the word.
    pub fn detail(&self) -> String {
        match self {
            Suspicion::OwnAddress => "the customer's e-mail address is the affiliate's own".to_owned(),
            Suspicion::OwnBrowser => {
                "the customer came with the address and browser of the affiliate".to_owned()
            }
            Suspicion::DisposableAddress(domain) => {
                format!("the customer's e-mail address is at {domain}, a domain of throw-away addresses")
            }
            Suspicion::Velocity(limit) => {
                format!("the affiliate has had more than {limit} registrations within an hour")
            }
            Suspicion::ForgedClick(why) => format!("a click that came with it is not ours: {why}"),
        }
    }
}

/// A registration, as far as it may arouse suspicion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registered<'a> {
    /// The customer's e-mail address.
    pub email: Option<&'a Email>,
    /// The keyed hash of address and agent that the customer came with.
    pub visitor: Option<&'a [u8]>,
    /// Registrations of the affiliate within the hour before, without this one.
    pub within_hour: u32,
}

/// What is known of the affiliate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known<'a> {
    /// Its e-mail address.
    pub email: Option<&'a str>,
    /// The keyed hash of address and agent that it was last seen with.
    pub visitor: Option<&'a [u8]>,
}

/// What the program watches for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch<'a> {
    /// Domains of throw-away addresses, in lower case.
    pub disposable_domains: &'a [String],
    /// Registrations of an affiliate within an hour above which they are flagged; `None` for any number.
    pub per_hour: Option<u32>,
}

/// What about a registration a person should look at.
pub fn suspicions(registered: Registered<'_>, affiliate: Known<'_>, watch: Watch<'_>) -> Vec<Suspicion> {
    let mut found = Vec::new();
    let own = affiliate.email.map(mailbox);
    if registered.email.is_some_and(|email| own == Some(mailbox(email.as_str()))) {
        found.push(Suspicion::OwnAddress);
    }
    if registered.visitor.is_some() && registered.visitor == affiliate.visitor {
        found.push(Suspicion::OwnBrowser);
    }
    let domain = registered.email.and_then(|email| email.as_str().split_once('@')).map(|(_, domain)| domain);
    let listed =
        domain.and_then(|domain| watch.disposable_domains.iter().find(|listed| is_under(domain, listed)));
    if let Some(domain) = listed {
        found.push(Suspicion::DisposableAddress(domain.clone()));
    }
    if let Some(limit) = watch.per_hour.filter(|limit| registered.within_hour >= *limit) {
        found.push(Suspicion::Velocity(limit));
    }
    found
}

/// The mailbox behind an address: what stands behind `+` in front of the `@` is the owner's to choose.
fn mailbox(email: &str) -> (String, String) {
    let email = email.to_lowercase();
    let (local, domain) = email.split_once('@').unwrap_or((&email, ""));
    let local = local.split_once('+').map_or(local, |(local, _)| local);
    (local.to_owned(), domain.to_owned())
}

/// Whether a domain is a listed one or below it.
fn is_under(domain: &str, listed: &str) -> bool {
    domain.strip_suffix(listed).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
