//! `af2_deals_op`: deals over the wire are the engine's deals, and those of the engine are shown.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::smartico_operator::{Operator, fields, shown};

#[test]
fn a_deal_is_made_shown_and_earns() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        // The vendor's example.
        let body = json!({
            "affiliate_id": ann, "deal_type_id": 6, "deal_group_name": "CPA + REV & FTD Qualifier",
            "cpa_amount": 10, "qua_cpa_ftd": 30, "rev_share_percentage": 25,
        });
        let answer = operator.call("POST", "af2_deals_op", Some(body)).await;
        assert_snapshot!(shown(&answer), @r#"200 {"id":2,"deal_id":2,"affiliate_id":2,"deal_type_id":6,"deal_group_name":"CPA + REV & FTD Qualifier","level_id":1,"is_default":true,"cpl_amount":null,"cpa_amount":10,"rev_share_percentage":25,"qua_cpl_volume":null,"qua_cpa_ftd":30,"qua_cpa_deposit":null,"qua_cpa_net_deposit":null,"qua_cpa_volume":null,"qua_cpa_activity_count":null,"match_brand_is":null,"sub_affiliate_fee":null,"sub_cpa_fee":0,"sub_commission_cut_percent":0,"create_date":"2026-06-01T12:00:00.000Z","operator_currency":"EUR"}"#);
        let body = json!({
            "affiliate_id": ann, "deal_type_id": 1, "deal_group_name": "Brand 20", "cpl_amount": 2.5,
            "qua_cpl_volume": 100, "match_brand_is": [20, 21], "qua_cpa_deposit": 0,
        });
        let answer = operator.call("POST", "af2_deals_op", Some(body)).await;
        assert_snapshot!(shown(&answer), @r#"200 {"id":3,"deal_id":3,"affiliate_id":2,"deal_type_id":1,"deal_group_name":"Brand 20","level_id":1,"is_default":false,"cpl_amount":2.5,"cpa_amount":null,"rev_share_percentage":null,"qua_cpl_volume":100,"qua_cpa_ftd":null,"qua_cpa_deposit":null,"qua_cpa_net_deposit":null,"qua_cpa_volume":null,"qua_cpa_activity_count":null,"match_brand_is":[20,21],"sub_affiliate_fee":null,"sub_cpa_fee":0,"sub_commission_cut_percent":0,"create_date":"2026-06-01T12:00:00.000Z","operator_currency":"EUR"}"#);
        let rows = operator.rows(&format!("af2_deals_op?affiliate_id={ann}")).await;
        let filter = format!(r#"af2_deals_op?filter={{"affiliate_id":{ann}}}"#);
        assert_eq!(operator.rows(&filter).await, rows);
        assert_eq!(operator.rows(&format!("{filter}&range=[1,5]")).await, rows[1..]);
        let row =
            |index: usize| fields(&rows[index], &["deal_id", "deal_group_name", "level_id", "is_default"]);
        assert_eq!(rows.len(), 2);
        assert_snapshot!(row(0), @r#"deal_id 2, deal_group_name "CPA + REV & FTD Qualifier", level_id 1, is_default true"#);
        assert_snapshot!(row(1), @r#"deal_id 3, deal_group_name "Brand 20", level_id 1, is_default false"#);

        let rows = json!({ "deposits": "rows", "withdrawals": "rows" });
        let answer = test.call("PUT", "/v1/brands/22", &operator.key, Some(rows)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let player = json!({ "type": "registration", "uid": "player-1", "affiliate_id": ann, "brand": "22" });
        let answer = test.call("POST", "/v1/events", &operator.key, Some(player)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let rows = json!({ "rows": [{
            "player": "player-1", "brand": "22", "day": "2026-06-01", "deposits": "50", "deposit_count": 1,
            "pnl": "100",
        }] });
        let answer = test.call("POST", "/v1/activity", &operator.key, Some(rows)).await;
        assert_eq!(answer.json()["results"][0]["status"], 201, "{}", answer.text());
        // A client pays what the balance says, and it says so day by day.
        let row = operator.balance(ann).await;
        assert_snapshot!(fields(&row, &["cpa_fee", "rev_share_fee", "balance"]), @"cpa_fee 10, rev_share_fee 25, balance 35");
        let figures = ["deposit_count", "deposit_amount", "ftd_count", "ftd_amount"];
        assert_snapshot!(fields(&row, &figures), @"deposit_count 1, deposit_amount 50, ftd_count 1, ftd_amount 50");
        let restated = json!({ "rows": [{
            "player": "player-1", "brand": "22", "day": "2026-06-01", "deposits": "80", "deposit_count": 3,
            "first_deposit": "30", "pnl": "100",
        }] });
        let answer = test.call("POST", "/v1/activity", &operator.key, Some(restated)).await;
        assert_eq!(answer.json()["results"][0]["status"], 201, "{}", answer.text());
        let row = operator.balance(ann).await;
        assert_snapshot!(fields(&row, &figures), @"deposit_count 3, deposit_amount 80, ftd_count 1, ftd_amount 30");
        let row = &operator.rows(&format!("af2_aff_op?affiliate_id={ann}")).await[0];
        assert_snapshot!(row["default_deal_info"], @r#"{"deal_group_name":"CPA + REV & FTD Qualifier","deal_type_id":6}"#);
    });
}

#[test]
fn the_home_deal_of_everybody_is_the_programs() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        let answer = operator.get(&format!("af2_deals_op?affiliate_id={ann}")).await;
        assert_snapshot!(shown(&answer), @r#"200 [{"id":1,"deal_id":1,"affiliate_id":2,"deal_type_id":8,"deal_group_name":"Default","level_id":1,"is_default":true,"cpl_amount":null,"cpa_amount":null,"rev_share_percentage":20,"qua_cpl_volume":null,"qua_cpa_ftd":null,"qua_cpa_deposit":null,"qua_cpa_net_deposit":null,"qua_cpa_volume":null,"qua_cpa_activity_count":null,"match_brand_is":null,"sub_affiliate_fee":null,"sub_cpa_fee":0,"sub_commission_cut_percent":0,"create_date":"2026-06-01T12:00:00.000Z","operator_currency":"EUR"}]"#);
    });
}

#[test]
fn terms_for_sub_affiliates_are_written_and_read_without_loss() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        let names = ["sub_affiliate_fee", "sub_cpa_fee", "sub_commission_cut_percent"];
        let put = async |body: Value| operator.call("PUT", &format!("af2_aff_op/{ann}"), Some(body)).await;
        let answer = put(json!({ "sub_cpa_fee": 8 })).await;
        assert_snapshot!(shown(&answer), @r#"291 {"errCode":1004,"message":"sub_cpa_fee, sub_commission_cut_percent, sub_affiliate_fee: affiliate 2 has no deal of its own to change; af2_deals_op makes one with it"}"#);
        let body = json!({
            "affiliate_id": ann, "deal_type_id": 6, "deal_group_name": "Network", "cpa_amount": 40,
            "rev_share_percentage": 30, "sub_cpa_fee": 8.5, "sub_commission_cut_percent": 10,
            "sub_affiliate_fee": 2.25,
        });
        let answer = operator.call("POST", "af2_deals_op", Some(body)).await;
        assert_snapshot!(fields(&answer.json(), &names), @"sub_affiliate_fee 2.25, sub_cpa_fee 8.5, sub_commission_cut_percent 10");
        let row = &operator.rows(&format!("af2_aff_op?affiliate_id={ann}")).await[0];
        assert_snapshot!(fields(row, &names), @"sub_affiliate_fee 2.25, sub_cpa_fee 8.5, sub_commission_cut_percent 10");
        let native = async || {
            let answer = test.call("GET", "/v1/deals/2", &operator.key, None).await.json();
            json!([answer["version"]["number"], answer["terms"]["sub_affiliates"]])
        };
        assert_eq!(
            native().await,
            json!([1, [{ "flat": "8.50", "percent_of_share": "10", "percent_of_net_pnl": "2.25" }]])
        );
        // A row that is sent back as it was changes nothing.
        let same = json!({ "sub_cpa_fee": 8.5, "sub_commission_cut_percent": 10, "sub_affiliate_fee": 2.25 });
        assert_eq!(put(same).await.status, 200);
        assert_eq!(
            native().await,
            json!([1, [{ "flat": "8.50", "percent_of_share": "10", "percent_of_net_pnl": "2.25" }]])
        );
        let answer = put(json!({ "sub_commission_cut_percent": 12.5, "sub_affiliate_fee": 0 })).await;
        assert_snapshot!(fields(&answer.json(), &names), @"sub_affiliate_fee null, sub_cpa_fee 8.5, sub_commission_cut_percent 12.5");
        assert_eq!(native().await, json!([2, [{ "flat": "8.50", "percent_of_share": "12.5" }]]));
        // A change that is refused for another field changes no deal either.
        let other = json!({ "sub_cpa_fee": 1, "parent_affiliate_id": 99 });
        assert_snapshot!(shown(&put(other).await), @r#"291 {"errCode":1004,"message":"parent_affiliate_id: You cannot change parent affiliate by this call (99 was sent)"}"#);
        assert_eq!(native().await, json!([2, [{ "flat": "8.50", "percent_of_share": "12.5" }]]));
        // Nobody's own row can be sent back as it is: organic traffic has no deal.
        let organic = operator.call("PUT", "af2_aff_op/1", Some(json!({ "sub_cpa_fee": 0 }))).await;
        assert_eq!(organic.status, 200, "{}", organic.text());
        // What this surface cannot say stays.
        let levels = json!([{ "flat": "8.5" }, { "percent_of_share": "5" }]);
        let mut terms = test.call("GET", "/v1/deals/2", &operator.key, None).await.json()["terms"].clone();
        terms["sub_affiliates"] = levels;
        let answer = test.call("PATCH", "/v1/deals/2", &operator.key, Some(json!({ "terms": terms }))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(put(json!({ "sub_cpa_fee": 0 })).await.status, 200);
        assert_eq!(native().await, json!([4, [{}, { "percent_of_share": "5" }]]));
        let mut refused = Vec::new();
        for body in
            [json!({ "sub_cpa_fee": -1 }), json!({ "sub_affiliate_fee": 101 }), json!({ "sub_cpa_fee": "8" })]
        {
            refused.push(shown(&put(body).await));
        }
        assert_snapshot!(refused.join("\n"), @r#"
        291 {"errCode":1004,"message":"sub_cpa_fee: it is negative; expected an amount, or 0 for none"}
        291 {"errCode":1004,"message":"sub_affiliate_fee: \"101\" is not a percentage above 0 and at most 100 with at most four decimals"}
        291 {"errCode":1004,"message":"sub_cpa_fee: \"8\" is not a number; expected one such as 12.5"}
        "#);
    });
}

#[test]
fn deals_that_make_no_sense() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        operator.affiliate("ann").await;
        let deal = |rest: &str| format!(r#"{{"affiliate_id":2,"deal_group_name":"D",{rest}}}"#);
        let bodies = [
            deal(r#""deal_type_id":12,"rev_share_percentage":25"#),
            deal(r#""deal_type_id":0"#),
            deal(r#""deal_type_id":2"#),
            deal(r#""deal_type_id":2,"cpa_amount":0"#),
            deal(r#""deal_type_id":2,"cpa_amount":-1"#),
            deal(r#""deal_type_id":2,"cpa_amount":"10""#),
            deal(r#""deal_type_id":2,"cpa_amount":10,"cpl_amount":5"#),
            deal(r#""deal_type_id":2,"cpa_amount":10,"qua_cpa_ftd":30,"qua_cpa_volume":5"#),
            deal(r#""deal_type_id":2,"cpa_amount":10,"qua_cpa_activity_count":-3"#),
            deal(r#""deal_type_id":4,"rev_share_percentage":101"#),
            deal(r#""deal_type_id":4,"rev_share_percentage":0.00001"#),
            deal(r#""deal_type_id":1,"cpl_amount":1,"match_brand_is":"20""#),
            r#"{"affiliate_id":99,"deal_group_name":"D","deal_type_id":1,"cpl_amount":1}"#.to_owned(),
            r#"{"affiliate_id":2,"deal_group_name":"","deal_type_id":1,"cpl_amount":1}"#.to_owned(),
            r#"{"affiliate_id":2,"deal_type_id":1,"cpl_amount":1}"#.to_owned(),
            "[]".to_owned(),
        ];
        let requests = bodies.iter().map(|body| ("POST", "af2_deals_op", body.as_str()));
        let lists = ["af2_deals_op", "af2_deals_op?affiliate_id=x", "af2_deals_op?affiliate_id=99"];
        let requests: Vec<_> = requests.chain(lists.iter().map(|path| ("GET", *path, ""))).collect();
        assert_snapshot!(operator.answers(&requests).await, @r#"
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":12,"rev_share_percentage":25}
    291 {"errCode":1004,"message":"deal_type_id: 12 is no type of deal; expected 1 CPL, 2 CPA, 4 share of net P&L, 8 share of net deposits, or the sums 3, 5, 6, 9, 10"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":0}
    291 {"errCode":1004,"message":"deal_type_id: 0 is no type of deal; expected 1 CPL, 2 CPA, 4 share of net P&L, 8 share of net deposits, or the sums 3, 5, 6, 9, 10"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":2}
    291 {"errCode":1004,"message":"cpa_amount: a deal of type 2 needs it, above 0"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":2,"cpa_amount":0}
    291 {"errCode":1004,"message":"cpa_amount: a deal of type 2 needs it, above 0"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":2,"cpa_amount":-1}
    291 {"errCode":1004,"message":"cpa_amount: it is negative; expected an amount above 0"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":2,"cpa_amount":"10"}
    291 {"errCode":1004,"message":"cpa_amount: \"10\" is not a number; expected one such as 12.5"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":2,"cpa_amount":10,"cpl_amount":5}
    291 {"errCode":1004,"message":"cpl_amount: 5 is given, but a deal of type 2 has none"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":2,"cpa_amount":10,"qua_cpa_ftd":30,"qua_cpa_volume":5}
    291 {"errCode":1004,"message":"qua_cpa_volume: a deal has one qualifier; qua_cpa_ftd is given too"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":2,"cpa_amount":10,"qua_cpa_activity_count":-3}
    291 {"errCode":1004,"message":"qua_cpa_activity_count: invalid value: integer `-3`, expected an integer of at least 0"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":4,"rev_share_percentage":101}
    291 {"errCode":1004,"message":"rev_share_percentage: \"101\" is not a percentage above 0 and at most 100 with at most four decimals"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":4,"rev_share_percentage":0.00001}
    291 {"errCode":1004,"message":"rev_share_percentage: \"0.00001\" is not a percentage above 0 and at most 100 with at most four decimals"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"D","deal_type_id":1,"cpl_amount":1,"match_brand_is":"20"}
    291 {"errCode":1004,"message":"match_brand_is: invalid type: string \"20\", expected an array"}
POST af2_deals_op {"affiliate_id":99,"deal_group_name":"D","deal_type_id":1,"cpl_amount":1}
    291 {"errCode":1005,"message":"there is no affiliate 99"}
POST af2_deals_op {"affiliate_id":2,"deal_group_name":"","deal_type_id":1,"cpl_amount":1}
    291 {"errCode":1004,"message":"deal_group_name: it is empty"}
POST af2_deals_op {"affiliate_id":2,"deal_type_id":1,"cpl_amount":1}
    291 {"errCode":1004,"message":"missing field `deal_group_name`"}
POST af2_deals_op []
    291 {"errCode":1003,"message":"the body is not a JSON object such as {\"affiliate_id\":35427}"}
GET af2_deals_op
    291 {"errCode":1004,"message":"affiliate_id: it is missing; expected one such as 35427"}
GET af2_deals_op?affiliate_id=x
    291 {"errCode":1004,"message":"affiliate_id: \"x\" is not an integer such as 35427"}
GET af2_deals_op?affiliate_id=99
    291 {"errCode":1005,"message":"there is no affiliate 99"}
"#);
        assert_eq!(operator.rows("af2_deals_op?affiliate_id=2").await.len(), 1);
    });
}
