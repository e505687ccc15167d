//! The scripts that sites load: `/refero.js`, the same with Reditus' function `gr` as `/v2.js`, and
//! `/referral-widget.js`. Served from memory, compressed, with a version. Their sources are beside this file's folder;
//! docs/SCRIPT.md describes them.

mod compact;

use std::io::Write as _;
use std::sync::LazyLock;

use app::App;
use axum::Router;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use compact::compact;

const SCRIPT: &str = include_str!("script/refero.js");
const WIDGET: &str = include_str!("script/referral-widget.js");

/// How long browsers keep a script whose address has no version: an hour, and a day more while they ask again.
const UNVERSIONED: &str = "public, max-age=3600, stale-while-revalidate=86400";

/// How long browsers keep a script whose address has its version: it never changes.
const VERSIONED: &str = "public, max-age=31536000, immutable";

pub(crate) fn router() -> Router<App> {
    static REFERO: LazyLock<Served> = LazyLock::new(|| Served::new(&named("refero")));
    static GR: LazyLock<Served> = LazyLock::new(|| Served::new(&named("gr")));
    static REFERRAL_WIDGET: LazyLock<Served> = LazyLock::new(|| Served::new(&compact(WIDGET)));
    let route = |served: &'static LazyLock<Served>| {
        get(move |query: RawQuery, headers: HeaderMap| async move { served.answer(query, &headers) })
    };
    Router::new()
        .route("/refero.js", route(&REFERO))
        .route("/v2.js", route(&GR))
        .route("/referral-widget.js", route(&REFERRAL_WIDGET))
}

/// The browser script as it is served, under the name of its global function.
fn named(name: &str) -> String {
    let (before, after) = ("const NAME = \"refero\";", format!("const NAME = \"{name}\";"));
    let version = format!("const VERSION = \"{}\";", env!("CARGO_PKG_VERSION"));
    compact(SCRIPT).replacen(before, &after, 1).replacen("const VERSION = \"0\";", &version, 1)
}

/// A script in both forms, with its version.
struct Served {
    plain: Bytes,
    compressed: Bytes,
    /// The product's version and the beginning of the content's hash.
    version: String,
}

impl Served {
    fn new(text: &str) -> Served {
        let hash: String = Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
        Served {
            plain: Bytes::from(text.to_owned()),
            compressed: compressed.expect("memory can be written").into(),
            version: format!("{}-{hash}", env!("CARGO_PKG_VERSION")),
        }
    }

    fn answer(&self, RawQuery(query): RawQuery, asked: &HeaderMap) -> Response {
        let tag = format!("W/\"{}\"", self.version);
        let is_versioned = query.is_some_and(|query| query.strip_prefix("v=") == Some(&self.version));
        let is_known = lists(asked, header::IF_NONE_MATCH, |known| known == tag || known == "*");
        let is_compressed = lists(asked, header::ACCEPT_ENCODING, |coding| {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim() == "gzip" && !matches!(parameters.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        });
        let mut headers = HeaderMap::new();
        let mut set = |name, value: &str| {
            headers.insert(name, HeaderValue::from_str(value).expect("our headers are plain text"));
        };
        set(header::CACHE_CONTROL, if is_versioned { VERSIONED } else { UNVERSIONED });
        set(header::ETAG, &tag);
        set(header::VARY, "accept-encoding");
        // Pages of every site load it, also with `crossorigin`, and also where such pages ask for isolation.
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        set(header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
        if is_known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        set(header::CONTENT_TYPE, "text/javascript; charset=utf-8");
        if is_compressed {
            set(header::CONTENT_ENCODING, "gzip");
        }
        let body = if is_compressed { &self.compressed } else { &self.plain };
        (headers, body.clone()).into_response()
    }
}

/// Whether a header that is a list has an item such as this.
fn lists(headers: &HeaderMap, name: header::HeaderName, is: impl Fn(&str) -> bool) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| is(item.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a script may weigh on the wire.
    const LIMIT: usize = 5_000;

    #[test]
    fn the_script_weighs_less_than_five_kilobytes() {
        for text in [named("refero"), named("gr"), compact(WIDGET)] {
            let served = Served::new(&text);
            assert!(served.compressed.len() < LIMIT, "{} bytes", served.compressed.len());
        }
    }

    #[test]
    fn the_name_of_the_function_is_the_only_difference() {
        let (refero, gr) = (named("refero"), named("gr"));
        assert!(refero.contains("const NAME = \"refero\";") && gr.contains("const NAME = \"gr\";"));
        assert!(!gr.contains("const VERSION = \"0\";"));
        assert_eq!(gr.replacen("\"gr\"", "\"refero\"", 1), refero);
    }
}
