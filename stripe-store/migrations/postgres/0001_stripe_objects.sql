-- Every Stripe object of every type, as the JSON that Stripe sent.
--
-- Keys and source compare by byte (COLLATE "C"), so that pages and "newer" come out the same on every server and in
-- SQLite, and no update of the system's locales disturbs an index.
CREATE TABLE stripe_objects (
    -- acct_… for a connected account, '' for the account that the API key belongs to
    account text COLLATE "C" NOT NULL DEFAULT '',
    livemode boolean NOT NULL,
    -- Stripe's name of the type: customer, checkout.session, …
    object text COLLATE "C" NOT NULL,
    -- Stripe's id; the name of the type for what exists once and has no id (balance)
    stripe_id text COLLATE "C" NOT NULL,
    data jsonb NOT NULL,
    -- SHA-256 of data in a spelling of which there is one, by which equal data is known; NULL where something else than
    -- the store wrote data
    data_digest bytea,
    -- the API version that rendered data, where known
    api_version text,
    -- the interval of Stripe's clock in which data was taken, in unix milliseconds, end exclusive
    as_of bigint NOT NULL,
    as_of_until bigint NOT NULL,
    -- what brought data: an event's id, a request's id, 'import'
    source text COLLATE "C" NOT NULL,
    -- what the event says that brought data: the values before the change, and 0 for a creation, 2 for a deletion
    previous_attributes jsonb,
    change smallint NOT NULL DEFAULT 1 CHECK (change BETWEEN 0 AND 2),
    -- whether there are rows in stripe_rivals
    has_rivals boolean NOT NULL DEFAULT false,
    -- when the object was deleted at Stripe, by Stripe's clock
    deleted_at timestamptz,
    -- this row, here
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, livemode, object, stripe_id),
    CHECK (object <> '' AND stripe_id <> ''),
    CHECK (as_of <= as_of_until)
);

-- lz4 unpacks several times faster than the default. Servers before 14, or built without it, keep the default.
DO $$
BEGIN
    EXECUTE 'ALTER TABLE stripe_objects ALTER COLUMN data SET COMPRESSION lz4';
EXCEPTION
    WHEN syntax_error OR feature_not_supported OR invalid_parameter_value THEN NULL;
END
$$;

-- The other indexes have account and object in the collation "POSIX", which is "C" under another name, and so have the
-- queries that are for them. Without it the planner may look up a key in any of them, and read every entry of the type:
-- on a table that has no statistics yet, it takes that for as good as the primary key.

-- Lists, newest first: (created, stripe_id) descending, read backwards. What has no number in created counts as 0.
CREATE INDEX stripe_objects_created_idx ON stripe_objects (
    account COLLATE "POSIX", livemode, object COLLATE "POSIX",
    (CASE WHEN jsonb_typeof(data -> 'created') = 'number'
        THEN trunc(least(greatest((data -> 'created')::numeric, 0), 9999999999))::bigint
        ELSE 0 END),
    stripe_id
);

-- Tombstones, oldest first, for those who remove them.
CREATE INDEX stripe_objects_deleted_idx ON stripe_objects (deleted_at) WHERE deleted_at IS NOT NULL;

-- References, by id, whether Stripe sent the id or the expanded object. Cut at 255 characters, because an index entry
-- has a size limit and no object may be refused for what is in it.
CREATE INDEX stripe_objects_customer_idx ON stripe_objects (
    account COLLATE "POSIX", livemode, object COLLATE "POSIX",
    (left(coalesce(data #>> '{customer,id}', data ->> 'customer'), 255))
) WHERE left(coalesce(data #>> '{customer,id}', data ->> 'customer'), 255) IS NOT NULL;

CREATE INDEX stripe_objects_subscription_idx ON stripe_objects (
    account COLLATE "POSIX", livemode, object COLLATE "POSIX",
    (left(coalesce(data #>> '{subscription,id}', data ->> 'subscription'), 255))
) WHERE left(coalesce(data #>> '{subscription,id}', data ->> 'subscription'), 255) IS NOT NULL;

CREATE INDEX stripe_objects_invoice_idx ON stripe_objects (
    account COLLATE "POSIX", livemode, object COLLATE "POSIX",
    (left(coalesce(data #>> '{invoice,id}', data ->> 'invoice'), 255))
) WHERE left(coalesce(data #>> '{invoice,id}', data ->> 'invoice'), 255) IS NOT NULL;

CREATE INDEX stripe_objects_payment_intent_idx ON stripe_objects (
    account COLLATE "POSIX", livemode, object COLLATE "POSIX",
    (left(coalesce(data #>> '{payment_intent,id}', data ->> 'payment_intent'), 255))
) WHERE left(coalesce(data #>> '{payment_intent,id}', data ->> 'payment_intent'), 255) IS NOT NULL;

-- Of the bank accounts and cards that payouts go to.
CREATE INDEX stripe_objects_account_idx ON stripe_objects (
    account COLLATE "POSIX", livemode, object COLLATE "POSIX",
    (left(coalesce(data #>> '{account,id}', data ->> 'account'), 255))
) WHERE object COLLATE "POSIX" IN ('bank_account', 'card')
    AND left(coalesce(data #>> '{account,id}', data ->> 'account'), 255) IS NOT NULL;

CREATE INDEX stripe_objects_status_idx ON stripe_objects (
    account COLLATE "POSIX", livemode, object COLLATE "POSIX",
    (left(data ->> 'status', 255))
) WHERE left(data ->> 'status', 255) IS NOT NULL;

-- What time cannot tell from the row's snapshot: later arrivals are decided against all of them.
CREATE TABLE stripe_rivals (
    account text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    object text COLLATE "C" NOT NULL,
    stripe_id text COLLATE "C" NOT NULL,
    place integer NOT NULL,
    data jsonb NOT NULL,
    api_version text,
    as_of bigint NOT NULL,
    as_of_until bigint NOT NULL,
    source text COLLATE "C" NOT NULL,
    previous_attributes jsonb,
    change smallint NOT NULL,
    PRIMARY KEY (account, livemode, object, stripe_id, place)
);

-- Objects to be read again from Stripe, why, and from when on that settles the matter, in unix milliseconds. A reason is
-- 0 where time did not tell which snapshot is the newest, and 1 where a list inside the object was cut short.
CREATE TABLE stripe_dirty_objects (
    account text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    object text COLLATE "C" NOT NULL,
    stripe_id text COLLATE "C" NOT NULL,
    reason smallint NOT NULL DEFAULT 0 CHECK (reason BETWEEN 0 AND 1),
    not_before bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account, livemode, object, stripe_id, reason)
);
