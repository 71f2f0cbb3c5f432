//! The seven abstract models that `stripe_integrations` has, as models of a user's own, on both databases: every field that
//! they list is read back, their relations cascade, and what is written fills them.

mod configured;
mod fields;
mod models;

use serde_json::{Value, json};
use stripe_store::ingest::Content;
use stripe_store::resources::{Customer, Event, Price};
use stripe_store::{Store, StripeModel, View as _};
use stripe_store_tests::{TestDb, fixture, fixture_text, on_both};
use uuid::Uuid;

use self::configured::{configured, migrate};
use self::fields::{check, check_values, shown};
use self::models::{
    AppCard, AppCoupon, AppCustomer, AppEvent, AppPrice, AppProduct, AppSubscription, Purgeable,
    User,
};
use super::extended::write;
use super::spec;

/// Two users, and a store that fills all seven models.
async fn prepared(db: &TestDb) -> Store {
    db.execute("CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL)")
        .await;
    db.execute("INSERT INTO users VALUES (1, 'zoe@example.com'), (2, 'zoe@example.org')")
        .await;
    migrate(db.store()).await;
    migrate(db.store()).await;
    configured(db.store())
}

/// The object with other fields.
fn with(mut object: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("no fields: {fields}")
    };
    object.as_object_mut().unwrap().extend(fields);
    object
}

/// The object, which has to have the shape that the pinned version of the API gives it.
fn real(object: Value) -> Value {
    let name = object["object"].as_str().unwrap();
    let misfits = spec::misfits(spec::schema(name).unwrap(), &object, name);
    assert!(misfits.is_empty(), "{misfits:#?}");
    object
}

fn card() -> Value {
    real(json!({
        "id": "card_zoe", "object": "card", "address_city": "Malmö", "address_country": "Sweden",
        "address_line1": "Storgatan 1", "address_line1_check": "pass", "address_line2": "3 tr", "address_state": "Skåne",
        "address_zip": "211 34", "address_zip_check": "fail", "allow_redisplay": "always", "brand": "Visa", "country": "SE",
        "customer": "cus_zoe", "cvc_check": "unavailable", "dynamic_last4": "4343", "exp_month": 12, "exp_year": 2030,
        "fingerprint": "sample0000000001", "funding": "credit", "last4": "4242", "metadata": {"kept": "yes"},
        "name": "Zoë Lindqvist", "regulated_status": "unregulated", "tokenization_method": "apple_pay",
    }))
}

/// The model of the only linked object, with what all seven have in common.
async fn only<M: StripeModel>(store: &Store, object: &Value) -> M {
    let model = M::query().one(store).await.unwrap();
    let base = model.base();
    assert_eq!(base.row().stripe_id(), object["id"]);
    assert!(base.livemode());
    assert!(base.updated_at() >= base.created_at());
    assert_eq!(base.view().data().get("metadata"), object.get("metadata"));
    model
}

/// The model after its object was deleted: no query finds it, and the row stays.
async fn purged<M: Purgeable>(store: &Store, model: M, own_key: fn(&M) -> Uuid) -> M {
    assert_eq!(model.date_purged(), None);
    let row = model.base().row();
    let stub = json!({"id": row.stripe_id(), "object": row.object(), "deleted": true});
    write(store, 100, &[stub]).await.unwrap();
    assert_eq!(M::query().count(store).await.unwrap(), 0);
    let found = M::find(&store.including_deleted(), row.stripe_id()).await;
    let found = found.unwrap().unwrap();
    assert_eq!(own_key(&found), own_key(&model));
    assert!(found.date_purged().is_some());
    found
}

