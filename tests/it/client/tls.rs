//! TLS and HTTP/2.

use stripe_store::client::{BuildError, Client, ClientError, RateLimit};
use stripe_store::resources::Customer;
use stripe_store_tests::fake::Fake;

use super::{KEY, builder, fake, key};

#[tokio::test]
async fn http_2_is_spoken_under_a_certificate_that_is_trusted() {
    let fake = Fake::start_tls().await.unwrap();
    let client = builder(&fake, key("sk_live_1"))
        .root_certificates(fake.certificate())
        .build()
        .unwrap();
    client
        .create::<Customer>()
        .param("email", "ada@example.com")
        .send()
        .await
        .unwrap();
    let request = fake.last();
    assert!(request.is_http2);
    assert_eq!(request.header("authorization"), Some("Bearer sk_live_1"));
}

#[tokio::test]
async fn nothing_is_sent_under_a_certificate_that_is_not() {
    let fake = Fake::start_tls().await.unwrap();
    let client = builder(&fake, key(KEY)).build().unwrap();
    let error = client.create::<Customer>().send().await.unwrap_err();
    assert!(
        matches!(error, ClientError::Certificate { .. }) && !error.is_transient(),
        "{error:?}"
    );
    assert_eq!(fake.received().len(), 0);
}

#[tokio::test]
async fn a_live_key_does_not_cross_a_network_in_clear_text() {
    let build = |text, url: &str| Client::builder(key(text)).base_url(url).build();
    for url in ["http://api.example", "http://10.0.0.1:80"] {
        assert!(
            matches!(build("sk_live_1", url), Err(BuildError::Exposed { .. })),
            "{url}"
        );
        assert!(build("sk_test_1", url).is_ok(), "{url}");
    }
    for url in [
        "http://localhost:1",
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "https://api.example",
    ] {
        assert!(build("rk_live_1", url).is_ok(), "{url}");
    }
    let client = build("sk_test_1", "http://10.0.0.1:1").unwrap();
    let error = client
        .create::<Customer>()
        .secret_key(key("sk_live_1"))
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Exposed { .. }), "{error}");
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let fake = fake().await;
    for url in [
        "",
        "api.stripe.com",
        "ftp://x",
        "https://user:pass@x",
        "https://x/?a",
        "https://x/#a",
    ] {
        let error = Client::builder(key(KEY)).base_url(url).build().unwrap_err();
        assert!(
            matches!(error, BuildError::BaseUrl { .. }),
            "{url}: {error}"
        );
    }
    assert!(matches!(Client::new(""), Err(BuildError::Key { .. })));
    let pem = |pem: &str| builder(&fake, key(KEY)).root_certificates(pem).build();
    assert!(matches!(
        pem("no certificate"),
        Err(BuildError::NoCertificate)
    ));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(pem(broken), Err(BuildError::Certificate { .. })));
    let proxy = builder(&fake, key(KEY)).proxy("http://").build();
    assert!(matches!(proxy, Err(BuildError::Proxy)));
}

#[tokio::test]
async fn a_proxy_that_is_named_is_gone_through() {
    let proxy = fake().await;
    let client = Client::builder(key(KEY))
        .base_url("http://stripe.invalid")
        .proxy(proxy.url())
        .rate_limit(RateLimit::unlimited())
        .build()
        .unwrap();
    client.list::<Customer>().page().await.unwrap();
    assert_eq!(proxy.last().header("host"), Some("stripe.invalid"));
}
