//! The objects that an object refers to and that are not here, read from Stripe, and what these refer to in turn.

use std::collections::{BTreeSet, VecDeque};

use super::{of_scope, read_into, retrievable};
use crate::client::Client;
use crate::error::Error;
use crate::resources;
use crate::store::{Missing, Store, Stored};
use crate::view::{AnyObject, Resource, ResourceFacts};

/// What became of the references of an object.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RetrievedReferences {
    /// How many objects were read and written.
    pub retrieved: usize,
    /// What is not here: the limit was reached, Stripe has no path to its type by its id alone, or the call failed, which
    /// is then beside it.
    pub missing: Vec<(Missing, Option<Error>)>,
}

impl RetrievedReferences {
    /// Whether everything that was met is here.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

impl Store {
    /// Reads the objects that an object refers to and that are not in the table, writes them, and goes on with what they
    /// refer to, until nothing is missing or `limit` objects were read.
    ///
    /// References are what Stripe can expand ([`Resource::EXPANDABLE`]). What is in the table already is not read again,
    /// and not gone into; what refers back to something that was met is done with, so that circles end. Each object is
    /// asked for once at most, in the account and mode of what refers to it.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), stripe_store::Error> {
    /// # use stripe_store::{Store, client::Client, resources::Charge};
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # let client: Client = unimplemented!();
    /// let charge = store.retrieve::<Charge>(&client, "ch_1").await?;
    /// // The customer, the payment intent, the balance transaction, the invoice of the payment intent, …
    /// let references = store.retrieve_references(&client, &charge, 100).await?;
    /// println!("{} more objects", references.retrieved);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Store`](Error::Store) when the database refuses, [`Client`](Error::Client) when Stripe does not know the key. That
    /// one object cannot be read is in the result.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was read.
    pub async fn retrieve_references<T: Resource>(
        &self,
        client: &Client,
        object: &Stored<T>,
        limit: usize,
    ) -> Result<RetrievedReferences, Error> {
        let store = self.on_writer().with_scope(object.row().scope());
        let mut result = RetrievedReferences::default();
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::new();
        let row = store.including_deleted();
        let row = row
            .get_object(object.row().object(), object.row().stripe_id())
            .await?;
        queue.extend(row);
        while let Some(row) = queue.pop_front() {
            for missing in missing_of(&store, row).await? {
                if !seen.insert(missing.id.clone()) {
                    continue;
                }
                if result.retrieved >= limit {
                    result.missing.push((missing, None));
                    continue;
                }
                match retrieve_one(&store, client, &missing).await {
                    Ok(Some(row)) => {
                        result.retrieved += 1;
                        queue.push_back(row);
                    }
                    Ok(None) => result.missing.push((missing, None)),
                    Err(Error::Client(error)) if error.status() == Some(401) => {
                        return Err(error.into());
                    }
                    Err(error @ Error::Store(_)) => return Err(error),
                    Err(error) => result.missing.push((missing, Some(error))),
                }
            }
        }
        Ok(result)
    }
}

/// What an object refers to and the table does not have.
async fn missing_of(store: &Store, mut row: Stored<AnyObject>) -> Result<Vec<Missing>, Error> {
    let Some(facts) = resources::facts(row.row().object()) else {
        return Ok(Vec::new());
    };
    let expansion = store.expand(&mut row, facts.expandable).await?;
    Ok(expansion.missing)
}

/// Reads one and writes it; `None` where there is no path to it by its id alone.
async fn retrieve_one(
    store: &Store,
    client: &Client,
    missing: &Missing,
) -> Result<Option<Stored<AnyObject>>, Error> {
    let Some(facts) = facts_of(missing) else {
        return Ok(None);
    };
    let there = store.with_scope(missing.scope.clone());
    let client = of_scope(client, &missing.scope);
    let (object, id) = read_into(&there, &client, facts, &missing.id).await?;
    Ok(there.including_deleted().get_object(&object, &id).await?)
}

/// The type that it is of: the only one that it can be, or the one that its id begins as, if it can be read by its id.
fn facts_of(missing: &Missing) -> Option<ResourceFacts> {
    let can_be = || missing.objects.iter().filter_map(|it| retrievable(it));
    let named = |facts: &ResourceFacts| {
        let prefix = facts.id_prefix;
        prefix.is_some_and(|prefix| missing.id.starts_with(prefix))
    };
    match missing.objects {
        [_] => can_be().next(),
        _ => can_be().find(named),
    }
}
