-- How far what is read from Stripe in pages has come: JSON, one row for each list, account and mode.
CREATE TABLE stripe_sync_state (
    account TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    -- the path of the list
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (account, livemode, name)
) STRICT, WITHOUT ROWID;
