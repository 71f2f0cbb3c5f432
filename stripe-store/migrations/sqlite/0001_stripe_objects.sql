-- Every Stripe object of every type, as the JSON that Stripe sent.
CREATE TABLE stripe_objects (
    -- acct_… for a connected account, '' for the account that the API key belongs to
    account TEXT NOT NULL DEFAULT '',
    livemode INTEGER NOT NULL CHECK (livemode IN (0, 1)),
    -- Stripe's name of the type: customer, checkout.session, …
    object TEXT NOT NULL CHECK (object <> ''),
    -- Stripe's id; the name of the type for what exists once and has no id (balance)
    stripe_id TEXT NOT NULL CHECK (stripe_id <> ''),
    data TEXT NOT NULL CHECK (json_valid(data)),
    -- the API version that rendered data, where known
    api_version TEXT,
    -- the interval of Stripe's clock in which data was taken, in unix milliseconds, end exclusive
    as_of INTEGER NOT NULL,
    as_of_until INTEGER NOT NULL CHECK (as_of <= as_of_until),
    -- what brought data: an event's id, a request's id, 'import'
    source TEXT NOT NULL,
    -- what the event says that brought data: the values before the change, and 0 for a creation, 2 for a deletion
    previous_attributes TEXT,
    change INTEGER NOT NULL DEFAULT 1 CHECK (change BETWEEN 0 AND 2),
    -- whether there are rows in stripe_rivals
    has_rivals INTEGER NOT NULL DEFAULT 0 CHECK (has_rivals IN (0, 1)),
    -- when the object was deleted at Stripe, by Stripe's clock; all times as 2023-11-14T22:13:20.123Z
    deleted_at TEXT,
    -- this row, here
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (account, livemode, object, stripe_id)
) STRICT;

-- Lists, newest first: (created, stripe_id) descending, read backwards. What has no number in created counts as 0.
CREATE INDEX stripe_objects_created_idx ON stripe_objects (
    account, livemode, object,
    (CASE WHEN json_type(data, '$.created') IN ('integer', 'real')
        THEN CAST(min(max(data ->> '$.created', 0), 9999999999) AS INTEGER)
        ELSE 0 END),
    stripe_id
);

-- Tombstones, oldest first, for those who remove them.
CREATE INDEX stripe_objects_deleted_idx ON stripe_objects (deleted_at) WHERE deleted_at IS NOT NULL;

-- References, by id, whether Stripe sent the id or the expanded object.
CREATE INDEX stripe_objects_customer_idx ON stripe_objects (
    account, livemode, object, (coalesce(data ->> '$.customer.id', data ->> '$.customer'))
) WHERE coalesce(data ->> '$.customer.id', data ->> '$.customer') IS NOT NULL;

CREATE INDEX stripe_objects_subscription_idx ON stripe_objects (
    account, livemode, object, (coalesce(data ->> '$.subscription.id', data ->> '$.subscription'))
) WHERE coalesce(data ->> '$.subscription.id', data ->> '$.subscription') IS NOT NULL;

CREATE INDEX stripe_objects_invoice_idx ON stripe_objects (
    account, livemode, object, (coalesce(data ->> '$.invoice.id', data ->> '$.invoice'))
) WHERE coalesce(data ->> '$.invoice.id', data ->> '$.invoice') IS NOT NULL;

CREATE INDEX stripe_objects_payment_intent_idx ON stripe_objects (
    account, livemode, object, (coalesce(data ->> '$.payment_intent.id', data ->> '$.payment_intent'))
) WHERE coalesce(data ->> '$.payment_intent.id', data ->> '$.payment_intent') IS NOT NULL;

-- Of the bank accounts and cards that payouts go to.
CREATE INDEX stripe_objects_account_idx ON stripe_objects (
    account, livemode, object, (coalesce(data ->> '$.account.id', data ->> '$.account'))
) WHERE object IN ('bank_account', 'card') AND coalesce(data ->> '$.account.id', data ->> '$.account') IS NOT NULL;

CREATE INDEX stripe_objects_status_idx ON stripe_objects (
    account, livemode, object, (data ->> '$.status')
) WHERE data ->> '$.status' IS NOT NULL;

-- What time cannot tell from the row's snapshot: later arrivals are decided against all of them.
CREATE TABLE stripe_rivals (
    account TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    object TEXT NOT NULL,
    stripe_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    data TEXT NOT NULL,
    api_version TEXT,
    as_of INTEGER NOT NULL,
    as_of_until INTEGER NOT NULL,
    source TEXT NOT NULL,
    previous_attributes TEXT,
    change INTEGER NOT NULL,
    PRIMARY KEY (account, livemode, object, stripe_id, place)
) STRICT, WITHOUT ROWID;

-- Objects to be read again from Stripe, why, and from when on that settles the matter, in unix milliseconds. A reason is
-- 0 where time did not tell which snapshot is the newest, and 1 where a list inside the object was cut short.
CREATE TABLE stripe_dirty_objects (
    account TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    object TEXT NOT NULL,
    stripe_id TEXT NOT NULL,
    reason INTEGER NOT NULL DEFAULT 0 CHECK (reason BETWEEN 0 AND 1),
    not_before INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (account, livemode, object, stripe_id, reason)
) STRICT, WITHOUT ROWID;
