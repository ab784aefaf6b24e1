-- Webhooks: where a workspace's events are sent, what is to be sent, and what came of each attempt.

CREATE TABLE webhooks (
    id              TEXT    NOT NULL PRIMARY KEY,
    workspace_id    TEXT    NOT NULL REFERENCES workspaces (id),
    -- The URL as it may be shown, without its query; the whole one is sealed, like the secret that signs.
    shown_url       TEXT    NOT NULL,
    sealed_url      TEXT    NOT NULL,
    sealed_secret   TEXT    NOT NULL,
    -- Kinds of events between commas.
    kinds           TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    is_active       BOOLEAN NOT NULL,
    -- Since when and why it is not, where the server switched it off.
    inactive_since  BIGINT,
    inactive_reason TEXT,
    -- Since when no attempt has succeeded, and how the last one failed.
    failing_since   BIGINT,
    last_error      TEXT,
    created_by      TEXT    NOT NULL,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL
);

CREATE INDEX webhooks_of_workspace ON webhooks (workspace_id, created_at);

CREATE TABLE webhook_deliveries (
    -- The receiver is told it with every attempt.
    id              TEXT   NOT NULL PRIMARY KEY,
    webhook_id      TEXT   NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    workspace_id    TEXT   NOT NULL REFERENCES workspaces (id),
    kind            TEXT   NOT NULL CHECK (kind IN ('commit', 'push', 'upload', 'sync', 'ping')),
    -- The event that is told; a ping tells none, and has its text here.
    event_id        BIGINT,
    ping_json       TEXT,
    state           TEXT   NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    created_at      BIGINT NOT NULL,
    -- When the next attempt may begin.
    due_at          BIGINT NOT NULL,
    finished_at     BIGINT,
    -- How often it was tried since it was made or somebody asked for it again, and in all.
    tries           BIGINT NOT NULL DEFAULT 0,
    attempts        BIGINT NOT NULL DEFAULT 0,
    -- Who sends it, and until when nobody else may.
    lease_owner     TEXT,
    leased_until    BIGINT,
    -- What came of the last attempt.
    last_status     BIGINT,
    last_error_json TEXT
);

CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, created_at);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (due_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, event_id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_leased ON webhook_deliveries (workspace_id) WHERE leased_until IS NOT NULL;

CREATE TABLE webhook_attempts (
    delivery_id  TEXT   NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number       BIGINT NOT NULL,
    begun_at     BIGINT NOT NULL,
    -- Absent as long as it is under way, and for good when the server ended meanwhile.
    duration_ms  BIGINT,
    status       BIGINT,
    error_json   TEXT,
    -- What was sent beside the body, and how the answer began.
    shown_url    TEXT,
    headers_json TEXT,
    answer       TEXT,
    PRIMARY KEY (delivery_id, number)
);
