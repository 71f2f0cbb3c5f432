//! The signals that ask a command to stop.

/// A signal that asked to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    /// The exit status that tells of it: 128 and the signal's number.
    pub(super) status: u8,
}

/// What arrives from now on of SIGINT and SIGTERM, instead of ending the process.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop { status: 130 },
            _ = self.terminate.recv() => Stop { status: 143 },
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    #[expect(clippy::needless_pass_by_ref_mut, reason = "as on Unix")]
    pub(super) async fn next(&mut self) -> Stop {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Stop { status: 130 }
    }
}
