//! What a browser tells, as the names and values of Reditus' pixel: `evt, rid, ref, url, grid, rl, pk, uid,
//! affiliate_slug, advocate_slug, customer_id, cslug, ctype, sid`, then everything that a page says itself as `m_…`. Ours
//! adds `rfr`, the token of a redirect. Values that cannot be read count as not sent, as the script sends whatever the
//! address of a page held.

use std::collections::HashMap;

use app::visit::{Event, Report, names};
use domain::attribution::Code;
use domain::ids::LinkId;
use domain::text::{Email, Uid};
use uuid::Uuid;

/// Values by name; of a name that comes twice the first counts.
#[derive(Debug, Default)]
pub(super) struct Values(pub(super) HashMap<String, String>);

impl Values {
    /// Keeps the first value of each name.
    pub(super) fn read(pairs: impl IntoIterator<Item = (String, String)>) -> Values {
        let mut values = HashMap::new();
        for (name, value) in pairs {
            values.entry(name).or_insert(value);
        }
        Values(values)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether something is told at all.
    pub(super) fn tells(&self) -> bool {
        self.get("evt").is_some()
    }

    /// What is told; `None` for an event that is neither a page view nor a conversion.
    pub(super) fn report(&self) -> Result<Option<Report>, String> {
        let event = match self.get("evt") {
            Some("pageview") => Event::PageView,
            Some("conversion") => Event::Conversion,
            Some(_) => return Ok(None),
            None => return Err("evt: expected pageview or conversion, nothing was sent".to_owned()),
        };
        let customer_id = self.get("customer_id").ok_or("customer_id: expected the tracking id of a program")?;
        let tracking_id = Uuid::try_parse(customer_id).map_err(|_| {
            let shown: String = customer_id.chars().take(64).collect();
            format!("customer_id: {shown:?} is no tracking id; GET /v1/program shows it as tracking_id")
        })?;
        let slugs = ["affiliate_slug", "advocate_slug", "cslug"].into_iter().filter_map(|name| self.get(name));
        let read = |name: &str| self.get(name);
        let invalid = |name: &str, error: &dyn std::fmt::Display| format!("{name}: {error}");
        let conversion = |name| self.get(name).filter(|_| event == Event::Conversion);
        let email = conversion("m_email").map(Email::parse).transpose();
        let uid = conversion("m_uid").or(conversion("uid")).map(Uid::parse).transpose();
        Ok(Some(Report {
            event,
            tracking_id,
            client: read("grid").and_then(|id| Uuid::try_parse(id).ok()),
            token: read("rfr").map(|token| token.chars().take(200).collect()),
            affiliates: names(slugs, read("pk")),
            link: read("rl").and_then(|link| link.parse().ok()).filter(|id| *id > 0).map(LinkId),
            uid: uid.map_err(|error| invalid("m_uid", &error))?,
            email: email.map_err(|error| invalid("m_email", &error))?,
            coupon: conversion("m_coupon").and_then(|code| Code::parse(code).ok()),
            visitor: None,
        }))
    }
}
