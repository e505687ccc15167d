//! `GET af2_aff_op` and `PUT af2_aff_op/{id}`.

use domain::affiliate::Status;
use domain::ids::AffiliateId;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::smartico_operator::{Operator, fields};

async fn put(operator: &Operator, affiliate: AffiliateId, body: Value) -> Value {
    let answer = operator.call("PUT", &format!("af2_aff_op/{affiliate}"), Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn a_row_has_the_fields_of_the_contract() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        test.at("2026-05-01T00:00:00Z");
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "20").await;
        operator.pay(ann, "5").await;
        let text = operator.get(&format!("af2_aff_op?affiliate_id={ann}")).await.text();
        assert_snapshot!(text.replace(',', ",\n"), @r#"
[{"id":2,
"affiliate_id":2,
"affiliate_name":"ann",
"country":null,
"company":null,
"web_site_url":null,
"comments":null,
"comments_from_operator":null,
"visibility":null,
"aff_status_id":2,
"operator_id":1001,
"brand_ids":[],
"parent_affiliate_id":null,
"create_date":"2026-05-01T00:00:00.000Z",
"update_date":"2026-05-01T00:00:00.000Z",
"create_by":null,
"bo_user_id":null,
"ext_affiliate_id":null,
"payment_method_name":"",
"payment_method_id":0,
"payment_method_details":{},
"payment_threshold_oper_currency":null,
"bo_label_id":1001,
"label_name":"ANN / 2",
"no_carry_over":false,
"no_carry_over_was_set":false,
"sub_affiliate_url":null,
"same_manager_url":null,
"aff_status_name":"Approved",
"last_login_date":null,
"username":"ann",
"bo_user_email":"ann@example.com",
"avatar_image_url":null,
"two_fa_enabled":false,
"api_access_enabled":false,
"first_name":"",
"last_name":"",
"phone_number":"",
"skype":"",
"contact_fb":"",
"contact_vk":"",
"contact_telegram":"",
"enabled_for_login":true,
"language":null,
"operator_currency":"EUR",
"manager_id":null,
"manager_username":null,
"parent_affiliate_name":null,
"commissions_total":0,
"balance":15,
"payments":5,
"adjustments":20,
"sub_affiliate_fee":null,
"sub_cpa_fee":0,
"sub_commission_cut_percent":0,
"extra_role_ids":[],
"default_deal_info":{"deal_group_name":"Default",
"deal_type_id":8},
"contact_discord":"",
"manager_contacts":{"phone":null,
"email":null,
"skype":null,
"telegram":null,
"fb":null,
"vk":null,
"discord":null,
"whatsapp":null,
"first_name":null,
"last_name":null}}]
"#);
        let path = format!(r#"af2_aff_op?filter={{"without_money":true,"affiliate_id":{ann}}}"#);
        let rows = operator.rows(&path).await;
        for field in ["commissions_total", "balance", "payments", "adjustments"] {
            assert_eq!(rows[0].get(field), None, "{field}");
        }
        let with_money = operator.rows(&format!("af2_aff_op?affiliate_id={ann}&without_money=false")).await;
        assert_eq!(
            rows[0].as_object().map(|row| row.len() + 4),
            with_money[0].as_object().map(|row| row.len())
        );
    });
}

