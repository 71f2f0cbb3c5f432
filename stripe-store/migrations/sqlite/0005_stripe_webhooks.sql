-- What is done about events after they have come: their handlers, and the log of the requests that brought them.
CREATE TABLE stripe_events_new (
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
    -- pending: to be applied; queued: applied, and handlers are to run; applied: nothing is left to do;
    -- failed: it could not be applied; dead: it is applied, and a handler gave up. last_error says why.
    status TEXT NOT NULL CHECK (status IN ('pending', 'queued', 'applied', 'failed', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    received_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    -- what the event is about: events of one object are handled one after the other; null where it names none
    object TEXT,
    stripe_id TEXT,
    -- 0: its object was created, 1: updated, 2: deleted; orders events of one second
    change INTEGER NOT NULL DEFAULT 1,
    -- the names of the queued handlers that have done their work, as a JSON array
    handled TEXT,
    -- not to be worked on before
    due_at TEXT,
    -- who works on it, and until when nobody else does
    lease TEXT,
    leased_until TEXT
) STRICT;

INSERT INTO stripe_events_new (event_id, account, livemode, event_type, created, api_version, payload, status, attempts,
    last_error, received_at, updated_at)
SELECT event_id, account, livemode, event_type, created, api_version, payload, status, attempts, last_error, received_at,
    updated_at FROM stripe_events;
DROP TABLE stripe_events;
ALTER TABLE stripe_events_new RENAME TO stripe_events;

CREATE INDEX stripe_events_pending_idx ON stripe_events (created, event_id) WHERE status = 'pending';
CREATE INDEX stripe_events_failed_idx ON stripe_events (created, event_id) WHERE status = 'failed';
-- The queue, and the order in which events of one object leave it.
CREATE INDEX stripe_events_queued_idx ON stripe_events (due_at, created, event_id) WHERE status = 'queued';
CREATE INDEX stripe_events_object_idx ON stripe_events (account, livemode, object, stripe_id, created, change, event_id)
    WHERE status = 'queued';
-- All of them in the order of lists, and what is old enough to go.
CREATE INDEX stripe_events_created_idx ON stripe_events (created, event_id);
CREATE INDEX stripe_events_dead_idx ON stripe_events (created, event_id) WHERE status = 'dead';

-- The log of what reached the endpoints, valid or not, as long as retention has it.
CREATE TABLE stripe_webhook_deliveries (
    -- begins with the time, so that its order is that of coming
    delivery_id TEXT NOT NULL PRIMARY KEY,
    endpoint TEXT NOT NULL,
    -- the sender's address, where known
    remote_address TEXT,
    -- a JSON array of pairs, without secrets
    headers TEXT NOT NULL,
    -- null where stripe_events has it; its beginning where it is long; '<binary>' where it is no text
    body TEXT,
    body_bytes INTEGER NOT NULL,
    -- accepted, duplicate, ignored, kept, invalid, failed
    verdict TEXT NOT NULL,
    -- what was answered
    http_status INTEGER NOT NULL,
    event_id TEXT,
    error TEXT,
    -- how many requests that were refused alike came before it and have no row, because there were too many
    not_logged INTEGER NOT NULL DEFAULT 0,
    duration_us INTEGER NOT NULL,
    received_at TEXT NOT NULL
) STRICT;

-- Of what was refused, which anybody can send, less is kept.
CREATE INDEX stripe_webhook_deliveries_invalid_idx ON stripe_webhook_deliveries (delivery_id) WHERE verdict = 'invalid';
