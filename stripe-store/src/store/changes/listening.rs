//! Hearing of what other processes write, on PostgreSQL.
//!
//! One connection for all feeds of a store in this process, which a task of its own reads: a feed that nobody reads
//! would otherwise hold up the server's queue of notifications, and with it every writer in the end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use super::hub::{Hub, Message};
use super::row_change::RowChange;
use crate::store::postgres::listen::{Heard, Listener, Site};

/// How long to wait before connecting again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A task that listens, until this is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    task: AbortHandle,
    state: Arc<State>,
}

/// Why there is no connection, while there is none.
#[derive(Debug, Default)]
struct State(Mutex<Option<Arc<sqlx::Error>>>);

impl State {
    fn set(&self, lost: Option<Arc<sqlx::Error>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lost;
    }

    fn lost(&self) -> Option<Arc<sqlx::Error>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Listening {
    /// Why there is no connection, while there is none.
    pub(super) fn lost(&self) -> Option<Arc<sqlx::Error>> {
        self.state.lost()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hub {
    /// Listens, if nobody does yet. When this returns, what is committed from now on comes to the readers, unless the
    /// connection [is lost](Listening::lost).
    pub(super) async fn listen(&self, site: Site) -> Result<Arc<Listening>, sqlx::Error> {
        let mut listening = self.listening.lock().await;
        let running = listening
            .upgrade()
            .filter(|running| !running.task.is_finished());
        if let Some(running) = running {
            return Ok(running);
        }
        let first = site.connect().await?;
        let state = Arc::new(State::default());
        let task = tokio::spawn(run(site, first, self.sender().clone(), Arc::clone(&state)));
        let made = Arc::new(Listening {
            task: task.abort_handle(),
            state,
        });
        *listening = Arc::downgrade(&made);
        Ok(made)
    }
}

/// Passes on what the server sends, for as long as the pool is open.
async fn run(site: Site, first: Listener, readers: broadcast::Sender<Message>, state: Arc<State>) {
    let mut listener = first;
    loop {
        let lost = Arc::new(hear(&site, listener, &readers).await);
        tracing::warn!(
            error = &*lost as &dyn std::error::Error,
            "the connection that hears of changes was lost"
        );
        // The state first: who comes between the two learns of it twice, and not never.
        state.set(Some(Arc::clone(&lost)));
        let _ = readers.send(Message::Lost(lost));
        let mut pause = FIRST_PAUSE;
        listener = loop {
            if site.is_closed() {
                return;
            }
            match site.connect().await {
                Ok(listener) => break listener,
                Err(error) => tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the connection that hears of changes is still lost"
                ),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        state.set(None);
        let _ = readers.send(Message::Restored);
    }
}

/// Passes on what the server sends until the connection is lost, and says why it was.
async fn hear(
    site: &Site,
    mut listener: Listener,
    readers: &broadcast::Sender<Message>,
) -> sqlx::Error {
    loop {
        match listener.next(site).await {
            Ok(Heard::Payload(payload)) => {
                let message = RowChange::from_payload(&payload)
                    .map_or(Message::Unreadable, |change| {
                        Message::Heard(Arc::new(change))
                    });
                let _ = readers.send(message);
            }
            Ok(Heard::Silence) => {}
            Err(error) => return error,
        }
    }
}