#[tokio::test]
async fn s2_cust_01_every_field_of_a_customer_is_read_back() {
    on_both(async |db: &TestDb| {
        let store = prepared(db).await;
        let object = real(with(
            fixture("customer"),
            json!({"default_source": "card_zoe", "delinquent": true, "tax_exempt": "reverse"}),
        ));
        write(&store, 1, std::slice::from_ref(&object))
            .await
            .unwrap();
        let customer: AppCustomer = only(&store, &object).await;
        let shown = shown!(
            customer,
            name description email address balance currency delinquent default_source shipping tax_exempt preferred_locales
            invoice_prefix invoice_settings
        );
        check(&shown, &object, json!({}));
        check_values(&[&shown]);
        assert_eq!(customer.metadata().get("tier"), Some("gold"));
        assert_eq!(customer.user, 1);

        assert!(customer.is_active());
        let customer = purged(&store, customer, |customer| customer.uuid).await;
        assert!(!customer.is_active() && customer.user == 1);
    })
    .await;
}

#[tokio::test]
async fn s2_card_01_c020_every_field_of_a_card_is_read_back_under_its_name() {
    on_both(async |db: &TestDb| {
        let store = prepared(db).await;
        let object = card();
        write(&store, 1, &[fixture("customer"), object.clone()])
            .await
            .unwrap();
        let card: AppCard = only(&store, &object).await;
        let shown = shown!(
            card,
            name address_line_1 address_line_1_check address_line_2 address_city address_state address_country address_zip
            address_zip_check brand country cvc_check dynamic_last4 tokenization_method exp_month exp_year funding last4
            fingerprint
        );
        let renamed = json!({
            "address_line_1": "Storgatan 1", "address_line_1_check": "pass", "address_line_2": "3 tr",
        });
        check(&shown, &object, renamed);
        check_values(&[&shown]);
        // The relation's column has another name than its field, as in Django.
        assert_eq!(AppCard::CUSTOMER.name(), "customer_id");
    })
    .await;
}

#[tokio::test]
async fn s2_sub_01_every_field_of_a_subscription_is_read_back_wherever_its_version_has_it() {
    on_both(async |db: &TestDb| {
        let store = prepared(db).await;
        let new = real(with(
            fixture("subscription"),
            json!({
                "automatic_tax": {"disabled_reason": null, "enabled": true, "liability": {"type": "self"}},
                "billing_thresholds": {"amount_gte": 5000, "reset_billing_cycle_anchor": false},
                "cancel_at": 1_796_083_201, "cancel_at_period_end": true, "canceled_at": 1_793_491_202,
                "collection_method": "send_invoice", "days_until_due": 30, "default_source": "card_zoe",
                "ended_at": 1_796_083_203, "next_pending_invoice_item_invoice": 1_793_491_204,
                "pause_collection": {"behavior": "keep_as_draft", "resumes_at": 1_793_491_205},
                "pending_invoice_item_interval": {"interval": "week", "interval_count": 2},
                "pending_setup_intent": "seti_zoe",
                "pending_update": {"billing_cycle_anchor": null, "cancel_at_period_end": null, "discount": null,
                    "discounts": null, "expires_at": 1_793_491_206, "metadata": null, "subscription_items": null,
                    "trial_end": null, "trial_from_plan": null},
                "status": "past_due", "trial_end": 1_793_491_207, "trial_start": 1_793_491_208,
            }),
        ));
        write(&store, 1, &[fixture("customer"), new.clone()]).await.unwrap();
        let read = async |object: &Value| {
            let subscription: AppSubscription = only(&store, object).await;
            assert!(subscription.items.iter().all(|item| item.price().is_some()));
            shown!(
                subscription,
                items application_fee_percent automatic_tax billing_cycle_anchor billing_thresholds cancel_at
                cancel_at_period_end canceled_at cancellation_details collection_method current_period_end
                current_period_start days_until_due default_payment_method default_source default_tax_rates discount ended_at
                next_pending_invoice_item_invoice pause_collection pending_invoice_item_interval pending_setup_intent
                pending_update quantity start_date status trial_end trial_start trial_settings latest_invoice
            )
        };
        let shown = read(&new).await;
        let elsewhere = json!({
            "items": new["items"]["data"], "quantity": 2, "discount": ["di_welcome"],
            "current_period_start": 1_793_491_200, "current_period_end": 1_796_083_200,
        });
        check(&shown, &new, elsewhere);
        check_values(&[&shown]);

        // An older version: the period, the discount and the quantity stand at the top.
        let mut old = with(
            new,
            json!({
                "current_period_start": 5, "current_period_end": 6, "quantity": 3,
                "discount": {"id": "di_old", "object": "discount", "coupon": {"id": "OLD", "object": "coupon"}},
            }),
        );
        old.as_object_mut().unwrap().remove("discounts");
        let item = old["items"]["data"][0].as_object_mut().unwrap();
        item.retain(|name, _| !name.starts_with("current_period"));
        item["quantity"] = json!(3);
        write(&store, 2, std::slice::from_ref(&old)).await.unwrap();
        check(&read(&old).await, &old, json!({"items": old["items"]["data"]}));

        // Several plans: there is no one quantity.
        let mut two = fixture("subscription");
        let second = with(two["items"]["data"][0].clone(), json!({"id": "si_second"}));
        two["items"]["data"].as_array_mut().unwrap().push(second);
        write(&store, 3, std::slice::from_ref(&two)).await.unwrap();
        let shown = read(&two).await;
        assert_eq!((&shown["quantity"], shown["items"].as_array().map(Vec::len)), (&Value::Null, Some(2)));
    })
    .await;
}

