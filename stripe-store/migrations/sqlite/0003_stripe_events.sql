-- The inbox: every event that reached the store, by whatever way, once.
CREATE TABLE stripe_events (
    event_id TEXT NOT NULL PRIMARY KEY,
    -- acct_… for a connected account, '' for the account that the API key belongs to
    account TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    -- when Stripe created it, in unix seconds
    created INTEGER NOT NULL,
    -- the API version that rendered what it carries, where known
    api_version TEXT,
    -- as Stripe sent it, byte for byte
    payload TEXT NOT NULL,
    -- pending: to be applied; applied: its object is in the table, or it brings none; failed: last_error says why not
    status TEXT NOT NULL CHECK (status IN ('pending', 'applied', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    received_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

-- What is to be done, the oldest first; and what could not be done.
CREATE INDEX stripe_events_pending_idx ON stripe_events (created, event_id) WHERE status = 'pending';
CREATE INDEX stripe_events_failed_idx ON stripe_events (created, event_id) WHERE status = 'failed';
