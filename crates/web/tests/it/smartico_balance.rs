//! `GET af2_balance_op`: the rows of the contract, what is in a balance and what is not, filters, dates and pages.

use std::collections::BTreeSet;

use app::opening::NewOpening;
use app::program::Changes;
use domain::fold::{Source, Truth};
use domain::ids::AffiliateId;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::smartico_operator::{Operator, fields, micros, shown};

/// What most tests look at.
const MONEY: [&str; 5] = ["rev_share_fee", "commissions_total", "payments", "adjustments", "balance"];

/// The two example rows of the contract, as an old system would bring them in, with a payment of 1 on its way each.
async fn examples(operator: &Operator) -> [AffiliateId; 2] {
    let now = operator.test.at("2022-11-01T00:00:00Z");
    operator.three_steps().await;
    let threshold = Some(micros("300"));
    operator.settings(Changes { payout_threshold_micros: threshold, ..Changes::default() }).await;
    let (first, second) = (operator.affiliate("first").await, operator.affiliate("second").await);
    operator.threshold(second, "0").await;
    let opening = NewOpening {
        affiliate: first,
        effective_at: now,
        earned_micros: [0, micros("216349"), micros("295535.579726"), 0],
        paid_micros: micros("482375.82"),
        adjustments_micros: micros("10440.710522"),
        last_paid_at: Some("2022-10-05T08:00:00Z".parse().expect("a time")),
        registrations: 6210,
        first_payments: (3104, micros("121398.3412")),
        payments: (40211, micros("2312874.0071")),
    };
    operator.open(opening.clone()).await;
    operator
        .open(NewOpening {
            affiliate: second,
            earned_micros: [0, micros("30"), micros("5496.558584"), 0],
            paid_micros: micros("20"),
            adjustments_micros: micros("20"),
            last_paid_at: None,
            registrations: 3,
            first_payments: (1, micros("34.9786")),
            payments: (2, micros("69.9572")),
            ..opening
        })
        .await;
    for affiliate in [first, second] {
        assert_eq!(operator.pay(affiliate, "1").await.json()["payment_status_id"], 1);
    }
    [first, second]
}

#[test]
fn the_rows_of_the_contract_come_out_in_micros() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let [first, second] = examples(&operator).await;
        let text = operator.get(&format!("af2_balance_op?affiliate_id={first}")).await.text();
        assert_snapshot!(text.replace(',', ",\n"), @r#"
[{"id":2,
"affiliate_id":2,
"affiliate_name":"first",
"payment_method_details":{},
"aff_status_id":2,
"payments":482375.82,
"last_payment_date":"2022-10-05T08:00:00.000Z",
"adjustments":10440.710522,
"cpl_fee":0,
"cpa_fee":216349,
"rev_share_fee":295535.579726,
"sub_affiliate_fee":0,
"deposit_amount":2312874.0071,
"ftd_amount":121398.3412,
"deposit_count":40211,
"ftd_count":3104,
"registrations_count":6210,
"payment_method_id":0,
"payment_method_name":"",
"auto_payment_enabled":null,
"manager_id":null,
"user_id":null,
"treshold":300,
"not_processed_payment_amount":1,
"create_date":"2022-11-01T00:00:00.000Z",
"commissions_total":511884.579726,
"balance":39949.470248,
"operator_currency":"EUR",
"manager":null,
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
        let row = operator.balance(second).await;
        let names = ["cpl_fee", "cpa_fee", "rev_share_fee", "sub_affiliate_fee", "commissions_total"];
        assert_snapshot!(fields(&row, &names), @"cpl_fee 0, cpa_fee 30, rev_share_fee 5496.558584, sub_affiliate_fee 0, commissions_total 5526.558584");
        let names = [
            "payments",
            "last_payment_date",
            "adjustments",
            "treshold",
            "not_processed_payment_amount",
            "balance",
        ];
        assert_snapshot!(fields(&row, &names), @"payments 20, last_payment_date null, adjustments 20, treshold 0, not_processed_payment_amount 1, balance 5526.558584");
        let names = ["deposit_count", "deposit_amount", "ftd_count", "ftd_amount", "registrations_count"];
        assert_snapshot!(fields(&row, &names), @"deposit_count 2, deposit_amount 69.9572, ftd_count 1, ftd_amount 34.9786, registrations_count 3");
    });
}

