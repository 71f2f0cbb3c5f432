//! Tables of extended models: made, added to, and never changed in a way that loses something.

use serde_json::json;
use stripe_store::extended::ModelQuery;
use stripe_store::resources::Customer;
use stripe_store::store::{Dialect, ModelError, StoreError};
use stripe_store::{Store, Stored, StripeModel};
use stripe_store_tests::{Kind, RawPool, TestDb, on_both};

use super::extended::write;

/// A model of the same table as another one, as it was before or will be.
macro_rules! version {
    ($module:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }) => {
        mod $module {
            use super::*;

            #[derive(StripeModel)]
            #[stripe(object = Customer, table = "seats", own = Own)]
            pub(super) struct Model {
                #[stripe(base)]
                pub(super) customer: Stored<Customer>,
                $($(#[$attribute])* pub(super) $field: $type,)*
            }
        }
    };
}

version!(first {
    #[stripe(index)]
    seats: i64,
    #[stripe(sql_type = "varchar(20)")]
    label: Option<String>,
});
version!(more {
    #[stripe(index)]
    seats: i64,
    #[stripe(sql_type = "varchar(20)")]
    label: Option<String>,
    #[stripe(unique)]
    code: Option<String>,
    #[stripe(default = "7")]
    rank: i32,
    #[stripe(references = "teams(id)", on_delete = "set null", index)]
    team_id: Option<i64>,
});
version!(required {
    #[stripe(index)]
    seats: i64,
    #[stripe(sql_type = "varchar(20)")]
    label: Option<String>,
    owner: String,
});
version!(retyped {
    #[stripe(index)]
    seats: String,
    #[stripe(sql_type = "varchar(20)")]
    label: Option<String>,
});
version!(widened {
    #[stripe(index)]
    seats: i64,
    #[stripe(sql_type = "varchar(40)")]
    label: Option<String>,
});
version!(dropped {
    #[stripe(index)]
    seats: i64,
});
version!(filled {
    #[stripe(index)]
    seats: i64,
    #[stripe(sql_type = "varchar(20)")]
    label: String,
});
version!(loosened {
    #[stripe(index)]
    seats: Option<i64>,
    #[stripe(sql_type = "varchar(20)")]
    label: Option<String>,
});
version!(referring {
    #[stripe(index, references = "teams(id)", on_delete = "cascade")]
    seats: i64,
    #[stripe(sql_type = "varchar(20)")]
    label: Option<String>,
});
version!(restricting {
    #[stripe(index, references = "teams(id)", on_delete = "restrict")]
    seats: i64,
    #[stripe(sql_type = "varchar(20)")]
    label: Option<String>,
});

fn three_seats() -> first::Own {
    first::Own {
        seats: 3,
        label: Some("a".to_owned()),
    }
}

fn of_team(team_id: Option<i64>, code: Option<&str>) -> more::Own {
    more::Own {
        seats: 3,
        label: None,
        code: code.map(str::to_owned),
        rank: 1,
        team_id,
    }
}

async fn object(store: &Store, id: &str) -> Stored<Customer> {
    write(store, 1, &[json!({"object": "customer", "id": id})])
        .await
        .unwrap();
    store.get::<Customer>(id).await.unwrap().unwrap()
}

async fn teams(db: &TestDb) {
    db.execute("CREATE TABLE teams (id bigint PRIMARY KEY)")
        .await;
}

/// What the database has of the table: columns and indexes.
async fn schema(db: &TestDb) -> String {
    match db.pool() {
        RawPool::Sqlite(pool) => {
            let rows: Vec<(String,)> =
                sqlx::query_as("SELECT sql FROM sqlite_schema WHERE tbl_name = 'seats' AND sql IS NOT NULL ORDER BY name")
                    .fetch_all(pool)
                    .await
                    .unwrap();
            rows.into_iter().map(|row| row.0 + "\n").collect()
        }
        RawPool::Postgres(pool) => {
            let columns: Vec<(String, String, bool)> = sqlx::query_as(
                "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute \
                 WHERE attrelid = 'seats'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            )
            .fetch_all(pool)
            .await
            .unwrap();
            let indexes: Vec<(String,)> = sqlx::query_as(
                "SELECT indexdef FROM pg_indexes WHERE tablename = 'seats' ORDER BY indexname",
            )
            .fetch_all(pool)
            .await
            .unwrap();
            format!("{columns:?} {indexes:?}")
        }
    }
}

#[tokio::test]
async fn a_new_field_becomes_a_column_and_rows_keep_what_they_have() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        teams(db).await;
        first::Model::migrate(store).await.unwrap();
        let made = schema(db).await;
        first::Model::migrate(store).await.unwrap();
        assert_eq!(schema(db).await, made);
        let one = first::Model::insert_for(store, object(store, "cus_1").await, three_seats())
            .await
            .unwrap();
        assert_eq!(
            (one.seats, one.label.as_deref(), one.customer.id()),
            (3, Some("a"), "cus_1")
        );

        more::Model::migrate(store).await.unwrap();
        more::Model::migrate(store).await.unwrap();
        let one = more::Model::find(store, "cus_1").await.unwrap().unwrap();
        assert_eq!(
            (
                one.seats,
                one.label.as_deref(),
                one.code,
                one.rank,
                one.team_id
            ),
            (3, Some("a"), None, 7, None)
        );
        let text = schema(db).await;
        assert!(
            ["seats_code_key", "seats_team_id_idx", "seats_seats_idx"]
                .iter()
                .all(|name| text.contains(name))
        );

        db.execute("INSERT INTO teams (id) VALUES (1)").await;
        let with_team = of_team(Some(1), Some("c"));
        more::Model::insert_for(store, object(store, "cus_2").await, with_team)
            .await
            .unwrap();
        db.execute("DELETE FROM teams").await;
        let two = more::Model::find(store, "cus_2").await.unwrap().unwrap();
        assert_eq!((two.team_id, two.code.as_deref()), (None, Some("c")));
        let lost = of_team(Some(9), None);
        let error = more::Model::insert_for(store, object(store, "cus_3").await, lost)
            .await
            .err()
            .unwrap();
        assert_eq!(error.to_string(), "could not link customer cus_3 in seats");
    })
    .await;
}

