//! Postbacks: what is told to the systems of affiliates when something happened to a customer (Smartico contract §4.8).
//! A definition names what it is for and where it goes; its texts hold macros, which are filled in here and escaped for
//! the place they stand in. Who is called when, and what became of it, is decided elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::traffic;

/// What a postback is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trigger {
    /// A customer registered.
    Registration,
    /// A registration earned a lead fee (CPL).
    QualifiedLead,
    /// A customer's first payment or deposit.
    FirstDeposit,
    /// A customer earned a flat acquisition fee (CPA).
    QualifiedDeposit,
    /// A payment or deposit, the first one included.
    Payment,
    /// What a commission comes to changed; also when it was new.
    CommissionChanged,
    /// A payout was paid.
    PayoutPaid,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Trigger; 7] = [
        Trigger::Registration,
        Trigger::QualifiedLead,
        Trigger::FirstDeposit,
        Trigger::QualifiedDeposit,
        Trigger::Payment,
        Trigger::CommissionChanged,
        Trigger::PayoutPaid,
    ];

    /// The word of this trigger.
    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Registration => "registration",
            Trigger::QualifiedLead => "qualified_lead",
            Trigger::FirstDeposit => "first_deposit",
            Trigger::QualifiedDeposit => "qualified_deposit",
            Trigger::Payment => "payment",
            Trigger::CommissionChanged => "commission_changed",
            Trigger::PayoutPaid => "payout_paid",
        }
    }
}

impl FromStr for Trigger {
    type Err = InvalidPostback;

    fn from_str(text: &str) -> Result<Trigger, InvalidPostback> {
        Trigger::ALL.into_iter().find(|trigger| trigger.as_str() == text).ok_or_else(|| {
            let known = Trigger::ALL.map(Trigger::as_str).join(", ");
            InvalidPostback(format!("{text:?} is no trigger; expected one of {known}"))
        })
    }
}

/// How it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Method {
    /// Everything is in the address.
    Get,
    /// With a body.
    Post,
}

impl Method {
    /// The word of this method.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

impl FromStr for Method {
    type Err = InvalidPostback;

    fn from_str(text: &str) -> Result<Method, InvalidPostback> {
        match text {
            "GET" => Ok(Method::Get),
            "POST" => Ok(Method::Post),
            _ => Err(InvalidPostback(format!("{text:?} is no method; expected GET or POST"))),
        }
    }
}

/// A definition that cannot be used, and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPostback(String);

/// The macros of [`values`](Values) that are not called as a dimension of traffic is.
const OWN_MACROS: [&str; 32] = [
    "event",
    "event_id",
    "event_time",
    "registration_id",
    "customer_id",
    "affiliate_id",
    "affiliate",
    "program_id",
    "deal_id",
    "amount",
    "deposit",
    "first_deposit_amount",
    "currency",
    "commission_id",
    "commission_kind",
    "commission",
    "commission_change",
    "payout_id",
    "payout_amount",
    "payout_currency",
    "country_code",
    "brand_id",
    "brand_name",
    "campaign_id",
    "campaign_name",
    "coupon",
    "click_id",
    "tracker",
    "link_id",
    "link_name",
    "sid",
    "source_id",
];

/// The macros of [`values`](Values), in the order in which the documentation lists them.
pub fn macros() -> impl Iterator<Item = &'static str> {
    OWN_MACROS.into_iter().chain(traffic::ALIKE)
}

/// Other names of macros, by which clients of Smartico know them (contract §4.8).
const ALIASES: [(&str, &str); 1] = [("deal_group_id", "deal_id")];

/// What macros stand for. One that is not there is empty.
pub type Values = BTreeMap<&'static str, String>;

/// A text with macros in one or two braces: `{{afp}}`, `{afp}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(Vec<Part>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    Macro(&'static str),
}

/// How values are escaped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Escape {
    /// For an address or a form: everything but unreserved letters (RFC 3986 §2.3) is percent-encoded.
    Percent,
    /// For the inside of a JSON string (RFC 8259 §7).
    Json,
}

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl FromStr for Template {
    type Err = InvalidPostback;

    /// Reads a text. Two braces always mean a macro, so an unknown name between them is refused; one brace is a text
    /// like any other unless it holds a known name.
    fn from_str(text: &str) -> Result<Template, InvalidPostback> {
        let known = |name: &str| {
            let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, own)| own);
            macros().find(|known| *known == name)
        };
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, inside) = rest.split_at(at);
            plain.push_str(before);
            let is_double = inside.starts_with("{{");
            let (open, close) = if is_double { ("{{", "}}") } else { ("{", "}") };
            let end = inside.find(close);
            let name = end.and_then(|end| inside.get(open.len()..end));
            match (name.map(str::trim).and_then(known), is_double) {
                (Some(name), _) => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Macro(name));
                    rest = &inside[end.unwrap_or(0) + close.len()..];
                }
                (None, true) => {
                    let shown: String = inside.chars().take(40).collect();
                    let known = macros().collect::<Vec<_>>().join(", ");
                    return Err(InvalidPostback(format!("{shown:?} is no macro; expected one of {known}")));
                }
                (None, false) => {
                    plain.push('{');
                    rest = &inside[1..];
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Template(parts))
    }
}

impl Template {
    /// Fills in the macros.
    pub fn fill(&self, values: &Values, escape: Escape) -> String {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Macro(name) => {
                    let value = values.get(name).map_or("", String::as_str);
                    match escape {
                        Escape::Percent => filled.extend(utf8_percent_encode(value, RESERVED)),
                        Escape::Json => {
                            let quoted = serde_json::Value::String(value.to_owned()).to_string();
                            filled.push_str(&quoted[1..quoted.len() - 1]);
                        }
                    }
                }
            }
        }
        filled
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Macro(name) => write!(f, "{{{{{name}}}}}"),
        })
    }
}

/// Checks an address: HTTP or HTTPS, with a host that no macro is part of, so that no customer decides who is called.
pub fn check_url(text: &str) -> Result<Template, InvalidPostback> {
    let refuse = |why: &str| {
        Err(InvalidPostback(format!("{why}; expected one such as https://example.com/?id={{{{afp}}}}")))
    };
    let Some((_, rest)) = text.split_once("://").filter(|(scheme, _)| is_web(scheme)) else {
        return refuse("the address begins neither with https:// nor with http://");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return refuse("the address names no host");
    }
    if host.contains(['{', '}']) {
        return refuse("the host of the address holds a macro");
    }
    if host.contains('@') {
        return refuse("the address names a user");
    }
    if text.len() > 2000 || text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return refuse("the address is longer than 2000 bytes or holds blanks");
    }
    text.parse()
}

fn is_web(scheme: &str) -> bool {
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// How the values of a body are escaped, by what the body looks like.
pub fn body_escape(body: &str) -> Escape {
    if body.trim_start().starts_with(['{', '[']) && !body.trim_start().starts_with("{{") {
        Escape::Json
    } else {
        Escape::Percent
    }
}
