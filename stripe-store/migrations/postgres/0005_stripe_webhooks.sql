-- What is done about events after they have come: their handlers, and the log of the requests that brought them.
ALTER TABLE stripe_events
    -- what the event is about: events of one object are handled one after the other; null where it names none
    ADD COLUMN object text COLLATE "C",
    ADD COLUMN stripe_id text COLLATE "C",
    -- 0: its object was created, 1: updated, 2: deleted; orders events of one second
    ADD COLUMN change smallint NOT NULL DEFAULT 1,
    -- the names of the queued handlers that have done their work, as a JSON array
    ADD COLUMN handled text,
    -- not to be worked on before
    ADD COLUMN due_at timestamptz,
    -- who works on it, and until when nobody else does
    ADD COLUMN lease text COLLATE "C",
    ADD COLUMN leased_until timestamptz;

-- pending: to be applied; queued: applied, and handlers are to run; applied: nothing is left to do;
-- failed: it could not be applied; dead: it is applied, and a handler gave up. last_error says why.
ALTER TABLE stripe_events DROP CONSTRAINT stripe_events_status_check;
ALTER TABLE stripe_events ADD CONSTRAINT stripe_events_status_check
    CHECK (status IN ('pending', 'queued', 'applied', 'failed', 'dead'));

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
    delivery_id text COLLATE "C" NOT NULL PRIMARY KEY,
    endpoint text NOT NULL,
    -- the sender's address, where known
    remote_address text,
    -- a JSON array of pairs, without secrets
    headers text NOT NULL,
    -- null where stripe_events has it; its beginning where it is long; '<binary>' where it is no text
    body text,
    body_bytes bigint NOT NULL,
    -- accepted, duplicate, ignored, kept, invalid, failed
    verdict text COLLATE "C" NOT NULL,
    -- what was answered
    http_status smallint NOT NULL,
    event_id text COLLATE "C",
    error text,
    -- how many requests that were refused alike came before it and have no row, because there were too many
    not_logged bigint NOT NULL DEFAULT 0,
    duration_us bigint NOT NULL,
    received_at timestamptz NOT NULL
);

DO $$
BEGIN
    EXECUTE 'ALTER TABLE stripe_webhook_deliveries ALTER COLUMN headers SET COMPRESSION lz4, ALTER COLUMN body SET COMPRESSION lz4';
EXCEPTION
    WHEN syntax_error OR feature_not_supported OR invalid_parameter_value THEN NULL;
END
$$;

-- Of what was refused, which anybody can send, less is kept.
CREATE INDEX stripe_webhook_deliveries_invalid_idx ON stripe_webhook_deliveries (delivery_id) WHERE verdict = 'invalid';