#[tokio::test]
async fn s2_prod_01_every_field_of_a_product_is_read_back() {
    on_both(async |db: &TestDb| {
        let store = prepared(db).await;
        let object = real(fixture("product"));
        write(&store, 1, std::slice::from_ref(&object))
            .await
            .unwrap();
        let product: AppProduct = only(&store, &object).await;
        let shown = shown!(
            product,
            active description name statement_descriptor tax_code unit_label images shippable package_dimensions url created
            updated
        );
        check(&shown, &object, json!({}));
        check_values(&[&shown]);
        purged(&store, product, |product| product.uuid).await;
    })
    .await;
}

#[tokio::test]
async fn s2_price_01_every_field_of_a_price_is_read_back() {
    on_both(async |db: &TestDb| {
        let store = prepared(db).await;
        let flat = real(with(
            fixture("price"),
            json!({
                "custom_unit_amount": {"maximum": 9000, "minimum": 100, "preset": 1900},
                "transform_quantity": {"divide_by": 10, "round": "up"}, "product": fixture("product"),
            }),
        ));
        let read = async |object: &Value| {
            write(&store, 1, &[fixture("product"), object.clone()])
                .await
                .unwrap();
            let price: AppPrice = only(&store, object).await;
            let shown = shown!(
                price,
                active currency nickname recurring tax_code type_ custom_unit_amount unit_amount unit_amount_decimal
                billing_scheme created tax_behavior tiers tiers_mode transform_quantity lookup_key
            );
            purged(&store, price, |price| price.uuid).await;
            db.execute("DELETE FROM app_prices").await;
            shown
        };
        let one = read(&flat).await;
        check(&one, &flat, json!({"tax_code": "txcd_10000000"}));
        let tiered = with(
            fixture("price_tiered"),
            json!({"product": "prod_gold", "tax_code": "txcd_old"}),
        );
        let two = read(&tiered).await;
        check(&two, &tiered, json!({}));
        check_values(&[&one, &two]);
    })
    .await;
}

#[tokio::test]
async fn s2_coup_01_every_field_of_a_coupon_is_read_back() {
    on_both(async |db: &TestDb| {
        let store = prepared(db).await;
        let percent = real(fixture("coupon"));
        let fixed = json!({"id": "FIXED", "amount_off": 500, "currency": "usd", "percent_off": null, "duration": "once"});
        let fixed = real(with(percent.clone(), fixed));
        let mut of = Vec::new();
        for object in [&percent, &fixed] {
            write(&store, 1, std::slice::from_ref(object)).await.unwrap();
            let coupon: AppCoupon = only(&store, object).await;
            let shown = shown!(
                coupon,
                name applies_to amount_off currency duration duration_in_months max_redemptions percent_off redeem_by
                times_redeemed valid
            );
            check(&shown, object, json!({}));
            of.push(shown);
            purged(&store, coupon, |coupon| coupon.uuid).await;
        }
        check_values(&[&of[0], &of[1]]);
    })
    .await;
}

