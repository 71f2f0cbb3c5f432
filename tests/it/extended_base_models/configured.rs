//! What `STRIPE_CONFIG` says in Django's settings: which models there are, and by what their rows are linked.

use std::sync::atomic::{AtomicU64, Ordering};

use stripe_store::store::{Dialect, HookContext, HookError, Row};
use stripe_store::{Store, StripeModel as _, View};
use uuid::Uuid;

use super::models::*;

/// A new key. A program takes `Uuid::new_v4()`.
fn new_key() -> Uuid {
    static KEYS: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(u128::from(KEYS.fetch_add(1, Ordering::Relaxed)))
}

pub(super) async fn migrate(store: &Store) {
    AppCustomer::migrate(store).await.unwrap();
    AppCard::migrate(store).await.unwrap();
    AppSubscription::migrate(store).await.unwrap();
    AppProduct::migrate(store).await.unwrap();
    AppPrice::migrate(store).await.unwrap();
    AppCoupon::migrate(store).await.unwrap();
    AppEvent::migrate(store).await.unwrap();
}

/// Models are filled in this order, so that a page may hold a customer and what refers to it.
pub(super) fn configured(store: &Store) -> Store {
    store
        .register_with::<AppCustomer>(|mut context, customer| {
            Box::pin(async move {
                let user = user_of(&mut context, customer.email()).await?;
                Ok(user.map(|user| AppCustomerOwn {
                    uuid: new_key(),
                    user,
                }))
            })
        })
        .register_with::<AppCard>(|mut context, card| {
            Box::pin(async move {
                let customer = card.customer().map(|customer| customer.id());
                let customer = key_of(&mut context, "app_customers", card.row(), customer).await?;
                Ok(customer.map(|customer| AppCardOwn {
                    uuid: new_key(),
                    customer,
                }))
            })
        })
        .register_with::<AppSubscription>(|mut context, subscription| {
            Box::pin(async move {
                let customer = subscription.customer().map(|customer| customer.id());
                let row = subscription.row();
                let customer = key_of(&mut context, "app_customers", row, customer).await?;
                let mut items = subscription.items().data().iter();
                let quantity = match (items.next(), items.next()) {
                    (Some(only), None) => only.quantity(),
                    _ => None,
                };
                Ok(customer.map(|customer| AppSubscriptionOwn {
                    uuid: new_key(),
                    customer,
                    quantity,
                }))
            })
        })
        .register::<AppProduct>(|_| Ok(Some(AppProductOwn { uuid: new_key() })))
        .register_with::<AppPrice>(|mut context, price| {
            Box::pin(async move {
                let product = price.product().map(|product| product.id());
                let product = key_of(&mut context, "app_products", price.row(), product).await?;
                Ok(product.map(|product| AppPriceOwn {
                    uuid: new_key(),
                    product,
                }))
            })
        })
        .register::<AppCoupon>(|_| Ok(Some(AppCouponOwn { uuid: new_key() })))
        .register::<AppEvent>(|event| {
            Ok(Some(AppEventOwn {
                uuid: new_key(),
                webhook_message: View::data(event.view()).clone(),
                validated_message: None,
                valid: None,
                processed: false,
            }))
        })
}

/// The user of an e-mail address.
async fn user_of(
    context: &mut HookContext<'_>,
    email: Option<&str>,
) -> Result<Option<i64>, HookError> {
    let sql = "SELECT id FROM users WHERE email = $1";
    Ok(if context.transaction().dialect() == Dialect::Sqlite {
        let query = sqlx::query_scalar(sql).bind(email);
        query.fetch_optional(context.sqlite()?).await?
    } else {
        let query = sqlx::query_scalar(sql).bind(email);
        query.fetch_optional(context.postgres()?).await?
    })
}

/// The key of another model's row, by the id of its object in the same account and mode.
async fn key_of(
    context: &mut HookContext<'_>,
    table: &str,
    row: &Row,
    id: Option<&str>,
) -> Result<Option<Uuid>, HookError> {
    let account = row.account().unwrap_or("");
    let livemode = row.mode().is_live();
    let of = format!("FROM {table} WHERE account = $1 AND livemode = $2 AND stripe_id = $3");
    let key: Option<Vec<u8>> = if context.transaction().dialect() == Dialect::Sqlite {
        let sql = sqlx::AssertSqlSafe(format!("SELECT uuid {of}"));
        let query = sqlx::query_scalar(sql)
            .bind(account)
            .bind(livemode)
            .bind(id);
        query.fetch_optional(context.sqlite()?).await?
    } else {
        // With sqlx's feature `uuid`, a program asks for a `Uuid` on both.
        let sql = sqlx::AssertSqlSafe(format!("SELECT uuid_send(uuid) {of}"));
        let query = sqlx::query_scalar(sql)
            .bind(account)
            .bind(livemode)
            .bind(id);
        query.fetch_optional(context.postgres()?).await?
    };
    Ok(key.map(|key| Uuid::from_slice(&key)).transpose()?)
}
