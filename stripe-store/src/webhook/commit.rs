//! Events that came together, into the database together; and what becomes of one that cannot be.

use std::sync::Arc;

use super::delivery::excerpt;
use super::group::{Work, tell};
use super::outcome::{ReceiveError, Verdict};
use super::receiver::{Inner, Job};
use crate::error::chain;
use crate::inbox::{Brought, Prepared, ProcessError};
use crate::ingest::Event;
use crate::store::NewDelivery;
#[cfg(feature = "client")]
use crate::store::Snapshot;

impl Inner {
    pub(super) fn sweep(&self) {
        self.sweeper.sweep(&self.processor.store, &self.log);
    }

    fn prepare<'j>(&self, job: &'j Job) -> Option<Prepared<'j>> {
        // It was read before.
        let event = Event::read(&job.text).ok()?;
        let wants_object = !self.is_deferred && self.processor.wants_object(event.event_type());
        let prepared = Prepared::new(event, wants_object);
        #[cfg(feature = "client")]
        if let Some(fetched) = &job.fetched {
            return Some(prepared.with_fetched(Snapshot::clone(fetched), wants_object));
        }
        Some(prepared)
    }

    /// Writes jobs by one transaction; `Err` gives those back of which one could not be.
    async fn write(&self, jobs: Vec<Job>) -> Result<(), (Vec<Job>, ProcessError)> {
        let events: Vec<Prepared<'_>> = jobs.iter().filter_map(|job| self.prepare(job)).collect();
        let refused: Vec<Option<String>> = events
            .iter()
            .map(|prepared| prepared.refused().map(str::to_owned))
            .collect();
        let deliveries: Vec<NewDelivery> = jobs
            .iter()
            .zip(&refused)
            .map(|(job, refused)| NewDelivery {
                verdict: match refused {
                    Some(_) if !self.is_deferred => Verdict::Kept.as_str(),
                    _ => Verdict::Accepted.as_str(),
                },
                error: refused.clone().filter(|_| !self.is_deferred),
                duration_us: job.draft.elapsed_us(),
                ..job.draft.delivery.clone()
            })
            .collect();
        let deliveries: Vec<&NewDelivery> = deliveries.iter().collect();
        let brought = if self.is_deferred {
            self.processor.keep(&events, &deliveries).await
        } else {
            self.processor.bring(&events, &deliveries).await
        };
        let leaves_work = self.is_deferred
            || events
                .iter()
                .any(|prepared| self.processor.has_queued(prepared.event_type()));
        drop(events);
        match brought {
            Ok(brought) => {
                if leaves_work {
                    self.wake.notify_one();
                }
                for ((job, brought), refused) in jobs.into_iter().zip(brought).zip(refused) {
                    let told = match (brought, refused) {
                        (Brought::Kept, Some(reason)) => Err(ReceiveError::Unstorable { reason }),
                        (brought, _) => Ok(brought),
                    };
                    tell(job.reply, told);
                }
                Ok(())
            }
            Err(error) => Err((jobs, error)),
        }
    }

    /// What becomes of a job that cannot be written as it is.
    async fn settle(&self, job: Job, error: ProcessError) {
        let reason = error.reason();
        let store = &self.processor.store;
        let failed = match error {
            ProcessError::Store(error) if !error.is_of_unstorable() => {
                ReceiveError::Store(Arc::new(error))
            }
            error if error.is_final() => {
                let kept = match self.prepare(&job) {
                    Some(prepared) => {
                        let delivery = NewDelivery {
                            verdict: Verdict::Kept.as_str(),
                            error: Some(reason.clone()),
                            duration_us: job.draft.elapsed_us(),
                            ..job.draft.delivery.clone()
                        };
                        self.processor
                            .keep_failed(&prepared, &delivery, &reason)
                            .await
                    }
                    None => Ok(()),
                };
                let error = match kept {
                    Ok(()) => ReceiveError::Unstorable { reason },
                    Err(error) => ReceiveError::Store(Arc::new(error)),
                };
                tell(job.reply, Err(error));
                return;
            }
            ProcessError::Handler {
                event,
                event_type,
                error,
            } => ReceiveError::handler(event, event_type, error),
            ProcessError::Store(error) => ReceiveError::Store(Arc::new(error)),
        };
        tracing::warn!(
            reason,
            "an event could not be processed and is to be sent again"
        );
        let mut delivery = job
            .draft
            .ended(Verdict::Failed, failed.status(), Some(reason));
        delivery.body = Some(excerpt(job.text.as_bytes()));
        if let Err(error) = store.insert_deliveries(&[&delivery]).await {
            tracing::warn!(error = %chain(&error), "a request that failed could not be logged");
        }
        tell(job.reply, Err(failed));
    }
}

impl Work for Inner {
    type Job = Job;

    async fn run(self: Arc<Self>, jobs: Vec<Job>) {
        self.sweep();
        let Err((jobs, error)) = self.write(jobs).await else {
            return;
        };
        match <[Job; 1]>::try_from(jobs) {
            Ok([job]) => self.settle(job, error).await,
            Err(jobs) if error.is_of_one() => {
                // One of them cannot be written, and is not to keep the others from it.
                for job in jobs {
                    if let Err((mut jobs, error)) = self.write(vec![job]).await
                        && let Some(job) = jobs.pop()
                    {
                        self.settle(job, error).await;
                    }
                }
            }
            Err(jobs) => {
                let ProcessError::Store(error) = error else {
                    return;
                };
                let error = Arc::new(error);
                for job in jobs {
                    tell(job.reply, Err(ReceiveError::Store(Arc::clone(&error))));
                }
            }
        }
    }
}
