//! What is not from Stripe, or is no event: answered, kept in the log, and nothing else.

use std::time::Duration;

use serde_json::json;
use stripe_store::clock::{Clock as _, SystemClock};
use stripe_store::inbox::Handlers;
use stripe_store::store::Mode;
use stripe_store::webhook::{DeliveryLog, Endpoint, EndpointSecret, Request, Verdict, sign};
use stripe_store_tests::on_both;

use super::{SECOND, builder, customer, event, inbox, lines, log, post, receiver, signed, test};

#[tokio::test]
async fn c052_c058_what_is_refused_is_in_the_log_and_nowhere_else() {
    on_both(async |db| {
        let receiver = receiver(db, Handlers::new().on_any(|_| Box::pin(async { panic!("called") })));
        let body = event("evt_1", "customer.created", SECOND, &customer("cus_1", "Ada")).to_string();
        let mut no_mode = event("evt_2", "customer.created", SECOND, &customer("cus_1", "Ada"));
        no_mode.as_object_mut().unwrap().remove("livemode");
        let bytes = b"\xff\xfe".to_vec();
        let header = sign(&bytes, &super::secret(), SystemClock.now().timestamp());
        let cases = [
            (Request::new(body.as_str()), 400, "the header stripe-signature is missing"),
            (Request::new(body.as_str()).header("Stripe-Signature", "t=1,v1=00"), 400, "no signature matches"),
            (Request::new(body.as_str()).header("Stripe-Signature", "x"), 400, "cannot be read"),
            (signed(&body).endpoint("other"), 404, "there is no endpoint \"other\""),
            (Request::new(bytes).header("stripe-signature", header), 400, "no text in UTF-8"),
            (signed("{"), 400, "EOF"),
            (signed("[]"), 400, ""),
            (signed(&customer("cus_1", "Ada").to_string()), 400, "event"),
            (signed(&no_mode.to_string()), 400, "event evt_2 has no livemode"),
            (signed(&body.replace("evt_1", &"e".repeat(300))), 400, "id"),
            (signed(&format!("{body}{}", " ".repeat(1024 * 1024))), 413, "longer than 1048576 bytes"),
            (signed("").too_large(5_000_000), 413, "longer than 1048576 bytes"),
        ];
        let count = cases.len();
        for (request, status, reason) in cases {
            let outcome = receiver.receive(request).await;
            let error = outcome.error().unwrap().to_string();
            assert_eq!((outcome.verdict(), outcome.status()), (Verdict::Invalid, status), "{error}");
            assert!(error.contains(reason), "{error}");
            assert!(outcome.body().starts_with("invalid: "), "{}", outcome.body());
        }
        let log = log(db).await;
        assert_eq!(log.len(), count);
        assert!(log.iter().all(|line| line.starts_with("invalid 4") && line.ends_with(" body")), "{log:?}");
        let bodies = lines(db, "SELECT substr(body, 1, 9) || body_bytes AS line FROM stripe_webhook_deliveries ORDER BY delivery_id").await;
        assert_eq!(bodies[4], "<binary>2");
        assert_eq!(bodies[11], "5000000");
        assert!(inbox(db).await.is_empty());
        let objects = db.scalar_i64("SELECT count(*) FROM stripe_objects").await;
        assert_eq!(objects, Some(0));
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_garbage_does_not_fill_the_log() {
    on_both(async |db| {
        let log = DeliveryLog::new().with_invalid_per_minute(5);
        let receiver = builder(&test(db)).delivery_log(log).build();
        for _ in 0..200 {
            let outcome = receiver.receive(Request::new("x".repeat(100_000))).await;
            assert_eq!(outcome.status(), 400);
        }
        // A row is earned every twelve seconds.
        let rows = db
            .scalar_i64("SELECT count(*) FROM stripe_webhook_deliveries")
            .await
            .unwrap();
        assert!((5..=8).contains(&rows), "{rows}");
        let longest = db
            .scalar_i64("SELECT CAST(max(length(body)) AS bigint) FROM stripe_webhook_deliveries")
            .await;
        assert_eq!(longest, Some(4096));
        // What is genuine always has one.
        let genuine = event(
            "evt_1",
            "customer.created",
            SECOND,
            &customer("cus_1", "Ada"),
        );
        assert_eq!(post(&receiver, &genuine).await.status(), 200);
        let accepted = db
            .scalar_i64("SELECT count(*) FROM stripe_webhook_deliveries WHERE verdict = 'accepted'")
            .await;
        assert_eq!(accepted, Some(1));
    })
    .await;
}

#[tokio::test]
async fn endpoints_have_secrets_of_their_own() {
    on_both(async |db| {
        let other = EndpointSecret::new("whsec_connect").unwrap();
        let receiver = builder(&test(db))
            .endpoint("connect", Endpoint::new([other.clone()]).only(Mode::Test))
            .endpoint("open", Endpoint::unverified())
            .build();
        let body = event("evt_1", "customer.created", SECOND, &customer("cus_1", "Ada")).to_string();
        let header = |secret: &EndpointSecret| sign(body.as_bytes(), secret, SystemClock.now().timestamp());
        let request = |endpoint: &str, header: String| {
            Request::new(body.as_str()).endpoint(endpoint).header("STRIPE-SIGNATURE", header)
        };
        let refused = receiver.receive(request("connect", header(&super::secret()))).await;
        assert_eq!(refused.status(), 400);
        assert_eq!(receiver.receive(request("", header(&other))).await.status(), 400);
        let accepted = receiver.receive(request("connect", header(&other))).await;
        assert_eq!(accepted.verdict(), Verdict::Accepted);
        let again = receiver.receive(request("open", String::new())).await;
        assert_eq!(again.verdict(), Verdict::Duplicate);
        let mut live = event("evt_2", "customer.created", SECOND, &customer("cus_2", "Live"));
        live["livemode"] = json!(true);
        let live = live.to_string();
        let header = sign(live.as_bytes(), &other, SystemClock.now().timestamp());
        let outcome = receiver
            .receive(Request::new(live.as_str()).endpoint("connect").header("Stripe-Signature", header))
            .await;
        assert_eq!((outcome.verdict(), outcome.status()), (Verdict::Ignored, 200));
        assert_eq!(inbox(db).await.len(), 1);
        let endpoints = lines(db, "SELECT endpoint || ' ' || verdict AS line FROM stripe_webhook_deliveries ORDER BY delivery_id").await;
        assert_eq!(endpoints, ["connect invalid", " invalid", "connect accepted", "open duplicate", "connect ignored"]);
    })
    .await;
}

/// What the log keeps is removed by a task of its own, now and then: here the rows are made old.
#[tokio::test]
async fn the_log_has_an_end() {
    on_both(async |db| {
        let receiver = builder(&test(db))
            .delivery_log(DeliveryLog::new().with_max_age(Duration::from_hours(24)).with_max_invalid(3))
            .build();
        for _ in 0..9 {
            receiver.receive(Request::new("garbage")).await;
        }
        let old = event("evt_1", "customer.created", SECOND, &customer("cus_1", "Ada"));
        assert_eq!(post(&receiver, &old).await.status(), 200);
        db.execute("UPDATE stripe_webhook_deliveries SET delivery_id = '0' || delivery_id WHERE verdict = 'accepted'").await;
        assert_eq!(receiver.sweep().await.unwrap(), 7);
        assert_eq!(log(db).await.len(), 3);
        assert_eq!(receiver.sweep().await.unwrap(), 0);
    })
    .await;
}
