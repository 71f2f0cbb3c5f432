-- How far what is read from Stripe in pages has come: JSON, one row for each list, account and mode.
CREATE TABLE stripe_sync_state (
    account text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    -- the path of the list
    name text COLLATE "C" NOT NULL,
    state text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account, livemode, name)
);
