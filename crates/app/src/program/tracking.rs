//! The tracking settings of a program: read strictly, so that no link can be made to lead where nobody allowed it.

use domain::link::{Destination, Host, HostPattern};
use domain::text::TextError;
use serde_json::json;
use store::program::{AttributionModel, Tracking};

use crate::App;
use crate::error::{Error, Result};

/// Lists have so many entries at most.
const ENTRIES: usize = 1_000;

/// Disposable domains are many.
const DOMAINS: usize = 20_000;

/// Tracking settings to change; what is `None` stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrackingChanges {
    /// Hosts that links may lead to.
    pub allowed_hosts: Option<Vec<String>>,
    /// Where a click without a destination leads; `Some(None)` for nowhere.
    pub fallback_url: Option<Option<String>>,
    /// The parameter that carries the click token.
    pub click_parameter: Option<String>,
    /// From click to registration at most, in days.
    pub cookie_days: Option<i32>,
    /// Which of several clicks counts.
    pub attribution_model: Option<AttributionModel>,
    /// Whether addresses of visitors are kept as they are.
    pub keep_addresses: Option<bool>,
    /// The program's own hosts.
    pub hosts: Option<Vec<String>>,
    /// Domains whose registrations are flagged.
    pub disposable_domains: Option<Vec<String>>,
}

pub(super) fn apply(app: &App, tracking: &mut Tracking, changes: &TrackingChanges) -> Result<()> {
    if let Some(hosts) = &changes.allowed_hosts {
        let read = |text: &str| HostPattern::parse(text).map(|host| host.as_str().to_owned());
        tracking.allowed_hosts = list("allowed_hosts", hosts, ENTRIES, read)?;
    }
    if let Some(fallback) = &changes.fallback_url {
        tracking.fallback_url = fallback.as_deref().map(fallback_url).transpose()?;
    }
    if let Some(parameter) = &changes.click_parameter {
        tracking.click_parameter = click_parameter(parameter)?;
    }
    if let Some(days) = changes.cookie_days {
        if !(1..=120).contains(&days) {
            return Err(Error::invalid("cookie_days", "expected 1 to 120 days"));
        }
        tracking.cookie_days = days;
    }
    if let Some(hosts) = &changes.hosts {
        tracking.hosts = list("tracking_hosts", hosts, ENTRIES, |text| own_host(app, text))?;
    }
    if let Some(domains) = &changes.disposable_domains {
        let read = |text: &str| Host::parse(text).map(|host| host.as_str().to_owned());
        tracking.disposable_domains = list("disposable_domains", domains, DOMAINS, read)?;
    }
    tracking.attribution_model = changes.attribution_model.unwrap_or(tracking.attribution_model);
    tracking.keep_addresses = changes.keep_addresses.unwrap_or(tracking.keep_addresses);
    Ok(())
}

/// A host of the program's own. One that had the server's own host would have the links of all programs.
fn own_host(app: &App, text: &str) -> std::result::Result<String, String> {
    let host = Host::parse(text).map_err(|error| error.to_string())?;
    if crate::click::is_shared_host(app, host.as_str()) {
        return Err(format!("{host} is the server's own host, which all programs share; name another host"));
    }
    Ok(host.as_str().to_owned())
}

/// A list in order and without duplicates; a refusal names the entry.
fn list<E: std::fmt::Display>(
    field: &str,
    texts: &[String],
    limit: usize,
    read: impl Fn(&str) -> std::result::Result<String, E>,
) -> Result<Vec<String>> {
    if texts.len() > limit {
        return Err(Error::invalid(
            field,
            format!("it has {} entries; at most {limit} are allowed", texts.len()),
        ));
    }
    let entry = |(index, text): (usize, &String)| {
        read(text).map_err(|error| Error::invalid(&format!("{field}[{index}]"), error))
    };
    let mut entries: Vec<String> = texts.iter().enumerate().map(entry).collect::<Result<_>>()?;
    entries.sort_unstable();
    entries.dedup();
    Ok(entries)
}

/// A page of the program itself: the operator says where it is, so its host need not be among those of links.
fn fallback_url(text: &str) -> Result<String> {
    let url = Destination::parse(text).map_err(|error| Error::invalid("fallback_url", error))?;
    Ok(url.as_str().to_owned())
}

fn click_parameter(text: &str) -> Result<String> {
    let is_name = (1..=32).contains(&text.len())
        && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_' || letter == b'-');
    if !is_name {
        let shown: String = text.chars().take(64).collect();
        let message =
            format!("{shown:?} is no name of a parameter; 1 to 32 letters, digits, '-' and '_' are allowed");
        return Err(Error::invalid("click_parameter", message));
    }
    Ok(text.to_owned())
}

/// A host that another program has, as the caller should hear it.
pub(super) fn taken(error: store::StoreError) -> Error {
    match error.constraint() {
        Some("directory_host_pkey") => Error::Conflict {
            code: "taken",
            message:
                "one of tracking_hosts is another program's on this server; a host belongs to one program"
                    .to_owned(),
        },
        _ => error.into(),
    }
}

/// The settings as the log keeps them.
pub(super) fn settings(tracking: &Tracking) -> serde_json::Value {
    json!({
        "tracking_id": tracking.id,
        "allowed_hosts": tracking.allowed_hosts,
        "fallback_url": tracking.fallback_url,
        "click_parameter": tracking.click_parameter,
        "cookie_days": tracking.cookie_days,
        "attribution_model": tracking.attribution_model.as_str(),
        "keep_addresses": tracking.keep_addresses,
        "tracking_hosts": tracking.hosts,
        "disposable_domains": tracking.disposable_domains.len(),
    })
}

/// An optional text of at most so many characters on one line.
pub(crate) fn line(field: &str, text: Option<&str>, limit: usize) -> Result<Option<String>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let refuse = |error: TextError| Error::invalid(field, error);
    domain::text::check(text, limit).map_err(refuse)?;
    match text.chars().find(|letter| letter.is_control()) {
        Some(control) => Err(refuse(TextError::Control(control as u32))),
        None => Ok(Some(text.to_owned())),
    }
}
