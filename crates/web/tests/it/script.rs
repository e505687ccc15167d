//! The scripts as they are served: compressed where that is asked for, with a version, and kept by browsers.

use testkit::{Answer, TestApp, run};

const PATHS: [&str; 3] = ["/refero.js", "/v2.js", "/referral-widget.js"];

async fn get(test: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    test.send("GET", path, headers, None).await
}

#[test]
fn scripts_are_served_compressed_with_a_version() {
    run(async |test| {
        for path in PATHS {
            let plain = get(&test, path, &[]).await;
            let header = |answer: &Answer, name: &str| {
                answer.headers.get(name).map(|value| value.to_str().expect("text").to_owned())
            };
            assert_eq!(plain.status, 200);
            assert_eq!(header(&plain, "content-type").as_deref(), Some("text/javascript; charset=utf-8"));
            assert_eq!(header(&plain, "content-encoding"), None);
            assert_eq!(header(&plain, "vary").as_deref(), Some("accept-encoding"));
            assert_eq!(header(&plain, "x-content-type-options").as_deref(), Some("nosniff"));
            assert_eq!(header(&plain, "access-control-allow-origin").as_deref(), Some("*"));
            assert_eq!(header(&plain, "cross-origin-resource-policy").as_deref(), Some("cross-origin"));
            assert_eq!(
                header(&plain, "cache-control").as_deref(),
                Some("public, max-age=3600, stale-while-revalidate=86400")
            );

            for accepted in ["gzip", "br, gzip;q=0.5", "deflate,gzip"] {
                let compressed = get(&test, path, &[("accept-encoding", accepted)]).await;
                assert_eq!(header(&compressed, "content-encoding").as_deref(), Some("gzip"), "{accepted}");
                assert!(compressed.bytes.len() < 5_000, "{path} has {} bytes", compressed.bytes.len());
                assert_eq!(header(&compressed, "etag"), header(&plain, "etag"));
            }
            for refused in ["br", "gzip;q=0", "identity"] {
                let plain = get(&test, path, &[("accept-encoding", refused)]).await;
                assert_eq!(header(&plain, "content-encoding"), None, "{refused}");
            }

            let tag = header(&plain, "etag").expect("a version");
            let known = get(&test, path, &[("if-none-match", &tag)]).await;
            assert_eq!((known.status, known.bytes.len()), (304, 0));
            assert_eq!(header(&known, "etag").as_ref(), Some(&tag));
            assert_eq!(get(&test, path, &[("if-none-match", "\"other\"")]).await.status, 200);

            let version = tag.trim_start_matches("W/").trim_matches('"');
            let kept = get(&test, &format!("{path}?v={version}"), &[]).await;
            assert_eq!(
                header(&kept, "cache-control").as_deref(),
                Some("public, max-age=31536000, immutable")
            );
            let other = get(&test, &format!("{path}?v=0.0.1-000000000000"), &[]).await;
            assert_eq!(header(&other, "cache-control"), header(&plain, "cache-control"));
        }
    });
}

#[test]
fn the_served_text_has_no_comments_and_every_string() {
    run(async |test| {
        for path in PATHS {
            let text = get(&test, path, &[]).await.text();
            assert!(!text.contains("/**") && !text.lines().any(|line| line.starts_with("//")), "{path}");
            assert!(text.contains("https://") && text.ends_with("})();\n"), "{path}");
        }
    });
}
