//! Request bodies that a handler refuses to read.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::http::Request;
use axum::http::header::EXPECT;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// How much of a refused body is read away.
const MAX_BYTES: usize = 8 << 20;
/// How long a refused body is read away.
const MAX_TIME: Duration = Duration::from_secs(5);

/// Makes a body that is read away, within bounds, when nobody reads it to its end.
///
/// Many clients send all of a body before they look at the answer. Closing the connection on them resets it, and what
/// they report then is a broken connection in place of the refusal and its reason (RFC 9112 section 9.6).
pub(crate) fn drained(request: Request<Body>) -> Request<Body> {
    // Who waits for `100 Continue` has not sent anything.
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return request;
    }
    request.map(|body| Body::from_stream(Drained { rest: Some(body.into_data_stream()) }))
}

struct Drained {
    /// Nothing once the end was read.
    rest: Option<BodyDataStream>,
}

impl Stream for Drained {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let polled = rest.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.rest = None;
        }
        polled
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(mut rest) = self.rest.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let reading = async {
                let mut read = 0;
                while let Some(Ok(piece)) = rest.next().await {
                    read += piece.len();
                    if read > MAX_BYTES {
                        break;
                    }
                }
            };
            // Whether it was all or not: the answer is on its way.
            let _ = tokio::time::timeout(MAX_TIME, reading).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn request(pieces: mpsc::Receiver<&'static str>) -> Request<Body> {
        let stream = futures_util::stream::unfold(pieces, async |mut pieces| {
            let piece = pieces.recv().await?;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())), pieces))
        });
        drained(Request::new(Body::from_stream(stream)))
    }

    #[tokio::test]
    async fn what_nobody_reads_is_read_away() {
        let (send, pieces) = mpsc::channel(1);
        drop(request(pieces));
        for _ in 0..10 {
            send.send("x").await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_read_is_whole() {
        let (send, pieces) = mpsc::channel(2);
        send.send("ab").await.unwrap();
        send.send("cd").await.unwrap();
        drop(send);
        let body = http_body_util::BodyExt::collect(request(pieces).into_body()).await.unwrap();
        assert_eq!(body.to_bytes(), "abcd");
    }
}
