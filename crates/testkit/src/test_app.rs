//! The product on a database of its own. When a test's body ends well, the books are audited.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use app::clock::Clock;
use app::config::Config;
use app::program::NewProgram;
use app::secret::Secret;
use app::{App, Caller};
use domain::currency::Currency;
use domain::ids::{AffiliateId, ProgramId};
use domain::time::{Timestamp, Zone};
use serde_json::Value;
use store::key::Scope;
use tower::ServiceExt as _;

use crate::database::{Database, servers};

/// Where the requests of tests come from.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 50_000);

/// The product under test.
#[derive(Clone)]
pub struct TestApp {
    /// The product.
    pub app: App,
    /// Its clock, which stands still until it is put somewhere else.
    pub clock: Clock,
    /// Its database.
    pub database: Database,
}

/// Runs a test's body on every PostgreSQL version asked for, each time on a database of its own. Afterwards the books
/// of every program must be right and no job may be left.
pub fn run(body: impl AsyncFn(TestApp)) {
    run_with(config(), body);
}

/// Settings of a process that is patient: nothing is refused because the machine is slow.
pub fn config() -> Config {
    Config { look_up: Duration::from_secs(60), ..Config::default() }
}

/// [`run`] with settings of the process.
pub fn run_with(config: Config, body: impl AsyncFn(TestApp)) {
    for (major, server) in servers() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let test = async {
            let database = Database::create(&major, &server).await;
            let test = TestApp::start(database, config.clone()).await;
            body(test.clone()).await;
            test.audit().await;
            let database = test.database.clone();
            test.app.stop().await;
            database.drop().await;
        };
        // Inline snapshots meet the same value once a version; another value fails all the same.
        insta::allow_duplicates!(runtime.block_on(test));
    }
}

impl TestApp {
    async fn start(database: Database, config: Config) -> TestApp {
        let pool = store::connect(&database.url, 4).await.expect("the test database answers");
        let clock = Clock::fixed("2026-06-01T12:00:00Z".parse().expect("a time"));
        let app =
            App::start(pool, Secret::new(&[7; 32]), clock.clone(), config).await.expect("the product starts");
        TestApp { app, clock, database }
    }

    /// Puts the clock to an instant.
    pub fn at(&self, time: &str) -> Timestamp {
        let at = time.parse().unwrap_or_else(|_| panic!("{time} is not a time such as 2026-01-01T00:00:00Z"));
        self.clock.set(at);
        at
    }

    /// Makes a program: EUR, UTC, default terms from JSON such as
    /// `{"rules":[{"on":"payment","reward":{"percent":"20"}}],"hold_days":30}`.
    pub async fn program(&self, terms: Value) -> ProgramId {
        let new = NewProgram {
            name: domain::text::Name::parse("Test programme").expect("a name"),
            currency: Currency::EUR,
            zone: Zone::UTC,
            mode: store::program::Mode::Live,
            terms: serde_json::from_value(terms).expect("terms"),
            payout_threshold_micros: 0,
        };
        app::program::create(&self.app, self.app.now(), new).await.expect("a program").id
    }

    /// Makes an approved affiliate with a slug.
    pub async fn affiliate(&self, program: ProgramId, slug: &str) -> AffiliateId {
        let new = app::affiliate::NewAffiliate {
            name: domain::text::Name::parse(slug).expect("a name"),
            email: domain::text::Email::parse(&format!("{slug}@example.com")).expect("an address"),
            slug: Some(domain::text::Slug::parse(slug).expect("a slug")),
            status: domain::affiliate::Status::Approved,
            deal: None,
            parent: None,
            external_id: None,
            payout_threshold_micros: None,
        };
        app::affiliate::create(&self.app, &self.operator(program), new).await.expect("an affiliate").id
    }

    /// A caller that speaks for a program now.
    pub fn operator(&self, program: ProgramId) -> Caller {
        Caller::operator(program, self.app.now())
    }

    /// Makes an operator key.
    pub async fn key(&self, program: ProgramId) -> String {
        app::key::create(&self.app, &self.operator(program), Scope::Operator).await.expect("a key").1
    }

    /// Makes an affiliate's key.
    pub async fn affiliate_key(&self, program: ProgramId, affiliate: AffiliateId) -> String {
        let scope = Scope::Affiliate(affiliate);
        app::key::create(&self.app, &self.operator(program), scope).await.expect("a key").1
    }

    /// Sends a request with a JSON body, if there is one, and the key as a bearer token.
    pub async fn call(&self, method: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string().into_bytes());
        self.send(method, path, &[("authorization", &format!("Bearer {key}"))], body).await
    }

    /// Sends a request as it is given; a body goes as JSON unless a content type is among the headers.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let mut request = axum::http::Request::builder().method(method).uri(as_sent(path));
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(axum::body::Body::from(body.unwrap_or_default())).expect("a request");
        let response =
            web::front(self.app.clone()).of_peer(PEER).oneshot(request).await.expect("the router answers");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a whole body");
        Answer { status, headers, bytes: bytes.to_vec() }
    }

    /// How many rows a table has, or a table under a condition: `fact where kind = 1`.
    pub async fn count_rows(&self, rows: &str) -> i64 {
        let sql = format!("select count(*) from {rows}");
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        query.fetch_one(self.app.pool()).await.unwrap_or_else(|error| panic!("{rows}: {error}"))
    }

    /// Changes the rows of a table under a condition behind the product's back, and says how many:
    /// `("transfer", "amount_micros = amount_micros + 1", "entry = 0")`.
    pub async fn tamper(&self, table: &str, change: &str, condition: &str) -> u64 {
        let sql = format!("update {table} set {change} where {condition}");
        let done = sqlx::query(sqlx::AssertSqlSafe(sql.clone())).execute(self.app.pool()).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
    }

    /// What a program's facts must come to in whatever order they arrived: every commission's standing by its fact and
    /// rule, every referral's state, the totals, the figures of each day.
    pub async fn end_state(&self, program: ProgramId) -> Vec<String> {
        let query = sqlx::query_scalar(include_str!("end_state.sql")).bind(program.0);
        query.fetch_all(self.app.pool()).await.expect("the end state")
    }

    /// The books of every program must be right, its history told again must come to them, and no job may be left.
    pub async fn audit(&self) {
        for program in app::program::ids(&self.app).await.expect("the programs") {
            let findings = app::verify::program(&self.app, program).await.expect("a verification");
            assert!(findings.is_empty(), "program {program}: {findings:#?}");
            let replayed = app::replay::program(&self.app, program).await.expect("a replay");
            assert!(replayed.is_clean(), "program {program}, replayed: {:#?}", replayed.differences);
        }
        let mut connection = self.app.pool().acquire().await.expect("a connection");
        let unfinished = store::job::count_unfinished(&mut connection).await.expect("a count");
        assert_eq!(unfinished, 0, "jobs are left");
    }
}

/// An address as HTTP clients send it: what no address may hold is encoded.
fn as_sent(path: &str) -> String {
    let encoded = |c: char| match c {
        '"' | '{' | '}' | '<' | '>' | ' ' => format!("%{:02X}", c as u32),
        c => c.to_string(),
    };
    path.chars().map(encoded).collect()
}

/// An answer as it came over HTTP.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: axum::http::HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
