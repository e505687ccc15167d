//! `refero rates` as people run it.

use serde_json::Value;

use crate::binary::{Folder, print, run};

#[test]
fn rates_are_imported_listed_and_refused() {
    let folder = Folder::new("rates");
    let data = folder.data();
    let file = folder.path().join("rates.csv");
    let path = file.display().to_string();
    std::fs::write(&file, "Date,USD,CYP,\n2026-05-20,1.0876,0.58,\n").expect("a file");
    let first = print(&["rates", "import", &path, "--data", &data]);
    assert!(first.starts_with("1 rates are new, 0 were known\n"), "{first}");
    assert!(first.contains("left out, no currencies any more: CYP"), "{first}");
    std::fs::write(&file, "date,currency,rate\n2026-05-20,USD,1.09\n2026-05-20,KWD,0.33512\n")
        .expect("a file");
    let second: Value =
        serde_json::from_str(&print(&["rates", "import", &path, "--data", &data, "--json"])).expect("JSON");
    assert_eq!((&second["new"], &second["known"], &second["format"]), (&1.into(), &0.into(), &"list".into()));
    assert_eq!(second["differing"][0]["kept"], "1.0876");
    let listed = print(&["rates", "list", "--data", &data]);
    assert_eq!(
        listed,
        "KWD  2026-05-20  0.33512  since 2026-05-20  import\nUSD  2026-05-20  1.0876  since 2026-05-20  ecb\n"
    );
    let listed = print(&["rates", "list", "--data", &data, "--json"]);
    let first: Value = serde_json::from_str(listed.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["currency"], &first["rate"]), (&"KWD".into(), &"0.33512".into()));

    let refused = |arguments: &[&str], expected: &str| {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{said}");
    };
    std::fs::write(&file, "<html>not today</html>").expect("a file");
    refused(&["rates", "import", &path, "--data", &data], "this is no file of rates");
    refused(&["rates", "import", "/nowhere/at/all", "--data", &data], "/nowhere/at/all: No such file");
    refused(
        &["rates", "fetch", "--data", &data, "--rates-url", "ftp://x/"],
        "expected an address such as https://",
    );
    refused(&["rates", "fetch", "--data", &data, "--rates-url", "http://127.0.0.1:9/"], "127.0.0.1: ");
}
