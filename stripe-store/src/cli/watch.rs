//! Long work of the library's, shown while it runs, until it ends or a signal asks to stop.

use tokio::sync::mpsc::UnboundedReceiver;

use super::failure::Failure;
use super::signal::Signals;

/// Runs to the end and shows what is told meanwhile. Where a signal asks to stop, the work is dropped, and `interrupted` says
/// what is left of it. Either way everything that was told is shown.
pub(super) async fn watch<T, R>(
    signals: &mut Signals,
    mut running: impl Future<Output = R> + Unpin,
    events: &mut UnboundedReceiver<T>,
    interrupted: &str,
    mut show: impl FnMut(T) -> Result<(), Failure>,
) -> Result<R, Failure> {
    let result = loop {
        tokio::select! {
            biased;
            stop = signals.next() => break Err(Failure::Interrupted {
                message: interrupted.to_owned(),
                status: stop.status,
            }),
            Some(told) = events.recv() => show(told)?,
            result = &mut running => break Ok(result),
        }
    };
    drop(running);
    while let Ok(told) = events.try_recv() {
        show(told)?;
    }
    result
}