#[test]
fn held_commission_is_in_the_balance_once_it_is_released() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 30).await;
        test.at("2026-01-01T10:00:00Z");
        let ann = operator.affiliate("ann").await;
        operator.register("ann", "p1").await;
        operator.deposit("p1", "d1", "100").await;
        let held = operator.balance(ann).await;
        assert_snapshot!(fields(&held, &MONEY), @"rev_share_fee 0, commissions_total 0, payments 0, adjustments 0, balance 0");
        let figures = ["deposit_count", "deposit_amount", "ftd_count", "ftd_amount", "registrations_count"];
        assert_snapshot!(fields(&held, &figures), @"deposit_count 1, deposit_amount 100, ftd_count 1, ftd_amount 100, registrations_count 1");
        let release = async |at: &str| {
            let now = test.at(at);
            app::release::run_due(&test.app, operator.program, now).await.expect("a release")
        };
        assert_eq!(release("2026-01-30T23:59:59Z").await, 0);
        assert_eq!(operator.balance(ann).await, held);
        assert_eq!(release("2026-01-31T00:00:00Z").await, 1);
        let row = operator.balance(ann).await;
        assert_snapshot!(fields(&row, &MONEY), @"rev_share_fee 20, commissions_total 20, payments 0, adjustments 0, balance 20");
        // The balance of a day before is still what it was then.
        let path = format!(r#"af2_balance_op?affiliate_id={ann}&filter={{"to":"2026-01-30T23:59:59Z"}}"#);
        assert_eq!(operator.rows(&path).await[0]["balance"], 0);
    });
}

#[test]
fn payments_and_refunds_lower_what_they_should() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        operator.register("ann", "p1").await;
        operator.deposit("p1", "d1", "100").await;
        operator.adjust(ann, "-0.5").await;
        operator.pay(ann, "5.25").await;
        let row = operator.balance(ann).await;
        assert_snapshot!(fields(&row, &MONEY), @"rev_share_fee 20, commissions_total 20, payments 5.25, adjustments -0.5, balance 14.25");
        operator.refund("d1").await;
        let row = operator.balance(ann).await;
        assert_snapshot!(fields(&row, &MONEY), @"rev_share_fee 0, commissions_total 0, payments 5.25, adjustments -0.5, balance -5.75");
        assert_eq!(row["deposit_amount"], 100, "deposits are gross");
    });
}

fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["affiliate_id"].as_i64().expect("an id")).collect()
}

#[test]
fn above_threshold_is_the_same_plain_and_in_the_filter() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let mut wanted = Vec::new();
        for (slug, threshold, balance, is_above) in [
            ("equal", "300", "300", false),
            ("above", "300", "300.01", true),
            ("fraction", "300", "300.009", false),
            ("positive", "0", "0.01", true),
            ("dust", "0", "0.009999", false),
            ("negative", "0", "-5", false),
        ] {
            let affiliate = operator.affiliate(slug).await;
            operator.threshold(affiliate, threshold).await;
            operator.adjust(affiliate, balance).await;
            if is_above {
                wanted.push(affiliate.0);
            }
        }
        for path in [
            "af2_balance_op?above_threshold=true",
            r#"af2_balance_op?filter={"above_threshold":true}"#,
            "af2_balance_op?filter=%7B%22above_threshold%22%3Atrue%7D&range=%5B0%2C9%5D",
            r#"af2_balance_op?filter={"above_threshold":true,"to":"2026-06-01T12:00:00Z"}&range=[0,9]"#,
            r#"af2_balance_op?above_threshold=false&filter={"above_threshold":true}"#,
        ] {
            assert_eq!(ids(&operator.rows(path).await), wanted, "{path}");
        }
        assert_eq!(
            operator.rows("af2_balance_op?above_threshold=false").await.len(),
            7,
            "the organic one too"
        );
        // A payment on its way is still owed, so it takes nobody below the threshold.
        operator.three_steps().await;
        operator.pay(AffiliateId(wanted[0]), "200").await;
        assert_eq!(ids(&operator.rows("af2_balance_op?above_threshold=true").await), wanted);
    });
}

