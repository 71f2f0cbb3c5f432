-- Idempotency keys of writes in flight: one for each type, action, mode and account.
CREATE TABLE stripe_idempotency_keys (
    -- acct_… for a connected account, '' for the account that the API key belongs to
    account TEXT NOT NULL,
    -- live, test, or '' where neither the request nor the API key says
    mode TEXT NOT NULL,
    -- the type that is acted on: customer
    object TEXT NOT NULL,
    -- what is done, and for whom: create:42
    action TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (account, mode, object, action)
) STRICT, WITHOUT ROWID;