#[tokio::test]
async fn s2_evt_01_s2_evt_02_an_event_keeps_what_came_what_is_valid_and_what_was_done() {
    on_both(async |db: &TestDb| {
        let store = prepared(db).await;
        let received = real(fixture("event_customer_updated"));
        let second = received["created"].as_i64().unwrap();
        write(&store, second, std::slice::from_ref(&received)).await.unwrap();
        let waiting = AppEvent::query()
            .filter(AppEvent::PROCESSED.eq(false))
            .filter(Event::TYPE.eq("customer.updated"));
        let mut event = waiting.one(&store).await.unwrap();
        assert_eq!((event.valid, &event.validated_message), (None, &None));

        // It comes again: one row, and nothing of it is lost.
        write(&store, second, std::slice::from_ref(&received)).await.unwrap();
        // The program asks the API for it, where the delivery has been answered.
        let fetched = with(received.clone(), json!({"pending_webhooks": 0}));
        write(&store, second + 1, std::slice::from_ref(&fetched)).await.unwrap();
        event.validated_message = Some(fetched.clone());
        event.valid = Some(fetched["data"] == received["data"]);
        event.save(&store).await.unwrap();
        assert!(waiting.exists(&store).await.unwrap(), "valid is not processed");

        let customer = AppCustomer::apply_event(&store, &fetched.to_string()).await.unwrap();
        assert_eq!(customer.map(|customer| customer.user), Some(2));
        event.processed = true;
        event.save(&store).await.unwrap();
        assert!(!waiting.exists(&store).await.unwrap());

        let event: AppEvent = only(&store, &received).await;
        let shown = shown!(
            event,
            kind webhook_message validated_message valid processed request pending_webhooks api_version
        );
        let own = json!({
            "kind": "customer.updated", "webhook_message": received, "validated_message": fetched, "valid": true,
            "processed": true, "pending_webhooks": 0,
        });
        check(&shown, &received, own);
        check_values(&[&shown]);

        // What somebody else made up is stored, too, and is neither valid nor processed.
        let forged = with(received, json!({"id": "evt_forged"}));
        write(&store, second, std::slice::from_ref(&forged)).await.unwrap();
        let mut event = waiting.one(&store).await.unwrap();
        event.valid = Some(false);
        event.save(&store).await.unwrap();
        let invalid = AppEvent::query().filter(AppEvent::VALID.eq(false));
        let event = invalid.one(&store).await.unwrap();
        assert_eq!((event.id(), event.processed, &event.validated_message), ("evt_forged", false, &None));
    })
    .await;
}