#[test]
fn the_last_payment_of_before_is_known_as_of_a_date() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let [first, second] = examples(&operator).await;
        for (affiliate, paid) in [(first, json!("2022-10-05T08:00:00.000Z")), (second, Value::Null)] {
            let path = |to: &str| format!("af2_balance_op?affiliate_id={affiliate}{to}");
            assert_eq!(operator.rows(&path("")).await[0]["last_payment_date"], paid);
            assert_eq!(operator.rows(&path("&to=2022-11-02T00:00:00Z")).await[0]["last_payment_date"], paid);
            let before = operator.rows(&path("&to=2022-10-31T00:00:00Z")).await;
            assert_eq!(before[0]["last_payment_date"], Value::Null);
        }
    });
}

#[test]
fn to_cuts_facts_and_payments() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        test.at("2026-03-01T08:00:00Z");
        let ann = operator.affiliate("ann").await;
        operator.register("ann", "p1").await;
        operator.deposit("p1", "d1", "100").await;
        test.at("2026-03-01T09:00:00Z");
        operator.deposit("p1", "d2", "50").await;
        test.at("2026-03-05T09:00:00Z");
        operator.pay(ann, "7").await;
        let names = [
            "registrations_count",
            "ftd_count",
            "deposit_count",
            "deposit_amount",
            "payments",
            "last_payment_date",
            "balance",
        ];
        let mut lines = Vec::new();
        for to in [
            "2026-03-01T07:59:59Z",
            "2026-03-01T08:00:00Z",
            "2026-03-01T08:59:59.999Z",
            "2026-03-01T10:00:00+01:00",
            "2026-03-05T08:59:59Z",
            "2026-03-05T09:00:00Z",
            "2100-01-01T00:00:00Z",
        ] {
            let path = format!(r#"af2_balance_op?filter={{"to":"{to}","affiliate_id":{ann}}}"#);
            let rows = operator.rows(&path).await;
            lines.push(format!("{to}: {}", fields(&rows[0], &names)));
            let plain = format!("af2_balance_op?to={to}&affiliate_id={ann}");
            assert_eq!(operator.rows(&plain).await, rows, "{plain}");
        }
        assert_snapshot!(lines.join("\n"), @r#"
2026-03-01T07:59:59Z: registrations_count 0, ftd_count 0, deposit_count 0, deposit_amount 0, payments 0, last_payment_date null, balance 0
2026-03-01T08:00:00Z: registrations_count 1, ftd_count 1, deposit_count 1, deposit_amount 100, payments 0, last_payment_date null, balance 20
2026-03-01T08:59:59.999Z: registrations_count 1, ftd_count 1, deposit_count 1, deposit_amount 100, payments 0, last_payment_date null, balance 20
2026-03-01T10:00:00+01:00: registrations_count 1, ftd_count 1, deposit_count 2, deposit_amount 150, payments 0, last_payment_date null, balance 30
2026-03-05T08:59:59Z: registrations_count 1, ftd_count 1, deposit_count 2, deposit_amount 150, payments 0, last_payment_date null, balance 30
2026-03-05T09:00:00Z: registrations_count 1, ftd_count 1, deposit_count 2, deposit_amount 150, payments 7, last_payment_date "2026-03-05T09:00:00.000Z", balance 23
2100-01-01T00:00:00Z: registrations_count 1, ftd_count 1, deposit_count 2, deposit_amount 150, payments 7, last_payment_date "2026-03-05T09:00:00.000Z", balance 23
"#);
    });
}

