-- Mirrors: what a workspace is pushed to, or pulled from. Portable like 0001: see there for the forms of times and ids.

CREATE TABLE mirrors (
    workspace_id       TEXT   NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    -- Counts settings, so that two of them can't overwrite each other.
    version            BIGINT NOT NULL,
    direction          TEXT   NOT NULL CHECK (direction IN ('push', 'pull')),
    -- Without credentials.
    url                TEXT   NOT NULL,
    -- The branch there.
    branch             TEXT   NOT NULL,
    username           TEXT,
    -- AES-256-GCM under a key of the server key, in Base64, like the next but one.
    sealed_password    TEXT,
    -- What the other side's webhook proves itself by; of a pull only.
    sealed_hook_secret TEXT,
    -- How often it is looked at when nothing is heard.
    interval_minutes   BIGINT NOT NULL,
    -- As whose a pull is judged.
    role               TEXT   NOT NULL CHECK (role IN ('readwrite', 'admin')),
    set_by             TEXT   NOT NULL,
    set_at             BIGINT NOT NULL,

    state              TEXT   NOT NULL CHECK (state IN ('pending', 'idle', 'failing', 'diverged')),
    -- Since when.
    since              BIGINT NOT NULL,
    -- When it is looked at next; absent while it is, and when it is wanted at once.
    due_at             BIGINT,
    -- Whether a new commit is worth an attempt before that.
    heeds_commits      BOOLEAN NOT NULL,
    -- Who looks at it, and until when nobody else does.
    lease_owner        TEXT,
    leased_until       BIGINT,
    -- Attempts in a row that failed.
    failures           BIGINT NOT NULL,
    last_attempt_at    BIGINT,
    last_success_at    BIGINT,
    -- Our head at the last attempt of a push.
    attempted_revision TEXT,
    -- The commit that both sides had last.
    revision           TEXT,
    error_code         TEXT,
    error_detail       TEXT
);

CREATE INDEX mirrors_due ON mirrors (due_at);

-- Names at the root that begin with a dot and that an admin brought: only these may leave by a mirror.
CREATE TABLE dot_names (
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    name         TEXT   NOT NULL,
    -- Who brought it first.
    admitted_by  TEXT   NOT NULL,
    admitted_at  BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);
