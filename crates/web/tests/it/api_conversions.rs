//! Conversions of the company's own server: whom a customer is put down to by what came, why not, the record of it, and
//! what only a browser had said before (money.md §10).

use domain::ids::{LinkId, ProgramId};
use serde_json::{Value, json};
use testkit::{TestApp, run};

use crate::api_client::{Client, problem};

/// A program with affiliates, a link of each, and a coupon of dan's.
struct Site {
    client: Client,
    affiliates: Vec<(&'static str, i64, i64)>,
}

impl Site {
    async fn new(test: &TestApp) -> Site {
        let terms = json!({ "hold_days": 30, "rules": [
            { "on": "registration", "reward": { "flat": "5" } },
            { "on": "payment", "reward": { "percent": "20" } },
        ] });
        let client = Client::with_terms(test, terms).await;
        let hosts = client.patch("/v1/program", json!({ "allowed_hosts": ["shop.example"] })).await;
        assert_eq!(hosts.status, 200, "{}", hosts.text());
        let mut affiliates = Vec::new();
        for slug in ["ann", "bob", "cat", "dan"] {
            let id = client.affiliate(slug).await;
            let link = json!({ "affiliate_id": id, "destination_url": "https://shop.example/" });
            let link = client.post("/v1/links", link).await;
            assert_eq!(link.status, 201, "{}", link.text());
            affiliates.push((slug, id, link.json()["id"].as_i64().expect("a number")));
        }
        let coupon = json!({ "code": "dan20", "affiliate_id": affiliates[3].1, "valid_until": "2026-07-01T00:00:00Z" });
        assert_eq!(client.post("/v1/coupons", coupon).await.status, 201);
        Site { client, affiliates }
    }

    fn id(&self, slug: &str) -> i64 {
        self.affiliates.iter().find(|(name, ..)| *name == slug).expect("one of ours").1
    }

    /// The token of a click on an affiliate's link so many days ago.
    fn token(&self, slug: &str, days: i64) -> String {
        self.token_in(self.client.program, slug, days)
    }

    fn token_in(&self, program: ProgramId, slug: &str, days: i64) -> String {
        let (.., link) = *self.affiliates.iter().find(|(name, ..)| *name == slug).expect("one of ours");
        let app = &self.client.test.app;
        let at = app.now() - chrono::Duration::days(days);
        app::click::sign(app, program, LinkId(link), at).expect("a key").1.to_string()
    }

    /// Tells a conversion and shows its affiliate, or the problem.
    async fn convert(&self, uid: &str, mut body: Value) -> String {
        body["uid"] = uid.into();
        let answer = self.client.post("/v1/conversions", body).await;
        if answer.status != 201 {
            return problem(&answer);
        }
        let id = answer.json()["affiliate_id"].as_i64().expect("an affiliate");
        let slug = self.affiliates.iter().find(|(_, known, _)| *known == id).expect("one of ours").0;
        assert!(answer.json()["id"].as_str().is_some_and(|id| id.starts_with("ref_")), "{}", answer.text());
        slug.to_owned()
    }

    async fn tracking_id(&self) -> String {
        let program = self.client.get("/v1/program").await.json();
        program["tracking_id"].as_str().expect("a tracking id").to_owned()
    }

    /// Tells something as a browser does.
    async fn beacon(&self, mut fields: Value) -> u16 {
        fields["customer_id"] = self.tracking_id().await.into();
        let headers = [("content-type", "text/plain;charset=UTF-8")];
        let body = Some(fields.to_string().into_bytes());
        self.client.test.send("POST", "/beacon", &headers, body).await.status
    }

    async fn earned(&self, slug: &str) -> Value {
        let balances = self.client.get(&format!("/v1/affiliates/{}/balances", self.id(slug))).await.json();
        balances["data"][0]["earned"].clone()
    }

    async fn referral(&self, email: &str) -> Value {
        let found = self.client.get(&format!("/v1/referrals?email={email}")).await.json();
        found["data"][0].clone()
    }

