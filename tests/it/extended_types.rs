//! What own columns can hold, there and back on both databases: every type, the three ways, and the edges of each.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::error::BoxDynError;
use stripe_store::clock::UnixMillis;
use stripe_store::extended::{ColumnType, ModelQuery, Orders, OwnColumn};
use stripe_store::resources::{CustomerTaxExempt, Product};
use stripe_store::store::{ModelError, StoreError};
use stripe_store::view::{OpenEnum as _, Timestamp};
use stripe_store::{Store, Stored, StripeModel};
use stripe_store_tests::{Kind, TestDb, on_both};

use super::extended::write;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Colour {
    Red,
    Blue,
}

impl ColumnType for Colour {
    type Stored = i16;

    fn to_stored(&self) -> Result<i16, BoxDynError> {
        Ok(match self {
            Self::Red => 1,
            Self::Blue => 2,
        })
    }

    fn from_stored(stored: i16) -> Result<Self, BoxDynError> {
        match stored {
            1 => Ok(Self::Red),
            2 => Ok(Self::Blue),
            other => Err(format!("no colour: {other}").into()),
        }
    }
}

/// A type that sqlx knows how to store.
#[derive(Debug, Clone, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
struct Sku(String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Settings {
    depth: u32,
    tags: Vec<String>,
}

#[derive(StripeModel, Debug)]
#[stripe(object = Product, table = "every_type", own = Every, derive_own(Debug, Clone, PartialEq))]
struct EveryType {
    #[stripe(base)]
    product: Stored<Product>,
    flag: bool,
    small: i16,
    middle: i32,
    large: i64,
    single: f32,
    double: f64,
    text: String,
    bytes: Vec<u8>,
    second: Timestamp,
    milli: UnixMillis,
    at: time::OffsetDateTime,
    day: time::Date,
    uid: uuid::Uuid,
    amount: rust_decimal::Decimal,
    colour: Colour,
    exempt: CustomerTaxExempt,
    #[stripe(sql_type = "text")]
    sku: Sku,
    #[stripe(json)]
    settings: Settings,
    #[stripe(column = "type")]
    r#type: Option<String>,
    maybe_flag: Option<bool>,
    maybe_large: Option<i64>,
    maybe_double: Option<f64>,
    maybe_bytes: Option<Vec<u8>>,
    maybe_at: Option<time::OffsetDateTime>,
    maybe_day: Option<time::Date>,
    maybe_uid: Option<uuid::Uuid>,
    maybe_amount: Option<rust_decimal::Decimal>,
    maybe_colour: Option<Colour>,
    #[stripe(sql_type(postgres = "varchar(8)", sqlite = "TEXT"))]
    maybe_sku: Option<Sku>,
    #[stripe(json)]
    maybe_settings: Option<Settings>,
}

fn at(nanos: i128) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap()
}

fn day(julian: i32) -> time::Date {
    time::Date::from_julian_day(julian).unwrap()
}

fn usual() -> Every {
    Every {
        flag: true,
        small: 7,
        middle: -70_000,
        large: 9_007_199_254_740_993,
        single: 0.5,
        double: 0.1,
        text: "O'Neill \"\\ 你好".to_owned(),
        bytes: vec![0, 1, 255],
        second: Timestamp::from_unix_seconds(1_700_000_000),
        milli: UnixMillis::new(1_700_000_000_123),
        at: at(1_700_000_000_123_456_000),
        day: day(2_460_000),
        uid: uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        amount: "12.50".parse().unwrap(),
        colour: Colour::Blue,
        exempt: CustomerTaxExempt::Reverse,
        sku: Sku("A-1".to_owned()),
        settings: Settings {
            depth: 3,
            tags: vec!["a".to_owned()],
        },
        r#type: Some("kind".to_owned()),
        maybe_flag: None,
        maybe_large: None,
        maybe_double: None,
        maybe_bytes: None,
        maybe_at: None,
        maybe_day: None,
        maybe_uid: None,
        maybe_amount: None,
        maybe_colour: None,
        maybe_sku: None,
        maybe_settings: None,
    }
}

