//! The body of an answer, whole or cut off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// A body, and whether it breaks off in the middle.
#[derive(Debug)]
pub(super) struct Reply {
    part: Option<Bytes>,
    /// What the header says of its length.
    length: u64,
    breaks_off: bool,
}

impl Reply {
    pub(super) fn new(body: Vec<u8>, breaks_off: bool) -> Self {
        let length = body.len();
        let mut part = Bytes::from(body);
        if breaks_off {
            part.truncate(length / 2);
        }
        Self {
            part: Some(part),
            length: u64::try_from(length).unwrap_or(u64::MAX),
            breaks_off,
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.part.take() {
            Some(part) if !part.is_empty() => Poll::Ready(Some(Ok(Frame::data(part)))),
            _ if self.breaks_off => Poll::Ready(Some(Err(io::Error::other(
                "the connection is cut, as asked for",
            )))),
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.part.is_none() && !self.breaks_off
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
