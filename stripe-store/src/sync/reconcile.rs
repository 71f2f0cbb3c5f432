//! What the table has, compared with Stripe.
//!
//! Either whole, list by list and then row by row, or by a sample of the rows. Repairs, where they are asked for, go
//! through the door that everything goes through, so that what is newer here stays.

mod compare;
mod judge;
mod report;
mod rows;
mod walk;

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

pub use self::compare::FieldDifference;
use self::judge::Tally;
pub use self::report::{
    Finding, FindingKind, Gone, ReconcileEvent, ReconcileReport, TypeReport, UnreadList,
};
use super::of_scope;
use super::settle::settle;
use crate::client::Client;
use crate::error::Error;
use crate::store::{Scope, Store};

/// How many calls are under way at a time, unless the caller says.
const PARALLEL: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

impl Store {
    /// Compares what is here of this handle's account and mode with Stripe: every type that the table or a list has, or
    /// those that are named. Nothing is written, unless [`fix`](Reconcile::fix) is called.
    ///
    /// * Every list of the types is read, as a [backfill](Self::backfill) reads it, and compared with the rows: objects
    ///   that are [missing](FindingKind::Missing) here, and those that [differ](FindingKind::Differing).
    /// * Rows that no list had are then read one by one, by their ids: what is [gone](FindingKind::Extra) at Stripe is told
    ///   from what Stripe does not list. That is a call for each, so that types without a list cost the most.
    /// * Rows that changed after Stripe answered, or in the same moment, are no differences: they are counted. So are rows
    ///   of another API version than the answer's.
    /// * An id is the same as the object in its place, and so is a field that is there only where it was asked for.
    /// * What is below objects that are missing here (the tax ids of a customer) is found once these are here.
    /// * In memory are the ids of what the lists had, about 100 bytes for each object, and one page of each list that is
    ///   under way.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), stripe_store::Error> {
    /// use stripe_store::Store;
    /// use stripe_store::client::Client;
    ///
    /// let store = Store::connect("sqlite://stripe.db").await?;
    /// # let client: Client = unimplemented!();
    /// let report = store.reconcile(&client).types(["customer"]).fix().run().await?;
    /// for finding in report.types.iter().flat_map(|of_type| &of_type.examples) {
    ///     println!("{finding}");
    /// }
    /// println!("{} found, {} left", report.found(), report.left());
    /// # Ok(())
    /// # }
    /// ```
    pub fn reconcile(&self, client: &Client) -> Reconcile {
        let store = self.on_writer().including_deleted().extract_expanded();
        Reconcile {
            sample: None,
            seed: None,
            run: Run {
                client: of_scope(client, self.scope()),
                store,
                types: None,
                is_fixing: false,
                parallel: PARALLEL,
                observer: None,
                tally: Mutex::default(),
            },
        }
    }
}

/// A comparison with Stripe to be made: [`Store::reconcile`].
#[must_use = "nothing is compared before `run`"]
pub struct Reconcile {
    sample: Option<usize>,
    seed: Option<u64>,
    run: Run,
}

/// What the parts of a run share.
struct Run {
    client: Client,
    /// Reads where writes go, also what was deleted.
    store: Store,
    types: Option<BTreeSet<String>>,
    is_fixing: bool,
    parallel: NonZeroUsize,
    observer: Option<Observer>,
    tally: Mutex<Tally>,
}

type Observer = Arc<dyn Fn(&ReconcileEvent<'_>) + Send + Sync>;

impl fmt::Debug for Reconcile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconcile")
            .field("store", &self.run.store)
            .field("types", &self.run.types)
            .field("sample", &self.sample)
            .field("seed", &self.seed)
            .field("is_fixing", &self.run.is_fixing)
            .field("parallel", &self.run.parallel)
            .finish_non_exhaustive()
    }
}

impl Reconcile {
    /// Only objects of these types, by Stripe's names: `"customer"`.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        let types = types.into_iter().map(Into::into);
        self.run.types.get_or_insert_default().extend(types);
        self
    }

    /// Reads no lists, and of each type so many rows, chosen at random, by their ids. What is missing here is not found so,
    /// and types that cannot be read by an id are left out.
    ///
    /// Ids of all rows are read from the table, to choose from.
    pub fn sample(mut self, rows: usize) -> Self {
        self.sample = Some(rows);
        self
    }

    /// What chooses the rows of a [sample](Self::sample): the same seed chooses the same of the same rows. Default: the time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Writes what Stripe answered where it is not the same here, and deletes here what Stripe deleted.
    ///
    /// Deletions are final, so that only Stripe's word for one makes one: that the object was deleted, or, of a type that
    /// can be deleted, that there is none of that id (404, `resource_missing`). The latter is not believed while Stripe
    /// knows none of the rows: then the key is likely that of another account.
    pub fn fix(mut self) -> Self {
        self.run.is_fixing = true;
        self
    }

    /// How many calls may be under way at a time; 8 unless said. The client's rate limit holds beside it.
    pub fn parallel(mut self, calls: NonZeroUsize) -> Self {
        self.run.parallel = calls;
        self
    }

    /// Is called when something happens; what takes long here holds everything up. All differences come here, also those
    /// that are past the examples of the report.
    pub fn on_event(
        mut self,
        observer: impl Fn(&ReconcileEvent<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.run.observer = Some(Arc::new(observer));
        self
    }

    /// Compares.
    ///
    /// # Errors
    ///
    /// [`Sync`](Error::Sync) for a type that Stripe neither lists nor hands out by id, before anything is sent.
    /// [`Client`](Error::Client) when Stripe does not know the key, and [`Store`](Error::Store) when the database refuses.
    /// What goes wrong with one list or one object is in the report.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was repaired.
    pub async fn run(self) -> Result<ReconcileReport, Error> {
        let Self { sample, seed, run } = self;
        let lists = walk::lists(run.types.as_ref())?;
        let mut report = ReconcileReport::default();
        match sample {
            None => {
                run.lists(&lists, &mut report).await?;
                for object in run.stored_types().await? {
                    run.rest(&object).await?;
                }
            }
            Some(rows) => {
                let seed = seed.unwrap_or(run.store.now().as_millis().unsigned_abs());
                report.seed = Some(seed);
                for object in run.stored_types().await? {
                    run.sample(&object, rows, seed).await?;
                }
            }
        }
        run.bury(judge::Rest::All).await?;
        let tally = run
            .tally
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        report.types = tally.into_reports();
        if report.types.iter().any(|of_type| of_type.repaired > 0) {
            // Lists inside what was written may have been cut short.
            settle(&run.store, &run.client, &mut report.settled, |_| ()).await?;
        }
        Ok(report)
    }
}

impl Run {
    fn tell(&self, event: &ReconcileEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }

    fn is_wanted(&self, object: &str) -> bool {
        self.types
            .as_ref()
            .is_none_or(|types| types.contains(object))
    }

    fn scope(&self) -> &Scope {
        self.store.scope()
    }

    /// The types of which there are rows that are not deleted.
    async fn stored_types(&self) -> Result<Vec<String>, Error> {
        if let Some(types) = &self.types {
            return Ok(types.iter().cloned().collect());
        }
        let (account, mode) = (self.scope().account(), self.scope().mode());
        let counts = self.store.counts().await?;
        let here = counts.into_iter().filter(|count| {
            count.account.as_ref() == account && count.mode == mode && count.rows > count.deleted
        });
        Ok(here.map(|count| count.object).collect())
    }
}
