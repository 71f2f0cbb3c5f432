-- Idempotency keys of writes in flight: one for each type, action, mode and account.
CREATE TABLE stripe_idempotency_keys (
    -- acct_… for a connected account, '' for the account that the API key belongs to
    account text COLLATE "C" NOT NULL,
    -- live, test, or '' where neither the request nor the API key says
    mode text COLLATE "C" NOT NULL,
    -- the type that is acted on: customer
    object text COLLATE "C" NOT NULL,
    -- what is done, and for whom: create:42
    action text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account, mode, object, action)
);