/// The least and the most of everything.
fn edges() -> [Every; 2] {
    let least = Every {
        flag: false,
        small: i16::MIN,
        middle: i32::MIN,
        large: i64::MIN,
        single: f32::MIN,
        double: f64::MIN,
        text: String::new(),
        bytes: Vec::new(),
        second: Timestamp::from_unix_seconds(-62_135_596_800),
        milli: UnixMillis::MIN,
        at: at(-62_135_596_800_000_000_000),
        day: day(1_721_426),
        uid: uuid::Uuid::nil(),
        amount: "-0.0000000001".parse().unwrap(),
        colour: Colour::Red,
        exempt: CustomerTaxExempt::from_text("not yet known"),
        sku: Sku(String::new()),
        settings: Settings {
            depth: 0,
            tags: Vec::new(),
        },
        r#type: None,
        ..usual()
    };
    let most = Every {
        flag: true,
        small: i16::MAX,
        middle: i32::MAX,
        large: i64::MAX,
        single: f32::MAX,
        double: f64::MAX,
        text: "z".repeat(10_000),
        bytes: vec![255; 10_000],
        second: Timestamp::from_unix_seconds(253_402_300_799),
        milli: UnixMillis::MAX,
        at: at(253_402_300_799_999_999_000),
        day: day(5_373_484),
        uid: uuid::Uuid::max(),
        amount: rust_decimal::Decimal::MAX,
        maybe_flag: Some(true),
        maybe_large: Some(1),
        maybe_double: Some(-0.25),
        maybe_bytes: Some(vec![9]),
        maybe_at: Some(at(0)),
        maybe_day: Some(day(2_440_588)),
        maybe_uid: Some(uuid::Uuid::max()),
        maybe_amount: Some("1.0".parse().unwrap()),
        maybe_colour: Some(Colour::Red),
        maybe_sku: Some(Sku("B".to_owned())),
        maybe_settings: Some(Settings {
            depth: u32::MAX,
            tags: vec!["\u{1f600}".to_owned()],
        }),
        ..usual()
    };
    [least, most]
}

async fn product(store: &Store, id: &str) -> Stored<Product> {
    write(store, 1, &[json!({"object": "product", "id": id})])
        .await
        .unwrap();
    store.get::<Product>(id).await.unwrap().unwrap()
}

/// The own columns of the row, as they come back.
async fn read(store: &Store, id: &str) -> Every {
    let model = EveryType::find(store, id).await.unwrap().unwrap();
    assert_eq!(model.product.id(), id);
    Every {
        flag: model.flag,
        small: model.small,
        middle: model.middle,
        large: model.large,
        single: model.single,
        double: model.double,
        text: model.text,
        bytes: model.bytes,
        second: model.second,
        milli: model.milli,
        at: model.at,
        day: model.day,
        uid: model.uid,
        amount: model.amount,
        colour: model.colour,
        exempt: model.exempt,
        sku: model.sku,
        settings: model.settings,
        r#type: model.r#type,
        maybe_flag: model.maybe_flag,
        maybe_large: model.maybe_large,
        maybe_double: model.maybe_double,
        maybe_bytes: model.maybe_bytes,
        maybe_at: model.maybe_at,
        maybe_day: model.maybe_day,
        maybe_uid: model.maybe_uid,
        maybe_amount: model.maybe_amount,
        maybe_colour: model.maybe_colour,
        maybe_sku: model.maybe_sku,
        maybe_settings: model.maybe_settings,
    }
}