    async fn attributions(&self, referral: &Value) -> Vec<Value> {
        let id = referral["id"].as_str().expect("a referral");
        let answer = self.client.get(&format!("/v1/referrals/{id}/attributions")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"].as_array().expect("a list").clone()
    }
}

#[test]
fn a_coupon_then_a_signed_click_then_a_name_decides() {
    run(async |test| {
        let site = Site::new(&test).await;
        let (ann, old) = (site.token("ann", 1), site.token("ann", 61));
        let cat = site.client.get(&format!("/v1/affiliates/{}", site.id("cat"))).await.json();
        let by_key = |slug: &str, foreign: &str| {
            let key = cat["partner_key"].as_str().expect("a partner key");
            format!(":6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2::{key}:::{slug}:{foreign}::sub:affiliate")
        };
        let cases = [
            (json!({ "click_id": ann }), "ann"),
            (json!({ "click_id": ann, "affiliate_slug": "bob" }), "ann"),
            (json!({ "click_id": ann, "coupon": "DAN20" }), "dan"),
            (json!({ "click_id": old, "affiliate_slug": "bob" }), "bob"),
            (json!({ "coupon": "dan20", "affiliate_slug": "cat" }), "dan"),
            (json!({ "coupon": "NONE", "affiliate_slug": "cat" }), "cat"),
            (
                json!({ "coupon": "DAN20", "affiliate_slug": "cat", "occurred_at": "2026-05-31T00:00:00Z" }),
                "dan",
            ),
            (
                json!({ "click_ids": [site.token("bob", 3), site.token("cat", 2)], "click_id": site.token("ann", 9) }),
                "cat",
            ),
            (json!({ "affiliate_id": site.id("bob") }), "bob"),
            (json!({ "click_id": ":6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2:::::bob:::sub:affiliate" }), "bob"),
            (json!({ "click_id": by_key("", "") }), "cat"),
            (json!({ "click_id": by_key("", "").replace(':', "%3A") }), "cat"),
            (json!({ "click_id": by_key("", ""), "click_ids": [ann] }), "ann"),
            (json!({ "click_id": by_key("bob", "") }), "bob"),
            (json!({ "click_id": by_key("", "dan") }), "dan"),
        ];
        for (number, (body, expected)) in cases.into_iter().enumerate() {
            let shown = body.to_string();
            assert_eq!(site.convert(&format!("u{number}"), body).await, expected, "{shown}");
        }
        let first = json!({ "attribution_model": "first_click" });
        assert_eq!(site.client.patch("/v1/program", first).await.status, 200);
        let clicks =
            json!({ "click_ids": [site.token("bob", 3), site.token("ann", 9), site.token("cat", 2)] });
        assert_eq!(site.convert("first", clicks).await, "ann");
        let short = json!({ "cookie_days": 5 });
        assert_eq!(site.client.patch("/v1/program", short).await.status, 200);
        let clicks =
            json!({ "click_ids": [site.token("bob", 3), site.token("ann", 9), site.token("cat", 2)] });
        assert_eq!(site.convert("short", clicks).await, "bob");
    });
}

#[test]
fn what_names_nobody_is_refused_and_says_why() {
    run(async |test| {
        let site = Site::new(&test).await;
        let token = site.token("ann", 1);
        let mut forged = token.clone();
        forged.replace_range(45..46, if &token[45..46] == "A" { "B" } else { "A" });
        let other = site.token_in(ProgramId(999_999), "ann", 1);
        let refused = async |body: Value| site.convert("u", body).await;
        assert_eq!(
            refused(json!({ "click_id": forged })).await,
            format!(
                "422 not_attributed nothing that came names an affiliate; signed_click {forged:?}: its signature does \
                     not fit; it was changed or was not made by this server"
            )
        );
        let told = refused(json!({ "click_id": other })).await;
        assert!(told.ends_with("it belongs to another program"), "{told}");
        let told = refused(json!({ "click_id": site.token("ann", 61) })).await;
        assert!(told.ends_with("the click came more than 60 days before the registration"), "{told}");
        let told = refused(json!({ "click_id": token, "occurred_at": "2026-05-01T00:00:00Z" })).await;
        assert!(told.ends_with("the click came after the registration"), "{told}");
        let told = refused(json!({ "click_id": "jane@example.com" })).await;
        assert!(told.contains("signed_click \"no click id\": it has 16 characters"), "{told}");
        let told = refused(json!({ "coupon": "NONE" })).await;
        assert!(told.ends_with("coupon \"NONE\": nothing has this name"), "{told}");
        assert_eq!(
            refused(json!({})).await,
            "422 not_attributed nothing that came names an affiliate; expected click_id, coupon or affiliate_slug"
        );
        assert_eq!(
            refused(json!({ "affiliate_slug": "nobody" })).await,
            "404 unknown_affiliate no affiliate is known as \"nobody\""
        );
        for (body, field) in [
            (json!({ "affiliate_slug": "ann", "affiliate_id": 2 }), "affiliate_id"),
            (json!({ "affiliate_slug": "ann", "country": "Germany" }), "country"),
            (json!({ "affiliate_slug": "no slug" }), "affiliate_slug"),
            (json!({ "affiliate_slug": "ann", "coupon": "a b" }), "coupon"),
            (json!({ "affiliate_slug": "ann", "click_ids": vec!["x"; 11] }), "click_ids"),
            (json!({ "affiliate_slug": "ann", "click_id": "x", "click_ids": vec!["x"; 10] }), "click_ids"),
            (json!({ "affiliate_slug": "ann", "sluggy": 1 }), "sluggy"),
        ] {
            let told = refused(body.clone()).await;
            assert!(told.starts_with("400 invalid") && told.contains(field), "{body}: {told}");
        }
        let nobody = site.client.post("/v1/conversions", json!({ "affiliate_slug": "ann" })).await;
        assert_eq!(problem(&nobody), "400 invalid uid: name the customer by uid, email or both");
        assert_eq!(test.count_rows("referral").await, 0);
        assert_eq!(test.count_rows("attribution").await, 0);
    });
}

#[test]
fn a_repeated_conversion_gets_the_first_answer_and_a_known_customer_a_conflict() {
    run(async |test| {
        let site = Site::new(&test).await;
        let body = json!({ "uid": "u1", "email": "u1@example.com", "affiliate_slug": "ann" });
        let first = site.client.post_once("/v1/conversions", "k1", body.clone()).await;
        let again = site.client.post_once("/v1/conversions", "k1", body.clone()).await;
        assert_eq!((first.status, first.text()), (201, again.text()));
        let other = json!({ "uid": "u2", "affiliate_slug": "ann" });
        assert!(
            problem(&site.client.post_once("/v1/conversions", "k1", other).await)
                .starts_with("409 key_reused")
        );
        assert!(
            problem(&site.client.post("/v1/conversions", body).await).starts_with("409 already_referred")
        );
        let by_mail = json!({ "email": "u1@example.com", "affiliate_slug": "bob" });
        assert!(
            problem(&site.client.post("/v1/conversions", by_mail).await).starts_with("409 already_referred")
        );
    });
}

#[test]
fn the_record_keeps_every_piece_of_evidence_and_what_became_of_it() {
    run(async |test| {
        let site = Site::new(&test).await;
        let body = json!({
            "email": "jane@example.com", "coupon": "LATER", "affiliate_slug": "bob",
            "click_ids": [site.token("cat", 70), site.token("ann", 2)],
        });
        let later =
            json!({ "code": "later", "affiliate_id": site.id("dan"), "valid_from": "2026-07-01T00:00:00Z" });
        assert_eq!(site.client.post("/v1/coupons", later).await.status, 201);
        assert_eq!(site.client.post("/v1/conversions", body).await.status, 201);
        let referral = site.referral("jane@example.com").await;
        let records = site.attributions(&referral).await;
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!(
            (&record["affiliate_id"], &record["basis"], &record["grade"], &record["is_provisional"]),
            (&json!(site.id("ann")), &json!("signed_click"), &json!("signed"), &json!(false))
        );
        let told: Vec<String> = record["evidence"]
            .as_array()
            .expect("evidence")
            .iter()
            .map(|it| {
                format!("{} {} {}", it["basis"].as_str().unwrap(), it["verdict"].as_str().unwrap(), it["why"])
            })
            .collect();
        assert_eq!(
            told,
            [
                "coupon refused \"it is valid from 2026-07-01T00:00:00+00:00 on\"",
                "signed_click refused \"the click came more than 60 days before the registration\"",
                "signed_click decided null",
                "slug outranked null",
            ]
        );
        // An affiliate sees none of it.
        let key = test.affiliate_key(site.client.program, domain::ids::AffiliateId(site.id("ann"))).await;
        let path = format!("/v1/referrals/{}/attributions", referral["id"].as_str().expect("an id"));
        assert_eq!(site.client.with_key(key).get(&path).await.status, 403);
    });
}

#[test]
fn a_keyed_conversion_replaces_what_a_browser_said_until_the_first_payment() {
    run(async |test| {
        let site = Site::new(&test).await;
        let said = json!({ "evt": "conversion", "affiliate_slug": "ann", "m_email": "jane@example.com" });
        assert_eq!(site.beacon(said.clone()).await, 204);
        let before = site.referral("jane@example.com").await;
        assert_eq!(before["affiliate_id"], site.id("ann"));
        assert_eq!(site.attributions(&before).await[0]["is_provisional"], true);
        assert_eq!(site.earned("ann").await["lead"], "5.00");
        // A browser changes nothing, nor does a caller who names the same.
        let other = json!({ "evt": "conversion", "affiliate_slug": "bob", "m_email": "jane@example.com" });
        assert_eq!(site.beacon(other).await, 204);
        let same = json!({ "email": "jane@example.com", "affiliate_slug": "ann" });
        assert!(
            problem(&site.client.post("/v1/conversions", same).await).starts_with("409 already_referred")
        );
        test.at("2026-06-02T09:00:00Z");
        let keyed =
            json!({ "email": "jane@example.com", "uid": "u1", "affiliate_slug": "bob", "country": "DE" });
        let answer = site.client.post_once("/v1/conversions", "k1", keyed.clone()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(
            (&answer.json()["id"], &answer.json()["affiliate_id"]),
            (&before["id"], &json!(site.id("bob")))
        );
        assert_eq!(site.client.post_once("/v1/conversions", "k1", keyed).await.text(), answer.text());
        // Both calls are explained.
        let event = answer.json()["event_id"].as_str().expect("an event").to_owned();
        let explained = site.client.get(&format!("/v1/events/{event}/explain")).await;
        assert_eq!(explained.status, 200, "{}", explained.text());
        // The lead commission went over, and so did the registration.
        assert_eq!(site.earned("ann").await["lead"], "0.00");
        assert_eq!(site.earned("bob").await["lead"], "5.00");
        let registrations =
            |slug: &str| format!("account where affiliate_id = {} and registrations = 1", site.id(slug));
        assert_eq!(test.count_rows(&registrations("ann")).await, 0);
        assert_eq!(test.count_rows(&registrations("bob")).await, 1);
        let records = site.attributions(&before).await;
        assert_eq!(records.len(), 2);
        assert_eq!((&records[1]["basis"], &records[1]["is_provisional"]), (&json!("slug"), &json!(false)));
        let log = site.client.get("/v1/log?limit=200").await.text();
        assert!(log.contains("referral.replaced"), "{log}");
        // It is the company's word now.
        let third = json!({ "email": "jane@example.com", "affiliate_slug": "cat" });
        assert!(
            problem(&site.client.post("/v1/conversions", third).await).starts_with("409 already_referred")
        );
        // The uid that the company told names the customer too.
        assert_eq!(site.client.pay("u1", "ch_1", "100").await.status, 201);
        assert_eq!(site.earned("bob").await["share"], "20.00");
        assert_eq!(site.earned("ann").await["share"], "0.00");
    });
}

#[test]
fn after_the_first_payment_a_provisional_registration_stays() {
    run(async |test| {
        let site = Site::new(&test).await;
        let said = json!({ "evt": "conversion", "affiliate_slug": "ann", "m_email": "jane@example.com", "m_uid": "u1" });
        assert_eq!(site.beacon(said).await, 204);
        assert_eq!(site.client.pay("u1", "ch_1", "100").await.status, 201);
        let keyed = json!({ "email": "jane@example.com", "affiliate_slug": "bob" });
        assert!(
            problem(&site.client.post("/v1/conversions", keyed).await).starts_with("409 already_referred")
        );
        assert_eq!(site.earned("ann").await["share"], "20.00");
    });
}

#[test]
fn what_waited_for_the_name_that_the_company_told_is_booked_with_it() {
    run(async |test| {
        let site = Site::new(&test).await;
        let parked = json!({ "type": "payment", "id": "ch_0", "uid": "u1", "amount": "50", "currency": "EUR", "park": true });
        assert_eq!(site.client.post("/v1/events", parked).await.status, 201);
        let churn = json!({ "type": "churn", "uid": "u1", "park": true });
        assert_eq!(site.client.post("/v1/events", churn).await.status, 201);
        let said = json!({ "evt": "conversion", "affiliate_slug": "ann", "m_email": "jane@example.com" });
        assert_eq!(site.beacon(said).await, 204);
        let keyed = json!({ "email": "jane@example.com", "uid": "u1", "affiliate_slug": "bob" });
        assert_eq!(site.client.post("/v1/conversions", keyed).await.status, 201);
        assert_eq!(site.earned("bob").await["share"], "10.00");
    });
}

#[test]
fn reditus_v2_takes_the_slug_and_the_click_among_that_affiliates() {
    run(async |test| {
        let site = Site::new(&test).await;
        let path = "/reditus/api/v2/tracking/conversion";
        for (email, token, slug, basis) in [
            ("a@b.c", site.token("ann", 1), "ann", "signed_click"),
            ("b@b.c", site.token("ann", 1), "bob", "slug"),
            ("c@b.c", site.token("cat", 61), "cat", "slug"),
        ] {
            let body = json!({ "email": email, "affiliate_slug": slug, "gr_id": token });
            let answer = site.client.post(path, body).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            let referral = site.referral(email).await;
            assert_eq!(referral["affiliate_id"], site.id(slug), "{email}");
            assert_eq!(site.attributions(&referral).await[0]["basis"], basis, "{email}");
        }
        let deprecated = "/reditus/api/v1/tracking/conversion";
        let answer =
            site.client.post(deprecated, json!({ "email": "d@b.c", "gr_id": site.token("ann", 1) })).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(site.referral("d@b.c").await["affiliate_id"], site.id("ann"));
        let old = json!({ "email": "e@b.c", "gr_id": site.token("ann", 61) });
        let answer = site.client.post(deprecated, old).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("more than 60 days"), "{}", answer.text());
    });
}

#[test]
fn too_many_conversions_at_once_are_asked_to_wait() {
    let limits = app::config::Limits {
        key: app::config::Rate { per_second: 1, burst: 2 },
        ..app::config::Limits::default()
    };
    let config = app::config::Config { limits, ..testkit::config() };
    testkit::run_with(config, async |test| {
        let site = Site::new(&test).await;
        for uid in ["u1", "u2"] {
            assert_eq!(site.convert(uid, json!({ "affiliate_slug": "ann" })).await, "ann");
        }
        let body = json!({ "uid": "u3", "affiliate_slug": "ann" });
        let answer = site.client.post("/v1/conversions", body.clone()).await;
        assert!(problem(&answer).starts_with("429 rate_limited"));
        assert!(answer.headers.contains_key("retry-after"));
        let body_of_reditus = json!({ "uid": "u3", "affiliate_slug": "ann" });
        assert_eq!(
            site.client.post("/reditus/api/v2/tracking/conversion", body_of_reditus).await.status,
            429
        );
        test.at("2026-06-01T12:00:01Z");
        assert_eq!(site.client.post("/v1/conversions", body).await.status, 201);
    });
}

#[test]
fn deposits_that_rows_count_are_payments_too() {
    run(async |test| {
        let site = Site::new(&test).await;
        let truth = json!({ "deposits": "rows", "withdrawals": "rows" });
        assert_eq!(site.client.put("/v1/brands/casino", truth).await.status, 200);
        let said = json!({ "evt": "conversion", "affiliate_slug": "ann", "m_uid": "u1" });
        assert_eq!(site.beacon(said).await, 204);
        // A feed that fills every column names a first deposit of zero.
        let rows = json!({ "rows": [{ "player": "u1", "brand": "casino", "day": "2026-06-01", "deposits": "50",
            "deposit_count": 1, "first_deposit": "0", "pnl": "0" }] });
        let answer = site.client.post("/v1/activity", rows).await;
        assert_eq!(answer.json()["results"][0]["status"], 201, "{}", answer.text());
        let told = async || {
            let log = site.client.get("/v1/log?limit=200").await.json();
            let rows = log["data"].as_array().cloned().expect("rows");
            rows.into_iter().find(|row| row["type"] == "activity.recorded")
        };
        // Its number is given after the commit, by a task of its own.
        let mut row = told().await;
        while row.is_none() {
            tokio::task::yield_now().await;
            row = told().await;
        }
        assert!(row.is_some_and(|row| row["event_id"].is_string()), "the log names the event");
        let keyed = json!({ "uid": "u1", "affiliate_slug": "bob" });
        assert!(
            problem(&site.client.post("/v1/conversions", keyed).await).starts_with("409 already_referred")
        );
    });
}
