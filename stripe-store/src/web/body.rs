//! Bodies, read whole, and not for longer or further than allowed.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};

/// How long a body may take to come. Stripe's come at once; what does not holds a connection.
const TIME: Duration = Duration::from_secs(30);

/// How much room is made for a body before it is there, in bytes.
const ROOM: usize = 64 * 1024;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is longer than allowed; how long it is, in bytes, as far as known.
    TooLarge(u64),
    /// It did not come to its end.
    BrokenOff,
    /// It did not come in time.
    TooSlow,
}

/// Reads a body of at most so many bytes. One that says beforehand that it is longer is not read at all.
pub(super) async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Unread> {
    let said = body.size_hint().lower();
    if said > bytes(limit) {
        return Err(Unread::TooLarge(said));
    }
    let read = tokio::time::timeout(TIME, read_to_end(body, limit));
    read.await.unwrap_or(Err(Unread::TooSlow))
}

async fn read_to_end(mut body: Body, limit: usize) -> Result<Vec<u8>, Unread> {
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(ROOM);
    let mut whole = Vec::with_capacity(said.min(ROOM));
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| Unread::BrokenOff)?;
        // Trailers are no part of it.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > limit.saturating_sub(whole.len()) {
            return Err(Unread::TooLarge(bytes(
                whole.len().saturating_add(data.len()),
            )));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

fn bytes(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        assert_eq!(
            read(Body::from("12345"), 5).await.as_deref(),
            Ok(&b"12345"[..])
        );
        assert_eq!(read(Body::empty(), 0).await.as_deref(), Ok(&b""[..]));
        assert_eq!(
            read(Body::from("123456"), 5).await,
            Err(Unread::TooLarge(6))
        );
    }

    #[cfg(feature = "_store")]
    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        type Data = Result<axum::body::Bytes, std::io::Error>;
        let never = Body::from_stream(futures_util::stream::pending::<Data>());
        assert_eq!(read(never, 5).await, Err(Unread::TooSlow));
    }

    #[cfg(feature = "_store")]
    #[tokio::test]
    async fn a_body_that_breaks_off_is_none() {
        let parts = [Ok("{}"), Err(std::io::Error::other("gone"))];
        let broken = Body::from_stream(futures_util::stream::iter(parts));
        assert_eq!(read(broken, 5).await, Err(Unread::BrokenOff));
        let long = Body::from_stream(futures_util::stream::iter(
            [Ok("1234"), Ok("56")].map(|part: Result<_, std::io::Error>| part),
        ));
        assert_eq!(read(long, 5).await, Err(Unread::TooLarge(6)));
    }
}