#[tokio::test]
async fn s2_gen_05_c019_a_sync_and_a_webhook_fill_what_is_registered() {
    on_both(async |db: &TestDb| {
        let store = prepared(db).await;
        // A sync brings a page, in whatever order. Its customer comes last.
        let mut page = vec![card(), fixture("event_customer_updated")];
        page.extend(["subscription", "price", "product", "coupon", "customer"].map(fixture));
        write(&store, 1, &page).await.unwrap();
        for table in ["customers", "cards", "subscriptions", "products", "prices", "coupons", "events"] {
            let rows = db.scalar_i64(&format!("SELECT count(*) FROM app_{table}")).await;
            assert_eq!(rows, Some(1), "app_{table}");
        }
        let linked = "SELECT count(*) FROM users u JOIN app_customers c ON c.user_id = u.id \
            JOIN app_cards k ON k.customer_id = c.uuid JOIN app_subscriptions s ON s.customer_id = c.uuid";
        assert_eq!(db.scalar_i64(linked).await, Some(1));

        // A webhook brings a customer of the other user, and then one of nobody's with a card.
        let event = fixture_text("event_customer_updated").replace("cus_zoe", "cus_other");
        let Content::Snapshot(snapshot) = stripe_store::ingest::event(&event).unwrap() else {
            panic!("no object")
        };
        store.write(&[*snapshot]).await.unwrap();
        assert_eq!(AppCustomer::find(&store, "cus_other").await.unwrap().map(|one| one.user), Some(2));
        let nobody = with(fixture("customer"), json!({"id": "cus_nobody", "email": "nobody@example.com"}));
        let theirs = with(card(), json!({"id": "card_nobody", "customer": "cus_nobody"}));
        write(&store, 1, &[nobody, theirs]).await.unwrap();
        assert_eq!(AppCard::query().count(&store).await.unwrap(), 1);

        // Somebody signs up, and what was there is linked.
        db.execute("INSERT INTO users VALUES (3, 'nobody@example.com')").await;
        assert_eq!(store.link::<AppCustomer>().await.unwrap(), 1);
        assert_eq!(store.link::<AppCard>().await.unwrap(), 1);
        let customer = User(3).stripe_customers().one(&store).await.unwrap();
        assert_eq!(customer.cards().one(&store).await.unwrap().id(), "card_nobody");
    })
    .await;
}

#[tokio::test]
async fn s2_gen_06_relations_lead_back_and_cascade() {
    on_both(async |db: &TestDb| {
        let store = prepared(db).await;
        let mut page = ["customer", "subscription", "product", "price"]
            .map(fixture)
            .to_vec();
        page.push(with(
            fixture("customer"),
            json!({"id": "cus_second", "balance": 0}),
        ));
        page.push(with(
            fixture("customer"),
            json!({"id": "cus_two", "email": "zoe@example.org"}),
        ));
        page.extend([card(), with(card(), json!({"id": "card_second"}))]);
        page.push(with(
            card(),
            json!({"id": "card_two", "customer": "cus_two"}),
        ));
        write(&store, 1, &page).await.unwrap();

        let zoe = User(1).stripe_customers().order_by(Customer::ID.asc());
        let zoe = zoe.fetch_all(&store).await.unwrap();
        assert_eq!(
            zoe.iter().map(|one| one.id()).collect::<Vec<_>>(),
            ["cus_second", "cus_zoe"]
        );
        let owing = User(1).stripe_customers().filter(Customer::BALANCE.lt(0));
        assert_eq!(owing.one(&store).await.unwrap().id(), "cus_zoe");
        assert_eq!(zoe[1].cards().count(&store).await.unwrap(), 2);
        assert_eq!(
            zoe[1].subscriptions().one(&store).await.unwrap().id(),
            "sub_gold"
        );
        assert_eq!(zoe[0].cards().count(&store).await.unwrap(), 0);
        let product = AppProduct::query().one(&store).await.unwrap();
        let prices = product.prices().filter(Price::ACTIVE.eq(true));
        assert_eq!(prices.one(&store).await.unwrap().id(), "price_gold_monthly");

        // The user goes, with the customers, their cards and subscriptions; what Stripe has stays.
        db.execute("DELETE FROM users WHERE id = 1").await;
        let left = AppCustomer::query().one(&store).await.unwrap();
        assert_eq!((left.id(), left.user), ("cus_two", 2));
        assert_eq!(AppCard::query().one(&store).await.unwrap().id(), "card_two");
        assert_eq!(AppSubscription::query().count(&store).await.unwrap(), 0);
        assert_eq!(product.prices().count(&store).await.unwrap(), 1);
        product.unlink(&store).await.unwrap();
        assert_eq!(AppPrice::query().count(&store).await.unwrap(), 0);
        let objects = db.scalar_i64("SELECT count(*) FROM stripe_objects").await;
        assert_eq!(objects, Some(9));
    })
    .await;
}
