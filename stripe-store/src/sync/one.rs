//! Objects from Stripe into the store, one at a time, as they are asked for.

use super::{SyncError, of_scope, snapshot_at};
use crate::client::{Call, Client, Meta, One, Response};
use crate::error::Error;
use crate::resources;
use crate::store::{ObjectRef, Scope, Snapshot, Store, StoreError, Stored, object_stub};
use crate::view::{Resource, ResourceFacts, Storable};

impl Store {
    /// Reads an object from Stripe, writes it, and returns the row: what was read, or something newer that came meanwhile.
    ///
    /// The call is for this handle's account and mode. Models that are [registered](Self::register) are filled in the same
    /// transaction.
    ///
    /// An object that is deleted at Stripe is deleted here, too: [`Stored::is_deleted`] says so.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), stripe_store::Error> {
    /// use stripe_store::Store;
    /// use stripe_store::client::Client;
    /// use stripe_store::resources::Customer;
    ///
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # let client: Client = unimplemented!();
    /// let customer = store.retrieve::<Customer>(&client, "cus_1").await?;
    /// println!("{:?}", customer.email());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Client`](Error::Client) when the call fails; of a type that Stripe does not hand out by id, nothing is sent.
    /// [`Sync`](Error::Sync), [`Snapshot`](Error::Snapshot) and [`Store`](Error::Store) when what came cannot be stored.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the store as it was before the call or as it is after it.
    pub async fn retrieve<T: Resource>(
        &self,
        client: &Client,
        id: &str,
    ) -> Result<Stored<T>, Error> {
        let call = of_scope(client, self.scope()).retrieve::<T>(id);
        let fetched = call.send().await?;
        self.put::<T>(fetched.response()).await
    }

    /// The row of an object; where there is none, as [`retrieve`](Self::retrieve). A deleted object that is here causes no
    /// call.
    ///
    /// # Errors
    ///
    /// As [`retrieve`](Self::retrieve).
    pub async fn get_or_retrieve<T: Resource>(
        &self,
        client: &Client,
        id: &str,
    ) -> Result<Stored<T>, Error> {
        match self.including_deleted().get::<T>(id).await? {
            Some(found) => Ok(found),
            None => self.retrieve(client, id).await,
        }
    }

    /// Reads the object of a row from Stripe anew, for the row's account and mode.
    ///
    /// # Errors
    ///
    /// As [`retrieve`](Self::retrieve).
    pub async fn refresh<T: Resource>(
        &self,
        client: &Client,
        object: &Stored<T>,
    ) -> Result<Stored<T>, Error> {
        let row = object.row();
        let there = self.with_scope(row.scope());
        there.retrieve(client, row.stripe_id()).await
    }

    /// Sends a call that answers with an object, writes the object, and returns the row: what came, or something newer that
    /// came meanwhile.
    ///
    /// The call is one of the client's, or of an [operation](crate::resources::operations). It says which account it is for,
    /// and the row is that account's. What is sent with [`Call::send`] instead is not written: a preview, a key, a link.
    ///
    /// An answer that says that the object was deleted deletes its row. What is returned is then the row with what was last
    /// seen of the object: for [`DeleteCustomer`](crate::resources::operations::DeleteCustomer) a
    /// [`Customer`](crate::resources::Customer) that [is deleted](Stored::is_deleted).
    ///
    /// An answer that repeats an earlier one, because of an idempotency key of the caller's, may be a day old: then the
    /// object is read from Stripe once more, to know its state.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), stripe_store::Error> {
    /// # use stripe_store::Store;
    /// # use stripe_store::client::Client;
    /// use stripe_store::resources::operations::{CreateCustomer, DeleteCustomer};
    ///
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # let client: Client = unimplemented!();
    /// let create = CreateCustomer::new().email("ada@example.com");
    /// let customer = store.send(client.call(create)).await?;
    /// println!("{:?}", customer.email());
    ///
    /// let customer = store.send(client.call(DeleteCustomer::new(customer.id()))).await?;
    /// assert!(customer.is_deleted());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`retrieve`](Self::retrieve). [`Replayed`](SyncError::Replayed) when the object of an answer that repeats an
    /// earlier one would have to be read, and cannot be.
    ///
    /// When the call succeeded and the store failed, the object is at Stripe and not here: sending the call again with its
    /// idempotency key, or the object's event, brings it.
    pub async fn send<T: Storable>(&self, call: Call<One<T>>) -> Result<Stored<T::Row>, Error> {
        let (client, check) = (call.client(), call.check());
        let fetched = call.send().await?;
        let response = fetched.response();
        if T::IS_TOMBSTONE || response.interval().is_some() {
            return self.put::<T>(response).await;
        }
        let read = Snapshot::read(response.text())?;
        let facts: Option<ResourceFacts> =
            T::FACTS.or_else(|| resources::facts(read.object()).copied());
        let Some(facts) = facts else {
            let object = ObjectRef::one(read.object(), read.id());
            return Err(SyncError::Replayed { object }.into());
        };
        let there = self.with_scope(scope_of(self.scope(), response));
        let client = of_scope(&client, there.scope());
        let again = client.read_by_id::<T>(facts, read.id(), check);
        there.put::<T>(again.send().await?.response()).await
    }

    /// Writes what came, and reads the row.
    async fn put<T: Storable>(&self, response: &Response) -> Result<Stored<T::Row>, Error> {
        let mut snapshot = Snapshot::read(response.text())?;
        let (object, id) = (snapshot.object().to_owned(), snapshot.id().to_owned());
        let stub;
        if T::IS_TOMBSTONE && !snapshot.is_deleted() {
            // Answers of v2 name what was deleted, and say no more.
            stub = object_stub(&object, &id);
            snapshot = Snapshot::read(&*stub)?;
        }
        let interval = match response.interval() {
            // When it was deleted is not known, but that it is for good.
            None if T::IS_TOMBSTONE => response.date(),
            interval => interval,
        };
        let Some(interval) = interval else {
            let object = ObjectRef::one(&object, &id);
            return Err(SyncError::NoDate { object }.into());
        };
        let there = self.with_scope(scope_of(self.scope(), response));
        there
            .write(&[snapshot_at(snapshot, response, interval)])
            .await?;
        let row = there
            .including_deleted()
            .get_one::<T::Row>(&object, &id)
            .await?;
        row.ok_or_else(|| StoreError::NoneFound { object }.into())
    }
}

/// Whose an answer is, and in which mode where its key says it.
fn scope_of(scope: &Scope, meta: &Meta) -> Scope {
    let scope = scope.clone().with_mode(meta.mode().unwrap_or(scope.mode()));
    match meta.account() {
        Some(account) => scope.with_account(account),
        None => scope.with_platform(),
    }
}