/// Reports a player's day at a brand: the first deposit, all deposits, how many.
async fn report(operator: &Operator, day: &str, first: Option<&str>, (deposits, count): (&str, u32)) {
    let row = app::activity::Row {
        player: domain::text::Uid::parse("p1").expect("a uid"),
        brand: "casino".to_owned(),
        day: day.parse().expect("a day"),
        revision: None,
        figures: domain::fact::Figures {
            first_deposit: first.map(micros),
            deposits: micros(deposits),
            deposit_count: count,
            ..Default::default()
        },
    };
    let caller = operator.test.operator(operator.program);
    let answers = app::activity::record(&operator.test.app, &caller, vec![row]).await.expect("a feed");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[test]
fn deposits_of_rows_are_there_to_the_end_of_their_day() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        test.at("2026-03-01T08:00:00Z");
        let ann = operator.affiliate("ann").await;
        let rows = Truth { deposits: Source::Rows, withdrawals: Source::Rows };
        let caller = test.operator(operator.program);
        app::brand::put(&test.app, &caller, "casino", rows).await.expect("a brand");
        operator.register("ann", "p1").await;
        test.at("2026-03-02T09:00:00Z");
        report(&operator, "2026-03-01", Some("15"), ("50", 2)).await;
        // A newer report takes the place of the older one.
        report(&operator, "2026-03-01", Some("20"), ("60", 3)).await;
        report(&operator, "2026-03-02", None, ("10", 1)).await;
        operator.deposit("p1", "d1", "5").await;
        let names = ["registrations_count", "ftd_count", "ftd_amount", "deposit_count", "deposit_amount"];
        let mut lines = Vec::new();
        for to in [
            "2026-02-28T23:59:59Z",
            "2026-03-01T00:00:00Z",
            "2026-03-01T23:59:59Z",
            "2026-03-02T00:00:00Z",
            "2026-03-02T23:59:59Z",
            "2026-03-03T23:59:59Z",
        ] {
            let path = format!(r#"af2_balance_op?filter={{"to":"{to}","affiliate_id":{ann}}}"#);
            lines.push(format!("{to}: {}", fields(&operator.rows(&path).await[0], &names)));
        }
        assert_snapshot!(lines.join("\n"), @r"
2026-02-28T23:59:59Z: registrations_count 0, ftd_count 0, ftd_amount 0, deposit_count 0, deposit_amount 0
2026-03-01T00:00:00Z: registrations_count 0, ftd_count 1, ftd_amount 20, deposit_count 3, deposit_amount 60
2026-03-01T23:59:59Z: registrations_count 1, ftd_count 1, ftd_amount 20, deposit_count 3, deposit_amount 60
2026-03-02T00:00:00Z: registrations_count 1, ftd_count 1, ftd_amount 20, deposit_count 4, deposit_amount 70
2026-03-02T23:59:59Z: registrations_count 1, ftd_count 1, ftd_amount 20, deposit_count 5, deposit_amount 75
2026-03-03T23:59:59Z: registrations_count 1, ftd_count 1, ftd_amount 20, deposit_count 5, deposit_amount 75
");
        let now = operator.balance(ann).await;
        let last = lines.last().expect("a line").replace("2026-03-03T23:59:59Z: ", "");
        assert_eq!(fields(&now, &names), last, "as it is without a date");
    });
}

