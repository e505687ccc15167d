//! `GET /v1/partners` and `GET /v1/partnerships`, as lists and by id.

use domain::affiliate::Status;
use serde_json::json;

use crate::reditus_company::{Company, shown};

#[test]
fn affiliates_are_partners_with_a_partnership_each() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let jane = t.affiliate(company.program, "jane").await;
        let caller = t.operator(company.program);
        let block = |row: &mut app::affiliate::AffiliateRow| {
            row.status = Status::Blocked;
            Ok(())
        };
        app::affiliate::update(&t.app, &caller, jane, block).await.expect("blocked");
        let partner = company.get(&format!("/v1/partners/{jane}")).await;
        insta::assert_snapshot!(shown(&partner), @r#"200 {"data":{"id":"3","type":"partner","attributes":{"name":"jane","email":"jane@example.com","created_at":1780315200,"updated_at":1780315200}}}"#);
        let partnership = company.get(&format!("/v1/partnerships/{jane}")).await;
        insta::assert_snapshot!(shown(&partnership), @r#"200 {"data":{"id":"3","type":"partnership","attributes":{"state":"terminated","partner_id":"3","affiliate_slug":"jane","created_at":1780315200,"updated_at":1780315200}}}"#);
        let ids = async |path: &str| {
            let answer = company.get(path).await;
            assert_eq!(answer.status, 200, "{path} {}", answer.text());
            let json = answer.json();
            json["data"].as_array().expect("a list").iter().map(|row| row["id"].clone()).collect::<Vec<_>>()
        };
        let (john, jane) = (json!(company.john.to_string()), json!(jane.to_string()));
        assert_eq!(ids("/v1/partners?email_eq=JOHN@example.com").await, std::slice::from_ref(&john));
        assert_eq!(ids("/v1/partners?name_eq=jane").await, std::slice::from_ref(&jane));
        assert_eq!(ids("/v1/partners?paypal_email_eq=jane@example.com").await, [json!(null); 0]);
        let pay_by = |row: &mut app::affiliate::AffiliateRow| {
            row.payment_method = 4;
            row.person.payment_details = json!({ "4": { "paypal_email": "Jane@Example.com" } });
            Ok(())
        };
        let id = domain::ids::AffiliateId(jane.as_str().and_then(|id| id.parse().ok()).expect("an id"));
        app::affiliate::update(&t.app, &caller, id, pay_by).await.expect("details");
        assert_eq!(ids("/v1/partners?paypal_email_eq=jane@example.com").await, std::slice::from_ref(&jane));
        assert_eq!(ids("/v1/partnerships?state_eq=terminated").await, [jane]);
        assert!(ids("/v1/partnerships?state_eq=accepted").await.contains(&john));
        assert_eq!(ids("/v1/partnerships?state_eq=declined").await, [json!(null); 0]);
        assert_eq!(ids("/v1/partnerships?created_at_gt=2026-07-01").await, [json!(null); 0]);
        for path in ["/v1/partners/999", "/v1/partners/x", "/v1/partnerships/-1", "/v1/partnerships/%00"] {
            assert_eq!(company.get(path).await.status, 404, "{path}");
        }
        for path in ["/v1/partners?name_eq=%00", "/v1/partnerships?state_eq=blocked"] {
            assert_eq!(company.get(path).await.status, 400, "{path}");
        }
    });
}
