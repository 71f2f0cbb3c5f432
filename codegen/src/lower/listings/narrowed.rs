//! The lists that leave something out unless they are asked for it, and that do not say so by a value `all`.

/// A list that leaves something out.
#[derive(Debug)]
pub(super) struct Narrowed {
    pub(super) path: &'static str,
    /// The parameter that brings it back.
    pub(super) parameter: &'static str,
    pub(super) narrowing: Narrowing,
}

/// What has to be asked so that nothing is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrowing {
    /// Each of these values, in a list of its own.
    Each(&'static [&'static str]),
    /// All values, together in one list.
    Whole,
    /// Each value, or the id of each object that the parameter names: without it, there is no list.
    Required,
    /// The id of each object that the parameter names, besides the list without it.
    Also,
}

/// What Stripe's API reference says of its lists, which the description does not carry.
///
/// All operations that list were looked through. The other optional parameters only choose among what is listed.
/// Not among these is `/v1/tax_ids`, which lists the account's own: those of customers have a list each.
pub(super) const NARROWED: &[Narrowed] = &[
    // "Returns a list of your active prices […]. For the list of inactive prices, set active to false."
    // https://docs.stripe.com/api/prices/list
    Narrowed {
        path: "/v1/prices",
        parameter: "active",
        narrowing: Narrowing::Each(&["true", "false"]),
    },
    // "If omitted, returns only Accounts that are not closed."
    // https://docs.stripe.com/api/v2/core/accounts/list
    Narrowed {
        path: "/v2/core/accounts",
        parameter: "closed",
        narrowing: Narrowing::Each(&["false", "true"]),
    },
    // "By default, closed FinancialAccounts are not returned."
    // https://docs.stripe.com/api/v2/money-management/financial-accounts/list
    Narrowed {
        path: "/v2/money_management/financial_accounts",
        parameter: "statuses",
        narrowing: Narrowing::Whole,
    },
    // "The response will not include customers with test clocks if this parameter is not set."
    // https://docs.stripe.com/api/customers/list
    Narrowed {
        path: "/v1/customers",
        parameter: "test_clock",
        narrowing: Narrowing::Also,
    },
    // The same, "if this and the customer parameter is not set". https://docs.stripe.com/api/quotes/list
    Narrowed {
        path: "/v1/quotes",
        parameter: "test_clock",
        narrowing: Narrowing::Also,
    },
    // The same. https://docs.stripe.com/api/subscriptions/list
    Narrowed {
        path: "/v1/subscriptions",
        parameter: "test_clock",
        narrowing: Narrowing::Also,
    },
    // The list is of one customer, who was a required parameter until there was a second way of naming one.
    // https://docs.stripe.com/api/billing/credit-balance-transaction/list
    Narrowed {
        path: "/v1/billing/credit_balance_transactions",
        parameter: "customer",
        narrowing: Narrowing::Required,
    },
];