#[tokio::test]
async fn a_table_made_from_the_printed_sql_is_what_migrate_makes() {
    on_both(async |db: &TestDb| {
        teams(db).await;
        let dialect = db.store().dialect();
        db.execute(&more::Model::schema_sql(dialect)).await;
        let printed = schema(db).await;
        more::Model::migrate(db.store()).await.unwrap();
        assert_eq!(schema(db).await, printed);
        db.execute("DROP TABLE seats").await;
        more::Model::migrate(db.store()).await.unwrap();
        assert_eq!(schema(db).await, printed);
        // Running it again is harmless.
        db.execute(&more::Model::schema_sql(dialect)).await;
    })
    .await;
}

/// Refuses, does nothing, and its statements make the table what the struct says.
async fn refused<M: StripeModel>(
    db: &TestDb,
    words: &[&str],
    edit: impl Fn(&str) -> String,
) -> Option<M> {
    let store = db.store();
    let before = schema(db).await;
    let error = M::migrate(store).await.unwrap_err();
    assert_eq!(schema(db).await, before);
    let text = error.to_string();
    let StoreError::Model(ModelError::Change {
        table,
        changes,
        sql,
        ..
    }) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!((table, changes.len()), ("seats", 1), "{text}");
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(text.ends_with(&sql) && text.contains("Nothing was done."));
    db.execute(&edit(&sql)).await;
    M::migrate(store).await.unwrap();
    let query: ModelQuery<M> = M::query();
    query.first(store).await.unwrap()
}

async fn with_a_row(db: &TestDb) {
    first::Model::migrate(db.store()).await.unwrap();
    first::Model::insert_for(db.store(), object(db.store(), "cus_1").await, three_seats())
        .await
        .unwrap();
}

fn as_is(sql: &str) -> String {
    sql.to_owned()
}

#[tokio::test]
async fn another_type_is_refused_with_the_statements_for_it() {
    on_both(async |db: &TestDb| {
        with_a_row(db).await;
        let words = if db.kind() == Kind::Sqlite {
            ["seats is INTEGER", "TEXT"]
        } else {
            ["seats is bigint", "text"]
        };
        let one = refused::<retyped::Model>(db, &words, as_is).await.unwrap();
        assert_eq!((one.seats.as_str(), one.label.as_deref()), ("3", Some("a")));
    })
    .await;
}

#[tokio::test]
async fn a_longer_text_is_another_type() {
    on_both(async |db: &TestDb| {
        with_a_row(db).await;
        let one =
            refused::<widened::Model>(db, &["label is", "(20)", "would become", "(40)"], as_is)
                .await
                .unwrap();
        assert_eq!(one.label.as_deref(), Some("a"));
    })
    .await;
}

#[tokio::test]
async fn a_field_that_is_gone_is_refused() {
    on_both(async |db: &TestDb| {
        with_a_row(db).await;
        let one = refused::<dropped::Model>(
            db,
            &["no field for the column label", "DROP COLUMN \"label\""],
            as_is,
        )
        .await
        .unwrap();
        assert_eq!(one.seats, 3);
    })
    .await;
}

