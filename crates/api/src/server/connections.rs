//! Connections: how many there may be, and how long one may say nothing.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::auth::client_address::Peer;

/// How long the head of a request may take, and an idle connection may stay.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(30);
/// How often an HTTP/2 client is asked whether it still is there, and how long it may take to answer.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIME: Duration = Duration::from_secs(20);
/// Most requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 100;
/// How long accepting rests when the system has nothing left for another connection.
const ACCEPT_REST: Duration = Duration::from_secs(1);

/// What connections are given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Most connections at the same time.
    pub(super) most: usize,
    pub(super) head_time: Duration,
}

/// Answers requests on all connections until `stopped` is true, and then what is under way.
pub(super) async fn serve<S>(
    listener: TcpListener,
    service: S,
    bounds: Bounds,
    mut stopped: watch::Receiver<bool>,
) where
    S: tower::Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let (slots, tracker) = (Arc::new(Semaphore::new(bounds.most)), TaskTracker::new());
    let stopping = stopped.clone();
    let accepting = async {
        // Without a slot nothing is accepted: the system's queue holds who waits. The semaphore is never closed.
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let (stream, peer) = accept(&listener).await;
            let service = with_peer(service.clone(), peer);
            let connection = connection(stream, service, bounds.head_time, stopping.clone());
            tracker.spawn(async move {
                connection.await;
                drop(slot);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = until_stopped(&mut stopped) => {}
    }
    drop(listener);
    tracker.close();
    tracker.wait().await;
}

/// Tells each request of a connection where it comes from.
fn with_peer<S>(
    service: S,
    peer: Peer,
) -> impl tower::Service<Request<Body>, Response = Response, Error = Infallible, Future = S::Future> + Clone + Send
where
    S: tower::Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send,
{
    service.map_request(move |mut request: Request<Body>| {
        request.extensions_mut().insert(peer);
        request
    })
}

async fn accept(listener: &TcpListener) -> (TcpStream, Peer) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, Peer(address.ip())),
            Err(error) if is_clients(&error) => {}
            Err(error) => {
                // Out of file descriptors, as a rule: connections that end give some back.
                tracing::error!(%error, "no connection can be accepted at present");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// Tells whether it is only this one connection that is broken (accept(2)).
fn is_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

async fn connection<S>(stream: TcpStream, service: S, head_time: Duration, mut stopped: watch::Receiver<bool>)
where
    S: tower::Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    // A small answer must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let asked = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&asked);
    let service = service.map_request(move |request: Request<_>| {
        noted.store(true, Ordering::Relaxed);
        request.map(Body::new)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_time);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIME)
        .max_concurrent_streams(MAX_STREAMS);
    let service = TowerToHyperService::new(service);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // Which version is spoken is found out before the builder's own timeouts begin.
    let mut silent = pin!(async {
        tokio::time::sleep(head_time).await;
        if asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    });
    let mut told = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(error, "a connection broke off");
                }
                return;
            }
            () = silent.as_mut() => return,
            () = until_stopped(&mut stopped), if !told => {
                told = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Waits for the end; that the sender is gone is one as well.
async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn run(listener: TcpListener, head_time: Duration, stopped: watch::Receiver<bool>) {
        let service = tower::service_fn(|_: Request<Body>| ready(Ok(Response::new(Body::empty()))));
        serve(listener, service, Bounds { most: 1, head_time }, stopped).await;
    }

    async fn ask(stream: &mut TcpStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn who_is_one_too_many_waits_until_another_goes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(run(listener, HEAD_TIME, stopped));
        let mut first = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut first).await, "HTTP/1.1 200 OK");
        let mut second = TcpStream::connect(address).await.unwrap();
        let mut waiting = pin!(ask(&mut second));
        let early = tokio::time::timeout(Duration::from_millis(50), waiting.as_mut()).await;
        assert!(early.is_err());
        drop(first);
        assert_eq!(waiting.await, "HTTP/1.1 200 OK");
        // It is idle, which does not hold up the end.
        stop.send(true).unwrap();
        running.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_request_knows_where_it_comes_from() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let service = tower::service_fn(|request: Request<Body>| {
            let known = request.extensions().get::<Peer>().is_some_and(|peer| peer.0.is_loopback());
            let status = if known { 200 } else { 500 };
            ready(Ok(Response::builder().status(status).body(Body::empty()).unwrap()))
        });
        let running =
            tokio::spawn(serve(listener, service, Bounds { most: 1, head_time: HEAD_TIME }, stopped));
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut stream).await, "HTTP/1.1 200 OK");
        running.abort();
    }

    #[tokio::test]
    async fn who_never_ends_a_head_is_put_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let running = tokio::spawn(run(listener, Duration::from_millis(20), stopped));
        // Nothing, what may become HTTP/2, an HTTP/1 head without an end, HTTP/2 without a request.
        for begun in [&b""[..], b"PRI", b"GET / HTTP/1.1\r\nhost:", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun).await.unwrap();
            let mut rest = Vec::new();
            let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "{}", begun.escape_ascii());
        }
        running.abort();
    }

    #[test]
    fn a_broken_client_is_no_reason_to_rest() {
        assert!(is_clients(&ErrorKind::ConnectionAborted.into()));
        assert!(!is_clients(&io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error())));
    }
}
