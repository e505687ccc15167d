//! The texts of postbacks: macros in both styles of braces, escaped where they stand; what is refused.

use domain::postback::{Escape, Template, Trigger, Values, body_escape, check_url};
use proptest::prelude::*;

fn values() -> Values {
    let pairs = [
        ("afp", "a b&c=ä"),
        ("registration_id", "ref_1"),
        ("commission", "12.50"),
        ("customer_id", "\"q\"\\\n"),
        ("deal_id", "7"),
    ];
    pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

#[test]
fn macros_are_filled_in_and_escaped() {
    for (text, escape, expected) in [
        // The vendor's example.
        (
            "https://pixelserver.com?click_id={{afp}}&lead_id={{registration_id}}",
            Escape::Percent,
            "https://pixelserver.com?click_id=a%20b%26c%3D%C3%A4&lead_id=ref_1",
        ),
        (
            "https://x.example/{afp}/{ registration_id }?a={{commission}}",
            Escape::Percent,
            "https://x.example/a%20b%26c%3D%C3%A4/ref_1?a=12.50",
        ),
        ("{{deal_group_id}} {deal_group_id} {{deal_id}}", Escape::Percent, "7 7 7"),
        ("{{afp1}}-{{ afp2 }}", Escape::Percent, "-"),
        (
            r#"{"id": "{{customer_id}}", "of": {"lead": "{registration_id}"}}"#,
            Escape::Json,
            r#"{"id": "\"q\"\\\n", "of": {"lead": "ref_1"}}"#,
        ),
        ("{not a macro} {", Escape::Percent, "{not a macro} {"),
        ("{{{afp}}}", Escape::Json, "no"),
    ] {
        match text.parse::<Template>() {
            Ok(template) => assert_eq!(template.fill(&values(), escape), expected, "{text}"),
            Err(error) => assert_eq!(expected, "no", "{text}: {error}"),
        }
    }
    assert_eq!(body_escape(r#" {"a": 1}"#), Escape::Json);
    assert_eq!(body_escape("{{afp}}"), Escape::Percent);
    assert_eq!(body_escape("a={{afp}}"), Escape::Percent);
}

#[test]
fn addresses_that_are_refused_say_why() {
    for (url, why) in [
        ("ftp://example.com", "neither with https:// nor with http://"),
        ("example.com", "neither with https:// nor with http://"),
        ("https://", "names no host"),
        ("https://:80/", "names no host"),
        ("https://{{afp}}.example.com/", "the host of the address holds a macro"),
        ("https://example.com:{afp}/", "the host of the address holds a macro"),
        ("https://me@example.com/", "names a user"),
        ("https://example.com/a b", "holds blanks"),
        ("https://example.com/{{password}}", "is no macro; expected one of event, "),
        ("https://example.com/{{afp", "is no macro"),
    ] {
        let error = check_url(url).expect_err(url).to_string();
        assert!(error.contains(why), "{url}: {error}");
    }
    assert!(check_url("HTTPS://example.com/{{afp}}").is_ok());
    assert!("deposit".parse::<Trigger>().expect_err("none").to_string().contains("first_deposit"));
}

proptest! {
    #[test]
    fn no_text_panics_and_what_reads_reads_back(text in r"[{}a-z0-9 äfp]{0,40}|(\{\{?(afp|event)\}?\}|x){0,8}") {
        if let Ok(template) = text.parse::<Template>() {
            prop_assert_eq!(template.to_string().parse::<Template>().map(|again| again.fill(&values(), Escape::Json)), Ok(template.fill(&values(), Escape::Json)));
        }
    }

    #[test]
    fn no_value_leaves_its_place(value in any::<String>()) {
        let template: Template = "https://example.com/?a={{afp}}&b=1".parse().expect("a template");
        let filled = template.fill(&Values::from([("afp", value.clone())]), Escape::Percent);
        let inside = filled.strip_prefix("https://example.com/?a=").and_then(|rest| rest.strip_suffix("&b=1")).expect("its place");
        prop_assert!(!inside.contains(['&', '#', '/', '?', '=', ' ', '\n']));
        let template: Template = r#"{"a":"{{afp}}"}"#.parse().expect("a template");
        let filled = template.fill(&Values::from([("afp", value.clone())]), Escape::Json);
        let read: serde_json::Value = serde_json::from_str(&filled).expect("JSON");
        prop_assert_eq!(read["a"].as_str(), Some(value.as_str()));
    }
}