#[tokio::test]
async fn every_type_comes_back_as_it_went() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        EveryType::migrate(store).await.unwrap();
        EveryType::migrate(store).await.unwrap();
        let [least, most] = edges();
        for (number, own) in [usual(), least, most].into_iter().enumerate() {
            let id = format!("prod_{number}");
            let made = EveryType::insert_for(store, product(store, &id).await, own.clone())
                .await
                .unwrap();
            assert_eq!(read(store, &id).await, own);
            made.save(store).await.unwrap();
            assert_eq!(read(store, &id).await, own);
        }
        // What is finer than a microsecond is cut off, before 1970, too.
        for (nanos, kept) in [(1_999, 1_000), (-1, -1_000)] {
            let id = format!("prod_{nanos}");
            let own = Every {
                at: at(nanos),
                ..usual()
            };
            EveryType::insert_for(store, product(store, &id).await, own)
                .await
                .unwrap();
            assert_eq!(read(store, &id).await.at, at(kept));
        }
    })
    .await;
}

/// The column's values are smallest in `prod_0` and largest in `prod_2`.
async fn check<T, C>(store: &Store, column: OwnColumn<EveryType, T, C>, value: T)
where
    T: Clone + Send + Sync + 'static,
    C: Orders<T>,
{
    let name = column.name();
    let ids = async |query: ModelQuery<EveryType>| {
        let found = query.fetch_all(store).await.unwrap();
        let ids: Vec<_> = found.iter().map(|one| one.id().to_owned()).collect();
        ids.join(" ")
    };
    let query = || EveryType::query().order_by(column.asc());
    let value = || value.clone();
    assert_eq!(
        ids(query().filter(column.eq(value()))).await,
        "prod_1",
        "{name}"
    );
    assert_eq!(
        ids(query().filter(column.ne(value()))).await,
        "prod_0 prod_2",
        "{name}"
    );
    assert_eq!(
        ids(query().filter(column.lt(value()))).await,
        "prod_0",
        "{name}"
    );
    assert_eq!(
        ids(query().filter(column.gt(value()))).await,
        "prod_2",
        "{name}"
    );
    assert_eq!(
        ids(query().filter(column.ge(value()))).await,
        "prod_1 prod_2",
        "{name}"
    );
    assert_eq!(
        ids(query().filter(column.le(value()))).await,
        "prod_0 prod_1",
        "{name}"
    );
    let falling = || EveryType::query().order_by(column.desc());
    assert_eq!(ids(falling()).await, "prod_2 prod_1 prod_0", "{name}");
    let first = falling().limit(1).page(store).await.unwrap();
    let rest = falling().after(&first.next.unwrap());
    assert_eq!(ids(rest).await, "prod_1 prod_0", "{name}");
}