#[test]
fn every_affiliate_is_seen_by_either_way_of_paging() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        for number in 0..1_500 {
            operator.affiliate(&format!("a{number}")).await;
        }
        // The organic affiliate is one of them.
        let all: BTreeSet<i64> = (1..=1501).collect();
        let page = async |range: &str| {
            let answer = operator.get(&format!("af2_balance_op?range={range}")).await;
            let header =
                answer.headers.get("content-range").map(|value| value.to_str().expect("ASCII").to_owned());
            (ids(answer.json().as_array().expect("an array")), header.unwrap_or_default())
        };
        for (ranges, sizes) in
            [(["[0,1000]", "[1000,2000]"], [1001, 501]), (["[0,999]", "[1000,1999]"], [1000, 501])]
        {
            let mut seen = BTreeSet::new();
            for (range, size) in ranges.into_iter().zip(sizes) {
                let (ids, header) = page(range).await;
                assert_eq!(ids.len(), size, "{range}");
                assert!(ids.is_sorted());
                let end = if size == 501 { "1000-1500/1501".to_owned() } else { format!("0-{}/*", size - 1) };
                assert_eq!(header, format!("af2_balance_op {end}"));
                seen.extend(ids);
            }
            assert_eq!(seen, all, "{ranges:?}");
        }
        let (ids, header) = page("[0,99999]").await;
        assert_eq!((ids.len(), header.as_str()), (1501, ""), "streamed: nobody knows the end when it begins");
        assert_eq!(BTreeSet::from_iter(ids), all);
        assert_eq!(operator.rows("af2_balance_op").await.len(), 1000);
        assert_eq!(operator.rows("af2_balance_op?range=[0,9]").await.len(), 10);
        assert_eq!(operator.rows("af2_balance_op?range=[1501,9223372036854775807]").await.len(), 0);
        // Every stream has given its connection back.
        for _ in 0..20 {
            assert_eq!(page("[0,1400]").await.0.len(), 1401);
        }
        let affiliates = operator.rows(r#"af2_aff_op?filter={"without_money":true}&range=[0,99999]"#).await;
        assert_eq!(affiliates.len(), 1501);
    });
}

