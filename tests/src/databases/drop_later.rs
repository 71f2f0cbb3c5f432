//! A PostgreSQL database that is dropped with its value.

use std::{str::FromStr as _, thread};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

/// A database on the server of the tests.
#[derive(Debug)]
pub(super) struct Database {
    name: String,
    admin: PgConnectOptions,
}

impl Database {
    pub(super) async fn create(admin_url: &str, name: String) -> Self {
        let admin = PgConnectOptions::from_str(admin_url).unwrap_or_else(|error| {
            panic!(
                "{} is no PostgreSQL URL: {error}",
                crate::postgres::URL_VARIABLE
            )
        });
        let created = run(
            &admin,
            format!("CREATE DATABASE \"{name}\" TEMPLATE template0"),
        )
        .await;
        created.unwrap_or_else(|error| panic!("cannot create the database {name}: {error}"));
        Self { name, admin }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Database {
    /// From a thread of its own: a test's runtime cannot be blocked on from inside, and may be gone.
    #[expect(
        clippy::print_stderr,
        reason = "a database that stays behind must not go unseen, nor fail a test that passed"
    )]
    fn drop(&mut self) {
        let admin = self.admin.clone();
        let statement = format!("DROP DATABASE \"{}\" WITH (FORCE)", self.name);
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(sqlx::Error::Io)?;
            runtime.block_on(run(&admin, statement))
        });
        match dropping.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("the database {} stays behind: {error}", self.name),
            Err(_) => eprintln!("the database {} stays behind", self.name),
        }
    }
}

/// Runs a statement that no transaction may hold, on a connection of its own.
async fn run(admin: &PgConnectOptions, statement: String) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect_with(admin).await?;
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await?;
    connection.close().await
}