#[tokio::test]
async fn every_type_is_compared_and_sorted() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        EveryType::migrate(store).await.unwrap();
        let [least, most] = edges();
        for (id, own) in [("prod_1", usual()), ("prod_0", least), ("prod_2", most)] {
            EveryType::insert_for(store, product(store, id).await, own)
                .await
                .unwrap();
        }
        let usual = usual();
        Box::pin(check(store, EveryType::SMALL, usual.small)).await;
        Box::pin(check(store, EveryType::MIDDLE, usual.middle)).await;
        Box::pin(check(store, EveryType::LARGE, usual.large)).await;
        Box::pin(check(store, EveryType::SINGLE, usual.single)).await;
        Box::pin(check(store, EveryType::DOUBLE, usual.double)).await;
        Box::pin(check(store, EveryType::TEXT, usual.text.clone())).await;
        Box::pin(check(store, EveryType::BYTES, usual.bytes.clone())).await;
        Box::pin(check(store, EveryType::SECOND, usual.second)).await;
        Box::pin(check(store, EveryType::MILLI, usual.milli)).await;
        Box::pin(check(store, EveryType::AT, usual.at)).await;
        Box::pin(check(store, EveryType::DAY, usual.day)).await;
        Box::pin(check(store, EveryType::UID, usual.uid)).await;
        let flagged = EveryType::query().filter(EveryType::FLAG.eq(true));
        assert_eq!(flagged.count(store).await.unwrap(), 2);
        let blue = EveryType::query().filter(EveryType::COLOUR.eq(Colour::Blue));
        assert_eq!(blue.count(store).await.unwrap(), 2);
        let reverse = EveryType::EXEMPT.eq(CustomerTaxExempt::Reverse);
        assert_eq!(
            EveryType::query()
                .filter(reverse)
                .count(store)
                .await
                .unwrap(),
            2
        );
        let sku = EveryType::query().filter(EveryType::SKU.eq(Sku("A-1".to_owned())));
        assert_eq!(sku.count(store).await.unwrap(), 2);
        let skus = EveryType::MAYBE_SKU.is_in([Sku("B".to_owned()), Sku("C".to_owned())]);
        assert_eq!(
            EveryType::query().filter(skus).count(store).await.unwrap(),
            1
        );
        let settled = EveryType::query().filter(EveryType::MAYBE_SETTINGS.is_present());
        assert_eq!(settled.count(store).await.unwrap(), 1);
        let amount: rust_decimal::Decimal = "12.5".parse().unwrap();
        let amounts = EveryType::query().filter(EveryType::AMOUNT.eq(amount));
        assert_eq!(amounts.count(store).await.unwrap(), 1);
        // As a text, 9 is more.
        let nine: rust_decimal::Decimal = "9".parse().unwrap();
        let more = EveryType::query().filter(EveryType::AMOUNT.gt(nine));
        assert_eq!(more.count(store).await.unwrap(), 2);
        let sorted = EveryType::query()
            .order_by(EveryType::AMOUNT.asc())
            .fetch_all(store)
            .await
            .unwrap();
        assert!(
            sorted
                .iter()
                .map(|one| one.id())
                .eq(["prod_0", "prod_1", "prod_2"])
        );
        let more = EveryType::query().filter(EveryType::AMOUNT.gt(amount));
        assert_eq!(more.count(store).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_value_is_an_error_that_names_the_column() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        EveryType::migrate(store).await.unwrap();
        EveryType::insert_for(store, product(store, "prod_1").await, usual())
            .await
            .unwrap();
        let cases: &[(&str, &str, &str)] = match db.kind() {
            Kind::Sqlite => &[
                ("colour = 9", "colour", "no colour: 9"),
                (
                    "at = 'yesterday'",
                    "at",
                    "\"yesterday\" is no moment in UTC",
                ),
                ("day = '2024-02-30'", "day", "\"2024-02-30\" is no date"),
                ("uid = X'01'", "uid", "is no value of 16 bytes"),
                ("amount = 'much'", "amount", "\"much\" is no decimal"),
                ("settings = '[]'", "settings", "invalid"),
                ("middle = 3000000000", "middle", "out of range"),
            ],
            Kind::Postgres => &[
                ("colour = 9", "colour", "no colour: 9"),
                ("settings = '[]'", "settings", "invalid"),
            ],
        };
        for (set, column, cause) in cases {
            db.execute(&format!("UPDATE every_type SET {set}")).await;
            let error = EveryType::find(store, "prod_1").await.unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("could not read column {column} of product prod_1 in every_type")
            );
            assert!(chain(&error).contains(cause), "{}", chain(&error));
            db.execute("DELETE FROM every_type").await;
            EveryType::insert_for(store, product(store, "prod_1").await, usual())
                .await
                .unwrap();
        }
        let late = Every {
            second: Timestamp::from_unix_seconds(i64::MAX / 2_000_000),
            ..usual()
        };
        let error = EveryType::insert_for(store, product(store, "prod_2").await, late)
            .await
            .unwrap_err();
        assert!(matches!(
            &error,
            StoreError::Model(ModelError::Column {
                column: "second",
                ..
            })
        ));
        assert_eq!(
            error.to_string(),
            "could not store the column second of product prod_2 in every_type"
        );
        assert!(chain(&error).contains("not between the years 1 and 9999"));
        let never = EveryType::query()
            .filter(EveryType::SECOND.eq(Timestamp::from_unix_seconds(i64::MAX / 2_000_000)));
        assert!(never.fetch_all(store).await.is_err());
    })
    .await;
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let _infallible = fmt::Write::write_fmt(&mut text, format_args!("{error}: "));
        next = error.source();
    }
    text
}
