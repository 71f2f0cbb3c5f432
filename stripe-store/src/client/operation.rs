//! Operations: parameters for one method and path of the API, in a type of their own each.
//!
//! The [builders](crate::resources::operations) are generated; what they stand on is here. This module must not know
//! any operation by name.

mod object;
mod parameters;
mod range;

use std::marker::PhantomData;

use super::Client;
use super::call::{Call, One, Raw, Target};
use super::check::Check;
use super::many::Many;
use super::path::{ApiPath, PathError};
use super::request::{Host, Method};
use crate::view::View;

pub use self::object::{IntoObject, IntoObjects};
pub use self::parameters::Parameters;
pub use self::range::TimeRange;

/// An operation of the API with its parameters, ready for [`Client::call`].
///
/// Every builder in [`resources::operations`](crate::resources::operations) is one.
///
/// ```
/// use stripe_store::client::{Operation, OperationFacts};
/// use stripe_store::resources::operations::CaptureCharge;
///
/// fn path<O: Operation>(_: &O) -> &'static str {
///     O::Facts::PATH
/// }
/// let capture = CaptureCharge::new("ch_1").amount(500);
/// assert_eq!(path(&capture), "/v1/charges/{charge}/capture");
/// assert_eq!(capture.parameters().values()["amount"], 500);
/// ```
pub trait Operation: Sized {
    /// Where it goes, and what it answers with.
    type Facts: OperationFacts;

    /// What was set so far.
    fn parameters(&self) -> &Parameters;

    /// What was set.
    fn into_parameters(self) -> Parameters;
}

/// Where an operation goes, and what it answers with.
pub trait OperationFacts {
    /// What it answers with: [`One`] object, [`Many`] page by page, or [`Raw`] JSON.
    type Answer: Answer;
    /// Its method.
    const METHOD: Method;
    /// Its path, with names in braces where ids go.
    const PATH: &'static str;
    /// Which of Stripe's servers has it.
    const HOST: Host = Host::Api;
    /// What the objects of its answer are held against.
    #[doc(hidden)]
    const CHECK: Check = Check::ANYTHING;
}

/// What a [`Call`] answers with: [`One`], [`Many`] or [`Raw`].
pub trait Answer: sealed::Answer {}

mod sealed {
    use super::{ApiPath, Check, PathError};

    /// Made by the client alone.
    pub trait Answer {
        fn of(path: Result<ApiPath, PathError>, check: Check) -> Self;
    }
}

impl<T: View> Answer for One<T> {}

impl<T: View> sealed::Answer for One<T> {
    fn of(path: Result<ApiPath, PathError>, check: Check) -> Self {
        Self {
            target: Target::Path(path),
            check,
            of: PhantomData,
        }
    }
}

impl<T: View> Answer for Many<T> {}

impl<T: View> sealed::Answer for Many<T> {
    fn of(path: Result<ApiPath, PathError>, check: Check) -> Self {
        Self {
            target: Target::Path(path),
            cursor: None,
            check,
            of: PhantomData,
        }
    }
}

impl Answer for Raw {}

impl sealed::Answer for Raw {
    fn of(path: Result<ApiPath, PathError>, _: Check) -> Self {
        Self { path }
    }
}

/// The path of an operation, with its ids.
fn path<O: Operation>(ids: &[String]) -> Result<ApiPath, PathError> {
    // Constructors ask for all ids; an operation of one's own that does not has the name left over.
    ApiPath::fill(O::Facts::PATH, ids)?.map_err(|name| PathError::Segment {
        segment: format!("{{{name}}}").into(),
    })
}

impl Client {
    /// A call of an operation.
    ///
    /// The types of [`resources::operations`](crate::resources::operations) are one for each operation of the API, with
    /// what it cannot do without in the constructor, and a setter for every other parameter.
    ///
    /// ```no_run
    /// # async fn example(client: &stripe_store::client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::TryStreamExt;
    /// use stripe_store::resources::operations::{
    ///     CreateSubscription, CreateSubscriptionItems, ListInvoices, ListInvoicesStatus, UpdateCustomer,
    /// };
    ///
    /// let subscription = CreateSubscription::new()
    ///     .customer("cus_1")
    ///     .items([CreateSubscriptionItems::new().price("price_gold")])
    ///     .trial_period_days(14)
    ///     .metadata([("tier", "gold")])
    ///     .expand("latest_invoice");
    /// let subscription = client.call(subscription).idempotency_key("signup-42").send().await?;
    /// println!("{:?}", subscription.status());
    ///
    /// client.call(UpdateCustomer::new("cus_1").name("Ada")).send().await?;
    ///
    /// let open = ListInvoices::new().status(ListInvoicesStatus::Open);
    /// let mut open = client.call(open).stream();
    /// while let Some(item) = open.try_next().await? {
    ///     println!("{:?}", item.view()?.amount_due());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Objects that are nested in parameters have builders too, named after where they stand; `serde_json::json!` can be
    /// given in their place, for what is newer than the description: [`IntoObject`], [`IntoObjects`].
    ///
    /// What an operation cannot do without is an argument of its constructor:
    ///
    /// ```compile_fail,E0061
    /// stripe_store::resources::operations::UpdateCustomer::new();
    /// ```
    pub fn call<O: Operation>(&self, operation: O) -> Call<<O::Facts as OperationFacts>::Answer> {
        let Parameters { ids, values } = operation.into_parameters();
        let answer = sealed::Answer::of(path::<O>(&ids), O::Facts::CHECK);
        let mut call = Call::new(self, O::Facts::METHOD, answer);
        call.options.host = O::Facts::HOST;
        call.options.params = values;
        call
    }
}

/// An operation, built, for our own tests.
#[cfg(feature = "_exercise")]
#[doc(hidden)]
#[derive(Debug)]
pub struct Exercised {
    /// Its method.
    pub method: Method,
    /// Its path, as it stands in the type.
    pub template: &'static str,
    /// Its path, with ids.
    pub path: Result<ApiPath, PathError>,
    /// Which of Stripe's servers has it.
    pub host: Host,
    /// Its parameters, by name.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// What its answer is, as Rust has it.
    pub answer: &'static str,
}

#[cfg(feature = "_exercise")]
impl Exercised {
    /// What is in an operation.
    pub fn of<O: Operation>(operation: &O) -> Self {
        let Parameters { ids, values } = operation.parameters();
        Self {
            method: O::Facts::METHOD,
            template: O::Facts::PATH,
            path: path::<O>(ids),
            host: O::Facts::HOST,
            params: values.clone(),
            answer: std::any::type_name::<<O::Facts as OperationFacts>::Answer>(),
        }
    }
}
