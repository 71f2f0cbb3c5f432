//! HTTP/1.1: connections in, requests on to the router, until a signal asks to stop.
//!
//! Knows sockets and times, and no route.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service as _;

use super::log::Log;
use crate::cli::signal::Signals;

/// How many connections there are at a time; more wait until one ends.
const MAX_CONNECTIONS: usize = 1024;

/// How long a connection may be without the head of a request, or take for one. More than proxies leave theirs unused.
const HEAD_TIME: Duration = Duration::from_secs(75);

/// How long what was accepted has to be answered, once a signal asked to stop.
const DRAIN_TIME: Duration = Duration::from_secs(20);

/// How long is waited where there are no more sockets to be had.
const BACKOFF: Duration = Duration::from_secs(1);

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Whatever was accepted was answered.
    Answered,
    /// So many connections were not done in time.
    CutOff(usize),
    /// A second signal asked to stop at once; the exit status that tells of it.
    Interrupted(u8),
}

/// Serves until a signal comes, and ends what was begun then.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    signals: &mut Signals,
    log: &Log,
) -> Ended {
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = signals.next() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                tokio::spawn(connection(
                    stream,
                    peer,
                    router.clone(),
                    connections.watcher(),
                    place,
                ));
            }
            // Who called has gone already.
            Err(error) if is_of_caller(&error) => {}
            Err(error) => {
                log.problem(&format!("no connection can be accepted: {error}"));
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }
    // Callers are refused from here on, and try elsewhere or later.
    drop(listener);
    let left = room.clone();
    tokio::select! {
        biased;
        stop = signals.next() => Ended::Interrupted(stop.status),
        () = connections.shutdown() => Ended::Answered,
        () = tokio::time::sleep(DRAIN_TIME) => {
            Ended::CutOff(MAX_CONNECTIONS.saturating_sub(left.available_permits()))
        }
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

fn is_of_caller(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
    _place: OwnedSemaphorePermit,
) {
    // It costs time where it cannot be set, and nothing else.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request.map(Body::new))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service);
    // That a caller breaks off, or speaks something else, is its own affair.
    let _ = watcher.watch(served).await;
}
