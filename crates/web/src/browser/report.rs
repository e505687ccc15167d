//! What a browser tells, as the names and values of Reditus' pixel: `evt, rid, ref, url, grid, rl, pk, uid,
//! affiliate_slug, advocate_slug, customer_id, cslug, ctype, sid`, then everything that a page says itself as `m_…`. Ours
//! adds `rfr`, the token of a redirect. Values that cannot be read count as not sent, as the script sends whatever the
//! address of a page held.

use std::collections::HashMap;

use app::visit::{Event, Origin, Report, names};
use domain::attribution::Code;
use domain::ids::LinkId;
use domain::text::{Email, Uid};
use uuid::Uuid;

use super::sender::Sender;

/// Of an address of a page, characters that count.
const ADDRESS: usize = 2000;

fn cut(text: &str) -> String {
    text.chars().take(ADDRESS).collect()
}

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

    /// What another's form calls a customer of whom it tells no more (contract §4.5): Calendly the invitee, HubSpot the
    /// browser.
    fn called_by(&self, source: &str) -> Option<Uid> {
        let id = match source {
            "calendly" => Uuid::try_parse(self.get("m_cal_user")?).ok()?.to_string(),
            "hubspot" => self.get("m_hub_utk")?.to_owned(),
            _ => return None,
        };
        Uid::parse(&format!("{source}:{id}")).ok()
    }

    /// What is told; `None` for an event that is neither a page view nor a conversion.
    pub(super) fn report(&self, sender: Sender) -> Result<Option<Report>, String> {
        let event = match self.get("evt") {
            Some("pageview") => Event::PageView,
            Some("conversion") => Event::Conversion,
            Some(_) => return Ok(None),
            None => return Err("evt: expected pageview or conversion, nothing was sent".to_owned()),
        };
        let customer_id =
            self.get("customer_id").ok_or("customer_id: expected the tracking id of a program")?;
        let tracking_id = Uuid::try_parse(customer_id).map_err(|_| {
            let shown: String = customer_id.chars().take(64).collect();
            format!("customer_id: {shown:?} is no tracking id; GET /v1/program shows it as tracking_id")
        })?;
        let slugs =
            ["affiliate_slug", "advocate_slug", "cslug"].into_iter().filter_map(|name| self.get(name));
        let read = |name: &str| self.get(name);
        let invalid = |name: &str, error: &dyn std::fmt::Display| format!("{name}: {error}");
        let conversion = |name| self.get(name).filter(|_| event == Event::Conversion);
        let email = conversion("m_email").map(Email::parse).transpose();
        // `uid` is what the address of some page held, hence anybody's word.
        let uid = conversion("m_uid").map(Uid::parse).transpose();
        let uid = uid.map_err(|error| invalid("m_uid", &error))?;
        let email = email.map_err(|error| invalid("m_email", &error))?;
        let elsewhere = (uid.is_none() && email.is_none()).then(|| conversion("m_source")).flatten();
        Ok(Some(Report {
            event,
            tracking_id,
            client: read("grid").and_then(|id| Uuid::try_parse(id).ok()),
            token: read("rfr").map(|token| token.chars().take(200).collect()),
            affiliates: names(slugs, read("pk")),
            link: read("rl").and_then(|link| link.parse().ok()).filter(|id| *id > 0).map(LinkId),
            sub_id: read("sid").map(str::to_owned),
            uid: uid.or_else(|| elsewhere.and_then(|source| self.called_by(source))),
            email,
            coupon: conversion("m_coupon").and_then(|code| Code::parse(code).ok()),
            origin: Origin {
                page: read("url").map(cut).unwrap_or_default(),
                referrer: read("ref").map(cut).unwrap_or_default(),
                ..sender.origin
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::visit::Origin;
    use proptest::prelude::*;

    fn told(pairs: &[(&str, &str)]) -> Result<Option<Report>, String> {
        let sender = Sender { origin: Origin::default() };
        Values::read(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
            .report(sender)
    }

    const PROGRAM: (&str, &str) = ("customer_id", "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2");

    #[test]
    fn the_names_of_the_pixel_are_read() {
        let report = told(&[
            ("evt", "conversion"),
            PROGRAM,
            ("affiliate_slug", "John/"),
            ("advocate_slug", ""),
            ("cslug", "jane"),
            ("pk", "pk1"),
            ("rl", "17"),
            ("grid", "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2"),
            ("uid", "old"),
            ("m_uid", "u1"),
            ("m_email", "A@b.c"),
            ("m_coupon", "save20"),
            ("rfr", "token"),
            ("url", "https://a.b/"),
        ]);
        let report = report.expect("it is read").expect("an event");
        assert_eq!(report.affiliates, names(["john", "jane"], Some("pk1")));
        assert_eq!((report.link, report.token.as_deref()), (Some(LinkId(17)), Some("token")));
        assert_eq!(report.uid.as_ref().map(Uid::as_str), Some("u1"));
        assert_eq!(report.email.as_ref().map(Email::as_str), Some("a@b.c"));
        assert_eq!(report.coupon.as_ref().map(Code::as_str), Some("SAVE20"));
        assert_eq!(report.origin.page, "https://a.b/");
        let by_link = told(&[("evt", "conversion"), PROGRAM, ("uid", "u1"), ("m_email", "a@b.c")]);
        assert_eq!(by_link.expect("it is read").expect("an event").uid, None, "m_uid alone names a customer");
        let view = told(&[("evt", "pageview"), PROGRAM, ("m_email", "a@b.c"), ("uid", "x")]);
        let view = view.expect("it is read").expect("an event");
        assert_eq!((view.email, view.uid), (None, None), "a page view names no customer");
        assert_eq!(told(&[("evt", "wave"), PROGRAM]), Ok(None));
    }

    #[test]
    fn customers_of_other_forms_are_called_by_what_those_call_them() {
        let uid = |more: &[(&str, &str)]| {
            let pairs = [&[("evt", "conversion"), PROGRAM], more].concat();
            told(&pairs).expect("it is read").expect("an event").uid.map(|uid| uid.as_str().to_owned())
        };
        let calendly = ("m_source", "calendly");
        let user = ("m_cal_user", "BBBBBBBB-2222-4222-8222-222222222222");
        assert_eq!(uid(&[calendly, user]).as_deref(), Some("calendly:bbbbbbbb-2222-4222-8222-222222222222"));
        assert_eq!(uid(&[calendly, ("m_cal_user", "ann")]), None);
        assert_eq!(uid(&[calendly]), None);
        assert_eq!(uid(&[calendly, user, ("m_uid", "u1")]).as_deref(), Some("u1"));
        assert_eq!(uid(&[calendly, user, ("m_email", "a@b.c")]), None);
        let hubspot = [("m_source", "hubspot"), ("m_hub_utk", "utk1")];
        assert_eq!(uid(&hubspot).as_deref(), Some("hubspot:utk1"));
        assert_eq!(uid(&[("m_source", "elsewhere"), user]), None);
    }

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_it(pairs in proptest::collection::vec((
            prop_oneof!["evt|grid|rl|pk|uid|cslug|m_email|m_uid|m_source|m_cal_user|m_hub_utk|m_coupon|rfr|url|ref|affiliate_slug", ".{0,8}"], ".{0,60}",
        ), 0..12)) {
            let sender = Sender { origin: Origin::default() };
            let fixed = [("evt".to_owned(), "conversion".to_owned()), (PROGRAM.0.to_owned(), PROGRAM.1.to_owned())];
            let _ = Values::read(fixed.into_iter().chain(pairs)).report(sender);
        }
    }
}