#[test]
fn statuses_filter_as_a_number_and_as_an_array() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let caller = test.operator(operator.program);
        for (slug, status) in [
            ("pending", Status::Pending),
            ("approved", Status::Approved),
            ("declined", Status::Declined),
            ("suspended", Status::Suspended),
            ("blocked", Status::Blocked),
        ] {
            let new = app::affiliate::NewAffiliate {
                name: domain::text::Name::parse(slug).expect("a name"),
                email: domain::text::Email::parse(&format!("{slug}@example.com")).expect("an address"),
                slug: Some(domain::text::Slug::parse(slug).expect("a slug")),
                status,
                deal: None,
                parent: None,
                external_id: None,
                payout_threshold_micros: None,
            };
            app::affiliate::create(&test.app, &caller, new).await.expect("an affiliate");
        }
        let names = async |query: &str| -> Vec<String> {
            let rows = operator.rows(&format!("af2_aff_op?{query}")).await;
            rows.iter()
                .map(|row| format!("{} {} {}", row["username"], row["aff_status_id"], row["aff_status_name"]))
                .collect()
        };
        assert_snapshot!(names("").await.join("\n"), @r#"
"organic" 2 "Approved"
"pending" 1 "Pending"
"approved" 2 "Approved"
"declined" 3 "Declined"
"suspended" 4 "Suspended"
"blocked" 6 "Blocked"
"#);
        assert_eq!(
            names(r#"filter={"aff_status_id":2}"#).await,
            names(r#"filter={"aff_status_id":[2]}"#).await
        );
        assert_eq!(names(r#"filter={"aff_status_id":[2,1],"without_money":true}"#).await.len(), 3);
        assert_eq!(names(r#"filter={"aff_status_id":7}"#).await, [r#""blocked" 6 "Blocked""#]);
        assert_eq!(names("aff_status_id=4&range=[0,9]").await, [r#""suspended" 4 "Suspended""#]);
        let answers = operator
            .answers(&[
                ("GET", r#"af2_aff_op?filter={"aff_status_id":5}"#, ""),
                ("GET", r#"af2_aff_op?filter={"aff_status_id":[2,0]}"#, ""),
                ("GET", r#"af2_aff_op?filter={"aff_status_id":"2"}"#, ""),
                ("GET", r#"af2_aff_op?filter={"without_money":1}"#, ""),
                ("GET", r#"af2_aff_op?filter={"aff_status_id":[99999999999999999999]}"#, ""),
            ])
            .await;
        assert_snapshot!(answers, @r#"
GET af2_aff_op?filter={"aff_status_id":5}
    291 {"errCode":1004,"message":"aff_status_id: 5 (ViewOnly) is not supported; the nearest is 4 (Suspended)"}
GET af2_aff_op?filter={"aff_status_id":[2,0]}
    291 {"errCode":1004,"message":"aff_status_id: 0 is no status; expected 1 Pending, 2 Approved, 3 Declined, 4 Suspended or 6 Blocked"}
GET af2_aff_op?filter={"aff_status_id":"2"}
    291 {"errCode":1004,"message":"filter.aff_status_id: \"2\" is neither an integer nor an array of them such as [1,2]"}
GET af2_aff_op?filter={"without_money":1}
    291 {"errCode":1004,"message":"filter.without_money: invalid type: integer `1`, expected a boolean"}
GET af2_aff_op?filter={"aff_status_id":[99999999999999999999]}
    291 {"errCode":1004,"message":"filter.aff_status_id: [1e+20] is neither an integer nor an array of them such as [1,2]"}
"#);
    });
}

#[test]
fn only_what_is_sent_changes() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        test.at("2026-06-02T00:00:00Z");
        let all = json!({
            "comments": "likes mail", "company": "Ann Ltd", "country": "de", "web_site_url": "https://ann.example",
            "comments_from_operator": "pays late", "ext_affiliate_id": "crm-7", "no_carry_over": true,
            "bo_user_email": "Ann@Example.com", "two_fa_enabled": true, "api_access_enabled": true, "first_name": "Ann",
            "last_name": "Lee", "phone_number": "+49 1", "skype": "ann.lee", "contact_fb": "fb", "contact_vk": "vk",
            "contact_telegram": "@ann", "contact_discord": "ann#1", "language": "en", "payment_method_id": 1,
            "payment_method_details": { "bank_name": "Bank", "beneficary": "Ann Lee", "ana": "x" }, "custom_prop_155": 33,
            "affiliate_id": 99, "unknown": { "deep": [] },
        });
        let row = put(&operator, ann, all).await;
        assert_snapshot!(serde_json::to_string(&row).expect("JSON").replace(',', ",\n"), @r#"
{"adjustments":0,
"aff_status_id":2,
"aff_status_name":"Approved",
"affiliate_id":2,
"affiliate_name":"ann",
"api_access_enabled":true,
"avatar_image_url":null,
"balance":0,
"bo_label_id":1001,
"bo_user_email":"ann@example.com",
"bo_user_id":null,
"brand_ids":[],
"comments":"likes mail",
"comments_from_operator":"pays late",
"commissions_total":0,
"company":"Ann Ltd",
"contact_discord":"ann#1",
"contact_fb":"fb",
"contact_telegram":"@ann",
"contact_vk":"vk",
"country":"DE",
"create_by":null,
"create_date":"2026-06-01T12:00:00.000Z",
"default_deal_info":{"deal_group_name":"Default",
"deal_type_id":8},
"enabled_for_login":true,
"ext_affiliate_id":"crm-7",
"extra_role_ids":[],
"first_name":"Ann",
"id":2,
"label_name":"ANN LEE / 2",
"language":"EN",
"last_login_date":null,
"last_name":"Lee",
"manager_contacts":{"discord":null,
"email":null,
"fb":null,
"first_name":null,
"last_name":null,
"phone":null,
"skype":null,
"telegram":null,
"vk":null,
"whatsapp":null},
"manager_id":null,
"manager_username":null,
"no_carry_over":true,
"no_carry_over_was_set":true,
"operator_currency":"EUR",
"operator_id":1001,
"parent_affiliate_id":null,
"parent_affiliate_name":null,
"payment_method_details":{"ana":"x",
"bank_name":"Bank",
"beneficary":"Ann Lee"},
"payment_method_id":1,
"payment_method_name":"Wire Transfer",
"payment_threshold_oper_currency":null,
"payments":0,
"phone_number":"+49 1",
"same_manager_url":null,
"skype":"ann.lee",
"sub_affiliate_fee":null,
"sub_affiliate_url":null,
"sub_commission_cut_percent":0,
"sub_cpa_fee":0,
"two_fa_enabled":true,
"update_date":"2026-06-02T00:00:00.000Z",
"username":"ann",
"visibility":null,
"web_site_url":"https://ann.example"}
"#);
        let caller = test.operator(operator.program);
        let kept = app::affiliate::show(&test.app, &caller, ann).await.expect("an affiliate");
        assert_eq!(kept.profile.custom_props.get("155"), Some(&33));
        assert_eq!(put(&operator, ann, json!({})).await, row, "nothing sent, nothing changed");
        let other = put(
            &operator,
            ann,
            json!({ "company": null, "phone_number": null, "no_carry_over": null, "custom_prop_155": null }),
        )
        .await;
        assert_snapshot!(fields(&other, &["company", "phone_number", "no_carry_over", "no_carry_over_was_set", "first_name"]), @r#"company null, phone_number "", no_carry_over false, no_carry_over_was_set false, first_name "Ann""#);
        let kept = app::affiliate::show(&test.app, &caller, ann).await.expect("an affiliate");
        assert!(kept.profile.custom_props.is_empty());
        let paypal = json!({ "payment_method_id": 4, "payment_method_details": { "paypal_email": "ann@example.com" } });
        let row = put(&operator, ann, paypal).await;
        assert_snapshot!(fields(&row, &["payment_method_name", "payment_method_details"]), @r#"payment_method_name "PayPal", payment_method_details {"paypal_email":"ann@example.com"}"#);
        let row = operator.balance(ann).await;
        assert_snapshot!(row["payment_method_details"].to_string(), @r#"{"ana":"x","bank_name":"Bank","beneficary":"Ann Lee","paypal_email":"ann@example.com"}"#);
    });
}

#[test]
fn a_status_changes_where_it_may() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        let path = format!("af2_aff_op/{ann}");
        let status = async |number: i64| {
            let answer = operator.call("PUT", &path, Some(json!({ "aff_status_id": number }))).await;
            if answer.status == 200 { answer.json()["aff_status_name"].to_string() } else { answer.text() }
        };
        let mut lines = Vec::new();
        for number in [2, 1, 4, 3, 7, 6, 5, 8, 2] {
            lines.push(format!("{number}: {}", status(number).await));
        }
        assert_snapshot!(lines.join("\n"), @r#"
2: "Approved"
1: {"errCode":1009,"message":"aff_status_id: an affiliate that is approved cannot become pending"}
4: "Suspended"
3: {"errCode":1009,"message":"aff_status_id: an affiliate that is suspended cannot become declined"}
7: "Blocked"
6: "Blocked"
5: {"errCode":1004,"message":"aff_status_id: 5 (ViewOnly) is not supported; the nearest is 4 (Suspended)"}
8: {"errCode":1004,"message":"aff_status_id: 8 is no status; expected 1 Pending, 2 Approved, 3 Declined, 4 Suspended or 6 Blocked"}
2: "Approved"
"#);
    });
}

#[test]
fn a_wrong_change_is_refused_by_name_and_changes_nothing() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        let bob = operator.affiliate("bob").await;
        put(&operator, bob, json!({ "ext_affiliate_id": "taken" })).await;
        let before = put(&operator, ann, json!({})).await;
        let path = format!("af2_aff_op/{ann}");
        let bodies = [
            "[]",
            "x",
            r#"{"company":5}"#,
            r#"{"company":"a\u0000b"}"#,
            r#"{"country":"Germany"}"#,
            r#"{"language":"é"}"#,
            r#"{"bo_user_email":"ann"}"#,
            r#"{"ext_affiliate_id":"taken"}"#,
            r#"{"ext_affiliate_id":" "}"#,
            r#"{"two_fa_enabled":"true"}"#,
            r#"{"no_carry_over":1}"#,
            r#"{"manager_id":2342}"#,
            r#"{"parent_affiliate_id":3}"#,
            r#"{"payment_method_id":99}"#,
            r#"{"payment_method_id":4294967297}"#,
            r#"{"payment_method_details":{"bank_name":"B"}}"#,
            r#"{"payment_method_id":1,"payment_method_details":{"bank_name":5}}"#,
            r#"{"payment_method_id":1,"payment_method_details":"B"}"#,
            r#"{"custom_prop_x":1}"#,
            r#"{"custom_prop_1":"y"}"#,
            r#"{"first_name":{}}"#,
            r#"{"aff_status_id":"2"}"#,
            r#"{"company":"A","company":"B"}"#,
        ];
        let mut requests: Vec<(&str, &str, &str)> =
            bodies.iter().map(|body| ("PUT", path.as_str(), *body)).collect();
        requests.extend([
            ("PUT", "af2_aff_op/99", "{}"),
            ("PUT", "af2_aff_op/ann", "{}"),
            ("PUT", "af2_aff_op/-1", "{}"),
            ("PUT", "af2_aff_op/%ff", "{}"),
            ("PUT", "af2_aff_op/%zz", "{}"),
            ("PUT", "af2_aff_op/99999999999999999999", "{}"),
        ]);
        assert_snapshot!(operator.answers(&requests).await, @r#"
PUT af2_aff_op/2 []
    291 {"errCode":1003,"message":"the body is not a JSON object such as {\"affiliate_id\":35427}"}
PUT af2_aff_op/2 x
    291 {"errCode":1003,"message":"the body is not a JSON object such as {\"affiliate_id\":35427}"}
PUT af2_aff_op/2 {"company":5}
    291 {"errCode":1004,"message":"company: invalid type: integer `5`, expected a string"}
PUT af2_aff_op/2 {"company":"a\u0000b"}
    291 {"errCode":1004,"message":"company: it contains the control character U+0000"}
PUT af2_aff_op/2 {"country":"Germany"}
    291 {"errCode":1004,"message":"country: \"Germany\" is not a code of two letters such as DE"}
PUT af2_aff_op/2 {"language":"é"}
    291 {"errCode":1004,"message":"language: \"é\" is not a code of two letters such as DE"}
PUT af2_aff_op/2 {"bo_user_email":"ann"}
    291 {"errCode":1004,"message":"bo_user_email: \"ann\" is not an e-mail address"}
PUT af2_aff_op/2 {"ext_affiliate_id":"taken"}
    291 {"errCode":1010,"message":"ext_affiliate_id \"taken\" is taken by another affiliate"}
PUT af2_aff_op/2 {"ext_affiliate_id":" "}
    291 {"errCode":1004,"message":"ext_affiliate_id: it is empty"}
PUT af2_aff_op/2 {"two_fa_enabled":"true"}
    291 {"errCode":1004,"message":"two_fa_enabled: invalid type: string \"true\", expected a boolean"}
PUT af2_aff_op/2 {"no_carry_over":1}
    291 {"errCode":1004,"message":"no_carry_over: invalid type: integer `1`, expected a boolean"}
PUT af2_aff_op/2 {"manager_id":2342}
    291 {"errCode":1004,"message":"manager_id: there is no manager 2342"}
PUT af2_aff_op/2 {"parent_affiliate_id":3}
    291 {"errCode":1004,"message":"parent_affiliate_id: You cannot change parent affiliate by this call (3 was sent)"}
PUT af2_aff_op/2 {"payment_method_id":99}
    291 {"errCode":1004,"message":"payment_method_id: 99 is no payment method; expected 0 for none, 1 Wire Transfer, 2 Neteller, 3 Skrill, 4 PayPal, 5 ERC20 wallet, 6 TRC20 wallet, 7 Istpay, 8 Pay4Fun"}
PUT af2_aff_op/2 {"payment_method_id":4294967297}
    291 {"errCode":1004,"message":"payment_method_id: 4294967297 is no payment method; expected 0 for none, 1 Wire Transfer, 2 Neteller, 3 Skrill, 4 PayPal, 5 ERC20 wallet, 6 TRC20 wallet, 7 Istpay, 8 Pay4Fun"}
PUT af2_aff_op/2 {"payment_method_details":{"bank_name":"B"}}
    291 {"errCode":1004,"message":"payment_method_details: the affiliate has no payment method; send payment_method_id too"}
PUT af2_aff_op/2 {"payment_method_id":1,"payment_method_details":{"bank_name":5}}
    291 {"errCode":1004,"message":"payment_method_details.bank_name: 5 is not a string"}
PUT af2_aff_op/2 {"payment_method_id":1,"payment_method_details":"B"}
    291 {"errCode":1004,"message":"payment_method_details: invalid type: string \"B\", expected an object"}
PUT af2_aff_op/2 {"custom_prop_x":1}
    291 {"errCode":1004,"message":"custom_prop_x: the tag is not an integer; expected one such as custom_prop_155"}
PUT af2_aff_op/2 {"custom_prop_1":"y"}
    291 {"errCode":1004,"message":"custom_prop_1: \"y\" is not the integer id of a value"}
PUT af2_aff_op/2 {"first_name":{}}
    291 {"errCode":1004,"message":"first_name: {} is not a string"}
PUT af2_aff_op/2 {"aff_status_id":"2"}
    291 {"errCode":1004,"message":"aff_status_id: invalid type: string \"2\", expected an integer"}
PUT af2_aff_op/2 {"company":"A","company":"B"}
    291 {"errCode":1004,"message":"duplicate field `company`"}
PUT af2_aff_op/99 {}
    291 {"errCode":1005,"message":"there is no affiliate 99"}
PUT af2_aff_op/ann {}
    291 {"errCode":1004,"message":"affiliate_id: \"ann\" is not an integer such as 35427"}
PUT af2_aff_op/-1 {}
    291 {"errCode":1005,"message":"there is no affiliate -1"}
PUT af2_aff_op/%ff {}
    291 {"errCode":1004,"message":"affiliate_id: Invalid URL: Invalid UTF-8 in `id`"}
PUT af2_aff_op/%zz {}
    291 {"errCode":1004,"message":"affiliate_id: \"%zz\" is not an integer such as 35427"}
PUT af2_aff_op/99999999999999999999 {}
    291 {"errCode":1004,"message":"affiliate_id: \"99999999999999999999\" is not an integer such as 35427"}
"#);
        let after = operator.rows(&format!("af2_aff_op?affiliate_id={ann}")).await;
        assert_eq!(after, [before]);
    });
}

#[test]
fn the_parent_and_the_own_deal_are_named() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        let caller = test.operator(operator.program);
        let bob = operator.affiliate("bob").await;
        let child = |row: &mut app::affiliate::AffiliateRow| {
            row.parent = Some(ann);
            Ok(())
        };
        app::affiliate::update(&test.app, &caller, bob, child).await.expect("a parent");
        let rules = json!([
            { "on": "registration", "reward": { "flat": "1" } },
            { "on": "payment", "reward": { "flat": "10" } },
        ]);
        let new = app::deal::NewDeal {
            name: domain::text::Name::parse("Bob's").expect("a name"),
            terms: serde_json::from_value(json!({ "rules": rules })).expect("terms"),
            affiliate: Some(bob),
        };
        app::deal::create(&test.app, &caller, new).await.expect("a deal");
        let mut lines = Vec::new();
        for row in operator.rows("af2_aff_op").await {
            let names = ["username", "parent_affiliate_id", "parent_affiliate_name", "default_deal_info"];
            lines.push(fields(&row, &names));
        }
        assert_snapshot!(lines.join("\n"), @r#"
username "organic", parent_affiliate_id null, parent_affiliate_name null, default_deal_info null
username "ann", parent_affiliate_id null, parent_affiliate_name null, default_deal_info {"deal_group_name":"Default","deal_type_id":8}
username "bob", parent_affiliate_id 2, parent_affiliate_name "ann", default_deal_info {"deal_group_name":"Bob's","deal_type_id":3}
"#);
        let row = put(&operator, bob, json!({ "parent_affiliate_id": ann })).await;
        assert_eq!(row["parent_affiliate_id"], ann.0, "sent along as it is");
    });
}
