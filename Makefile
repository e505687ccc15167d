# What a developer types. Recipes stay short; what needs more is a program or a script.

.PHONY: postgres sql lint test demo

# PostgreSQL 18 in the cache folder, where everything below finds it.
postgres:
	scripts/fetch-postgres

# What is known of every SQL statement, after one or the schema was changed.
sql: postgres
	scripts/renew-sql

# What the formatter and clippy say.
lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings

# Every test, on the newest PostgreSQL there is, or on each of REFERO_TEST_POSTGRES=15,18.
# Where PostgreSQL cannot be fetched, an installed one will do. The commands of README.md and of the demo need curl,
# and the scripts that sites load are tested in Debian's Chromium.
test:
	scripts/fetch-postgres || echo 'make test: going on with what is installed' >&2
	command -v curl >/dev/null || { apt-get update && apt-get install -y --no-install-recommends curl; }
	scripts/fetch-browser
	scripts/renew-sql --check
	cargo run -p embedded-postgres --example test-postgres -- cargo test --workspace --no-fail-fast

# Two programs with a year of believable data, served.
demo:
	scripts/fetch-postgres || echo 'make demo: going on with what is installed' >&2
	cargo run --profile demo -p refero -- demo
