-- Uploads as jobs: a row names what should be true (this bundle is merged), and workers make it so.

-- The same table with more states and ways: SQLite changes no CHECK in place.
CREATE TABLE uploads_as_jobs (
    id               TEXT   NOT NULL PRIMARY KEY,
    workspace_id     TEXT   NOT NULL REFERENCES workspaces (id),
    -- inline: inside the request; presigned: put to the store; server: put to our own route, which puts it there.
    via              TEXT   NOT NULL CHECK (via IN ('inline', 'presigned', 'server')),
    state            TEXT   NOT NULL
        CHECK (state IN ('open', 'queued', 'running', 'succeeded', 'failed', 'expired', 'cancelled')),
    -- Who made it, and by which token: that token may poll it.
    email            TEXT   NOT NULL,
    token_id         TEXT   NOT NULL,
    options_json     TEXT   NOT NULL,
    sha256           TEXT,
    size_bytes       BIGINT,
    -- Where the bundle lies, as long as it is kept.
    object_key       TEXT,
    expires_at       BIGINT,
    created_at       BIGINT NOT NULL,
    -- When somebody or something said that the bundle is there; the order within the workspace.
    queued_at        BIGINT,
    -- When it was last begun.
    started_at       BIGINT,
    finished_at      BIGINT,
    commit_id        TEXT,
    -- What said that the bundle is there.
    completed_by     TEXT   CHECK (completed_by IN ('client', 'notification', 'sweeper')),
    -- In whose name it is merged, and what its commit carries.
    errand_json      TEXT,
    -- How often it was begun since it was queued, and when it may be begun again.
    attempts         BIGINT NOT NULL DEFAULT 0,
    due_at           BIGINT,
    -- Who works on it, and until when nobody else may.
    lease_owner      TEXT,
    leased_until     BIGINT,
    -- Set while it runs: it ends before its commit.
    cancel_asked_at  BIGINT,
    -- How far it is, as its worker last wrote it.
    progress_json    TEXT,
    -- The answer as it was given, for whoever asks again.
    answer_json      TEXT,
    error_json       TEXT,
    -- What lists show of the two, so that a page never reads the whole ones.
    counts_json      TEXT,
    error_brief_json TEXT
);

INSERT INTO uploads_as_jobs
    (id, workspace_id, via, state, email, token_id, options_json, sha256, size_bytes, object_key, expires_at,
     created_at, started_at, finished_at, commit_id, answer_json, error_json, counts_json, error_brief_json)
SELECT id, workspace_id, via,
    -- A prune that was refused had been left open for its caller to insist; now it failed, and is kept for that.
    CASE WHEN state = 'open' AND error_brief_json LIKE '{"code":"prune_guard"%' THEN 'failed' ELSE state END,
    email, token_id, options_json, sha256, size_bytes, object_key, expires_at,
    created_at, started_at, finished_at, commit_id, answer_json, error_json, counts_json, error_brief_json
FROM uploads;

DROP TABLE uploads;
ALTER TABLE uploads_as_jobs RENAME TO uploads;
CREATE INDEX uploads_workspace ON uploads (workspace_id, created_at);
CREATE INDEX uploads_objects ON uploads (state, expires_at) WHERE object_key IS NOT NULL;
-- Those that wait or run, which are few.
CREATE INDEX uploads_jobs ON uploads (workspace_id, queued_at) WHERE state IN ('queued', 'running');