#[test]
fn a_wrong_query_is_refused_by_name() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        operator.affiliate("ann").await;
        let queries = [
            "range=[5,2]",
            "range=[-1,2]",
            "range=x",
            "range=[0,1e3]",
            "range=[0,99999999999999999999]",
            "range=%5B0%2C",
            "range=%zz",
            "filter=x",
            "filter=",
            "filter=[1]",
            "filter=null",
            r#"filter={"above_threshold":"yes"}"#,
            r#"filter={"affiliate_id":"2"}"#,
            r#"filter={"affiliate_id":2.5}"#,
            r#"filter={"affiliate_id":99999999999999999999}"#,
            r#"filter={"to":5}"#,
            r#"filter={"to":"yesterday"}"#,
            "filter=%FF",
            "filter=%7B%22to%22%3A%22%00%22%7D",
            "to=2025-04-30",
            "to=292277026596-01-01T00:00:00Z",
            "above_threshold=yes",
            "affiliate_id=ann",
            "affiliate_id=%00",
        ];
        let paths: Vec<String> = queries.iter().map(|query| format!("af2_balance_op?{query}")).collect();
        let requests: Vec<(&str, &str, &str)> = paths.iter().map(|path| ("GET", path.as_str(), "")).collect();
        assert_snapshot!(operator.answers(&requests).await, @r#"
GET af2_balance_op?range=[5,2]
    291 {"errCode":1004,"message":"range: \"[5,2]\" ends before it begins; expected two positions such as [0,999]"}
GET af2_balance_op?range=[-1,2]
    291 {"errCode":1004,"message":"range: \"[-1,2]\" begins before 0; expected two positions such as [0,999]"}
GET af2_balance_op?range=x
    291 {"errCode":1004,"message":"range: \"x\" is not a range; expected two positions such as [0,999]"}
GET af2_balance_op?range=[0,1e3]
    291 {"errCode":1004,"message":"range: \"[0,1e3]\" is not a range; expected two positions such as [0,999]"}
GET af2_balance_op?range=[0,99999999999999999999]
    291 {"errCode":1004,"message":"range: \"[0,99999999999999999999]\" is not a range; expected two positions such as [0,999]"}
GET af2_balance_op?range=%5B0%2C
    291 {"errCode":1004,"message":"range: \"[0,\" is not a range; expected two positions such as [0,999]"}
GET af2_balance_op?range=%zz
    291 {"errCode":1003,"message":"range: a percent sign is not followed by two hexadecimal digits"}
GET af2_balance_op?filter=x
    291 {"errCode":1003,"message":"filter: \"x\" is not a JSON object (expected one such as {\"affiliate_id\":35427})"}
GET af2_balance_op?filter=
    291 {"errCode":1003,"message":"filter: \"\" is not a JSON object (expected one such as {\"affiliate_id\":35427})"}
GET af2_balance_op?filter=[1]
    291 {"errCode":1003,"message":"filter: \"[1]\" is not a JSON object (expected one such as {\"affiliate_id\":35427})"}
GET af2_balance_op?filter=null
    291 {"errCode":1003,"message":"filter: \"null\" is not a JSON object (expected one such as {\"affiliate_id\":35427})"}
GET af2_balance_op?filter={"above_threshold":"yes"}
    291 {"errCode":1004,"message":"filter.above_threshold: invalid type: string \"yes\", expected a boolean"}
GET af2_balance_op?filter={"affiliate_id":"2"}
    291 {"errCode":1004,"message":"filter.affiliate_id: invalid type: string \"2\", expected an integer"}
GET af2_balance_op?filter={"affiliate_id":2.5}
    291 {"errCode":1004,"message":"filter.affiliate_id: invalid type: floating point `2.5`, expected an integer"}
GET af2_balance_op?filter={"affiliate_id":99999999999999999999}
    291 {"errCode":1004,"message":"filter.affiliate_id: invalid type: floating point `1e+20`, expected an integer"}
GET af2_balance_op?filter={"to":5}
    291 {"errCode":1004,"message":"filter.to: invalid type: integer `5`, expected a string"}
GET af2_balance_op?filter={"to":"yesterday"}
    291 {"errCode":1004,"message":"to: \"yesterday\" is not a time such as 2025-04-30T23:59:59Z, of 1970 to 2199"}
GET af2_balance_op?filter=%FF
    291 {"errCode":1003,"message":"filter: it is not UTF-8"}
GET af2_balance_op?filter=%7B%22to%22%3A%22%00%22%7D
    291 {"errCode":1003,"message":"filter: \"{\\\"to\\\":\\\"\\0\\\"}\" is not a JSON object (control character (\\u0000-\\u001F) found while parsing a string at line 1 column 8)"}
GET af2_balance_op?to=2025-04-30
    291 {"errCode":1004,"message":"to: \"2025-04-30\" is not a time such as 2025-04-30T23:59:59Z, of 1970 to 2199"}
GET af2_balance_op?to=292277026596-01-01T00:00:00Z
    291 {"errCode":1004,"message":"to: \"292277026596-01-01T00:00:00Z\" is not a time such as 2025-04-30T23:59:59Z, of 1970 to 2199"}
GET af2_balance_op?above_threshold=yes
    291 {"errCode":1004,"message":"above_threshold: \"yes\" is neither true nor false"}
GET af2_balance_op?affiliate_id=ann
    291 {"errCode":1004,"message":"affiliate_id: \"ann\" is not an integer such as 35427"}
GET af2_balance_op?affiliate_id=%00
    291 {"errCode":1004,"message":"affiliate_id: \"\\0\" is not an integer such as 35427"}
"#);
    });
}

#[test]
fn what_is_not_there_is_an_empty_list_and_what_is_unknown_is_ignored() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        operator.affiliate("ann").await;
        for query in [
            "affiliate_id=999",
            "affiliate_id=-1",
            r#"filter={"affiliate_id":9223372036854775807}"#,
            "range=[5,9]",
        ] {
            let answer = operator.get(&format!("af2_balance_op?{query}")).await;
            assert_eq!(shown(&answer), "200 []", "{query}");
        }
        for query in [
            "sort=[%22balance%22,%22ASC%22]&limit=1&offset=7&lbl=%zz&%ff=1",
            r#"filter={"brand_ids":[1],"above_threshold":null}"#,
            "&&=&range=[0,1]",
            "range=[0,0]&range=[0,1]",
        ] {
            assert_eq!(operator.rows(&format!("af2_balance_op?{query}")).await.len(), 2, "{query}");
        }
    });
}
