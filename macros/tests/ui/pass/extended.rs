#![forbid(unsafe_code)]
#![deny(warnings, missing_docs)]
//! Models with a table of their own, with every attribute, where nothing is allowed.

use serde::{Deserialize, Serialize};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};
use stripe_store::resources::{Address, Customer};
use stripe_store::store::{Dialect, Interval, Source};
use stripe_store::{Snapshot, Store, Stored, StripeModel};

/// By serde.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    dark: bool,
}

/// By sqlx.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Percent(f64);

impl<DB: Database> Type<DB> for Percent
where
    f64: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        f64::type_info()
    }
}

impl<'q, DB: Database> Encode<'q, DB> for Percent
where
    f64: Encode<'q, DB>,
{
    fn encode_by_ref(&self, to: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.0.encode_by_ref(to)
    }
}

impl<'r, DB: Database> Decode<'r, DB> for Percent
where
    f64: Decode<'r, DB>,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
        f64::decode(value).map(Self)
    }
}

/// Of every kind of field.
#[derive(StripeModel, Debug, Clone, Serialize)]
#[stripe(object = Customer, table = "app_customers", own = CustomerColumns)]
#[stripe(derive_own(Debug, Clone, Default, PartialEq, serde::Serialize))]
pub struct AppCustomer {
    /// Documented.
    #[stripe(base)]
    pub customer: Stored<Customer>,
    /// The row's number.
    #[stripe(id)]
    pub local_id: i64,
    /// Who it is.
    #[stripe(references = "users(id)", on_delete = "set null", index)]
    pub user_id: Option<i64>,
    /// Nobody else's.
    #[stripe(unique)]
    pub referral_code: core::option::Option<std::string::String>,
    /// As JSON.
    #[stripe(json, default = "'{\"dark\":false}'")]
    #[serde(skip)]
    pub settings: Settings,
    /// As JSON, or nothing.
    #[stripe(json)]
    pub more: Option<Vec<Settings>>,
    /// Of another type in each database.
    #[stripe(sql_type(postgres = "double precision", sqlite = "REAL"), column = "discount_pct")]
    pub discount: Option<Percent>,
    /// Of one type in both.
    #[stripe(sql_type = "double precision", default = "0")]
    rate: Percent,
    /// Worked out.
    #[stripe(derived)]
    pub(crate) segment: Option<String>,
    r#type: bool,
    match_: i64,
    /// Read from the object.
    #[stripe(path = "metadata.tier", or = Customer::NAME, default = "free")]
    pub stripe_tier: String,
    #[stripe(path)]
    email: Option<String>,
    #[stripe(path, default)]
    balance: i64,
    #[stripe(path)]
    id: String,
    #[stripe(path = Customer::ADDRESS.then(Address::CITY))]
    city: Option<String>,
}

/// A user's module, with names that emitted code has too.
pub mod inner {
    use stripe_store as store;
    use stripe_store::Stored;

    /// Of the object alone.
    #[derive(store::StripeModel)]
    #[stripe(object = store::resources::Invoice, table = "app.invoices", crate = "crate::inner::renamed")]
    pub struct Bare {
        #[stripe(base)]
        base: Stored<store::resources::Invoice>,
    }

    impl Bare {
        /// Reads a field that is private here.
        pub fn object(&self) -> &str {
            self.base.id()
        }
    }

    pub(crate) mod renamed {
        pub use stripe_store::*;
    }

    #[derive(store::StripeModel)]
    #[stripe(object = store::resources::Invoice, table = "odd")]
    struct Odd {
        #[stripe(base)]
        own: Stored<store::resources::Invoice>,
        from: i64,
        to: i64,
        base: Option<i64>,
        #[stripe(id)]
        id: i64,
        #[stripe(path = "currency")]
        projected: Option<String>,
        #[stripe(path = "status")]
        values: Option<String>,
    }

    /// Nothing of it is used but this.
    pub fn table() -> &'static str {
        <Odd as store::StripeModel>::TABLE
    }
}

macro_rules! model {
    ($name:ident, $object:ty, $table:literal, $column:ty, $projected:ty, $id:ty) => {
        #[derive(StripeModel)]
        #[stripe(object = $object, table = $table)]
        struct $name {
            #[stripe(base)]
            base: Stored<$object>,
            #[stripe(id)]
            number: $id,
            #[stripe(default = "0")]
            column: $column,
            #[stripe(path)]
            email: $projected,
        }

        impl $name {
            fn parts(&self) -> (&Stored<$object>, &$id, &$column, &$projected) {
                (&self.base, &self.number, &self.column, &self.email)
            }
        }
    };
}

