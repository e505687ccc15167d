//! Codes, hosts, destinations and what is filled in: no redirect leads where nobody allowed it.

use domain::link::{Code, Destination, DestinationError, HostPattern, Macro, encode};
use domain::traffic::Traffic;
use proptest::prelude::*;

#[test]
fn codes_are_folded_and_reserved_words_are_refused() {
    let check = |text: &str, expected: &str| {
        let code = Code::parse(text).map_or_else(|error| error.to_string(), |code| code.to_string());
        assert_eq!(code, expected);
    };
    check(" Summer-Sale_26 ", "summer-sale_26");
    check("7x", "7x");
    let no = |text: &str| {
        format!(
            "{text:?} is no code; 2 to 64 letters, digits, '-' and '_' are allowed, the first a letter or digit"
        )
    };
    for bad in ["", "a", "-ab", "a.b", "a/b", "ä12", "a b"] {
        check(bad, &no(bad));
    }
    check(&"x".repeat(65), &no(&"x".repeat(65)));
    check("PIXEL", "\"pixel\" is an address of this server; choose another code");
    assert_eq!(Code::drawn([0, 1, 2, 31, 32, 255, 100, 200]).as_str(), "abc9a9ej");
}

/// Reads an address where `shop.example.com`, `*.example.org` and two names of this machine are allowed.
fn read(text: &str) -> Result<Destination, DestinationError> {
    let hosts = ["shop.example.com", "*.example.org", "localhost", "[::1]"];
    Destination::parse_allowed(text, &hosts.map(|host| HostPattern::parse(host).expect("a host")))
}

/// `ok` with the host, or the refusal.
fn destination(text: &str) -> String {
    match read(text) {
        Ok(destination) => format!("ok {}", destination.host()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn destinations_stay_on_allowed_hosts() {
    for (text, expected) in [
        ("https://shop.example.com", "ok shop.example.com"),
        ("HTTPS://Shop.Example.COM:8443/a?b=c#d", "ok shop.example.com"),
        ("http://localhost:3000/?x={{tracker}}", "ok localhost"),
        ("https://a.example.org/", "ok a.example.org"),
        ("https://a.b.example.org/", "ok a.b.example.org"),
        ("https://[::1]:80/", "ok [::1]"),
    ] {
        assert_eq!(destination(text), expected, "{text}");
    }
    for text in [
        "https://example.org/",
        "https://evil.com/",
        "https://evil.com/shop.example.com",
        "https://evil.com?https://shop.example.com",
        "https://shop.example.com.evil.com/",
        "https://evilexample.org/",
        "https://xshop.example.com/",
        "https://.example.org/",
        "https://shop.example.com\\@evil.com/",
        "https://evil.com\\.example.org/",
        "https://shop.example.com@evil.com/",
        "https://user:password@shop.example.com/",
        "https://shop.example.com:evil/",
        "https://shop.example.com:0/",
        "https://shop.example.com:/",
        "https://shop%2Eexample.com/",
        "https://shop.example.com\t.evil.com/",
        "https:// shop.example.com/",
        "https:///shop.example.com/",
        "https:shop.example.com",
        "//shop.example.com/",
        "javascript://shop.example.com/%0aalert(1)",
        "javascript:alert(1)",
        "ftp://shop.example.com/",
        "https://{{affiliate_slug}}.example.org/",
        "https://shop.example.com/\r\nset-cookie: a=b",
        "https://shop.example.com/ä",
        "https://shop.example.com/a b",
        "https://shop.example.com/\"",
        "https://shop.example.com/{{nothing}}",
        "https://shop.example.com/{{tracker",
        "",
    ] {
        assert!(!destination(text).starts_with("ok "), "{text}");
    }
    assert_eq!(
        destination("https://evil.com/"),
        "the host evil.com is not among the program's allowed_hosts (shop.example.com, *.example.org, localhost, [::1])"
    );
    assert!(
        destination("https://shop.example.com/{{nothing}}")
            .starts_with("{{nothing}} is no macro; known are tracker, click_id")
    );
}

#[test]
fn white_space_around_a_destination_is_no_part_of_it() {
    let kept = read(" https://shop.example.com \n").expect("a destination");
    assert_eq!(kept.as_str(), "https://shop.example.com");
}

#[test]
fn wildcards_name_no_top_level_domain() {
    for bad in
        ["*", "*.", "*.com", "*.*.com", "a.*.com", "https://a.de", "a.de/", "a.de:80", "", "a..de", "-a.de"]
    {
        assert!(HostPattern::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn macros_are_filled_in_encoded() {
    let mut filled = String::new();
    let text = "https://a.de/{{affiliate_id}}?t={{tracker}}&s={{sid}}&u={{utm_source}}&n={{nothing}}&o={{";
    let has_tracker = Destination::fill(text, &mut filled, |which, to| match which {
        Macro::Tracker => to.push_str("TOKEN"),
        Macro::AffiliateId => to.push('7'),
        Macro::Traffic("sub_id") => encode("a b&c=d/ü", to),
        _ => {}
    });
    assert!(has_tracker);
    assert_eq!(filled, "https://a.de/7?t=TOKEN&s=a%20b%26c%3Dd%2F%C3%BC&u=&n=&o={{");
}

#[test]
fn traffic_is_what_the_address_says() {
    let query = "sid=a+b&afp=1%2C2&afp9=x&afp10=no&utm_source=%F0%9F%A6%80&utm_source=second&q=1&afp2=&campaign_id=%00c&source_id=%zz";
    let traffic = Traffic::read(query);
    let shown: Vec<_> = traffic.iter().collect();
    assert_eq!(
        shown,
        [
            ("afp", "1,2"),
            ("afp9", "x"),
            ("campaign", "c"),
            ("source", "%zz"),
            ("sub_id", "a b"),
            ("utm_source", "🦀")
        ]
    );
    assert_eq!(Traffic::read(&format!("sid={}", "x".repeat(300))).get("sub_id").map(str::len), Some(255));
}

proptest! {
    /// Whatever is accepted leads to an allowed host, as a reader of addresses that splits at other places would see it.
    #[test]
    fn what_is_accepted_leads_to_an_allowed_host(text in "https?://[a-z.@:/\\\\?#%]{0,12}(shop\\.example\\.com|evil\\.com)[a-z.@:/\\\\?#% ]{0,12}") {
        if let Ok(destination) = read(&text) {
            let rest = destination.as_str().split_once("://").expect("a scheme").1.to_ascii_lowercase();
            let authority = rest.split(['/', '?', '#', '\\']).next().expect("a part");
            let host = authority.rsplit('@').next().expect("a part").split(':').next().expect("a part");
            prop_assert_eq!(host, "shop.example.com", "{}", text);
        }
    }

    #[test]
    fn no_query_makes_it_panic(query in "\\PC{0,40}") {
        let _ = Traffic::read(&query);
    }
}
