//! Columns of your own beside Stripe's objects: which user a customer is, how many boxes were sent.
//!
//! Run it with `cargo run -p stripe-store-examples --example extended_models`. It needs no Stripe
//! account and no network: the tea club of `examples/data` has a website, and these are its users.
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use anyhow::Context as _;
use sqlx::SqlitePool;
use stripe_store::ingest::{Content, Documents, Origin};
use stripe_store::resources::{Customer, Subscription, SubscriptionItem, SubscriptionStatus};
use stripe_store::store::{HookContext, HookError, Interval};
use stripe_store::view::Timestamp;
use stripe_store::{Store, Stored, StripeModel};

/// A customer who is a user of the website. The columns stand in the table `app_customers`, the
/// object where every object is.
#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
    /// The row goes with the user. Not `unique`: one email may have several customers at Stripe, and
    /// all but the first would stay without a row.
    #[stripe(references = "users(id)", on_delete = "cascade", index)]
    user_id: i64,
    /// What the support team wrote.
    notes: Option<String>,
    /// No column: read from the object.
    #[stripe(path = "metadata.tier", default = "basic")]
    tier: String,
}

/// A subscription of one of them.
#[derive(StripeModel)]
#[stripe(object = Subscription, table = "app_subscriptions")]
struct AppSubscription {
    #[stripe(base)]
    subscription: Stored<Subscription>,
    #[stripe(references = "users(id)", on_delete = "cascade", index)]
    user_id: i64,
    /// How many boxes of tea went out. Rows that are there when the column is added get the default.
    #[stripe(default = "0")]
    boxes_sent: i64,
    #[stripe(path = Subscription::ITEMS.at(0).then(SubscriptionItem::CURRENT_PERIOD_END))]
    paid_until: Option<Timestamp>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("stripe-store-").tempdir()?;
    let url = format!("sqlite://{}/extended.db?mode=rwc", folder.path().display());

    // The program's own table, in the same database.
    let pool = SqlitePool::connect(&url).await?;
    sqlx::raw_sql(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
         INSERT INTO users VALUES (7, 'ada@example.com'), (8, 'grace@example.com')",
    )
    .execute(&pool)
    .await?;

    let store = Store::from_pool(pool.clone()).test_mode();
    store.migrate().await?;
    AppCustomer::migrate(&store).await?;
    AppSubscription::migrate(&store).await?;
    println!("The table of AppCustomer\n");
    print!("{}", AppCustomer::schema_sql(store.dialect()));

    let store = with_links(&store);
    println!("\nStoring the files of examples/data");
    ingest(&store, include_str!("data/customers.json")).await?;
    ingest(&store, include_str!("data/billing.jsonl")).await?;
    for customer in AppCustomer::query().fetch_all(&store).await? {
        println!("  {} is user {}", customer.id(), customer.user_id);
    }

    write_a_note(&store).await?;
    send_boxes(&store).await?;
    be_late(&store).await?;
    close_the_account(&store, &pool).await
}

/// A handle that links what it writes, in the same transaction: who customers are, and whose
/// subscriptions.
fn with_links(store: &Store) -> Store {
    store
        .register_with::<AppCustomer>(|mut context, customer| {
            Box::pin(async move {
                let sql = "SELECT id FROM users WHERE email = ?";
                let user_id = ask(&mut context, sql, customer.email()).await?;
                // Without a user the customer is stored as ever, and has no row in app_customers.
                Ok(user_id.map(|user_id| AppCustomerOwn {
                    user_id,
                    notes: None,
                }))
            })
        })
        .register_with::<AppSubscription>(|mut context, subscription| {
            Box::pin(async move {
                let customer = subscription.customer().map(|customer| customer.id());
                let sql = "SELECT user_id FROM app_customers WHERE stripe_id = ?";
                let user_id = ask(&mut context, sql, customer).await?;
                Ok(user_id.map(|user_id| AppSubscriptionOwn {
                    user_id,
                    boxes_sent: 0,
                }))
            })
        })
}

/// Asks for an id, in the transaction that is writing.
async fn ask(
    context: &mut HookContext<'_>,
    sql: &'static str,
    value: Option<&str>,
) -> Result<Option<i64>, HookError> {
    let query = sqlx::query_scalar(sql).bind(value);
    Ok(query.fetch_optional(context.sqlite()?).await?)
}

/// Own columns are the program's to write.
async fn write_a_note(store: &Store) -> anyhow::Result<()> {
    let ada = AppCustomer::find_by(store, AppCustomer::USER_ID.eq(7)).await?;
    let mut ada = ada.context("user 7 is no customer")?;
    ada.notes = Some("likes her tea strong".to_owned());
    ada.save(store).await?;
    println!("\nA note on {}, tier {}", ada.id(), ada.tier);
    Ok(())
}

/// One question, of own columns and of fields of the object: whose first box is due?
async fn send_boxes(store: &Store) -> anyhow::Result<()> {
    let due = AppSubscription::query()
        .filter(AppSubscription::BOXES_SENT.eq(0))
        .filter(Subscription::STATUS.eq(SubscriptionStatus::Active))
        .order_by(AppSubscription::USER_ID.asc());
    println!("\nBoxes to send");
    for mut found in due.fetch_all(store).await? {
        let until = found.paid_until.context("no period")?;
        println!("  to user {}, who has paid until {until}", found.user_id);
        found.boxes_sent += 1;
        found.save(store).await?;
    }
    println!("  still to send: {}", due.count(store).await?);
    Ok(())
}

/// Events change the object, also long after, and also in the wrong order. Own columns stay.
async fn be_late(store: &Store) -> anyhow::Result<()> {
    println!("\nEvents come, and one half an hour late");
    ingest(store, include_str!("data/events.jsonl")).await?;
    let late = include_str!("data/late_event.json");
    let ada = AppCustomer::apply_event(store, late).await?;
    let ada = ada.context("not linked any more")?;
    println!(
        "  {} has moved to {}, tier {}",
        ada.customer.name().unwrap_or("-"),
        ada.customer.email().unwrap_or("-"),
        ada.tier
    );
    println!(
        "  she is still user {}, and {}",
        ada.user_id,
        ada.notes.as_deref().unwrap_or("-")
    );
    Ok(())
}

/// The columns go with the user, as `on_delete` says. What Stripe has stays.
async fn close_the_account(store: &Store, pool: &SqlitePool) -> anyhow::Result<()> {
    sqlx::query("DELETE FROM users WHERE id = 7")
        .execute(pool)
        .await?;
    println!("\nUser 7 closes the account");
    println!(
        "  linked customers: {}, subscriptions: {}",
        AppCustomer::query().count(store).await?,
        AppSubscription::query().count(store).await?
    );
    let customers = store.query::<Customer>().count().await?;
    println!("  customers in the mirror: {customers}");
    Ok(())
}

/// Stores the objects and events that a file holds.
async fn ingest(store: &Store, file: &str) -> anyhow::Result<()> {
    // When the objects were read from Stripe. Events carry their time.
    let origin = Origin::new(Interval::second(1_793_923_200));
    for document in Documents::new(file.as_bytes()) {
        let document = document?;
        let mut snapshots = Vec::new();
        for entry in document.entries(&origin) {
            if let Content::Snapshot(snapshot) = entry?.into_content() {
                snapshots.push(*snapshot);
            }
        }
        store.write(&snapshots).await?;
    }
    Ok(())
}
