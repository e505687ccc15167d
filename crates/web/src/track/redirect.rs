//! A click as HTTP asks it, and the answer to it: 302 with the token in the address and in a cookie, or a plain page.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use app::App;
use app::click::redirect::{Answer, Cookie, Visit, from_memory, look_up, program_of_host};
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// The headers in which browsers say that nobody has asked for a page yet.
static PURPOSES: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// How the operator's proxy says by which scheme it was asked.
pub(crate) static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What a request asks of the redirect.
pub(super) struct Asked<'r> {
    code: &'r str,
    host: Option<domain::ids::ProgramId>,
    head: Head<'r>,
    peer: Option<IpAddr>,
}

/// What comes before a body.
#[derive(Clone, Copy)]
pub(super) struct Head<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
}

impl<'r> From<&'r Request> for Head<'r> {
    fn from(request: &'r Request) -> Head<'r> {
        Head { method: request.method(), uri: request.uri(), headers: request.headers() }
    }
}

impl<'r> From<&'r Parts> for Head<'r> {
    fn from(parts: &'r Parts) -> Head<'r> {
        Head { method: &parts.method, uri: &parts.uri, headers: &parts.headers }
    }
}

impl<'r> Asked<'r> {
    /// The code in a request for `/c/CODE`, or for `/CODE` on a program's own host; `None` for any other request.
    pub(super) fn of(app: &App, head: impl Into<Head<'r>>, peer: Option<IpAddr>) -> Option<Asked<'r>> {
        let head = head.into();
        let path = head.uri.path();
        let below = path.strip_prefix("/c/");
        let is_code = |text: &str| !text.is_empty() && !text.contains('/');
        let alone = || path.strip_prefix('/').filter(|text| is_code(text));
        // Most requests are neither, and cost no look at their host.
        if below.is_none() && alone().is_none() {
            return None;
        }
        let host = host(head).and_then(|host| program_of_host(app, host));
        let code = match below {
            Some(code) => is_code(code).then_some(code),
            None => alone().filter(|text| host.is_some() && domain::link::Code::parse(text).is_ok()),
        }?;
        Some(Asked { code, host, head, peer })
    }

    fn visit(&self, app: &App) -> Visit<'r> {
        let headers = self.head.headers;
        let bytes = |name| headers.get(name).map_or(&b""[..], HeaderValue::as_bytes);
        Visit {
            code: self.code,
            host: self.host,
            query: self.head.uri.query().unwrap_or_default(),
            agent: bytes(header::USER_AGENT),
            referrer: bytes(header::REFERER),
            address: address(app, headers, self.peer),
            counts: *self.head.method == Method::GET && !is_look_ahead(headers),
            now: app.now(),
        }
    }

    /// The answer, where it needs nothing but memory.
    pub(super) fn answer(&self, app: &App) -> Option<Response> {
        if !matches!(*self.head.method, Method::GET | Method::HEAD) {
            return Some((StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response());
        }
        from_memory(app, &self.visit(app)).map(|answer| respond(answer, is_secure(app, self.head.headers)))
    }

    /// The answer, after a look-up.
    pub(super) async fn answer_after_look_up(&self, app: &App) -> Response {
        let answer = look_up(app, &self.visit(app)).await;
        respond(answer, is_secure(app, self.head.headers))
    }
}

/// `/c/{code}` of a request that did not come through the front.
pub(super) async fn through_router(State(app): State<App>, request: Request) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    whole(app, request, peer).await
}

/// Answers a request that asks for a link; any other is a page that says so.
pub(super) async fn whole(app: App, request: Request, peer: Option<IpAddr>) -> Response {
    let (parts, _) = request.into_parts();
    match Asked::of(&app, &parts, peer) {
        None => respond(Answer::NotFound, false),
        Some(asked) => match asked.answer(&app) {
            Some(response) => response,
            None => asked.answer_after_look_up(&app).await,
        },
    }
}

fn host(head: Head<'_>) -> Option<&str> {
    let authority = head.uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| head.headers.get(header::HOST)?.to_str().ok())
}

/// The visitor's address: the peer, or what the operator's proxy says in the header that the operator has named. Of several
/// addresses the last is the proxy's own word.
pub(crate) fn address(app: &App, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
    let Some(name) = app.address_header() else { return peer };
    let told = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    let last = told.rsplit(',').next()?.trim();
    last.parse().ok().or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Browsers and mail programs look at pages that nobody has asked for yet.
fn is_look_ahead(headers: &HeaderMap) -> bool {
    PURPOSES.iter().any(|name| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("prefetch") || value.contains("prerender") || value.contains("preview")
        })
    })
}

/// Whether the visitor speaks TLS: then the cookie may only travel that way.
fn is_secure(app: &App, headers: &HeaderMap) -> bool {
    app.is_public_by_tls() || headers.get(&FORWARDED_PROTO).is_some_and(|scheme| scheme == "https")
}

fn respond(answer: Answer, is_secure: bool) -> Response {
    match answer {
        Answer::Redirect { location, cookie } => {
            let Ok(location) = HeaderValue::try_from(location) else { return not_found() };
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::FOUND;
            let headers = response.headers_mut();
            headers.insert(header::LOCATION, location);
            // Each click is made anew, so nobody may keep one.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if let Some(cookie) = cookie {
                headers.insert(header::SET_COOKIE, set_cookie(cookie, is_secure));
            }
            response
        }
        Answer::NotFound => not_found(),
    }
}

/// The cookie that keeps a program's last click on the host of the redirect: `rfr_` with the number of the program.
fn set_cookie(Cookie { program, token, seconds }: Cookie, is_secure: bool) -> HeaderValue {
    // As long as one gets, so that it is made in one piece of memory.
    let mut text = String::with_capacity(160);
    // Writing to a string cannot fail.
    let _ = write!(text, "rfr_{program}={token}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax");
    if is_secure {
        text.push_str("; Secure");
    }
    HeaderValue::try_from(text).expect("a token is ASCII")
}

fn not_found() -> Response {
    const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Not found</title>\
                        <p>This link does not lead anywhere.</p></html>\n";
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::NOT_FOUND, headers, PAGE).into_response()
}
