//! A database per test, copied from a template that is made once per hash of the migrations.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A database of its own for one test.
#[derive(Clone, Debug)]
pub struct Database {
    /// The major version of the server.
    pub major: String,
    /// Where it is.
    pub url: String,
    name: String,
    maintenance: String,
}

/// The servers that `test-postgres` has started, as (major version, URL).
pub(crate) fn servers() -> Vec<(String, String)> {
    let urls = std::env::var("REFERO_TEST_URLS").expect(
        "these tests need a PostgreSQL: run them by `make test`, or \
         `cargo run -p embedded-postgres --example test-postgres -- cargo test -p CRATE`",
    );
    urls.split(',')
        .map(|entry| entry.split_once('=').expect("an entry such as 18=postgres://…"))
        .map(|(major, url)| (major.to_owned(), url.to_owned()))
        .collect()
}

impl Database {
    /// Makes a database on a server.
    pub async fn create(major: &str, server: &str) -> Database {
        let template = format!("template_{}", store::migration::fingerprint());
        make_template(server, &template).await;
        let name = format!("test_{}", unique());
        let mut connection = PgConnection::connect(server).await.expect("the test server answers");
        // Two copies of one template at a time are refused, so they are made one after the other.
        sqlx::query("select pg_advisory_lock(7302)").execute(&mut connection).await.expect("a lock");
        sqlx::query(AssertSqlSafe(format!("create database {name} template {template} strategy file_copy")))
            .execute(&mut connection)
            .await
            .expect("a copy of the template");
        connection.close().await.expect("a clean end");
        Database {
            major: major.to_owned(),
            url: with_name(server, &name),
            name,
            maintenance: server.to_owned(),
        }
    }

    /// Drops the database; called when its test has passed.
    pub async fn drop(self) {
        let mut connection = PgConnection::connect(&self.maintenance).await.expect("the test server answers");
        sqlx::query(AssertSqlSafe(format!("drop database {} with (force)", self.name)))
            .execute(&mut connection)
            .await
            .expect("the database of a passed test can be dropped");
    }
}

/// Runs a test's body on every PostgreSQL version asked for, each time on a migrated database of its own that nobody
/// else works on.
pub fn run_on_database(body: impl AsyncFn(&Database)) {
    for (major, server) in servers() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let database = Database::create(&major, &server).await;
            body(&database).await;
            database.drop().await;
        });
    }
}

async fn make_template(server: &str, template: &str) {
    let mut connection = PgConnection::connect(server).await.expect("the test server answers");
    sqlx::query("select pg_advisory_lock(7303)").execute(&mut connection).await.expect("a lock");
    let exists: bool = sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)")
        .bind(template)
        .fetch_one(&mut connection)
        .await
        .expect("an answer");
    if !exists {
        let raw = format!("raw_{}", unique());
        let mut statement = async |sql: String| {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the template is made");
        };
        statement(format!("create database {raw}")).await;
        let pool = store::connect(&with_name(server, &raw), 1).await.expect("the new database answers");
        store::migration::run(&pool).await.expect("the migrations run");
        pool.close().await;
        statement(format!("alter database {raw} with allow_connections false")).await;
        statement(format!("alter database {raw} rename to {template}")).await;
    }
    connection.close().await.expect("a clean end");
}

fn with_name(server: &str, name: &str) -> String {
    let (base, _) = server.rsplit_once('/').expect("a URL ends with the database's name");
    format!("{base}/{name}")
}

fn unique() -> String {
    app::random::hex(&app::random::bytes::<8>())
}
