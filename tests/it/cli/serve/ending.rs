//! How `serve` ends.

use std::time::Duration;

use stripe_store_tests::{TestDb, on_both, on_sqlite};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{SECRET, Server, count, event};
use crate::web::raw::{read, request, signature};

/// Waits until nobody listens any more.
async fn wait_until_refused(server: &Server) {
    for _ in 0..1000 {
        if TcpStream::connect(server.address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it still listens");
}

/// A request of which all but the last byte was sent, and that byte.
async fn begun(server: &Server, body: &[u8]) -> (TcpStream, u8) {
    let signature = format!("Stripe-Signature: {}", signature(SECRET, body));
    // Answered when its body is asked for: from then on it is under way.
    let request = request(
        "POST",
        "/webhook",
        &["Expect: 100-continue", &signature],
        body,
    );
    let (last, most) = request.split_last().unwrap();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(most).await.unwrap();
    (stream, *last)
}

#[tokio::test]
async fn what_it_has_accepted_is_answered_before_it_ends() {
    on_both(async |db: &TestDb| {
        for (at, signal) in ["TERM", "INT"].into_iter().enumerate() {
            let server = Server::start(db, &[]);
            // Connected, and without a word.
            let silent = TcpStream::connect(server.address).await.unwrap();
            // Connected and answered, and kept for the next request.
            let mut kept = TcpStream::connect(server.address).await.unwrap();
            kept.write_all(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
                .await
                .unwrap();
            assert!(kept.read(&mut [0; 1024]).await.unwrap() > 0);
            let body = event(&format!("evt_{at}"), "cus_1");
            let (mut stream, last) = begun(&server, &body).await;
            let mut asked = [0; 25];
            stream.read_exact(&mut asked).await.unwrap();
            assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");

            server.signal(signal);
            wait_until_refused(&server).await;
            stream.write_all(&[last]).await.unwrap();
            assert_eq!(read(stream).await.said(), (200, "accepted"));
            let gone = server.gone();
            assert_eq!((gone.status, gone.stderr.as_str()), (Some(0), ""));
            let stored =
                format!("stripe_events WHERE event_id = 'evt_{at}' AND status = 'applied'");
            assert_eq!(count(db, &stored).await, 1);
            drop(silent);
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    on_sqlite(async |db: &TestDb| {
        let server = Server::start(db, &[]);
        let (mut stream, _) = begun(&server, &event("evt_1", "cus_1")).await;
        stream.read_exact(&mut [0; 25]).await.unwrap();
        server.signal("TERM");
        wait_until_refused(&server).await;
        server.signal("TERM");
        let gone = server.gone();
        assert_eq!(gone.status, Some(143), "{}", gone.stderr);
        assert_eq!(
            gone.stderr,
            "stopped at once: Stripe sends what was not answered again\n"
        );
        assert_eq!(count(db, "stripe_events").await, 0);
    })
    .await;
}
