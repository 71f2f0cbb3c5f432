//! `endpoint`, against the fake: what it makes, and what it leaves alone.

use serde_json::{Value, json};
use stripe_store::resources::API_VERSION;
use stripe_store_tests::fake::{Fake, Fault};
use stripe_store_tests::{TestDb, on_both};

use super::{Run, on};

const ENDPOINTS: &str = "/v1/webhook_endpoints";
const URL: &str = "https://shop.example.com/webhook";

fn endpoint(db: &TestDb, fake: &Fake, arguments: &[&str]) -> Run {
    let mut run = on(
        db,
        &[&["endpoint"], arguments, &["--api-base", fake.url()]].concat(),
    );
    run.command.env("STRIPE_SECRET_KEY", "sk_test_Abc123");
    run
}

fn found(fake: &Fake, id: &str) -> Option<Value> {
    let all = fake.objects(ENDPOINTS);
    all.into_iter().find(|it| it["id"] == id)
}

/// The id and the secret that were printed.
fn printed(text: &str) -> (String, String) {
    let mut lines = text.lines();
    let (id, posts) = lines.next().unwrap().split_once(' ').unwrap();
    assert_eq!(posts, format!("posts to {URL}"));
    let secret = lines.next().unwrap().strip_prefix("secret ").unwrap();
    assert_eq!(lines.next(), None);
    (id.to_owned(), secret.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_for_all_events_in_the_pinned_version_and_marked() {
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        let (id, secret) = printed(&endpoint(db, &fake, &["create", URL]).succeeds());
        assert!(secret.starts_with("whsec_"), "{secret}");
        let made = found(&fake, &id).unwrap();
        assert_eq!(made["enabled_events"], json!(["*"]));
        assert_eq!(made["api_version"], API_VERSION);
        assert_eq!(made["url"], URL);
        let installation = db.store().installation_id().await.unwrap();
        assert_eq!(
            made["metadata"],
            json!({"stripe_store_installation": installation})
        );
        // The secret is nowhere in the database.
        let noted = "SELECT count(*) FROM stripe_sync_state WHERE state LIKE '%whsec%'";
        assert_eq!(db.scalar_i64(noted).await, Some(0));

        // A second one with the same URL is not made; one for connected accounts is another one.
        let message = endpoint(db, &fake, &["create", URL]).fails(1);
        assert!(
            message.contains(&format!(
                "{id} is this installation's endpoint for {URL} already"
            )),
            "{message}"
        );
        let connect = endpoint(
            db,
            &fake,
            &[
                "create",
                URL,
                "--connect",
                "--description",
                "of others",
                "--json",
            ],
        )
        .json();
        let made = found(&fake, connect["id"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&made["application"], &made["description"]),
            (&json!("ca_fake"), &json!("of others"))
        );
        assert!(
            endpoint(db, &fake, &["create", URL, "--connect"])
                .fails(1)
                .contains("already")
        );
        assert_eq!(fake.count(ENDPOINTS), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_an_installation_is_made_once() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let other = db.connect().await;
        let (one, two) = (store.test_mode().account("acct_1"), other);
        let (one, two) = tokio::join!(one.installation_id(), two.installation_id());
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one, two);
        assert_eq!(store.installation_id().await.unwrap(), one);
        let elsewhere = TestDb::sqlite().await;
        assert_ne!(elsewhere.store().installation_id().await.unwrap(), one);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_is_shown_and_left_alone() {
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        let theirs = json!({
            "id": "we_theirs", "object": "webhook_endpoint", "url": URL, "status": "enabled", "created": 1,
            "api_version": null, "application": null, "metadata": {"stripe_store_installation": "another"},
            "enabled_events": ["*"],
        });
        let mut by_hand = theirs.clone();
        by_hand["id"] = json!("we_by_hand");
        by_hand["url"] = json!("https://other.example.com");
        by_hand["metadata"] = json!({});
        fake.add(ENDPOINTS, theirs.clone());
        fake.add(ENDPOINTS, by_hand.clone());
        for id in ["we_theirs", "we_by_hand", URL, "https://other.example.com"] {
            for finish in [&[][..], &["--finish"]] {
                let message = endpoint(db, &fake, &[&["rotate", id], finish].concat()).fails(1);
                assert!(message.contains("is not this installation's endpoint, and is left alone"), "{message}");
            }
        }
        let message = endpoint(db, &fake, &["create", URL]).fails(1);
        assert!(message.contains("we_theirs has the URL"), "{message}");
        assert_eq!(fake.all_effects(), 0);
        let (id, _) = printed(&endpoint(db, &fake, &["create", URL, "--force"]).succeeds());
        // By the URL, ours alone is meant.
        endpoint(db, &fake, &["rotate", URL, "--after", "0s"]).end();
        assert_eq!(found(&fake, &id), None);
        assert_eq!(found(&fake, "we_theirs"), Some(theirs));
        assert_eq!(found(&fake, "we_by_hand"), Some(by_hand));

        let listed = endpoint(db, &fake, &["list"]).succeeds();
        let whose: Vec<_> = listed.lines().skip(1).map(|line| line.split_whitespace().nth(1).unwrap()).collect();
        assert_eq!(whose, ["ours", "unmarked", "another"], "{listed}");
        let lines = endpoint(db, &fake, &["list", "--json"]).succeeds();
        assert_eq!(lines.lines().count(), 3);
        assert!(!lines.contains("whsec_"), "{lines}");
        let message = endpoint(db, &fake, &["rotate", "we_nobody"]).fails(1);
        assert!(message.contains("there is no endpoint we_nobody"), "{message}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_renewed_by_a_second_endpoint_that_takes_over() {
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        let (old, first) =
            printed(&endpoint(db, &fake, &["create", URL, "--description", "shop"]).succeeds());
        let ended = endpoint(db, &fake, &["rotate", URL]).end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let (new, second) = printed(&ended.stdout);
        assert_ne!((&old, &first), (&new, &second));
        assert!(ended.stderr.starts_with(&format!(
            "{old} stays until `stripe-store endpoint rotate {new} --finish`"
        )));
        let made = found(&fake, &new).unwrap();
        assert_eq!(
            (
                &made["description"],
                &made["enabled_events"],
                &made["metadata"]["stripe_store_replaces"]
            ),
            (&json!("shop"), &json!(["*"]), &json!(old))
        );
        // Both are there until then, and none is made meanwhile.
        assert!(found(&fake, &old).is_some());
        for target in [URL, &old, &new] {
            let message = endpoint(db, &fake, &["rotate", target]).fails(1);
            assert!(
                message.contains(&format!("{new} is replacing {old} at the moment")),
                "{message}"
            );
        }
        assert_eq!(
            endpoint(db, &fake, &["rotate", "--due"]).succeeds(),
            "no old endpoint to delete\n"
        );
        assert_eq!(fake.count(ENDPOINTS), 2);
        // By whichever name.
        assert_eq!(
            endpoint(db, &fake, &["rotate", &old, "--finish"]).succeeds(),
            format!("deleted {old}\n")
        );
        assert_eq!(
            endpoint(db, &fake, &["rotate", URL, "--finish"]).succeeds(),
            "no old endpoint to delete\n"
        );
        assert_eq!(fake.count(ENDPOINTS), 1);

        // Again, now by its time.
        let ended = endpoint(db, &fake, &["rotate", &new, "--after", "1s", "--json"]).end();
        let third: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(third["replaces"], json!(new));
        let third = third["id"].as_str().unwrap().to_owned();
        let mut deleted = Value::Null;
        for _ in 0..100 {
            deleted = endpoint(db, &fake, &["rotate", "--due", "--json"]).json();
            if deleted != json!({"deleted": []}) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(deleted, json!({"deleted": [new]}));
        assert!(found(&fake, &third).is_some());
        assert!(
            endpoint(db, &fake, &["rotate"])
                .fails(2)
                .contains("<ID_OR_URL>")
        );
    })
    .await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_into_a_file_of_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("secret");
        let name = file.to_str().unwrap();
        let create = ["create", URL, "--secret-file", name];

        // What goes wrong leaves no file, and no endpoint.
        fake.fail_path(ENDPOINTS, Some(Fault::status(403)));
        endpoint(db, &fake, &create).fails(1);
        fake.fail_path(ENDPOINTS, None);
        assert!(!file.exists());

        let told = endpoint(db, &fake, &create).succeeds();
        assert!(
            !told.contains("whsec_") && told.ends_with(&format!("secret in {name}\n")),
            "{told}"
        );
        let secret = std::fs::read_to_string(&file).unwrap();
        assert!(secret.starts_with("whsec_"), "{secret}");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        stripe_store::webhook::EndpointSecret::new(&secret).unwrap();

        // A file that is there is no place for another one, and nothing was made for it.
        let message = endpoint(db, &fake, &["rotate", URL, "--secret-file", name]).fails(1);
        assert!(message.contains("could not write"), "{message}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), secret);
        assert_eq!(fake.count(ENDPOINTS), 1);
    })
    .await;
}