#[tokio::test]
async fn what_may_be_null_and_what_may_not_is_changed_by_hand() {
    on_both(async |db: &TestDb| {
        with_a_row(db).await;
        let one = refused::<filled::Model>(db, &["label may be NULL, and would not be"], as_is)
            .await
            .unwrap();
        assert_eq!(one.label, "a");
        db.execute("DROP TABLE seats; DELETE FROM stripe_objects")
            .await;
        with_a_row(db).await;
        let one = refused::<loosened::Model>(db, &["seats may not be NULL, and would be"], as_is)
            .await
            .unwrap();
        assert_eq!(one.seats, Some(3));
    })
    .await;
}

#[tokio::test]
async fn a_field_that_rows_cannot_have_yet_is_refused_unless_there_are_none() {
    on_both(async |db: &TestDb| {
        first::Model::migrate(db.store()).await.unwrap();
        required::Model::migrate(db.store()).await.unwrap();
        db.execute("DROP TABLE seats").await;
        with_a_row(db).await;
        let words = ["owner may not be NULL", "#[stripe(default = \"…\")]"];
        let one = refused::<required::Model>(db, &words, |sql| {
            let sql = sql
                .replace("-- UPDATE", "UPDATE")
                .replace(" = … for every row, then:", " = 'me';");
            sql.replace("-- ALTER", "ALTER")
                .replace("DEFAULT …", "DEFAULT 'me'")
        })
        .await
        .unwrap();
        assert_eq!(one.owner, "me");
    })
    .await;
}

#[tokio::test]
async fn a_reference_is_not_changed_unasked() {
    on_both(async |db: &TestDb| {
        teams(db).await;
        with_a_row(db).await;
        db.execute("INSERT INTO teams (id) VALUES (3)").await;
        let words = ["seats refers to nothing, and would to teams(id) on delete cascade"];
        assert_eq!(refused::<referring::Model>(db, &words, as_is).await.unwrap().seats, 3);
        let words = ["seats refers to teams(id) on delete cascade, and would to teams(id) on delete restrict"];
        assert_eq!(refused::<restricting::Model>(db, &words, as_is).await.unwrap().seats, 3);
        let words = ["seats refers to teams(id), and would not any more"];
        assert_eq!(refused::<first::Model>(db, &words, as_is).await.unwrap().seats, 3);
    })
    .await;
}

#[tokio::test]
async fn a_table_that_is_no_models_is_left_alone() {
    on_both(async |db: &TestDb| {
        db.execute("CREATE TABLE seats (id bigint PRIMARY KEY, seats bigint)")
            .await;
        let error = first::Model::migrate(db.store()).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("it has no column account, so it is no table of a model")
        );
        let error = referring::Model::migrate(db.store()).await.unwrap_err();
        assert!(matches!(
            error,
            StoreError::Model(ModelError::Change { .. })
        ));
        db.execute("DROP TABLE seats").await;
        // A table that is referred to has to be there, on PostgreSQL.
        let made = referring::Model::migrate(db.store()).await;
        match db.kind() {
            Kind::Sqlite => made.unwrap(),
            Kind::Postgres => {
                let error = made.unwrap_err();
                assert_eq!(error.to_string(), "could not migrate the table seats");
                assert!(!error.is_transient());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn two_processes_migrate_at_once() {
    on_both(async |db: &TestDb| {
        teams(db).await;
        with_a_row(db).await;
        let (one, other) = (db.connect().await, db.connect().await);
        let (one, other) = tokio::join!(
            Box::pin(more::Model::migrate(&one)),
            Box::pin(more::Model::migrate(&other))
        );
        one.unwrap();
        other.unwrap();
        assert_eq!(
            more::Model::query()
                .first(db.store())
                .await
                .unwrap()
                .unwrap()
                .rank,
            7
        );
    })
    .await;
}

#[test]
fn the_printed_sql_is_of_either_database() {
    let postgres = more::Model::schema_sql(Dialect::Postgres);
    assert!(postgres.contains("\"rank\" integer NOT NULL DEFAULT 7,"));
    assert!(
        postgres.contains("\"team_id\" bigint REFERENCES \"teams\" (\"id\") ON DELETE SET NULL,")
    );
    assert!(
        postgres.contains(
            "CREATE UNIQUE INDEX IF NOT EXISTS \"seats_code_key\" ON \"seats\" (\"code\");"
        )
    );
    let sqlite = more::Model::schema_sql(Dialect::Sqlite);
    assert!(
        sqlite.contains("\"label\" varchar(20),")
            && sqlite.contains("id INTEGER PRIMARY KEY AUTOINCREMENT")
    );
}
