//! Where a link leads: an absolute address, with macros that are filled in for each click.
//!
//! The reading is strict on purpose: what two readers of addresses could understand differently (backslashes, white
//! space, credentials, escapes in the host) is refused, so that the host that was checked is the host that is visited.

use std::fmt;

use super::host::{Host, HostPattern, is_allowed};
use crate::traffic;

/// Why an address may not be a destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Not an absolute address of the web.
    #[error("{0:?} is no web address; expected one such as https://shop.example.com/landing")]
    NotAnAddress(String),
    /// A character that no address has.
    #[error("the character {0:?} must be percent-encoded in an address")]
    Character(char),
    /// A user name or password.
    #[error("an address with a user name or password is not accepted")]
    Credentials,
    /// A port that is none.
    #[error("{0:?} is no port")]
    Port(String),
    /// Longer than its place.
    #[error("it has {0} characters; at most 2000 are allowed")]
    TooLong(usize),
    /// A macro that nothing fills in.
    #[error("{{{{{0}}}}} is no macro; known are {known}", known = Macro::names().collect::<Vec<_>>().join(", "))]
    UnknownMacro(String),
    /// `{{` without its end.
    #[error("a macro is opened by {{{{ and never closed by }}}}")]
    OpenMacro,
    /// The host is not among those allowed.
    #[error("the host {host} is not among the program's allowed_hosts ({})", listed(.allowed))]
    HostNotAllowed {
        /// The host of the address.
        host: String,
        /// The hosts that are allowed.
        allowed: Vec<String>,
    },
}

fn listed(hosts: &[String]) -> String {
    if hosts.is_empty() { "none yet: set them with PATCH /v1/program".to_owned() } else { hosts.join(", ") }
}

/// The longest address, in characters.
const LONGEST: usize = 2000;

/// What is filled in where a destination says `{{…}}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Macro<'a> {
    /// The signed click token: `{{tracker}}` or `{{click_id}}`.
    Tracker,
    /// The affiliate's number.
    AffiliateId,
    /// The affiliate's slug.
    AffiliateSlug,
    /// The link's number.
    LinkId,
    /// The link's brand: `{{brand}}`, `{{brand_id}}` or `{{brand_name}}`.
    Brand,
    /// The link's campaign: `{{campaign}}`, `{{campaign_id}}` or `{{campaign_name}}`.
    Campaign,
    /// The deal that the affiliate has.
    DealId,
    /// Where the address of the visitor is from, two letters.
    CountryCode,
    /// What came in the address of the click, by its name there: `sub_id`, `afp`, `utm_source`, …
    Traffic(&'a str),
}

impl Macro<'_> {
    /// The names of macros.
    fn names() -> impl Iterator<Item = &'static str> {
        const OWN: [&str; 15] = [
            "tracker",
            "click_id",
            "affiliate_id",
            "affiliate_slug",
            "link_id",
            "brand",
            "brand_id",
            "brand_name",
            "campaign",
            "campaign_id",
            "campaign_name",
            "deal_id",
            "country_code",
            "sub_id",
            "source",
        ];
        OWN.into_iter().chain(traffic::ALIKE).chain(["sid"])
    }

    /// The macro of a name.
    pub fn from_name(name: &str) -> Option<Macro<'_>> {
        Some(match name {
            "tracker" | "click_id" => Macro::Tracker,
            "affiliate_id" => Macro::AffiliateId,
            "affiliate_slug" => Macro::AffiliateSlug,
            "link_id" => Macro::LinkId,
            "brand" | "brand_id" | "brand_name" => Macro::Brand,
            "campaign" | "campaign_id" | "campaign_name" => Macro::Campaign,
            "deal_id" => Macro::DealId,
            "country_code" => Macro::CountryCode,
            "sid" => Macro::Traffic("sub_id"),
            name if Macro::names().any(|known| known == name) => Macro::Traffic(name),
            _ => return None,
        })
    }
}

/// An address that a link may lead to, as it was given but for white space around it.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    text: String,
    host: Host,
}

impl Destination {
    /// Reads an address, with macros behind the host only.
    pub fn parse(text: &str) -> Result<Destination, DestinationError> {
        let text = text.trim();
        let length = text.chars().count();
        if length > LONGEST {
            return Err(DestinationError::TooLong(length));
        }
        let wrong = || DestinationError::NotAnAddress(text.chars().take(120).collect());
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(wrong());
        }
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        if authority.contains('@') {
            return Err(DestinationError::Credentials);
        }
        let host = Host::parse(without_port(authority)?).map_err(|_| wrong())?;
        // White space around the name is no part of it.
        if authority.contains(char::is_whitespace) {
            return Err(wrong());
        }
        check_macros(behind)?;
        check_characters(behind)?;
        Ok(Destination { text: text.to_owned(), host })
    }

    /// Reads an address whose host is among those allowed.
    pub fn parse_allowed(text: &str, allowed: &[HostPattern]) -> Result<Destination, DestinationError> {
        let destination = Destination::parse(text)?;
        if !is_allowed(&destination.host, allowed) {
            return Err(DestinationError::HostNotAllowed {
                host: destination.host.to_string(),
                allowed: allowed.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            });
        }
        Ok(destination)
    }

    /// The address as it was given, without white space around it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Fills in what `value` gives for each macro, and says whether the token was among them. The text has been checked
    /// when it was set; a macro that is unknown all the same comes out empty.
    pub fn fill(text: &str, to: &mut String, mut value: impl FnMut(Macro<'_>, &mut String)) -> bool {
        let mut rest = text;
        let mut has_tracker = false;
        // Most addresses have no macro; one letter is looked for much faster than two.
        if !text.contains('{') {
            to.push_str(text);
            return false;
        }
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else { break };
            to.push_str(before);
            if let Some(known) = Macro::from_name(name) {
                has_tracker |= known == Macro::Tracker;
                value(known, to);
            }
            rest = behind;
        }
        to.push_str(rest);
        has_tracker
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// The name in front of a port, which must be one.
fn without_port(authority: &str) -> Result<&str, DestinationError> {
    let behind_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[behind_bracket..].split_once(':') {
        None => Ok(authority),
        Some((name, port)) => {
            let is_port = !port.starts_with('+') && port.parse::<u16>().is_ok_and(|port| port > 0);
            if !is_port {
                return Err(DestinationError::Port(port.chars().take(20).collect()));
            }
            Ok(&authority[..behind_bracket + name.len()])
        }
    }
}

fn check_macros(behind: &str) -> Result<(), DestinationError> {
    let mut rest = behind;
    while let Some((_, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").ok_or(DestinationError::OpenMacro)?;
        if Macro::from_name(name).is_none() {
            return Err(DestinationError::UnknownMacro(name.chars().take(40).collect()));
        }
        rest = behind;
    }
    Ok(())
}

/// Characters of RFC 3986, and the braces of macros.
fn check_characters(behind: &str) -> Result<(), DestinationError> {
    let is_allowed =
        |letter: char| letter.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%{}|".contains(letter);
    match behind.chars().find(|letter| !is_allowed(*letter)) {
        Some(letter) => Err(DestinationError::Character(letter)),
        None => Ok(()),
    }
}

/// Appends a value in a form that means the same in a path, a query and a fragment.
pub fn encode(value: &str, to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            to.push(char::from(byte));
        } else {
            to.push('%');
            to.push(char::from(DIGITS[usize::from(byte >> 4)]));
            to.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}
