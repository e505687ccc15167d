//! The demo on a small scale: seeded through the real ingest path, clean, served again without seeding, and its three
//! commands work as printed.

use serde_json::Value;

use crate::binary::{Folder, Server, print, refero, run, shell};

const FEW: [&str; 2] = ["--customers", "300"];

/// Seeds a folder and returns what was printed.
fn seed(data: &str) -> Value {
    let printed = print(&[&["demo", "--seed-only", "--json", "--data", data], &FEW[..]].concat());
    serde_json::from_str(&printed).expect("one line of JSON")
}

/// Every program of a folder is clean.
fn verify(data: &str) {
    let printed = print(&["verify", "--json", "--data", data]);
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert!(lines.iter().all(|line| line["clean"] == true), "{printed}");
    let printed = print(&["replay", "--json", "--data", data]);
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert!(lines.iter().all(|line| line["clean"] == true), "{printed}");
    assert!(lines.iter().all(|line| line["months"].as_u64() > Some(5)), "{printed}");
}

/// The answer to a printed command, and its status.
fn answer(line: &Value) -> (Value, String) {
    let line = line.as_str().expect("a command");
    let answer = shell(&format!("{line} -w '\\n%{{http_code}}'"));
    let (body, status) = answer.rsplit_once('\n').expect("the status is the last line");
    (serde_json::from_str(body).unwrap_or_else(|_| panic!("{line}\n{body}")), status.to_owned())
}

#[test]
fn the_demo_is_seeded_once_and_its_commands_work() {
    let folder = Folder::new("demo");
    let data = folder.data();
    let seeded = seed(&data);
    let written = |field: &str| -> Vec<i64> {
        let programs = seeded["programs"].as_array().expect("programs");
        programs.iter().map(|program| program["written"][field].as_i64().expect("a count")).collect()
    };
    assert_eq!(written("affiliates"), [24, 16]);
    assert!(written("facts").iter().all(|facts| *facts > 300), "{seeded}");
    assert!(written("payouts").iter().all(|payouts| *payouts > 5), "{seeded}");
    assert!(written("releases")[0] > 100, "{seeded}");
    assert!(written("closes").iter().all(|closes| *closes >= 11), "{seeded}");
    verify(&data);

    let mut server =
        Server::start(&mut refero(&["demo", "--json", "--data", &data, "--listen", "127.0.0.1:0"]));
    let shown = server.line();
    for (before, after) in [0, 1].map(|index| (&seeded["programs"][index], &shown["programs"][index])) {
        assert_eq!(before["program_id"], after["program_id"]);
        assert_ne!(before["key"], after["key"], "keys are shown once");
        assert_eq!(after["written"], Value::Null, "nothing is seeded again");
    }
    let [reditus, smartico, native] = [0, 1, 2].map(|index| &shown["curl"][index]);
    let (payment, status) = answer(reditus);
    assert_eq!((&payment["data"]["attributes"]["amount"], &*status), (&7900.into(), "202"), "{payment}");
    assert_eq!(answer(reditus), (payment, status), "the same command gets the same answer");
    let (balances, status) = answer(smartico);
    assert_eq!((balances.as_array().map(Vec::len), &*status), (Some(1), "200"), "{balances}");
    assert_eq!(balances[0]["operator_currency"], "EUR");
    // The filter as the vendor prints it: curl sends its quotation marks as they are.
    let (before, after) =
        smartico.as_str().and_then(|line| line.split_once("affiliate_id=")).expect("a query");
    let (_, header) = after.split_once('\'').expect("the end of the address");
    let filter = r#"filter={"above_threshold":true,"to":"2100-04-30T23:59:59Z"}&range=[0,9]"#;
    let printed = format!("{before}{filter}'{header}").replace("curl -sS", "curl -gsS");
    let (balances, status) = answer(&printed.into());
    assert_eq!((balances.is_array(), &*status), (true, "200"), "{balances}");
    let (_, status) = answer(native);
    assert_eq!(status, "200");
    server.stop();
    verify(&data);
}

#[test]
fn a_folder_that_holds_other_programs_is_not_touched() {
    let folder = Folder::new("demo");
    let data = folder.data();
    print(&["program", "create", "--name", "Ours", "--currency", "EUR", "--data", &data]);
    let output = run(&["demo", "--seed-only", "--data", &data]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && message.contains("\"Ours\""), "{message}");
    assert_eq!(print(&["program", "list", "--data", &data]).lines().count(), 1);
}
