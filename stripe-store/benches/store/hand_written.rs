//! What someone would write who needs the same table and no more: an upsert that lets the later second win, and a
//! `SELECT` of the data.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool, SqlSafeStr, SqlStr, SqlitePool};
use stripe_store::Store;
use stripe_store::store::Pool;

const UPSERT: &str = "ON CONFLICT (account, livemode, object, stripe_id) DO UPDATE SET data = excluded.data, \
    api_version = excluded.api_version, as_of = excluded.as_of, as_of_until = excluded.as_of_until, \
    source = excluded.source, deleted_at = excluded.deleted_at, updated_at = excluded.updated_at \
    WHERE excluded.as_of >= t.as_of_until";

const COLUMNS: &str = "account, livemode, object, stripe_id, data, api_version, as_of, as_of_until, source, \
    deleted_at, created_at, updated_at";

/// The hand-written side, on one database.
pub(crate) enum HandWritten {
    Sqlite {
        pool: SqlitePool,
        upsert: SqlStr,
        get: SqlStr,
        by_customer: SqlStr,
    },
    Postgres {
        pool: PgPool,
        upsert: SqlStr,
        get: SqlStr,
        by_customer: SqlStr,
    },
}

impl HandWritten {
    /// On the tables of `store`, which were migrated.
    pub(crate) fn new(store: &Store) -> Self {
        let table = store.tables().objects();
        let sql = |text: String| AssertSqlSafe(std::sync::Arc::<str>::from(text)).into_sql_str();
        match store.pool() {
            Pool::Sqlite(pool) => Self::Sqlite {
                pool: pool.clone(),
                upsert: sql(format!(
                    "INSERT INTO {table} AS t ({COLUMNS}) VALUES ('', 1, 'subscription', ?1, ?2, NULL, ?3, ?4, 'evt_bench', \
                     NULL, '2023-11-14T22:13:20.123Z', '2023-11-14T22:13:20.123Z') {UPSERT}"
                )),
                get: sql(format!(
                    "SELECT data FROM {table} WHERE account = '' AND livemode = 1 AND object = 'subscription' \
                     AND stripe_id = ?1"
                )),
                // `+` because without statistics SQLite's planner would sort by an index and read everything.
                by_customer: sql(format!(
                    "SELECT data FROM {table} WHERE account = '' AND livemode = 1 AND object = 'subscription' \
                     AND deleted_at IS NULL AND coalesce(data ->> '$.customer.id', data ->> '$.customer') = ?1 \
                     ORDER BY +(data ->> '$.created') DESC, stripe_id DESC"
                )),
            },
            Pool::Postgres(pool) => Self::Postgres {
                pool: pool.clone(),
                upsert: sql(format!(
                    "INSERT INTO {table} AS t ({COLUMNS}) SELECT '', true, 'subscription', id, data::jsonb, NULL, $3, $4, \
                     'evt_bench', NULL, now(), now() FROM unnest($1::text[], $2::text[]) AS u (id, data) {UPSERT}"
                )),
                get: sql(format!(
                    "SELECT data FROM {table} WHERE account = '' AND livemode AND object = 'subscription' \
                     AND stripe_id = $1"
                )),
                by_customer: sql(format!(
                    "SELECT data::text FROM {table} WHERE account COLLATE \"POSIX\" = '' AND livemode \
                     AND object COLLATE \"POSIX\" = 'subscription' AND deleted_at IS NULL \
                     AND left(coalesce(data #>> '{{customer,id}}', data ->> 'customer'), 255) = $1 \
                     ORDER BY (data -> 'created')::bigint DESC, stripe_id DESC"
                )),
            },
            _ => unreachable!("there are two databases"),
        }
    }

    /// Upserts ids and texts, in one transaction.
    pub(crate) async fn write(&self, turn: i64, batch: &[(String, String)]) {
        let (from, until) = (turn * 1000, turn * 1000 + 1000);
        match self {
            Self::Sqlite { pool, upsert, .. } => {
                let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
                for (id, data) in batch {
                    sqlx::query(upsert.clone())
                        .bind(id)
                        .bind(data)
                        .bind(from)
                        .bind(until)
                        .execute(&mut *transaction)
                        .await
                        .unwrap();
                }
                transaction.commit().await.unwrap();
            }
            Self::Postgres { pool, upsert, .. } => {
                let (ids, data): (Vec<&str>, Vec<&str>) =
                    batch.iter().map(|(id, data)| (&**id, &**data)).unzip();
                sqlx::query(upsert.clone())
                    .bind(ids)
                    .bind(data)
                    .bind(from)
                    .bind(until)
                    .execute(pool)
                    .await
                    .unwrap();
            }
        }
    }

    /// Reads one object's data.
    pub(crate) async fn get(&self, id: &str) -> Value {
        match self {
            Self::Sqlite { pool, get, .. } => {
                let data: String = sqlx::query_scalar(get.clone())
                    .bind(id)
                    .fetch_one(pool)
                    .await
                    .unwrap();
                serde_json::from_str(&data).unwrap()
            }
            Self::Postgres { pool, get, .. } => sqlx::query_scalar(get.clone())
                .bind(id)
                .fetch_one(pool)
                .await
                .unwrap(),
        }
    }

    /// Reads the data of a customer's subscriptions, newest first.
    pub(crate) async fn by_customer(&self, customer: &str) -> Vec<Value> {
        let texts: Vec<String> = match self {
            Self::Sqlite {
                pool, by_customer, ..
            } => {
                let query = sqlx::query_scalar(by_customer.clone()).bind(customer);
                query.fetch_all(pool).await.unwrap()
            }
            Self::Postgres {
                pool, by_customer, ..
            } => {
                let query = sqlx::query_scalar(by_customer.clone()).bind(customer);
                query.fetch_all(pool).await.unwrap()
            }
        };
        texts
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect()
    }
}
