//! `refero period` as people run it, beside a server on the same data folder.

use serde_json::Value;

use crate::binary::{Folder, Server, free_address, print, refero, run, shell};

#[test]
fn a_month_is_looked_at_and_closed_beside_a_server() {
    let folder = Folder::new("periods");
    let (data, address) = (folder.data(), free_address());
    let create = ["program", "create", "--name", "Casino", "--currency", "EUR", "--data", &data, "--json"];
    let made: Value = serde_json::from_str(&print(&create)).expect("JSON");
    let program = made["program_id"].to_string();
    let key = print(&["key", "create", "--program", &program, "--kind", "operator", "--data", &data]);
    let server = Server::start(&mut refero(&["serve", "--data", &data, "--listen", &address]));
    shell(&format!("curl -sf --retry 90 --retry-delay 1 --retry-all-errors http://{address}/readyz"));
    let send = |method: &str, path: &str, body: &str| {
        shell(&format!(
            "curl -s --fail-with-body -X {method} http://{address}{path} -H 'Authorization: Bearer {}' \
             -H 'Content-Type: application/json' -d '{body}'",
            key.trim()
        ))
    };
    let terms = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}], "negative_month": "carry"}"#;
    send("PATCH", "/v1/deals/1", &format!(r#"{{"terms": {terms}}}"#));
    send("PUT", "/v1/brands/one", r#"{"deposits": "rows", "withdrawals": "rows"}"#);
    send(
        "POST",
        "/v1/affiliates",
        r#"{"name": "Ann", "email": "ann@example.com", "slug": "ann", "status": "approved"}"#,
    );
    send(
        "POST",
        "/v1/events",
        r#"{"type": "registration", "affiliate_slug": "ann", "uid": "p1", "occurred_at": "2025-01-01T00:00:00Z"}"#,
    );
    send(
        "POST",
        "/v1/activity",
        r#"{"rows": [{"player": "p1", "brand": "one", "day": "2025-01-02", "pnl": "-100"}]}"#,
    );

    let close = |more: &[&str]| {
        let mut arguments =
            vec!["period", "close", "--program", &program, "--month", "2025-01", "--data", &data];
        arguments.extend(more);
        print(&arguments)
    };
    let dry: Value = serde_json::from_str(&close(&["--dry-run", "--json"])).expect("JSON");
    let booking = &dry["bookings"][0];
    assert_eq!(
        (&booking["reason"], &booking["amount"], &booking["kind"]),
        (&"carried".into(), &"30.00".into(), &"share".into())
    );
    let shown = close(&["--dry-run"]);
    assert_eq!(shown, "affiliate 2  deal 1  2025-01  carried  30.00 EUR\n1 would be booked\n");
    assert_eq!(close(&[]), "closed through 2025-01; something was due of 1 affiliates\n");
    let again: Value = serde_json::from_str(&close(&["--json"])).expect("JSON");
    assert_eq!(
        again,
        serde_json::json!({ "month": "2025-01", "closed_through": "2025-01", "affiliates": 0 })
    );
    assert_eq!(close(&["--dry-run"]), "0 would be booked\n");
    let refused = |month: &str, expected: &str| {
        let output = run(&["period", "close", "--program", &program, "--month", month, "--data", &data]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{said}");
    };
    refused("2199-12", "month: 2199-12 has not ended");
    refused("2025-13", "\"2025-13\" is no month; expected one from 1970-01 to 2199-12, such as 2026-03");
    print(&["verify", "--data", &data]);
    server.stop();
}
