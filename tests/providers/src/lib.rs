//! The client in a program that also has the other provider of cryptography: rustls cannot choose between two, and
//! panics when it is asked to. A crate of its own, because features add up: no other test should need both.

#[cfg(test)]
mod tests {
    use stripe_store::client::{Client, SecretKey};
    use stripe_store::resources::Customer;
    use stripe_store_tests::fake::Fake;

    #[tokio::test]
    async fn the_client_speaks_tls_where_there_are_two_providers_and_none_is_the_default() {
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
        let asked = std::panic::catch_unwind(rustls::ClientConfig::builder);
        assert!(
            asked.is_err(),
            "there is but one provider: nothing is tested here"
        );

        let fake = Fake::start_tls().await.unwrap();
        let client = Client::builder(SecretKey::new("sk_test_1").unwrap())
            .base_url(fake.url())
            .root_certificates(fake.certificate())
            .build()
            .unwrap();
        let customer = client
            .create::<Customer>()
            .param("email", "ada@example.com")
            .send()
            .await
            .unwrap();
        assert_eq!(customer.email(), Some("ada@example.com"));
        assert!(fake.last().is_http2);
        assert!(
            rustls::crypto::CryptoProvider::get_default().is_none(),
            "nothing is set for the whole process"
        );
    }
}
