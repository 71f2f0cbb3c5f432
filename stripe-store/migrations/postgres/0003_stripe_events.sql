-- The inbox: every event that reached the store, by whatever way, once.
CREATE TABLE stripe_events (
    event_id text COLLATE "C" NOT NULL PRIMARY KEY,
    -- acct_… for a connected account, '' for the account that the API key belongs to
    account text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    -- when Stripe created it, in unix seconds
    created bigint NOT NULL,
    -- the API version that rendered what it carries, where known
    api_version text,
    -- as Stripe sent it, byte for byte
    payload text NOT NULL,
    -- pending: to be applied; applied: its object is in the table, or it brings none; failed: last_error says why not
    status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'applied', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    received_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

DO $$
BEGIN
    EXECUTE 'ALTER TABLE stripe_events ALTER COLUMN payload SET COMPRESSION lz4';
EXCEPTION
    WHEN syntax_error OR feature_not_supported OR invalid_parameter_value THEN NULL;
END
$$;

-- What is to be done, the oldest first; and what could not be done.
CREATE INDEX stripe_events_pending_idx ON stripe_events (created, event_id) WHERE status = 'pending';
CREATE INDEX stripe_events_failed_idx ON stripe_events (created, event_id) WHERE status = 'failed';