model!(Made, Customer, "made_customers", Option<i64>, Option<String>, i64);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(inner::table(), "odd");
    assert_eq!(<inner::Bare as StripeModel>::TABLE, "app.invoices");
    assert_eq!(AppCustomer::TYPE.name(), "type");
    assert_eq!(AppCustomer::MATCH.name(), "match");
    assert_eq!(AppCustomer::LOCAL_ID.name(), "id");
    assert_eq!(AppCustomer::DISCOUNT.name(), "discount_pct");
    assert_eq!(
        CustomerColumns::default(),
        CustomerColumns { rate: Percent(0.0), ..CustomerColumns::default() }
    );

    // What was said of the columns is in the table, in the order of the fields.
    let postgres = [
        r#""user_id" bigint REFERENCES "users" ("id") ON DELETE SET NULL,"#,
        r#""referral_code" text,"#,
        r#""settings" jsonb NOT NULL DEFAULT '{"dark":false}',"#,
        r#""more" jsonb,"#,
        r#""discount_pct" double precision,"#,
        r#""rate" double precision NOT NULL DEFAULT 0,"#,
        r#""segment" text,"#,
        r#""type" boolean NOT NULL,"#,
        r#""match" bigint NOT NULL,"#,
    ];
    let sql = AppCustomer::schema_sql(Dialect::Postgres);
    let own: Vec<_> = sql.lines().map(str::trim).filter(|line| line.starts_with('"')).collect();
    assert_eq!(own, postgres, "{sql}");
    assert!(sql.contains(r#"INDEX IF NOT EXISTS "app_customers_user_id_idx""#), "{sql}");
    assert!(sql.contains(r#"UNIQUE INDEX IF NOT EXISTS "app_customers_referral_code_key""#), "{sql}");
    let sql = AppCustomer::schema_sql(Dialect::Sqlite);
    assert!(sql.contains(r#""discount_pct" REAL,"#), "{sql}");

    let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
    sqlx::raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (7)").execute(&pool).await?;
    let store = Store::from_pool(pool);
    store.migrate().await?;
    AppCustomer::migrate(&store).await?;
    Made::migrate(&store).await?;
    let store = store
        .register::<AppCustomer>(|_| {
            Ok(Some(CustomerColumns {
                user_id: Some(7),
                referral_code: Some("x".to_owned()),
                settings: Settings { dark: true },
                more: Some(vec![Settings::default()]),
                discount: Some(Percent(0.25)),
                rate: Percent(0.5),
                segment: None,
                r#type: true,
                match_: 9,
            }))
        })
        .register::<Made>(|_| Ok(Some(MadeOwn { column: None })));
    let json = r#"{"object": "customer", "id": "cus_1", "name": "Ada", "address": {"city": "London"}}"#;
    store.write(&[Snapshot::read(json)?.taken(Interval::second(1), Source::event("evt_1"))]).await?;

    let found = AppCustomer::query()
        .filter(AppCustomer::USER_ID.eq(7))
        .filter(AppCustomer::LOCAL_ID.eq(1))
        .filter(Customer::NAME.eq("Ada"))
        .first(&store)
        .await?;
    let customer = found.ok_or("nobody")?;
    assert_eq!((customer.customer.id(), customer.id.as_str(), customer.local_id), ("cus_1", "cus_1", 1));
    assert_eq!((customer.user_id, customer.referral_code.as_deref()), (Some(7), Some("x")));
    assert_eq!(customer.settings, Settings { dark: true });
    assert_eq!(customer.more.as_deref(), Some([Settings::default()].as_slice()));
    assert_eq!((&customer.discount, &customer.rate), (&Some(Percent(0.25)), &Percent(0.5)));
    assert_eq!((&customer.segment, customer.r#type, customer.match_), (&None, true, 9));
    assert_eq!((customer.stripe_tier.as_str(), customer.email.as_deref(), customer.balance), ("Ada", None, 0));
    assert_eq!(customer.city.as_deref(), Some("London"));
    let json = serde_json::to_value(&customer)?;
    assert_eq!((&json["customer"]["name"], &json["user_id"]), (&"Ada".into(), &7.into()));

    // The derived column alone is the hook's, when the object changes.
    let mut changed = customer.clone();
    (changed.segment, changed.match_) = (Some("mine".to_owned()), 10);
    changed.save(&store).await?;
    let json = r#"{"object": "customer", "id": "cus_1", "name": "Grace"}"#;
    store.write(&[Snapshot::read(json)?.taken(Interval::second(2), Source::event("evt_2"))]).await?;
    let customer = AppCustomer::find(&store, "cus_1").await?.ok_or("nobody")?;
    assert_eq!((customer.stripe_tier.as_str(), &customer.segment, customer.match_), ("Grace", &None, 10));

    let made = Made::find(&store, "cus_1").await?.ok_or("nobody")?;
    let (base, number, column, email) = made.parts();
    assert_eq!((base.id(), *number, *column, email), ("cus_1", 1, None, &None));
    Ok(())
}
